"""What an applicant may see of a case: built from named fields only. No note, no reviewer, no hold, no ruling that is not in effect.

Everything that is shown to developers or merchants (pages, API, mail) comes from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from applications.choices import (
    FAILED_LABELS,
    SEEN_OUTSIDE,
    CaseAct,
    CaseState,
    DecisionKind,
    DecisionStatus,
    GateOutcome,
    Item,
    MessageSide,
    StrikeKind,
    StrikeStatus,
)
from applications.content import Content, content_of
from applications.gates.base import GATES, words_of
from applications.models import ApplicantMessage, Application, Bar, Decision, DeveloperStanding, GateRun, MerchantConfirmation, Reason, Revision, Strike
from applications.selectors.numbers import get_numbers
from backoffice.kernel.tenancy.models import Developer

IN_EFFECT = (DecisionStatus.EXECUTED, DecisionStatus.OVERTURNED)


def seen_state(state: str) -> str:
    """The state as people outside see it."""
    return SEEN_OUTSIDE.get(state, state)


@dataclass(frozen=True)
class SeenFinding:
    """One thing that a gate found: its code, its title, fact and fix in the active language."""

    gate: str
    title: str
    fact: str
    fix: str


@dataclass(frozen=True)
class SeenReason:
    """Why something was failed or refused: the rule in words, what was seen, what to do. ``capability`` is a code, empty for the whole case."""

    rule: str
    title: str
    capability: str
    fact: str
    fix: str


@dataclass(frozen=True)
class SeenDecision:
    """A ruling in effect. ``points`` of its strike, 0 without one. ``can_appeal_until`` None: not, or no more."""

    id: int
    kind: str
    executed_at: datetime
    rulings: dict[str, str]
    reasons: Sequence[SeenReason]
    points: int
    can_appeal_until: datetime | None
    appeal_status: str
    appeal_answer: str
    is_overturned: bool


@dataclass(frozen=True)
class SeenMessage:
    """``side`` says from whom; people have no names here."""

    side: str
    text: str
    at: datetime


@dataclass(frozen=True)
class SeenStep:
    """One line of the timeline: the state that was entered, and when."""

    state: str
    at: datetime


@dataclass(frozen=True)
class SeenCase:
    """Everything an applicant's page of a case shows."""

    id: int
    number: str
    app: str
    state: str
    content: Content
    revision: int
    due_at: datetime | None
    answer_by: datetime | None
    findings: Sequence[SeenFinding]
    decisions: Sequence[SeenDecision]
    messages: Sequence[SeenMessage]
    steps: Sequence[SeenStep]
    merchant_said: str


def get_seen_case(case: Application, *, now: datetime) -> SeenCase:
    """The caller has checked that the case is the user's own. A fixed number of queries."""
    state = seen_state(case.state)
    is_writing = case.state in (CaseState.DRAFT, CaseState.CHANGES_REQUESTED)
    content = content_of(case.draft if is_writing or case.revision is None else case.revision.content)
    declined = MerchantConfirmation.objects.filter(case=case).order_by("-pk").values_list("reason", flat=True).first()
    return SeenCase(
        id=case.pk,
        number=case.number,
        app=case.app.name,
        state=state,
        content=content,
        revision=case.revision.number if case.revision else 0,
        due_at=case.due_at if case.clock_started_at is not None else None,
        answer_by=case.answer_by,
        findings=list_findings(case) if is_writing else [],
        decisions=list_seen_decisions(case, now=now),
        messages=list_seen_messages(case, now=now),
        steps=list_seen_steps(case),
        merchant_said=declined or "",
    )


def list_findings(case: Application) -> list[SeenFinding]:
    """What the gates found at the last submission, if they stopped it."""
    run = GateRun.objects.filter(case=case).order_by("-pk").first()
    if run is None:
        return []
    found = []
    for result in run.results.filter(outcome=GateOutcome.FAIL).order_by("seq"):
        fact, fix = words_of(result.gate, result.code, result.params)
        found.append(SeenFinding(result.gate, rule_title(result.gate), fact, fix))
    return found


def rule_title(rule: str) -> str:
    """Name of an item or of a gate, in the active language."""
    if rule in Item.values:
        return str(Item(rule).label)
    return str(GATES.get(rule).title) if rule in GATES else rule


def failed_title(rule: str) -> str:
    """What went wrong: the item's label for a failure, or the gate's name."""
    return str(FAILED_LABELS[rule]) if rule in FAILED_LABELS else rule_title(rule)


