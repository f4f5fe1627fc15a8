"""Payments that a store's systems tell us of, and their refunds: the order's facts, the credit in it, and whoever wants to know, in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from backoffice.kernel import ports
from backoffice.kernel.crash import crash_point
from backoffice.kernel.errors import BusinessError, NotFound, StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.money import FEN, ZERO, format_yuan
from backoffice.kernel.tenancy.models import Store, User
from members.choices import EntryKind, HoldStatus
from members.models import CreditAccount, CreditEntry, CreditHold, Member, OrderLine, Payment, PaymentRefund
from members.services.credit import (
    Capture,
    IdempotencyKeyReused,
    LineShare,
    NotEnoughCredit,
    Refund,
    RefundLine,
    Spend,
    capture,
    refund_spend,
    spend,
    yuan,
)
from members.services.credit.refund import spent_for, taken_by
from members.services.credit.requests import KEY_REUSED, check_text
from members.services.locks import lock_account_of
from members.services.purchases import count_purchases

MOST_LINES = 1_000
LARGEST_LINE_NO = 2**31 - 1
CLOCKS_DIFFER_BY = timedelta(days=1)


class PaymentRefused(BusinessError):
    """What was told cannot be a payment, or a refund of this one; nothing was changed."""

    code = "payment_refused"


@dataclass(frozen=True)
class PaymentLine:
    """A line of the order: yuan paid for it, credit included. ``credit_used`` None: its share of the order's credit is worked out."""

    line_no: int
    amount: Decimal
    credit_used: Decimal | None = None


@dataclass(frozen=True)
class Paid:
    """A payment that is recorded. ``created`` is false when it was known before: then nothing was done.

    ``spend`` or ``capture`` is the movement of credit that this call made; neither when it used none, or refers to one made before.
    """

    payment: Payment
    created: bool
    spend: Spend | None = None
    capture: Capture | None = None


@dataclass(frozen=True)
class RefundOf:
    """What goes back for a line: yuan, or None for all that is left of it."""

    line_no: int
    amount: Decimal | None = None


@dataclass(frozen=True)
class Refunded:
    """A refund that is recorded. ``replayed``: the same key and request came before. ``credit`` is what the ledger gave back, if anything."""

    refund: PaymentRefund
    payment: Payment
    replayed: bool
    credit: Refund | None = None


@in_transaction
def record_payment(
    *,
    store: Store,
    member: Member,
    order_no: str,
    paid_at: datetime,
    amount: Decimal,
    credit_used: Decimal,
    lines: Sequence[PaymentLine] = (),
    hold_id: int | None = None,
    spend_key: str | None = None,
    idempotency_key: str,
    by: User | None,
    now: datetime,
) -> Paid:
    """Record that ``member`` paid an order: ``amount`` yuan in all, ``credit_used`` of it with the store's credit.

    The credit is spent now, or captured from ``hold_id``, or was spent before under ``spend_key`` (a key of the ledger). Without ``lines`` the order is one
    line, or has those that a file brought. The same order told again with the same figures changes nothing; with others ``StateConflict``
    (``order_differs``). Lines known from a file are taken over when amount, credit and buyer agree. Raises ``NotFound`` for a member or hold
    that is not this store's, ``PaymentRefused``, and what spending raises.
    """
    told = _read(store, member, order_no, paid_at, amount, credit_used, lines, hold_id, spend_key)
    account = lock_account_of(member) if told.credit_used else None
    known = Payment.objects.filter(store=store, order_no=order_no).first()
    if known is not None:
        return _as_before(known, told)  # whatever the clock says now
    if paid_at > now + CLOCKS_DIFFER_BY:
        raise PaymentRefused(_("The payment lies in the future. Check its time."), code="paid_in_the_future")
    source = _credit_source(told, account)
    file_lines = list(OrderLine.objects.filter(store=store, order_no=order_no).order_by("line_no"))
    told = _with_shares(told, source, file_lines)
    payment = Payment(
        store=store,
        order_no=order_no,
        member=member,
        person_id=member.person_id,
        paid_at=paid_at,
        amount=told.amount,
        credit_used=told.credit_used,
        hold=source.hold,
        body_hash=told.body,
    )
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") != "payment_once_an_order":
            raise
        return _as_before(Payment.objects.get(store=store, order_no=order_no), told)
    crash_point("payment.after_insert")
    spent, captured = _take_credit(told, source, account, idempotency_key=idempotency_key, by=by, now=now)
    _keep_lines(payment, told)
    crash_point("payment.before_listeners")
    count_purchases(member)
    payment.member = Member.objects.select_related("store").get(pk=member.pk)  # its row is locked now: the status that listeners read holds
    for listener in ports.payment_listeners:
        listener(payment, now)
    crash_point("payment.before_commit")
    return Paid(payment, True, spent, captured)


