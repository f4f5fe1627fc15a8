"""Where packages meet without knowing each other. A port is filled in an app's ``ready()`` and called in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class TimelineItem:
    """One thing that happened to a member, for the one timeline of the member's page.

    ``kind`` is a stable code that picks the icon, ``tone`` one of ``kernel.admin.display``'s tones, ``url`` the row behind it.
    """

    at: datetime
    kind: str
    title: Any
    body: Any = ""
    status: Any = ""
    tone: str = ""
    url: str = ""


TimelineSource = Callable[[Any, Any, int], list[TimelineItem]]
"""``source(member, user, limit)``: the newest ``limit`` items about ``member``, newest first. The caller has checked that ``user`` may see the member."""

timeline_sources: list[TimelineSource] = []
