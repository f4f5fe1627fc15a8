"""Statements too long for the ORM live in ``<app>/sql/*.sql``; this module loads and runs them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from psycopg.pq import TransactionStatus

from backoffice.kernel.planned import fetch_planned


@cache
def load_sql(package: str, name: str) -> str:
    """Text of ``<package>/sql/<name>.sql``. Parameters are ``%(name)s``; a lone percent sign is written doubled."""
    return files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def fetch_all(sql: str, params: dict[str, Any] | list[Any] | None = None) -> list[dict[str, Any]]:
    """Run ``sql`` and return its rows as dictionaries."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def fetch_prepared(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run one hot statement that the server keeps parsed and planned for the session, and return its rows. ADR 0031.

    Django writes parameters into the text, which the server then reads anew each time. Its way is gone nevertheless where there is no session to
    keep a plan in (behind a pooler), where somebody listens to statements and must see this one (debug cursor, wrappers), with the first statement of
    a transaction, which brings its BEGIN along, and with the first of a session or request, which looks whether the session lives.
    Parameters are ``%s`` whose types the statement itself tells (``%s::bigint``, arguments of a function); a lone percent sign is written doubled.
    """
    ours = connections[DEFAULT_DB_ALIAS]
    session: psycopg.Connection[Any] | None = ours.connection
    heard = ours.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] or ours.execute_wrappers or ours.queries_logged
    # What a cursor of Django's looks at first: connected, known to live, and not in a transaction that is broken.
    known_to_live = ours.health_check_done or not ours.health_check_enabled  # type: ignore[attr-defined]  # not in the stubs
    ready = known_to_live and not heard and not ours.needs_rollback
    if session is not None and ready and (session.autocommit or session.pgconn.transaction_status == TransactionStatus.INTRANS):
        try:
            return fetch_planned(session, sql, params)
        except psycopg.Error:
            with ours.wrap_database_errors:
                raise
    with ours.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def compile_queryset(queryset: models.QuerySet[Any]) -> tuple[str, tuple[Any, ...]]:
    """SQL and parameters of a queryset, for use inside a larger statement. The only caller of Django's internal form."""
    sql, params = queryset.query.sql_with_params()
    return sql, tuple(params)
