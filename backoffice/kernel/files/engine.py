"""Checking and applying a job: one transaction that stages the file, checks it set-based, and, when asked, writes.

The stored file is the source of truth: a crash leaves nothing behind and the job is staged again from the start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from decimal import Decimal
from functools import partial
from time import monotonic
from typing import IO, Any

import structlog
from django.conf import settings
from django.core.files import File
from django.db import DatabaseError, OperationalError, connection, transaction
from django.utils import translation

from backoffice.kernel import clock
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.files import checking
from backoffice.kernel.files.choices import BadRows, JobStatus
from backoffice.kernel.files.faults import Cancelled, FileFault, LeaseLost, Overtaken, RepeatedFile, RightsLost
from backoffice.kernel.files.kinds import ImportKind, import_kinds
from backoffice.kernel.files.leases import Heartbeat, Lease, claim, is_exhausted
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.reading import Reading, find_reading, open_records
from backoffice.kernel.files.reporting import write_report
from backoffice.kernel.files.resend import ResendFile
from backoffice.kernel.files.rights import read_stores
from backoffice.kernel.files.staging import Layout, stage
from backoffice.kernel.sql import compile_queryset
from backoffice.kernel.tenancy.choices import StoreStatus

log = structlog.get_logger(__name__)

_RETRIED = {"23505", "40001", "40P01"}  # somebody else wrote the same key, serialization failure, deadlock
_MOST_RETRIES = 5
_QUERY_CANCELLED = "57014"
_DISK_FULL = "53100"
_APPLIED_ONCE = "import_applied_once"
# Advisory locks of imports: this number with the kind's hash and the store; one file with very many stores takes all at once.
_LOCK_SPACE = 0x1F11E5
_MANY_STORES = 200


def run(job: ImportJob, *, status: str, now: datetime) -> ImportJob:
    """Check (``status`` CHECKING) or apply (APPLYING) the job and return it as it stands then.

    Nothing is raised for a refusal of the file or of its rows: the job says REFUSED with ``error_code``. A job that is done, cancelled or
    held by a live worker is returned untouched. An unexpected error is raised after the job was marked FAILED.
    """
    lease = claim(job, status)
    if lease is None:
        job.refresh_from_db()
        return job
    began = monotonic()
    try:
        if is_exhausted(job):
            raise FileFault("too_many_attempts")
        _run_with_retries(job, lease, now=now, began=began)
    except Cancelled:
        _finish(job, lease, JobStatus.CANCELLED, began)
    except LeaseLost:
        log.warning("import_lease_lost", job=job.pk)
    except FileFault as fault:
        _finish(job, lease, JobStatus.FAILED if fault.code == "too_many_attempts" else JobStatus.REFUSED, began, fault)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == _DISK_FULL:
            _finish(job, lease, JobStatus.FAILED, began, FileFault("no_space"))
            raise
        # The server or the connection failed. The lease runs out and the job is taken up again, at most MOST_ATTEMPTS times.
        log.warning("import_interrupted", job=job.pk, error=type(error).__name__)
        raise
    except OSError as error:
        _finish(job, lease, JobStatus.FAILED, began, FileFault("no_space" if error.errno == 28 else "file_missing"))
        raise
    except Exception:
        _finish(job, lease, JobStatus.FAILED, began, FileFault("internal_error"))
        raise
    job.refresh_from_db()
    return job


def _run_with_retries(job: ImportJob, lease: Lease, *, now: datetime, began: float) -> None:
    tries = 0
    if not connection.in_atomic_block:
        with connection.cursor() as cursor:
            checking.refresh_statistics(cursor, import_kinds.get(job.kind).tables)
    while True:
        try:
            with Heartbeat(lease) as heartbeat, transaction.atomic(), connection.wrap_database_errors:
                return _run_once(job, lease, heartbeat, now=now, began=began)
        except Overtaken:
            tries += 1
            if tries > _MOST_RETRIES or connection.in_atomic_block:
                raise
        except DatabaseError as error:
            tries += 1
            sqlstate = getattr(error.__cause__, "sqlstate", None)
            constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
            if sqlstate == _QUERY_CANCELLED:
                lease.check()
            if constraint == _APPLIED_ONCE:
                raise RepeatedFile(first_applied(job) or job.pk) from None
            if sqlstate not in _RETRIED or tries > _MOST_RETRIES or connection.in_atomic_block:
                raise
            log.info("import_retried", job=job.pk, sqlstate=sqlstate, constraint=constraint)


def _run_once(job: ImportJob, lease: Lease, heartbeat: Heartbeat, *, now: datetime, began: float) -> None:
    kind = import_kinds.get(job.kind)
    applying = job.status == JobStatus.APPLYING
    if applying and (first := first_applied(job)):
        raise RepeatedFile(first)
    stores = read_stores(job, kind)
    with stored_file(job) as source, connection.cursor() as cursor, translation.override(_language(job)):
        cursor.execute(checking.SETTINGS)
        checking.clear_tables(cursor)
        lease.at("reading")
        reading = find_reading(source, kind, store_given=job.store_id is not None, by_hand=job.reading.get("by_hand"))
        if reading.missing:
            raise FileFault("missing_columns", columns=", ".join(reading.missing))
        params = {
            "job": job.pk, "now": now, "today": clock.local_day(now), "zone": settings.TIME_ZONE, "by": job.uploaded_by_id, "store": job.store_id,
        }  # fmt: skip
        layout = Layout(kind, reading)
        _list_stores(cursor, job, kind, stores)
        job.rows_total = reading.lines
        lease.at("staging")
        with closing(open_records(source, reading)) as records:
            staged = stage(cursor, layout, records, lease.on_rows)
        if staged.rows == 0:
            raise FileFault("no_rows")
        lease.at("checking")
        checking.check_cells(cursor, layout)
        if applying:
            lease.at("waiting")
            _lock_stores(cursor, kind)
        lease.at("comparing")
        checking.run_checks(cursor, layout, params)
        checking.classify(cursor, layout, params)
        counts = checking.count(cursor, layout, params)
        _take_counts(job, counts, staged.rows, staged.blank, reading)
        lease.at("reporting")
        resend = ResendFile(source, reading)
        if counts.bad or counts.conflict:
            job.notes["problems"] = write_report(connection.connection, job, layout, resend)
        _keep_resend_file(job, resend)
        _note_foreign_stores(cursor, job, layout, now)
        _note_audited_problems(cursor, job, kind, now)
        refusal = _refusal(job, kind, counts, applying)
        if applying and refusal is None:
            lease.at("applying")
            _apply(cursor, kind, params)
            _read_rights_again(cursor, job, kind)
            job.applied_total = counts.applied_total
            # Deferred checks now, while the lease is kept: the commit itself is short.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            lease.at("committing")
        heartbeat.stop()
        lease.check()
        _write_end(job, lease, now=now, applying=applying, refusal=refusal, seconds=monotonic() - began)


def _language(job: ImportJob) -> str:
    return job.uploaded_by.language if job.uploaded_by else settings.LANGUAGE_CODE


@contextmanager
def stored_file(job: ImportJob) -> Iterator[IO[bytes]]:
    """The job's file, opened for reading."""
    with job.file.storage.open(str(job.file.name), "rb") as opened:
        assert opened.file is not None  # noqa: S101 - it has just been opened
        yield opened.file


