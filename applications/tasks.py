"""Tasks of capability applications. A task says "there is work": what is due stands in tables, so a lost or doubled one changes nothing."""

from __future__ import annotations

import structlog
from celery import shared_task

from applications.services.deliver import deliver_notices
from applications.services.numbers import recount_due_dates
from applications.services.sweep import advance
from backoffice.kernel import clock

log = structlog.get_logger(__name__)


@shared_task(name="applications.advance", queue="default", acks_late=True, soft_time_limit=120, time_limit=150)
def advance_applications() -> None:
    """Let rulings take effect, claims and waits run out, strikes count, grants expire, tiers be followed. The next tick goes on."""
    done = advance(now=clock.database_now(), seconds=100)
    log.info("applications.advanced", **done)


@shared_task(name="applications.deliver_notices", queue="default", acks_late=True, soft_time_limit=120, time_limit=150)
def deliver() -> None:
    """Hand over notices that wait for mail or DingTalk."""
    done = deliver_notices(seconds=60)
    log.info("applications.notices_delivered", **done)


@shared_task(name="applications.recount_due_dates", queue="default", acks_late=True, soft_time_limit=300, time_limit=330)
def recount() -> None:
    """Count due dates anew that calendar or numbers no longer say."""
    log.info("applications.recounted", cases=recount_due_dates(now=clock.database_now()))
