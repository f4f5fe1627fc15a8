"""The demo as people start it, with a small part of its data: what it shows, and what is left when it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from tests.backoffice.embedded.supervised import environment, eventually, processes_of

pytestmark = pytest.mark.servers

DEMO = [sys.executable, "manage.py", "demo", "--customers", "300"]


@pytest.fixture
def state() -> Path:
    place = Path(tempfile.mkdtemp(prefix="demo-", dir=settings.LOCAL_STATE_DIR))
    place.chmod(0o711)
    return place


def run_once(state: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DEMO, "--once"], cwd=settings.BASE_DIR, env=environment(state, **more), capture_output=True, text=True, timeout=300, check=False)


def line_of(output: str, name: str) -> str:
    return next(line for line in output.splitlines() if line.startswith(name))


def test_once_shows_the_main_job_and_leaves_nothing_running(state: Path) -> None:
    first = run_once(state)

    assert first.returncode == 0, first.stdout + first.stderr
    assert " = " in line_of(first.stdout, "Credit ")
    assert line_of(first.stdout, "Decided ").split(maxsplit=1)[1] == line_of(first.stdout, "Sent ").split(maxsplit=1)[1] != "none"
    assert "exactly the sent ones, 0 rules broken" in line_of(first.stdout, "Gateway's log")
    assert "37 bad rows" in line_of(first.stdout, "Refused")
    assert "sent " in line_of(first.stdout, "Their notices")
    cases = line_of(first.stdout, "Applications ")
    assert "every one replays from its events" in cases
    assert all(state in cases for state in ("QUEUED", "IN_REVIEW", "HELD", "AWAITING_MERCHANT", "APPROVED", "REFUSED", "LAPSED"))
    assert processes_of(state) == []

    again = run_once(state)  # everything is known, nobody gets a second card

    assert again.returncode == 0, again.stdout + again.stderr
    assert line_of(again.stdout, "Applications ").endswith("every one replays from its events")
    for name in ("Members ", "Credit ", "Payments ", "Their notices", "Sent ", "Held back ", "Gateway's log"):
        assert line_of(again.stdout, name) == line_of(first.stdout, name)
    assert processes_of(state) == []


@pytest.fixture
def missing_database() -> str:
    """The URL of a database that the run's server does not have yet; it is dropped afterwards."""
    fields = connection.settings_dict
    host = fields["HOST"].replace("/", "%2F")
    user = f"{fields['USER']}:{fields['PASSWORD']}" if fields["PASSWORD"] else fields["USER"]
    return f"postgres://{user}@{host}{':' + str(fields['PORT']) if fields['PORT'] else ''}/demo_{Path(settings.LOCAL_STATE_DIR).name.replace('-', '_')}"


def test_it_stays_up_on_a_given_server_until_it_is_interrupted(state: Path, missing_database: str) -> None:
    demo = subprocess.Popen(DEMO, cwd=settings.BASE_DIR, env=environment(state, DATABASE_URL=missing_database), stdout=subprocess.PIPE, text=True)
    try:
        assert demo.stdout is not None
        said: list[str] = []
        for line in demo.stdout:
            said.append(line.strip())
            if "Ctrl+C stops it" in line:
                break
        output = "\n".join(said)
        assert "created" in output
        assert not (state / "postgresql").exists()
        logins = [line.split() for line in said if line.startswith("http://")]
        assert [words[2] for words in logins] == ["platform", "merchant", "developer", "reviewer", "senior"]
        for address, *_ in logins:
            with urllib.request.urlopen(f"{address}login/", timeout=20) as page:  # noqa: S310 - our own address
                assert page.status == 200

        demo.send_signal(signal.SIGINT)

        assert demo.wait(timeout=90) == 0
        assert eventually(lambda: processes_of(state) == [], 5)
    finally:
        demo.kill()
        demo.wait()
        if demo.stdout is not None:
            demo.stdout.close()
        assert eventually(lambda: processes_of(state) == [], 60)
        url, _, name = missing_database.rpartition("/")
        with psycopg.connect(f"{url}/postgres", autocommit=True) as server:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
