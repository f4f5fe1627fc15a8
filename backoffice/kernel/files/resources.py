"""django-import-export resources made from import kinds: one definition of the columns for files in and out.

A file that comes in goes to the import engine whatever its size (``buttons.py``); no row ever becomes a model instance. A file that goes
out streams from ``values_list`` and has the headers that an import understands, so an edited export can be handed in again. A masked
column has a header of its own, which an import ignores: stars never overwrite a phone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO, Any, ClassVar

import tablib
from django.db import models
from django.db.models.expressions import Combinable
from django.utils.translation import gettext as _
from import_export.fields import Field
from import_export.formats.base_formats import CSV, XLSX
from import_export.resources import Resource
from openpyxl import Workbook

from backoffice.kernel import clock
from backoffice.kernel.errors import ConfigurationError
from backoffice.kernel.files.formulas import formula_safe
from backoffice.kernel.files.kinds import Column, ImportKind, import_kinds
from backoffice.kernel.files.words import column_title

CHUNK = 2_000
MOST_XLSX_ROWS = 200_000
"""A workbook is written whole before it is sent; longer lists go out as CSV, which streams."""

Value = str | Combinable


class TextFormat(CSV):
    """CSV as spreadsheets in China open it: UTF-8 with a byte order mark."""

    codec = "utf-8"
    mark = b"\xef\xbb\xbf"

    def is_binary(self) -> bool:
        return True

    def get_read_mode(self) -> str:
        return "rb"

    def get_title(self) -> str:
        return "CSV"


class ChineseTextFormat(TextFormat):
    """CSV in GB18030, for programs that know nothing else."""

    codec = "gb18030"
    mark = b""

    def get_title(self) -> str:
        return "CSV (GB18030)"


class WorkbookFormat(XLSX):
    def get_title(self) -> str:
        return "XLSX"


class KindResource(Resource):
    """The columns of one kind, and where each stands in a list's rows.

    ``paths``: column of the kind -> field path or expression for ``values_list``; a column without a path is not exported.
    ``masked``: columns whose path gives a masked form.
    """

    kind_code: ClassVar[str]
    paths: ClassVar[Mapping[str, Value]] = {}
    masked: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def kind(cls) -> ImportKind:
        return import_kinds.get(cls.kind_code)

    @classmethod
    def get_display_name(cls) -> str:
        return str(cls.kind().name)

    def get_user_visible_fields(self) -> list[Field]:
        """What a file may hold, for the import page."""
        return [Field(column_name=column_title(column)) for column in self.kind().file_columns]

    def get_export_headers(self, selected_fields: Any = None) -> list[str]:
        return [self._title(column) for column in self._exported()]

    def export(self, queryset: Any = None, **kwargs: Any) -> tablib.Dataset:
        """The whole list in memory, for callers that want the library's own form. The buttons stream instead."""
        return tablib.Dataset(*self.rows(queryset, numbers=True), headers=self.get_export_headers())

    def import_data(self, *args: Any, **kwargs: Any) -> Any:
        raise ConfigurationError("files are imported by the engine, not row by row")

    def rows(self, queryset: models.QuerySet[Any], *, numbers: bool) -> Iterator[list[Any]]:
        """Cells of each row in order of age. ``numbers``: amounts stay numbers, as a workbook wants them."""
        values = queryset.order_by("pk").values_list(*(self.paths[column.name] for column in self._exported()))
        for row in values.iterator(chunk_size=CHUNK):
            yield [as_cell(value, numbers=numbers) for value in row]

    def _exported(self) -> list[Column]:
        return [column for column in self.kind().file_columns if column.name in self.paths]

    def _title(self, column: Column) -> str:
        title = column_title(column)
        return _("masked %(column)s") % {"column": title} if column.name in self.masked else title


def as_cell(value: Any, *, numbers: bool) -> Any:
    """A value as an import reads it back. A moment is always written with its time: a bare day would mean the end of it in some columns."""
    match value:
        case None:
            return ""
        case bool() | int() | Decimal():
            figure = int(value) if isinstance(value, bool) else value
            return figure if numbers else str(figure)
        case datetime():
            return clock.to_local(value).strftime("%Y-%m-%d %H:%M:%S")
        case date():
            return value.isoformat()
        case _:
            return formula_safe(";".join(map(str, value)) if isinstance(value, list) else str(value))


def stream_text(headers: list[str], rows: Iterator[list[Any]], file_format: TextFormat) -> Iterator[bytes]:
    """A CSV file in pieces of at most ``CHUNK`` rows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([formula_safe(header) for header in headers])
    yield file_format.mark
    for number, row in enumerate(rows, start=1):
        writer.writerow(row)
        if number % CHUNK == 0:
            yield _take(buffer, file_format.codec)
    yield _take(buffer, file_format.codec)


def _take(buffer: io.StringIO, codec: str) -> bytes:
    piece = buffer.getvalue().encode(codec, errors="replace")
    buffer.seek(0)
    buffer.truncate()
    return piece


def write_workbook(headers: list[str], rows: Iterator[list[Any]]) -> IO[bytes]:
    """An XLSX file on disk, at its beginning."""
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Sheet1")
    sheet.append(headers)
    for row in rows:
        sheet.append(row)
    file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - the response closes it
    workbook.save(file)
    file.seek(0)
    return file
