"""Figures of lifecycle messages by day, and lift."""

from __future__ import annotations

import pytest

from campaigns.models import Message
from campaigns.selectors.lifecycle import Group, list_days, list_lifts
from campaigns.services.dispatch import dispatch
from campaigns.services.lifecycle_settings import OwnRule, set_lifecycle
from tests.campaigns.lifecycle import DORMANT, FIRST, joined, noon, order, put, store_with
from tests.campaigns.reminders import TEN, TODAY, days, run_at

pytestmark = pytest.mark.django_db


def test_a_day_counts_due_sent_held_back_by_reason_and_held_out(django_assert_num_queries):
    store = store_with(DORMANT, rule=OwnRule(cap=1, window_days=90), holdout_percent=50)
    members = [joined(store, 200) for _number in range(12)]
    run_at(TEN)
    held = Message.objects.filter(reason="held_out").count()
    assert 0 < held < 12
    Message.objects.all().delete()
    put(next(member for member in members), DORMANT, TODAY - days(5))
    set_lifecycle(store=store, scenario=DORMANT, enabled=True, holdout_percent=0, by=None, now=TEN)
    run_at(TEN + days(1))
    dispatch(now=TEN + days(1))
    with django_assert_num_queries(1):
        today, _before = list_days([store.pk], first=TODAY - days(10), last=TODAY + days(1))
    assert (today.due, today.sent, today.held_out, dict(today.held_back)) == (12, 11, 0, {"rule_cap": 1})
    assert list_days([store.pk + 1], first=TODAY - days(10), last=TODAY + days(1)) == []


@pytest.mark.parametrize(("after", "buyers"), [(0, 1), (14, 1), (15, 0)])
def test_orders_within_fourteen_days_count(after, buyers):
    store = store_with(FIRST)
    messaged, held_out = joined(store, 60), joined(store, 60)
    put(messaged, FIRST, TODAY - days(20))
    out = put(held_out, FIRST, TODAY - days(20), status="PENDING")
    Message.objects.filter(pk=out.pk).update(status="SUPPRESSED", reason="held_out")
    Message.objects.update(decided_at=noon(TODAY - days(20)).replace(hour=11))
    order(messaged, 20 - after if after < 15 else 5)
    if after == 14:
        Message.objects.update(decided_at=noon(TODAY - days(20)))
    lift = next(one for one in list_lifts([store.pk], today=TODAY) if one.scenario == FIRST)
    assert (lift.messaged, lift.held_out) == (Group(1, buyers), Group(1, 0))
    assert lift.points == buyers


def test_decisions_whose_days_are_not_over_are_not_compared_yet():
    store = store_with(FIRST)
    member = joined(store, 60)
    put(member, FIRST, TODAY - days(14))
    lift = next(one for one in list_lifts(None, today=TODAY) if one.scenario == FIRST)
    assert (lift.messaged, lift.points) == (Group(), None)
    lift = next(one for one in list_lifts(None, today=TODAY + days(1)) if one.scenario == FIRST)
    assert lift.messaged == Group(1, 0)
