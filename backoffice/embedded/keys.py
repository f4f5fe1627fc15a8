"""Keys of a local deployment: made once, kept beside the data they protect. Production gets its keys from the environment."""

from __future__ import annotations

import base64
import json
import os
import secrets
import tempfile
from pathlib import Path

from backoffice.embedded.state import prepare_state_dir


def _new_keys() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "LOOKUP_HASH_KEY": secrets.token_urlsafe(48),
        "GATEWAY_SECRET": secrets.token_urlsafe(48),
    }


def local_keys(state: Path) -> dict[str, str]:
    """The keys of this state folder, made at the first call. Two processes at once agree: the first file stays."""
    place = state / "keys.json"
    if not place.exists():
        prepare_state_dir(state)
        descriptor, draft = tempfile.mkstemp(dir=state, prefix="keys-")  # mode 600
        with os.fdopen(descriptor, "w") as file:
            json.dump(_new_keys(), file)
        try:
            os.link(draft, place)
        except FileExistsError:
            pass  # another process was first: its keys count
        finally:
            os.unlink(draft)
    keys: dict[str, str] = json.loads(place.read_text())
    return keys
