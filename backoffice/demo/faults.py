"""Faults that the demo's gateway can be told to commit, one call at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Message = dict[str, Any]
"""One message of a batch as it came over the wire."""


class FaultKind(StrEnum):
    """What goes wrong. Whether the messages of the call were delivered all the same stands with each."""

    DELAY = "delay"
    """Answers rightly, ``seconds`` late; delivered."""
    SERVER_ERROR = "server_error"
    """500; not delivered."""
    BAD_GATEWAY = "bad_gateway"
    """502 although delivered."""
    TOO_MANY = "too_many"
    """429 with ``Retry-After: retry_after``; not delivered."""
    CLIENT_ERROR = "client_error"
    """A final 4xx, ``status``; not delivered."""
    TIMEOUT = "timeout"
    """No byte of an answer for ``seconds``, then the connection closes; not delivered."""
    TIMEOUT_DELIVERED = "timeout_delivered"
    """The same, but delivered."""
    RESET = "reset"
    """The connection closes at once without an answer; not delivered."""
    CUT = "cut"
    """The answer breaks off in the middle; delivered."""
    DRIP = "drip"
    """The answer comes byte by byte over ``seconds``; delivered."""
    REJECT = "reject"
    """200, but chosen messages are "rejected" for good; the others delivered."""
    RETRY = "retry"
    """200, but chosen messages are to be tried again; the others delivered."""
    MISSING_RESULTS = "missing_results"
    """200, delivered, but the results of chosen messages are left out."""
    REDIRECT = "redirect"
    """302 to another path of the same gateway; not delivered."""
    WRONG_JSON = "wrong_json"
    """200 with ``body`` instead of results; delivered."""


DELIVERS: Mapping[FaultKind, bool] = {
    FaultKind.DELAY: True,
    FaultKind.SERVER_ERROR: False,
    FaultKind.BAD_GATEWAY: True,
    FaultKind.TOO_MANY: False,
    FaultKind.CLIENT_ERROR: False,
    FaultKind.TIMEOUT: False,
    FaultKind.TIMEOUT_DELIVERED: True,
    FaultKind.RESET: False,
    FaultKind.CUT: True,
    FaultKind.DRIP: True,
    FaultKind.REJECT: True,
    FaultKind.RETRY: True,
    FaultKind.MISSING_RESULTS: True,
    FaultKind.REDIRECT: False,
    FaultKind.WRONG_JSON: True,
}
PER_MESSAGE = frozenset({FaultKind.REJECT, FaultKind.RETRY, FaultKind.MISSING_RESULTS})

DEFAULT_STATUS: Mapping[FaultKind, int] = {
    FaultKind.SERVER_ERROR: 500,
    FaultKind.BAD_GATEWAY: 502,
    FaultKind.TOO_MANY: 429,
    FaultKind.CLIENT_ERROR: 400,
    FaultKind.REDIRECT: 302,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted fault.

    ``times``: for how many calls, None until cleared. ``delivers``: None takes what is usual for the
    kind. The kinds that concern single messages hit every ``every``-th one, or those for which
    ``only`` is true. ``status`` 0 takes the usual status of the kind.
    """

    kind: FaultKind
    times: int | None = 1
    seconds: float = 1.0
    status: int = 0
    retry_after: str = "1"
    delivers: bool | None = None
    every: int = 1
    only: Callable[[Message], bool] | None = None
    error: str = "scripted"
    body: str = '{"results": "none"}'

    def __post_init__(self) -> None:
        if self.every < 1 or (self.times is not None and self.times < 1):
            raise ValueError("a fault needs every >= 1 and times >= 1 or None")

    @property
    def is_delivering(self) -> bool:
        return DELIVERS[self.kind] if self.delivers is None else self.delivers

    @property
    def http_status(self) -> int:
        return self.status or DEFAULT_STATUS.get(self.kind, 200)

    def hits(self, place: int, message: Message) -> bool:
        """Is the message at this place of the batch one of the chosen ones?"""
        return self.only(message) if self.only else place % self.every == 0


class FaultScript:
    """The faults still to come, first in first out; safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Fault, int | None]] = deque()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self) -> Fault | None:
        """The fault of the next call, or None when nothing is scripted."""
        with self._lock:
            if not self._waiting:
                return None
            fault, left = self._waiting[0]
            if left == 1:
                self._waiting.popleft()
            elif left is not None:
                self._waiting[0] = (fault, left - 1)
            return fault

    def __len__(self) -> int:
        with self._lock:
            return len(self._waiting)


def fault_from_json(wire: Mapping[str, Any]) -> Fault:
    """A fault as the control endpoint takes it; raises ValueError that says what is wrong."""
    fields = dict(wire)
    try:
        return Fault(kind=FaultKind(fields.pop("kind", "")), **fields)
    except TypeError as error:
        raise ValueError(str(error)) from error
