"""Switching reminders on and off, and moving their time."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from backoffice.kernel import clock
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import StateConflict
from backoffice.kernel.tenancy.models import MerchantBar
from backoffice.kernel.tenancy.selectors.bars import MerchantBarred
from campaigns.choices import MessageStatus, RunStatus
from campaigns.models import Message, ReminderRun, ReminderSetting
from campaigns.services.decide import Decided
from campaigns.services.runs import close_past_runs, open_runs
from campaigns.services.settings import set_reminder
from tests.campaigns.reminders import LONG_AGO, TEN, TODAY, cards_of, days, member_with_credit, only_card_of, run_at, store_slots, store_with_reminders
from tests.factories import make_store, make_user

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def test_switched_on_after_todays_send_time_starts_tomorrow():
    store = make_store()
    member = member_with_credit(store)
    set_reminder(store=store, enabled=True, send_time=time(10, 0), by=None, now=TEN + MINUTE)
    run_at(TEN + timedelta(hours=2))
    assert cards_of(member) == []
    run_at(TEN + days(1))
    assert only_card_of(member).local_day == TODAY + days(1)


def test_switched_on_before_todays_send_time_starts_today():
    store = make_store()
    member = member_with_credit(store)
    set_reminder(store=store, enabled=True, send_time=time(10, 0), by=None, now=TEN - MINUTE)
    run_at(TEN - timedelta(seconds=1))
    assert cards_of(member) == []
    run_at(TEN)
    assert only_card_of(member).local_day == TODAY


def test_switching_is_audited_with_before_and_after_and_repeating_it_is_not():
    store, user = make_store(), make_user()
    set_reminder(store=store, enabled=True, send_time=time(9, 30), by=user, now=TEN)
    set_reminder(store=store, enabled=True, send_time=time(9, 30), by=user, now=TEN + MINUTE)
    (event,) = AuditEvent.objects.filter(store=store)
    assert (event.verb, event.actor, event.happened_at) == ("reminder_setting.changed", user, TEN)
    assert event.facts == {"enabled": True, "send_time": "09:30", "was_enabled": False, "was_send_time": "09:30", "cancelled": 0}
    setting = ReminderSetting.objects.get(store=store)
    assert (setting.enabled_at, setting.updated_by, setting.updated_at) == (TEN, user, TEN)


def test_reminders_of_a_barred_merchant_are_not_switched_on_and_those_that_are_on_stay_on():
    on, off, by = make_store(), make_store(), make_user()
    set_reminder(store=on, enabled=True, send_time=time(10, 0), by=None, now=TEN)
    for store in (on, off):
        MerchantBar.objects.create(merchant=store.merchant, reason="x", imposed_by=by, imposed_at=TEN)
    with pytest.raises(MerchantBarred):
        set_reminder(store=off, enabled=True, send_time=time(10, 0), by=None, now=TEN)
    assert not ReminderSetting.objects.filter(store=off).exists()
    set_reminder(store=off, enabled=False, send_time=time(11, 0), by=None, now=TEN)
    assert set_reminder(store=on, enabled=True, send_time=time(11, 0), by=None, now=TEN + MINUTE).enabled
    set_reminder(store=on, enabled=False, send_time=time(11, 0), by=None, now=TEN + MINUTE)
    with pytest.raises(MerchantBarred):
        set_reminder(store=on, enabled=True, send_time=time(11, 0), by=None, now=TEN + MINUTE)
    MerchantBar.objects.update(ended_at=TEN, ended_by=by)
    assert set_reminder(store=off, enabled=True, send_time=time(10, 0), by=None, now=TEN).enabled


def test_a_closed_store_cannot_be_switched_on_and_nothing_changes():
    store = make_store(status="CLOSED")
    with pytest.raises(StateConflict, match="店铺已关闭"):
        set_reminder(store=store, enabled=True, send_time=time(10, 0), by=None, now=TEN)
    assert not ReminderSetting.objects.filter(store=store).exists()
    assert not AuditEvent.objects.exists()


def test_new_time_later_today_moves_todays_run():
    store = store_with_reminders(at=time(10, 0))
    member = member_with_credit(store)
    set_reminder(store=store, enabled=True, send_time=time(15, 0), by=None, now=TEN - MINUTE)
    run_at(TEN + MINUTE)
    assert cards_of(member) == []
    run_at(TEN + timedelta(hours=5))
    assert len(cards_of(member)) == 1


def test_new_time_does_not_repeat_todays_run():
    store = store_with_reminders(at=time(10, 0))
    member = member_with_credit(store)
    run_at(TEN)
    set_reminder(store=store, enabled=True, send_time=time(15, 0), by=None, now=TEN + MINUTE)
    late = member_with_credit(store)
    run_at(TEN + timedelta(hours=6))
    assert (len(cards_of(member)), len(cards_of(late))) == (1, 0)


def test_new_time_that_is_over_today_leaves_todays_run_where_it_was():
    store = store_with_reminders(at=time(15, 0))
    member = member_with_credit(store)
    set_reminder(store=store, enabled=True, send_time=time(9, 0), by=None, now=TEN)
    run_at(TEN + MINUTE)
    assert cards_of(member) == []
    run_at(TEN + timedelta(hours=5))
    assert len(cards_of(member)) == 1
    assert ReminderRun.objects.get(store=store).scheduled_at == clock.at_local(TODAY, time(15, 0))


def test_new_time_keeps_a_run_of_today_that_was_missed_so_far():
    store = store_with_reminders(at=time(9, 0))
    member = member_with_credit(store)
    set_reminder(store=store, enabled=True, send_time=time(18, 0), by=None, now=TEN)
    run_at(TEN + MINUTE)
    assert len(cards_of(member)) == 1


def test_switched_off_before_its_run_and_on_again_runs_that_day():
    store = store_with_reminders(at=time(15, 0))
    member = member_with_credit(store)
    set_reminder(store=store, enabled=False, send_time=time(15, 0), by=None, now=TEN)
    set_reminder(store=store, enabled=True, send_time=time(15, 0), by=None, now=TEN + MINUTE)
    run_at(TEN + timedelta(hours=5))
    assert len(cards_of(member)) == 1


def test_switched_off_in_the_middle_of_a_run_decides_nobody_else():
    store = store_with_reminders()
    first, second = member_with_credit(store), member_with_credit(store)
    open_runs(now=TEN)
    ReminderRun.objects.filter(store=store).update(status=RunStatus.DECIDING, started_at=TEN, cursor=first.pk)
    set_reminder(store=store, enabled=False, send_time=time(10, 0), by=None, now=TEN + MINUTE)
    assert run_at(TEN + 2 * MINUTE).total == Decided()
    assert (cards_of(second), ReminderRun.objects.get(store=store).status) == ([], RunStatus.DONE)


def test_on_again_the_same_day_does_not_revive_cancelled_cards():
    store = store_with_reminders()
    member = member_with_credit(store)
    run_at(TEN)
    for enabled in (False, True):
        set_reminder(store=store, enabled=enabled, send_time=time(18, 0), by=None, now=TEN + MINUTE)
    run_at(TEN + timedelta(hours=9))
    assert [card.status for card in cards_of(member)] == [MessageStatus.CANCELLED]
    run_at(TEN + days(1) + timedelta(hours=8))
    assert [card.status for card in cards_of(member)] == [MessageStatus.CANCELLED, MessageStatus.PENDING]
    assert (store_slots(member, TODAY), store_slots(member, TODAY + days(1))) == (0, 1)


def test_a_run_that_its_day_did_not_see_finished_is_closed():
    store = store_with_reminders()
    member = member_with_credit(store)
    open_runs(now=TEN)
    assert close_past_runs(now=clock.day_end(TODAY) - MINUTE) == 0
    assert close_past_runs(now=clock.day_end(TODAY)) == 1
    assert ReminderRun.objects.get(store=store).status == RunStatus.INCOMPLETE
    run_at(TEN + days(1))
    assert [card.local_day for card in cards_of(member)] == [TODAY + days(1)]


def test_a_setting_without_a_known_start_counts_as_always_on():
    store = make_store()
    ReminderSetting.objects.create(store=store, enabled=True, send_time=time(10, 0))
    member = member_with_credit(store)
    run_at(TEN)
    assert len(cards_of(member)) == 1
    assert Message.objects.filter(decided_at=TEN, local_day=TODAY).count() == 1
    assert LONG_AGO < TEN
