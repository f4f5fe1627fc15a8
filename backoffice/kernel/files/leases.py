"""Who works on a job: a lease by the database's clock, kept up from a second connection, which also carries progress and cancel."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import Q

from backoffice.kernel.files.choices import JOB_TRANSITIONS, JobStatus
from backoffice.kernel.files.faults import Cancelled, LeaseLost
from backoffice.kernel.files.models import ImportJob

log = structlog.get_logger(__name__)

LEASE_SECONDS = 30
MOST_ATTEMPTS = 3
_BEAT_SECONDS = 1.0

_CLAIM = """
    UPDATE files_importjob
    SET status = %(status)s, lease_token = %(token)s, lease_until = clock_timestamp() + make_interval(secs => %(seconds)s),
        attempt_count = attempt_count + 1, started_at = clock_timestamp(), finished_at = NULL, rows_done = 0, step = '',
        error_code = '', error_params = '{}'
    WHERE id = %(id)s AND status = ANY(%(sources)s) AND (lease_until IS NULL OR lease_until < clock_timestamp())
    RETURNING attempt_count, cancel_requested
"""
_BEAT = """
    UPDATE files_importjob
    SET rows_done = %(rows)s, step = %(step)s, lease_until = clock_timestamp() + make_interval(secs => %(seconds)s)
    WHERE id = %(id)s AND lease_token = %(token)s
    RETURNING cancel_requested
"""


@dataclass
class Lease:
    """Holds ``job`` for this process. ``step`` and ``rows`` are what the second connection writes each second."""

    job_id: int
    token: uuid.UUID = field(default_factory=uuid.uuid4)
    rows: int = 0
    step: str = ""
    cancelled: bool = False
    lost: bool = False

    def check(self) -> None:
        """Raise when somebody cancelled the job or another worker has it."""
        if self.cancelled:
            raise Cancelled
        if self.lost:
            raise LeaseLost

    def at(self, step: str) -> None:
        self.step = step
        self.check()

    def on_rows(self, rows: int) -> None:
        self.rows = rows
        self.check()


def claim(job: ImportJob, status: str) -> Lease | None:
    """Take the job for the state ``status``; None when it is not to be had: done, cancelled, or held by a live worker."""
    sources = [source for source, targets in JOB_TRANSITIONS.items() if status in targets] + [status]
    lease = Lease(job.pk)
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"status": status, "token": lease.token, "seconds": LEASE_SECONDS, "id": job.pk, "sources": [str(source) for source in sources]})
        row = cursor.fetchone()
    if row is None:
        return None
    job.refresh_from_db()
    lease.cancelled = row[1]
    return lease


def release(job: ImportJob) -> None:
    """Give back the lease that this process took on ``job``, if it still has it."""
    ImportJob.objects.filter(pk=job.pk, lease_token=job.lease_token).update(lease_until=None)


def is_exhausted(job: ImportJob) -> bool:
    """Whether the job has been begun more often than it may be: its file kills whoever takes it."""
    return job.attempt_count > MOST_ATTEMPTS


class Heartbeat:
    """Keeps a lease alive while the work runs in this process. On cancel, or when the lease is gone, the running statement is stopped.

    Inside a transaction of the caller (tests) the job's row is not visible to a second connection: then nothing is started.
    """

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._work: Any = None

    def __enter__(self) -> Heartbeat:
        if not connection.in_atomic_block:
            connection.ensure_connection()
            self._work = connection.connection
            self._thread = threading.Thread(target=self._run, name=f"import-{self._lease.job_id}", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """Before the transaction touches the job's row, which the second connection would wait for."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            while not self._stop.wait(_BEAT_SECONDS):
                self._beat()
        finally:
            connection.close()

    def _beat(self) -> None:
        lease = self._lease
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
                cursor.execute(_BEAT, {"rows": lease.rows, "step": lease.step, "seconds": LEASE_SECONDS, "id": lease.job_id, "token": lease.token})
                row = cursor.fetchone()
        except DatabaseError as error:
            # A missed beat is no harm: the lease lasts thirty of them, and the last write asks for it again.
            log.warning("import_heartbeat_failed", job=lease.job_id, error=type(error).__name__)
            connection.close()
            return
        lease.lost = row is None
        lease.cancelled = bool(row and row[0])
        if (lease.lost or lease.cancelled) and not self._stop.is_set():
            self._work.cancel_safe()


def open_jobs(limit: int = 20) -> list[int]:
    """Jobs that wait for a worker or whose worker has died, oldest first; also one that died between a clean check and going on to the import."""
    waiting = Q(status__in=[JobStatus.UPLOADED, JobStatus.CHECKING, JobStatus.APPLYING])
    clean = Q(status=JobStatus.CHECKED, apply_when_clean=True, bad_count=0, conflict_count=0, error_code="", rows_total__gt=0)
    with_time = ImportJob.objects.filter(waiting | clean).extra(where=["(lease_until IS NULL OR lease_until < clock_timestamp())"])
    return list(with_time.order_by("pk").values_list("pk", flat=True)[:limit])
