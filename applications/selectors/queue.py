"""The reviewers' queue, by whose turn it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject

from applications.choices import CERTIFY_WITHIN, CLOSED_STATES, LIVE_GRANTS, AppealStatus, BarStatus, CaseState, MessageSide, NoticeKind, ReReviewStatus
from applications.models import (
    Appeal,
    ApplicantMessage,
    Application,
    Bar,
    ChecklistVerdict,
    Claim,
    Grant,
    InternalNote,
    Notification,
    RequestedCapability,
    ReReview,
)
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


def news() -> Exists:
    """Of a case: whether the developer's word is the last one, with neither a message of the platform nor a note among staff after it."""
    mine = ApplicantMessage.objects.filter(case=OuterRef("pk"), side=MessageSide.DEVELOPER)
    after = {"case": OuterRef("case"), "written_at__gte": OuterRef("written_at")}
    answers, notes = ApplicantMessage.objects.filter(**after, side=MessageSide.PLATFORM), InternalNote.objects.filter(**after)
    return Exists(mine.exclude(Exists(answers)).exclude(Exists(notes)))


def missed() -> Exists:
    """Of a case: whether its revision fails in what had passed before, untouched."""
    return Exists(ChecklistVerdict.objects.filter(revision=OuterRef("revision"), missed_earlier=True))


def list_with_news(*, reviewer: User | None = None, without: User | None = None) -> QuerySet[Application]:
    """Open cases with an unanswered word of the developer; with ``reviewer`` only those that this person holds, with ``without`` only the others."""
    cases = Application.objects.exclude(state__in=CLOSED_STATES).filter(news())
    held = Q(pk__in=Claim.objects.filter(reviewer=reviewer or without, ended_at=None).values("case"))
    if reviewer is not None:
        return cases.filter(held)
    return cases.exclude(held) if without is not None else cases


MISSED_SHOWN = timedelta(days=7)


def list_missed(senior: User, now: datetime) -> QuerySet[Application]:
    """Cases that were failed, of late, in what had passed before, as this senior was told."""
    told = Notification.objects.filter(user=senior, kind=NoticeKind.MISSED_EARLIER, created_at__gte=now - MISSED_SHOWN)
    return Application.objects.filter(pk__in=told.values("case"))


def list_queue(tab: str = "queued", *, reviewer: User | None = None) -> QuerySet[Application]:
    """Cases of a tab, what is due first on top. With ``reviewer``: only those that this person holds."""
    cases = Application.objects.filter(TABS[tab])
    if reviewer is not None:
        cases = cases.filter(claims__reviewer=reviewer, claims__ended_at=None)
    related = cases.select_related("app__category", "developer", "merchant", "revision")
    return related.defer("draft", "revision__content").order_by("due_at", "id")


ANSWERED_BY = frozenset({"developer", "merchant"})
"""Tabs where somebody outside has the turn: ordered by the day until which they may answer."""


@dataclass(frozen=True)
class QueuePage:
    """Some cases of a tab. ``has_earlier`` and ``has_later``: whether the tab goes on before the first and behind the last of them."""

    cases: Sequence[Application]
    has_earlier: bool
    has_later: bool


Place = tuple[datetime, int]
"""Where a page ends: the day by which its last case is ordered, and that case's number."""


def order_field(tab: str) -> str:
    return "answer_by" if tab in ANSWERED_BY else "due_at"


def place_of(case: Application, tab: str) -> Place:
    """The case's place in the order of its tab."""
    day: datetime = getattr(case, order_field(tab))
    return day, case.pk


def get_queue_page(tab: str, *, size: int, reviewer: User | None = None, after: Place | None = None, before: Place | None = None) -> QueuePage:
    """The cases behind ``after`` (or before ``before``), what is due first on top; with ``reviewer`` only those that this person holds. One query.

    Read along an index from a place, never counted off: the last page costs what the first does. Each case has ``asked`` (the capabilities of its
    revision: code, name, name_en), who holds it (``holder_id``, ``holder_name``, ``holder_login``, ``held_until``) and what marks it (``has_news``,
    ``has_missed``).
    """
    field = order_field(tab)
    cases = list_queue(tab, reviewer=reviewer).order_by(field, "id")
    place = before or after
    if place is not None:
        day, number = place
        side = "lt" if before else "gt"
        cases = cases.filter(**{f"{field}__{side}e": day}).filter(Q(**{f"{field}__{side}": day}) | Q(**{f"id__{side}": number}))
    if before is not None:
        cases = cases.order_by(f"-{field}", "-id")
    asked = RequestedCapability.objects.filter(revision=OuterRef("revision")).order_by("pk")
    names = JSONObject(code="capability__code", name="capability__name", name_en="capability__name_en")
    found = list(
        cases.annotate(
            asked=ArraySubquery(asked.values(json=names)),
            live_claim=FilteredRelation("claims", condition=Q(claims__ended_at=None)),
            holder_id=F("live_claim__reviewer_id"),
            holder_name=F("live_claim__reviewer__display_name"),
            holder_login=F("live_claim__reviewer__username"),
            held_until=F("live_claim__lease_until"),
            has_news=news(),
            has_missed=missed(),
        )[: size + 1]
    )
    is_cut = len(found) > size
    found = found[:size]
    if before is not None:
        return QueuePage(found[::-1], has_earlier=is_cut, has_later=True)
    return QueuePage(found, has_earlier=after is not None, has_later=is_cut)


