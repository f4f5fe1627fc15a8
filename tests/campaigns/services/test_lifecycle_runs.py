"""Lifecycle messages: who is due at the edges, who is held out, once about each thing."""

from __future__ import annotations

from hashlib import md5
from threading import Barrier, Thread

import pytest
from django.db import connection

from campaigns.choices import LIFECYCLE_DAYS, MessageStatus, RunStatus, SuppressionReason
from campaigns.models import LifecycleRun, Message
from campaigns.services.dispatch import dispatch
from campaigns.services.lifecycle_runs import decide_lifecycle_chunk, open_lifecycle_runs
from campaigns.services.lifecycle_settings import set_lifecycle
from members.choices import MemberStatus
from members.models import Event, LevelChange, Member
from members.services.profiles import Profile, put_member
from tests.campaigns.lifecycle import AGAIN, DORMANT, FIRST, LEVEL, joined, noon, order, store_with
from tests.campaigns.reminders import TEN, TODAY, cards_of, days, mark_sent, only_card_of, other_message, run_at, store_slots
from tests.factories import make_level, make_store

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("ago", "cards"), [(6, 0), (7, 1), (8, 1), (300, 1)])
def test_first_purchase_is_due_on_the_seventh_day_without_an_order(ago, cards):
    member = joined(store_with(FIRST), ago)
    run_at(TEN)
    assert [(card.scenario, card.params["joined_on"]) for card in cards_of(member)] == [(FIRST, (TODAY - days(ago)).isoformat())] * cards


def test_days_are_the_stores_own():
    member = joined(store_with(FIRST, days=3), 3)
    run_at(TEN)
    assert only_card_of(member).status == MessageStatus.PENDING


def test_who_has_ordered_gets_no_first_purchase_message_and_who_got_everything_back_does():
    store = store_with(FIRST)
    bought, returned = joined(store, 20), joined(store, 20)
    order(bought, 1)
    order(returned, 5, refunded=True)
    run_at(TEN)
    assert cards_of(bought) == []
    assert only_card_of(returned).scenario == FIRST


@pytest.mark.parametrize(("ago", "cards"), [(29, 0), (30, 1), (31, 1)])
def test_repurchase_is_due_thirty_days_after_the_last_order(ago, cards):
    member = joined(store_with(AGAIN), 200)
    order(member, 150)
    order(member, ago)
    run_at(TEN)
    assert [card.params["last_order_on"] for card in cards_of(member)] == [(TODAY - days(ago)).isoformat()] * cards


def test_repurchase_needs_an_order():
    member = joined(store_with(AGAIN), 200)
    run_at(TEN)
    assert cards_of(member) == []


@pytest.mark.parametrize(("ago", "cards"), [(89, 0), (90, 1)])
@pytest.mark.parametrize("kind", ["order", "visit", "joining"])
def test_dormant_is_due_ninety_days_after_the_last_visit_or_order(kind, ago, cards):
    member = joined(store_with(DORMANT), ago if kind == "joining" else 400)
    if kind == "order":
        order(member, ago)
    if kind == "visit":
        Event.objects.create(store=member.store, event_id="E1", person=member.person, member=member, name="page", occurred_at=noon(TODAY - days(ago)))
    run_at(TEN)
    assert [card.params["last_seen_on"] for card in cards_of(member)] == [(TODAY - days(ago)).isoformat()] * cards


def test_a_visit_to_another_store_wakes_nobody():
    member = joined(store_with(DORMANT), 400)
    Event.objects.create(store=make_store(), event_id="E1", person=member.person, name="page", occurred_at=noon(TODAY))
    run_at(TEN)
    assert only_card_of(member).scenario == DORMANT


def level_of(member: Member, name: str, at=TEN) -> None:
    put_member(store=member.store, member_no=member.member_no, profile=Profile(level=name), source="test", by=None, now=at)


def test_a_level_change_is_told_with_the_level_it_came_to():
    store = store_with(LEVEL)
    make_level(store, name="银卡", threshold=1), make_level(store, name="金卡", threshold=2)
    member, same = joined(store, 50), joined(store, 50)
    level_of(member, "银卡", TEN - days(2))
    level_of(member, "金卡", TEN - days(1))
    run_at(TEN)
    assert [(card.scenario, card.params) for card in cards_of(member)] == [(LEVEL, {"level": "金卡"})]
    assert cards_of(same) == []
    assert LevelChange.objects.filter(member=member).count() == 2
    level_of(member, "金卡")
    assert LevelChange.objects.filter(member=member).count() == 2


