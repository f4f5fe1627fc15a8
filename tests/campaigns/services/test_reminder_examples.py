"""The examples of the rules for credit reminders, by name."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from backoffice.kernel import clock
from campaigns.choices import MessageStatus, ScenarioCode, SuppressionReason
from campaigns.models import Message, ReminderRun
from campaigns.services.settings import set_reminder
from tests.campaigns.reminders import (
    TEN,
    TODAY,
    cards_of,
    days,
    end_of,
    mark_sent,
    member_with_credit,
    only_card_of,
    other_message,
    person_slots,
    run_at,
    store_slots,
    store_with_reminders,
)
from tests.factories import make_person, make_store

pytestmark = pytest.mark.django_db


def test_balance_65_with_20_expiring_in_7_days_says_20_in_7_days():
    store = store_with_reminders()
    member = member_with_credit(store, ("45.00", None), ("20.00", end_of(TODAY + days(5))))
    run_at(TEN)
    card = only_card_of(member)
    assert card.scenario == ScenarioCode.EXPIRY_REMINDER
    assert card.params == {
        "balance": "65.00",
        "principal": "65.00",
        "bonus": "0.00",
        "expiring": "20.00",
        "expiring_first_on": "2026-11-27",
        "expiring_last_on": "2026-11-27",
        "expiring_first_amount": "20.00",
    }


def test_several_dates_name_the_earliest_and_its_part():
    store = store_with_reminders()
    member = member_with_credit(
        store, ("30.00", end_of(TODAY + days(7))), ("5.50", end_of(TODAY + days(2))), ("4.50", TEN + days(2)), ("60.00", end_of(TODAY + days(8)))
    )
    run_at(TEN)
    assert only_card_of(member).params == {
        "balance": "100.00",
        "principal": "100.00",
        "bonus": "0.00",
        "expiring": "40.00",
        "expiring_first_on": "2026-11-24",
        "expiring_last_on": "2026-11-29",
        "expiring_first_amount": "10.00",
    }


def test_both_due_on_a_day_only_the_expiry_reminder_goes():
    store = store_with_reminders()
    member = member_with_credit(store, ("45.00", None), ("20.00", end_of(TODAY)))
    run_at(TEN)
    run_at(TEN + timedelta(hours=5))
    assert [card.scenario for card in cards_of(member)] == [ScenarioCode.EXPIRY_REMINDER]


def test_balance_reminder_when_nothing_expires_soon():
    store = store_with_reminders()
    member = member_with_credit(store, ("45.00", None), ("20.00", end_of(TODAY + days(8))))
    run_at(TEN)
    card = only_card_of(member)
    assert (card.scenario, card.status, card.local_day, card.occasion) == (ScenarioCode.BALANCE_REMINDER, MessageStatus.PENDING, TODAY, 20261122)
    assert card.params == {"balance": "65.00", "principal": "65.00", "bonus": "0.00"}


def test_third_of_the_day_from_a_store_is_held_back_with_what_took_the_slots():
    store = store_with_reminders()
    member = member_with_credit(store)
    takers = [other_message(member.person, store, member=member) for _ in range(2)]
    run_at(TEN)
    card = Message.objects.get(member=member, scenario=ScenarioCode.BALANCE_REMINDER)
    assert (card.status, card.reason) == (MessageStatus.SUPPRESSED, SuppressionReason.STORE_CAP)
    assert card.cap_facts == {"cap": "store_cap", "used": 2, "taken_by": [taker.pk for taker in takers]}
    assert (store_slots(member), person_slots(member.person)) == (2, 2)


def test_second_of_the_day_from_a_store_goes():
    store = store_with_reminders()
    member = member_with_credit(store)
    other_message(member.person, store, member=member)
    run_at(TEN)
    assert Message.objects.get(member=member, scenario=ScenarioCode.BALANCE_REMINDER).status == MessageStatus.PENDING
    assert (store_slots(member), person_slots(member.person)) == (2, 2)


def test_eleventh_overall_is_held_back_and_the_store_slot_is_given_back():
    store = store_with_reminders()
    member = member_with_credit(store)
    elsewhere = [make_store() for _ in range(5)]
    takers = [other_message(member.person, other) for other in elsewhere for _ in range(2)]
    run_at(TEN)
    card = only_card_of(member)
    assert (card.status, card.reason) == (MessageStatus.SUPPRESSED, SuppressionReason.PLATFORM_CAP)
    assert card.cap_facts == {"cap": "platform_cap", "used": 10, "taken_by": [taker.pk for taker in takers]}
    assert (store_slots(member), person_slots(member.person)) == (0, 10)


def test_tenth_overall_goes_and_rank_decides_within_one_decision():
    person = make_person()
    elsewhere = [make_store() for _ in range(5)]
    for number in range(9):
        other_message(person, elsewhere[number // 2])
    balance = member_with_credit(store_with_reminders(), person=person)
    expiry = member_with_credit(store_with_reminders(), ("20.00", end_of(TODAY + days(1))), person=person)
    run_at(TEN)
    assert only_card_of(expiry).status == MessageStatus.PENDING
    assert (only_card_of(balance).status, only_card_of(balance).reason) == (MessageStatus.SUPPRESSED, SuppressionReason.PLATFORM_CAP)
    assert only_card_of(expiry).pk in only_card_of(balance).cap_facts["taken_by"]
    assert (person_slots(person), store_slots(expiry), store_slots(balance)) == (10, 1, 0)


def test_equal_rank_goes_to_who_waits_longest():
    person = make_person()
    elsewhere = [make_store() for _ in range(5)]
    for number in range(9):
        other_message(person, elsewhere[number // 2])
    lately = member_with_credit(store_with_reminders(), person=person, last_card=TODAY - days(31))
    waiting = member_with_credit(store_with_reminders(), person=person, last_card=TODAY - days(60))
    run_at(TEN)
    assert (only_card_of(waiting).status, only_card_of(lately).status) == (MessageStatus.PENDING, MessageStatus.SUPPRESSED)


def test_midnight_belongs_to_the_new_day():
    store = store_with_reminders(at=time(0, 0))
    member = member_with_credit(store)
    for _ in range(2):
        other_message(member.person, store, TODAY, member=member)
    last_instant = clock.day_end(TODAY) - timedelta(microseconds=1)
    run_at(last_instant)
    run_at(clock.day_end(TODAY))
    yesterday, today = Message.objects.filter(member=member, scenario=ScenarioCode.BALANCE_REMINDER).order_by("local_day")
    assert (yesterday.local_day, yesterday.status) == (TODAY, MessageStatus.SUPPRESSED)
    assert (today.local_day, today.status) == (TODAY + days(1), MessageStatus.PENDING)
    assert (store_slots(member, TODAY), store_slots(member, TODAY + days(1))) == (2, 1)


def test_suppressed_is_tried_next_day_against_fresh_facts():
    store = store_with_reminders()
    member = member_with_credit(store, ("65.00", None), ("20.00", end_of(TODAY)))
    for _ in range(2):
        other_message(member.person, store, member=member)
    run_at(TEN)
    run_at(TEN + days(1))
    held_back, sent = Message.objects.filter(member=member).exclude(scenario=ScenarioCode.LEVEL_CHANGE).order_by("local_day")
    assert (held_back.status, held_back.scenario) == (MessageStatus.SUPPRESSED, ScenarioCode.EXPIRY_REMINDER)
    assert (sent.status, sent.scenario, sent.params["balance"]) == (MessageStatus.PENDING, ScenarioCode.BALANCE_REMINDER, "65.00")


def test_only_a_sent_card_restarts_the_30_days():
    store = store_with_reminders()
    member = member_with_credit(store)
    run_at(TEN)
    mark_sent(only_card_of(member), TEN)
    run_at(TEN + days(29))
    assert len(cards_of(member)) == 1
    run_at(TEN + days(30))
    assert [card.local_day for card in cards_of(member)] == [TODAY, TODAY + days(30)]


def test_switch_off_cancels_what_is_not_handed_over_and_gives_the_slots_back():
    store = store_with_reminders()
    waiting, sent, doubtful, leased = (member_with_credit(store) for _ in range(4))
    elsewhere = member_with_credit(store_with_reminders())
    run_at(TEN)
    mark_sent(only_card_of(sent), TEN)
    Message.objects.filter(member=doubtful).update(in_doubt=True)
    Message.objects.filter(member=leased).update(lease_token="11111111-1111-1111-1111-111111111111")
    set_reminder(store=store, enabled=False, send_time=time(10, 0), by=None, now=TEN + timedelta(minutes=1))
    assert (only_card_of(waiting).status, only_card_of(waiting).reason) == (MessageStatus.CANCELLED, SuppressionReason.SETTING_OFF)
    assert [only_card_of(member).status for member in (sent, doubtful, leased, elsewhere)] == [
        MessageStatus.SENT,
        MessageStatus.PENDING,
        MessageStatus.PENDING,
        MessageStatus.PENDING,
    ]
    assert [store_slots(member) for member in (waiting, sent, doubtful, leased, elsewhere)] == [0, 1, 1, 1, 1]
    assert [person_slots(member.person) for member in (waiting, sent, doubtful, leased, elsewhere)] == [0, 1, 1, 1, 1]


def test_missed_run_is_made_up_the_same_day_and_not_the_next():
    store = store_with_reminders()
    member = member_with_credit(store)
    run_at(TEN + timedelta(hours=13, minutes=59))
    assert only_card_of(member).local_day == TODAY
    other = member_with_credit(store_with_reminders())
    run_at(clock.day_end(TODAY) + timedelta(hours=9))
    assert cards_of(other) == []
    assert ReminderRun.objects.filter(store=other.store).count() == 0


def test_run_twice_decides_once():
    store = store_with_reminders()
    member = member_with_credit(store)
    first, second = run_at(TEN), run_at(TEN + timedelta(minutes=1))
    assert (first.total.due, second.total.due) == (1, 0)
    assert len(cards_of(member)) == 1
    assert store_slots(member) == 1
    run = ReminderRun.objects.get(store=store)
    assert (run.local_day, run.status, run.due_count, run.balance_count) == (TODAY, "DONE", 1, 1)
