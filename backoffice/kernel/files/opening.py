"""What a stored file is, by its first bytes and never by its name: text or XLSX, plain, gzipped or zipped."""

from __future__ import annotations

import gzip
import io
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast

from backoffice.kernel.files.faults import FileFault
from backoffice.kernel.files.limits import MAX_UNPACK_RATIO, MAX_UNPACKED, UNPACK_FLOOR

_ZIP = b"PK\x03\x04"
_GZIP = b"\x1f\x8b"
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_SPOOL = 8_000_000  # bytes of an unpacked workbook kept in memory
_PIECE = 1 << 18


@dataclass(frozen=True)
class Content:
    """The unpacked content. ``format`` is "text" or "xlsx"; an xlsx ``stream`` can seek. ``packing`` is "", "gzip" or "zip"."""

    format: str
    stream: IO[bytes]
    packing: str


class CountingReader(io.RawIOBase):
    """Reads on and refuses beyond ``limit`` bytes: sizes in a zip's directory can lie."""

    def __init__(self, source: IO[bytes], limit: int) -> None:
        self._source = source
        self._limit = limit
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        try:
            piece = self._source.read(len(target))
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise FileFault("broken_archive") from error
        self.count += len(piece)
        if self.count > self._limit:
            raise FileFault("unpacks_too_big", megabytes=self._limit // 1_000_000)
        target[: len(piece)] = piece
        return len(piece)


def unpack_limit(packed_size: int) -> int:
    """Bytes to which a packed file of ``packed_size`` bytes may unpack."""
    return min(max(packed_size * MAX_UNPACK_RATIO, UNPACK_FLOOR), MAX_UNPACKED)


@contextmanager
def open_content(source: IO[bytes]) -> Iterator[Content]:
    """Open the seekable ``source`` for reading what is inside. Raises ``FileFault``. Closes what it opened, not ``source``."""
    with ExitStack() as stack:
        size = source.seek(0, io.SEEK_END)
        source.seek(0)
        if size == 0:
            raise FileFault("empty_file")
        head = source.read(4096)
        source.seek(0)
        if head.startswith(_GZIP):
            plain = stack.enter_context(gzip.open(source, "rb"))
            yield _inner(io.BufferedReader(CountingReader(cast(IO[bytes], plain), unpack_limit(size)), _PIECE), "gzip", stack)
        elif head.startswith(_ZIP):
            archive = _open_zip(source, stack)
            if _is_workbook(archive):
                _refuse_unsafe_workbook(archive)
                source.seek(0)
                yield Content("xlsx", source, "")
            else:
                entry = _single_entry(archive)
                unpacked = stack.enter_context(archive.open(entry))
                yield _inner(io.BufferedReader(CountingReader(unpacked, unpack_limit(size)), _PIECE), "zip", stack)
        else:
            _refuse_other_formats(head)
            yield Content("text", source, "")


def _inner(stream: io.BufferedReader, packing: str, stack: ExitStack) -> Content:
    head = stream.peek(4096)[:4096]
    if not head:
        raise FileFault("empty_file")
    if not head.startswith(_ZIP):
        if head.startswith(_GZIP):
            raise FileFault("nested_archive")
        _refuse_other_formats(head)
        return Content("text", stream, packing)
    kept = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_SPOOL))  # noqa: SIM115 - the stack closes it
    while piece := stream.read(_PIECE):
        kept.write(piece)
    kept.seek(0)
    archive = _open_zip(kept, stack)
    if not _is_workbook(archive):
        raise FileFault("nested_archive")
    _refuse_unsafe_workbook(archive)
    kept.seek(0)
    return Content("xlsx", kept, packing)


def _open_zip(source: IO[bytes], stack: ExitStack) -> zipfile.ZipFile:
    try:
        return stack.enter_context(zipfile.ZipFile(source))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FileFault("broken_archive") from error


def _is_workbook(archive: zipfile.ZipFile) -> bool:
    return "[Content_Types].xml" in archive.namelist()


def _refuse_unsafe_workbook(archive: zipfile.ZipFile) -> None:
    names = [entry.filename for entry in archive.infolist()]
    if "xl/workbook.xml" not in names:
        raise FileFault("not_a_workbook")
    if any(name.endswith("vbaProject.bin") for name in names):
        raise FileFault("workbook_with_macros")
    if any(name.startswith("xl/externalLinks/") for name in names):
        raise FileFault("workbook_with_links")
    if any(entry.flag_bits & 1 for entry in archive.infolist()):
        raise FileFault("encrypted_file")


def _single_entry(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    entries = [entry for entry in archive.infolist() if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")]
    if len(entries) != 1:
        raise FileFault("archive_of_many", files=len(entries))
    entry = entries[0]
    unsafe_path = ".." in entry.filename.split("/") or entry.filename.startswith(("/", "\\"))
    if unsafe_path or stat.S_ISLNK(entry.external_attr >> 16):
        raise FileFault("broken_archive")
    if entry.flag_bits & 1:
        raise FileFault("encrypted_file")
    return entry


def _refuse_other_formats(head: bytes) -> None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if head.startswith(_OLD_OFFICE):
        raise FileFault("old_or_encrypted_office")
    if head.startswith(b"%PDF"):
        raise FileFault("not_a_list")
    if start.startswith((b"<!doctype", b"<html", b"<table", b"<?xml", b"<head", b"<meta")):
        raise FileFault("web_page")