@dataclass(frozen=True)
class _Told:
    """A payment as it was told, checked. After ``_with_shares`` each line's credit is known."""

    store: Store
    member: Member
    order_no: str
    paid_at: datetime
    amount: Decimal
    credit_used: Decimal
    lines: tuple[PaymentLine, ...]
    hold_id: int | None
    spend_key: str | None
    body: bytes

    @property
    def shares(self) -> list[LineShare]:
        return [LineShare(line.line_no, line.credit_used) for line in self.lines if line.credit_used]


@dataclass(frozen=True)
class _Source:
    """Where the credit comes from: an open hold, movements made before (``entries``), or, with neither, a new spend."""

    hold: CreditHold | None = None
    entries: tuple[CreditEntry, ...] = ()

    @property
    def by_line(self) -> dict[int, Decimal] | None:
        """What the movements made before took for each line; None when they were not told lines."""
        lines = _by_line(self.entries)
        return None if None in lines or not lines else {line_no: total for line_no, total in lines.items() if line_no is not None}


def _read(
    store: Store,
    member: Member,
    order_no: str,
    paid_at: datetime,
    amount: Decimal,
    credit_used: Decimal,
    lines: Sequence[PaymentLine],
    hold_id: int | None,
    spend_key: str | None,
) -> _Told:
    """Everything that can be said of the request by itself."""
    if member.store_id != store.pk:
        raise NotFound(_("There is no such member in this store."))
    check_text("order_no", order_no, 64)
    amount, credit_used = yuan(amount, least=ZERO), yuan(credit_used, least=ZERO)
    exact = tuple(
        PaymentLine(line.line_no, yuan(line.amount, least=ZERO), None if line.credit_used is None else yuan(line.credit_used, least=ZERO)) for line in lines
    )
    if credit_used > amount:
        raise PaymentRefused(_("More credit was used than was paid. The paid amount includes the credit used."), code="credit_above_amount")
    if hold_id is not None and spend_key is not None:
        raise PaymentRefused(_("Name a hold or a spend, not both."), code="hold_and_spend")
    if (hold_id is not None or spend_key is not None) and not credit_used:
        raise PaymentRefused(_("A hold or a spend is named, but no credit was used. Release the hold instead."), code="no_credit_used")
    if exact:
        _check_lines(exact, amount, credit_used)
    body = _hash(
        member=member.pk,
        paid_at=paid_at.timestamp(),
        amount=amount,
        credit_used=credit_used,
        lines=[(line.line_no, line.amount, line.credit_used) for line in sorted(exact, key=lambda line: line.line_no)],
        hold=hold_id,
        spend=spend_key,
    )
    return _Told(store, member, order_no, paid_at, amount, credit_used, tuple(sorted(exact, key=lambda line: line.line_no)), hold_id, spend_key, body)


def _check_lines(lines: Sequence[PaymentLine], amount: Decimal, credit_used: Decimal) -> None:
    if len(lines) > MOST_LINES:
        raise PaymentRefused(_("An order has at most %(most)s lines.") % {"most": MOST_LINES}, code="too_many_lines")
    if not all(1 <= line.line_no <= LARGEST_LINE_NO for line in lines):
        raise PaymentRefused(_("Lines are numbered from 1."), code="line_no_invalid")
    if len({line.line_no for line in lines}) < len(lines):
        raise PaymentRefused(_("A line of the order is named twice."), code="line_twice")
    if sum(line.amount for line in lines) != amount:
        raise PaymentRefused(_("The lines do not add up to the paid amount."), code="lines_differ")
    if any(line.credit_used is not None and line.credit_used > line.amount for line in lines):
        raise PaymentRefused(_("More credit was used for a line than was paid for it."), code="credit_above_amount")
    given = sum((line.credit_used for line in lines if line.credit_used is not None), ZERO)
    room = sum((line.amount for line in lines if line.credit_used is None), ZERO)
    if not given <= credit_used <= given + room:
        raise PaymentRefused(_("The credit of the lines does not add up to the credit used."), code="lines_differ")


