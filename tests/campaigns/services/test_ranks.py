"""Ranks of the scenarios, and the slots that one leaves free for the others."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from campaigns.choices import PAID_CARDS, SCENARIO_RANKS, MessageStatus, SuppressionReason
from campaigns.models import Message, ScenarioRank
from campaigns.selectors.frequency import get_ranks
from campaigns.services.frequency import RuleRefused, set_rank
from tests.campaigns.lifecycle import DORMANT, FIRST, LEVEL, joined, ship_rules, store_with
from tests.campaigns.reminders import TEN, cards_of, other_message, person_slots, run_at, store_slots
from tests.factories import make_store

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _shipped(db):
    ship_rules()


def test_the_ranks_that_ship_are_those_of_the_code():
    assert get_ranks().order == [code.value for code in SCENARIO_RANKS]


def test_a_scenario_moves_and_the_others_close_up():
    set_rank(scenario=DORMANT, place=4, store_slots_left=0, person_slots_left=0, by=None, now=TEN)
    order_now = get_ranks().order
    assert order_now[:5] == ["AFTER_PAYMENT", "EXPIRY_REMINDER", "BALANCE_REMINDER", DORMANT, LEVEL]
    assert sorted(order_now) == sorted(code.value for code in SCENARIO_RANKS)
    assert list(ScenarioRank.objects.values_list("place", flat=True)) == list(range(1, len(SCENARIO_RANKS) + 1))


def test_ranks_can_be_set_where_no_row_is():
    ScenarioRank.objects.all().delete()
    set_rank(scenario=DORMANT, place=4, store_slots_left=1, person_slots_left=2, by=None, now=TEN)
    assert get_ranks().order[3] == DORMANT
    assert ScenarioRank.objects.count() == len(SCENARIO_RANKS)


def test_a_moved_rank_decides_who_goes_first():
    store = store_with(FIRST)
    store_with(DORMANT, store=store)
    set_rank(scenario=DORMANT, place=4, store_slots_left=0, person_slots_left=0, by=None, now=TEN)
    member = joined(store, 300)
    other_message(member.person, store)
    run_at(TEN)
    assert {card.scenario: card.status for card in cards_of(member)} | {LEVEL: ""} == {
        DORMANT: MessageStatus.PENDING,
        FIRST: MessageStatus.SUPPRESSED,
        LEVEL: "",
    }


@pytest.mark.parametrize("scenario", ["AFTER_PAYMENT", "EXPIRY_REMINDER", "BALANCE_REMINDER"])
def test_the_credit_scenarios_stay_first(scenario):
    with pytest.raises(RuleRefused):
        set_rank(scenario=scenario, place=5, store_slots_left=0, person_slots_left=0, by=None, now=TEN)
    with pytest.raises(RuleRefused):
        set_rank(scenario=DORMANT, place=3, store_slots_left=0, person_slots_left=0, by=None, now=TEN)
    with pytest.raises(IntegrityError), transaction.atomic():
        ScenarioRank.objects.filter(scenario=scenario).update(place=50)
    with pytest.raises(IntegrityError), transaction.atomic():
        ScenarioRank.objects.filter(scenario=scenario).update(store_slots_left=1)


@pytest.mark.parametrize(("taken", "status"), [(0, MessageStatus.PENDING), (1, MessageStatus.SUPPRESSED)])
def test_the_last_slot_of_a_store_is_kept_free(taken, status):
    set_rank(scenario=FIRST, place=11, store_slots_left=1, person_slots_left=0, by=None, now=TEN)
    member = joined(store_with(FIRST), 7)
    for _number in range(taken):
        other_message(member.person, member.store)
    run_at(TEN)
    card = Message.objects.get(member=member, scenario=FIRST)
    assert card.status == status
    if taken:
        assert (card.reason, card.cap_facts["used"], store_slots(member)) == (SuppressionReason.STORE_CAP, 1, 1)


@pytest.mark.parametrize(("taken", "status"), [(6, MessageStatus.PENDING), (7, MessageStatus.SUPPRESSED), (10, MessageStatus.SUPPRESSED)])
def test_slots_over_all_stores_are_kept_free_and_none_is_lost(taken, status):
    set_rank(scenario=FIRST, place=11, store_slots_left=0, person_slots_left=3, by=None, now=TEN)
    member = joined(store_with(FIRST), 7)
    for _number in range(taken):
        other_message(member.person, make_store())
    run_at(TEN)
    card = Message.objects.get(member=member, scenario=FIRST)
    assert card.status == status
    assert person_slots(member.person) == taken + (status == MessageStatus.PENDING)
    assert store_slots(member) == (status == MessageStatus.PENDING)


def test_a_duty_leaves_no_slot_to_others():
    for scenario in PAID_CARDS[:1]:
        with pytest.raises(RuleRefused):
            set_rank(scenario=scenario, place=5, store_slots_left=1, person_slots_left=0, by=None, now=TEN)
