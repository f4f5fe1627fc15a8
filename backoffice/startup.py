"""Errors of the surroundings, said in one sentence instead of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.db.utils import OperationalError

SERVER_HINT = "start it with '.venv/bin/python manage.py services', or set DATABASE_URL to a running server"


def connection_sentence(error: OperationalError) -> str | None:
    """What to start when ``error`` means that no database connection could be made; None for any other error."""
    from django.conf import settings

    if getattr(error.__cause__, "sqlstate", None) is not None:
        return None  # the server answered: not a matter of reaching it
    database = settings.DATABASES["default"]
    place = f"{database['HOST'] or 'the default socket'}{':' + str(database['PORT']) if database['PORT'] else ''}"
    text = str(error)
    if "does not exist" in text and "database" in text:
        return f"The PostgreSQL server at {place} has no database '{database['NAME']}': create it first (createdb {database['NAME']})."
    if "password authentication failed" in text or "no password supplied" in text:
        return f"The PostgreSQL server at {place} refused the user '{database['USER']}': check DATABASE_URL."
    return f"No PostgreSQL server answers at {place}: {SERVER_HINT}."


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn a missing setting or an unreachable server into one sentence on standard error and exit code 1."""
    try:
        yield
    except ImproperlyConfigured as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    except OperationalError as error:
        sentence = connection_sentence(error)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        raise SystemExit(1) from None
