"""Template side of the import screens."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template
from django.utils.safestring import SafeString

from backoffice.kernel.admin.display import chip
from backoffice.kernel.files import words
from backoffice.kernel.files.encodings import ENCODINGS
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.money import format_yuan

register = template.Library()

ENCODING_NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 (BOM)", "utf-16": "UTF-16", "gb18030": "GB18030"}


@register.filter
def figure(number: int | None) -> str:
    """``49963`` -> ``49,963``, the same in every language."""
    return "" if number is None else f"{number:,}"


@register.filter
def yuan(amount: Decimal | None) -> str:
    return "" if amount is None else f"¥{format_yuan(amount)}"


@register.filter
def rows(number: int) -> str:
    return words.rows_words(number)


@register.filter
def kind_name(job: ImportJob) -> str:
    return words.kind_name(job)


@register.filter
def job_chip(job: ImportJob) -> SafeString:
    return chip(job.get_status_display(), words.TONES[job.status])


@register.filter
def handed_in_by(job: ImportJob, console: str) -> str:
    return words.person_words(job, console)


@register.filter
def column_title(column: Any) -> str:
    return words.column_title(column)


@register.filter
def encoding_name(code: str) -> str:
    return ENCODING_NAMES.get(code, code)


@register.filter
def lookup(mapping: Any, key: Any) -> Any:
    """``mapping[key]``, or nothing."""
    return mapping.get(key, "") if hasattr(mapping, "get") else ""


@register.filter
def file_cell(headers: list[str], position: int | str) -> str:
    """The file's header at ``position``; nothing where the file has no such column."""
    return headers[position] if isinstance(position, int) and position < len(headers) else ""


@register.simple_tag
def encoding_choices() -> list[tuple[str, str]]:
    return [(code, ENCODING_NAMES[code]) for code in ENCODINGS]


@register.simple_tag
def delimiter_choices() -> list[tuple[str, str, str]]:
    """(code of the form, character, name)."""
    from django.utils.translation import gettext as _

    names = {"comma": _("Comma"), "tab": _("Tab"), "semicolon": _("Semicolon"), "pipe": _("Vertical bar")}
    return [(code, character, names[code]) for code, character in words.DELIMITER_CODES.items()]


@register.simple_tag
def console_url(console: str, name: str, *args: Any) -> str:
    """Address of a page of this console: ``{% console_url console "files_importjob_start" %}``."""
    from django.urls import reverse

    return reverse(f"{console}:{name}", args=args)