@pytest.mark.parametrize(("ago", "cards"), [(LIFECYCLE_DAYS[LEVEL], 1), (LIFECYCLE_DAYS[LEVEL] + 1, 0)])
def test_a_level_change_is_told_for_three_days_only(ago, cards):
    store = store_with(LEVEL)
    make_level(store, name="银卡", threshold=1)
    member = joined(store, 50)
    level_of(member, "银卡", noon(TODAY - days(ago)))
    run_at(TEN)
    assert len(cards_of(member)) == cards


def test_a_change_before_switching_on_is_not_told():
    store = make_store()
    make_level(store, name="银卡", threshold=1)
    member = joined(store, 50)
    level_of(member, "银卡", TEN - days(1))
    store_with(LEVEL, store=store, now=TEN.replace(hour=1))
    run_at(TEN)
    assert cards_of(member) == []


def test_once_about_each_thing_however_often_it_is_run():
    member = joined(store_with(FIRST), 7)
    run_at(TEN)
    mark_sent(only_card_of(member), TEN)
    for later in range(40):
        run_at(TEN + days(later))
    assert len(cards_of(member)) == 1


def test_a_new_order_begins_the_days_anew():
    member = joined(store_with(AGAIN), 400)
    order(member, 60)
    run_at(TEN - days(30))
    mark_sent(only_card_of(member), TEN - days(30))
    order(member, 30)
    run_at(TEN - days(1))
    assert len(cards_of(member)) == 1
    run_at(TEN)
    assert [card.params["last_order_on"] for card in cards_of(member)] == [(TODAY - days(60)).isoformat(), (TODAY - days(30)).isoformat()]


@pytest.mark.parametrize(
    "change",
    [{"marketing_consent": False}, *({"status": status} for status in MemberStatus if status != MemberStatus.ACTIVE)],
    ids=lambda change: str(next(iter(change.values()))),
)
@pytest.mark.parametrize("scenario", [FIRST, AGAIN, DORMANT, LEVEL])
def test_only_active_members_who_agree_to_marketing(scenario, change):
    store = store_with(scenario)
    make_level(store, name="银卡", threshold=1)
    member, other = joined(store, 300), joined(store, 300)
    for one in (member, other):
        level_of(one, "银卡", TEN - days(1))
        if scenario == AGAIN:
            order(one, 100)
    Member.objects.filter(pk=member.pk).update(**change)
    run_at(TEN)
    assert cards_of(member) == []
    assert only_card_of(other).scenario == scenario


@pytest.mark.parametrize("change", [{"marketing_consent": False}, {"status": MemberStatus.BLACKLISTED}])
def test_asked_again_at_hand_over(change):
    member = joined(store_with(FIRST), 7)
    run_at(TEN)
    Member.objects.filter(pk=member.pk).update(**change)
    dispatch(now=TEN)
    card = only_card_of(member)
    assert card.status == MessageStatus.CANCELLED
    assert card.reason == (SuppressionReason.NO_CONSENT if "marketing_consent" in change else SuppressionReason.NOT_ACTIVE)
    assert store_slots(member) == 0


def test_a_card_that_met_a_cap_is_decided_again_the_next_day():
    member = joined(store_with(FIRST), 7)
    for _number in range(2):
        other_message(member.person, member.store)
    run_at(TEN)
    held = only_card_of(member)
    assert (held.status, held.reason) == (MessageStatus.SUPPRESSED, SuppressionReason.STORE_CAP)
    run_at(TEN + days(1))
    assert [card.status for card in cards_of(member, TODAY + days(1))] == [MessageStatus.PENDING]


def is_held_out(member: Member, scenario: str, percent: int) -> bool:
    return int(md5(f"{member.person_id}:{scenario}".encode(), usedforsecurity=False).hexdigest()[:8], 16) % 10_000 < percent * 100


