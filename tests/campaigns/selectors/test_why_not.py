"""Why a member got a card on a day, or did not: also for past days, from what was true then."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest

from backoffice.kernel import clock
from campaigns.choices import MessageStatus, RunStatus, ScenarioCode
from campaigns.models import Message, ReminderRun
from campaigns.selectors.why_not import NOT_DECIDED, get_why_not
from campaigns.selectors.why_not_words import explain
from campaigns.services.settings import set_reminder
from members.choices import MemberStatus
from members.services.credit import spend
from members.services.members import switch_credit_cards
from tests.campaigns.reminders import (
    TEN,
    TODAY,
    days,
    end_of,
    give,
    mark_sent,
    member_with_credit,
    only_card_of,
    other_message,
    run_at,
    store_with_reminders,
)
from tests.factories import make_member, make_store

pytestmark = pytest.mark.django_db
LATER = TEN + days(20)


def outcomes(member, day=TODAY, now=LATER, **options):
    return [(each.scenario, each.outcome, each.reason) for each in get_why_not(member, day, now=now, all_stores=options.get("all_stores", False))]


def pair(reason):
    return [(ScenarioCode.BALANCE_REMINDER, NOT_DECIDED, reason), (ScenarioCode.EXPIRY_REMINDER, NOT_DECIDED, reason)]


def facts(member, day=TODAY, now=LATER):
    return get_why_not(member, day, now=now, all_stores=False)[-1].facts


def test_sent_and_the_other_card():
    member = member_with_credit(store_with_reminders())
    run_at(TEN)
    mark_sent(only_card_of(member), TEN)
    assert outcomes(member) == [
        (ScenarioCode.BALANCE_REMINDER, MessageStatus.SENT, ""),
        (ScenarioCode.EXPIRY_REMINDER, NOT_DECIDED, "nothing_expiring"),
    ]
    expiring = member_with_credit(store_with_reminders(), ("20.00", end_of(TODAY)))
    run_at(TEN)
    assert outcomes(expiring) == [
        (ScenarioCode.EXPIRY_REMINDER, MessageStatus.PENDING, ""),
        (ScenarioCode.BALANCE_REMINDER, NOT_DECIDED, "expiry_first"),
    ]


def test_held_back_tells_a_merchant_the_number_and_the_platform_who():
    member = member_with_credit(store_with_reminders())
    takers = [other_message(member.person, store) for store in [make_store() for _ in range(5)] for _ in range(2)]
    run_at(TEN)
    card = get_why_not(member, TODAY, now=LATER, all_stores=False)[0]
    assert (card.outcome, card.reason, card.facts["used"], card.takers) == (MessageStatus.SUPPRESSED, "platform_cap", 10, ())
    whole = get_why_not(member, TODAY, now=LATER, all_stores=True)[0]
    assert [taker.id for taker in whole.takers] == [taker.pk for taker in takers]
    assert {taker.store for taker in whole.takers} == {taker.store.name for taker in takers}


def test_store_cap_names_the_stores_own_messages_to_the_merchant():
    store = store_with_reminders()
    member = member_with_credit(store)
    takers = [other_message(member.person, store, member=member) for _ in range(2)]
    run_at(TEN)
    card = get_why_not(member, TODAY, now=LATER, all_stores=False)[2]
    assert (card.reason, [taker.id for taker in card.takers]) == ("store_cap", [taker.pk for taker in takers])


def test_setting_off_and_since_when():
    store = store_with_reminders()
    member = member_with_credit(store)
    switched_off = TEN - days(2)
    set_reminder(store=store, enabled=False, send_time=time(10, 0), by=None, now=switched_off)
    run_at(TEN)
    set_reminder(store=store, enabled=True, send_time=time(10, 0), by=None, now=TEN + days(3))
    assert outcomes(member) == pair("setting_off")
    assert datetime.fromisoformat(facts(member)["since"]) == switched_off
    assert outcomes(member_with_credit(make_store())) == pair("setting_off")


def test_not_due_names_the_last_and_the_next_day():
    member = member_with_credit(store_with_reminders())
    run_at(TEN)
    mark_sent(only_card_of(member), TEN)
    run_at(TEN + days(12))
    assert outcomes(member, TODAY + days(12)) == pair("not_due")
    assert facts(member, TODAY + days(12)) == {"last_card_on": "2026-11-22", "next_due_on": "2026-12-22"}


@pytest.mark.parametrize("status", [MemberStatus.FROZEN, MemberStatus.LEFT])
def test_not_active_since_when_also_after_coming_back(status):
    member = member_with_credit(store_with_reminders(), status=status)
    left = TEN - days(3)
    member.status_changes.create(from_status=MemberStatus.ACTIVE, to_status=status, reason="moved away", happened_at=left)
    run_at(TEN)
    member.status_changes.create(from_status=status, to_status=MemberStatus.ACTIVE, reason="back", happened_at=TEN + days(1))
    member.status = MemberStatus.ACTIVE
    member.save()
    assert outcomes(member) == pair("not_active")
    assert facts(member) == {"status": status, "since": clock.to_local(left).isoformat(), "why": "moved away"}


def test_not_joined_yet():
    store = store_with_reminders()
    member = make_member(store, joined_at=TEN + timedelta(hours=1))
    member_with_credit(store)
    run_at(TEN)
    assert outcomes(member) == pair("not_active")
    assert facts(member)["status"] == "NOT_JOINED"


def test_cards_off_since_when():
    member = member_with_credit(store_with_reminders())
    switch_credit_cards(member=member, on=False, reason="asked", by=None, now=TEN - days(1))
    run_at(TEN)
    switch_credit_cards(member=member, on=True, reason="asked", by=None, now=TEN + days(1))
    assert outcomes(member) == pair("cards_off")
    assert datetime.fromisoformat(facts(member)["since"]) == TEN - days(1)


def test_no_balance_then_although_there_is_some_now():
    store = store_with_reminders()
    member = member_with_credit(store, ("10.00", None))
    member_with_credit(store)
    spend(member=member, amount=Decimal(10), order_no="A", idempotency_key="a", by=None, now=TEN - days(1))
    run_at(TEN)
    give(member, "50", opened_at=TEN + days(1))
    assert outcomes(member) == pair("no_balance")
    assert outcomes(member, TODAY, now=TEN)[0][2] == "no_balance"


def test_lapsed_credit_is_no_balance():
    member = member_with_credit(store_with_reminders(), ("10.00", TEN - timedelta(hours=1)))
    run_at(TEN)
    assert outcomes(member) == pair("no_balance")


def test_run_still_to_come_and_run_that_never_came():
    member = member_with_credit(store_with_reminders())
    assert outcomes(member, now=TEN - timedelta(hours=1)) == pair("not_run")
    assert facts(member, now=TEN - timedelta(hours=1)) == {"run": "ahead", "scheduled_at": TEN.isoformat()}
    assert facts(member, now=LATER) == {"run": "none", "scheduled_at": TEN.isoformat()}


def test_switched_on_after_the_days_send_time():
    store = make_store()
    member = member_with_credit(store)
    set_reminder(store=store, enabled=True, send_time=time(10, 0), by=None, now=TEN + timedelta(hours=1))
    run_at(TEN + timedelta(hours=2))
    assert (outcomes(member), facts(member)["run"]) == (pair("not_run"), "switched_on_later")


def test_run_that_the_day_did_not_see_finished():
    store = store_with_reminders()
    member = member_with_credit(store)
    ReminderRun.objects.create(store=store, local_day=TODAY, scheduled_at=TEN, started_at=TEN, status=RunStatus.INCOMPLETE, cursor=0)
    assert (outcomes(member), facts(member)["run"]) == (pair("not_run"), "incomplete")


def test_due_only_after_the_run():
    """A century ahead, so that the ledger's real clock lies before the decision."""
    ten = TEN.replace(year=2126)
    store = store_with_reminders()
    member = member_with_credit(store, status=MemberStatus.FROZEN)
    run_at(ten)
    member.status_changes.create(from_status=MemberStatus.FROZEN, to_status=MemberStatus.ACTIVE, reason="back", happened_at=ten)
    member.status = MemberStatus.ACTIVE
    member.save()
    day = clock.local_day(ten)
    assert (outcomes(member, day, now=ten + days(1)), facts(member, day, now=ten + days(1))) == (pair("not_run"), {"run": "passed"})


