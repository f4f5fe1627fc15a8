"""Ending a paid term early, and what of the card fee goes back (how much: ``selectors.refunds``)."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.clock import local_day
from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import User
from members.paid.choices import MEMBERSHIP_TABLE, MembershipStatus, RefundCause, RefundStatus
from members.paid.models import PaidMembership, PaidProgram, PaidRefund
from members.paid.selectors.refunds import RefundQuote, refund_quote
from members.paid.selectors.validity import dates_of
from members.paid.services.issue import revoke_unused
from members.paid.services.locks import lock_member_by_id, lock_membership, lock_program
from members.paid.services.rights import PaidRefused, require_in_store

__all__ = ["cancel", "drop_order", "end_term", "give_place_back", "mark_refund_paid", "refund_quote"]


@in_transaction
def cancel(*, membership: PaidMembership, reason: str, by: User | None, now: datetime) -> PaidRefund | None:
    """End a paid term today. Unused benefits are revoked, used ones stay; returns what is to be paid back, None when nothing is.

    A renewal that waits for its payment is dropped with it. Raises ``PaidRefused`` (``reason_missing``, ``not_running``, ``later_term_first``).
    """
    require_in_store(by, "paid.cancel_membership", membership.store_id)
    reason = reason.strip()[:500]
    if not reason:
        raise PaidRefused(_("Say why the paid membership is cancelled."), code="reason_missing", field="reason")
    lock_member_by_id(membership.member_id)
    program = lock_program(membership.program_id)
    stored = lock_membership(membership.pk)
    if stored is None or program is None:
        raise NotFound(_("There is no such row."))
    today = local_day(now)
    if stored.status != MembershipStatus.ACTIVE or stored.ends_on is None or stored.ends_on <= today:
        raise PaidRefused(_("Only a paid membership that holds, or is still to come, can be cancelled."), code="not_running")
    if PaidMembership.objects.filter(member_id=stored.member_id, status=MembershipStatus.ACTIVE, starts_on__gte=stored.ends_on).exists():
        raise PaidRefused(_("A later term of this member is paid already: cancel that one first."), code="later_term_first")
    owed = refund_quote(membership=stored, now=now)
    refund = end_term(stored, to=MembershipStatus.CANCELLED, quote=owed, reason=reason, by=by, now=now)
    if owed.cause == RefundCause.FULL and not stored.is_renewal:
        give_place_back(program)
    # Who gives up a renewal does not want the next one by itself: the term before just ends, and is told of as ending.
    chain = PaidMembership.objects.filter(member_id=stored.member_id, program_id=program.pk, status=MembershipStatus.ACTIVE)
    chain.filter(auto_renew_consent_at__isnull=False).update(auto_renew_consent_at=None, renewal_notice_at=None)
    for waiting in PaidMembership.objects.filter(member_id=stored.member_id, program_id=program.pk, status=MembershipStatus.PENDING).select_for_update():
        drop_order(waiting, program, reason=str(_("The paid membership was cancelled.")), now=now)
    facts = {"order": stored.order_no, "refund": str(refund.amount) if refund else "0", "ends_on": str(stored.ends_on)}
    record_event("membership.cancelled", target=stored, store=stored.store_id, by=by, now=now, reason=reason, **facts)
    membership.refresh_from_db()
    return refund


def end_term(membership: PaidMembership, *, to: str, quote: RefundQuote, reason: str, by: User | None, now: datetime) -> PaidRefund | None:
    """Bring the end of a paid term forward to today (a term to come becomes empty), revoke what is unused, and note the refund. Locks are the caller's."""
    ends_on = max(local_day(now), dates_of(membership).starts_on)
    transition(membership, to, table=MEMBERSHIP_TABLE, ends_on=ends_on, ended_at=now, end_reason=reason, next_issue_on=None)
    revoke_unused(membership, now=now)
    if quote.amount <= 0:
        return None
    return PaidRefund.objects.create(
        paid_membership=membership,
        store_id=membership.store_id,
        amount=quote.amount,
        cause=quote.cause,
        unused_months=None if quote.in_days else quote.unused,
        used_value=quote.used_value,
        decided_by=by,
        decided_at=now,
    )


def drop_order(membership: PaidMembership, program: PaidProgram, *, reason: str, now: datetime) -> None:
    """An order that was never paid ends, and its place in the stock is free again. Locks are the caller's."""
    transition(membership, MembershipStatus.LAPSED, table=MEMBERSHIP_TABLE, ended_at=now, end_reason=reason)
    if not membership.is_renewal:
        give_place_back(program)
    record_event("membership.lapsed", target=membership, store=membership.store_id, by=None, now=now, reason=reason, order=membership.order_no)


def give_place_back(program: PaidProgram) -> None:
    PaidProgram.objects.filter(pk=program.pk).update(sold_count=F("sold_count") - 1)


@in_transaction
def mark_refund_paid(*, refund: PaidRefund, reference: str, by: User | None, now: datetime) -> PaidRefund:
    """The store has paid the money back; ``reference`` is the payment system's number. Raises ``PaidRefused`` or ``StateConflict``."""
    require_in_store(by, "paid.pay_refund", refund.store_id)
    reference = reference.strip()[:64]
    if not reference:
        raise PaidRefused(_("Enter the number under which the money was paid back."), code="reference_missing", field="reference")
    table: dict[str, frozenset[str]] = {RefundStatus.DUE: frozenset({RefundStatus.PAID})}
    transition(refund, RefundStatus.PAID, table=table, paid_at=now, paid_by=by, reference=reference)
    record_event("paid_refund.paid", target=refund, store=refund.store_id, by=by, now=now, amount=str(refund.amount), reference=reference)
    return refund
