"""Buying and renewing paid membership. Every purchase is one row; a renewal is a purchase whose term follows (ADR 0073).

Locks: merchant (shared), member, program, paid memberships. The member's lock puts all purchases of one member in a line, the program's those of the last
place in its stock, and an approval of its next pack.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.clock import local_day, to_local
from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.money import FEN, ZERO
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.selectors.bars import require_no_bar
from members.choices import MemberStatus
from members.models import Member
from members.paid.choices import MembershipStatus, ProgramStatus
from members.paid.models import PaidMembership, PaidProgram
from members.paid.selectors.numbers import get_numbers
from members.paid.selectors.refunds import replaced_quote
from members.paid.selectors.standing import Quote, Standing, find_standing, quote
from members.paid.services.cancel import drop_order, end_term
from members.paid.services.issue import issue_for
from members.paid.services.locks import lock_member_by_id, lock_membership, lock_program
from members.paid.services.rights import PaidRefused, require_in_store

__all__ = ["Quote", "buy", "confirm_payment", "lapse_unpaid", "quote", "renew"]

LARGEST_PRICE = Decimal(1_000_000)
CLOCKS_DIFFER_BY = timedelta(days=1)


@in_transaction
def buy(
    *,
    store: Store,
    member: Member | None,
    program: PaidProgram,
    order_no: str,
    source: str,
    by: User | None,
    now: datetime,
    paid_at: datetime | None = None,
    price: Decimal | None = None,
) -> PaidMembership:
    """Order the program for a member: opened at once with ``paid_at``, else waiting for its payment with a place of the stock kept.

    ``price`` None: the card fee of the pack in force. A higher plan than the one held takes its place when it opens. The same order again changes nothing
    (but opens it, if now it is paid). Raises ``PaidRefused``: ``join_first``, ``program_not_live``, ``held_already``, ``lower_plan``, ``sold_out``,
    ``payment_waiting``, ``order_differs``, ``order_lapsed``, ``price_invalid``, ``paid_in_future``; ``MerchantBarred``, ``NotFound``, ``NotAllowed``.
    """
    return _order(False, store, member, program, order_no, source, by, now, paid_at, price)


@in_transaction
def renew(
    *,
    store: Store,
    member: Member | None,
    program: PaidProgram,
    order_no: str,
    source: str,
    by: User | None,
    now: datetime,
    paid_at: datetime | None = None,
    price: Decimal | None = None,
) -> PaidMembership:
    """Renew the program that the member holds, or last held: the term begins where the last one ends, or today when that was before.

    As ``buy``; also ``nothing_to_renew`` and ``other_plan``. Today's fee, pack and term count, not those of the first purchase.
    """
    return _order(True, store, member, program, order_no, source, by, now, paid_at, price)


def _order(
    renewal: bool,
    store: Store,
    member: Member | None,
    program: PaidProgram,
    order_no: str,
    source: str,
    by: User | None,
    now: datetime,
    paid_at: datetime | None,
    price: Decimal | None,
) -> PaidMembership:
    require_in_store(by, "paid.sell_membership", store.pk)
    order_no = order_no.strip()
    if not order_no or len(order_no) > 64:
        raise PaidRefused(_("Enter the number of the order, of at most 64 characters."), code="order_no_invalid", field="order_no")
    _check_paid_at(paid_at, now)
    known = _known_order(store, member, program, order_no, price)
    if known is not None:
        return known if paid_at is None or known.status == MembershipStatus.ACTIVE else _confirm(known, paid_at=paid_at, by=by, now=now)
    require_no_bar(store.pk)
    buyer = _lock_buyer(store, member)
    sold = lock_program(program.pk)
    if sold is None or sold.store_id != store.pk:
        raise NotFound(_("There is no such row."))
    known = _known_order(store, member, program, order_no, price)  # made meanwhile, by a twin of this call
    if known is not None:
        return known if paid_at is None or known.status == MembershipStatus.ACTIVE else _confirm(known, paid_at=paid_at, by=by, now=now)
    _drop_or_refuse_waiting(buyer, now)
    standing = find_standing(member_id=buyer.pk, program=sold, day=local_day(paid_at or now), renewal=renewal)
    _refuse(standing)
    if sold.pack is None:
        raise NotFound(_("There is no such row."))
    row = PaidMembership(
        store=store,
        member=buyer,
        program=sold,
        pack=sold.pack,
        order_no=order_no,
        source=source,
        price=_checked_price(sold.pack.card_fee if price is None else price),
        is_renewal=standing.follows_on,
        created_at=now,
        pay_until=None if paid_at else now + timedelta(minutes=get_numbers().payment_minutes),
    )
    if not row.is_renewal:
        _take_place(sold)
    if paid_at is None:
        _save(row)
        record_event("membership.bought", target=row, store=store, by=by, now=now, **_facts(row))
        return row
    return _open(row, standing, paid_at=paid_at, by=by, now=now)


@in_transaction
def confirm_payment(*, membership: PaidMembership, paid_at: datetime, by: User | None, now: datetime) -> PaidMembership:
    """The order was paid: its term begins on the local day of ``paid_at`` (a renewal's where the last one ends). Told again, nothing changes.

    What the order does is looked at anew: when the term that it renews ended meanwhile, it is an opening and takes a place of the stock.
    """
    require_in_store(by, "paid.sell_membership", membership.store_id)
    _check_paid_at(paid_at, now)
    return _confirm(membership, paid_at=paid_at, by=by, now=now)


def _confirm(membership: PaidMembership, *, paid_at: datetime, by: User | None, now: datetime) -> PaidMembership:
    buyer = _lock_buyer(membership.store, membership.member)
    program = lock_program(membership.program_id)
    stored = lock_membership(membership.pk)
    if stored is None or program is None:
        raise NotFound(_("There is no such row."))
    if stored.status == MembershipStatus.LAPSED:
        raise PaidRefused(_("This order lapsed because it was not paid in time. Pay the money back, or order again."), code="order_lapsed")
    if stored.status != MembershipStatus.PENDING:
        return stored
    if program.status == ProgramStatus.REVOKED:
        raise PaidRefused(_("This program was revoked: it can no longer be opened. Pay the money back."), code="program_not_live")
    paid_at = max(paid_at, stored.created_at)  # what the member held before the order is of no account
    standing = find_standing(member_id=buyer.pk, program=program, day=local_day(paid_at), renewal=stored.is_renewal, sold=True)
    _refuse(standing)
    if stored.is_renewal and not standing.follows_on:
        _take_place(program)
    stored.is_renewal = standing.follows_on
    opened = _open(stored, standing, paid_at=paid_at, by=by, now=now)
    membership.refresh_from_db()
    return opened


def lapse_unpaid(*, now: datetime, limit: int = 1_000) -> int:
    """Orders whose time to be paid is over lapse, and give their place back. Each in its own transaction; how many."""
    waiting = PaidMembership.objects.filter(status=MembershipStatus.PENDING, pay_until__lte=now).order_by("pay_until", "pk")
    return sum(_lapse(membership_id=pk, now=now) for pk in list(waiting.values_list("pk", flat=True)[:limit]))


@in_transaction
def _lapse(*, membership_id: int, now: datetime) -> bool:
    found = PaidMembership.objects.filter(pk=membership_id).values_list("member_id", "program_id").first()
    if found is None:
        return False
    lock_member_by_id(found[0])
    program = lock_program(found[1])
    stored = lock_membership(membership_id)
    if stored is None or program is None or stored.status != MembershipStatus.PENDING or stored.pay_until is None or stored.pay_until > now:
        return False
    drop_order(stored, program, reason=str(_("Not paid in time.")), now=now)
    return True


def _known_order(store: Store, member: Member | None, program: PaidProgram, order_no: str, price: Decimal | None) -> PaidMembership | None:
    """The order of this number when it says the same; a refusal when it says something else."""
    known = PaidMembership.objects.filter(store=store, order_no=order_no).first()
    if known is None:
        return None
    if member is None or (known.member_id, known.program_id) != (member.pk, program.pk) or (price is not None and price != known.price):
        raise PaidRefused(_("There is an order of this number already, and it says something else."), code="order_differs", field="order_no")
    if known.status == MembershipStatus.LAPSED:
        raise PaidRefused(_("This order lapsed because it was not paid in time. Pay the money back, or order again."), code="order_lapsed")
    return known


def _check_paid_at(paid_at: datetime | None, now: datetime) -> None:
    if paid_at is not None and paid_at > now + CLOCKS_DIFFER_BY:
        raise PaidRefused(_("The time of payment lies in the future."), code="paid_in_future", field="paid_at")


def _checked_price(price: Decimal) -> Decimal:
    if not price.is_finite() or not ZERO <= price <= LARGEST_PRICE or price != price.quantize(FEN):
        raise PaidRefused(_("A price is an amount of yuan from 0 to 1,000,000 with two decimals."), code="price_invalid", field="price")
    return price


def _lock_buyer(store: Store, member: Member | None) -> Member:
    buyer = lock_member_by_id(member.pk) if member is not None else None
    if buyer is not None and buyer.store_id != store.pk:
        raise NotFound(_("There is no such row."))
    if buyer is None or buyer.status != MemberStatus.ACTIVE:
        raise PaidRefused(_("Only an active member of the store can buy paid membership: join first."), code="join_first", field="member_no")
    return buyer


def _drop_or_refuse_waiting(buyer: Member, now: datetime) -> None:
    """One order of a member waits at a time. One whose time is over makes room at once."""
    waiting = PaidMembership.objects.filter(member=buyer, status=MembershipStatus.PENDING).select_related("program").first()
    if waiting is None:
        return
    if waiting.pay_until is None or waiting.pay_until > now:
        sentence = _("Order %(order)s of this member waits for its payment until %(time)s.") % {
            "order": waiting.order_no,
            "time": f"{to_local(waiting.pay_until):%H:%M}" if waiting.pay_until else "",
        }
        raise PaidRefused(sentence, code="payment_waiting", order_no=waiting.order_no)
    drop_order(waiting, waiting.program, reason=str(_("Not paid in time.")), now=now)


def _take_place(program: PaidProgram) -> None:
    free = Q(stock_limit=None) | Q(sold_count__lt=F("stock_limit"))
    if not PaidProgram.objects.filter(free, pk=program.pk).update(sold_count=F("sold_count") + 1):
        raise PaidRefused(_("“%(program)s” is sold out.") % {"program": program.name}, code="sold_out")


def _refuse(standing: Standing) -> None:
    if standing.refusal:
        raise PaidRefused(standing.sentence, code=standing.refusal, field="program")


def _save(row: PaidMembership) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if "paid_membership_order_once_a_store" in str(error):
            raise PaidRefused(_("There is an order of this number already, and it says something else."), code="order_differs", field="order_no") from error
        raise


def _open(row: PaidMembership, standing: Standing, *, paid_at: datetime, by: User | None, now: datetime) -> PaidMembership:
    """The paid term begins: what it replaces ends, its dates are set, and what is due of its benefits is issued."""
    paid_back = ZERO
    for lower in standing.replaces:
        reason = _("Replaced by “%(program)s”.") % {"program": row.program.name}
        lock_membership(lower.pk)
        refund = end_term(lower, to=MembershipStatus.REPLACED, quote=replaced_quote(lower, paid_at), reason=str(reason), by=by, now=paid_at)
        paid_back += refund.amount if refund else ZERO
        record_event("membership.replaced", target=lower, store=lower.store_id, by=by, now=now, order=lower.order_no, by_order=row.order_no)
    row.status = MembershipStatus.ACTIVE
    row.opened_at = paid_at
    row.anchor_on, row.months_before = standing.anchor_on, standing.months_before
    row.starts_on = row.next_issue_on = standing.starts_on
    row.ends_on = row.bought_until = standing.end_of(row.pack)
    if standing.follows is not None:
        row.auto_renew_consent_at = standing.follows.auto_renew_consent_at  # agreed until it is taken back
    _save(row)
    report = issue_for(row, now)
    row.refresh_from_db()
    verb = "membership.renewed" if row.is_renewal else "membership.activated"
    record_event(verb, target=row, store=row.store_id, by=by, now=now, issued=report.issued, paid_back=str(paid_back), **_facts(row))
    return row


def _facts(row: PaidMembership) -> dict[str, Any]:
    return {
        "order": row.order_no,
        "program": row.program.name,
        "price": str(row.price),
        "starts_on": str(row.starts_on or ""),
        "ends_on": str(row.ends_on or ""),
    }
