"""Where the embedded servers of a state folder are, or would be, reached. Starts nothing and touches no file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

DATABASE_NAME = "backoffice"
_SOCKET_LIMIT = 107  # bytes of a Unix socket's path
_LONGEST_NAME = len("/postgresql/.s.PGSQL.5432.lock")


def socket_dir(state: Path) -> Path:
    """Folder of the sockets: inside the state folder, or in /tmp under a hash of its path when that would be too long."""
    inside = state / "run"
    if len(os.fsencode(inside)) + _LONGEST_NAME <= _SOCKET_LIMIT:
        return inside
    return Path("/tmp") / f"backoffice-{hashlib.blake2s(os.fsencode(state), digest_size=8).hexdigest()}"  # noqa: S108


def postgres_socket_dir(state: Path) -> Path:
    return socket_dir(state) / "postgresql"


def valkey_socket(state: Path) -> Path:
    return socket_dir(state) / "valkey" / "valkey.sock"


def database_url(state: Path, name: str = DATABASE_NAME) -> str:
    return f"postgres://postgres@{str(postgres_socket_dir(state)).replace('/', '%2F')}/{name}"


def broker_url(state: Path) -> str:
    return f"redis+socket://{valkey_socket(state)}?virtual_host=0"
