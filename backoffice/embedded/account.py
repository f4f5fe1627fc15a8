"""Under which account the servers run. PostgreSQL refuses to run as root, so root hands them to an account without rights."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backoffice.embedded.errors import ServiceError


@dataclass(frozen=True)
class Account:
    """A user and group; ``switch`` is False when we are that user already."""

    name: str
    uid: int
    gid: int
    switch: bool

    @property
    def popen(self) -> dict[str, Any]:
        """Arguments for subprocess that make the child run under this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}

    def can_run(self, program: Path) -> bool:
        """Whether the account reaches and may start ``program``; tried, not worked out from permission bits."""
        try:
            tried = subprocess.run([str(program), "--version"], capture_output=True, cwd="/", timeout=30, check=False, **self.popen)
        except OSError:
            return False
        return tried.returncode == 0

    def own(self, folder: Path) -> None:
        """Make a closed folder that belongs to the account. Raises ServiceError when the account cannot enter it."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.switch:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)
        if self.switch and subprocess.run(["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)], capture_output=True, cwd="/", check=False, **self.popen).returncode:
            raise ServiceError(
                f"The embedded servers run under the account '{self.name}', which cannot enter {folder}: "
                "set LOCAL_STATE_DIR to a folder below an open one, for example /var/tmp/backoffice."
            )


def server_account() -> Account:
    """Ourselves; as root the account ``postgres``, or ``nobody`` on a machine that has none."""
    if os.geteuid() != 0:
        return Account(str(os.geteuid()), os.geteuid(), os.getegid(), switch=False)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid, switch=True)
    raise ServiceError("Root cannot run PostgreSQL itself and this machine has neither the account 'postgres' nor 'nobody': run as another user.")
