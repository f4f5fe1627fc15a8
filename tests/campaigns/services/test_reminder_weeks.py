"""Weeks of runs with every outcome that a gateway may bring, other messages, switches and members who come and go: the rules hold on each day."""

from __future__ import annotations

import random
from collections import Counter
from datetime import time, timedelta
from itertools import pairwise

import pytest

from backoffice.kernel import clock
from backoffice.kernel.invariants import find_breaches
from campaigns.choices import PERIODIC_CARDS, SLOT_HOLDING, MessageStatus
from campaigns.models import Message, PersonDayCounter, StoreDayCounter
from campaigns.services.caps import take_slots
from campaigns.services.ending import end_messages, end_past_days, note_cards_sent
from campaigns.services.settings import set_reminder
from members.models import Member
from tests.campaigns.reminders import TEN, days, end_of, member_with_credit, run_at, store_with_reminders
from tests.factories import make_person, make_store

WEEKS = 9


class Weeks:
    """One made-up history. What was reached is counted, so that an empty test is noticed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.stores = [store_with_reminders() for _ in range(4)]
        self.elsewhere = [make_store() for _ in range(4)]
        people = [make_person() for _ in range(5)]
        self.members = [
            member_with_credit(store, ("65.00", None), ("20.00", end_of(clock.local_day(TEN) + days(self.chance.randrange(70)))), person=person)
            for store in self.stores
            for person in people
        ]
        self.people = people
        self.reached: Counter[str] = Counter()
        self.serial = 0

    def live_through(self, number: int) -> None:
        moment = TEN + days(number)
        end_past_days(now=moment)
        self._other_messages(moment)
        self._switches(moment)
        for _ in range(2):
            run_at(moment)
        self._outcomes(moment)

    def _other_messages(self, moment) -> None:
        day = clock.local_day(moment)
        for person in self.people:
            for store in [*self.stores, *self.elsewhere]:
                for _ in range(self.chance.choice([0, 0, 1, 2])):
                    if take_slots(store_id=store.pk, person_id=person.pk, local_day=day) is not None:
                        continue
                    self.serial += 1
                    Message.objects.create(
                        store=store,
                        person=person,
                        scenario="LEVEL_CHANGE",
                        occasion=self.serial,
                        local_day=day,
                        status=MessageStatus.SENT,
                        decided_at=moment,
                        sent_at=moment,
                    )

    def _switches(self, moment) -> None:
        if self.chance.random() < 0.1:
            store = self.chance.choice(self.stores)
            for enabled in (False, True):
                set_reminder(store=store, enabled=enabled, send_time=time(10, 0), by=None, now=moment - timedelta(minutes=5))
        member = self.chance.choice(self.members)
        Member.objects.filter(pk=member.pk).update(status=self.chance.choice(["ACTIVE", "ACTIVE", "FROZEN"]))

    def _outcomes(self, moment) -> None:
        for message in Message.objects.filter(status=MessageStatus.PENDING, local_day=clock.local_day(moment)):
            outcome = self.chance.choices(["SENT", "UNKNOWN", "FAILED", "doubt", "PENDING"], [6, 1, 1, 1, 1])[0]
            self.reached[outcome] += 1
            if outcome == "SENT":
                Message.objects.filter(pk=message.pk).update(status="SENT", sent_at=moment)
                note_cards_sent([message.pk])
            elif outcome in ("UNKNOWN", "FAILED"):
                end_messages({message.pk: "x"}, status=MessageStatus(outcome))
            elif outcome == "doubt":
                Message.objects.filter(pk=message.pk).update(in_doubt=True, attempt_count=1)

    def check(self) -> None:
        assert find_breaches() == []
        assert all(counter.used <= 2 for counter in StoreDayCounter.objects.all())
        assert all(counter.used <= 10 for counter in PersonDayCounter.objects.all())
        went: dict[int, list[Message]] = {}
        for card in Message.objects.filter(scenario__in=PERIODIC_CARDS, status__in=SLOT_HOLDING).order_by("local_day"):
            went.setdefault(card.member_id, []).append(card)
        for cards in went.values():
            gaps = [(after.local_day - before.local_day).days for before, after in pairwise(cards)]
            assert all(gap >= 30 for gap in gaps), gaps


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_weeks_of_reminders_keep_every_rule(seed):
    weeks = Weeks(seed)
    for number in range(WEEKS * 7):
        if number % 3 == 0:
            weeks.live_through(number)
    weeks.check()
    reasons = set(Message.objects.exclude(reason="").values_list("reason", flat=True))
    assert {"store_cap", "platform_cap", "missed_day"} <= reasons
    assert set(weeks.reached) == {"SENT", "UNKNOWN", "FAILED", "doubt", "PENDING"}
    assert Message.objects.filter(scenario="EXPIRY_REMINDER").exists()
