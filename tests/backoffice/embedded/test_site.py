"""Web, worker and beat under one supervisor: they come back when they die, and go when it goes, however it goes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from backoffice.embedded.errors import ServiceError
from backoffice.embedded.site import LOOPBACK, choose_port
from tests.backoffice.embedded.supervised import environment, eventually, processes_of, query

pytestmark = pytest.mark.servers


@pytest.fixture
def state() -> Path:
    place = Path(tempfile.mkdtemp(prefix="site-", dir=settings.LOCAL_STATE_DIR))
    place.chmod(0o711)
    return place


@contextmanager
def running_site(state: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "tests.backoffice.embedded.site_script"]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment(state), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        while line and not line.startswith("ready "):
            line = process.stdout.readline()
        assert line, "the site ended before it was ready"
        yield process, line.split()[1]
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        assert eventually(lambda: not processes_of(state), 60)


def commands_of(state: Path) -> dict[str, int]:
    """The main process of each kind, by what stands in its command line."""
    found: dict[str, int] = {}
    for pid in sorted(processes_of(state)):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        for kind, word in (("web", b"backoffice.wsgi"), ("worker", b"worker"), ("beat", b"beat")):
            if word in words:
                found.setdefault(kind, pid)
    return found


def beat_is_alive(state: Path) -> bool:
    return bool(query(state, "SELECT 1 FROM backoffice_beatheartbeat WHERE beat_at > clock_timestamp() - interval '20 seconds'"))


def test_killing_the_supervisor_takes_every_process_with_it(state: Path) -> None:
    with running_site(state) as (supervisor, address):
        with urllib.request.urlopen(f"{address}/admin/login/", timeout=20) as page:  # noqa: S310 - our own address
            assert page.status == 200
        assert eventually(lambda: beat_is_alive(state), 30)
        assert set(commands_of(state)) == {"web", "worker", "beat"}

        supervisor.kill()
        supervisor.wait()

        assert eventually(lambda: not processes_of(state), 60)


def test_a_killed_part_comes_back_and_a_stop_signal_ends_all(state: Path) -> None:
    with running_site(state) as (supervisor, _):
        assert eventually(lambda: set(commands_of(state)) == {"web", "worker", "beat"}, 30)
        first = commands_of(state)["worker"]
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: commands_of(state).get("worker", first) != first, 30)

        supervisor.send_signal(signal.SIGTERM)

        assert supervisor.wait(timeout=60) == 0
        assert processes_of(state) == []


def test_a_taken_port_is_named_or_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ServiceError, match=f"Port {port} .* PORT="):
            choose_port(port)
        assert choose_port(None, first=port) > port