def first_applied(job: ImportJob) -> int | None:
    """The job that applied the same file for the same kind and store, if there is one."""
    same = ImportJob.objects.filter(kind=job.kind, store=job.store_id, file_hash=job.file_hash, status=JobStatus.APPLIED)
    return same.exclude(pk=job.pk).values_list("pk", flat=True).first()


def _list_stores(cursor: Any, job: ImportJob, kind: ImportKind, stores: Any) -> None:
    """``import_store``: codes that rows may name. The store named outside the file also stands for a blank cell (code '')."""
    cursor.execute("CREATE TEMP TABLE import_store (code text, id bigint, is_closed boolean) ON COMMIT DROP")
    if not kind.has_store:
        return
    wanted = stores.filter(pk=job.store_id) if job.store_id else stores
    sql, params = compile_queryset(wanted.order_by().values_list("code", "pk", "status"))
    cursor.execute(f"INSERT INTO import_store SELECT code, id, status = '{StoreStatus.CLOSED.value}' FROM ({sql}) AS found (code, id, status)", params)  # noqa: S608
    if job.store_id:
        cursor.execute("INSERT INTO import_store SELECT '', id, is_closed FROM import_store")
    cursor.execute("ANALYZE import_store")


def _lock_stores(cursor: Any, kind: ImportKind) -> None:
    """One import of a kind at a time in each store; locks are taken in order of the store's id and end with the transaction."""
    space = _LOCK_SPACE + int.from_bytes(hashlib.sha256(kind.code.encode()).digest()[:2], "big")
    if not kind.has_store:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [space])
        return
    cursor.execute("SELECT DISTINCT store_id FROM import_checked WHERE NOT is_bad ORDER BY store_id")
    ids = [row[0] for row in cursor.fetchall()]
    if len(ids) > _MANY_STORES:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [space])
        return
    cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, 0)", [space])
    for store_id in ids:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [space, store_id % 2**31 or 1])


