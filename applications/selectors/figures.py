"""Figures of the review. Each is a queryset first and a number second, so that every number opens the list behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Avg, Count, Exists, OuterRef, QuerySet

from applications.choices import DECIDED_STATES, DecisionKind, DecisionStatus, Item, RunOutcome, Verdict
from applications.models import Application, ChecklistVerdict, Decision, GateRun


def list_decided(since: datetime, until: datetime) -> QuerySet[Application]:
    """Cases that were approved, approved in part or refused in ``since <= closed < until``."""
    return Application.objects.filter(state__in=DECIDED_STATES, closed_at__gte=since, closed_at__lt=until)


def list_in_time(since: datetime, until: datetime) -> QuerySet[Application]:
    return list_decided(since, until).filter(is_late=False)


def list_first_pass(since: datetime, until: datetime) -> QuerySet[Application]:
    """Approved wholly, without a round of changes."""
    return list_decided(since, until).filter(state="APPROVED", round_count=0)


def list_rulings(since: datetime, until: datetime) -> QuerySet[Decision]:
    """Final rulings that took effect in the time and were made by reviewers (not on appeal)."""
    final = Decision.objects.filter(status__in=[DecisionStatus.EXECUTED, DecisionStatus.OVERTURNED], executed_at__gte=since, executed_at__lt=until)
    return final.exclude(kind=DecisionKind.CHANGES_REQUESTED).filter(overrides=None)


def list_overturned(since: datetime, until: datetime) -> QuerySet[Decision]:
    return list_rulings(since, until).filter(status=DecisionStatus.OVERTURNED)


def list_refusals(since: datetime, until: datetime) -> QuerySet[Decision]:
    return list_rulings(since, until).filter(kind=DecisionKind.REFUSED)


def list_refusals_for(item: str, since: datetime, until: datetime) -> QuerySet[Decision]:
    """Refusals on whose checklist the item is failed."""
    failed = ChecklistVerdict.objects.filter(revision=OuterRef("revision"), item=item, answer=Verdict.FAIL)
    return list_refusals(since, until).filter(Exists(failed))


def list_gate_stops(since: datetime, until: datetime) -> QuerySet[GateRun]:
    return GateRun.objects.filter(outcome=RunOutcome.STOPPED, run_at__gte=since, run_at__lt=until)


@dataclass(frozen=True)
class Figures:
    """Counts of the time; ``rounds`` is the average number of requests for changes of decided cases."""

    decided: int
    in_time: int
    first_pass: int
    rounds: float
    rulings: int
    overturned: int
    refusals: int
    refusal_mix: dict[str, int]
    gate_stops: int
    gate_mix: dict[str, int]


def get_figures(since: datetime, until: datetime) -> Figures:
    """Ten queries, whatever the size."""
    decided = list_decided(since, until)
    mix = (
        ChecklistVerdict.objects.filter(answer=Verdict.FAIL, revision__in=list_refusals(since, until).values("revision"))
        .values_list("item")
        .annotate(number=Count("revision", distinct=True))
    )
    stops = list_gate_stops(since, until)
    gates = stops.filter(results__outcome="FAIL").values_list("results__gate").annotate(number=Count("pk", distinct=True))
    found = dict(mix)
    return Figures(
        decided=decided.count(),
        in_time=list_in_time(since, until).count(),
        first_pass=list_first_pass(since, until).count(),
        rounds=float(decided.aggregate(rounds=Avg("round_count"))["rounds"] or 0),
        rulings=list_rulings(since, until).count(),
        overturned=list_overturned(since, until).count(),
        refusals=list_refusals(since, until).count(),
        refusal_mix={item: found[item] for item in Item.values if item in found},
        gate_stops=stops.count(),
        gate_mix=dict(sorted(gates)),
    )
