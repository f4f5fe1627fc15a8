"""PostgreSQL. Without DATABASE_URL the address of the embedded server is worked out; nothing is started here."""

from __future__ import annotations

from typing import Any

import dj_database_url

from backoffice.embedded.addresses import database_url
from backoffice.settings.env import PRODUCTION, env
from backoffice.settings.paths import LOCAL_STATE_DIR

__all__ = ["DATABASES"]

_address = dj_database_url.parse(
    env.value("DATABASE_URL", database_url(LOCAL_STATE_DIR)),
    conn_max_age=60,
    conn_health_checks=True,
    disable_server_side_cursors=env.value("DATABASE_POOLED"),
)
DATABASES: dict[str, dict[str, Any]] = {"default": {**_address, "ATOMIC_REQUESTS": False}}

_options = DATABASES["default"].setdefault("OPTIONS", {})
_on_socket = DATABASES["default"]["HOST"].startswith("/") or not DATABASES["default"]["HOST"]
if env.deployment == PRODUCTION and not _on_socket:
    _options.setdefault("sslmode", env.value("DATABASE_SSLMODE"))
if not env.value("DATABASE_POOLED"):
    # A session left inside a transaction holds its locks: one minute at most.
    _session = ["-c idle_in_transaction_session_timeout=60s"]
    if env.value("STATEMENT_TIMEOUT") != "0":
        _session.append(f"-c statement_timeout={env.value('STATEMENT_TIMEOUT')}")
    _options["options"] = " ".join([*filter(None, [_options.get("options")]), *_session])
