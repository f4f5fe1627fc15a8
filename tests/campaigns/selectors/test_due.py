"""The forecast says what the next run then decides, and when that is."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from backoffice.kernel import clock
from campaigns.models import Message, ReminderRun
from campaigns.selectors.due import get_forecast, get_next_run_at
from campaigns.services.settings import set_reminder
from members.choices import MemberStatus
from tests.campaigns.reminders import TEN, TODAY, days, end_of, member_with_credit, run_at, store_with_reminders
from tests.factories import make_store

pytestmark = pytest.mark.django_db
AT = time(10, 0)
MINUTE = timedelta(minutes=1)


def test_next_run_is_later_today_or_tomorrow():
    store = store_with_reminders()
    assert get_next_run_at(store, AT, TEN - MINUTE) == TEN
    assert get_next_run_at(store, AT, TEN) == TEN + days(1)
    run_at(TEN)
    assert get_next_run_at(store, time(18, 0), TEN + MINUTE) == TEN + days(1) + timedelta(hours=8)


def test_a_run_that_stays_at_its_old_time_today_is_the_next():
    store = store_with_reminders(at=time(15, 0))
    set_reminder(store=store, enabled=True, send_time=time(9, 0), by=None, now=TEN)
    assert get_next_run_at(store, time(9, 0), TEN) == clock.at_local(TODAY, time(15, 0))


def test_the_forecast_is_what_the_run_then_decides_and_writes_nothing(django_assert_num_queries):
    store = make_store()
    member_with_credit(store)
    expiring = member_with_credit(store, ("20.00", end_of(TODAY + days(3))))
    member_with_credit(store, last_card=TODAY - days(5))
    member_with_credit(store, status=MemberStatus.FROZEN)
    member_with_credit(make_store())
    with django_assert_num_queries(4):
        forecast = get_forecast(store, send_time=AT, now=TEN - MINUTE)
    assert not Message.objects.exists()
    assert not ReminderRun.objects.exists()
    assert (forecast.at, forecast.due, dict(forecast.by_scenario)) == (TEN, 2, {"BALANCE_REMINDER": 1, "EXPIRY_REMINDER": 1})
    assert (forecast.examples[0].member, forecast.examples[0].params["expiring"]) == (expiring, "20.00")
    set_reminder(store=store, enabled=True, send_time=AT, by=None, now=TEN - MINUTE)
    assert run_at(TEN).total.decided == forecast.by_scenario


def test_the_forecast_looks_from_the_moment_of_the_run():
    store = make_store()
    member_with_credit(store, ("20.00", TEN + timedelta(hours=1)))
    assert get_forecast(store, send_time=AT, now=TEN - MINUTE).due == 1
    assert get_forecast(store, send_time=AT, now=TEN).due == 0
