"""Small pieces of text in lists."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString


def unbroken(text: str) -> SafeString:
    """A name that stays on one line: Chinese would break after every character."""
    return format_html('<span class="whitespace-nowrap">{}</span>', text)
