"""Whom a push may go to: the right people, best first, each once."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.kernel.tenancy.models import Store
from members.choices import FanEvent
from members.selectors.fans import Audience, fetch_audience, get_push_numbers, recent_buyers, returning_customers_not_fans, subscribed_fans
from tests.factories import NOON, make_member, make_store
from tests.loading import csv_of, load
from tests.members.following import at, buy, day, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> Store:
    return make_store("YS01")


def people(audience: Audience) -> list[Any]:
    rows = fetch_audience(audience)
    assert [row["place"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["member_id"] or row["person_id"] for row in rows]


def walk_in(store: Store, *days_ago: int) -> None:
    rows = [f"W{ago},phone,15400000009,{day(ago)} 09:00,1" for ago in days_ago]
    load("orders", csv_of("order_no,identity_kind,identity_value,paid_at,amount", *rows), store=store)


def test_recent_buyers_best_first_members_or_not(store: Store) -> None:
    old, small, big, late = (make_member(store, f"M{number}", language="en") for number in range(4))
    other = make_store()
    buy(other, make_member(other, "X"), 1)
    buy(store, old, 180)
    buy(store, small, 5, amount=10)
    buy(store, big, 5, amount=20)
    buy(store, late, 2, 170, amount=1)
    buy(store, make_member(store, "R"), 3, refunded=True)
    walk_in(store, 179)
    found = fetch_audience(recent_buyers(store.pk, NOON, days=180))
    assert [row["member_id"] for row in found] == [late.pk, big.pk, small.pk, None]
    assert [row["language"] for row in found] == ["en", "en", "en", "zh-hans"]
    assert {row["store_id"] for row in found} == {store.pk}
    assert people(recent_buyers(store.pk, NOON, days=180, limit=2)) == [late.pk, big.pk]


def test_returning_customers_who_are_not_fans(store: Store) -> None:
    fan, left, once, edge, late = (make_member(store, f"M{number}") for number in range(5))
    for member in (fan, left):
        buy(store, member, 9, 8)
        tell(store, "fan_followed", member, at(7))
    tell(store, "fan_unfollowed", left, at(6))
    buy(store, once, 4)
    buy(store, once, 4)
    buy(store, edge, 179, 1)
    buy(store, late, 180, 0)
    walk_in(store, 50, 40)
    found = fetch_audience(returning_customers_not_fans(store.pk, NOON))
    assert [row["member_id"] for row in found] == [edge.pk, left.pk, None]
    assert len(fetch_audience(returning_customers_not_fans(store.pk, NOON, limit=1))) == 1
    assert len(fetch_audience(returning_customers_not_fans(store.pk, at(-1)))) == 2


def test_all_subscribed_fans_buyers_first(store: Store) -> None:
    quiet, buyer, only_fan = (make_member(store, f"M{number}") for number in range(3))
    for member in (quiet, buyer):
        tell(store, FanEvent.SUBSCRIBED, member, at(3))
    tell(store, "fan_followed", only_fan, at(3))
    tell(store, "fan_subscribed", ("openid", "o-1"), at(2))
    buy(store, buyer, 400)
    found = fetch_audience(subscribed_fans(store.pk))
    assert [row["member_id"] for row in found] == [buyer.pk, quiet.pk, None]


def test_an_audience_stands_inside_a_larger_statement(store: Store) -> None:
    from backoffice.kernel.sql import fetch_all

    buy(store, make_member(store, "M1"), 1)
    audience = recent_buyers(store.pk, NOON, days=7)
    assert fetch_all(f"SELECT count(*) AS n FROM ({audience.sql}) a", audience.params) == [{"n": 1}]  # noqa: S608


def test_defaults() -> None:
    numbers = get_push_numbers()
    assert (numbers.purchase_days, numbers.post_days, numbers.seen_days) == (180, 7, 7)
    assert (numbers.subscription_subscribers, numbers.first_returning_fans, numbers.first_posts) == (10, 50, 5)
    assert (numbers.second_returning_fans, numbers.second_revisit_percent) == (1_000, 5)
