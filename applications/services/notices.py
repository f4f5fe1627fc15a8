"""Notices are rows; a task hands them over. Written in the transaction of what they tell, once per key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from applications.choices import SEEN_OUTSIDE, CaseState, Channel, NoticeKind, NoticeStatus
from applications.models import Application, Notification
from backoffice.kernel import clock
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import Developer, Merchant, Seat, User
from backoffice.kernel.tenancy.roles import Role

MOST_MAILS_A_DAY = 3
"""To one of a merchant's owners, of one kind, about one developer, in a local day."""

TOLD_STATES: dict[str, str] = {
    CaseState.CHECKS_PENDING: NoticeKind.CHECKS_PENDING,
    CaseState.AWAITING_MERCHANT: NoticeKind.AWAITING_MERCHANT,
    CaseState.QUEUED: NoticeKind.QUEUED,
    CaseState.IN_REVIEW: NoticeKind.IN_REVIEW,
    CaseState.CHANGES_REQUESTED: NoticeKind.CHANGES_REQUESTED,
    CaseState.APPROVED: NoticeKind.APPROVED,
    CaseState.PARTIAL: NoticeKind.PARTIAL,
    CaseState.REFUSED: NoticeKind.REFUSED,
    CaseState.WITHDRAWN: NoticeKind.WITHDRAWN,
    CaseState.LAPSED: NoticeKind.LAPSED,
}


def tell_of_state(case: Application, before: str, now: datetime) -> None:
    """The developer learns of a state that can be seen outside, once per revision and round: taking a case up again is no news."""
    seen = SEEN_OUTSIDE.get(case.state, case.state)
    kind = TOLD_STATES.get(seen)
    if kind is None or seen == SEEN_OUTSIDE.get(before, before):
        return
    key = f"case:{case.pk}:{case.revision_id or 0}:{case.round_count}:{seen}"
    tell_developer(kind, developer=case.developer, case=case, key=key, now=now, answer_by=case.answer_by.isoformat() if case.answer_by else "")


def tell_developer(kind: str, *, developer: Developer, key: str, now: datetime, case: Application | None = None, **params: Any) -> None:
    """In the console and by email to each of its people, by DingTalk to its contact."""
    if case is not None:
        params |= {"case": case.number, "app": case.app.name}
    people = _people(Seat.objects.filter(developer=developer))
    rows = _for_people(kind, people, key=key, now=now, case=case, developer=developer, params=params)
    if developer.contact:
        rows.append(_row(kind, Channel.DINGTALK, f"{key}:dingtalk", now=now, case=case, developer=developer, params=params))
    Notification.objects.bulk_create(rows, ignore_conflicts=True)


def tell_merchant(kind: str, *, merchant: Merchant, key: str, now: datetime, case: Application | None = None, **params: Any) -> None:
    """In the console to the merchant's owners, and by email: not more than a few times a day about one developer, who could go on all day long."""
    mailed: Counter[int | None] = Counter()
    if case is not None:
        params |= {"case": case.number, "app": case.app.name, "developer": case.developer.name}
    people = _people(Seat.objects.filter(merchant=merchant, role=Role.MERCHANT_OWNER))
    if case is not None:
        mails = Notification.objects.filter(kind=kind, channel=Channel.EMAIL, merchant=merchant, case__developer=case.developer_id)
        mailed = Counter(mails.filter(created_at__gte=clock.day_start(clock.local_day(now))).values_list("user", flat=True))
    rows = _for_people(kind, people, key=key, now=now, case=case, merchant=merchant, params=params)
    rows = [row for row in rows if row.channel != Channel.EMAIL or mailed[row.user_id] < MOST_MAILS_A_DAY]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)


def tell_seniors(kind: str, *, key: str, now: datetime, case: Application, **params: Any) -> None:
    """In the console, to every senior reviewer. A platform's own notice: it belongs to no developer's rows."""
    people = _people(Seat.objects.filter(role=Role.PLATFORM_SENIOR))
    rows = [_row(kind, Channel.IN_APP, f"{key}:{user.pk}:app", now=now, case=case, user=user, params={"case": case.number, **params}) for user in people]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)


@in_transaction
def mark_read(*, user: User, up_to: int, now: datetime) -> int:
    """The user has seen the own notices in the console up to the one numbered ``up_to``; how many were new."""
    return Notification.objects.filter(user=user, channel=Channel.IN_APP, read_at=None, pk__lte=up_to).update(read_at=now)


def _people(seats: Any) -> list[User]:
    return list(User.objects.filter(pk__in=seats.filter(revoked_at=None).values("user"), is_active=True).order_by("pk"))


def _for_people(kind: str, people: Iterable[User], *, key: str, now: datetime, **fields: Any) -> list[Notification]:
    rows = []
    for user in people:
        rows.append(_row(kind, Channel.IN_APP, f"{key}:{user.pk}:app", now=now, user=user, **fields))
        if user.email:
            rows.append(_row(kind, Channel.EMAIL, f"{key}:{user.pk}:email", now=now, user=user, **fields))
    return rows


def _row(kind: str, channel: str, key: str, *, now: datetime, **fields: Any) -> Notification:
    if channel == Channel.IN_APP:  # it is there as soon as it is written
        return Notification(kind=kind, channel=channel, key=key, created_at=now, status=NoticeStatus.SENT, sent_at=now, **fields)
    return Notification(kind=kind, channel=channel, key=key, created_at=now, next_attempt_at=now, **fields)
