"""What of a card fee goes back when a paid term ends early.

Soon after the payment and nothing used: everything. Later: the unused whole months' share of the fee, less what the used benefits were worth. When the
program was revoked: the share of the days that are left, nothing taken off. Never below zero; fractions of a fen stay with the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from django.db.models import Sum

from backoffice.kernel.clock import local_day
from backoffice.kernel.money import FEN, ZERO
from members.paid.choices import IssueStatus, ProgramStatus, RefundCause
from members.paid.models import BenefitIssue, PaidMembership, PaidProgram
from members.paid.selectors.numbers import get_numbers
from members.paid.selectors.validity import dates_of
from members.paid.terms import is_whole, unused_share


@dataclass(frozen=True)
class RefundQuote:
    """What would be paid back now. ``unused`` of ``whole`` months, or days where ``in_days``; ``used_value`` is what used benefits took off."""

    amount: Decimal
    cause: str
    unused: int
    whole: int
    in_days: bool
    used_value: Decimal


def refund_quote(*, membership: PaidMembership, now: datetime) -> RefundQuote:
    """What a cancellation at ``now`` would pay back. Reads ``program`` and ``pack`` of the row as they are stored."""
    program_status = PaidProgram.objects.filter(pk=membership.program_id).values_list("status", flat=True).get()
    # A free one is as good as refunded while nothing was used: its place is free again.
    if (_is_soon(membership, now) or not membership.price) and not _used(membership)[1]:
        return RefundQuote(membership.price, RefundCause.FULL, *_unused(membership, now), ZERO)
    if program_status == ProgramStatus.REVOKED:
        dates = dates_of(membership)
        whole = (dates.ends_on - dates.starts_on).days
        unused = max(0, min(whole, (dates.ends_on - local_day(now)).days))
        return RefundQuote(_share(membership.price, unused, whole), RefundCause.REVOKED, unused, whole, True, ZERO)
    return _pro_rata(membership, RefundCause.PRO_RATA, now)


def _is_soon(membership: PaidMembership, now: datetime) -> bool:
    return (local_day(now) - dates_of(membership).opened_on).days <= get_numbers().full_refund_days


def _used(membership: PaidMembership) -> tuple[Decimal, int]:
    """(worth, number) of the benefits of this term that were used."""
    used = BenefitIssue.objects.filter(paid_membership=membership, status=IssueStatus.USED)
    worth = used.aggregate(worth=Sum("benefit__value_amount"))["worth"]
    return worth or ZERO, used.count()


def _unused(membership: PaidMembership, now: datetime) -> tuple[int, int, bool]:
    """(unused, whole, whether these are days)."""
    dates, unit = dates_of(membership), membership.pack.term_unit
    anchor, before, ends_on = dates.anchor_on, membership.months_before, dates.ends_on
    unused, whole = unused_share(anchor=anchor, months_before=before, starts_on=dates.starts_on, ends_on=ends_on, unit=unit, today=local_day(now))
    return unused, whole, not is_whole(anchor=anchor, months_before=before, ends_on=ends_on, unit=unit)


def _pro_rata(membership: PaidMembership, cause: str, now: datetime) -> RefundQuote:
    unused, whole, in_days = _unused(membership, now)
    worth, _count = _used(membership)
    amount = max(ZERO, _share(membership.price, unused, whole) - worth)
    return RefundQuote(amount, cause, unused, whole, in_days, worth)


def _share(price: Decimal, unused: int, whole: int) -> Decimal:
    return (price * unused / whole).quantize(FEN, rounding=ROUND_DOWN) if whole else ZERO


def replaced_quote(membership: PaidMembership, now: datetime) -> RefundQuote:
    """What a higher plan that takes the place of this one pays back: the pro-rata rule."""
    return _pro_rata(membership, RefundCause.REPLACED, now)
