"""Barring a merchant from new member features, and ending that. Called by the sanction and its appeal, in their transaction."""

from __future__ import annotations

from datetime import datetime

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import StateConflict
from backoffice.kernel.tenancy.models import Merchant, MerchantBar, User


def lock_merchant(merchant_id: int) -> Merchant:
    """The merchant, locked: whatever asks ``require_no_bar`` for it waits."""
    return Merchant.objects.select_for_update().get(pk=merchant_id)


def impose_bar(*, merchant: Merchant, reason: str, by: User, now: datetime) -> MerchantBar:
    """Bar a merchant that ``lock_merchant`` gave. One that is barred already keeps that bar."""
    standing = MerchantBar.objects.filter(merchant=merchant, ended_at=None).first()
    if standing is not None:
        return standing
    bar = MerchantBar.objects.create(merchant=merchant, reason=reason, imposed_by=by, imposed_at=now)
    record_event("merchant_bar.imposed", target=bar, by=by, now=now, reason=reason, merchant=merchant.code)
    return bar


def end_bar(*, bar: MerchantBar, reason: str, by: User, now: datetime) -> None:
    """Raises ``StateConflict`` when somebody else has ended it."""
    if not MerchantBar.objects.filter(pk=bar.pk, ended_at=None).update(ended_by=by, ended_at=now):
        raise StateConflict()
    record_event("merchant_bar.ended", target=bar, by=by, now=now, reason=reason)
