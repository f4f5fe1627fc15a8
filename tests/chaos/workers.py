"""Celery workers and beats as processes of their own, on the broker of the test run, ended by SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from backoffice.celery import app
from tests.campaigns.processes import ROOT, environment


def zone_far_from_midnight() -> str:
    """The product counts days in one zone; a run of real processes on the real clock must not meet the end of a day."""
    for zone in ("Asia/Shanghai", "UTC", "America/Los_Angeles"):
        if 1 <= datetime.now(UTC).astimezone(ZoneInfo(zone)).hour < 23:
            return zone
    raise AssertionError("three zones eight hours apart cannot all be near midnight")


class CeleryProcess:
    """``celery worker`` or ``celery beat``; ``kill`` ends the whole group at once, as a machine that loses its power."""

    def __init__(self, log: Path, *arguments: str, crash_at: str = "") -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "backoffice.celery", *arguments],
                cwd=ROOT,
                env={**environment(crash_at), "LOCAL_TIME_ZONE": zone_far_from_midnight()},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")


def worker(log: Path, *, crash_at: str = "") -> CeleryProcess:
    return CeleryProcess(log, "worker", "-c", "2", "-l", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat", crash_at=crash_at)


def beat(log: Path) -> CeleryProcess:
    return CeleryProcess(log, "beat", "-l", "WARNING", "-s", str(log.with_suffix(".schedule")), "--pidfile=")


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str, process: CeleryProcess | None = None) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        said = process.said[-3000:] if process else ""
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds} s\n{said}"
        time.sleep(0.1)


def empty_queues() -> None:
    """Nothing that an earlier test sent is left for the next worker."""
    with app.connection_for_write() as connection:
        for queue in app.amqp.queues.values():
            bound = queue.bind(connection.default_channel)
            bound.declare()
            bound.purge()