def _hash(**told: Any) -> bytes:
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str, ensure_ascii=False).encode()).digest()


def _as_before(payment: Payment, told: _Told) -> Paid:
    if bytes(payment.body_hash) != told.body:
        raise order_differs(_("This order was told before with other figures. Nothing was changed; look at both before you act."))
    return Paid(payment, created=False)


def order_differs(sentence: Any) -> StateConflict:
    """The refusal of figures that contradict what is known of an order."""
    return StateConflict(sentence, code="order_differs")


# --- the credit


def _credit_source(told: _Told, account: CreditAccount | None) -> _Source:
    """Read under the account's lock. Raises ``NotFound`` for a hold or spend that is not this member's."""
    if not told.credit_used:
        return _Source()
    if account is None:
        raise NotEnoughCredit(asked=told.credit_used, available=ZERO)
    if spent_for(told.store.pk, told.order_no).exclude(account=account).exists():
        raise order_differs(_("Somebody else's credit was spent for an order of this number. Nothing was changed; check the number."))
    if told.spend_key is not None:
        entries = tuple(CreditEntry.objects.filter(store=told.store, account=account, idempotency_key=told.spend_key, kind=EntryKind.SPEND).order_by("seq"))
        if not entries:
            raise NotFound(_("There is no such spend of this member."))
        _check_taken(told, entries)
        return _Source(entries=entries)
    if told.hold_id is not None:
        hold = CreditHold.objects.filter(pk=told.hold_id, account=account).first()
        if hold is None:
            raise NotFound(_("There is no such hold of this member."))
        if hold.order_no != told.order_no:
            raise PaymentRefused(_("The hold is for another order."), code="other_order")
        if hold.status != HoldStatus.CAPTURED:
            return _Source(hold=hold)
        entries = tuple(CreditEntry.objects.filter(hold=hold, kind=EntryKind.CAPTURE).order_by("seq"))
        _check_taken(told, entries)
        return _Source(hold=hold, entries=entries)
    return _Source()


def _check_taken(told: _Told, entries: Sequence[CreditEntry]) -> None:
    if {entry.order_no for entry in entries} != {told.order_no}:
        raise PaymentRefused(_("The spend is for another order."), code="other_order")
    if sum(_took(entry) for entry in entries) != told.credit_used:
        raise PaymentRefused(_("The spend is of another amount than the credit used."), code="spend_differs")
    if CreditEntry.objects.filter(refund_of__in=entries).exists():
        raise PaymentRefused(_("Credit of this spend was given back: it pays for nothing any more."), code="spend_refunded")


def _took(entry: CreditEntry) -> Decimal:
    principal, bonus = taken_by(entry)
    return principal + bonus


def _by_line(entries: Iterable[CreditEntry]) -> dict[int | None, Decimal]:
    lines: dict[int | None, Decimal] = {}
    for entry in entries:
        lines[entry.line_no] = lines.get(entry.line_no, ZERO) + _took(entry)
    return lines


def _take_credit(
    told: _Told, source: _Source, account: CreditAccount | None, *, idempotency_key: str, by: User | None, now: datetime
) -> tuple[Spend | None, Capture | None]:
    if not told.credit_used or source.entries:
        return None, None
    if source.hold is not None:
        return None, capture(hold=source.hold, amount=told.credit_used, lines=told.shares, idempotency_key=idempotency_key, by=by, now=now)
    spent = spend(account=account, amount=told.credit_used, order_no=told.order_no, lines=told.shares, idempotency_key=idempotency_key, by=by, now=now)
    return spent, None


# --- the lines


