"""What must hold after every fault, however things went. The gateway's own log is the judge, not our tables."""

from __future__ import annotations

from collections import Counter

from django.db.models import Count

from backoffice.demo.gateway import Delivery, DemoGateway
from campaigns.choices import SLOT_HOLDING
from campaigns.models import Message, PersonDayCounter, ReminderClock, StoreDayCounter


def assert_nothing_broken(gateway: DemoGateway) -> None:
    """No key twice, nobody above a cap, one periodic card a day and store; counters equal the messages that hold a slot."""
    people = {str(pk): person for pk, person in Message.objects.values_list("pk", "person_id")}

    def person_of(delivery: Delivery) -> int:
        return people[delivery.id]

    assert gateway.breaches(person_of=person_of) == []
    assert gateway.breaches() == []
    holding = Message.objects.filter(status__in=SLOT_HOLDING)
    by_person = {(person, day): slots for person, day, slots in holding.values_list("person", "local_day").annotate(slots=Count("pk"))}
    assert by_person == {(counter.person_id, counter.local_day): counter.used for counter in PersonDayCounter.objects.all() if counter.used}
    by_store = {(store, person, day): slots for store, person, day, slots in holding.values_list("store", "person", "local_day").annotate(slots=Count("pk"))}
    assert by_store == {(row.store_id, row.person_id, row.local_day): row.used for row in StoreDayCounter.objects.all() if row.used}


def assert_all_handed_over(gateway: DemoGateway, expected: int) -> None:
    """Nothing lost: every message is sent in our table and delivered once in the log, with the gateway's number, and its clock stands."""
    assert Counter(Message.objects.exclude(status="SUPPRESSED").values_list("status", flat=True)) == {"SENT": expected}
    deliveries = gateway.delivered
    assert len(deliveries) == expected
    numbers = {str(pk): number for pk, number in Message.objects.filter(status="SENT").values_list("pk", "provider_id")}
    assert {delivery.id: delivery.provider_id for delivery in deliveries} == numbers
    assert ReminderClock.objects.count() == Message.objects.filter(status="SENT").values("member").distinct().count()
