"""The first rows of a file as they are understood, for the form on which people correct the reading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import IO, Any

from backoffice.kernel import clock
from backoffice.kernel.files.columns import ColumnError
from backoffice.kernel.files.kinds import Column, ImportKind
from backoffice.kernel.files.limits import PREVIEW_ROWS
from backoffice.kernel.files.problems import sentence_for
from backoffice.kernel.files.reading import Reading, first_records


@dataclass(frozen=True)
class PreviewCell:
    """``text`` as in the file, ``shown`` as understood (masked where personal), ``problem`` a sentence or empty."""

    text: str
    shown: str
    problem: str


@dataclass(frozen=True)
class PreviewRow:
    line: int
    cells: list[PreviewCell]


@dataclass(frozen=True)
class Preview:
    columns: list[Column]
    rows: list[PreviewRow]


def preview_rows(source: IO[bytes], kind: ImportKind, reading: Reading, *, count: int = PREVIEW_ROWS) -> Preview:
    """The mapped columns of the first ``count`` records. Raises ``FileFault`` like any reading."""
    columns = [column for column in kind.file_columns if column.name in reading.columns]
    rows = []
    for line, row in first_records(source, reading, count):
        texts = [row[at] if (at := reading.columns[column.name]) < len(row) else "" for column in columns]
        rows.append(PreviewRow(line, [_cell(column, text) for column, text in zip(columns, texts, strict=True)]))
    return Preview(columns, rows)


def _cell(column: Column, text: str) -> PreviewCell:
    from backoffice.kernel.files.reporting import shorten

    told = shorten(text, masked=column.masked)
    try:
        value = column.type.clean(text)
    except ColumnError as error:
        return PreviewCell(told, told, sentence_for(error.code))
    if value is None:
        return PreviewCell("", "", sentence_for("required") if column.required else "")
    return PreviewCell(told, shorten(_shown(value, ends_day=getattr(column.type, "ends_day", False)), masked=column.masked), "")


def _shown(value: Any, *, ends_day: bool) -> str:
    if isinstance(value, datetime):
        local = clock.to_local(value)
        if ends_day and local.time() == time.min:
            return f"{local.date() - timedelta(days=1):%Y-%m-%d} 24:00"
        return local.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list):
        return "; ".join(map(str, value))
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)
