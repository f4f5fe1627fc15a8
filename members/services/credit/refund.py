"""Refunds of what an order took: to the same lots, once, never more (ADR 0035)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.money import ZERO
from backoffice.kernel.tenancy.models import User
from members.choices import DeductionOrder, EntryKind
from members.models import CreditEntry, CreditLot
from members.services.credit.apportion import Share, by_cumulative_floor
from members.services.credit.book import Move, first_entry
from members.services.credit.give_back import book_returns
from members.services.credit.parts import SpendPart, bonus_of, principal_of
from members.services.credit.requests import (
    KEY_REUSED,
    IdempotencyKeyReused,
    MoreThanSpent,
    RefundLine,
    body_hash,
    check_line_numbers,
    check_text,
    conflicts_told,
    yuan,
)
from members.services.locks import lock_account


@dataclass(frozen=True)
class RefundPart(SpendPart):
    """What went back of one SPEND or CAPTURE entry. ``lot_id`` is where it went: the lot it came from, or a new one by the store's policy."""

    refund_of_id: int


@dataclass(frozen=True)
class Refund:
    """What was given back, in positive yuan. Without parts there was nothing left to give back."""

    parts: tuple[RefundPart, ...]
    replayed: bool

    @property
    def amount(self) -> Decimal:
        return self.principal + self.bonus

    @property
    def principal(self) -> Decimal:
        return principal_of(self.parts)

    @property
    def bonus(self) -> Decimal:
        return bonus_of(self.parts)


@in_transaction
def refund_spend(
    *,
    store_id: int,
    order_no: str,
    lines: Sequence[RefundLine] | None,
    idempotency_key: str,
    by: User | None,
    now: datetime,
    account_id: int | None = None,
) -> Refund:
    """Give back credit that an order spent or captured, to the lots that it came from; ``lines`` ``None``: everything that is left.

    ``RefundLine(line_no, None)`` gives back all that is left of the line, ``RefundLine(line_no, credit)`` that much of it: spread over the line's
    entries, and in each over principal and bonus, in proportion to what is left of them, rounded so that several refunds end exactly at what was
    spent. A line that used no credit has nothing left. What a lot that lapsed meanwhile gets back follows the store's policy (``book_returns``).
    Asking again under another key finds nothing left and changes nothing; the same key and request return the first result with ``replayed``
    (a refund that moved nothing keeps no key). With ``account_id`` only what that account spent goes back: another member's credit for an order of
    the same number stays as it is. Raises ``NotFound`` when the store has no such spend, ``MoreThanSpent``, ``IdempotencyKeyReused``,
    ``AmountRefused``, ``CreditRefused``; then nothing changed.
    """
    check_text("idempotency_key", idempotency_key, 128)
    check_text("order_no", order_no, 64)
    asked = None if lines is None else _checked(lines)
    body = body_hash(EntryKind.REFUND, None, order_no=order_no, lines=asked)
    with conflicts_told():
        spent = spent_for(store_id, order_no)
        if account_id is not None:
            spent = spent.filter(account_id=account_id)
        account_ids = sorted(set(spent.values_list("account_id", flat=True)))
        if not account_ids:
            raise NotFound(_("No credit was spent for this order."))
        accounts = [account for account in map(lock_account, account_ids) if account is not None]
        first = first_entry(store_id, idempotency_key)
        if first is not None:
            if bytes(first.body_hash) != body or first.account_id not in account_ids:
                raise IdempotencyKeyReused(KEY_REUSED)
            booked = CreditEntry.objects.filter(store_id=store_id, idempotency_key=idempotency_key).order_by("seq")
            return Refund(_parts(booked), replayed=True)
        moves = _moves(_left_of(spent_for(store_id, order_no).filter(account_id__in=account_ids).order_by("pk")), asked)
        entries: list[CreditEntry] = []
        for account in accounts:
            own = [move for move in moves if move.lot.account_id == account.pk]
            if own:
                entries += book_returns(account, own, idempotency_key=idempotency_key, body=body, by=by, now=now, first_seq=len(entries) + 1)
        return Refund(_parts(entries), replayed=False)


def spent_for(store_id: int, order_no: str) -> QuerySet[CreditEntry]:
    """Entries by which credit was used up for an order of a store."""
    return CreditEntry.objects.filter(store_id=store_id, order_no=order_no, kind__in=[EntryKind.SPEND, EntryKind.CAPTURE])


def _checked(lines: Sequence[RefundLine]) -> list[tuple[int | None, Decimal | None]]:
    check_line_numbers([line.line_no for line in lines])
    exact = [(line.line_no, None if line.credit is None else yuan(line.credit, least=ZERO)) for line in lines]
    return sorted(exact, key=lambda line: -1 if line[0] is None else line[0])


def _left_of(spent: QuerySet[CreditEntry]) -> list[Share[CreditEntry]]:
    """What each entry took and has not had back. Read under the accounts' locks."""
    entries = list(spent)
    sums = CreditEntry.objects.filter(refund_of__in=entries).values("refund_of").annotate(principal=Sum("principal_amount"), bonus=Sum("bonus_amount"))
    back = {row["refund_of"]: (row["principal"], row["bonus"]) for row in sums}
    shares = []
    for entry in entries:
        principal, bonus = taken_by(entry)
        principal_back, bonus_back = back.get(entry.pk, (ZERO, ZERO))
        shares.append(Share(entry, principal - principal_back, bonus - bonus_back))
    return shares


def taken_by(entry: CreditEntry) -> tuple[Decimal, Decimal]:
    """Principal and bonus that a SPEND or CAPTURE entry used up, in positive yuan."""
    if entry.kind == EntryKind.CAPTURE:
        return entry.captured_principal or ZERO, entry.captured_bonus or ZERO
    return -entry.principal_amount, -entry.bonus_amount


def _moves(left: Sequence[Share[CreditEntry]], asked: Sequence[tuple[int | None, Decimal | None]] | None) -> list[Move]:
    if asked is None:
        shares = list(left)
    else:
        shares = [part for line_no, credit in asked for part in _of_line([share for share in left if share.of.line_no == line_no], line_no, credit)]
    shares = [share for share in shares if share.amount]
    lots = CreditLot.objects.in_bulk({share.of.lot_id for share in shares})
    return [
        Move(
            lots[share.of.lot_id],
            EntryKind.REFUND,
            principal=share.principal,
            bonus=share.bonus,
            refund_of=share.of,
            order_no=share.of.order_no,
            line_no=share.of.line_no,
        )
        for share in shares
    ]


def _of_line(left: Sequence[Share[CreditEntry]], line_no: int | None, credit: Decimal | None) -> list[Share[CreditEntry]]:
    """What ``credit`` yuan of a line come to, entry by entry."""
    all_left = sum((share.amount for share in left), ZERO)
    if credit is None or credit == all_left:
        return list(left)
    if credit > all_left:
        raise MoreThanSpent(line_no=line_no, asked=credit, left=all_left)
    parts = by_cumulative_floor(credit, [share.amount for share in left])
    return [share.first(part, DeductionOrder.PERCENT) for share, part in zip(left, parts, strict=True) if part]


def _parts(entries: Sequence[CreditEntry] | QuerySet[CreditEntry]) -> tuple[RefundPart, ...]:
    return tuple(
        RefundPart(entry.pk, entry.lot_id, entry.line_no, entry.principal_amount, entry.bonus_amount, entry.balance_after, refund_of_id=entry.refund_of_id)
        for entry in entries
        if entry.kind == EntryKind.REFUND and entry.refund_of_id is not None
    )
