"""Uploads that are too large are not written to the disk: their parts are read and dropped, and the form says the limit."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

FORM_ALLOWANCE = 1_000_000
"""Bytes that the other fields and the separators of a form may take beside the file."""


class LimitUploadHandler(FileUploadHandler):
    """First of ``FILE_UPLOAD_HANDLERS``: drops the files of a request beyond ``MAX_UPLOAD_BYTES`` and passes everything else on."""

    def handle_raw_input(self, input_data: Any, META: dict[str, str], content_length: int, boundary: str, encoding: str | None = None) -> None:  # noqa: N803 - the name Django passes it by
        self.too_large = content_length > settings.MAX_UPLOAD_BYTES + FORM_ALLOWANCE

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.too_large:
            assert self.request is not None  # noqa: S101 - Django gives it to handlers of a request
            self.request.META[REFUSED] = True
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


REFUSED = "backoffice.upload_too_large"


def was_too_large(request: HttpRequest) -> bool:
    """Whether a file of this request was dropped for its size."""
    return bool(request.META.get(REFUSED))


def upload_limit_mb() -> int:
    return int(settings.MAX_UPLOAD_BYTES) // 1_000_000
