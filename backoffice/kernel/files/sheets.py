"""XLSX: scanned for what would exhaust memory or hide values, then read by calamine, cells as the text a CSV would hold."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import IO, Any

import python_calamine
from defusedxml import ElementTree

from backoffice.kernel.files.faults import FileFault
from backoffice.kernel.files.limits import MAX_COLUMNS, MAX_SHEET_BYTES, MAX_SHEET_CELLS, MAX_SHEET_ROWS

_PIECE = 1 << 20
_OVERLAP = 4096  # a tag may lie across two pieces
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINKS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_TOO_WIDE = re.compile(rb'<c r="(?:[A-Z]{3,}|[D-Z][A-Z]|C[W-Z])[0-9]')  # beyond CV, the 100th column
_ROW_NUMBER = re.compile(rb'<row[^>]* r="([0-9]{6,})"')
_ERROR_CELL = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"[^>]*\st="e"[^>]*>')
_NO_VALUE = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"[^>]*>\s*<f[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>')
_EXACT_FLOAT = 10**15  # a spreadsheet keeps 15 digits

ERROR_TEXT = "#N/A"  # stands for every error value; column types refuse it
NO_VALUE_TEXT = "=…"  # a formula that was never calculated


@dataclass
class SheetScan:
    """What the XML of a sheet says before it is read: (row, column) from 0 of cells without a usable value."""

    errors: set[tuple[int, int]] = field(default_factory=set)
    no_values: set[tuple[int, int]] = field(default_factory=set)
    hidden_rows: int = 0


@dataclass(frozen=True)
class Sheet:
    """``name`` of the sheet that is read, the names of all visible ones, and the scan."""

    name: str
    names: list[str]
    scan: SheetScan


def look_into(stream: IO[bytes], wanted: str = "") -> Sheet:
    """Choose a sheet (``wanted``, else the first visible one) and scan its XML. Raises ``FileFault``."""
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            paths = _sheet_paths(archive)
            name = wanted if wanted in paths else next(iter(paths), "")
            if not name:
                raise FileFault("not_a_workbook")
            for entry in archive.infolist():
                if entry.filename.endswith(".xml") and "/worksheets/" not in entry.filename:
                    _bounded(archive, entry.filename)
            for other, path in paths.items():
                if other != name:
                    _bounded(archive, path)
            return Sheet(name, list(paths), _scan(archive, paths[name]))
    except (zipfile.BadZipFile, KeyError, ValueError, SyntaxError, OSError, NotImplementedError, RuntimeError) as error:
        raise FileFault("not_a_workbook") from error


def _sheet_paths(archive: zipfile.ZipFile) -> dict[str, str]:
    links = {
        link.get("Id"): posixpath.normpath(posixpath.join("xl", target)) if not (target := link.get("Target", "")).startswith("/") else target[1:]
        for link in ElementTree.fromstring(_small(archive, "xl/_rels/workbook.xml.rels"))
    }
    book = ElementTree.fromstring(_small(archive, "xl/workbook.xml"))
    visible = [sheet for sheet in book.iter(f"{_MAIN}sheet") if sheet.get("state", "visible") == "visible"]
    return {sheet.get("name", ""): links[sheet.get(_LINKS)] for sheet in visible if "worksheets/" in links.get(sheet.get(_LINKS), "")}


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as part:
        content = part.read(5_000_001)
    if len(content) > 5_000_000:
        raise FileFault("unpacks_too_big", megabytes=5)
    return content


def _bounded(archive: zipfile.ZipFile, name: str) -> None:
    size = 0
    with archive.open(name) as part:
        while piece := part.read(_PIECE):
            size += len(piece)
            if size > MAX_SHEET_BYTES // 4:
                raise FileFault("unpacks_too_big", megabytes=MAX_SHEET_BYTES // 4_000_000)


def _scan(archive: zipfile.ZipFile, path: str) -> SheetScan:
    found = SheetScan()
    size = rows = cells = 0
    tail = b""
    with archive.open(path) as part:
        while piece := part.read(_PIECE):
            size += len(piece)
            rows += piece.count(b"<row")
            cells += piece.count(b"<c ")
            if size > MAX_SHEET_BYTES:
                raise FileFault("unpacks_too_big", megabytes=MAX_SHEET_BYTES // 1_000_000)
            text = tail + piece
            numbers = [int(match[1]) for match in _ROW_NUMBER.finditer(text)]
            if rows > MAX_SHEET_ROWS + 1 or max(numbers, default=0) > MAX_SHEET_ROWS + 1:
                raise FileFault("too_many_sheet_rows", most=MAX_SHEET_ROWS)
            if cells > MAX_SHEET_CELLS:
                raise FileFault("too_many_sheet_cells", most=MAX_SHEET_CELLS)
            if _TOO_WIDE.search(text):
                raise FileFault("too_many_file_columns", most=MAX_COLUMNS)
            if b't="e"' in text:
                found.errors |= {_place(match) for match in _ERROR_CELL.finditer(text)}
            if b"<f" in text:
                found.no_values |= {_place(match) for match in _NO_VALUE.finditer(text)}
            found.hidden_rows += piece.count(b' hidden="1"')
            tail = text[-_OVERLAP:]
    return found


def _place(match: re.Match[bytes]) -> tuple[int, int]:
    column = 0
    for letter in match[1]:
        column = column * 26 + letter - 64
    return int(match[2]) - 1, column - 1


def read_sheet(stream: IO[bytes], sheet: Sheet) -> Generator[tuple[int, list[str]], None, None]:
    """(row number from 1, texts) of every row of the sheet."""
    stream.seek(0)
    try:
        with python_calamine.CalamineWorkbook.from_filelike(stream) as book:
            rows = book.get_sheet_by_name(sheet.name).iter_rows()
            marked = sheet.scan.errors | sheet.scan.no_values
            marked_rows = {row for row, _ in marked}
            for number, row in enumerate(rows):
                texts = [cell_text(cell) for cell in row]
                if number in marked_rows:
                    for column in range(len(texts)):
                        if (number, column) in sheet.scan.errors:
                            texts[column] = ERROR_TEXT
                        elif (number, column) in sheet.scan.no_values:
                            texts[column] = NO_VALUE_TEXT
                yield number + 1, texts
    except (python_calamine.CalamineError, zipfile.BadZipFile) as error:
        raise FileFault("not_a_workbook") from error


def cell_text(cell: Any) -> str:
    """A cell as a CSV would hold it: 13800000000.0 is ``13800000000``; a number beyond 15 digits shows that digits are lost."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, int | float):
        return _number_text(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return "" if cell is None else str(cell)


def _number_text(number: float) -> str:
    if abs(number) >= _EXACT_FLOAT:
        return f"{number:.14E}"
    return str(int(number)) if float(number).is_integer() else repr(round(number, 10))
