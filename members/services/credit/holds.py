"""Credit set aside for an order: held, then captured or released, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_one_statement, in_transaction
from backoffice.kernel.money import FEN, ZERO
from backoffice.kernel.tenancy.models import User
from members.choices import EntryKind, HoldStatus
from members.models import CreditAccount, CreditEntry, CreditHold, CreditLot, Member
from members.services.credit.apportion import Share, in_pieces
from members.services.credit.book import Move, first_entry
from members.services.credit.give_back import book_returns
from members.services.credit.parts import SpendPart, bonus_of, principal_of
from members.services.credit.requests import (
    KEY_REUSED,
    HoldSettled,
    IdempotencyKeyReused,
    LineShare,
    MoreThanHeld,
    body_hash,
    check_text,
    checked_lines,
    conflicts_told,
    yuan,
)
from members.services.credit.spend import take
from members.services.locks import lock_account


@dataclass(frozen=True)
class Hold:
    """Credit that was set aside; parts as of a spend. Yuan."""

    hold_id: int
    account_id: int
    amount: Decimal
    parts: tuple[SpendPart, ...]
    replayed: bool

    @property
    def principal(self) -> Decimal:
        return principal_of(self.parts)

    @property
    def bonus(self) -> Decimal:
        return bonus_of(self.parts)

    @property
    def balance_after(self) -> Decimal:
        return self.parts[-1].balance_after


@dataclass(frozen=True)
class Capture:
    """A hold that became a spend of ``captured`` yuan (``parts``); ``released`` went back."""

    hold_id: int
    account_id: int
    captured: Decimal
    released: Decimal
    parts: tuple[SpendPart, ...]
    released_parts: tuple[SpendPart, ...]
    replayed: bool

    @property
    def principal(self) -> Decimal:
        return principal_of(self.parts)

    @property
    def bonus(self) -> Decimal:
        return bonus_of(self.parts)

    @property
    def balance_after(self) -> Decimal:
        return (self.parts + self.released_parts)[-1].balance_after


@dataclass(frozen=True)
class Release:
    """A hold that was given up: ``released`` yuan went back to where ``parts`` say."""

    hold_id: int
    account_id: int
    released: Decimal
    parts: tuple[SpendPart, ...]
    replayed: bool

    @property
    def balance_after(self) -> Decimal:
        return self.parts[-1].balance_after


@in_one_statement
def hold(
    *,
    account: CreditAccount | int | None = None,
    member: Member | None = None,
    amount: Decimal,
    order_no: str,
    lines: Sequence[LineShare] = (),
    idempotency_key: str,
    by: User | None,
    now: datetime,
    deduction_order: str | None = None,
) -> Hold:
    """Set ``amount`` yuan aside for an order: taken from the lots as a spend would, so it can neither be spent twice nor lapse.

    Arguments and refusals are those of ``spend``. ``capture`` or ``release`` settles it.
    """
    taken = take("HOLD", account, member, amount, order_no, lines, idempotency_key, by, now, deduction_order)
    assert taken.hold_id is not None  # noqa: S101 - the function makes the row with the entries
    return Hold(taken.hold_id, taken.account_id, taken.amount, taken.parts, taken.replayed)


@in_transaction
def capture(
    *,
    hold: CreditHold | int,
    amount: Decimal | None = None,
    lines: Sequence[LineShare] = (),
    idempotency_key: str,
    by: User | None,
    now: datetime,
) -> Capture:
    """Make ``amount`` yuan of a hold final (``None``: all of it) and give back the rest.

    What is kept is what a spend of that amount would have taken instead of the hold: the first lots in its order, and of the last of them by its
    deduction order. ``lines`` may differ from the hold's and sum to the amount; without them the hold's own first lines are kept.
    What goes back to a lot that lapsed meanwhile follows the store's policy (``book_returns``).
    The same key and request return the first result with ``replayed``. Raises ``NotFound``, ``HoldSettled`` when it was settled under another key,
    ``MoreThanHeld``, ``AmountRefused``, ``CreditRefused`` (``lines_differ``, ``lines_invalid``), ``IdempotencyKeyReused``; then nothing changed.
    """
    check_text("idempotency_key", idempotency_key, 128)
    with conflicts_told():
        account, held = _locked(hold)
        amount = held.amount if amount is None else yuan(amount, least=FEN)
        exact = checked_lines(lines, amount)
        asked = [(line.line_no, line.amount) for line in exact]
        body = body_hash(EntryKind.CAPTURE, account.pk, hold=held.pk, amount=amount, lines=asked)
        if earlier := _earlier(account, idempotency_key, body):
            return _captured(held, earlier, replayed=True)
        _check_open(held)
        if amount > held.amount:
            raise MoreThanHeld(asked=amount, held=held.amount)
        shares = _shares_of(held)
        kept = _first_of(shares, amount, held.deduction_order)
        captures = [
            Move(
                piece.of,
                EntryKind.CAPTURE,
                captured_principal=piece.principal,
                captured_bonus=piece.bonus,
                order_no=held.order_no,
                line_no=piece.line_no,
            )
            for piece in in_pieces(kept, exact or _first_lines(held, amount))
        ]
        of_lot = {share.of.pk: share for share in kept}
        rest = [_less(share, of_lot.get(share.of.pk)) for share in shares]
        entries = book_returns(
            account,
            [*captures, *_releases(held, rest)],
            idempotency_key=idempotency_key,
            body=body,
            by=by,
            now=now,
            hold=held,
            held_change=-held.amount,
        )
        _settle(held, HoldStatus.CAPTURED, now, captured_amount=amount)
        return _captured(held, entries, replayed=False)


@in_transaction
def release(*, hold: CreditHold | int, idempotency_key: str, by: User | None, now: datetime) -> Release:
    """Give up a hold: everything goes back to the lots it came from, or where the store's policy says when one lapsed meanwhile.

    The same key returns the first result with ``replayed``. Raises ``NotFound``, ``HoldSettled`` when it was settled under another key,
    ``IdempotencyKeyReused``; then nothing changed.
    """
    check_text("idempotency_key", idempotency_key, 128)
    with conflicts_told():
        account, held = _locked(hold)
        body = body_hash(EntryKind.RELEASE, account.pk, hold=held.pk)
        if earlier := _earlier(account, idempotency_key, body):
            return _released(held, earlier, replayed=True)
        _check_open(held)
        entries = book_returns(
            account,
            _releases(held, _shares_of(held)),
            idempotency_key=idempotency_key,
            body=body,
            by=by,
            now=now,
            hold=held,
            held_change=-held.amount,
        )
        _settle(held, HoldStatus.RELEASED, now)
        return _released(held, entries, replayed=False)


def _locked(hold: CreditHold | int) -> tuple[CreditAccount, CreditHold]:
    """The hold as it is now, and its account, locked: whoever settles a hold holds that lock."""
    pk = hold if isinstance(hold, int) else hold.pk
    account_id = CreditHold.objects.filter(pk=pk).values_list("account_id", flat=True).first()
    account = lock_account(account_id) if account_id is not None else None
    if account is None:
        raise NotFound(_("There is no such hold."))
    return account, CreditHold.objects.get(pk=pk)


def _earlier(account: CreditAccount, idempotency_key: str, body: bytes) -> list[CreditEntry]:
    """What was booked under the key before, for the same request; nothing when the key is new."""
    first = first_entry(account.store_id, idempotency_key)
    if first is None:
        return []
    if first.account_id != account.pk or bytes(first.body_hash) != body:
        raise IdempotencyKeyReused(KEY_REUSED)
    return list(CreditEntry.objects.filter(store_id=account.store_id, idempotency_key=idempotency_key).order_by("seq"))


def _check_open(held: CreditHold) -> None:
    if held.status != HoldStatus.HELD:
        raise HoldSettled(_("This hold was captured or released before."), status=held.status)


def _settle(held: CreditHold, status: HoldStatus, now: datetime, captured_amount: Decimal = ZERO) -> None:
    changed = CreditHold.objects.filter(pk=held.pk, status=HoldStatus.HELD).update(status=status, captured_amount=captured_amount, settled_at=now)
    if not changed:
        raise HoldSettled(_("This hold was captured or released before."))


def _entries_of(held: CreditHold) -> list[CreditEntry]:
    return list(CreditEntry.objects.filter(hold=held, kind=EntryKind.HOLD).order_by("seq"))


def _shares_of(held: CreditHold) -> list[Share[CreditLot]]:
    """What the hold took from each lot, in its order. The lots are read under the account's lock, one object each."""
    entries = _entries_of(held)
    lots = CreditLot.objects.in_bulk({entry.lot_id for entry in entries})
    taken: dict[int, Share[CreditLot]] = {}
    for entry in entries:
        before = taken.get(entry.lot_id, Share(lots[entry.lot_id], ZERO, ZERO))
        taken[entry.lot_id] = Share(before.of, before.principal - entry.principal_amount, before.bonus - entry.bonus_amount)
    return list(taken.values())


