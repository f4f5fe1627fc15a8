"""Ctrl+C, SIGTERM and a closed terminal all mean: stop everything in order."""

from __future__ import annotations

import signal
import threading
from typing import Any


class StopRequested(BaseException):
    """Raised once in the main thread by the first stop signal. Not an Exception, so that no handler swallows it."""


class StopSignals:
    """Turns the first stop signal into StopRequested; further ones are ignored, so that stopping is not cut short."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def install(self) -> None:
        # Also where the shell started us with SIGINT ignored, as "command &" in a script does.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: Any) -> None:
        if not self.asked.is_set():
            self.asked.set()
            raise StopRequested(signal.Signals(number).name)