def _with_shares(told: _Told, source: _Source, file_lines: Sequence[OrderLine]) -> _Told:
    """``told`` with its lines and the credit of each: as told, as spent before, as the file had it, else by largest remainder over the amounts."""
    lines = told.lines
    if not lines and file_lines:
        lines = tuple(PaymentLine(line.line_no, line.amount, None) for line in file_lines)
        if sum(line.amount for line in lines) != told.amount:
            raise order_differs(FILE_DIFFERS)
    if not lines:
        lines = (PaymentLine(1, told.amount, told.credit_used),)
    spent = source.by_line
    if spent is not None:
        if any(line.credit_used not in (None, spent.get(line.line_no, ZERO)) for line in lines) or not spent.keys() <= {line.line_no for line in lines}:
            raise PaymentRefused(_("The lines are not those for which the credit was spent."), code="lines_differ")
        lines = tuple(replace(line, credit_used=spent.get(line.line_no, ZERO)) for line in lines)
        if any((line.credit_used or ZERO) > line.amount for line in lines):
            raise PaymentRefused(_("More credit was used for a line than was paid for it."), code="credit_above_amount")
    elif file_lines:
        had = {line.line_no: line.credit_used for line in file_lines}
        lines = tuple(replace(line, credit_used=had.get(line.line_no)) if line.credit_used is None else line for line in lines)
    return replace(told, lines=_share_out(lines, told.credit_used))


def _share_out(lines: Sequence[PaymentLine], credit_used: Decimal) -> tuple[PaymentLine, ...]:
    """The credit that no line was told, shared by largest remainder over the amounts of the lines without one; equal remainders by line number."""
    open_lines = [line for line in lines if line.credit_used is None]
    rest = credit_used - sum((line.credit_used for line in lines if line.credit_used is not None), ZERO)
    total = sum((line.amount for line in open_lines), ZERO)
    if not 0 <= rest <= total:
        raise order_differs(FILE_DIFFERS)
    shares = share_by_amount(rest, {line.line_no: line.amount for line in open_lines})
    return tuple(replace(line, credit_used=shares[line.line_no]) if line.credit_used is None else line for line in lines)


