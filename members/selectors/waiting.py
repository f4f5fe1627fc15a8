"""What of the credit waits for somebody: the same conditions for the lists' tabs and for the first page of a console."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from backoffice.kernel.tenancy.models import User
from members.choices import AdjustmentStatus, HoldStatus, PayoutStatus

LONG_OPEN_DAYS = 7
"""A hold that is open for more than so many days has been forgotten by whoever made it, more often than not."""


def is_to_pay() -> Q:
    """Payouts that nobody has paid yet."""
    return Q(status=PayoutStatus.WAITING)


def has_failed() -> Q:
    """Payouts that did not arrive."""
    return Q(status=PayoutStatus.RETURN_FAILED)


def is_long_open(now: datetime) -> Q:
    """Holds that are open for more than ``LONG_OPEN_DAYS`` days at ``now``."""
    return Q(status=HoldStatus.HELD, held_at__lt=now - timedelta(days=LONG_OPEN_DAYS))


def is_for_second_person(user: User) -> Q:
    """Adjustments that wait and that ``user`` did not ask for. Whether the user may decide them is not asked here."""
    return Q(status=AdjustmentStatus.REQUESTED) & ~Q(requested_by=user)