@pytest.mark.parametrize("percent", [0, 20, 50])
def test_the_hold_out_group_follows_from_person_and_scenario_and_is_never_messaged(percent):
    store = store_with(FIRST, holdout_percent=percent)
    members = [joined(store, 7) for _number in range(60)]
    for later in range(3):
        run_at(TEN + days(later))
        dispatch(now=TEN + days(later))
    for member in members:
        card = only_card_of(member)
        if is_held_out(member, FIRST, percent):
            assert (card.status, card.reason) == (MessageStatus.SUPPRESSED, SuppressionReason.HELD_OUT)
            assert store_slots(member) == 0
        else:
            assert card.status == MessageStatus.SENT
    run = LifecycleRun.objects.get(local_day=TODAY)
    held = sum(is_held_out(member, FIRST, percent) for member in members)
    assert (run.due_count, run.held_out_count) == (60, held)
    assert percent == 0 or held > 0


def test_nobody_moves_between_the_groups_and_a_larger_share_keeps_the_smaller_one():
    store = store_with(FIRST, holdout_percent=20)
    members = [joined(store, 7) for _number in range(60)]
    run_at(TEN)
    first = {card.person_id for card in Message.objects.filter(reason="held_out")}
    Message.objects.all().delete()
    set_lifecycle(store=store, scenario=FIRST, enabled=True, holdout_percent=40, by=None, now=TEN)
    run_at(TEN + days(1))
    second = {card.person_id for card in Message.objects.filter(reason="held_out")}
    assert first < second < {member.person_id for member in members}


def test_switching_off_cancels_what_waits_and_closes_nothing_else():
    store = store_with(FIRST)
    member = joined(store, 7)
    run_at(TEN)
    set_lifecycle(store=store, scenario=FIRST, enabled=False, by=None, now=TEN)
    card = only_card_of(member)
    assert (card.status, card.reason, store_slots(member)) == (MessageStatus.CANCELLED, SuppressionReason.SETTING_OFF, 0)
    run_at(TEN + days(1))
    assert len(cards_of(member)) == 1


def test_a_store_switched_on_after_its_time_starts_the_next_day():
    store = make_store()
    member = joined(store, 9)
    store_with(FIRST, store=store, now=TEN.replace(hour=11))
    run_at(TEN.replace(hour=12))
    assert cards_of(member) == []
    run_at(TEN + days(1))
    assert only_card_of(member).local_day == TODAY + days(1)


def test_chunks_of_members_go_on_where_the_last_one_stopped(monkeypatch):
    monkeypatch.setattr("campaigns.services.lifecycle_runs.CHUNK_MEMBERS", 2)
    store = store_with(FIRST)
    members = [joined(store, 7) for _number in range(5)]
    assert run_at(TEN).chunks >= 3
    assert all(only_card_of(member).status == MessageStatus.PENDING for member in members)
    run = LifecycleRun.objects.get()
    assert (run.status, run.due_count) == (RunStatus.DONE, 5)


def test_the_level_change_goes_first_where_slots_are_short():
    store = store_with(LEVEL)
    store_with(DORMANT, store=store)
    make_level(store, name="银卡", threshold=1)
    member = joined(store, 300)
    level_of(member, "银卡", TEN - days(1))
    other_message(member.person, member.store, scenario=FIRST)
    run_at(TEN)
    assert [(card.scenario, card.status) for card in cards_of(member) if card.scenario in (LEVEL, DORMANT)] == [
        (LEVEL, MessageStatus.PENDING),
        (DORMANT, MessageStatus.SUPPRESSED),
    ]


@pytest.mark.django_db(transaction=True)
def test_two_runners_at_once_decide_nobody_twice(monkeypatch):
    monkeypatch.setattr("campaigns.services.lifecycle_runs.CHUNK_MEMBERS", 5)
    stores = [store_with(FIRST), store_with(FIRST)]
    members = [joined(store, 7) for store in stores for _number in range(12)]
    open_lifecycle_runs(now=TEN)
    start = Barrier(2)

    def runner() -> None:
        try:
            start.wait()
            while decide_lifecycle_chunk(now=TEN) is not None:
                pass
        finally:
            connection.close()

    threads = [Thread(target=runner) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while decide_lifecycle_chunk(now=TEN) is not None:
        pass
    assert all(len(cards_of(member)) == 1 and store_slots(member) == 1 for member in members)
    assert sum(run.due_count for run in LifecycleRun.objects.all()) == 24
