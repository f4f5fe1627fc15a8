"""Cells that a spreadsheet would take for a formula. Column types take the apostrophe away again when such a file comes back."""

from __future__ import annotations

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")


def formula_safe(text: str) -> str:
    """``text`` with an apostrophe in front when it begins like a formula (OWASP ASVS 1.2.10)."""
    return f"'{text}" if text.startswith(_STARTS) else text
