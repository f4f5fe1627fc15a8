"""One line of what needs somebody now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Need:
    """One line of the first list of a console."""

    text: str
    count: int
    tone: str
    url: str
    since: datetime | None = None
    due: datetime | None = None
    """When the first of them is due."""
    is_own: bool = False
    """Begun by this very person: before what waits for anybody, however pressing."""
