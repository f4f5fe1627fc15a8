"""The embedded servers under every end a supervisor can meet."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from django.conf import settings

from backoffice.embedded.addresses import postgres_socket_dir, socket_dir, valkey_socket
from tests.backoffice.embedded.supervised import answers, eventually, manage, processes_of, query, server_pid, services, stop

pytestmark = pytest.mark.servers


@pytest.fixture
def state() -> Path:
    """An open folder: as root the servers run under another account, which could not enter pytest's own folders."""
    place = Path(tempfile.mkdtemp(prefix="servers-", dir=settings.LOCAL_STATE_DIR))
    place.chmod(0o711)
    return place


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_signal_ends_everything_cleanly(state: Path, number: int) -> None:
    with services(state) as supervisor:
        assert answers(state)
        assert valkey_socket(state).is_socket()

        assert stop(supervisor, number) == 0

        assert processes_of(state) == []
        assert not valkey_socket(state).exists()
    assert "database system is shut down" in (state / "logs" / "postgresql.log").read_text()


def test_killing_the_supervisor_leaves_no_process_and_no_damage(state: Path) -> None:
    with services(state) as supervisor:
        query(state, "CREATE TABLE kept AS SELECT 42 AS answer")
        supervisor.kill()
        supervisor.wait()

        assert eventually(lambda: not processes_of(state), 20)
    with services(state) as supervisor:
        assert query(state, "SELECT answer FROM kept") == [(42,)]
        assert stop(supervisor) == 0


def test_a_second_supervisor_is_refused_and_the_first_one_goes_on(state: Path) -> None:
    with services(state) as supervisor:
        second = manage("services", state=state)

        assert second.returncode == 1
        assert f"already kept up by process {supervisor.pid}" in second.stderr
        assert "Traceback" not in second.stderr
        assert answers(state)


def test_a_killed_server_is_started_again_with_its_data(state: Path) -> None:
    with services(state):
        query(state, "CREATE TABLE kept AS SELECT 7 AS answer")
        first = server_pid(state)
        os.kill(first, signal.SIGKILL)

        assert eventually(lambda: answers(state) and server_pid(state) != first, 60)
        assert query(state, "SELECT answer FROM kept") == [(7,)]


def test_a_pid_file_that_names_a_stranger_is_ignored(state: Path) -> None:
    with services(state) as supervisor:
        stop(supervisor)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (state / "postgresql" / "postmaster.pid").write_text(f"{stranger.pid}\n{state / 'postgresql'}\n1\n5432\n\n\n")
        (state / "valkey" / "valkey.pid").write_text(f"{stranger.pid}\n")

        with services(state):
            assert answers(state)
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_half_made_data_folder_is_made_anew(state: Path) -> None:
    (state / "postgresql" / "base").mkdir(parents=True)
    (state / "postgresql" / "postgresql.conf").write_text("cut off")

    with services(state):
        assert answers(state)


def test_given_servers_are_not_started_again(state: Path) -> None:
    run = manage("services", state=state, DATABASE_URL="postgres://nobody@127.0.0.1:1/none", CELERY_BROKER_URL="redis://127.0.0.1:1/0")

    assert run.returncode == 0
    assert "nothing to start" in run.stdout
    assert not (state / "postgresql").exists()


def test_a_folder_that_cannot_work_is_refused_in_one_sentence(state: Path) -> None:
    closed = state / "closed"
    # Root may enter everything, but the account of its servers may not; anybody else cannot write here.
    closed.mkdir(mode=0o700 if os.geteuid() == 0 else 0o500)

    run = manage("services", state=closed / "state")

    assert run.returncode == 1
    assert "LOCAL_STATE_DIR" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_deep_folder_gets_its_sockets_elsewhere(state: Path) -> None:
    deep = state / ("x" * 60) / ("y" * 60)

    assert not socket_dir(deep).is_relative_to(deep)
    with services(deep):
        assert answers(deep)
        assert len(os.fsencode(postgres_socket_dir(deep) / ".s.PGSQL.5432")) <= 107


def test_a_command_without_a_database_says_what_to_start(state: Path) -> None:
    run = manage("migrate", state=state)

    assert run.returncode == 1
    assert "manage.py services" in run.stderr
    assert "DATABASE_URL" in run.stderr
    assert run.stderr.count("\n") == 1
