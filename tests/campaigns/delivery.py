"""Short words for delivery tests: a store behind a gateway, messages that wait with their slots taken, what became of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import connection

from backoffice.demo.gateway import DemoGateway
from backoffice.kernel.tenancy.models import Store
from campaigns.choices import ScenarioCode
from campaigns.models import Message, ReminderClock
from campaigns.scenarios.base import SCENARIOS
from campaigns.selectors.due import occasion_of
from campaigns.services.caps import take_slots
from members.models import Member, Person
from tests.campaigns.reminders import TEN, TODAY, store_with_reminders
from tests.factories import make_member


def store_behind(gateway: DemoGateway, code: str | None = None, **fields: Any) -> Store:
    return store_with_reminders(code, gateway_url=gateway.url, **fields)


def waiting_card(member: Member, *, day: date = TODAY, scenario: str = ScenarioCode.BALANCE_REMINDER, **fields: Any) -> Message:
    """A card as the decision leaves it: waiting, its slots of both caps taken."""
    assert take_slots(store_id=member.store_id, person_id=member.person_id, local_day=day) is None
    return Message.objects.create(
        store_id=member.store_id,
        person_id=member.person_id,
        member=member,
        scenario=scenario,
        occasion=occasion_of(day),
        local_day=day,
        decided_at=fields.pop("decided_at", TEN),
        language=member.language,
        params=fields.pop("params", dict(SCENARIOS.get(scenario).sample)),
        **fields,
    )


def waiting_cards(store: Store, number: int, *, day: date = TODAY) -> list[Message]:
    people = Person.objects.bulk_create([Person() for _ in range(number)])
    return [waiting_card(make_member(store, person=person), day=day) for person in people]


def reload(message: Message) -> Message:
    message.refresh_from_db()
    return message


def due_again(*messages: Message) -> None:
    """As if the pause before the next attempt were over."""
    Message.objects.filter(pk__in=[message.pk for message in messages]).update(next_attempt_at=None)


def lease_ends(*messages: Message) -> None:
    """As if the time of whoever leased them were over."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_message SET lease_until = clock_timestamp() - interval '1 second' WHERE id = ANY(%s)", [[message.pk for message in messages]]
        )


def last_card_of(member: Member) -> date | None:
    clock = ReminderClock.objects.filter(member=member).first()
    return clock.last_sent_on if clock else None


YESTERDAY = TODAY - timedelta(days=1)
