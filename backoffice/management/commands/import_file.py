"""``import_file``: one file, imported in this process, for scripts and operators."""

from __future__ import annotations

import json
import threading
from argparse import ArgumentTypeError
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import translation

from backoffice.kernel import clock
from backoffice.kernel.errors import BusinessError, StateConflict
from backoffice.kernel.files.choices import BadRows, JobStatus
from backoffice.kernel.files.columns import ColumnError, Money
from backoffice.kernel.files.faults import FileFault, RepeatedFile
from backoffice.kernel.files.kinds import import_kinds
from backoffice.kernel.files.leases import release
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.problems import sentence_for
from backoffice.kernel.files.rights import COMMAND
from backoffice.kernel.files.services import apply_job, cancel_job, check_job, create_job
from backoffice.kernel.tenancy.models import Store, User

_FIRST_ERRORS = 100


def amount(text: str) -> Decimal:
    try:
        value: Decimal | None = Money().clean(text)
    except ColumnError:
        value = None
    if value is None:
        raise ArgumentTypeError(f"{text!r} is not an amount in yuan with at most two decimals")
    return value


class Command(BaseCommand):
    help = "Imports a file (CSV, TSV or XLSX, plain, zipped or gzipped). Exit code 0 when it was applied, checked without a fault, or applied before."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=sorted(import_kinds.codes()))
        parser.add_argument("path", type=Path)
        parser.add_argument("--store", help="code of the store whose rows these are, when the file does not say")
        parser.add_argument("--user", help="log-in name of whoever imports; without it the system does")
        parser.add_argument("--dry-run", action="store_true", help="check the whole file, change nothing")
        parser.add_argument("--control-total", type=amount, help="sum of principal and bonus of all rows, in yuan; required for credit")
        parser.add_argument("--on-bad-rows", choices=BadRows.values, default=BadRows.ABORT.value)
        parser.add_argument("--encoding", help="utf-8, utf-16 or gb18030, instead of finding it out")
        parser.add_argument("--json", action="store_true", help="answer as one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        by = self._user(options["user"])
        with translation.override(by.language if by else settings.LANGUAGE_CODE):
            answer, ok = self._import(by, options)
            self.stdout.write(json.dumps(answer, ensure_ascii=False) if options["json"] else _as_text(answer))
        if not ok:
            raise SystemExit(1)

    def _import(self, by: User | None, options: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        now = clock.database_now()
        try:
            with options["path"].open("rb") as content:
                job = create_job(
                    kind=options["kind"], content=content, file_name=options["path"].name, store=self._store(options["store"]), console=COMMAND, by=by,
                    now=now, on_bad_rows=options["on_bad_rows"], control_total=options["control_total"],
                    by_hand={"encoding": options["encoding"]} if options["encoding"] else None,
                )  # fmt: skip
        except RepeatedFile as fault:
            return {"repeated": True, "job": fault.facts["job"], "kind": options["kind"]}, True
        except FileFault as fault:
            return _refused(options["kind"], fault), False
        except BusinessError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{options['path']}: {error.strerror or error}") from None
        try:
            with _Progress(job, self.stderr):
                job = check_job(job=job, now=now) if options["dry_run"] else apply_job(job=job, now=now)
        except KeyboardInterrupt:
            # Whoever stops the command wants nothing imported: without this a worker would take the job up again.
            release(job)
            with suppress(StateConflict):  # it had ended
                cancel_job(job=job, by=by, now=now)
            self.stderr.write("interrupted; the import was cancelled" if job.status == JobStatus.CANCELLED else "interrupted")
            raise SystemExit(130) from None
        if job.error_code == "repeated":
            return {"repeated": True, "job": job.error_params["job"], "kind": job.kind}, True
        wanted = JobStatus.CHECKED if options["dry_run"] else JobStatus.APPLIED
        ok = job.status == wanted and not job.error_code
        if options["dry_run"] and options["on_bad_rows"] == BadRows.ABORT:
            ok = ok and not job.bad_count and not job.conflict_count
        return _answer(job, dry_run=options["dry_run"]), ok

    def _user(self, name: str | None) -> User | None:
        if name is None:
            return None
        user: User | None = User.objects.filter(username=name, is_active=True).first()
        if user is None:
            raise CommandError(f"there is no active user {name!r}")
        return user

    def _store(self, code: str | None) -> Store | None:
        if code is None:
            return None
        store = Store.objects.filter(code=code).first()
        if store is None:
            raise CommandError(f"there is no store {code!r}")
        return store


def _answer(job: ImportJob, *, dry_run: bool) -> dict[str, Any]:
    """The stable answer of ``docs/interfaces.md``. Counts say what was done, in a dry run what would be: of a refused file nothing was."""
    problems = job.problems.order_by("line", "id")[:_FIRST_ERRORS]
    errors = [
        {"line": problem.line, "column": problem.column, "value": problem.value, "code": problem.code, "message": sentence_for(problem.code)}
        for problem in problems
    ]
    if job.error_code and job.error_code != "bad_rows":
        errors.insert(0, _file_error(FileFault(job.error_code, **job.error_params)))
    done = job.status == JobStatus.APPLIED or dry_run
    answer = {
        "job": job.pk, "kind": job.kind, "status": job.status, "rows": job.rows_total, "created": job.created_count * done,
        "updated": job.updated_count * done, "unchanged": job.unchanged_count * done, "conflict": job.conflict_count, "bad": job.bad_count,
        "errors": errors[:_FIRST_ERRORS], "errors_file": job.errors_file.path if job.errors_file else None,
        "notes": job.notes, "seconds": round(job.seconds, 3),
        "rows_per_second": round(job.rows_total / job.seconds) if job.seconds else 0, "dry_run": dry_run,
    }  # fmt: skip
    if import_kinds.get(job.kind).has_control_total:
        answer["control_total"] = str(job.control_total) if job.control_total is not None else None
        answer["file_total"] = str(job.file_total) if job.file_total is not None else None
        answer["applied_total"] = str(job.applied_total) if job.applied_total is not None else None
    return answer


def _refused(kind: str, fault: FileFault) -> dict[str, Any]:
    """The answer for a file that could not even become a job."""
    return {
        "job": None, "kind": kind, "status": JobStatus.REFUSED.value, "rows": 0, "created": 0, "updated": 0, "unchanged": 0, "conflict": 0, "bad": 0,
        "errors": [_file_error(fault)], "errors_file": None, "notes": {}, "seconds": 0, "rows_per_second": 0,
    }  # fmt: skip


def _file_error(fault: FileFault) -> dict[str, Any]:
    return {"line": fault.facts.get("line", 0), "column": "", "value": "", "code": fault.code, "message": str(fault)}


def _as_text(answer: dict[str, Any]) -> str:
    lines = [f"{name}: {value}" for name, value in answer.items() if name != "errors"]
    lines += [f"  {error['line']} {error['column']} {error['value']} {error['code']}: {error['message']}" for error in answer.get("errors", [])]
    return "\n".join(lines)


class _Progress:
    """A line on standard error every few seconds, read through a connection of its own."""

    def __init__(self, job: ImportJob, target: Any) -> None:
        self._job = job
        self._target = target
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.wait(2.0):
                found = ImportJob.objects.filter(pk=self._job.pk).values_list("rows_done", "step").first()
                if found:
                    self._target.write(f"{found[0]} / ~{self._job.reading.get('lines', 0)} {found[1]}")
        finally:
            connection.close()
