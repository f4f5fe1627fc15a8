"""Starting `manage.py services` as its users do, and looking at what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.conf import settings

from backoffice.embedded.addresses import postgres_socket_dir

READY = "Ctrl+C stops the servers"


def environment(state: Path, **more: str) -> dict[str, str]:
    """As on a machine without servers: no URLs, a state folder of the test's own."""
    cleared = ("DATABASE_URL", "CELERY_BROKER_URL", "PYTEST_XDIST_WORKER", "LOCAL_PG_BIN")
    kept = {name: value for name, value in os.environ.items() if name not in cleared}
    return kept | {"DJANGO_SETTINGS_MODULE": "backoffice.settings", "DEPLOYMENT": "local", "LOCAL_STATE_DIR": str(state), **more}


def manage(*arguments: str, state: Path, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=settings.BASE_DIR, env=environment(state, **more), capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def services(state: Path, **more: str) -> Iterator[subprocess.Popen[str]]:
    """`manage.py services`, ready; whatever is left of it is killed afterwards."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "services"],
        cwd=settings.BASE_DIR,
        env=environment(state, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = ""
        while READY not in said:
            line = process.stdout.readline()
            assert line, f"services ended before it was ready: {said}"
            said += line
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        assert eventually(lambda: not processes_of(state), 30)


def processes_of(state: Path) -> list[int]:
    """Live processes that name the state folder in their command line, environment or working folder; not this one."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and int(place.name) != os.getpid():
            try:
                told = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
                if os.fsencode(state) in told or Path(os.readlink(place / "cwd")).is_relative_to(state):
                    found.append(int(place.name))
            except OSError:
                continue
    return found


def server_pid(state: Path) -> int:
    return int((state / "postgresql" / "postmaster.pid").read_text().split("\n", 1)[0])


def query(state: Path, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(host=str(postgres_socket_dir(state)), user="postgres", dbname="backoffice", autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def answers(state: Path) -> bool:
    try:
        return query(state, "SELECT 1") == [(1,)]
    except psycopg.OperationalError:
        return False


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> int:
    process.send_signal(number)
    return process.wait(timeout=60)
