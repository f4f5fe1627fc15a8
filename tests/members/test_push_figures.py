"""Maintained = recomputed: whatever happens in whatever order, the kept figures are those of a count from the facts."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.kernel import clock
from backoffice.kernel.files.faults import RepeatedFile
from backoffice.kernel.invariants import find_breaches
from backoffice.kernel.tenancy.models import Store
from members.models import Buyer, Event, Fan, OrderLine, Post
from members.selectors.fans import get_account_figures
from members.services.push_accounts import fold_figures
from tests.factories import make_member, make_store
from tests.loading import csv_of, load
from tests.members.following import at, figures, tell

pytestmark = pytest.mark.django_db

BUYERS = 4
EVENTS = ("fan_followed", "fan_unfollowed", "fan_subscribed", "fan_unsubscribed", "page_view")
buyers = st.integers(0, BUYERS - 1)
# Days around the edges of both windows, and far from them.
ages = st.sampled_from([0, 1, 2, 5, 6, 7, 8, 90, 177, 178, 179, 180, 181, 300])
hours = st.integers(0, 23)
steps = st.one_of(
    st.tuples(st.just("order"), buyers, ages, hours),
    st.tuples(st.just("refund"), st.integers(0, 30), st.booleans()),
    st.tuples(st.sampled_from(EVENTS), buyers, ages, hours),
    st.tuples(st.just("post"), st.integers(0, 3), ages),
    st.tuples(st.just("fold"), st.integers(1, 5)),
    st.tuples(st.just("days"), st.integers(1, 4)),
)


class World:
    """Two stores, four people of whom two are members of the first, and what was told so far."""

    def __init__(self) -> None:
        self.stores = [make_store(), make_store()]
        self.members = [make_member(self.stores[0], f"M{number}", phone=f"1540000000{number}") for number in range(BUYERS // 2)]
        self.now = at(0)
        self.orders: list[tuple[Store, str, str, datetime]] = []
        self.serial = 0

    def who(self, number: int) -> tuple[str, str]:
        return "phone", f"1540000000{number}"

    def moment(self, ago: int, hour: int) -> datetime:
        told = clock.to_local(self.now).replace(hour=hour) - timedelta(days=ago)
        return min(told, self.now)

    def step(self, what: str, *args: Any) -> None:
        self.serial += 1
        store = self.stores[self.serial % 2]
        if what == "order":
            number, ago, hour = args
            self.orders.append((store, f"O{self.serial}", self.who(number)[1], self.moment(ago, hour)))
            self.load_order(len(self.orders) - 1, Decimal(0))
        elif what == "refund":
            if self.orders:
                self.load_order(args[0] % len(self.orders), Decimal(10) if args[1] else Decimal(4))
        elif what == "post":
            self.load("posts", csv_of("post_id,published_at", f"P{args[0]},{self.moment(args[1], 9):%Y-%m-%d %H:%M}"), store)
        elif what == "fold":
            fold_figures(now=self.now, most=args[0])
        elif what == "days":
            self.now += timedelta(days=args[0])
        else:
            number, ago, hour = args
            tell(store, what, self.who(number), self.moment(ago, hour), now=self.now)

    def load(self, kind: str, text: str, store: Store) -> None:
        with suppress(RepeatedFile):
            load(kind, text, store=store, now=self.now)

    def load_order(self, place: int, refund: Decimal) -> None:
        store, number, phone, paid_at = self.orders[place]
        row = f"{number},phone,{phone},{clock.to_local(paid_at):%Y-%m-%d %H:%M},10,{refund or ''}"
        self.load("orders", csv_of("order_no,identity_kind,identity_value,paid_at,amount,refunded_amount", row), store)

    # --- the same from the facts, in plain Python

    def days_of(self, store: Store) -> dict[int, list[date]]:
        days: defaultdict[int, set[date]] = defaultdict(set)
        for line in OrderLine.objects.filter(store=store):
            if line.refunded_amount < line.amount:
                days[line.person_id].add(clock.local_day(line.paid_at))
        return {person: sorted(found, reverse=True) for person, found in days.items()}

    def recomputed(self, store: Store) -> tuple[int, int, int, int, int]:
        today = clock.local_day(self.now)
        last: defaultdict[int, dict[str, datetime]] = defaultdict(dict)
        for event in Event.objects.filter(store=store):
            last[event.person_id][event.name] = max(last[event.person_id].get(event.name, event.occurred_at), event.occurred_at)
        days, never = self.days_of(store), at(9_999)
        fans = subscribers = returning = seen = 0
        for person, told in last.items():
            left = told.get("fan_unfollowed", never)
            since = next((told[name] for name in ("fan_followed", "fan_subscribed") if told.get(name, never) > left), None)
            if since is None:
                continue
            fans += 1
            subscribers += told.get("fan_subscribed", never) > max(left, told.get("fan_unsubscribed", never))
            bought = days.get(person, [])
            returning += len(bought) >= 2 and today - timedelta(days=179) <= bought[1] <= today
            visit = told.get("page_view", never)
            seen += visit > since and today - timedelta(days=6) <= clock.local_day(visit) <= today
        posts = sum(today - timedelta(days=6) <= clock.local_day(post.published_at) <= today for post in Post.objects.filter(store=store))
        return fans, subscribers, returning, seen, posts

    def check(self) -> None:
        for store in self.stores:
            assert figures(store, self.now) == self.recomputed(store)
            days = self.days_of(store)
            kept = {buyer.person_id: buyer.last_days for buyer in Buyer.objects.filter(store=store) if buyer.last_days}
            assert kept == {person: found[:5] for person, found in days.items()}
            for fan in Fan.objects.filter(store=store):
                assert fan.second_day == (days.get(fan.person_id, [])[1:2] or [None])[0]
        assert [each for each in find_breaches() if each.invariant.startswith("pushes.")] == []


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(steps, min_size=5, max_size=25))
def test_maintained_is_recomputed(django_db_blocker: Any, told: list[tuple[Any, ...]]) -> None:
    from django.db import transaction

    class Undo(Exception):
        pass

    try:
        with transaction.atomic():
            world = World()
            for what, *args in told:
                world.step(what, *args)
            world.check()
            while fold_figures(now=world.now, most=3).more:
                pass
            world.check()
            raise Undo
    except Undo:
        pass


def test_the_marks_at_their_edges() -> None:
    """9 and 10 subscribers, 4 and 5 posts, 49 and 50 returning fans; the rate from its two counts."""
    store = make_store()
    load("members", csv_of("member_no", *(f"M{number}" for number in range(50))), store=store)
    orders = [f"O{number}-{ago},M{number},{at(ago):%Y-%m-%d},5" for number in range(50) for ago in (20, 10)]
    load("orders", csv_of("order_no,member_no,paid_at,amount", *orders[:98]), store=store)
    load("fans", csv_of("member_no,followed_at,subscribed", *(f"M{number},{at(5):%Y-%m-%d},{int(number < 9)}" for number in range(50))), store=store)
    load("posts", csv_of("post_id,published_at", *(f"P{number},{at(number):%Y-%m-%d}" for number in range(4))), store=store)
    found = get_account_figures(store, at(0))
    assert (found.subscribers, found.returning_fans, found.posts_in_window) == (9, 49, 4)
    load("orders", csv_of("order_no,member_no,paid_at,amount", *orders[98:]), store=store)
    load("fans", csv_of("member_no,followed_at,subscribed", f"M9,{at(4):%Y-%m-%d},1"), store=store)
    load("posts", csv_of("post_id,published_at", f"P9,{at(4):%Y-%m-%d}"), store=store)
    found = get_account_figures(store, at(0))
    assert (found.subscribers, found.returning_fans, found.posts_in_window) == (10, 50, 5)
