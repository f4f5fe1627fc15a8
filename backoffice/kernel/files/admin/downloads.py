"""Files handed out: always as attachments, streamed, never shown inside a page."""

from __future__ import annotations

import re

from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\"\\/:*?<>|\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def clean_name(name: str, most: int = 80) -> str:
    """A file name that no system takes for a path, an address or another direction of writing."""
    cleaned = _UNSAFE.sub("_", name).strip(" ._") or "file"
    if len(cleaned) <= most:
        return cleaned
    stem, dot, ending = cleaned.rpartition(".")
    return f"{stem[: most - len(ending) - 1]}.{ending}" if dot and len(ending) <= 10 else cleaned[:most]


def stored_file(file: FieldFile, name: str) -> FileResponse:
    """A stored file as an attachment; 404 when it is not there any more."""
    if not file.name:
        raise Http404
    try:
        content = file.storage.open(file.name, "rb")
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(content, as_attachment=True, filename=clean_name(name), content_type="application/octet-stream")
    _never_inline(response)
    return response


def made_file(content: bytes, name: str, content_type: str) -> HttpResponse:
    """Bytes made for this answer, as an attachment."""
    response = HttpResponse(content, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
    _never_inline(response)
    return response


def _never_inline(response: HttpResponseBase) -> None:
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"


def bad_rows_name(file_name: str) -> str:
    """``members.csv`` -> ``members-bad-rows.csv``; packed files hand their bad rows out unpacked."""
    name = re.sub(r"\.(gz|zip)$", "", file_name, flags=re.IGNORECASE)
    stem, dot, ending = name.rpartition(".")
    return f"{stem}-bad-rows.{ending}" if dot else f"{name}-bad-rows.csv"
