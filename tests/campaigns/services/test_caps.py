"""Slots of the caps: never a third, never an eleventh, given back once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from campaigns.choices import MessageStatus, SuppressionReason
from campaigns.models import Message, PersonDayCounter, StoreDayCounter
from campaigns.services.caps import give_back_slots, take_slots
from tests.campaigns.reminders import TODAY, other_message, person_slots
from tests.factories import make_person, make_store

WORKERS = 6


def used(store, person):
    counter = StoreDayCounter.objects.filter(store=store, person=person, local_day=TODAY).first()
    return counter.used if counter else 0


@pytest.mark.django_db
def test_third_of_a_store_and_eleventh_overall_are_refused_and_take_nothing():
    person, stores = make_person(), [make_store() for _ in range(6)]
    for store in stores[:5]:
        answers = [take_slots(store_id=store.pk, person_id=person.pk, local_day=TODAY) for _ in range(3)]
        assert answers == [None, None, SuppressionReason.STORE_CAP]
    assert take_slots(store_id=stores[5].pk, person_id=person.pk, local_day=TODAY) == SuppressionReason.PLATFORM_CAP
    assert (used(stores[0], person), used(stores[5], person), person_slots(person)) == (2, 0, 10)


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "key", "cap"), [(StoreDayCounter, {"store_id": 1, "person_id": 1}, 2), (PersonDayCounter, {"person_id": 1}, 10)])
def test_the_database_itself_refuses_more_and_less(model, key, cap):
    model.objects.create(**key, local_day=TODAY, used=cap)
    for wrong in (cap + 1, -1):
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.update(used=wrong)
    assert model.objects.get().used == cap


@pytest.mark.django_db
def test_slots_come_back_only_for_messages_that_hold_none_any_more():
    store, person = make_store(), make_person()
    first, second = (other_message(person, store, status=MessageStatus.PENDING) for _ in range(2))
    Message.objects.filter(pk=first.pk).update(status=MessageStatus.FAILED)
    assert give_back_slots([first.pk, second.pk]) == 1
    assert (used(store, person), person_slots(person)) == (1, 1)
    assert give_back_slots([]) == 0


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_never_pass_a_cap():
    person, stores = make_person(), [make_store() for _ in range(6)]
    start = Barrier(WORKERS)

    def work(number: int) -> list[SuppressionReason | None]:
        start.wait()
        try:
            order = stores[number:] + stores[:number]
            return [take_slots(store_id=store.pk, person_id=person.pk, local_day=TODAY) for store in order for _ in range(2)]
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        answers = [answer for worker in pool.map(work, range(WORKERS)) for answer in worker]
    taken = sum(used(store, person) for store in stores)
    assert answers.count(None) == taken == person_slots(person) <= 10
    assert max(used(store, person) for store in stores) == 2
