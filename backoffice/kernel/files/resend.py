"""The fix-and-resend file: the bad records of a file as they were, same columns, order, encoding and format, with a reason in the last column."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Generator
from contextlib import closing
from typing import IO, Any

from django.utils.translation import get_language
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from backoffice.kernel.files.formulas import formula_safe
from backoffice.kernel.files.headers import REASON_HEADERS, normalize_header
from backoffice.kernel.files.reading import Reading, open_records

_SPOOL = 8_000_000


class ResendFile:
    """Give it lines in rising order with ``add``; it reads the stored file once more beside them. ``finish`` returns the content."""

    def __init__(self, source: IO[bytes], reading: Reading) -> None:
        self.rows = 0
        self._source = source
        self._reading = reading
        self._records: Generator[tuple[int, list[str]], None, None] | None = None
        # a reason column of an earlier round is replaced
        self._kept = [at for at, header in enumerate(reading.headers) if normalize_header(header) not in REASON_HEADERS]
        self._target: Any = None

    def add(self, line: int, reason: str) -> None:
        if self._records is None:
            self._records = open_records(self._source, self._reading)
            self._target = _WorkbookTarget() if self._reading.format == "xlsx" else _TextTarget(self._reading)
            self._target.write(
                [*(self._reading.headers[at] for at in self._kept), REASON_HEADERS[1] if (get_language() or "").startswith("zh") else REASON_HEADERS[0]]
            )
        row = next(row for number, row in self._records if number == line)
        cells = [row[at] if at < len(row) else "" for at in self._kept]
        surplus = row[len(self._reading.headers) :]  # of a row with more columns than the header: nothing of it is lost
        safe = [formula_safe(cell) for cell in (*cells, *surplus)]
        self._target.write([*safe[: len(cells)], reason, *safe[len(cells) :]])
        self.rows += 1

    def finish(self) -> IO[bytes] | None:
        """The content from its start, or None when no row was added."""
        if self._records is None:
            return None
        with closing(self._records):
            return self._target.finish()  # type: ignore[no-any-return]


class _TextTarget:
    def __init__(self, reading: Reading) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_SPOOL)  # noqa: SIM115 - handed on by finish()
        self._text = io.TextIOWrapper(self._file, encoding=reading.encoding, errors="replace", newline="")
        self._writer = csv.writer(self._text, delimiter=reading.delimiter, lineterminator="\r\n")

    def write(self, cells: list[str]) -> None:
        self._writer.writerow(cells)

    def finish(self) -> IO[bytes]:
        self._text.detach()
        self._file.seek(0)
        return self._file


class _WorkbookTarget:
    def __init__(self) -> None:
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet("Sheet1")

    def write(self, cells: list[str]) -> None:
        row = []
        for text in cells:
            cell = WriteOnlyCell(self._sheet, value="".join(letter if letter >= " " or letter in "\t\n" else "�" for letter in text)[:32_767])
            cell.data_type = "s"
            row.append(cell)
        self._sheet.append(row)

    def finish(self) -> IO[bytes]:
        file = tempfile.SpooledTemporaryFile(max_size=_SPOOL)  # noqa: SIM115 - handed on to the caller
        self._book.save(file)
        file.seek(0)
        return file
