"""The folder that holds everything the embedded servers and a local deployment keep."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def prepare_state_dir(state: Path) -> None:
    """Make the folder. Refuses one that belongs to somebody else: another user could read or replace what lies in it."""
    try:
        # As root the servers run under another account, which must be able to pass through.
        state.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        owner = state.lstat().st_uid
    except OSError as error:
        raise ImproperlyConfigured(f"The state folder {state} cannot be made ({error.strerror}): set LOCAL_STATE_DIR to another place.") from None
    if state.is_symlink() or owner not in (0, os.geteuid()) or not os.access(state, os.W_OK):
        raise ImproperlyConfigured(f"The state folder {state} belongs to another user: set LOCAL_STATE_DIR to a place of your own.")
