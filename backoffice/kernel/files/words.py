"""What screens say about an import: steps, states, remarks, columns, people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from backoffice.kernel.admin.display import BAD, BUSY, GOOD, PLAIN, WARN
from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.kinds import Column, ImportKind, import_kinds
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.problems import sentence_for
from backoffice.kernel.tenancy.selectors.people import name_person

RUNNING = (JobStatus.UPLOADED, JobStatus.CHECKING, JobStatus.APPLYING)

TONES = {
    JobStatus.UPLOADED.value: BUSY,
    JobStatus.CHECKING.value: BUSY,
    JobStatus.CHECKED.value: WARN,
    JobStatus.APPLYING.value: BUSY,
    JobStatus.APPLIED.value: GOOD,
    JobStatus.REFUSED.value: BAD,
    JobStatus.FAILED.value: BAD,
    JobStatus.CANCELLED.value: PLAIN,
}

# Step of the engine -> words, and the share of the bar before it; staging fills the share up to the next by rows.
_STEPS: dict[str, tuple[Any, int]] = {
    "reading": (gettext_lazy("Reading the file"), 1),
    "staging": (gettext_lazy("Reading the rows"), 3),
    "checking": (gettext_lazy("Checking every cell"), 55),
    "waiting": (gettext_lazy("Waiting for another import into the same store"), 65),
    "comparing": (gettext_lazy("Comparing with what is there"), 70),
    "reporting": (gettext_lazy("Writing down the bad rows"), 80),
    "applying": (gettext_lazy("Writing the rows"), 85),
    "committing": (gettext_lazy("Finishing"), 97),
}
_STAGED = 55


def step_words(job: ImportJob) -> str:
    """What the worker that has the job does at present; it says so about a second after it began."""
    return str(_STEPS.get(job.step or "reading", _STEPS["checking"])[0])


def rows_expected(job: ImportJob) -> int:
    """Rows of the file: as counted by the last run, before it as the number of lines says."""
    return job.rows_total or max(0, int(job.reading.get("lines") or 0) - int(job.reading.get("header_row") or 0))


def percent_done(job: ImportJob) -> int:
    """How much of the work is done, 0 to 99; reading the rows is about half of it."""
    start = _STEPS.get(job.step or "reading", _STEPS["checking"])[1]
    total = rows_expected(job)
    if job.step != "staging" or not total:
        return start
    return start + int((_STAGED - start) * min(job.rows_done / total, 1))


DELIMITER_CODES = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|"}
"""Names in forms of what separates the cells of a row."""


def kind_name(job: ImportJob) -> str:
    """Name of what was imported; the code when this release no longer has it."""
    return str(import_kinds.get(job.kind).name) if job.kind in import_kinds else job.kind


def person_words(job: ImportJob, console: str) -> str:
    """Who handed the file in. To merchants, staff of the platform have no name."""
    person = job.uploaded_by
    return _("The system") if person is None else name_person(person, console)


def is_chinese() -> bool:
    return (get_language() or "").startswith("zh")


def column_title(column: Column) -> str:
    """Header of a column in the language of the page."""
    return column.header_zh if is_chinese() else column.name


def column_titles(kind: ImportKind | None) -> dict[str, str]:
    return {column.name: column_title(column) for column in kind.file_columns} if kind else {}


def note_sentences(job: ImportJob) -> list[tuple[str, int]]:
    """Counted remarks in words, without those of count zero and the engine's own count of faults, which the table shows."""
    return [(sentence_for(code).rstrip(".。"), number) for code, number in job.notes.items() if number and code != "problems"]


@dataclass(frozen=True)
class Share:
    """One part of the stacked bar. ``tone`` names its colour in the style sheet."""

    code: str
    label: str
    number: int
    percent: float
    url: str = ""


def shares(job: ImportJob) -> list[Share]:
    """What becomes of the rows: create, change, nothing, a person must decide, bad. Parts of zero are left out of the bar, not of the legend."""
    parts = [
        ("create", _("New"), job.created_count),
        ("update", _("Changed"), job.updated_count),
        ("unchanged", _("Unchanged"), job.unchanged_count),
        ("conflict", _("Conflict"), job.conflict_count),
        ("bad", _("Bad"), job.bad_count),
    ]
    total = sum(number for _code, _label, number in parts)
    return [Share(code, label, number, round(100 * number / total, 3) if total else 0) for code, label, number in parts]


def good_rows(job: ImportJob) -> int:
    """Rows that an import without the bad ones would write."""
    return job.created_count + job.updated_count


def bad_rows(job: ImportJob) -> int:
    """Rows that come back to be mended or decided."""
    return job.bad_count + job.conflict_count


def rows_words(number: int) -> str:
    return ngettext("%(n)s row", "%(n)s rows", number) % {"n": f"{number:,}"}


def size_words(size: int) -> str:
    """``1.2 MB``, in powers of ten as file managers show them."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def duration_words(seconds: float) -> str:
    """Whole seconds up to two minutes, whole minutes after that."""
    if seconds < 120:
        number = max(1, round(seconds))
        return ngettext("%(n)d second", "%(n)d seconds", number) % {"n": number}
    minutes = round(seconds / 60)
    return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}


def refusal_sentence(job: ImportJob, kind: ImportKind | None) -> str:
    """Why nothing was imported and what to do, empty when nothing is wrong. Columns are named in the language of the page."""
    if not job.error_code:
        return ""
    facts = dict(job.error_params)
    if job.error_code == "missing_columns":
        facts["columns"] = missing_words(job, kind)
    return sentence_for(job.error_code, facts)


def missing_words(job: ImportJob, kind: ImportKind | None) -> str:
    """Required columns that the file does not have: ``手机号、姓名``; "or" between groups of which one is enough."""
    titles = column_titles(kind)
    named = []
    for entry in job.reading.get("missing", []):
        groups = [" + ".join(titles.get(name, name) for name in group.split(" + ")) for group in entry.split(" | ")]
        named.append(_(" or ").join(groups))
    return (_(", ")).join(named)
