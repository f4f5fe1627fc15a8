"""Sample files: the columns of a kind with one example row, in either language, as CSV or XLSX."""

from __future__ import annotations

import csv
import io

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from backoffice.kernel.files.kinds import Column, ImportKind

FORMATS = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
LANGUAGES = ("zh-hans", "en")


def header(column: Column, language: str) -> str:
    return column.header_zh if language == "zh-hans" else column.name


def sample_rows(kind: ImportKind, language: str, store_code: str = "") -> list[list[str]]:
    """Header and one row. ``store_code``: a store that the reader has, so that the row can be taken as it stands."""
    row = [store_code if kind.has_store and column.name == "store" and store_code else column.example for column in kind.file_columns]
    return [[header(column, language) for column in kind.file_columns], row]


def sample_file(kind: ImportKind, language: str, format: str, store_code: str = "") -> bytes:  # noqa: A002 - the word of the URL
    """The content. CSV is UTF-8 with a byte order mark, which spreadsheets need; every cell of XLSX is text, so that long numbers stay whole."""
    rows = sample_rows(kind, language, store_code)
    if format == "csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        return text.getvalue().encode("utf-8-sig")
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    for row in rows:
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, value=value)
            cell.number_format = "@"
            cells.append(cell)
        sheet.append(cells)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