def list_seen_decisions(case: Application, *, now: datetime) -> list[SeenDecision]:
    """Rulings in effect, the newest first, each with the reasons of its revision."""
    days = timedelta(days=get_numbers().appeal_days)
    seen = []
    decisions = Decision.objects.filter(case=case, status__in=IN_EFFECT).select_related("appeal", "strike").prefetch_related("items__capability")
    reasons = list(Reason.objects.filter(case=case).select_related("capability").order_by("pk"))
    for decision in decisions.order_by("-number"):
        appeal, strike = getattr(decision, "appeal", None), getattr(decision, "strike", None)
        executed_at = decision.executed_at or decision.proposed_at
        may_appeal = decision.status == DecisionStatus.EXECUTED and decision.kind in (DecisionKind.REFUSED, DecisionKind.PARTIAL)
        until = executed_at + days
        seen.append(
            SeenDecision(
                id=decision.pk,
                kind=decision.kind,
                executed_at=executed_at,
                rulings={item.capability.code: item.ruling for item in decision.items.all()},
                reasons=[_seen_reason(row) for row in reasons if row.revision_id == decision.revision_id],
                points=strike.weight if strike is not None and strike.status != StrikeStatus.VOID else 0,
                can_appeal_until=until if may_appeal and appeal is None and now <= until else None,
                appeal_status=appeal.status if appeal is not None else "",
                appeal_answer=appeal.answer if appeal is not None else "",
                is_overturned=decision.status == DecisionStatus.OVERTURNED,
            )
        )
    return seen


def _seen_reason(reason: Reason) -> SeenReason:
    capability = reason.capability.code if reason.capability else ""
    fact, fix = words_of(reason.rule, reason.code, reason.params) if reason.code else (reason.fact, reason.fix)
    return SeenReason(reason.rule, failed_title(reason.rule), capability, fact, fix)


def list_reasons_written(revision: Revision) -> list[SeenReason]:
    """What the applicant would read if the case were ruled on now: for the reviewer's preview."""
    return [_seen_reason(row) for row in Reason.objects.filter(revision=revision).select_related("capability").order_by("pk")]


def list_seen_messages(case: Application, *, now: datetime) -> list[SeenMessage]:
    messages = ApplicantMessage.objects.filter(case=case, visible_at__lte=now).order_by("visible_at", "pk")
    return [SeenMessage(MessageSide(row.side).value, row.text, row.visible_at or row.written_at) for row in messages]


def list_seen_steps(case: Application) -> list[SeenStep]:
    """The states that the case went through as seen from outside: the same one is named once, however often people inside handed it round."""
    steps: list[SeenStep] = []
    for to_state, act, at in case.events.order_by("seq").values_list("to_state", "act", "happened_at"):
        state = seen_state(to_state)
        if act == CaseAct.OPEN or not steps or steps[-1].state != state:
            steps.append(SeenStep(state, at))
    return _without_queue_turns(steps)


def _without_queue_turns(steps: list[SeenStep]) -> list[SeenStep]:
    """Once a case is in review, going back to the queue is an inner matter."""
    shown: list[SeenStep] = []
    for step in steps:
        if step.state == CaseState.QUEUED and shown and shown[-1].state == CaseState.IN_REVIEW:
            continue
        if not shown or shown[-1].state != step.state:
            shown.append(step)
    return shown


@dataclass(frozen=True)
class SeenStrike:
    kind: str
    points: int
    status: str
    struck_at: datetime
    until: datetime
    case: str


@dataclass(frozen=True)
class SeenStanding:
    """A developer's own standing: ``score`` of ``bar_score``; ``provisional`` points may still come; ``stops`` made at the gates lately."""

    level: str
    score: int
    provisional: int
    warn_score: int
    cool_down_score: int
    bar_score: int
    cool_down_until: datetime | None
    is_barred: bool
    strikes: Sequence[SeenStrike]
    stops: int
    stops_for_a_strike: int


def get_standing(developer: Developer, *, now: datetime) -> SeenStanding:
    """As the developer sees it. A bar that is only suggested or proposed is not part of it."""
    numbers = get_numbers()
    row = DeveloperStanding.objects.filter(developer=developer).first() or DeveloperStanding(developer=developer)
    strikes = list(Strike.objects.filter(developer=developer).select_related("decision__case").order_by("-struck_at", "-pk"))
    stops = GateRun.objects.filter(developer=developer, outcome="STOPPED", run_at__gt=now - timedelta(days=numbers.gate_stop_days))
    return SeenStanding(
        level=row.level,
        score=row.score,
        provisional=sum(strike.weight for strike in strikes if strike.status == StrikeStatus.PROVISIONAL),
        warn_score=numbers.warn_score,
        cool_down_score=numbers.cool_down_score,
        bar_score=numbers.bar_score,
        cool_down_until=row.cool_down_until if row.cool_down_until and row.cool_down_until > now else None,
        is_barred=Bar.objects.filter(developer=developer, status="CONFIRMED").exists(),
        strikes=[
            SeenStrike(
                StrikeKind(strike.kind).value,
                strike.weight,
                strike.status,
                strike.struck_at,
                strike.provisional_until if strike.status == StrikeStatus.PROVISIONAL else strike.expires_at,
                strike.decision.case.number if strike.decision else "",
            )
            for strike in strikes
        ],
        stops=stops.filter(pk__gt=row.gate_stops_struck).count(),
        stops_for_a_strike=numbers.gate_stop_count,
    )


def seen_state_filter(state: str) -> Q:
    """Filter of a developer's list by a state as it is seen from outside."""
    return Q(state__in=[inner for inner in CaseState.values if seen_state(inner) == state])
