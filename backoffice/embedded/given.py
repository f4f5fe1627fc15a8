"""Servers that were given by URL: reached, or refused in one sentence. A missing database is created."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.db import connection
from django.db.utils import OperationalError
from kombu import Connection

from backoffice.embedded.errors import ServiceError
from backoffice.embedded.postgresql import create_database
from backoffice.startup import connection_sentence


def ensure_given_database() -> bool:
    """Reach the database of the settings, creating it on its server when it is missing; True when it was created.

    Raises ServiceError when the server cannot be reached or refuses.
    """
    try:
        connection.ensure_connection()
    except OperationalError as error:
        if "does not exist" not in str(error):
            raise ServiceError(connection_sentence(error) or str(error)) from None
    else:
        return False
    parameters: dict[str, Any] = {
        name: value for name, value in connection.get_connection_params().items() if name not in {"cursor_factory", "context", "server_side_binding"}
    }
    name = parameters.pop("dbname")
    last: Exception | None = None
    for maintenance in ("postgres", "template1"):
        try:
            return create_database(psycopg.conninfo.make_conninfo(**parameters, dbname=maintenance), name)
        except psycopg.Error as error:
            last = error
    raise ServiceError(f"The database '{name}' does not exist and could not be created: {str(last).strip()}") from None


def ensure_given_broker(url: str) -> None:
    """Raises ServiceError when no broker answers at ``url`` within a few seconds."""
    try:
        with Connection(url, connect_timeout=3, transport_options={"socket_connect_timeout": 3}) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=5, reraise_as_library_errors=True)
    except Exception as error:  # noqa: BLE001 - each transport raises errors of its own library
        place = urlsplit(url)
        raise ServiceError(
            f"No broker answers at {place.scheme}://{place.hostname or place.path}{f':{place.port}' if place.port else ''}: "
            f"start it, or leave CELERY_BROKER_URL out to use the embedded one ({type(error).__name__})."
        ) from None
