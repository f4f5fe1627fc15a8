"""Tasks of messaging. A task says "there is work": what is due stands in tables, so a lost or doubled one changes nothing."""

from __future__ import annotations

import structlog
from celery import shared_task

from backoffice.kernel import clock
from campaigns.services import wake
from campaigns.services.dispatch import dispatch, dispatch_notices
from campaigns.services.runs import run_reminders

log = structlog.get_logger(__name__)


@shared_task(name="campaigns.run_due_reminders", queue="reminders", acks_late=True, soft_time_limit=300, time_limit=330)
def run_due_reminders() -> None:
    """Open and decide the reminder runs that are due. Stops by itself before its time limit; the next minute's tick goes on."""
    summary = run_reminders(now=clock.database_now, seconds=240)
    log.info("reminders.decided", opened=summary.opened, due=summary.total.due, decided=dict(summary.total.decided), suppressed=dict(summary.total.suppressed))


@shared_task(name="campaigns.dispatch_messages", queue="dispatch", acks_late=True, soft_time_limit=120, time_limit=150)
def dispatch_messages() -> None:
    """Hand over what waits, for 20 seconds at most: the next tick goes on, and other work gets its turn between them."""
    report = dispatch(seconds=20, wait_for_others=False)
    log.info("messages.dispatched", sent=report.sent, failed=report.failed, retried=report.retried, unknown=report.unknown, waiting=report.waiting)


@shared_task(name=wake.TASK, queue=wake.QUEUE, acks_late=True, soft_time_limit=60, time_limit=90)
def hand_over_notices(store_id: int) -> None:
    """Hand over a store's notices, a moment after the payment. What it leaves is the next tick's."""
    wake.begin(store_id)
    report = dispatch_notices(store_ids=[store_id], seconds=10)
    log.info("notices.dispatched", store_id=store_id, sent=report.sent, failed=report.failed, retried=report.retried, unknown=report.unknown)
