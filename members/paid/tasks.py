"""Tasks of paid membership. A task says "there is work": what is due stands in tables, so a lost or doubled one changes nothing."""

from __future__ import annotations

import structlog
from celery import shared_task

from backoffice.kernel import clock
from members.paid.services.auto_renew import renew_due
from members.paid.services.issue import run_issues
from members.paid.services.purchases import lapse_unpaid

log = structlog.get_logger(__name__)


@shared_task(name="paid.issue_benefits", queue="default", acks_late=True, soft_time_limit=300, time_limit=330)
def issue_benefits() -> None:
    """Issue, expire and try again what is due. Broken off by its time limit it goes on at the next tick."""
    done = run_issues(now=clock.database_now())
    log.info("paid.issued", **done.as_json())


@shared_task(name="paid.keep_orders", queue="default", acks_late=True, soft_time_limit=120, time_limit=150)
def keep_orders() -> None:
    """Orders that nobody paid lapse; renewals to which members agreed are ordered on the last day of their terms."""
    now = clock.database_now()
    lapsed = lapse_unpaid(now=now)
    renewals = renew_due(now=now)
    log.info("paid.orders_kept", lapsed=lapsed, renewals_ordered=renewals.ordered, renewals_refused=renewals.refused)
