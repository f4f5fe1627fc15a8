"""Named points at which a test kills this process, to show that what was begun is finished by the next one.

Inert unless the environment names a point: ``CRASH_AT=reminders.before_commit``. ``CRASH_AT=point:3`` dies at the third passing.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

_passed: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """Die here by SIGKILL, as a machine does, when ``CRASH_AT`` names this point."""
    wanted = os.environ.get("CRASH_AT")
    if not wanted:
        return
    point, _, passing = wanted.partition(":")
    if point == name:
        _passed[name] += 1
        if _passed[name] >= int(passing or 1):
            os.kill(os.getpid(), signal.SIGKILL)
