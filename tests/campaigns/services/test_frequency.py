"""Extra frequency rules, quiet hours, ranks and slots left free: what they hold back, and what they can never touch."""

from __future__ import annotations

from datetime import time
from threading import Barrier, Thread

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from backoffice.kernel.errors import StateConflict
from campaigns.choices import NO_EXTRA_RULES, MessageStatus, RuleScope, ScenarioCode, SuppressionReason
from campaigns.models import FrequencyRule, LifecycleRun, Message
from campaigns.selectors.frequency import QuietHours
from campaigns.services.dispatch import dispatch
from campaigns.services.frequency import RuleRefused, delete_rule, save_rule
from campaigns.services.lifecycle_runs import decide_lifecycle_chunk, open_lifecycle_runs
from campaigns.services.lifecycle_settings import OwnRule
from members.models import Person
from tests.campaigns.lifecycle import AGAIN, DORMANT, FIRST, LEVEL, joined, order, put, ship_rules, store_with
from tests.campaigns.paid import renewing, selling_store
from tests.campaigns.reminders import (
    TEN,
    TODAY,
    cards_of,
    days,
    member_with_credit,
    only_card_of,
    person_slots,
    run_at,
    store_slots,
    store_with_reminders,
)
from tests.factories import make_member, make_store

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _shipped(db):
    ship_rules()


STORE, PLATFORM, SCENARIO = RuleScope.STORE, RuleScope.PLATFORM, RuleScope.SCENARIO


def rule(scope=STORE, *, store=None, scenario="", window_days=1, cap=1, quiet_from=None, quiet_until=None, **given):
    return save_rule(
        rule=given.pop("rule", None) or FrequencyRule(),
        scope=scope,
        store=store,
        scenario=scenario,
        window_days=window_days,
        cap=cap,
        quiet_from=quiet_from,
        quiet_until=quiet_until,
        is_active=given.pop("is_active", True),
        by=None,
        now=TEN,
    )


def held(member):
    return [(card.status, card.reason) for card in cards_of(member, TODAY)]


GOES, STOPPED = (MessageStatus.PENDING, ""), (MessageStatus.SUPPRESSED, SuppressionReason.RULE_CAP)


@pytest.mark.parametrize(("sent", "outcome"), [(1, GOES), (2, STOPPED)])
def test_a_rule_of_a_scenario_allows_its_cap_and_not_one_more(sent, outcome):
    store = store_with(DORMANT, rule=OwnRule(cap=2, window_days=60))
    member = joined(store, 300)
    for number in range(sent):
        put(member, DORMANT, TODAY - days(10 + number), occasion=number)
    run_at(TEN)
    assert held(member) == [outcome]
    assert store_slots(member) == person_slots(member.person) == (1 if outcome == GOES else 0)
    if outcome == STOPPED:
        facts = only_card_today(member).cap_facts
        assert (facts["allowed"], facts["used"], facts["days"], len(facts["taken_by"])) == (2, 2, 60, 2)
        assert LifecycleRun.objects.get().held_back == {"rule_cap": 1}


def only_card_today(member):
    (card,) = cards_of(member, TODAY)
    return card


@pytest.mark.parametrize(("ago", "outcome"), [(6, STOPPED), (7, GOES)])
def test_a_rolling_window_has_as_many_local_days_as_it_says_today_the_last(ago, outcome):
    store = store_with(FIRST)
    rule(store=store, window_days=7)
    member = joined(store, 30)
    put(member, AGAIN, TODAY - days(ago))
    run_at(TEN)
    assert held(member) == [outcome]


def test_a_rule_over_all_stores_counts_all_stores_and_a_rule_of_a_store_its_own():
    store, other = store_with(FIRST), make_store()
    rule(PLATFORM, window_days=3)
    member = joined(store, 30)
    put(member, AGAIN, TODAY - days(2), store=other)
    run_at(TEN)
    assert held(member) == [STOPPED]
    FrequencyRule.objects.filter(is_base=False).delete()
    rule(STORE, store=store, window_days=3)
    run_at(TEN + days(1))
    assert [card.status for card in cards_of(member, TODAY + days(1))] == [MessageStatus.PENDING]


def test_what_a_rule_stopped_is_decided_again_the_next_day():
    store = store_with(FIRST)
    rule(store=store, window_days=2)
    member = joined(store, 30)
    put(member, AGAIN, TODAY - days(1))
    run_at(TEN)
    assert held(member) == [STOPPED]
    run_at(TEN + days(1))
    assert [card.status for card in cards_of(member, TODAY + days(1))] == [MessageStatus.PENDING]