def share_by_amount(credit: Decimal, amounts: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """``credit`` yuan over lines in proportion to their amounts, exact to the fen by largest remainder. Never more than a line's amount."""
    total = sum(amounts.values(), ZERO)
    if not total:
        return dict.fromkeys(amounts, ZERO)
    fen, all_fen = int(credit / FEN), int(total / FEN)
    exact = {line_no: divmod(fen * int(amount / FEN), all_fen) for line_no, amount in amounts.items()}
    shares = {line_no: whole for line_no, (whole, _rest) in exact.items()}
    for line_no in sorted(exact, key=lambda each: (-exact[each][1], each))[: fen - sum(shares.values())]:
        shares[line_no] += 1
    return {line_no: share * FEN for line_no, share in shares.items()}


FILE_DIFFERS = _("A file brought this order with other lines, amounts, credit or another buyer. Nothing was changed; look at both before you act.")


def _keep_lines(payment: Payment, told: _Told) -> None:
    """Write the lines that are not known yet; those that are known must agree. Raises ``order_differs``."""
    wanted = [
        OrderLine(
            store=told.store,
            order_no=told.order_no,
            line_no=line.line_no,
            member=told.member,
            person_id=told.member.person_id,
            paid_at=told.paid_at,
            amount=line.amount,
            credit_used=line.credit_used or ZERO,
        )
        for line in told.lines
    ]
    OrderLine.objects.bulk_create(wanted, ignore_conflicts=True)
    stored = {line.line_no: line for line in OrderLine.objects.filter(store=told.store, order_no=told.order_no)}
    if stored.keys() != {line.line_no for line in wanted}:
        raise order_differs(FILE_DIFFERS)
    for line in wanted:
        found = stored[line.line_no]
        if (found.amount, found.credit_used, found.person_id) != (line.amount, line.credit_used, line.person_id):
            raise order_differs(FILE_DIFFERS)
    # A file may have brought the order while its buyer was no member yet.
    if any(line.member_id is None for line in stored.values()):
        OrderLine.objects.filter(store=told.store, order_no=told.order_no, member=None).update(member=payment.member)


# --- refunds


@in_transaction
def refund_payment(
    *,
    store: Store,
    order_no: str,
    lines: Sequence[RefundOf] | None = None,
    refunded_at: datetime,
    idempotency_key: str,
    by: User | None,
    now: datetime,
) -> Refunded:
    """Record a refund of some lines of a payment, or (``lines`` None) of all that is left, and give back the credit in it to the lots it came from.

    Of a line's credit as much went back in all as of its amount, rounded down to the fen, and everything once it is refunded in full; never
    more than was spent. What a file said of the same refund is the same money: the line shows the larger of both. Asked for what is left
    when nothing is, it records 0.00. Raises ``NotFound``, ``PaymentRefused``, ``IdempotencyKeyReused``.
    """
    check_text("idempotency_key", idempotency_key, 128)
    found = Payment.objects.select_related("member").filter(store=store, order_no=order_no).first()
    if found is None:
        raise NotFound(_("There is no such payment in this store."))
    account = lock_account_of(found.member) if found.credit_used else None
    payment = Payment.objects.select_for_update().get(pk=found.pk)
    payment.member = found.member
    if refunded_at < min(payment.paid_at, now):  # a shop's clock may be ahead of ours
        raise PaymentRefused(_("The refund lies before the payment. Check both times."), code="refund_before_payment")
    asked = None if lines is None else [(line.line_no, None if line.amount is None else yuan(line.amount, least=FEN)) for line in lines]
    body = _hash(order_no=order_no, lines=asked and sorted(asked, key=str), refunded_at=refunded_at.timestamp())
    before = PaymentRefund.objects.filter(store=store, idempotency_key=idempotency_key).first()
    if before is not None:
        if bytes(before.body_hash) != body or before.payment_id != payment.pk:
            raise IdempotencyKeyReused(KEY_REUSED)
        return Refunded(before, payment, replayed=True)  # whatever the clock says now
    if refunded_at > now + CLOCKS_DIFFER_BY:
        raise PaymentRefused(_("The refund lies in the future. Check its time."), code="refunded_in_the_future")
    order = {line.line_no: line for line in OrderLine.objects.select_for_update().filter(store=store, order_no=order_no).order_by("line_no")}
    earlier = _refunded_before(payment)
    refunds = _refunds_of(order, earlier, asked)
    back = _credit_to_give_back(payment, account, order, earlier, refunds)
    given = None
    if account is not None and any(back.of_lines.values()):
        given = refund_spend(store_id=store.pk, order_no=order_no, lines=back.as_asked, idempotency_key=idempotency_key, by=by, now=now, account_id=account.pk)
    refund = PaymentRefund(store=store, payment=payment, idempotency_key=idempotency_key, body_hash=body, refunded_at=refunded_at)
    refund.amount = sum(refunds.values(), ZERO)
    refund.credit = given.amount if given else ZERO
    refund.lines = [{"line_no": line_no, "amount": str(amount), "credit": str(back.of_lines[line_no])} for line_no, amount in refunds.items() if amount]
    refund.save(force_insert=True)
    crash_point("refund.after_insert")
    Payment.objects.filter(pk=payment.pk).update(refunded_amount=F("refunded_amount") + refund.amount, credit_refunded=F("credit_refunded") + refund.credit)
    payment.refresh_from_db(fields=["refunded_amount", "credit_refunded"])
    _show_on_lines(order, earlier, refunds, refunded_at)
    count_purchases(payment.member)
    return Refunded(refund, payment, replayed=False, credit=given)


@dataclass(frozen=True)
class _Before:
    """What earlier refunds of this payment told of a line: yuan, and the credit in it."""

    amount: Decimal = ZERO
    credit: Decimal = ZERO


@dataclass(frozen=True)
class _Credits:
    """Credit to give back for each line. The ledger is asked by line, or for the whole order when the spend was not told its lines."""

    of_lines: dict[int, Decimal]
    by_line: bool

    @property
    def as_asked(self) -> list[RefundLine]:
        if not self.by_line:
            return [RefundLine(None, sum(self.of_lines.values(), ZERO))]
        return [RefundLine(line_no, credit) for line_no, credit in self.of_lines.items() if credit]


def _refunded_before(payment: Payment) -> dict[int, _Before]:
    before: dict[int, _Before] = {}
    for lines in PaymentRefund.objects.filter(payment=payment).values_list("lines", flat=True):
        for line in lines:
            so_far = before.get(line["line_no"], _Before())
            before[line["line_no"]] = _Before(so_far.amount + Decimal(line["amount"]), so_far.credit + Decimal(line["credit"]))
    return before


def _refunds_of(order: Mapping[int, OrderLine], earlier: Mapping[int, _Before], asked: Sequence[tuple[int, Decimal | None]] | None) -> dict[int, Decimal]:
    """Yuan to refund by line. A line counts what refunds of this payment took of it, whatever a file said besides."""
    if asked is None:
        asked = [(line_no, None) for line_no in order]
    if not asked:
        raise PaymentRefused(_("Name at least one line, or leave the lines out to refund everything."), code="lines_missing")
    if len({line_no for line_no, _amount in asked}) < len(asked):
        raise PaymentRefused(_("A line of the order is named twice."), code="line_twice")
    refunds = {}
    for line_no, amount in sorted(asked, key=lambda each: each[0]):
        line = order.get(line_no)
        if line is None:
            raise PaymentRefused(_("The order has no line %(line)s.") % {"line": line_no}, code="line_unknown")
        left = line.amount - earlier.get(line_no, _Before()).amount
        if amount is not None and amount > left:
            raise PaymentRefused(
                _("Only %(left)s yuan of line %(line)s can be refunded.") % {"left": format_yuan(left), "line": line_no}, code="refund_above_amount", left=left
            )
        refunds[line_no] = left if amount is None else amount
    return refunds


def _credit_to_give_back(
    payment: Payment, account: CreditAccount | None, order: Mapping[int, OrderLine], earlier: Mapping[int, _Before], refunds: Mapping[int, Decimal]
) -> _Credits:
    """Of each line in ``refunds`` the credit that its refunds amount to now, less what went back before, as the ledger of ``account`` says, the payer's."""
    if account is None:
        return _Credits(dict.fromkeys(refunds, ZERO), by_line=True)
    spent = spent_for(payment.store_id, payment.order_no).filter(account=account)
    taken, back = _by_line(spent), _given_back(spent)
    by_line = all(taken.get(line_no, ZERO) >= line.credit_used for line_no, line in order.items())
    of_lines = {}
    for line_no, amount in refunds.items():
        line, so_far = order[line_no], earlier.get(line_no, _Before())
        due = _share_of(line.credit_used, so_far.amount + amount, line.amount)
        of_lines[line_no] = max(ZERO, due - (back.get(line_no, ZERO) if by_line else so_far.credit))
    if not by_line:
        left = taken.get(None, ZERO) - back.get(None, ZERO)
        for line_no, credit in of_lines.items():
            of_lines[line_no] = min(credit, left)
            left -= of_lines[line_no]
    return _Credits(of_lines, by_line)


def _given_back(spent: QuerySet[CreditEntry]) -> dict[int | None, Decimal]:
    rows = CreditEntry.objects.filter(refund_of__in=spent).values_list("refund_of__line_no").annotate(total=Sum(F("principal_amount") + F("bonus_amount")))
    return dict(rows.order_by())


def _share_of(credit: Decimal, refunded: Decimal, amount: Decimal) -> Decimal:
    """Credit that goes back when ``refunded`` of ``amount`` did: down to the fen, all of it at the end."""
    if refunded >= amount:
        return credit
    return int(credit / FEN) * int(refunded / FEN) // int(amount / FEN) * FEN


def _show_on_lines(order: Mapping[int, OrderLine], earlier: Mapping[int, _Before], refunds: Mapping[int, Decimal], refunded_at: datetime) -> None:
    for line_no, amount in refunds.items():
        if amount:
            line = order[line_no]
            line.refunded_amount = max(line.refunded_amount, earlier.get(line_no, _Before()).amount + amount)
            line.refunded_at = max(refunded_at, line.refunded_at or refunded_at)
    OrderLine.objects.bulk_update([order[line_no] for line_no in refunds], ["refunded_amount", "refunded_at"])