def _take_counts(job: ImportJob, counts: checking.Counts, rows: int, blank: int, reading: Reading) -> None:
    job.rows_total = job.rows_done = rows
    job.created_count, job.updated_count, job.unchanged_count = counts.created, counts.updated, counts.unchanged
    job.conflict_count, job.bad_count = counts.conflict, counts.bad
    job.file_total = counts.file_total
    job.notes = counts.notes | ({"blank_rows": blank} if blank else {}) | ({"hidden_rows": reading.hidden_rows} if reading.hidden_rows else {})
    job.reading = reading.as_json()


def _keep_resend_file(job: ImportJob, resend: ResendFile) -> None:
    """Replace the job's fix-and-resend file. A file left by a transaction that fails later is orphaned, never wrong."""
    if job.errors_file:
        transaction.on_commit(partial(job.errors_file.storage.delete, str(job.errors_file.name)))
        job.errors_file = ""
    content = resend.finish()
    if content is not None:
        with content:
            suffix = "xlsx" if job.reading["format"] == "xlsx" else "csv"
            stem = str(job.file.name).rpartition("/")[2].partition(".")[0]
            job.errors_file.save(f"{stem}-fix.{suffix}", File(content), save=False)


def _refusal(job: ImportJob, kind: ImportKind, counts: checking.Counts, applying: bool) -> FileFault | None:
    """Why nothing of the file may be applied, if so. In a dry run only a wrong control total is told."""
    typed = job.control_total
    if kind.has_control_total and typed is not None and typed != counts.file_total:
        return FileFault("control_total_differs", typed=_yuan(typed), found=_yuan(counts.file_total))
    if not applying:
        return None
    if kind.has_control_total and typed is None:
        return FileFault("control_total_missing", found=_yuan(counts.file_total))
    if (counts.bad or counts.conflict) and job.on_bad_rows == BadRows.ABORT:
        return FileFault("bad_rows", bad=counts.bad, conflict=counts.conflict)
    if counts.bad + counts.conflict == job.rows_total:
        return FileFault("nothing_good")
    return None


def _yuan(amount: Decimal | None) -> str:
    return f"{amount or Decimal(0):.2f}"


def _apply(cursor: Any, kind: ImportKind, params: dict[str, Any]) -> None:
    for step in kind.apply:
        checking.run_step(cursor, step, params)


def _read_rights_again(cursor: Any, job: ImportJob, kind: ImportKind) -> None:
    """The user, the seats and the stores as they are now, not as they were when the file was handed in."""
    stores = read_stores(job, kind)
    if not kind.has_store:
        return
    cursor.execute("SELECT DISTINCT store_id FROM import_checked WHERE NOT is_bad")
    touched = {row[0] for row in cursor.fetchall()}
    if set(stores.filter(pk__in=touched).exclude(status=StoreStatus.CLOSED).values_list("pk", flat=True)) != touched:
        raise RightsLost


