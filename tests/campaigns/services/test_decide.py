"""Who is due, and what the decision writes: boundaries, refusals, chunks."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from backoffice.kernel import clock
from campaigns.choices import MessageStatus, RunStatus, ScenarioCode
from campaigns.models import Message, ReminderRun
from campaigns.services import decide
from members.choices import MemberStatus
from members.models import CreditLot, Member
from members.services.credit import spend
from tests.campaigns.reminders import (
    LONG_AGO,
    TEN,
    TODAY,
    cards_of,
    days,
    end_of,
    give,
    member_with_credit,
    only_card_of,
    person_slots,
    run_at,
    store_slots,
    store_with_reminders,
)
from tests.factories import make_member, make_store

pytestmark = pytest.mark.django_db
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(("ago", "cards"), [(29, 0), (30, 1), (31, 1), (0, 0)])
def test_30_local_days_lie_between_two_cards(ago, cards):
    member = member_with_credit(store_with_reminders(), last_card=TODAY - days(ago))
    run_at(TEN)
    assert len(cards_of(member)) == cards


@pytest.mark.parametrize(
    ("expires_at", "scenario", "last_day"),
    [
        (TEN + INSTANT, ScenarioCode.EXPIRY_REMINDER, "2026-11-22"),
        (clock.day_end(TODAY), ScenarioCode.EXPIRY_REMINDER, "2026-11-22"),
        (clock.day_end(TODAY) + INSTANT, ScenarioCode.EXPIRY_REMINDER, "2026-11-23"),
        (end_of(TODAY + days(7)) - INSTANT, ScenarioCode.EXPIRY_REMINDER, "2026-11-29"),
        (end_of(TODAY + days(7)), ScenarioCode.EXPIRY_REMINDER, "2026-11-29"),
        (end_of(TODAY + days(7)) + INSTANT, ScenarioCode.BALANCE_REMINDER, None),
        (None, ScenarioCode.BALANCE_REMINDER, None),
    ],
)
def test_expiring_means_after_now_and_by_the_end_of_the_seventh_day(expires_at, scenario, last_day):
    member = member_with_credit(store_with_reminders(), ("20.00", expires_at))
    run_at(TEN)
    card = only_card_of(member)
    assert (card.scenario, card.params.get("expiring_first_on")) == (scenario, last_day)


@pytest.mark.parametrize("expires_at", [TEN, TEN - INSTANT, TEN - days(3)])
def test_lapsed_credit_is_no_balance_swept_or_not(expires_at):
    member = member_with_credit(store_with_reminders(), ("20.00", expires_at))
    assert CreditLot.objects.get(account__member=member).principal_left == Decimal("20.00")
    run_at(TEN)
    assert cards_of(member) == []


def test_a_lapsed_lot_beside_a_live_one_does_not_count():
    member = member_with_credit(store_with_reminders(), ("20.00", TEN), ("7.50", None))
    run_at(TEN)
    assert only_card_of(member).params == {"balance": "7.50", "principal": "7.50", "bonus": "0.00"}


def test_principal_and_bonus_are_told_apart():
    store = store_with_reminders()
    member = make_member(store)
    give(member, "100", "20")
    spend(member=member, amount=Decimal(30), order_no="A1", idempotency_key="a1", by=None, now=TEN - days(1))
    run_at(TEN)
    assert only_card_of(member).params == {"balance": "90.00", "principal": "75.00", "bonus": "15.00"}


def test_nothing_left_no_card_and_the_clock_waits():
    store = store_with_reminders()
    member = member_with_credit(store, ("10.00", None))
    spend(member=member, amount=Decimal(10), order_no="A1", idempotency_key="a1", by=None, now=TEN - days(1))
    run_at(TEN)
    assert cards_of(member) == []
    assert ReminderRun.objects.get(store=store).due_count == 0
    give(member, "3.00", opened_at=TEN)
    run_at(TEN + days(1))
    assert only_card_of(member).params["balance"] == "3.00"


@pytest.mark.parametrize("status", [status for status in MemberStatus if status != MemberStatus.ACTIVE])
def test_a_member_who_is_not_active_gets_none(status):
    store = store_with_reminders()
    member, active = member_with_credit(store, status=status), member_with_credit(store)
    run_at(TEN)
    assert (cards_of(member), len(cards_of(active))) == ([], 1)


def test_marketing_consent_does_not_matter_but_the_cards_own_switch_does():
    store = store_with_reminders()
    refused_marketing, refused_cards = member_with_credit(store, marketing_consent=False), member_with_credit(store, credit_cards_on=False)
    run_at(TEN)
    assert (len(cards_of(refused_marketing)), len(cards_of(refused_cards))) == (1, 0)


def test_a_closed_store_and_a_store_that_is_off_have_no_run():
    closed, off = store_with_reminders(), make_store()
    members = [member_with_credit(store) for store in (closed, off)]
    closed.status = "CLOSED"
    closed.save()
    run_at(TEN)
    assert [cards_of(member) for member in members] == [[], []]
    assert not ReminderRun.objects.exists()


def test_a_store_closed_after_its_run_was_opened_decides_nobody():
    store = store_with_reminders()
    member = member_with_credit(store)
    from campaigns.services.runs import open_runs

    open_runs(now=TEN)
    store.status = "CLOSED"
    store.save()
    run_at(TEN)
    assert cards_of(member) == []
    assert ReminderRun.objects.get(store=store).status == RunStatus.DONE


@pytest.mark.parametrize(
    ("changes", "cards"),
    [
        ({"status": MessageStatus.UNKNOWN}, 1),
        ({"status": MessageStatus.SENT, "sent_at": TEN}, 1),
        ({"in_doubt": True}, 1),
        ({"attempt_count": 1}, 2),
        ({"lease_token": "11111111-1111-1111-1111-111111111111"}, 1),
        ({}, 2),
        ({"status": MessageStatus.FAILED}, 2),
        ({"status": MessageStatus.MISSED, "reason": "missed_day"}, 2),
        ({"status": MessageStatus.CANCELLED}, 2),
    ],
)
def test_what_may_have_gone_blocks_the_next_day_and_what_did_not_go_does_not(changes, cards):
    member = member_with_credit(store_with_reminders())
    run_at(TEN)
    Message.objects.filter(member=member).update(**changes)
    run_at(TEN + days(1))
    assert len(cards_of(member)) == cards


def test_unknown_blocks_for_30_days_without_a_clock():
    member = member_with_credit(store_with_reminders())
    run_at(TEN)
    Message.objects.filter(member=member).update(status=MessageStatus.UNKNOWN)
    run_at(TEN + days(29))
    assert len(cards_of(member)) == 1
    run_at(TEN + days(30))
    assert len(cards_of(member)) == 2


def test_a_card_of_another_store_of_the_same_person_does_not_block():
    here, there = store_with_reminders(), store_with_reminders()
    member = member_with_credit(here)
    other = member_with_credit(there, person=member.person, last_card=TODAY - days(1))
    run_at(TEN)
    assert (len(cards_of(member)), len(cards_of(other))) == (1, 0)
    assert person_slots(member.person) == 1


def test_card_speaks_the_members_language():
    store = store_with_reminders()
    zh, en = member_with_credit(store), member_with_credit(store, language="en")
    run_at(TEN)
    assert (only_card_of(zh).language, only_card_of(en).language) == ("zh-hans", "en")


def test_many_chunks_decide_each_member_once(monkeypatch):
    monkeypatch.setattr(decide, "CHUNK_ACCOUNTS", 3)
    stores = [store_with_reminders() for _ in range(3)]
    members = [member_with_credit(store) for store in stores for _ in range(4)]
    summary = run_at(TEN)
    assert (summary.chunks, summary.total.due) == (5, 12)
    assert [len(cards_of(member)) for member in members] == [1] * 12
    assert list(ReminderRun.objects.order_by("pk").values_list("due_count", "balance_count", "status")) == [(4, 4, "DONE")] * 3


def test_store_option_decides_only_that_store():
    here, there = store_with_reminders(), store_with_reminders()
    members = [member_with_credit(store) for store in (here, there)]
    run_at(TEN, stores=[here])
    assert [len(cards_of(member)) for member in members] == [1, 0]
    assert list(ReminderRun.objects.values_list("store_id", flat=True)) == [here.pk]


def test_nothing_of_another_time_of_day_runs():
    member = member_with_credit(store_with_reminders())
    run_at(TEN - INSTANT)
    assert cards_of(member) == []
    assert (store_slots(member), Member.objects.count()) == (0, 1)
    assert LONG_AGO < TEN
