"""Celery's part: "there is work". Which work is read from the job's row."""

from __future__ import annotations

from celery import shared_task

from backoffice.kernel import clock
from backoffice.kernel.files.leases import open_jobs
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.services import resume_job

# A file may have millions of rows. Less than the broker's visibility timeout, after which the task would be handed out again.
_TIME_LIMIT = 7_000


@shared_task(name="files.run_import", acks_late=True, soft_time_limit=_TIME_LIMIT - 60, time_limit=_TIME_LIMIT)
def run_import(job_id: int) -> None:
    job = ImportJob.objects.filter(pk=job_id).first()
    if job is not None:
        resume_job(job=job, now=clock.database_now())


@shared_task(name="files.resume_imports", acks_late=True)
def resume_imports() -> int:
    """Wake workers for jobs that nobody holds: a lost task, a worker that died."""
    waiting = open_jobs()
    for job_id in waiting:
        run_import.delay(job_id)
    return len(waiting)
