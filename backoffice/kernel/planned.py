"""Statements planned once a session, run on psycopg's connection without its cursors: a third of the time in Python (ADR 0031)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import count
from typing import Any

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus

_names = count(1)


class _Planned:
    """One statement in one session: its name there, and what turns parameters and rows into text and back."""

    def __init__(self, session: psycopg.Connection[Any], sql: str) -> None:
        text, parameters = _numbered(sql)
        self.name = b"planned_%d" % next(_names)
        self.formats = [PyFormat.TEXT] * parameters  # texts have no type of their own: the statement tells which
        self.transformer = Transformer(session)
        session.pgconn.send_prepare(self.name, text)
        _checked(session)

    def fetch(self, session: psycopg.Connection[Any], params: Sequence[Any]) -> list[tuple[Any, ...]]:
        session.pgconn.send_query_prepared(self.name, self.transformer.dump_sequence(params, self.formats))
        result = _checked(session)
        self.transformer.set_pgresult(result)
        return self.transformer.load_rows(0, result.ntuples, tuple)


def fetch_planned(session: psycopg.Connection[Any], sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Rows of ``sql``. The session is in autocommit or inside a transaction that has begun. Raises psycopg's errors."""
    with session.lock:
        # Kept on the session itself, with which they end. A dictionary beside it would hold sessions that a transformer refers to for ever.
        ours: dict[str, _Planned] = vars(session).setdefault("planned_statements", {})
        planned = ours.get(sql)
        if planned is None:
            planned = ours[sql] = _Planned(session, sql)
        return planned.fetch(session, params)


def _checked(session: psycopg.Connection[Any]) -> Any:
    """The result of what was just sent. Waiting as psycopg does, so that an interrupt reaches us and cancels the statement."""
    result = session.wait(execute(session.pgconn))[-1]
    if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        raise error_from_result(result, encoding=session.info.encoding)
    return result


@cache
def _numbered(sql: str) -> tuple[bytes, int]:
    """``%s, %s`` as the server's ``$1, $2``, and how many there are."""
    numbers = count(1)
    text = re.sub("%s|%%", lambda found: "%" if found[0] == "%%" else f"${next(numbers)}", sql)
    return text.encode(), next(numbers) - 1
