"""What stands beside the rows of the ledger on screens, read together with them: no query per row."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from members.choices import PayoutStatus
from members.models import CreditAdjustment, CreditEntry, CreditLot, CreditPayout


def with_return_failed(lots: QuerySet[CreditLot]) -> QuerySet[CreditLot]:
    """Lots with ``return_failed``: money of theirs did not arrive at the payer's."""
    return lots.annotate(return_failed=Exists(CreditPayout.objects.filter(lot=OuterRef("pk"), status=PayoutStatus.RETURN_FAILED)))


def with_entry_columns(entries: QuerySet[CreditEntry]) -> QuerySet[CreditEntry]:
    """Entries with lot, payout and actor, and the actor's seats."""
    return entries.select_related("lot", "actor", "payout").prefetch_related("actor__seats")


def with_people(adjustments: QuerySet[CreditAdjustment]) -> QuerySet[CreditAdjustment]:
    """Adjustments with who asked, who decided, and their seats."""
    return adjustments.select_related("requested_by", "decided_by").prefetch_related("requested_by__seats", "decided_by__seats")