def count_queue(*, now: datetime, reviewer: User | None = None) -> dict[str, int]:
    """How many cases each tab has, ``late``: how many with the platform are over their due date, ``mine``: how many ``reviewer`` holds, and
    ``appeals`` that are open. One query.

    Counting stops at ``MOST_COUNTED`` + 1 each, so that the page is as fast over a hundred thousand cases as over a hundred.
    """
    return _count_each(_queue_rows(now, reviewer))


def _queue_rows(now: datetime, reviewer: User | None) -> dict[str, QuerySet[Any]]:
    """The rows behind each count of the queue."""
    # In the order of the index: PostgreSQL, told to stop at so many, would otherwise look for them through the whole table.
    counted: dict[str, QuerySet[Any]] = {name: Application.objects.filter(condition).order_by("state", "due_at", "id") for name, condition in TABS.items()}
    late = [CaseState.QUEUED, CaseState.IN_REVIEW, CaseState.HELD]
    counted["late"] = Application.objects.filter(state__in=late, due_at__lt=now)
    if reviewer is not None:
        counted["mine"] = Application.objects.filter(TABS["in_review"], claims__reviewer=reviewer, claims__ended_at=None)
    counted["appeals"] = Appeal.objects.filter(status=AppealStatus.OPEN)
    return counted


def _count_each(counted: dict[str, QuerySet[Any]]) -> dict[str, int]:
    """How many rows each has, counted up to ``MOST_COUNTED`` + 1. One query."""
    return _ask(counted, [])[0]


def _ask(counted: dict[str, QuerySet[Any]], firsts: Sequence[QuerySet[Any, Any]]) -> tuple[dict[str, int], Sequence[Any]]:
    """The counts, and the one value that each of ``firsts`` finds. One query."""
    names: list[str] = []
    parts: list[str] = []
    params: list[Any] = []
    for name, rows in counted.items():
        sql, values = compile_queryset(rows.values("pk")[: MOST_COUNTED + 1])
        names.append(name)
        parts.append(f"(SELECT count(*) FROM ({sql}) AS counted)")  # noqa: S608 - a compiled queryset
        params += values
    for first in firsts:
        sql, values = compile_queryset(first)
        parts.append(f"({sql})")
        params += values
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", params)
        found = cursor.fetchone()
    return dict(zip(names, found, strict=False)), found[len(names) :]


@dataclass(frozen=True)
class Work:
    """What the first page of staff says of the queue. ``counts``: as ``count_queue`` for this person, and ``news`` on own cases, ``other_news``, ``missed``."""

    counts: dict[str, int]
    own_due: datetime | None
    """When the first of the cases that this person holds is due."""
    queue_due: datetime | None
    """The same of those that wait for review."""


def get_work(user: User, *, now: datetime) -> Work:
    """One query."""
    own = Application.objects.filter(TABS["in_review"], claims__reviewer=user, claims__ended_at=None)
    counted = _queue_rows(now, user) | {"news": list_with_news(reviewer=user), "other_news": list_with_news(without=user), "missed": list_missed(user, now)}
    firsts = [cases.order_by("due_at", "id").values("due_at")[:1] for cases in (own, Application.objects.filter(TABS["queued"]))]
    counts, (own_due, queue_due) = _ask(counted, firsts)
    return Work(counts, own_due, queue_due)


@dataclass(frozen=True)
class OtherWork:
    """What else waits for platform staff."""

    appeals: int
    bars: int
    revocations: int
    certifying: int
    re_reviews: int


def list_certifying(now: datetime) -> QuerySet[Grant]:
    """Live grants that end so soon that somebody should certify them anew."""
    return Grant.objects.filter(status__in=LIVE_GRANTS, expires_at__lte=now + CERTIFY_WITHIN)


def count_other_work(*, now: datetime) -> OtherWork:
    """One query."""
    counted: dict[str, QuerySet[Any]] = {
        "appeals": Appeal.objects.filter(status=AppealStatus.OPEN),
        "bars": Bar.objects.filter(status__in=[BarStatus.SUGGESTED, BarStatus.PROPOSED]),
        "revocations": Grant.objects.filter(revocation_proposed_by__isnull=False, ended_at=None),
        "certifying": list_certifying(now),
        "re_reviews": ReReview.objects.filter(status=ReReviewStatus.OPEN),
    }
    return OtherWork(**_count_each(counted))
