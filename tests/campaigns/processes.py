"""Running the product's commands as processes of their own against the test database, so that they can be killed and can meet each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def environment(crash_at: str = "") -> dict[str, str]:
    place = connection.settings_dict
    who = quote(place["USER"] or "", safe="") + (f":{quote(place['PASSWORD'], safe='')}" if place["PASSWORD"] else "")
    port = f":{place['PORT']}" if place["PORT"] else ""
    url = f"postgres://{who}@{quote(place['HOST'] or '', safe='')}{port}/{place['NAME']}"
    keys = {
        "SECRET_KEY": settings.SECRET_KEY,
        "FIELD_ENCRYPTION_KEYS": ",".join(settings.FIELD_ENCRYPTION_KEYS),
        "LOOKUP_HASH_KEY": settings.LOOKUP_HASH_KEY,
        "GATEWAY_SECRET": settings.GATEWAY_SECRET,
        "CELERY_BROKER_URL": settings.CELERY_BROKER_URL,
        "OUTBOUND_ALLOW": ",".join(settings.OUTBOUND_ALLOW),
        "GATEWAY_TIMEOUT_SECONDS": str(settings.GATEWAY_TIMEOUT_SECONDS),
        "GATEWAY_BATCH_SIZE": str(settings.GATEWAY_BATCH_SIZE),
    }
    return {**os.environ, **keys, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "backoffice.settings", "DEPLOYMENT": "local", "CRASH_AT": crash_at}


def start_command(*arguments: str, crash_at: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment(crash_at), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def run_command(*arguments: str, crash_at: str = "") -> tuple[int, dict[str, Any] | None, str]:
    """Exit code (negative: the signal that killed it), the JSON on standard output, and standard error."""
    process = start_command(*arguments, crash_at=crash_at)
    out, err = process.communicate(timeout=120)
    return process.returncode, json.loads(out) if out.strip() else None, err
