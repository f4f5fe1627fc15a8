"""Why a lifecycle message did not go: the reason of each of the four, and the rule, the group and the hours that stopped it."""

from __future__ import annotations

from datetime import time

import pytest
from django.utils.translation import override

from campaigns.choices import SuppressionReason
from campaigns.models import Message
from campaigns.selectors.why_not import NOT_DECIDED, get_why_not
from campaigns.selectors.why_not_words import explain
from campaigns.services.lifecycle_settings import OwnRule, set_lifecycle
from members.choices import MemberStatus
from members.models import Member
from tests.campaigns.lifecycle import AGAIN, DORMANT, FIRST, LEVEL, joined, order, put, store_with
from tests.campaigns.reminders import TEN, TODAY, days, mark_sent, only_card_of, run_at

pytestmark = pytest.mark.django_db


def answer(member, scenario, day=TODAY, now=TEN):
    member = Member.objects.select_related("store").get(pk=member.pk)
    return next(one for one in get_why_not(member, day, now=now, all_stores=True) if one.scenario == scenario)


def test_a_store_that_never_set_them_is_not_asked_about_them():
    member = joined(store_with(FIRST), 9)
    assert {one.scenario for one in get_why_not(Member.objects.get(pk=member.pk), TODAY, now=TEN, all_stores=True)} & {DORMANT, LEVEL, AGAIN} == set()


@pytest.mark.parametrize(
    ("scenario", "change", "reason"),
    [
        (FIRST, lambda member: None, SuppressionReason.TOO_SOON),
        (FIRST, lambda member: order(member, 1), SuppressionReason.HAS_ORDERED),
        (AGAIN, lambda member: None, SuppressionReason.NO_ORDER),
        (AGAIN, lambda member: order(member, 1), SuppressionReason.TOO_SOON),
        (DORMANT, lambda member: None, SuppressionReason.TOO_SOON),
        (LEVEL, lambda member: None, SuppressionReason.NO_LEVEL_CHANGE),
        (FIRST, lambda member: Member.objects.filter(pk=member.pk).update(marketing_consent=False), SuppressionReason.NO_CONSENT),
        (FIRST, lambda member: Member.objects.filter(pk=member.pk).update(status=MemberStatus.BLACKLISTED), SuppressionReason.NOT_ACTIVE),
    ],
)
def test_the_reason_that_kept_it_from_being_due(scenario, change, reason):
    member = joined(store_with(scenario), 5)
    change(member)
    run_at(TEN)
    found = answer(member, scenario)
    assert (found.outcome, found.reason) == (NOT_DECIDED, reason)
    assert explain(found)


def test_switched_off_is_told_as_it_was_at_that_moment():
    store = store_with(FIRST)
    member = joined(store, 3)
    set_lifecycle(store=store, scenario=FIRST, enabled=False, by=None, now=TEN - days(1))
    assert answer(member, FIRST).reason == SuppressionReason.SETTING_OFF
    assert answer(member, FIRST, TODAY - days(2)).reason == SuppressionReason.TOO_SOON


def test_a_rule_that_stopped_it_is_named_with_what_it_counted():
    member = joined(store_with(DORMANT, rule=OwnRule(cap=1, window_days=60)), 200)
    put(member, DORMANT, TODAY - days(5))
    run_at(TEN)
    found = answer(member, DORMANT)
    assert (found.outcome, found.reason, len(found.takers)) == ("SUPPRESSED", SuppressionReason.RULE_CAP, 1)
    with override("en"):
        assert "allows 1 messages of this kind from this store in 60 days, and this person had 1" in explain(found)


def test_who_is_held_out_is_told_so_on_that_day_and_after():
    member = joined(store_with(FIRST), 9)
    run_at(TEN)
    Message.objects.update(status="SUPPRESSED", reason="held_out")
    assert answer(member, FIRST).reason == SuppressionReason.HELD_OUT
    run_at(TEN + days(1))
    later = answer(member, FIRST, TODAY + days(1), TEN + days(1))
    assert (later.outcome, later.reason, later.facts["on"]) == (NOT_DECIDED, SuppressionReason.HELD_OUT, TODAY.isoformat())


def test_quiet_hours_are_told_with_their_end():
    member = joined(store_with(FIRST, rule=OwnRule(quiet_from=time(22), quiet_until=time(8))), 9)
    at = TEN.replace(hour=23)
    run_at(at)
    found = answer(member, FIRST, now=at)
    assert (found.outcome, found.reason) == (NOT_DECIDED, SuppressionReason.QUIET_HOURS)
    assert "2026-11-23" in explain(found)


def test_told_already_and_still_ahead():
    member = joined(store_with(FIRST), 9)
    assert answer(member, FIRST, now=TEN.replace(hour=8)).facts["run"] == "ahead"
    run_at(TEN)
    mark_sent(only_card_of(member), TEN)
    assert answer(member, FIRST, TODAY + days(1), TEN + days(1)).reason == SuppressionReason.TOLD
