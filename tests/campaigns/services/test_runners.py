"""Runners that meet each other or are killed, as processes of their own: nothing lost, nothing twice."""

from __future__ import annotations

import signal
from collections import Counter

import pytest
from django.db.models import Count

from backoffice.kernel.tenancy.models import Store
from campaigns.choices import MessageStatus
from campaigns.models import Message, PersonDayCounter, ReminderRun, StoreDayCounter
from members.models import Person
from tests.campaigns.processes import run_command, start_command
from tests.campaigns.reminders import TEN, member_with_credit, other_message, store_with_reminders
from tests.factories import make_person, make_store

pytestmark = pytest.mark.django_db(transaction=True)
RUN = ("run_reminders", "--now", TEN.isoformat(), "--json")
POINTS = ["reminders.before_decision", "reminders.after_decision", "reminders.before_cursor", "reminders.before_commit", "reminders.between_chunks"]


def make_situation() -> tuple[list[Store], list[Person]]:
    """Six stores that share their people; one person is at 8 of 10, one at 2 of 2 in one store."""
    stores, people = [store_with_reminders() for _ in range(6)], [make_person() for _ in range(5)]
    for store in stores:
        for person in people:
            member_with_credit(store, person=person)
    for elsewhere in [make_store() for _ in range(4)]:
        for _ in range(2):
            other_message(people[0], elsewhere)
    for _ in range(2):
        other_message(people[1], stores[0])
    return stores, people


def assert_decided_once(stores: list[Store], people: list[Person]) -> None:
    """Every member has exactly one card; caps hold; counters equal the messages that hold a slot."""
    cards = Message.objects.filter(store__in=stores, scenario="BALANCE_REMINDER")
    assert cards.count() == cards.values("store", "person").distinct().count() == 30
    outcome = Counter(cards.values_list("status", "reason"))
    assert outcome == {(MessageStatus.PENDING, ""): 25, (MessageStatus.SUPPRESSED, "platform_cap"): 4, (MessageStatus.SUPPRESSED, "store_cap"): 1}
    holding = Message.objects.filter(status__in=["PENDING", "SENT", "UNKNOWN"])
    by_person = dict(holding.values_list("person").annotate(slots=Count("pk")))
    assert by_person == {counter.person_id: counter.used for counter in PersonDayCounter.objects.all() if counter.used}
    by_store = {(store, person): slots for store, person, slots in holding.values_list("store", "person").annotate(slots=Count("pk"))}
    assert by_store == {(counter.store_id, counter.person_id): counter.used for counter in StoreDayCounter.objects.all() if counter.used}
    assert by_person[people[0].pk] == 10
    runs = ReminderRun.objects.all()
    assert [run.status for run in runs] == ["DONE"] * 6
    assert (sum(run.due_count for run in runs), sum(run.balance_count for run in runs)) == (30, 25)
    assert (sum(run.platform_cap_count for run in runs), sum(run.store_cap_count for run in runs)) == (4, 1)


@pytest.mark.parametrize("point", POINTS)
def test_a_runner_killed_during_the_decision_is_finished_by_the_next(point):
    stores, people = make_situation()
    code, answer, _ = run_command(*RUN, crash_at=point)
    assert (code, answer) == (-signal.SIGKILL, None)
    if point != "reminders.between_chunks":
        assert not Message.objects.filter(scenario="BALANCE_REMINDER").exists()
    code, answer, _ = run_command(*RUN)
    assert code == 0
    assert_decided_once(stores, people)
    code, answer, _ = run_command(*RUN)
    assert (code, answer["due"], answer["decided"], answer["suppressed"]) == (0, 0, {}, {})
    assert_decided_once(stores, people)


def test_two_runners_at_once():
    stores, people = make_situation()
    answers = []
    runners = [start_command(*RUN) for _ in range(3)]
    for runner in runners:
        out, err = runner.communicate(timeout=120)
        assert runner.returncode == 0, err
        answers.append(out)
    assert_decided_once(stores, people)
    assert all('"due"' in answer for answer in answers)
