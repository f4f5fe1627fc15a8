"""Typed refusals. A service raises one of these; consoles, commands and the API turn it into a sentence."""

from __future__ import annotations

from typing import Any


class BusinessError(Exception):
    """A rule said no. ``code`` is stable and machine-readable, ``message`` is a translated sentence for people."""

    code = "refused"

    def __init__(self, message: object = "", *, code: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts
        if code:
            self.code = code

    def __str__(self) -> str:
        return str(self.message) or self.code


class NotFound(BusinessError):
    """There is no such row for this user. A foreign row raises exactly the same."""

    code = "not_found"


class NotAllowed(BusinessError):
    """The user's role does not include this act."""

    code = "not_allowed"


class StateConflict(BusinessError):
    """Somebody or something moved the row on meanwhile; nothing was changed."""

    code = "state_conflict"


class ConfigurationError(Exception):
    """The program is put together wrongly; raised at start-up, never shown to users of a console."""