def _first_of(shares: Sequence[Share[CreditLot]], amount: Decimal, deduction_order: str) -> list[Share[CreditLot]]:
    """The shares that ``amount`` uses up, in order; the last one in part."""
    kept = []
    for share in shares:
        part = min(amount, share.amount)
        if part:
            kept.append(share.first(part, deduction_order))
        amount -= part
    return kept


def _first_lines(held: CreditHold, amount: Decimal) -> list[LineShare]:
    """The hold's own lines, as far as ``amount`` reaches; none when it was taken without lines."""
    lines: dict[int, Decimal] = {}
    for entry in _entries_of(held):
        if entry.line_no is not None:
            part = min(amount, -(entry.principal_amount + entry.bonus_amount))
            lines[entry.line_no] = lines.get(entry.line_no, ZERO) + part
            amount -= part
    return [LineShare(line_no, part) for line_no, part in lines.items() if part]


def _less(share: Share[CreditLot], kept: Share[CreditLot] | None) -> Share[CreditLot]:
    return share if kept is None else Share(share.of, share.principal - kept.principal, share.bonus - kept.bonus)


def _releases(held: CreditHold, shares: Sequence[Share[CreditLot]]) -> list[Move]:
    return [Move(share.of, EntryKind.RELEASE, principal=share.principal, bonus=share.bonus, order_no=held.order_no) for share in shares if share.amount]


def _captured(held: CreditHold, entries: Sequence[CreditEntry], *, replayed: bool) -> Capture:
    parts = tuple(
        SpendPart(entry.pk, entry.lot_id, entry.line_no, entry.captured_principal or ZERO, entry.captured_bonus or ZERO, entry.balance_after)
        for entry in entries
        if entry.kind == EntryKind.CAPTURE
    )
    back = _returned(entries)
    captured = sum((part.amount for part in parts), ZERO)
    return Capture(held.pk, held.account_id, captured, sum((part.amount for part in back), ZERO), parts, back, replayed)


def _released(held: CreditHold, entries: Sequence[CreditEntry], *, replayed: bool) -> Release:
    parts = _returned(entries)
    return Release(held.pk, held.account_id, sum((part.amount for part in parts), ZERO), parts, replayed)


def _returned(entries: Sequence[CreditEntry]) -> tuple[SpendPart, ...]:
    return tuple(
        SpendPart(entry.pk, entry.lot_id, entry.line_no, entry.principal_amount, entry.bonus_amount, entry.balance_after)
        for entry in entries
        if entry.kind == EntryKind.RELEASE
    )
