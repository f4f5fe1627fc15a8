"""Grants that have to be looked at again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from applications.choices import ReReviewStatus
from applications.models import Grant, ReReview
from backoffice.kernel.audit.services import record_event


def open_re_review(grant: Grant, cause: str, *, now: datetime, **facts: Any) -> ReReview | None:
    """An entry for the reviewers; None when one with this cause is open already. Two callers at once make one."""
    row = ReReview(grant=grant, cause=cause, facts=facts, opened_at=now)
    ReReview.objects.bulk_create([row], ignore_conflicts=True)
    stored = ReReview.objects.get(grant=grant, cause=cause, status=ReReviewStatus.OPEN)
    if stored.opened_at != now or stored.facts != facts:
        return None
    record_event("re_review.opened", target=stored, by=None, now=now, cause=cause, **facts)
    return stored
