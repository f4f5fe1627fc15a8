"""Databases that exist for one benchmark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote


def url_of(name: str) -> str:
    """Address of the database ``name`` on Django's server."""
    from django.db import connection

    place = connection.settings_dict
    who = quote(place["USER"] or "", safe="") + (f":{quote(place['PASSWORD'], safe='')}" if place["PASSWORD"] else "")
    return f"postgres://{who}@{quote(place['HOST'] or '', safe='')}{':' + str(place['PORT']) if place['PORT'] else ''}/{name}"


def administer(statement: str) -> None:
    """Run a statement in the server's own database, outside of all others."""
    from django.db import connection

    original = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = "postgres"
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = original


@contextmanager
def empty_database(subject: str) -> Iterator[str]:
    """A fresh database; its name."""
    name = f"bench_{subject}_{os.getpid()}"
    administer(f'CREATE DATABASE "{name}"')
    try:
        yield name
    finally:
        administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def scratch_database(subject: str) -> Iterator[str]:
    """A fresh, migrated database behind Django's connection; its name."""
    from django.core.management import call_command
    from django.db import connection

    with empty_database(subject) as name:
        original, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], name
        try:
            call_command("migrate", verbosity=0)
            yield name
        finally:
            connection.close()
            connection.settings_dict["NAME"] = original
