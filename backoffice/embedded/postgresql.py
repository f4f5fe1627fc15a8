"""The embedded PostgreSQL: its own data folder, reached through a socket that only its account and root can open."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg
from psycopg import sql

from backoffice.embedded.account import Account
from backoffice.embedded.addresses import postgres_socket_dir
from backoffice.embedded.binaries import postgres_bin
from backoffice.embedded.errors import ServiceError
from backoffice.embedded.processes import Program, end_leftover

_SMALL_SHM = 256 * 1024 * 1024


def _clean_env() -> dict[str, str]:
    """Our environment without libpq's variables, which would send the tools to another server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C.UTF-8"}


class Postgres:
    """One server. ``volatile`` gives up durability for speed: for test runs whose data is thrown away."""

    name = "PostgreSQL"

    def __init__(self, state: Path, account: Account, *, volatile: bool = False) -> None:
        self.state = state
        self.account = account
        self.data = state / "postgresql"
        self.sockets = postgres_socket_dir(state)
        self.bin = postgres_bin(account, state)
        self.program = Program(
            "postgresql",
            [self.bin / "postgres", "-D", self.data, "-k", self.sockets, *self._options(volatile=volatile)],
            log=state / "logs" / "postgresql.log",
            stop_signals=(signal.SIGINT, signal.SIGQUIT),  # fast shutdown, then immediate
            account=account.popen,
            env=_clean_env(),
        )

    def _options(self, *, volatile: bool) -> list[str]:
        options = {
            "listen_addresses": "",
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "shared_buffers": "256MB",
            "max_wal_size": "2GB",
            "jit": "off",
            "timezone": "UTC",
            "logging_collector": "off",
        }
        if any(self.bin.parent.glob("share/**/extension/pg_stat_statements.control")):
            options["shared_preload_libraries"] = "pg_stat_statements"
        shm = os.statvfs("/dev/shm") if os.path.isdir("/dev/shm") else None  # noqa: S108
        if shm is None or shm.f_bavail * shm.f_frsize < _SMALL_SHM:
            options["dynamic_shared_memory_type"] = "mmap"  # containers often have 64 MB there, too little for parallel queries
        if volatile:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]

    def start(self, patience: float = 120) -> None:
        """Start and wait until connections are answered. Raises ServiceError with the end of the server's log."""
        self.account.own(self.data)
        self.account.own(self.sockets)
        if not (self.data / "PG_VERSION").exists():
            self._create_cluster()
        end_leftover(self.data / "postmaster.pid", self.data, signal.SIGINT)
        self.program.start()
        end = time.monotonic() + patience
        while not self._answers():
            if not self.program.running:
                raise ServiceError(f"The embedded PostgreSQL did not start; the end of {self.program.log}:\n{self.program.last_lines()}")
            if time.monotonic() > end:
                raise ServiceError(f"The embedded PostgreSQL was not ready after {patience:.0f} seconds; see {self.program.log}.")
            time.sleep(0.05)

    def _create_cluster(self) -> None:
        for leftover in self.data.iterdir():  # of an initdb that was cut off
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()
        # The built-in locale sorts the same on every machine; servers before 17 know only the system's.
        version = subprocess.run([self.bin / "postgres", "--version"], capture_output=True, text=True, cwd="/", check=True, **self.account.popen).stdout
        major = int("".join(c for c in version.rsplit(")", 1)[1].split(".", 1)[0] if c.isdigit()))
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"] if major >= 17 else ["--locale=C.UTF-8"]
        made = subprocess.run(
            [self.bin / "initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync", *locale],
            capture_output=True,
            text=True,
            cwd="/",
            env=_clean_env(),
            check=False,
            **self.account.popen,
        )
        if made.returncode:
            raise ServiceError(f"The embedded PostgreSQL could not be set up in {self.data}: {(made.stderr or made.stdout).strip()}")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._conninfo("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _conninfo(self, database: str) -> str:
        return psycopg.conninfo.make_conninfo(host=str(self.sockets), user="postgres", dbname=database)

    def ensure_database(self, name: str) -> None:
        create_database(self._conninfo("postgres"), name)

    def stop(self) -> None:
        self.program.stop()
        if self.sockets.is_dir() and not any(self.sockets.iterdir()):
            self.sockets.rmdir()


def create_database(conninfo: str, name: str) -> bool:
    """Create database ``name`` on the server behind ``conninfo`` unless it is there; True when it was created."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return False
        try:
            connection.execute(sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(name)))
        except psycopg.errors.DuplicateDatabase:
            return False
        return True
