"""Telling a worker at once that a job waits. The row is the queue: a poke that fails is made good by ``files.resume_imports``."""

from __future__ import annotations

from functools import partial

import structlog
from django.db import transaction

from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.wake import impatient_broker

log = structlog.get_logger(__name__)

BROKER_SECONDS = 0.2
"""So long a page waits for a broker that does not answer."""


def poke_on_commit(job: ImportJob) -> None:
    """Wake a worker for ``job`` once the transaction in which it was written is committed."""
    transaction.on_commit(partial(poke, job.pk))


def poke(job_id: int) -> None:
    from backoffice.kernel.files.tasks import run_import

    try:
        with impatient_broker(run_import.app, BROKER_SECONDS) as connection:
            run_import.apply_async((job_id,), connection=connection, retry=False)  # type: ignore[call-arg]
    except Exception as error:  # noqa: BLE001 - whatever a broker's client raises, the page goes on
        log.warning("import_poke_failed", job=job_id, error=type(error).__name__)
