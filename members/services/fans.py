"""What is told of a push account's followers: by events and by files, in any order and any number of times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from backoffice.kernel.sql import load_sql
from members.choices import FanEvent
from members.models import Event
from members.services.purchases import lock_buyers_sql

_TOLD, _TOUCHED = "told_fans", "touched_buyers"
_TIMES = ("followed_at", "unfollowed_at", "subscribed_at", "unsubscribed_at", "last_seen_at")
_KIND = {
    FanEvent.FOLLOWED: "followed_at",
    FanEvent.UNFOLLOWED: "unfollowed_at",
    FanEvent.SUBSCRIBED: "subscribed_at",
    FanEvent.UNSUBSCRIBED: "unsubscribed_at",
    FanEvent.PAGE_VIEW: "last_seen_at",
}
_ARRAYS = (
    "(SELECT * FROM unnest(%(stores)s::bigint[], %(people)s::bigint[], "  # noqa: S608 - names of columns
    + ", ".join(f"%({name})s::timestamptz[]" for name in _TIMES)
    + f") AS told (store_id, person_id, {', '.join(_TIMES)}))"
)
_ARRAY_KEYS = "(SELECT * FROM unnest(%(stores)s::bigint[], %(people)s::bigint[]) AS told (store_id, person_id))"


def fans_sql(told: str, touched: str) -> tuple[str, str, str]:
    """Three statements, to be run one after the other, that take in what was told of followers.

    ``told`` is a subquery in brackets of (store_id, person_id, followed_at, unfollowed_at, subscribed_at, unsubscribed_at, last_seen_at), one row a
    person; ``touched`` of (store_id, person_id) of the same. They ask for ``zone`` and ``view`` (name of the event of a visit).
    """
    return (
        lock_buyers_sql(touched),
        load_sql("members", "fans_tell").replace(f"FROM {_TOLD}", f"FROM {told}"),
        load_sql("members", "fans_settle").replace(f"FROM {_TOUCHED}", f"FROM {touched}"),
    )


def note_fan_events(events: Iterable[Event]) -> None:
    """Bring followers up to date with what ``events`` say, in the caller's transaction, after they were stored.

    Names are those of ``FanEvent``; others say nothing here. Events told before change nothing. Who only viewed a page and does not follow
    stays unknown. At most four statements, whatever the number of events.
    """
    latest: dict[tuple[int, int], dict[str, datetime]] = {}
    for event in events:
        kind = _KIND.get(event.name)  # type: ignore[call-overload]
        if kind is not None:
            times = latest.setdefault((event.store_id, event.person_id), {})
            times[kind] = max(times.get(kind, event.occurred_at), event.occurred_at)
    if not latest:
        return
    told = {key: times for key, times in latest.items() if times.keys() != {"last_seen_at"}}
    seen = {key: times for key, times in latest.items() if key not in told}
    with connection.cursor() as cursor:
        if told:
            for statement in fans_sql(_ARRAYS, _ARRAY_KEYS):
                cursor.execute(statement, _params(told))
        if seen:
            cursor.execute(load_sql("members", "fans_seen").replace(f"JOIN {_TOLD}", f"JOIN {_ARRAYS}"), _params(seen))


def _params(rows: dict[tuple[int, int], dict[str, datetime]]) -> dict[str, Any]:
    keys = sorted(rows)
    times = {name: [rows[key].get(name) for key in keys] for name in _TIMES}
    return {"stores": [key[0] for key in keys], "people": [key[1] for key in keys], "zone": settings.TIME_ZONE, "view": FanEvent.PAGE_VIEW.value} | times
