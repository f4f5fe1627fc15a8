"""Bad rows, one after the other in file order: into ``ImportProblem`` and into the fix-and-resend file, in flat memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from backoffice.kernel.files.checking import BAD_CELL, BAD_SHAPE, BAD_STORE, CLOSED_STORE, TWICE
from backoffice.kernel.files.columns.base import ColumnError
from backoffice.kernel.files.columns.characters import SPACES
from backoffice.kernel.files.kinds import Column
from backoffice.kernel.files.limits import STORED_PROBLEMS
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.problems import sentence_for
from backoffice.kernel.files.resend import ResendFile
from backoffice.kernel.files.staging import Layout

_VALUE = 80  # characters of a value that a problem keeps
_FETCH = 2_000


@dataclass(frozen=True)
class RowProblem:
    line: int
    column: str
    value: str
    code: str
    is_conflict: bool = False


class Mask(str):
    """The masked form that a good cell was given in the database. A file may hold stars too; those are a bad cell's own text."""

    __slots__ = ()


def shorten(text: str, *, masked: bool) -> str:
    """A value as a problem shows it: cut, without control characters, and with only its ends where it is personal."""
    text = "".join(letter if letter.isprintable() else "�" for letter in text.strip(SPACES))
    if masked:
        return f"{text[:3]}****{text[-4:]}" if len(text) >= 8 else "*" * len(text)
    return text if len(text) <= _VALUE else text[: _VALUE - 1] + "…"


def bad_rows(connection: Any, layout: Layout) -> Iterator[list[RowProblem]]:
    """The problems of every bad or conflicting row, row by row, in the order of the file. Reads through a server-side cursor."""
    present = layout.present
    cells = ", ".join(f"s.cell_{column.name}" for column, _ in present)
    masks = {column.name: name for column, _ in layout.made if column.parts for name, _ in column.parts.columns if name.endswith("_masked")}
    shown = "".join(f", s.{name}" for name in masks.values())
    sql = f"""
        SELECT s.line, c.fault_bits, s.fault, p.found, {cells}{shown}
        FROM import_staged s
        JOIN import_checked c USING (line)
        LEFT JOIN (
            SELECT line, array_agg(ARRAY[column_name, code, is_conflict::text] ORDER BY column_name, code) AS found FROM import_problem GROUP BY line
        ) p USING (line)
        WHERE c.is_bad OR p.line IS NOT NULL
        ORDER BY s.line"""  # noqa: S608
    with connection.cursor(name="import_bad_rows") as cursor:
        cursor.itersize = _FETCH
        cursor.execute(sql)
        for line, bits, shape, found, *values in cursor:
            texts = dict(zip([column.name for column, _ in present], values, strict=False))
            for name, mask in zip(masks, values[len(present) :], strict=True):
                texts[name] = texts[name] or (Mask(mask) if mask else None)
            yield list(_problems(layout, line, bits, shape, found or [], texts))


def _problems(layout: Layout, line: int, bits: int, shape: str | None, found: list[list[str]], texts: dict[str, str | None]) -> Iterator[RowProblem]:
    def problem(column: Column | None, code: str, is_conflict: bool = False) -> RowProblem:
        if column is None:
            return RowProblem(line, "", "", code, is_conflict)
        value = texts.get(column.name) or ""
        return RowProblem(line, column.name, value if isinstance(value, Mask) else shorten(value, masked=column.masked), code, is_conflict)

    told = False
    if bits & BAD_SHAPE:
        yield problem(None, shape or "bad_value")
        if shape == "total_row":
            return
        told = True
    if bits & BAD_CELL:
        for column, code in _bad_cells(layout, texts):
            yield problem(column, code)
            told = True
    if bits & BAD_STORE:
        yield problem(layout.kind.column("store"), "unknown_store" if (texts.get("store") or "").strip(SPACES) else "required")
        told = True
    if bits & CLOSED_STORE:
        yield problem(layout.kind.column("store"), "store_closed")
        told = True
    if bits & TWICE:
        first = layout.kind.key[0]
        yield problem(layout.kind.column(first) if first in {column.name for column, _ in layout.present} else None, "key_twice")
        told = True
    for column_name, code, conflict in found:
        named = next((column for column in layout.kind.file_columns if column.name == column_name), None)
        yield problem(named, code, conflict == "true")
        told = True
    if not told:
        yield problem(None, "bad_value")


def _bad_cells(layout: Layout, texts: dict[str, str | None]) -> Iterator[tuple[Column, str]]:
    """The database knows that a cell is bad; the Python cleaner of its type says what is wrong with it."""
    for column, _ in layout.present:
        if layout.kind.has_store and column.name == "store":
            continue
        text = texts.get(column.name) or ""
        if isinstance(text, Mask):
            continue
        try:
            if column.type.clean(text) is None and column.required:
                yield column, "required"
        except ColumnError as error:
            yield column, error.code


def write_report(connection: Any, job: ImportJob, layout: Layout, resend: ResendFile) -> int:
    """Store the problems (the first ``STORED_PROBLEMS``) and write the bad records with their reasons to ``resend``; number of problems found."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM files_importproblem WHERE job_id = %s", [job.pk])
    stored = total = 0
    rows = bad_rows(connection, layout)
    for _, batch in groupby(enumerate(rows), key=lambda pair: pair[0] // _FETCH):
        found = [problems for _, problems in batch]
        keep = [problem for problems in found for problem in problems]
        total += len(keep)
        keep = keep[: STORED_PROBLEMS - stored]
        stored += len(keep)
        with connection.cursor() as cursor, cursor.copy('COPY files_importproblem (job_id, line, "column", value, code, is_conflict) FROM STDIN') as copy:
            for problem in keep:
                copy.write_row((job.pk, problem.line, problem.column, problem.value, problem.code, problem.is_conflict))
        for problems in found:
            resend.add(problems[0].line, reason_of(layout, problems))
    return total


def reason_of(layout: Layout, problems: list[RowProblem]) -> str:
    """One cell of text for the reason column, in the active language."""
    from django.utils.translation import get_language

    chinese = (get_language() or "").startswith("zh")
    headers = {column.name: column.header_zh if chinese else column.name for column in layout.kind.file_columns}
    sentences = [f"{headers[problem.column]}: {sentence_for(problem.code)}" if problem.column else sentence_for(problem.code) for problem in problems]
    return " ".join(dict.fromkeys(sentences))
