"""Housekeeping of the API."""

from __future__ import annotations

import structlog
from celery import shared_task

from backoffice.kernel.api.idempotency import prune_records
from backoffice.kernel.api.services.tokens import prune_tokens

log = structlog.get_logger(__name__)


@shared_task(name="api.prune", acks_late=True, soft_time_limit=300, time_limit=330)
def prune() -> None:
    """Remove what is kept no longer: answers after 30 days, tokens after their hour, refused attempts after the pause."""
    log.info("api.pruned", records=prune_records(), tokens=prune_tokens())
