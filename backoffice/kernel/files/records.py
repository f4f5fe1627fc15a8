"""Records of a text file, one after the other, with the line on which each begins."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import IO

from backoffice.kernel.files.faults import FileFault
from backoffice.kernel.files.limits import MAX_CELL, MAX_LINE_BYTES

DELIMITERS = (",", "\t", ";", "|")
_MOST_LINES = 50  # of one record; more is a quote that nobody closed

csv.field_size_limit(MAX_LINE_BYTES)


class _Lines:
    """The lines of a text; remembers the last one, for the question whether a quote was left open at the end."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.last = ""
        self.count = 0
        self._text = text

    def __iter__(self) -> Iterator[str]:
        for line in self._text:
            self.last = line
            self.count += 1
            # PostgreSQL cannot store NUL; as another control character it is a fault of its cell.
            yield line.replace("\0", "\x01") if "\0" in line else line


def read_records(stream: IO[bytes], *, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line on which the record begins, counted from 1; cells). Blank lines give an empty list.

    Raises ``FileFault`` with the line for bytes that are not of the encoding and for a quote that is opened and not closed.
    """
    text = io.TextIOWrapper(stream, encoding=encoding, errors="strict", newline="")
    lines = _Lines(text)
    reader = csv.reader(iter(lines), delimiter=delimiter)
    start = end = 0
    row: list[str] = []
    try:
        for row in reader:
            start = end + 1
            end = reader.line_num
            if end != start:
                _refuse_open_quote(row, start, end, delimiter)
            yield start, row
    except csv.Error as error:
        raise FileFault("unclosed_quote", line=end + 1) from error
    except UnicodeDecodeError as error:
        # The text is decoded piece by piece: every whole line before this piece has been handed out.
        line = lines.count + 1 + error.object[: error.start].count(b"\n")
        raise FileFault("broken_bytes", line=line, byte=f"0x{error.object[error.start]:02X}", encoding=encoding) from error
    finally:
        # The stream belongs to the caller.
        text.detach()
    if row and _is_left_open(lines.last, row, delimiter):
        raise FileFault("unclosed_quote", line=start)


def _is_left_open(last_line: str, last_row: list[str], delimiter: str) -> bool:
    """Whether the text ended inside a quote; the reader itself takes the end of the file as the end of the cell."""
    if '"' not in last_line:
        return last_row[-1].endswith(("\n", "\r"))
    try:
        list(csv.reader([last_line.rstrip("\r\n")], delimiter=delimiter, strict=True))
    except csv.Error as error:
        return ("end of data" in str(error) and last_row[-1].endswith(("\n", "\r"))) or ("end of data" in str(error) and not last_line.endswith(("\n", "\r")))
    return False


def _refuse_open_quote(row: list[str], start: int, end: int, delimiter: str) -> None:
    if end - start >= _MOST_LINES:
        raise FileFault("unclosed_quote", line=start)
    for cell in row:
        if "\n" in cell or "\r" in cell:
            swallowed = max(part.count(delimiter) for part in cell.splitlines())
            if swallowed >= max(2, len(row) - 1) or len(cell) > MAX_CELL:
                raise FileFault("unclosed_quote", line=start)
