"""Figures of the review. Each is a queryset first and a number second, so that every number opens the list behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Avg, Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncMonth

from applications.choices import DECIDED_STATES, AppealStatus, CaseState, DecisionKind, DecisionStatus, GateOutcome, Item, RunOutcome, Verdict
from applications.models import Application, ChecklistVerdict, Decision, GateResult, GateRun
from backoffice.kernel.clock import local_zone


def list_decided(since: datetime, until: datetime) -> QuerySet[Application]:
    """Cases that were approved, approved in part or refused in ``since <= closed < until``."""
    return Application.objects.filter(state__in=DECIDED_STATES, closed_at__gte=since, closed_at__lt=until)


def list_approved(since: datetime, until: datetime) -> QuerySet[Application]:
    return list_decided(since, until).filter(state=CaseState.APPROVED)


def list_partial(since: datetime, until: datetime) -> QuerySet[Application]:
    return list_decided(since, until).filter(state=CaseState.PARTIAL)


def list_refused(since: datetime, until: datetime) -> QuerySet[Application]:
    return list_decided(since, until).filter(state=CaseState.REFUSED)


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


def list_appeals_answered(since: datetime, until: datetime) -> QuerySet[Decision]:
    """Rulings whose appeal was answered in the time, whenever they were made."""
    answered = [AppealStatus.UPHELD, AppealStatus.OVERTURNED]
    return Decision.objects.filter(appeal__status__in=answered, appeal__decided_at__gte=since, appeal__decided_at__lt=until)


def list_appeals_won(since: datetime, until: datetime) -> QuerySet[Decision]:
    return list_appeals_answered(since, until).filter(appeal__status=AppealStatus.OVERTURNED)


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
    appeals: int
    appeals_won: int
    refusals: int
    refusal_mix: dict[str, int]
    gate_stops: int
    gate_mix: dict[str, int]


def get_figures(since: datetime, until: datetime) -> Figures:
    """Twelve queries, whatever the size."""
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
        appeals=list_appeals_answered(since, until).count(),
        appeals_won=list_appeals_won(since, until).count(),
        refusals=list_refusals(since, until).count(),
        refusal_mix={item: found[item] for item in Item.values if item in found},
        gate_stops=stops.count(),
        gate_mix=dict(sorted(gates)),
    )


def list_late(since: datetime, until: datetime) -> QuerySet[Application]:
    return list_decided(since, until).filter(is_late=True)


def list_gate_stops_by(gate: str, since: datetime, until: datetime) -> QuerySet[GateRun]:
    """Submissions that this gate, perhaps among others, stopped."""
    failed = GateResult.objects.filter(run=OuterRef("pk"), gate=gate, outcome=GateOutcome.FAIL)
    return list_gate_stops(since, until).filter(Exists(failed))


@dataclass(frozen=True)
class Month:
    """Cases decided in one local month, by outcome, and how many of them in time."""

    first: date
    approved: int
    partial: int
    refused: int
    in_time: int

    @property
    def decided(self) -> int:
        return self.approved + self.partial + self.refused


def decided_by_month(since: datetime, until: datetime) -> list[Month]:
    """Months with at least one decision, in order. One query."""
    rows = list_decided(since, until).annotate(month=TruncMonth("closed_at", tzinfo=local_zone())).order_by("month").values("month")
    counted = rows.annotate(
        approved=Count("pk", filter=Q(state=CaseState.APPROVED)),
        partial=Count("pk", filter=Q(state=CaseState.PARTIAL)),
        refused=Count("pk", filter=Q(state=CaseState.REFUSED)),
        in_time=Count("pk", filter=Q(is_late=False)),
    )
    return [Month(row["month"].date(), row["approved"], row["partial"], row["refused"], row["in_time"]) for row in counted]