def test_credit_that_was_recorded_only_after_the_decision():
    """Long ago, so that the ledger's real clock lies behind the decision, as with a file that is imported late."""
    ten = TEN.replace(year=2001)
    store = store_with_reminders(on_since=ten - days(9))
    member_with_credit(store)
    member = make_member(store, joined_at=ten - days(9))
    run_at(ten)
    give(member, "50", opened_at=ten - days(1))
    day = clock.local_day(ten)
    assert outcomes(member, day) == pair("no_balance")
    assert facts(member, day) == {"balance": "0.00", "recorded_later": "50.00"}


def test_several_reasons_are_all_named():
    store = store_with_reminders()
    member = member_with_credit(store, credit_cards_on=False, status=MemberStatus.CLOSED)
    run_at(TEN)
    first = get_why_not(member, TODAY, now=LATER, all_stores=False)[0]
    assert (first.reason, first.also) == ("not_active", ("cards_off",))


def test_every_outcome_has_a_sentence():
    store = store_with_reminders()
    member = member_with_credit(store)
    run_at(TEN)
    for changes in (
        {"status": "SENT", "sent_at": TEN},
        {"status": "UNKNOWN"},
        {"status": "FAILED", "error": "no such user"},
        {"status": "PENDING"},
        {"status": "CANCELLED", "reason": "setting_off"},
        {"status": "MISSED", "reason": "missed_day"},
        {"status": "SUPPRESSED", "reason": "store_cap", "cap_facts": {"cap": "store_cap", "used": 2, "taken_by": []}},
    ):
        Message.objects.filter(member=member).update(**{"reason": "", "cap_facts": None, **changes})
        assert all(explain(candidate) for candidate in get_why_not(member, TODAY, now=LATER, all_stores=True))