def test_a_stores_own_rule_takes_the_place_of_the_one_for_all_stores():
    FrequencyRule.objects.filter(scope=SCENARIO).delete()
    rule(SCENARIO, scenario=DORMANT, window_days=90)
    free, bound = store_with(DORMANT, rule=OwnRule(cap=3, window_days=90)), store_with(DORMANT)
    members = [joined(store, 300) for store in (free, bound)]
    for member in members:
        put(member, DORMANT, TODAY - days(20))
    run_at(TEN)
    assert [held(member) for member in members] == [[GOES], [STOPPED]]


def test_the_rules_that_ship_are_one_a_month_and_one_a_quarter():
    shipped = FrequencyRule.objects.filter(is_base=False, store=None).order_by("pk").values_list("scenario", "window_days", "cap")
    assert list(shipped) == [(FIRST, 30, 1), (AGAIN, 30, 1), (DORMANT, 90, 1)]


def test_credit_reminders_are_neither_held_back_by_a_rule_nor_counted():
    store = store_with_reminders()
    store_with(FIRST, store=store)
    rule(PLATFORM), rule(STORE, store=store, quiet_from=time(9), quiet_until=time(20), cap=None)
    member = member_with_credit(store)
    put(member, LEVEL, TODAY - days(0), occasion=9)
    run_at(TEN)
    assert [card.scenario for card in cards_of(member, TODAY) if card.status == MessageStatus.PENDING] == [ScenarioCode.BALANCE_REMINDER]
    FrequencyRule.objects.filter(quiet_from__isnull=False).delete()
    Message.objects.filter(scenario=LEVEL).delete()
    run_at(TEN.replace(hour=21))
    assert Message.objects.get(member=member, scenario=FIRST).status == MessageStatus.PENDING


def test_the_notice_of_a_renewal_is_a_duty_that_no_rule_touches():
    term = renewing(selling_store(), ends_on=TODAY + days(5))
    rule(PLATFORM, window_days=30, quiet_from=time(9), quiet_until=time(20))
    put(term.member, LEVEL, TODAY - days(1))
    run_at(TEN)
    assert held(term.member) == [GOES]
    dispatch(now=TEN)
    assert held(term.member) == [(MessageStatus.SENT, "")]


@pytest.mark.parametrize("scenario", NO_EXTRA_RULES)
def test_no_rule_can_name_a_credit_scenario_or_a_duty(scenario):
    with pytest.raises(RuleRefused) as refused:
        rule(SCENARIO, scenario=scenario)
    assert refused.value.code == "credit_scenario"
    with pytest.raises(IntegrityError, match="frequency_rule_not_for_credit"), transaction.atomic():
        FrequencyRule.objects.create(scope=SCENARIO, scenario=scenario, cap=1)


def base_rows():
    return list(FrequencyRule.objects.filter(is_base=True).order_by("cap"))


