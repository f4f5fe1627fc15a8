"""A push account's figures, and the people a push may go to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from backoffice.kernel import clock
from backoffice.kernel.sql import fetch_all, load_sql
from members.choices import PUSH_NUMBERS
from members.models import PushAccountSnapshot, PushNumber


@dataclass(frozen=True)
class PushNumbers:
    """Every number of ``choices.PUSH_NUMBERS``, by its code."""

    purchase_days: int
    post_days: int
    seen_days: int
    subscription_subscribers: int
    first_returning_fans: int
    first_posts: int
    second_returning_fans: int
    second_revisit_percent: int


def get_push_numbers() -> PushNumbers:
    """One query. A number that nobody changed has its default."""
    changed = dict(PushNumber.objects.values_list("code", "value"))
    return PushNumbers(**{field.name: changed.get(field.name, PUSH_NUMBERS[field.name].default) for field in fields(PushNumbers)})


@dataclass(frozen=True)
class AccountFigures:
    """A push account's figures at a moment. ``seen_fans`` of ``fans`` were seen again in the window: ``revisit_rate`` is their share, 0 without fans.

    Compare the two counts, not the rate, where a mark is met exactly: the rate is cut to six decimals.
    """

    fans: int = 0
    subscribers: int = 0
    returning_fans: int = 0
    posts_in_window: int = 0
    seen_fans: int = 0

    @property
    def revisit_rate(self) -> Decimal:
        if not self.fans:
            return Decimal(0)
        return (Decimal(self.seen_fans) / Decimal(self.fans)).quantize(Decimal("0.000001"), rounding=ROUND_DOWN)


def get_account_figures(store: Any, now: datetime) -> AccountFigures:
    """The figures of one store (row or id) at ``now``, exact: windows end with its local day, and what was not folded in yet counts."""
    store_id = getattr(store, "pk", store)
    return list_account_figures([store_id], now)[store_id]


def list_account_figures(store_ids: Iterable[int], now: datetime) -> dict[int, AccountFigures]:
    """The same for several stores, by id. Two queries; a store without any fact has zeros."""
    numbers = get_push_numbers()
    params = {"stores": list(store_ids), "today": clock.local_day(now)} | _windows(numbers)
    return {
        row["store_id"]: AccountFigures(row["fans"], row["subscribers"], row["returning_fans"], row["posts"], row["seen_fans"])
        for row in fetch_all(load_sql("members", "push_figures"), params)
    }


def _windows(numbers: PushNumbers) -> dict[str, int]:
    return {"purchase_days": numbers.purchase_days, "post_days": numbers.post_days, "seen_days": numbers.seen_days}


def first_day_of_window(now: datetime, days: int) -> date:
    """First local day of a window of ``days`` local days that ends with the day of ``now``."""
    return clock.local_day(now) - timedelta(days=days - 1)


def list_snapshots(store_ids: Sequence[int], *, since: date) -> list[PushAccountSnapshot]:
    """Days' ends of some stores, oldest first."""
    return list(PushAccountSnapshot.objects.filter(store__in=store_ids, day__gte=since).order_by("day", "store_id"))


# --- audiences: SQL of (store_id, person_id, member_id or NULL, language), best first: last purchase, then amount, then id

NO_MEMBER_LANGUAGE = "zh-hans"


@dataclass(frozen=True)
class Audience:
    """One statement and its parameters. ``sql`` has no semicolon, so that it can stand in brackets in an ``INSERT ... SELECT``; ``place`` counts from 1."""

    sql: str
    params: dict[str, Any]


_COLUMNS = "people.store_id, people.person_id, m.id AS member_id, coalesce(m.language, %(no_member_language)s) AS language, people.place"
_WITH_MEMBERS = "LEFT JOIN members_member m ON m.store_id = people.store_id AND m.person_id = people.person_id"
_BEST_FIRST = "b.last_paid_at DESC NULLS LAST, b.amount DESC NULLS LAST, {person}"


def _audience(people: str, order: str, limit: int | None, **params: Any) -> Audience:
    best = f"SELECT chosen.*, row_number() OVER () AS place FROM ({people} ORDER BY {order} LIMIT %(limit)s) chosen"  # noqa: S608 - made of this module's own texts
    return Audience(
        f"SELECT {_COLUMNS} FROM ({best}) people {_WITH_MEMBERS} ORDER BY people.place",  # noqa: S608
        {"limit": limit, "no_member_language": NO_MEMBER_LANGUAGE} | params,
    )


def subscribed_fans(store_id: int, *, limit: int | None = None) -> Audience:
    """All who subscribe to the account's messages; those who bought there first."""
    return _audience(
        "SELECT f.store_id, f.person_id FROM members_fan f LEFT JOIN members_buyer b ON b.store_id = f.store_id AND b.person_id = f.person_id "
        "WHERE f.store_id = %(store)s AND f.subscribed",
        _BEST_FIRST.format(person="f.person_id"),
        limit,
        store=store_id,
    )


def buyers_since(store_id: int, first_day: date, *, limit: int | None = None) -> Audience:
    """Who bought in the store on ``first_day`` or later, fans and members or not. Index used: buyer_best_first."""
    return _audience(
        "SELECT b.store_id, b.person_id FROM members_buyer b "
        "WHERE b.store_id = %(store)s AND b.last_paid_at IS NOT NULL AND b.last_paid_at >= %(since)s AND b.last_days[1] >= %(first_day)s",
        "b.last_paid_at DESC, b.amount DESC, b.person_id",
        limit,
        store=store_id,
        first_day=first_day,
        since=clock.day_start(first_day),
    )


def recent_buyers(store_id: int, now: datetime, *, days: int, limit: int | None = None) -> Audience:
    """Who bought in the last ``days`` local days, today among them."""
    return buyers_since(store_id, first_day_of_window(now, days), limit=limit)


def returning_customers_not_fans(store_id: int, now: datetime, *, limit: int | None = None) -> Audience:
    """Who bought on two local days of the window (``purchase_days``) and does not follow the account now. Index used: buyer_best_first."""
    first_day = first_day_of_window(now, get_push_numbers().purchase_days)
    return _audience(
        "SELECT b.store_id, b.person_id FROM members_buyer b "
        "WHERE b.store_id = %(store)s AND b.last_paid_at IS NOT NULL AND b.last_paid_at >= %(since)s AND b.last_days[2] >= %(first_day)s "
        "AND NOT EXISTS (SELECT FROM members_fan f WHERE f.store_id = b.store_id AND f.person_id = b.person_id AND f.fan_since IS NOT NULL)",
        "b.last_paid_at DESC, b.amount DESC, b.person_id",
        limit,
        store=store_id,
        first_day=first_day,
        since=clock.day_start(first_day),
    )


def fetch_audience(audience: Audience) -> list[dict[str, Any]]:
    """The rows of an audience, best first."""
    return fetch_all(audience.sql, audience.params)
