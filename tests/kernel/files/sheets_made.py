"""Files for tests: workbooks and archives, good and bad."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook


def workbook(rows: Sequence[Sequence[Any]], *, sheets: Sequence[str] = ("Sheet1",)) -> bytes:
    book = Workbook()
    sheet = book.active
    sheet.title = sheets[0]
    for row in rows:
        sheet.append(list(row))
    for name in sheets[1:]:
        book.create_sheet(name)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def archive(**entries: bytes | str) -> bytes:
    """A zip of ``name=content``; ``__`` in a name stands for a dot, ``___`` for a slash."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries.items():
            made.writestr(name.replace("___", "/").replace("__", "."), content)
    return target.getvalue()


def with_part(book: bytes, name: str, change: Any) -> bytes:
    """The workbook with one part replaced by ``change(content)``; a part that is not there is added."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for entry in source.namelist():
            made.writestr(entry, change(source.read(entry)) if entry == name else source.read(entry))
        if name not in source.namelist():
            made.writestr(name, change(b""))
    return target.getvalue()


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content)
