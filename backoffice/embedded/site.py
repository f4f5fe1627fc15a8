"""Web, worker and beat of this checkout as child processes, reachable from this machine only."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from backoffice.embedded.errors import ServiceError
from backoffice.embedded.processes import Program

LOOPBACK = "127.0.0.1"
FIRST_PORT = 8000
_PORTS_TRIED = 50


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose_port(wanted: int | None, first: int = FIRST_PORT) -> int:
    """The wanted port, or the first free one from ``first`` on. Raises ServiceError when there is none."""
    if wanted is not None:
        if not is_free(wanted):
            raise ServiceError(f"Port {wanted} on {LOOPBACK} is taken: choose another with PORT=, or leave it out to take the next free one.")
        return wanted
    for port in range(first, first + _PORTS_TRIED):
        if is_free(port):
            return port
    raise ServiceError(f"No port from {first} to {first + _PORTS_TRIED - 1} is free on {LOOPBACK}: choose one with PORT=.")


class LocalSite:
    """The three kinds of process a deployment has, and any companions they need, kept alive together."""

    def __init__(self, *, base: Path, state: Path, port: int, env: Mapping[str, str], say: Callable[[str], None]) -> None:
        self.port = port
        self.say = say
        self.address = f"http://{LOOPBACK}:{port}"
        self._base = base
        self._logs = state / "logs"
        self._env = {**os.environ, "DJANGO_SETTINGS_MODULE": "backoffice.settings", "LOCAL_STATE_DIR": str(state), "PYTHONUNBUFFERED": "1", **env}
        self.programs: dict[str, Program] = {}

    def _start(self, name: str, *command: str | Path, patience: float) -> Program:
        program = Program(name, [sys.executable, "-m", *command], log=self._logs / f"{name}.log", env=self._env, cwd=self._base, patience=patience)
        self.programs[name] = program
        program.start()
        return program

    def start_companion(self, name: str, *command: str | Path) -> Program:
        """Start ``python -m command`` beside the site."""
        return self._start(name, *command, patience=10)

    def start_web(self) -> None:
        """Start the web process; `wait_for_web` says when it answers."""
        options = ("--workers", "2", "--threads", "4", "--preload", "--no-control-socket", "--graceful-timeout", "5", "--timeout", "120")
        self._start("web", "gunicorn", "backoffice.wsgi", "--bind", f"{LOOPBACK}:{self.port}", *options, patience=15)

    def start_background(self) -> None:
        """Start the worker and beat."""
        quiet = ("--loglevel", "INFO")
        self._start("worker", "celery", "-A", "backoffice.celery", "worker", "--concurrency", "2", "--without-gossip", "--without-mingle", *quiet, patience=40)
        self._start("beat", "celery", "-A", "backoffice.celery", "beat", "--pidfile=", *quiet, patience=10)

    def web_answers(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=5)
        try:
            connection.request("GET", "/admin/login/")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def wait_for_web(self, patience: float = 90) -> None:
        """Returns when the log-in page answers. Raises ServiceError with the end of the web process's log."""
        end = time.monotonic() + patience
        web = self.programs["web"]
        while not self.web_answers():
            if not web.running:
                raise ServiceError(f"The web process ended; the end of {web.log}:\n{web.last_lines()}")
            if time.monotonic() > end:
                raise ServiceError(f"The web process did not answer within {patience:.0f} seconds; the end of {web.log}:\n{web.last_lines()}")
            time.sleep(0.1)

    def restart_dead(self) -> None:
        for program in self.programs.values():
            if not program.running:
                self.say(f"{program.name} ended with code {program.exit_code}; starting it again (its log is {program.log})")
                time.sleep(1)
                program.start()

    def stop(self) -> None:
        """Ask all to stop at once, then see each one out. No process of theirs is left afterwards."""
        for program in self.programs.values():
            program.ask_to_stop()
        for program in reversed(self.programs.values()):
            if not program.wait(program.patience):
                self.say(f"{program.name} did not stop within {program.patience:.0f} seconds and was killed")
            program.stop_signals = (signal.SIGKILL,)
            program.stop()
