"""The button "try again" of a dead letter."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backoffice.demo.gateway import DemoGateway, FaultKind
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import StateConflict
from campaigns.choices import MessageStatus
from campaigns.models import Message
from campaigns.services.dispatch import dispatch
from campaigns.services.retry import RetryRefused, retry_message
from tests.campaigns.delivery import reload, store_behind, waiting_card
from tests.campaigns.reminders import TEN, TODAY, other_message, person_slots, store_slots
from tests.factories import make_member, make_store, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def dead_letter(gateway: DemoGateway) -> Message:
    message = waiting_card(make_member(store_behind(gateway)))
    gateway.fail_next(FaultKind.REJECT)
    dispatch(now=TEN)
    return reload(message)


def test_it_takes_a_slot_and_is_sent(gateway: DemoGateway, dead_letter: Message) -> None:
    user = make_user()
    assert store_slots(dead_letter.member) == 0
    retry_message(message=dead_letter, by=user, now=TEN)
    waiting = reload(dead_letter)
    assert (waiting.status, waiting.attempt_count, waiting.in_doubt, waiting.first_attempt_at) == ("PENDING", 0, False, None)
    assert (store_slots(waiting.member), person_slots(waiting.person)) == (1, 1)
    event = AuditEvent.objects.get(verb="message.retried")
    assert (event.actor, event.target_id, event.facts["error"].split(":")[0]) == (user, waiting.pk, "rejected")
    assert dispatch(now=TEN).sent == 1
    assert reload(waiting).status == "SENT"


def refused(message: Message, code: str, **when: object) -> None:
    before = Message.objects.filter(pk=message.pk).values().get()
    slots = store_slots(message.member), person_slots(message.person)
    with pytest.raises(RetryRefused) as refusal:
        retry_message(message=message, by=None, now=when.get("now", TEN))
    assert refusal.value.code == code
    assert Message.objects.filter(pk=message.pk).values().get() == before
    assert (store_slots(message.member), person_slots(message.person)) == slots
    assert not AuditEvent.objects.filter(verb="message.retried").exists()


def test_the_stores_cap_holds(dead_letter: Message) -> None:
    for _ in range(2):
        other_message(dead_letter.person, dead_letter.store)
    refused(dead_letter, "store_cap")


def test_the_platforms_cap_holds(dead_letter: Message) -> None:
    for store in [make_store() for _ in range(5)]:
        for _ in range(2):
            other_message(dead_letter.person, store)
    refused(dead_letter, "platform_cap")


def test_another_day_decides_for_itself(dead_letter: Message) -> None:
    refused(dead_letter, "another_day", now=TEN + timedelta(days=1))


@pytest.mark.parametrize("status", [status for status in MessageStatus.values if status != "FAILED"])
def test_only_a_failed_one(gateway: DemoGateway, status: str) -> None:
    message = waiting_card(make_member(store_behind(gateway)), status=status, sent_at=TEN if status == "SENT" else None, reason="store_cap")
    with pytest.raises(StateConflict):
        retry_message(message=message, by=None, now=TEN)
    assert reload(message).status == status


def test_pressed_twice_takes_one_slot(dead_letter: Message) -> None:
    retry_message(message=dead_letter, by=None, now=TEN)
    with pytest.raises(StateConflict):
        retry_message(message=dead_letter, by=None, now=TEN)
    assert store_slots(dead_letter.member, TODAY) == 1