def test_base_rows_cannot_be_loosened_or_deleted_by_anybody():
    for row in base_rows():
        with pytest.raises(StateConflict):
            rule(rule=row, scope=row.scope, cap=11)
        with pytest.raises(StateConflict):
            delete_rule(rule=row, by=None, now=TEN)
        for change in ({"cap": 11}, {"is_active": False}, {"is_base": False}, {"window_days": 2}):
            with pytest.raises(DatabaseError), transaction.atomic():
                FrequencyRule.objects.filter(pk=row.pk).update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            FrequencyRule.objects.filter(pk=row.pk).delete()
    assert [row.cap for row in base_rows()] == [2, 10]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"cap": None}, "cap"),
        ({"cap": 0}, "cap"),
        ({"window_days": 0}, "window_days"),
        ({"window_days": 366}, "window_days"),
        ({"quiet_from": time(22)}, "quiet_until"),
        ({"quiet_from": time(22), "quiet_until": time(22)}, "quiet_until"),
        ({"scope": SCENARIO}, "scenario"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_at_its_field(given, field):
    with pytest.raises(RuleRefused) as refused:
        rule(**given)
    assert refused.value.facts["field"] == field


def test_one_rule_a_scenario_and_store():
    store = make_store()
    rule(SCENARIO, store=store, scenario=DORMANT)
    with pytest.raises(RuleRefused):
        rule(SCENARIO, store=store, scenario=DORMANT)


# Quiet hours


@pytest.mark.parametrize(
    ("start", "until", "at", "ends"),
    [
        (time(22), time(8), (21, 59), None),
        (time(22), time(8), (22, 0), (1, 8)),
        (time(22), time(8), (23, 59), (1, 8)),
        (time(22), time(8), (0, 0), (0, 8)),
        (time(22), time(8), (7, 59), (0, 8)),
        (time(22), time(8), (8, 0), None),
        (time(12), time(14), (11, 59), None),
        (time(12), time(14), (12, 0), (0, 14)),
        (time(12), time(14), (14, 0), None),
        (time(20), time(0), (23, 0), (1, 0)),
    ],
)
def test_the_beginning_is_quiet_and_the_end_is_not_over_midnight_too(start, until, at, ends):
    quiet = QuietHours([FrequencyRule(scope=STORE, quiet_from=start, quiet_until=until)])
    moment = TEN.replace(hour=at[0], minute=at[1])
    expected = None if ends is None else TEN.replace(hour=ends[1]) + days(ends[0])
    assert quiet.ends_at(1, FIRST, moment) == expected
    assert quiet.ends_at(1, ScenarioCode.BALANCE_REMINDER, moment) is None


def test_windows_that_touch_are_one():
    quiet = QuietHours(
        [FrequencyRule(scope=STORE, quiet_from=time(20), quiet_until=time(23)), FrequencyRule(scope=STORE, quiet_from=time(23), quiet_until=time(7))]
    )
    assert quiet.ends_at(1, FIRST, TEN.replace(hour=21)) == TEN.replace(hour=7) + days(1)


def test_a_send_time_in_quiet_hours_moves_to_their_end_the_same_day():
    member = joined(store_with(FIRST, rule=OwnRule(quiet_from=time(9), quiet_until=time(11))), 7)
    run_at(TEN.replace(hour=10, minute=59))
    assert cards_of(member) == []
    run_at(TEN.replace(hour=11))
    assert only_card_of(member).decided_at == TEN.replace(hour=11)


def test_an_evening_in_quiet_hours_over_midnight_goes_the_next_morning():
    member = joined(store_with(FIRST, send_time=time(22, 30), rule=OwnRule(quiet_from=time(22), quiet_until=time(8)), now=TEN), 7)
    for hour in (22, 23):
        run_at(TEN.replace(hour=hour, minute=45))
    run_at(TEN.replace(hour=7, minute=59) + days(1))
    assert cards_of(member) == []
    run_at(TEN.replace(hour=8) + days(1))
    assert only_card_of(member).local_day == TODAY + days(1)


def test_a_late_run_waits_in_quiet_hours_and_the_next_day_decides_afresh():
    member = joined(store_with(FIRST, rule=OwnRule(quiet_from=time(22), quiet_until=time(8))), 7)
    run_at(TEN.replace(hour=22))
    assert cards_of(member) == []
    run_at(TEN + days(1))
    assert only_card_of(member).local_day == TODAY + days(1)
    assert list(LifecycleRun.objects.order_by("local_day").values_list("status", flat=True)) == ["INCOMPLETE", "DONE"]


def test_quiet_hours_hold_at_hand_over_and_the_message_goes_later_the_same_day():
    member = joined(store_with(FIRST, rule=OwnRule(quiet_from=time(12), quiet_until=time(14))), 7)
    run_at(TEN)
    dispatch(now=TEN.replace(hour=12))
    card = only_card_of(member)
    assert (card.status, card.attempt_count, card.in_doubt) == (MessageStatus.PENDING, 0, False)
    assert card.next_attempt_at is not None
    Message.objects.update(next_attempt_at=None)
    dispatch(now=TEN.replace(hour=14))
    assert only_card_of(member).status == MessageStatus.SENT


def test_quiet_hours_that_last_over_midnight_end_it_and_the_next_day_decides_again():
    member = joined(store_with(FIRST, rule=OwnRule(quiet_from=time(22), quiet_until=time(8))), 7)
    run_at(TEN)
    dispatch(now=TEN.replace(hour=22))
    assert held(member) == [(MessageStatus.CANCELLED, SuppressionReason.QUIET_HOURS)]
    assert store_slots(member) == 0
    run_at(TEN + days(1))
    assert [card.status for card in cards_of(member, TODAY + days(1))] == [MessageStatus.PENDING]


def test_no_quiet_hours_ship():
    assert not FrequencyRule.objects.filter(quiet_from__isnull=False).exists()


@pytest.mark.django_db(transaction=True)
def test_two_decisions_at_once_do_not_count_past_a_rule_over_all_stores():
    rule(PLATFORM)
    person = Person.objects.create()
    stores = [store_with(FIRST) for _number in range(4)]
    members = [make_member(store, person=person, joined_at=TEN - days(30)) for store in stores]
    open_lifecycle_runs(now=TEN)
    start = Barrier(4)

    def runner(store) -> None:
        try:
            start.wait()
            decide_lifecycle_chunk(now=TEN, store_ids=[store.pk])
        finally:
            connection.close()

    threads = [Thread(target=runner, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = [only_card_of(member).status for member in members]
    assert sorted(statuses) == [MessageStatus.PENDING, *[MessageStatus.SUPPRESSED] * 3]
    assert person_slots(person) == 1


def test_orders_elsewhere_do_not_matter():
    member = joined(store_with(AGAIN), 300)
    order(member, 40)
    run_at(TEN)
    assert held(member) == [GOES]
