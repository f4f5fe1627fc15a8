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

PaymentSource = Callable[[Any, Any, int], list[TimelineItem]]
"""``source(payment, user, limit)``: what followed from a payment, for its page. The caller has checked that ``user`` may see the payment."""

payment_sources: list[PaymentSource] = []

PaymentListener = Callable[[Any, datetime], object]
"""``listener(payment, now)``: a payment was recorded for the first time. In its transaction, the payer's account and row locked, the credit taken."""

payment_listeners: list[PaymentListener] = []
