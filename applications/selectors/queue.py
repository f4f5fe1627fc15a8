"""The reviewers' queue, by whose turn it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from applications.choices import AppealStatus, BarStatus, CaseState, ReReviewStatus
from applications.models import Appeal, Application, Bar, Grant, ReReview
from backoffice.kernel.sql import compile_queryset
from backoffice.kernel.tenancy.models import User

MOST_COUNTED = 1000

TABS: dict[str, Q] = {
    "queued": Q(state=CaseState.QUEUED),
    "in_review": Q(state=CaseState.IN_REVIEW),
    "held": Q(state=CaseState.HELD),
    "decided": Q(state=CaseState.DECIDED),
    "developer": Q(state=CaseState.CHANGES_REQUESTED),
    "merchant": Q(state=CaseState.AWAITING_MERCHANT),
    "checks": Q(state=CaseState.CHECKS_PENDING),
}
"""Open cases by whose turn it is: nobody's yet, a reviewer's, the second person's, nobody's any more, the developer's, the merchant's, the system's."""


def list_queue(tab: str = "queued", *, reviewer: User | None = None) -> QuerySet[Application]:
    """Cases of a tab, what is due first on top. With ``reviewer``: only those that this person holds."""
    cases = Application.objects.filter(TABS[tab])
    if reviewer is not None:
        cases = cases.filter(claims__reviewer=reviewer, claims__ended_at=None)
    related = cases.select_related("app__category", "developer", "merchant", "revision")
    return related.defer("draft", "revision__content").order_by("due_at", "id")


def count_queue(*, now: datetime) -> dict[str, int]:
    """How many cases each tab has, and ``late``: how many with the platform are over their due date. One query.

    Counting stops at ``MOST_COUNTED`` + 1 each, so that the page is as fast over a hundred thousand cases as over a hundred.
    """
    late = (TABS["queued"] | TABS["in_review"] | TABS["held"]) & Q(due_at__lt=now)
    parts: list[str] = []
    params: list[Any] = []
    for condition in (*TABS.values(), late):
        sql, values = compile_queryset(Application.objects.filter(condition, closed_at=None).order_by().values("pk")[: MOST_COUNTED + 1])
        parts.append(f"(SELECT count(*) FROM ({sql}) AS counted)")  # noqa: S608 - a compiled queryset
        params += values
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", params)
        return dict(zip((*TABS, "late"), cursor.fetchone(), strict=True))


@dataclass(frozen=True)
class OtherWork:
    """What else waits for platform staff."""

    appeals: int
    bars: int
    revocations: int
    re_reviews: int


def count_other_work() -> OtherWork:
    return OtherWork(
        appeals=Appeal.objects.filter(status=AppealStatus.OPEN).count(),
        bars=Bar.objects.filter(status__in=[BarStatus.SUGGESTED, BarStatus.PROPOSED]).count(),
        revocations=Grant.objects.filter(revocation_proposed_by__isnull=False, ended_at=None).count(),
        re_reviews=ReReview.objects.filter(status=ReReviewStatus.OPEN).count(),
    )
