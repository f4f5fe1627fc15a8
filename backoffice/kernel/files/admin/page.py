"""The page of one import: what was understood, how far it is, what came out, and what can be done next."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db.models import Count
from django.http import HttpRequest

from backoffice.kernel.admin.display import list_url
from backoffice.kernel.files import words
from backoffice.kernel.files.admin.reach import jobs_in_reach, kind_of, rights_on
from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.engine import stored_file
from backoffice.kernel.files.faults import FileFault
from backoffice.kernel.files.kinds import ImportKind
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.preview import Preview, preview_rows
from backoffice.kernel.files.problems import sentence_for
from backoffice.kernel.files.reading import Reading

PROBLEMS_SHOWN = 50
# Refusals that another reading of the same file may mend.
_CORRECTABLE = {"missing_columns", "unknown_header", "broken_bytes", "duplicate_header", "no_rows", "unclosed_quote"}


@dataclass(frozen=True)
class ProblemRow:
    """One fault for the table: where, what stands there, what is wrong and how to mend it."""

    line: int
    column: str
    value: str
    sentence: str
    is_conflict: bool


@dataclass(frozen=True)
class ProblemGroup:
    """How many rows share one fault in one column."""

    column: str
    sentence: str
    number: int


def list_problems(job: ImportJob, kind: ImportKind | None, first: int) -> tuple[list[ProblemRow], bool]:
    """``PROBLEMS_SHOWN`` faults in file order from number ``first``, and whether there are more."""
    titles = words.column_titles(kind)
    found = list(job.problems.order_by("line", "id")[first : first + PROBLEMS_SHOWN + 1])
    rows = [ProblemRow(row.line, titles.get(row.column, row.column), row.value, sentence_for(row.code), row.is_conflict) for row in found[:PROBLEMS_SHOWN]]
    return rows, len(found) > PROBLEMS_SHOWN


def count_problems(job: ImportJob, kind: ImportKind | None) -> list[ProblemGroup]:
    """What is wrong most often, first."""
    titles = words.column_titles(kind)
    groups = job.problems.values("column", "code").annotate(number=Count("line", distinct=True)).order_by("-number", "column", "code")[:12]
    return [ProblemGroup(titles.get(group["column"], group["column"]), sentence_for(group["code"]), group["number"]) for group in groups]


def read_preview(job: ImportJob, kind: ImportKind) -> tuple[Preview | None, str]:
    """The first rows as understood, or the sentence that says why they cannot be shown."""
    if not job.reading.get("headers"):
        return None, ""
    try:
        with stored_file(job) as source:
            return preview_rows(source, kind, Reading(**job.reading)), ""
    except FileFault as fault:
        return None, str(fault)
    except FileNotFoundError:
        return None, sentence_for("file_missing")


def job_context(request: HttpRequest, console: str, job: ImportJob, first_problem: int = 0) -> dict[str, Any]:
    """Everything the page shows except the console's own frame."""
    user, kind = request.user, kind_of(job)
    rights = rights_on(user, console, job)
    first_problem = first_problem if rights.reads_rows else 0
    rows, more = list_problems(job, kind, first_problem) if words.bad_rows(job) and rights.reads_rows else ([], False)
    context: dict[str, Any] = {
        "job": job,
        "kind": kind,
        "may_act": rights.acts,
        "may_cancel": rights.cancels,
        "may_read_file": rights.takes_file,
        "shares": _with_links(console, job, kind),
        "good_rows": words.good_rows(job),
        "bad_rows": words.bad_rows(job),
        "problems": rows,
        "problem_groups": count_problems(job, kind) if words.bad_rows(job) else [],
        "first_problem": first_problem,
        "next_problems": first_problem + PROBLEMS_SHOWN if more else None,
        "earlier_problems": max(0, first_problem - PROBLEMS_SHOWN) if first_problem else None,
        "notes": words.note_sentences(job),
        "refusal": words.refusal_sentence(job, kind),
        "totals": _totals(job, kind),
        "size": words.size_words(job.file_size),
        "took": words.duration_words(job.seconds) if job.seconds else "",
        "same_file": _first_of_same_file(user, console, job),
        "resends": list(jobs_in_reach(user, console).filter(resend_of=job).order_by("-pk")[:5]) if words.bad_rows(job) else [],
        "resend_of": jobs_in_reach(user, console).filter(pk=job.resend_of_id).first() if job.resend_of_id else None,
        "takes_mended": rights.acts and words.bad_rows(job) > 0 and job.status in (JobStatus.CHECKED, JobStatus.APPLIED, JobStatus.REFUSED),
        "is_finished": job.status in (JobStatus.APPLIED, JobStatus.CANCELLED),
    }
    if rights.reads_rows and kind is not None:
        context["preview"], context["preview_fault"] = read_preview(job, kind)
        context["missing"] = words.missing_words(job, kind)
        context["may_correct"] = rights.corrects and (
            job.status == JobStatus.CHECKED or job.status in (JobStatus.REFUSED, JobStatus.FAILED) or bool(context["missing"])
        )
        of_the_reading = job.status == JobStatus.REFUSED and job.error_code in _CORRECTABLE
        context["show_correction"] = bool(context["missing"]) or of_the_reading or job.status == JobStatus.FAILED
    return context


def _with_links(console: str, job: ImportJob, kind: ImportKind | None) -> list[words.Share]:
    """Parts of the bar. After the import, what was written leads to the list where such rows are shown, cut to the store."""
    parts = words.shares(job)
    if job.status != JobStatus.APPLIED or kind is None or not kind.shown_in:
        return parts
    url = list_url(console, apps.get_model(kind.shown_in), f"store__id__exact={job.store_id}" if job.store_id and kind.has_store else "")
    return [
        words.Share(part.code, part.label, part.number, part.percent, url if part.number and part.code in ("create", "update", "unchanged") else "")
        for part in parts
    ]


@dataclass(frozen=True)
class Totals:
    """Sums in yuan: of the file, of what the operator typed, of what was or would be written."""

    file: Decimal | None
    typed: Decimal | None
    applied: Decimal | None
    fits: bool
    difference: Decimal | None


def _totals(job: ImportJob, kind: ImportKind | None) -> Totals | None:
    if kind is None or not kind.has_control_total or job.file_total is None:
        return None
    difference = job.file_total - job.control_total if job.control_total is not None else None
    return Totals(job.file_total, job.control_total, job.applied_total, difference == 0, difference)


def _first_of_same_file(user: Any, console: str, job: ImportJob) -> ImportJob | None:
    """The import that this file was recognised as a repeat of, when the user may see it."""
    if job.error_code != "repeated":
        return None
    return jobs_in_reach(user, console).filter(pk=job.error_params.get("job")).first()
