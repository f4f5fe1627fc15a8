"""What people do with an import job. The work itself is ``engine.run``."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import IO, Any

import structlog
from django.core.files import File
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, NotAllowed, NotFound, StateConflict
from backoffice.kernel.files import engine
from backoffice.kernel.files.choices import JOB_TRANSITIONS, BadRows, JobStatus
from backoffice.kernel.files.faults import FileFault, RepeatedFile, RightsLost
from backoffice.kernel.files.kinds import ImportKind, import_kinds
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.reading import find_reading
from backoffice.kernel.files.rights import writable_stores
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.access import allows, stores_of
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.roles import Console

log = structlog.get_logger(__name__)

_PIECE = 1 << 20
_SUFFIXES = ("csv", "tsv", "txt", "xlsx", "gz", "zip")
_NAME_LENGTH = 80


def create_job(
    *, kind: str, content: IO[bytes], file_name: str, store: Store | None, console: str, by: User | None, now: datetime,
    by_hand: Mapping[str, Any] | None = None, on_bad_rows: str = BadRows.ABORT, control_total: Decimal | None = None,
    resend_of: ImportJob | None = None, apply_when_clean: bool = False,
) -> ImportJob:  # fmt: skip
    """Store a file and the job for it, state UPLOADED. ``content`` can seek.

    ``resend_of``: the job whose bad rows this file holds, mended. ``apply_when_clean``: a dry run that finds nothing to ask goes on to the import.

    Raises ``NotAllowed`` (role), ``NotFound`` (kind, or a store that is not the user's), ``RepeatedFile`` (applied before: nothing is
    stored) and ``FileFault`` (cannot be read). Required columns that are not mapped are told in ``job.reading["missing"]``.
    """
    if kind not in import_kinds:
        raise NotFound(_("There is no such kind of import."))
    declared = import_kinds.get(kind)
    _require_rights(declared, console=console, by=by, store=store)
    digest, size = _hash(content)
    job = ImportJob(
        kind=kind, store=store, console=console, uploaded_by=by, file_name=clean_name(file_name), file_hash=digest, file_size=size,
        on_bad_rows=on_bad_rows, control_total=control_total, resend_of=resend_of, handed_in_by=by,
        apply_when_clean=apply_when_clean and (control_total is not None or not declared.has_control_total),
    )  # fmt: skip
    if by is not None and console == Console.MERCHANT:
        job.uploader_stores = list(stores_of(by, declared.permission).order_by("pk").values_list("pk", flat=True))
    if first := engine.first_applied(job):
        raise RepeatedFile(first)
    content.seek(0)
    job.reading = find_reading(content, declared, store_given=store is not None, by_hand=by_hand).as_json()
    content.seek(0)
    job.file.save(_storage_name(file_name), File(content), save=False)
    with transaction.atomic():
        job.save()
        job.refresh_from_db()
        record_event("import.handed_in", target=job, by=by, now=now, store=store, kind=kind, bytes=size)
    return job


def change_reading(*, job: ImportJob, by_hand: Mapping[str, Any], by: User | None, now: datetime, store: Store | None = None) -> ImportJob:
    """Read the file as corrected by hand (encoding, delimiter, header_row, sheet, columns); the job waits to be checked again.

    ``store``: names the store of a file that does not say it; None leaves the job's as it is.
    """
    kind = import_kinds.get(job.kind)
    store = store or job.store
    _require_rights(kind, console=job.console, by=by, store=store)
    with engine.stored_file(job) as source:
        reading = find_reading(source, kind, store_given=store is not None, by_hand=by_hand)
    with transaction.atomic():
        if job.status == JobStatus.UPLOADED:
            changed = ImportJob.objects.filter(pk=job.pk, status=JobStatus.UPLOADED).update(reading=reading.as_json(), store=store)
            if not changed:
                raise StateConflict(_("This was changed by somebody else meanwhile. Load the page again and look before you act."))
        else:
            transition(job, JobStatus.CHECKING, table=JOB_TRANSITIONS, reading=reading.as_json(), store=store, attempt_count=0, cancel_requested=False)
        record_event("import.reading_changed", target=job, by=by, now=now, store=store)
    job.refresh_from_db()
    return job


def request_apply(*, job: ImportJob, on_bad_rows: str, control_total: Decimal | None, by: User | None, now: datetime) -> ImportJob:
    """Ask for the job to be applied: it waits in APPLYING for a worker. The rights are then those of ``by``."""
    kind = import_kinds.get(job.kind)
    _require_rights(kind, console=job.console, by=by, store=job.store)
    if first := engine.first_applied(job):
        raise RepeatedFile(first)
    if job.reading.get("missing"):
        raise FileFault("missing_columns", columns=", ".join(job.reading["missing"]))
    if kind.has_control_total and control_total is None:
        raise FileFault("control_total_missing", found=str(job.file_total or "?"))
    if kind.has_control_total and job.file_total is not None and control_total != job.file_total:
        raise FileFault("control_total_differs", typed=f"{control_total:.2f}", found=f"{job.file_total:.2f}")
    with transaction.atomic():
        transition(
            job, JobStatus.APPLYING, table=JOB_TRANSITIONS, on_bad_rows=on_bad_rows, control_total=control_total, uploaded_by=by or job.uploaded_by,
            attempt_count=0, lease_token=None, lease_until=None, rows_done=0,
        )  # fmt: skip
        record_event("import.apply_requested", target=job, by=by, now=now, store=job.store_id, on_bad_rows=on_bad_rows)
    return job


def check_job(*, job: ImportJob, now: datetime) -> ImportJob:
    """Dry run of the whole file in this process. See ``engine.run`` for what is raised."""
    return engine.run(job, status=JobStatus.CHECKING, now=now)


def apply_job(*, job: ImportJob, now: datetime) -> ImportJob:
    """Stage, check and apply the file in this process. See ``engine.run`` for what is raised."""
    return engine.run(job, status=JobStatus.APPLYING, now=now)


def resume_job(*, job: ImportJob, now: datetime) -> ImportJob:
    """What the job waits for: a check, being applied, or the one after the other. Harmless when it waits for nothing or another worker has it."""
    if job.status == JobStatus.APPLYING:
        return apply_job(job=job, now=now)
    if job.status in (JobStatus.UPLOADED, JobStatus.CHECKING):
        job = check_job(job=job, now=now)
    if not _goes_on(job):
        return job
    try:
        request_apply(job=job, on_bad_rows=BadRows.ABORT, control_total=job.control_total, by=job.uploaded_by, now=now)
    except BusinessError as refusal:
        # Rights, or the same file, meanwhile: the job stays as checked and its page says what to do. It is not tried again by itself.
        log.info("import_not_continued", job=job.pk, code=refusal.code)
        ImportJob.objects.filter(pk=job.pk, status=JobStatus.CHECKED).update(apply_when_clean=False)
        return job
    return apply_job(job=job, now=now)


def _goes_on(job: ImportJob) -> bool:
    """Whether the import follows the dry run without a further question, as chosen when the file was handed in."""
    is_clean = not (job.bad_count or job.conflict_count or job.error_code) and job.rows_total > 0
    has_total = not import_kinds.get(job.kind).has_control_total or job.control_total is not None
    return job.status == JobStatus.CHECKED and job.apply_when_clean and is_clean and has_total


def cancel_job(*, job: ImportJob, by: User | None, now: datetime) -> ImportJob:
    """Stop the job. One that nobody works on is cancelled at once, a running one within about a second; nothing of it is kept.

    Who may import such a file may stop it, and so may staff of the platform who look after imports. Raises ``StateConflict`` when it has
    ended already.
    """
    if not allows(by, "files.change_importjob", console=Console.PLATFORM):
        _require_rights(import_kinds.get(job.kind), console=job.console, by=by, store=job.store)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE files_importjob SET
                cancel_requested = true,
                status = CASE WHEN lease_until > clock_timestamp() THEN status ELSE %s END,
                finished_at = CASE WHEN lease_until > clock_timestamp() THEN finished_at ELSE clock_timestamp() END,
                lease_token = CASE WHEN lease_until > clock_timestamp() THEN lease_token END
            WHERE id = %s AND status = ANY(%s)
            """,
            [JobStatus.CANCELLED.value, job.pk, [source for source, targets in JOB_TRANSITIONS.items() if JobStatus.CANCELLED in targets]],
        )
        if not cursor.rowcount:
            raise StateConflict(_("This import has ended already."))
        record_event("import.cancel_requested", target=job, by=by, now=now, store=job.store_id)
    job.refresh_from_db()
    return job


