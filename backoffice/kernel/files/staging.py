"""A file's records stream into a temporary table of texts: one pass, flat memory, Python only decodes and re-chunks."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from operator import itemgetter
from typing import Any

from backoffice.kernel.files.columns.characters import SPACES
from backoffice.kernel.files.kinds import Column, ImportKind, PartsMaker
from backoffice.kernel.files.reading import Reading

_BATCH = 2_000
_TOTALS = frozenset({"合计", "总计", "小计", "合计:", "合计：", "总计:", "总计：", "Total", "total", "TOTAL", "Grand total", "Grand Total"})

# For a row: (the text of the cell when it is bad, its parts).
CellMaker = Callable[[list[str]], tuple[str | None, tuple[str | None, ...]]]


@dataclass(frozen=True)
class Layout:
    """Which cells of a record go where."""

    kind: ImportKind
    reading: Reading

    @cached_property
    def plain(self) -> list[tuple[Column, int]]:
        """Columns that the database cleans, with their positions in the file."""
        return [(column, self.reading.columns[column.name]) for column in self.kind.file_columns if column.name in self.reading.columns and not column.parts]

    @cached_property
    def made(self) -> list[tuple[Column, int]]:
        """Columns that Python turns into parts."""
        return [(column, self.reading.columns[column.name]) for column in self.kind.file_columns if column.name in self.reading.columns and column.parts]

    @cached_property
    def present(self) -> list[tuple[Column, int]]:
        return [*self.plain, *self.made]

    @cached_property
    def usual(self) -> dict[str, tuple[int, str]]:
        """Plain columns whose type has a pattern of usual cells: name -> (bit of ``odd``, pattern without anchors).

        The pattern is far cheaper here than in the database, which then reads only odd cells thoroughly.
        """
        found = {}
        for bit, (column, _) in enumerate(self.plain):
            pattern = getattr(column.type, "fast", None)
            if pattern:
                found[column.name] = (1 << bit, pattern.removeprefix("^").removesuffix("$"))
        return found

    @property
    def staged_columns(self) -> list[tuple[str, str]]:
        """(name, SQL type) of ``import_staged``. A made column keeps its text only where it is bad."""
        columns = [("line", "bigint"), ("fault", "text"), ("odd", "bigint")]
        columns += [(f"cell_{column.name}", "text") for column, _ in self.present]
        for column, _ in self.made:
            assert column.parts  # noqa: S101 - that is what made means
            columns += column.parts.columns
        return columns


@dataclass
class StagedCount:
    rows: int = 0
    blank: int = 0


def stage(cursor: Any, layout: Layout, records: Iterator[tuple[int, list[str]]], on_rows: Callable[[int], None]) -> StagedCount:
    """Create ``import_staged`` and COPY the records into it. ``on_rows`` is called with the number done so far and may raise to stop."""
    columns = layout.staged_columns
    cursor.execute("CREATE TEMP TABLE import_staged (" + ", ".join(f"{name} {sql_type}" for name, sql_type in columns) + ") ON COMMIT DROP")
    count = StagedCount()
    # Before the COPY: a maker may read tables, and the connection carries nothing else while it copies.
    makers = [_maker(column, position, layout) for column, position in layout.made]
    rows = _rows(layout, records, count, makers)
    buffer = io.StringIO()
    # With both characters in the line end the writer quotes a bare carriage return too.
    writer = csv.writer(buffer, lineterminator="\r\n")
    names = ", ".join(name for name, _ in columns)
    with cursor.copy(f"COPY import_staged ({names}) FROM STDIN (FORMAT csv)") as copy:
        while batch := list(islice(rows, _BATCH)):
            writer.writerows(batch)
            copy.write(buffer.getvalue())
            buffer.seek(0)
            buffer.truncate()
            count.rows += len(batch)
            on_rows(count.rows)
    return count


def _rows(layout: Layout, records: Iterator[tuple[int, list[str]]], count: StagedCount, makers: list[CellMaker]) -> Iterator[Sequence[Any]]:
    """Rows of ``import_staged``. One loop for every file, so nothing in it is there for looks."""
    width = len(layout.reading.headers)
    plain = [position for _, position in layout.plain]
    pick: Callable[[list[str]], tuple[str, ...]] = itemgetter(*plain) if len(plain) > 1 else lambda row: tuple(row[position] for position in plain)
    odd_bits = _odd_bits(layout)
    single = makers[0] if len(makers) == 1 else None
    for line, row in records:
        fault = None
        if len(row) != width:
            if not any(row):
                count.blank += 1
                continue
            fault = _fit(row, width)
        if row[0] in _TOTALS:
            fault = "total_row"
        elif not row[0] and not any(row):
            count.blank += 1
            continue
        cells = pick(row)
        odd = odd_bits(cells)
        if single:
            text, parts = single(row)
            yield (line, fault, odd, *cells, text, *parts)
        elif makers:
            made = [maker(row) for maker in makers]
            yield (line, fault, odd, *cells, *(text for text, _ in made), *(part for _, parts in made for part in parts))
        else:
            yield (line, fault, odd, *cells)


def _odd_bits(layout: Layout) -> Callable[[tuple[str, ...]], int]:
    """For the plain cells of a record: the bits of those that are neither blank nor usual. One pattern over the whole record finds most at once."""
    single = [(at, *layout.usual[column.name]) for at, (column, _) in enumerate(layout.plain) if column.name in layout.usual]
    patterns = {at: pattern for at, _, pattern in single}
    whole = re.compile("\x1f".join(f"(?:{patterns[at]})?" if at in patterns else "[^\x1f]*" for at in range(len(layout.plain)))).fullmatch
    checks = [(at, bit, re.compile(pattern).fullmatch) for at, bit, pattern in single]
    join = "\x1f".join

    def odd_bits(cells: tuple[str, ...]) -> int:
        if whole(join(cells)):
            return 0
        return sum(bit for at, bit, match in checks if cells[at] and not match(cells[at]))

    return odd_bits


def _fit(row: list[str], width: int) -> str | None:
    """Make ``row`` as wide as the header; what was wrong, if anything."""
    if len(row) < width:
        row.extend([""] * (width - len(row)))
        return "too_few_columns"
    surplus = any(cell.strip(SPACES) for cell in row[width:])
    del row[width:]
    return "too_many_columns" if surplus else None


def _maker(column: Column, position: int, layout: Layout) -> CellMaker:
    """For a row: (the text when it is bad, the parts)."""
    assert column.parts  # noqa: S101 - only called for made columns
    make: PartsMaker = column.parts.prepare()
    nothing: tuple[None, ...] = (None,) * len(column.parts.columns)
    beside = [layout.reading.columns.get(name) for name in column.parts.beside]

    def from_row(row: list[str]) -> tuple[str | None, tuple[str | None, ...]]:
        text = row[position]
        if not text:
            return None, nothing
        parts = make(text, *(row[at] if at is not None else "" for at in beside)) if beside else make(text)
        if parts is not None:
            return None, parts
        return (text, nothing) if text.strip(SPACES) else (None, nothing)

    return from_row
