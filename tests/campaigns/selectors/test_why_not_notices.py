"""Why a payment brought a notice or none: stored ones with their reason, and those that were never owed."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from django.utils import translation

from campaigns.choices import MessageStatus, ScenarioCode
from campaigns.models import Message
from campaigns.selectors.messages import list_message_items
from campaigns.selectors.why_not import NOT_DECIDED, Candidate, get_why_not
from campaigns.selectors.why_not_words import explain
from campaigns.services.settings import set_reminder
from members.models import Member
from tests.campaigns.reminders import LONG_AGO, TEN, TODAY, days, mark_sent, member_with_credit, store_with_reminders
from tests.factories import make_store, make_user
from tests.members.paying import pay

pytestmark = pytest.mark.django_db
LATER = TEN + days(20)
MINUTE = timedelta(minutes=1)


def notices(member: Member, *, all_stores: bool = False, on: int = 0) -> list[Candidate]:
    found = get_why_not(member, TODAY + days(on), now=LATER, all_stores=all_stores)
    return [candidate for candidate in found if candidate.scenario == ScenarioCode.AFTER_PAYMENT]


def told(member: Member) -> list[tuple[str, str, str]]:
    return [(candidate.order_no, candidate.outcome, candidate.reason) for candidate in notices(member)]


def switch(member: Member, on: bool, at) -> None:
    set_reminder(store=member.store, enabled=on, send_time=time(23, 59), by=None, now=at)


def test_every_payment_of_the_day_with_its_outcome() -> None:
    member = member_with_credit(store_with_reminders(), last_card=TODAY)
    for number in range(1, 4):
        pay(member, 20, 5, now=TEN, order_no=f"A{number}")
    pay(member, 20, 0, now=TEN, order_no="no credit")
    pay(member, 20, 5, now=TEN + days(1), paid_at=TEN, order_no="late")
    mark_sent(Message.objects.get(params__order_no="A1"), TEN)
    assert told(member) == [("A1", "SENT", ""), ("A2", "PENDING", ""), ("A3", "SUPPRESSED", "store_cap"), ("late", "SUPPRESSED", "stale")]
    assert [taker.status for taker in notices(member)[2].takers] == ["SENT", "PENDING"]
    assert notices(member, on=1) == []


def test_setting_off_is_worked_out_from_what_was_true_when_it_was_paid() -> None:
    member = member_with_credit(make_store())
    pay(member, 20, 5, now=TEN, order_no="never on")
    switch(member, True, TEN + MINUTE)
    pay(member, 20, 5, now=TEN + 3 * MINUTE, paid_at=TEN + 3 * MINUTE, order_no="on")
    switch(member, False, TEN + 4 * MINUTE)
    pay(member, 20, 5, now=TEN + 6 * MINUTE, order_no="off")
    assert told(member) == [
        ("on", "CANCELLED", "setting_off"),
        ("never on", NOT_DECIDED, "setting_off"),
        ("off", NOT_DECIDED, "setting_off"),
    ]
    with translation.override("en"):
        assert [explain(candidate) for candidate in notices(member)] == [
            "The store switched its reminders off before it was handed over.",
            "The store's reminders are not switched on.",
            "The store's reminders are switched off since 2026-11-22 10:04.",
        ]


def test_switched_on_after_the_payment() -> None:
    member = member_with_credit(make_store())
    switch(member, True, TEN)
    pay(member, 20, 5, now=TEN + MINUTE, paid_at=TEN - MINUTE, order_no="A")
    assert told(member) == [("A", NOT_DECIDED, "setting_off")]
    with translation.override("en"):
        assert explain(notices(member)[0]) == "The store's reminders were switched on only at 2026-11-22 10:00, after this payment."


def test_a_closed_store() -> None:
    member = member_with_credit(make_store())
    switch(member, True, LONG_AGO)
    type(member.store).objects.filter(pk=member.store_id).update(status="CLOSED")
    pay(member, 20, 5, now=TEN, order_no="A")
    member.store.refresh_from_db()
    assert told(member) == [("A", NOT_DECIDED, "store_closed")]
    with translation.override("en"):
        assert explain(notices(member)[0]) == "The store is closed: it sends no notices."


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"status": "SUPPRESSED", "reason": "stale"},
            "The payment became known only at 2026-11-22 10:00. Its notice goes on the day of the payment or not at all.",
        ),
        ({"status": "MISSED", "reason": "missed_day"}, "It was not handed over before midnight. It gave its slot back and does not go on another day."),
        (
            {"status": "SUPPRESSED", "reason": "store_cap", "cap_facts": {"cap": "store_cap", "used": 2, "taken_by": []}},
            "This person had 2 messages from this store that day, which is the limit. It does not go on another day.",
        ),
        (
            {"status": "SUPPRESSED", "reason": "platform_cap", "cap_facts": {"cap": "platform_cap", "used": 10, "taken_by": []}},
            "This person had 10 messages from all stores that day, which is the limit. It does not go on another day.",
        ),
    ],
)
def test_sentences_promise_no_other_day(changes: dict, sentence: str) -> None:
    member = member_with_credit(store_with_reminders())
    pay(member, 20, 5, now=TEN)
    Message.objects.update(**changes)
    with translation.override("en"):
        assert explain(notices(member)[0]) == sentence
    with translation.override("zh-hans"):
        assert explain(notices(member)[0]) != sentence, "there are Chinese words"


def test_the_members_timeline_tells_the_card_and_what_was_held_back() -> None:
    member = member_with_credit(store_with_reminders(name="云杉"))
    pay(member, 20, 5, now=TEN)
    pay(member, 20, 5, now=TEN + days(1), paid_at=TEN)
    mark_sent(Message.objects.get(status=MessageStatus.PENDING), TEN)
    with translation.override("en"):
        held_back, sent = list_message_items(member, make_user(), 10)
    assert (sent.kind, str(sent.title), sent.body) == ("message", "Notice after payment", "您在云杉的订单使用了 5.00 元购物金，购物金余额 60.00 元。")
    assert (held_back.kind, str(held_back.status)) == ("message_held_back", "Held back")
