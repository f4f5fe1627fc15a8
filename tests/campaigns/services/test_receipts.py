"""What a receipt changes beside being counted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.tenancy.models import Store
from campaigns.choices import MessageStatus
from campaigns.models import Message, Receipt, ReminderClock
from campaigns.services.ending import end_messages, end_past_days
from campaigns.services.receipts import ReceiptLine, ReceiptSummary, record_receipts
from members.models import Member
from tests.campaigns.delivery import last_card_of, reload, waiting_card
from tests.campaigns.reminders import TEN, TODAY, other_message, person_slots, store_slots, store_with_reminders
from tests.factories import make_member, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> Store:
    return store_with_reminders("S1")


@pytest.fixture
def member(store: Store) -> Member:
    return make_member(store)


def unknown_card(member: Member) -> Message:
    ReminderClock.objects.create(member=member, store=member.store, last_sent_on=TODAY)
    return waiting_card(member, status=MessageStatus.UNKNOWN, error="no_answer", in_doubt=True, attempt_count=8)


def came(message: Message, event: str, *, minutes: int = 5) -> ReceiptSummary:
    line = ReceiptLine(str(message.pk), event, TEN + timedelta(minutes=minutes), "gw-1")
    return record_receipts(store=message.store, receipts=[line], now=TEN + timedelta(minutes=10))


@pytest.mark.parametrize("event", ["delivered", "opened", "clicked"])
def test_proof_of_arrival_settles_an_unknown_message(member: Member, event: str) -> None:
    message = unknown_card(member)
    came(message, event)
    message = reload(message)
    assert (message.status, message.sent_at, message.provider_id, message.error, message.in_doubt) == ("SENT", TEN + timedelta(minutes=5), "gw-1", "", False)
    assert (store_slots(member), last_card_of(member)) == (1, TODAY)


def test_proof_of_arrival_settles_a_waiting_message_in_doubt(member: Member) -> None:
    """Its answer was lost: it need not be handed over again."""
    message = waiting_card(member, in_doubt=True, attempt_count=1)
    came(message, "delivered")
    assert (reload(message).status, last_card_of(member), store_slots(member)) == ("SENT", TODAY, 1)


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", "MISSED", "SENT"])
def test_settled_messages_stay_as_they_are(member: Member, status: str) -> None:
    message = waiting_card(member, status=status, sent_at=TEN if status == "SENT" else None)
    assert came(message, "delivered").recorded == 1
    assert reload(message).status == status


def test_a_waiting_message_without_an_attempt_stays_waiting(member: Member) -> None:
    message = waiting_card(member)
    came(message, "delivered")
    assert reload(message).status == "PENDING"


def test_a_receipt_of_days_later_puts_the_sending_on_its_own_day(member: Member) -> None:
    message = unknown_card(member)
    came(message, "delivered", minutes=3 * 24 * 60)
    assert reload(message).sent_at == TEN + timedelta(minutes=10), "not later than it was learned"
    assert last_card_of(member) == TODAY


def test_failed_frees_an_unknown_message_and_its_clock(member: Member) -> None:
    message = unknown_card(member)
    came(message, "failed")
    assert (reload(message).status, message.error) == ("FAILED", "receipt")
    assert (store_slots(member), person_slots(member.person), last_card_of(member)) == (0, 0, None)


def test_failed_turns_the_clock_back_to_the_card_before(member: Member) -> None:
    before = TODAY - timedelta(days=40)
    waiting_card(member, day=before, status="SENT", sent_at=TEN - timedelta(days=40))
    message = unknown_card(member)
    came(message, "failed")
    assert (reload(message).status, last_card_of(member)) == ("FAILED", before)


def test_failed_that_came_while_it_waited_counts_when_it_becomes_unknown(member: Member) -> None:
    message = waiting_card(member, in_doubt=True, attempt_count=1)
    came(message, "failed")
    assert reload(message).status == "PENDING"
    assert end_messages({message.pk: "attempts"}, status=MessageStatus.UNKNOWN).by_status == {"FAILED": 1}
    assert (reload(message).status, message.error) == ("FAILED", "receipt")
    assert (store_slots(member), person_slots(member.person), last_card_of(member)) == (0, 0, None)


def test_failed_that_came_while_it_waited_counts_when_its_day_ends(member: Member) -> None:
    message = waiting_card(member, in_doubt=True, attempt_count=1)
    came(message, "failed")
    assert end_past_days(now=TEN + timedelta(days=1)).by_status == {"FAILED": 1}
    assert (reload(message).status, store_slots(member), last_card_of(member)) == ("FAILED", 0, None)


@pytest.mark.parametrize(("event", "status"), [("failed", "FAILED"), ("delivered", "SENT")])
def test_a_repeated_receipt_settles_what_is_open_now(member: Member, event: str, status: str) -> None:
    message = unknown_card(member)
    Receipt.objects.create(store=message.store, message=message, event=event, happened_at=TEN, received_at=TEN)
    assert came(message, event) == ReceiptSummary(recorded=0, repeated=1, unknown=0)
    assert reload(message).status == status


def test_failed_does_not_free_what_was_seen_to_arrive(member: Member) -> None:
    message = unknown_card(member)
    Receipt.objects.create(store=message.store, message=message, event="opened", happened_at=TEN, received_at=TEN)
    came(message, "failed")
    assert (reload(message).status, store_slots(member)) == ("UNKNOWN", 1)


def test_failed_of_before_a_retry_says_nothing_about_the_attempts_since(member: Member) -> None:
    message = waiting_card(member, in_doubt=True, attempt_count=1, first_attempt_at=TEN + timedelta(hours=1))
    Receipt.objects.create(store=message.store, message=message, event="failed", happened_at=TEN, received_at=TEN)
    end_messages({message.pk: "attempts"}, status=MessageStatus.UNKNOWN)
    assert (reload(message).status, store_slots(member)) == ("UNKNOWN", 1)


def test_failed_after_a_sent_message_is_only_counted(member: Member) -> None:
    message = waiting_card(member, status="SENT", sent_at=TEN)
    came(message, "failed")
    assert (reload(message).status, store_slots(member)) == ("SENT", 1)
    assert Receipt.objects.get().event == "failed"


def test_unsubscribing_from_a_credit_card_clears_only_that_choice(member: Member) -> None:
    message = waiting_card(member, status="SENT", sent_at=TEN)
    came(message, "unsubscribed")
    member.refresh_from_db()
    assert (member.credit_cards_on, member.marketing_consent) == (False, True)
    assert AuditEvent.objects.get(verb="credit_cards.switched").target_id == member.pk
    came(message, "unsubscribed")
    assert AuditEvent.objects.filter(verb="credit_cards.switched").count() == 1


def test_unsubscribing_from_marketing_clears_only_that_consent(member: Member) -> None:
    message = other_message(member.person, member.store, member=member)
    came(message, "unsubscribed")
    member.refresh_from_db()
    assert (member.credit_cards_on, member.marketing_consent, member.consent_source) == (True, False, "MEMBER")


def test_unsubscribing_twice_over_two_messages_is_harmless(member: Member) -> None:
    for day in (TODAY, TODAY - timedelta(days=31)):
        came(waiting_card(member, day=day, status="SENT", sent_at=TEN), "unsubscribed")
    assert AuditEvent.objects.filter(verb="credit_cards.switched").count() == 1


def test_unsubscribing_over_two_messages_in_one_call_is_harmless(member: Member) -> None:
    cards = [waiting_card(member, day=day, status="SENT", sent_at=TEN) for day in (TODAY, TODAY - timedelta(days=31))]
    lines = [ReceiptLine(str(card.pk), "unsubscribed", TEN) for card in cards]
    assert record_receipts(store=member.store, receipts=lines, now=TEN).recorded == 2
    assert AuditEvent.objects.filter(verb="credit_cards.switched").count() == 1


def test_unsubscribing_under_a_message_to_somebody_who_is_no_member(member: Member, store: Store) -> None:
    message = other_message(make_person(), store)
    assert came(message, "unsubscribed").recorded == 1
