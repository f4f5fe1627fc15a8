"""The embedded broker: Valkey on a socket, every write kept in an append-only file."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from pathlib import Path

from backoffice.embedded.account import Account
from backoffice.embedded.addresses import valkey_socket
from backoffice.embedded.binaries import valkey_server
from backoffice.embedded.errors import ServiceError
from backoffice.embedded.processes import Program, end_leftover


class Valkey:
    """One server. ``volatile`` keeps nothing on disk."""

    name = "Valkey"

    def __init__(self, state: Path, account: Account, *, volatile: bool = False) -> None:
        self.account = account
        self.folder = state / "valkey"
        self.socket = valkey_socket(state)
        self.pid_file = self.folder / "valkey.pid"
        self.program = Program(
            "valkey",
            [
                *(valkey_server(account, state), "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700"),
                *("--dir", self.folder, "--pidfile", self.pid_file, "--daemonize", "no", "--save", ""),
                # A broker that drops messages when it is full would lose work: it refuses new ones instead.
                *("--maxmemory", "256mb", "--maxmemory-policy", "noeviction", "--appendonly", "no" if volatile else "yes"),
            ],
            log=state / "logs" / "valkey.log",
            patience=10,
            account=account.popen,
        )

    def start(self, patience: float = 30) -> None:
        """Start and wait until it answers. Raises ServiceError with the end of the server's log."""
        self.account.own(self.folder)
        self.account.own(self.socket.parent)
        end_leftover(self.pid_file, self.folder, signal.SIGTERM)
        self.socket.unlink(missing_ok=True)
        self.program.start()
        end = time.monotonic() + patience
        while not self._answers():
            if not self.program.running:
                raise ServiceError(f"The embedded Valkey did not start; the end of {self.program.log}:\n{self.program.last_lines()}")
            if time.monotonic() > end:
                raise ServiceError(f"The embedded Valkey was not ready after {patience:.0f} seconds; see {self.program.log}.")
            time.sleep(0.03)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(str(self.socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")  # "-LOADING" while it reads its file
        return False

    def stop(self) -> None:
        self.program.stop()
        self.socket.unlink(missing_ok=True)
        if self.socket.parent.is_dir() and not any(self.socket.parent.iterdir()):
            self.socket.parent.rmdir()