def clean_name(name: str) -> str:
    """A file's name for people: no path, no control or direction characters, at most 80 characters, the ending kept."""
    base = re.split(r"[/\\]", name)[-1]
    visible = "".join(letter for letter in base if letter.isprintable()).strip() or "file"
    if len(visible) <= _NAME_LENGTH:
        return visible
    stem, dot, ending = visible.rpartition(".")
    keep = f"…{dot}{ending[:8]}" if stem else "…"
    return visible[: _NAME_LENGTH - len(keep)] + keep


def _storage_name(name: str) -> str:
    ending = name.rpartition(".")[2].lower()
    return f"{uuid.uuid4().hex}.{ending if ending in _SUFFIXES else 'bin'}"


def _hash(content: IO[bytes]) -> tuple[str, int]:
    content.seek(0)
    digest, size = hashlib.sha256(), 0
    while piece := content.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    if not size:
        raise FileFault("empty_file")
    return digest.hexdigest(), size


def _require_rights(kind: ImportKind, *, console: str, by: User | None, store: Store | None) -> None:
    try:
        stores = writable_stores(kind, console=console, user=by)
    except RightsLost:
        raise NotAllowed(_("Your role does not include this import.")) from None
    if store is not None and not stores.filter(pk=store.pk).exists():
        raise NotFound(_("There is no such store."))
