"""Typed refusals of a whole file. Row faults are not exceptions: they are ``ImportProblem`` rows."""

from __future__ import annotations

from typing import Any

from backoffice.kernel.errors import BusinessError
from backoffice.kernel.files.problems import sentence_for


class FileFault(BusinessError):
    """The file as a whole cannot be imported. ``code`` is one of ``problems``, ``facts`` are plain JSON values for its sentence."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code=code, **facts)

    def __str__(self) -> str:
        return sentence_for(self.code, self.facts)


class RepeatedFile(FileFault):
    """The same file was applied before; ``facts["job"]`` is the first job's id."""

    def __init__(self, job: int) -> None:
        super().__init__("repeated", job=job)


class RightsLost(FileFault):
    """The person who handed the file in may not import it any more."""

    def __init__(self) -> None:
        super().__init__("rights_lost")


class Cancelled(Exception):
    """The job was asked to stop; nothing of it is kept."""


class LeaseLost(Exception):
    """Another worker holds the job; this one stops and writes nothing."""


class Overtaken(Exception):
    """Rows that were compared have been changed by somebody else before they were locked."""
