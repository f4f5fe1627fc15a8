"""Short words for reminder tests: a store whose reminders are on at 10:00, members with credit, the run of a moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from backoffice.kernel import clock
from backoffice.kernel.tenancy.models import Store
from campaigns.choices import MessageStatus, ScenarioCode
from campaigns.models import Message, PersonDayCounter, ReminderClock, StoreDayCounter
from campaigns.services.caps import take_slots
from campaigns.services.runs import RunSummary, run_reminders
from campaigns.services.settings import set_reminder
from members.models import Member, Person
from members.services.credit import top_up
from tests.factories import make_member, make_store

_serial = count(1)
TODAY = date(2026, 11, 22)
TEN = datetime(2026, 11, 22, 10, 0, tzinfo=clock.local_zone())
LONG_AGO = TEN - timedelta(days=400)


def days(number: int) -> timedelta:
    return timedelta(days=number)


def end_of(day: date) -> datetime:
    """The instant at which credit that may be used through ``day`` lapses."""
    return clock.day_end(day)


def store_with_reminders(code: str | None = None, *, at: time = time(10, 0), on_since: datetime = LONG_AGO, **fields: Any) -> Store:
    store = make_store(code, **fields)
    set_reminder(store=store, enabled=True, send_time=at, by=None, now=on_since)
    return store


def give(member: Member, principal: str, bonus: str = "0", *, expires_at: datetime | None = None, opened_at: datetime = LONG_AGO) -> None:
    number = next(_serial)
    top_up(
        member=member,
        source_no=f"R{number}",
        principal=Decimal(principal),
        bonus=Decimal(bonus),
        opened_at=opened_at,
        expires_at=expires_at,
        idempotency_key=f"reminder-test-{number}",
        by=None,
        now=opened_at,
    )


def member_with_credit(store: Store, *lots: tuple[str, datetime | None], person: Person | None = None, last_card: date | None = None, **fields: Any) -> Member:
    """A member who has the lots (principal, expires at); one lot of 65 yuan without end when none is named."""
    member = make_member(store, person=person, joined_at=LONG_AGO, **fields)
    for principal, expires_at in lots or (("65.00", None),):
        give(member, principal, expires_at=expires_at)
    if last_card:
        ReminderClock.objects.create(member=member, store=store, last_sent_on=last_card)
    return member


def run_at(moment: datetime, *, stores: Sequence[Store] | None = None) -> RunSummary:
    return run_reminders(now=lambda: moment, store_ids=None if stores is None else [store.pk for store in stores])


def cards_of(member: Member, day: date | None = None) -> list[Message]:
    found = Message.objects.filter(member=member).order_by("pk")
    return list(found.filter(local_day=day) if day else found)


def only_card_of(member: Member) -> Message:
    (card,) = cards_of(member)
    return card


def other_message(
    person: Person,
    store: Store,
    day: date = TODAY,
    *,
    scenario: str = ScenarioCode.LEVEL_CHANGE,
    status: str = MessageStatus.SENT,
    member: Member | None = None,
) -> Message:
    """A message of another scenario that took its slots, as its own service would have."""
    assert take_slots(store_id=store.pk, person_id=person.pk, local_day=day) is None
    at = clock.at_local(day, time(9, 0))
    return Message.objects.create(
        store=store,
        person=person,
        member=member,
        scenario=scenario,
        occasion=next(_serial),
        local_day=day,
        status=status,
        decided_at=at,
        sent_at=at if status == MessageStatus.SENT else None,
    )


def store_slots(member: Member, day: date = TODAY) -> int:
    found = StoreDayCounter.objects.filter(store=member.store, person=member.person, local_day=day).first()
    return found.used if found else 0


def person_slots(person: Person, day: date = TODAY) -> int:
    found = PersonDayCounter.objects.filter(person=person, local_day=day).first()
    return found.used if found else 0


def mark_sent(message: Message, at: datetime) -> None:
    """What the dispatcher records when the gateway took a card."""
    Message.objects.filter(pk=message.pk).update(status=MessageStatus.SENT, sent_at=at)
    if message.member_id:
        ReminderClock.objects.update_or_create(member_id=message.member_id, defaults={"store_id": message.store_id, "last_sent_on": clock.local_day(at)})
