"""Scopes as text: ``platform``, or ``store:CODE``. A code is percent-encoded where OAuth's scope words do not take a character."""

from __future__ import annotations

from urllib.parse import quote, unquote

PLATFORM = "platform"
_STORE = "store:"


def store_scope(code: str) -> str:
    return _STORE + quote(code, safe="")


def code_in(scope: str) -> str | None:
    """The store code of ``store:CODE``; None for anything else."""
    code = unquote(scope.removeprefix(_STORE), errors="replace") if scope.startswith(_STORE) else ""
    return code if code and "\x00" not in code else None