def _note_foreign_stores(cursor: Any, job: ImportJob, layout: Layout, now: datetime) -> None:
    """A row for a store of somebody else reads like a row for no store; that it happened is kept for the auditors.

    The event is about the user: one about the job would stand in the history that the merchant reads, and tell which codes exist.
    """
    if job.uploaded_by is None or not layout.kind.has_store or "store" not in layout.reading.columns:
        return
    cursor.execute(
        "SELECT count(*) FROM import_staged s JOIN import_checked c USING (line) JOIN tenancy_store t ON t.code = s.cell_store WHERE c.fault_bits & %s <> 0",
        [checking.BAD_STORE],
    )
    found = cursor.fetchone()[0]
    if found:
        record_event("import.foreign_store_named", target=job.uploaded_by, by=job.uploaded_by, now=now, store=job.store_id, job=job.pk, rows=found)


def _note_audited_problems(cursor: Any, job: ImportJob, kind: ImportKind, now: datetime) -> None:
    """One event a job for each kind of problem that the auditors count, however often the file is checked."""
    if not kind.audited:
        return
    cursor.execute("SELECT code, count(*) FROM import_problem WHERE code = ANY(%s) GROUP BY code", [list(kind.audited)])
    for code, number in cursor.fetchall():
        verb = kind.audited[code]
        if not AuditEvent.objects.filter(target_type=job._meta.label_lower, target_id=job.pk, verb=verb).exists():
            record_event(verb, target=job, by=job.uploaded_by, now=now, store=job.store_id, rows=number)


def _write_end(job: ImportJob, lease: Lease, *, now: datetime, applying: bool, refusal: FileFault | None, seconds: float) -> None:
    """The job's new state, in the transaction of the work. Refused when the lease is not ours any more: then nothing is kept."""
    if refusal is not None and (applying or refusal.code != "control_total_differs"):
        status = JobStatus.REFUSED
    else:
        status = JobStatus.APPLIED if applying else JobStatus.CHECKED
    moment = clock.database_now()
    done = ImportJob.objects.filter(pk=job.pk, lease_token=lease.token, status=job.status, cancel_requested=False).update(
        status=status, rows_total=job.rows_total, rows_done=job.rows_done, created_count=job.created_count, updated_count=job.updated_count,
        unchanged_count=job.unchanged_count, conflict_count=job.conflict_count, bad_count=job.bad_count, notes=job.notes, reading=job.reading,
        file_total=job.file_total, applied_total=job.applied_total if status == JobStatus.APPLIED else None, errors_file=job.errors_file.name or "",
        error_code=refusal.code if refusal else "", error_params=refusal.facts if refusal else {}, step="", seconds=seconds, finished_at=moment,
        applied_at=moment if status == JobStatus.APPLIED else None, lease_token=None, lease_until=None, attempt_count=0,
    )  # fmt: skip
    if not done:
        if ImportJob.objects.filter(pk=job.pk, cancel_requested=True).exists():
            raise Cancelled
        raise LeaseLost
    if applying:
        record_event(
            f"import.{status.lower()}", target=job, by=job.uploaded_by, now=now, store=job.store_id, kind=job.kind, rows=job.rows_total,
            created=job.created_count, updated=job.updated_count, unchanged=job.unchanged_count, conflict=job.conflict_count, bad=job.bad_count,
            code=refusal.code if refusal else "",
        )  # fmt: skip


def _finish(job: ImportJob, lease: Lease, status: str, began: float, fault: FileFault | None = None) -> None:
    """The end of a job of which nothing is kept."""
    ImportJob.objects.filter(pk=job.pk, lease_token=lease.token).update(
        status=status, error_code=fault.code if fault else "", error_params=fault.facts if fault else {}, step="", finished_at=clock.database_now(),
        seconds=monotonic() - began, lease_token=None, lease_until=None, attempt_count=0 if status != JobStatus.FAILED else job.attempt_count,
    )  # fmt: skip
