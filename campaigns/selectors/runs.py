"""What became of a run: its own figures, and the cards' states counted from the messages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count

from campaigns.choices import PERIODIC_CARDS, ScenarioCode
from campaigns.models import Message, ReminderRun

DAYS_SHOWN = 14


@dataclass(frozen=True)
class RunOutcome:
    """Cards of one run by (status, reason) and by (scenario, status)."""

    by_status: Counter[str]
    by_reason: Counter[str]
    by_scenario: Counter[str]


def get_outcome(run: ReminderRun) -> RunOutcome:
    """One statement over the cards of the run's store and day."""
    cards = Message.objects.filter(store=run.store_id, local_day=run.local_day, scenario__in=PERIODIC_CARDS)
    by_status: Counter[str] = Counter()
    by_reason: Counter[str] = Counter()
    by_scenario: Counter[str] = Counter()
    for status, reason, scenario, number in cards.values_list("status", "reason", "scenario").annotate(number=Count("pk")):
        by_status[status] += number
        by_scenario[scenario] += number
        if reason:
            by_reason[reason] += number
    return RunOutcome(by_status, by_reason, by_scenario)


def count_notices(run: ReminderRun) -> int:
    """Notices after payment of the run's store and day, sent and held back. They are decided by the payments, not by the run."""
    return Message.objects.filter(store=run.store_id, local_day=run.local_day, scenario=ScenarioCode.AFTER_PAYMENT).count()


def list_runs_before(run: ReminderRun, days: int = DAYS_SHOWN) -> list[ReminderRun]:
    """The store's runs of the ``days`` up to this one, oldest first."""
    since = run.local_day - timedelta(days=days - 1)
    return list(ReminderRun.objects.filter(store=run.store_id, local_day__gte=since, local_day__lte=run.local_day).order_by("local_day"))
