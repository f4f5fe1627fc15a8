"""Folders. Nothing is created here: a command that only reads settings leaves no trace."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from backoffice.settings.env import env

__all__ = ["BASE_DIR", "LOCAL_STATE_DIR"]

BASE_DIR = Path(__file__).resolve().parent.parent.parent


def default_state_dir(base: Path) -> Path:
    """`.state` in the checkout, or a folder in /var/tmp where that cannot work.

    As root the servers run under an account of their own, which cannot enter a checkout below a closed folder such as
    /root; and a checkout of somebody else cannot be written to.
    """
    closed = os.geteuid() == 0 and not all(place.stat().st_mode & 0o001 for place in (base, *base.parents))
    if not closed and (os.access(base, os.W_OK) or (base / ".state").is_dir()):
        return base / ".state"
    mark = hashlib.blake2s(f"{base}:{os.geteuid()}".encode(), digest_size=6).hexdigest()
    return Path("/var/tmp") / f"backoffice-{mark}"  # noqa: S108 - ownership is checked before use


LOCAL_STATE_DIR: Path = env.value("LOCAL_STATE_DIR", default_state_dir(BASE_DIR))
