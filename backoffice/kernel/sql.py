"""Statements too long for the ORM live in ``<app>/sql/*.sql``; this module loads and runs them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from django.db import connection, models


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


def compile_queryset(queryset: models.QuerySet[Any]) -> tuple[str, tuple[Any, ...]]:
    """SQL and parameters of a queryset, for use inside a larger statement. The only caller of Django's internal form."""
    sql, params = queryset.query.sql_with_params()
    return sql, tuple(params)
