"""XLSX: scanned for what would exhaust memory or hide values, then read by calamine, cells as the text a CSV would hold."""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from array import array
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import IO, Any
from xml.parsers import expat

import python_calamine
from defusedxml import ElementTree

from backoffice.kernel.files.faults import FileFault
from backoffice.kernel.files.limits import MAX_CELL, MAX_COLUMNS, MAX_SHEET_BYTES, MAX_SHEET_CELLS, MAX_SHEET_ROWS, MAX_SHEET_TEXT

_PIECE = 1 << 18
_SHARED_STRINGS = "xl/sharedstrings.xml"  # compared in lower case, as the reader of sheets does
_LINKS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_REFERENCE = re.compile(r"([A-Za-z]{1,7})([0-9]{1,10})", re.ASCII)
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, expat.ExpatError)
_EXACT_FLOAT = 10**15  # a spreadsheet keeps 15 digits

_COLUMNS = {(chr(64 + number // 26) if number >= 26 else "") + chr(65 + number % 26): number for number in range(MAX_COLUMNS)}

ERROR_TEXT = "#N/A"  # stands for every error value; column types refuse it
NO_VALUE_TEXT = "=…"  # a formula that was never calculated


@dataclass
class SheetScan:
    """What the XML of a sheet says before it is read. ``marks``: row -> column -> text of cells without a usable value, from 0."""

    marks: dict[int, dict[int, str]] = field(default_factory=dict)
    hidden_rows: int = 0

    def mark(self, row: int, column: int, text: str) -> None:
        self.marks.setdefault(row, {})[column] = text


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
            _refuse_ambiguous_names(archive)
            paths = _sheet_paths(archive)
            name = wanted if wanted in paths else next(iter(paths), "")
            if not name:
                raise FileFault("not_a_workbook")
            lengths = array("L")
            for entry in archive.infolist():
                if entry.filename.lower() == _SHARED_STRINGS:
                    lengths = _shared_lengths(archive, entry.filename)
                elif entry.filename.lower().endswith(".xml") and "/worksheets/" not in entry.filename:
                    _bounded(archive, entry.filename)
            for other, path in paths.items():
                if other != name:
                    _bounded(archive, path)
            return Sheet(name, list(paths), _scan(archive, paths[name], lengths))
    except (*_DAMAGE, LookupError, ValueError, SyntaxError, OSError, NotImplementedError, RuntimeError) as error:
        raise FileFault("not_a_workbook") from error


def _refuse_ambiguous_names(archive: zipfile.ZipFile) -> None:
    """What is scanned must be what is read: the reader takes parts by name in any case, and of two the one it likes."""
    names = [entry.filename.lower() for entry in archive.infolist()]
    if len(set(names)) != len(names) or any("\\" in name or ".." in name.split("/") for name in names):
        raise FileFault("not_a_workbook")


def _sheet_paths(archive: zipfile.ZipFile) -> dict[str, str]:
    links = {link.get("Id"): _part_path(link.get("Target", "")) for link in ElementTree.fromstring(_small(archive, "xl/_rels/workbook.xml.rels"))}
    sheets = [node for node in ElementTree.fromstring(_small(archive, "xl/workbook.xml")).iter() if str(node.tag).rpartition("}")[2] == "sheet"]
    if max(Counter(sheet.get("name", "") for sheet in sheets).values(), default=0) > 1:
        raise FileFault("not_a_workbook")
    visible = [sheet for sheet in sheets if sheet.get("state", "visible") == "visible"]
    return {sheet.get("name", ""): links[sheet.get(_LINKS)] for sheet in visible if "worksheets/" in links.get(sheet.get(_LINKS), "")}


def _part_path(target: str) -> str:
    """The part that a link of the workbook names, as the reader of sheets takes it."""
    if target.startswith("/"):
        return target[1:]
    return target if target.startswith("xl/") else posixpath.normpath(posixpath.join("xl", target))


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


def _parse(archive: zipfile.ZipFile, name: str, most_bytes: int, start: Any, end: Any, characters: Any, other: Any) -> None:
    """Call the handlers of expat for the part, piece by piece. Names come with their prefixes; ``other`` is told of comments,
    instructions and CDATA.

    Raises ``FileFault`` beyond ``most_bytes`` and for a document type, ``ExpatError`` for what is not XML in UTF-8.
    """
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.CommentHandler = parser.ProcessingInstructionHandler = parser.StartCdataSectionHandler = other
    parser.StartDoctypeDeclHandler = _refuse_markup
    size = 0
    with archive.open(name) as part:
        while piece := part.read(_PIECE):
            size += len(piece)
            if size > most_bytes:
                raise FileFault("unpacks_too_big", megabytes=most_bytes // 1_000_000)
            parser.Parse(piece, False)
    parser.Parse(b"", True)


def _refuse_markup(*_: Any) -> None:
    raise FileFault("not_a_workbook")


def _shared_lengths(archive: zipfile.ZipFile, name: str) -> array[int]:
    """Characters of every shared string: a string that is stored once is copied into each cell that names it."""
    lengths = array("L")
    length = 0
    inside = False

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal length, inside
        if name.rpartition(":")[2] == "si":
            if inside:
                raise FileFault("not_a_workbook")
            length = 0
            inside = True

    def end(name: str) -> None:
        nonlocal inside
        if name.rpartition(":")[2] == "si":
            lengths.append(length)
            inside = False

    def characters(text: str) -> None:
        nonlocal length
        if inside:
            length += len(text)

    _parse(archive, name, MAX_SHEET_BYTES // 4, start, end, characters, lambda *_: None)
    return lengths


def _scan(archive: zipfile.ZipFile, path: str, lengths: array[int]) -> SheetScan:  # noqa: PLR0915 - closures: called millions of times
    """One pass over the sheet's XML. A row or cell without ``r`` follows the one before it, as the reader of sheets takes it.

    Refuses what parsers take in different ways and no program writes: markup inside a value, two values in one cell.
    """
    found = SheetScan()
    rows = cells = letters = row = cell_row = column = next_column = 0
    row_text = kind = value = leaf = ""
    formula = False

    def start(name: str, attributes: dict[str, str]) -> None:  # noqa: PLR0912
        nonlocal rows, cells, row, cell_row, column, next_column, row_text, kind, value, leaf, formula
        if leaf:
            raise FileFault("not_a_workbook")
        if ":" in name:
            name = name.rpartition(":")[2]
        if name == "c":
            cells += 1
            if cells > MAX_SHEET_CELLS:
                raise FileFault("too_many_sheet_cells", most=MAX_SHEET_CELLS)
            cell_row, column = row, next_column
            if reference := attributes.get("r"):
                if row_text and reference.endswith(row_text) and (known := _COLUMNS.get(reference[: -len(row_text)])) is not None:
                    column = known
                else:
                    cell_row, column = _place(reference)
            if cell_row > MAX_SHEET_ROWS:
                raise FileFault("too_many_sheet_rows", most=MAX_SHEET_ROWS)
            if column >= MAX_COLUMNS:
                raise FileFault("too_many_file_columns", most=MAX_COLUMNS)
            next_column = column + 1
            kind = attributes.get("t", "")
            value = ""
            formula = False
            if kind == "e":
                found.mark(cell_row, column, ERROR_TEXT)
        elif name == "v":
            if value:
                raise FileFault("not_a_workbook")
            leaf = name
        elif name == "t":
            leaf = name
        elif name == "f":
            formula = True
            leaf = name
        elif name == "row":
            rows += 1
            row_text = attributes.get("r", "")
            if row_text:
                row = _place(f"A{int(row_text)}")[0]
            if max(rows - 1, row) > MAX_SHEET_ROWS:
                raise FileFault("too_many_sheet_rows", most=MAX_SHEET_ROWS)
            found.hidden_rows += attributes.get("hidden") in ("1", "true")

    def end(name: str) -> None:
        nonlocal letters, row, next_column, row_text, value, leaf
        if leaf:
            leaf = ""
            return
        if ":" in name:
            name = name.rpartition(":")[2]
        if name == "c":
            length = len(value)
            if kind == "s" and value.strip():
                length = lengths[int(value)]
            letters += length
            if length > MAX_CELL:
                raise FileFault("sheet_text_too_long", most=MAX_CELL)
            if letters > MAX_SHEET_TEXT:
                raise FileFault("unpacks_too_big", megabytes=MAX_SHEET_TEXT // 1_000_000)
            if formula and kind != "e" and not value.strip():
                found.mark(cell_row, column, NO_VALUE_TEXT)
            value = ""
        elif name == "row":
            row += 1
            next_column = 0
            row_text = ""

    def characters(text: str) -> None:
        nonlocal value
        if leaf and leaf != "f":
            value += text
            if len(value) > MAX_CELL:
                raise FileFault("sheet_text_too_long", most=MAX_CELL)

    def other(*_: Any) -> None:
        if leaf:
            raise FileFault("not_a_workbook")

    _parse(archive, path, MAX_SHEET_BYTES, start, end, characters, other)
    return found


def _place(reference: str) -> tuple[int, int]:
    """(row, column) from 0 of a reference such as ``B12``. Raises ``ValueError`` for what is none."""
    match = _REFERENCE.fullmatch(reference)
    if match is None or not (row := int(match[2])):
        raise ValueError(reference[:20])
    column = 0
    for letter in match[1].upper():
        column = column * 26 + ord(letter) - 64
    return row - 1, column - 1


def read_sheet(stream: IO[bytes], sheet: Sheet) -> Generator[tuple[int, list[str]], None, None]:
    """(row number from 1, texts) of every row of the sheet."""
    stream.seek(0)
    try:
        with python_calamine.CalamineWorkbook.from_filelike(stream) as book:
            rows = book.get_sheet_by_name(sheet.name).iter_rows()
            for number, row in enumerate(rows):
                texts = [cell_text(cell) for cell in row]
                for column, text in sheet.scan.marks.get(number, {}).items():
                    if column < len(texts):
                        texts[column] = text
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
