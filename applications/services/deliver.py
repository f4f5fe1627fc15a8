"""Notices leave by mail and DingTalk: claimed under a lease, sent outside any transaction, recorded. Any number of workers at once.

A notice about a ruling exists only when the ruling is in effect, so nothing that can still be undone leaves. What leaves is ``notice_text`` and
nothing else. A worker that is killed after sending sends again when its lease ends: twice is better than never.

A developer's robot may be slow, or never answer: it gets one notice a batch, and while it does not answer its other notices wait with the first.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from datetime import datetime, timedelta

import structlog
from django.db.models import Exists, F, OuterRef, Q

from applications.channels.base import Failed, Skipped, TryAgain
from applications.channels.dingtalk import send_to_robot
from applications.channels.mail import send_mail_to
from applications.choices import Channel, NoticeStatus
from applications.models import Notification
from backoffice.kernel import clock
from backoffice.kernel.crash import crash_point
from backoffice.kernel.locks import in_transaction

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
"""Counted anew when the sending of a notice begins; one notice takes seconds."""
BATCH = 20
WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=6))
"""Between one attempt and the next; after the last one the notice is given up and shows why."""
SENDERS = {Channel.EMAIL: send_mail_to, Channel.DINGTALK: send_to_robot}


def deliver_notices(*, now: datetime | None = None, seconds: float | None = None) -> Counter[str]:
    """Send what waits at ``now`` (without it the database's clock, read anew for each notice); how many became what. Stops after ``seconds``."""
    done: Counter[str] = Counter()
    started = time.monotonic()
    while batch := _claim(now or clock.database_now()):
        try:
            while batch:
                if seconds is not None and time.monotonic() - started > seconds:
                    return done
                notice, moment = batch.pop(0), now or clock.database_now()
                done[_deliver(notice, moment) if _begin(notice, moment) else "lease_lost"] += 1
        finally:
            _give_back(batch)
    return done


@in_transaction
def _claim(now: datetime) -> list[Notification]:
    """The oldest that are due and in nobody's hands. Of a developer's robot one, and none while it is being called."""
    waiting = Notification.objects.filter(status=NoticeStatus.WAITING, channel__in=list(SENDERS), next_attempt_at__lte=now)
    first = Q(pk__lt=OuterRef("pk"), next_attempt_at__lte=now) | Q(lease_until__gt=now)
    others = Notification.objects.filter(first, developer=OuterRef("developer"), channel=Channel.DINGTALK, status=NoticeStatus.WAITING)
    free = waiting.filter(Q(lease_until=None) | Q(lease_until__lte=now)).exclude(Exists(others), channel=Channel.DINGTALK).order_by("pk")
    numbers = list(free.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
    Notification.objects.filter(pk__in=numbers).update(lease_token=uuid.uuid4(), lease_until=now + LEASE)
    return list(Notification.objects.filter(pk__in=numbers).select_related("user", "developer", "case").order_by("pk"))


def _begin(notice: Notification, now: datetime) -> bool:
    """Count the attempt, for as long a lease as it can take. False when somebody else has the notice by now."""
    held = Notification.objects.filter(pk=notice.pk, lease_token=notice.lease_token)
    notice.attempt_count += 1
    return bool(held.update(attempt_count=F("attempt_count") + 1, lease_until=now + LEASE))


def _give_back(batch: list[Notification]) -> None:
    """What was not begun is free at once."""
    for notice in batch:
        Notification.objects.filter(pk=notice.pk, lease_token=notice.lease_token).update(lease_token=None, lease_until=None)


def _deliver(notice: Notification, now: datetime) -> str:
    try:
        SENDERS[Channel(notice.channel)](notice)
    except TryAgain as error:
        if notice.attempt_count > len(WAITS):
            return _record(notice, NoticeStatus.FAILED, error=str(error))
        again_at = now + WAITS[notice.attempt_count - 1]
        if notice.channel == Channel.DINGTALK:
            _hold_back(notice, again_at)
        return _record(notice, NoticeStatus.WAITING, error=str(error), next_attempt_at=again_at)
    except Skipped as error:
        return _record(notice, NoticeStatus.SKIPPED, error=str(error))
    except Failed as error:
        return _record(notice, NoticeStatus.FAILED, error=str(error))
    crash_point("applications.notice_sent")
    return _record(notice, NoticeStatus.SENT, error="", sent_at=now)


def _hold_back(notice: Notification, until: datetime) -> None:
    """The robot did not answer: what else it is to be told waits as long, and costs nobody a time-out."""
    others = Notification.objects.filter(developer=notice.developer_id, channel=Channel.DINGTALK, status=NoticeStatus.WAITING, lease_token=None)
    others.filter(next_attempt_at__lt=until).update(next_attempt_at=until)


def _record(notice: Notification, status: str, *, error: str, **fields: datetime) -> str:
    """Only under the lease that it was sent under."""
    held = Notification.objects.filter(pk=notice.pk, lease_token=notice.lease_token)
    if not held.update(status=status, error=error[:500], lease_token=None, lease_until=None, **fields):
        log.warning("notice.lease_lost", notice=notice.pk)
        return "lease_lost"
    if error:
        log.info("notice.not_sent", notice=notice.pk, channel=notice.channel, became=status, error=error)
    return {NoticeStatus.WAITING: "retried"}.get(NoticeStatus(status), status.lower())
