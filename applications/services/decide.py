"""Rulings: decide per capability, ask for changes, hold for a second person, undo, take effect, refuse many at once."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from applications.choices import (
    CHECKED_AGAIN,
    DECISION_TRANSITIONS,
    CaseAct,
    CaseState,
    DecisionKind,
    DecisionStatus,
    GateOutcome,
    HoldCause,
    MessageSide,
    Ruling,
)
from applications.gates.base import GATES, Result, run_gates
from applications.models import ApplicantMessage, Application, Capability, Decision, DecisionItem, Grant, InternalNote, Reason, Revision
from applications.rulings import Objection, kind_of, objections_to, objections_to_changes
from applications.selectors.numbers import get_numbers
from applications.selectors.sheets import get_sheet
from applications.services.door import CaseRefused, enter, leave, live_claim
from applications.services.grants import give_grant
from applications.services.locks import share_policy_in_force
from applications.services.review import Claimed, give_claim
from applications.services.standing import strike_for_refusal
from applications.services.submit import facts_of_case
from backoffice.kernel.crash import crash_point
from backoffice.kernel.errors import BusinessError, StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import Developer, User
from backoffice.kernel.tenancy.services.developers import onboard_developer

OF_ONE_CAPABILITY = ("G06", "G07")


class DecisionRefused(CaseRefused):
    """This ruling cannot be taken: ``facts["objections"]`` says why, one entry each. Nothing was changed."""

    code = "decision_refused"


SENTENCES: Mapping[str, Any] = {
    "rulings_incomplete": _("Rule on every capability that is asked for, and on no other."),
    "reason_missing": _("Everything that failed needs a rule, a fact and a fix."),
    "only_refusal": _("After N1 or N2 the only decision is refusal."),
    "nothing_may_be_granted": _("Nothing may be granted while a compulsory item is failed."),
    "no_longer_allowed": _("The opening table or the merchant's tier no longer allows a capability that you want to grant."),
    "not_judged": _("Judge every item before you grant."),
    "item_failed": _("A capability whose own items failed cannot be granted."),
    "still_needed": _("“Not needed” is for capabilities that failed S1."),
    "nothing_failed": _("Nothing failed that would explain this."),
}


@dataclass(frozen=True)
class Check:
    """What the gates say now about a submitted case: results that failed, and the capabilities that may not be granted for it."""

    failed: list[Result]
    closed: frozenset[str]


def check_again(case: Application, now: datetime) -> Check:
    """Table, kind and tier as they are at this moment, over the case's revision. The caller holds the case's lock; the table stays until its end."""
    facts = facts_of_case(case, now)
    results = run_gates(facts, [GATES.get(code) for code in CHECKED_AGAIN])
    failed = [result for result in results if result.outcome != GateOutcome.PASS]
    return Check(failed, closed_by(failed, {asked.code: asked.names for asked in facts.capabilities}))


def closed_by(failed: Iterable[Result], asked: Mapping[str, Mapping[str, str]]) -> frozenset[str]:
    """Which of the capabilities ``asked`` for (names by code) may not be granted, when these gates say no."""
    failed = list(failed)
    if any(result.gate not in OF_ONE_CAPABILITY for result in failed):
        return frozenset(asked)
    by_name = {str(names): code for code, names in asked.items()}
    return frozenset(by_name.get(str(result.params.get("capability")), str(result.params.get("capability"))) for result in failed)


@in_transaction
def decide(*, case: Application, token: int, rulings: Mapping[str, str], by: User, now: datetime, message: str = "") -> Decision:
    """Rule on every capability asked for: {code: GRANT | REFUSE | NOT_NEEDED}. ``message`` goes to the applicant with the ruling.

    High-risk grants and the first refusal of a trusted developer are held for a second person. Otherwise it takes effect when the time to undo is over.
    Raises ``DecisionRefused`` with every objection, ``ClaimLost`` when somebody else has the case.
    """
    stored = enter(case.pk, CaseAct.DECIDE, by=by, now=now, token=token, developer=True)
    revision = _revision(stored)
    check = check_again(stored, now)
    _refuse(objections_to(get_sheet(revision), rulings, closed=check.closed))
    _drop_gate_reasons(revision.pk)
    if any(ruling != Ruling.GRANT for ruling in rulings.values()):
        _write_gate_reasons(stored, revision, check, rulings, by, now)
    return _propose(stored, revision, kind_of(rulings), rulings, CaseAct.DECIDE, by=by, now=now, message=message)


@in_transaction
def request_changes(*, case: Application, token: int, by: User, now: datetime, message: str = "") -> Decision:
    """Send the case back with the reasons of what failed: at most three times, to be answered within 14 days."""
    stored = enter(case.pk, CaseAct.REQUEST_CHANGES, by=by, now=now, token=token, developer=True)
    most = get_numbers().most_rounds
    if stored.round_count >= most:
        raise DecisionRefused(_("Changes were asked for %(most)d times already. Decide now.") % {"most": most}, code="no_rounds_left", objections=[])
    revision = _revision(stored)
    _refuse(objections_to_changes(get_sheet(revision)))
    return _propose(stored, revision, DecisionKind.CHANGES_REQUESTED, {}, CaseAct.REQUEST_CHANGES, by=by, now=now, message=message)


@in_transaction
def undo(*, case: Application, by: User, now: datetime) -> Application:
    """Take one's own ruling back before it takes effect; the case is in one's hands again. A release is undone to the hold."""
    stored = enter(case.pk, CaseAct.UNDO, by=by, now=now)
    decision = Decision.objects.get(case=stored, status=DecisionStatus.WAITING)
    if decision.effective_after is None or decision.effective_after <= now:
        raise StateConflict(_("The time to undo is over."), code="undo_over")
    if by.pk != (decision.released_by_id or decision.proposed_by_id):
        raise CaseRefused(_("Only who decided can undo it."), code="not_yours")
    if decision.released_by_id:
        transition(decision, DecisionStatus.HELD, table=DECISION_TRANSITIONS, released_by=None, released_at=None, effective_after=None)
        leave(stored, CaseAct.UNDO, CaseState.HELD, by=by, now=now, facts={"decision": decision.number})
    else:
        transition(decision, DecisionStatus.UNDONE, table=DECISION_TRANSITIONS)
        _clear_away(decision)
        leave(stored, CaseAct.UNDO, CaseState.IN_REVIEW, by=by, now=now, facts={"decision": decision.number}, fence=stored.fence + 1)
        give_claim(stored, by=by, now=now)
    return stored


@in_transaction
def release_hold(*, case: Application, by: User, now: datetime) -> Decision:
    """The second person lets a held ruling through. Never who proposed it."""
    stored = enter(case.pk, CaseAct.RELEASE_HOLD, by=by, now=now, developer=True)
    decision = Decision.objects.get(case=stored, status=DecisionStatus.HELD)
    _second_person(decision, by)
    granted = set(decision.items.filter(ruling=Ruling.GRANT).values_list("capability__code", flat=True))
    if granted & check_again(stored, now).closed:
        _refuse([Objection("no_longer_allowed", [("", code) for code in sorted(granted)])])
    seconds = get_numbers().undo_seconds
    transition(
        decision,
        DecisionStatus.WAITING,
        table=DECISION_TRANSITIONS,
        released_by=by,
        released_at=now,
        effective_after=now + timedelta(seconds=seconds),
    )
    if seconds:
        leave(stored, CaseAct.RELEASE_HOLD, CaseState.DECIDED, by=by, now=now, facts={"decision": decision.number})
    else:
        _take_effect(stored, decision, CaseAct.RELEASE_HOLD, by=by, now=now)
    return decision


@in_transaction
def return_hold(*, case: Application, note: str, by: User, now: datetime) -> Decision:
    """The second person does not agree: the case is queued again, with a note for the next reviewer. Nothing of it is seen outside."""
    stored = enter(case.pk, CaseAct.RETURN_HOLD, by=by, now=now)
    decision = Decision.objects.get(case=stored, status=DecisionStatus.HELD)
    _second_person(decision, by)
    if not note.strip():
        raise CaseRefused(_("Say why, for the next reviewer."), code="reason_missing")
    transition(decision, DecisionStatus.RETURNED, table=DECISION_TRANSITIONS, released_by=by, released_at=now)
    InternalNote.objects.create(case=stored, text=note.strip()[:5000], written_by=by, written_at=now)
    _clear_away(decision)
    leave(stored, CaseAct.RETURN_HOLD, CaseState.QUEUED, by=by, now=now, facts={"decision": decision.number})
    return decision


@in_transaction
def execute(*, case: Application, now: datetime) -> Decision:
    """Let a ruling take effect whose time to undo is over: grants, strike, notices, state. Twice is harmless: the second finds another state.

    When table or tier no longer allow what was granted, nothing takes effect and the case is queued again. When a capability that one person granted is
    high-risk now, whatever it was at the decision, the ruling is held for a second person.
    """
    stored = enter(case.pk, CaseAct.EXECUTE, by=None, now=now, developer=True)
    decision = Decision.objects.get(case=stored, status=DecisionStatus.WAITING)
    if decision.effective_after is None or decision.effective_after > now:
        raise StateConflict(_("It can still be undone."))
    granted = set(decision.items.filter(ruling=Ruling.GRANT).values_list("capability__code", flat=True))
    if granted and (closed := granted & check_again(stored, now).closed):
        transition(decision, DecisionStatus.DROPPED, table=DECISION_TRANSITIONS)
        _clear_away(decision)
        leave(stored, CaseAct.SEND_BACK, CaseState.QUEUED, by=None, now=now, facts={"decision": decision.number, "closed": sorted(closed)})
        return decision
    if decision.released_by_id is None and is_any_high_risk(granted):
        causes = [HoldCause.HIGH_RISK.value]
        transition(decision, DecisionStatus.HELD, table=DECISION_TRANSITIONS, hold_causes=causes, effective_after=None)
        leave(stored, CaseAct.SEND_BACK, CaseState.HELD, by=None, now=now, facts={"decision": decision.number, "held": causes})
        return decision
    _take_effect(stored, decision, CaseAct.EXECUTE, by=None, now=now)
    return decision


@dataclass(frozen=True)
class Conflict:
    """A case that a bulk refusal left as it was, and why."""

    case_id: int
    code: str
    message: str


@dataclass(frozen=True)
class BulkReport:
    """What a bulk refusal did: one decision each for ``decided``, all under one ``batch``."""

    batch: uuid.UUID
    decided: list[int]
    conflicts: list[Conflict]


def refuse_in_bulk(*, case_ids: Iterable[int], item: str, fact: str, fix: str, by: User, now: datetime) -> BulkReport:
    """Refuse cases that fail in exactly this one item and in nothing else, each in a transaction of its own with a record of its own.

    A case that somebody else holds, that moved on, or that fails in something else too is left alone and reported. ``fact`` and ``fix`` are written
    where the case has no reason for the item yet.
    """
    if not fact.strip() or not fix.strip():
        raise CaseRefused(_("Say what you saw and what to do about it: the developer reads both."), code="reason_incomplete")
    batch, decided, conflicts = uuid.uuid4(), [], []
    for case_id in sorted(set(case_ids)):
        try:
            _refuse_one(case_id, item=item, fact=fact.strip()[:5000], fix=fix.strip()[:5000], batch=batch, by=by, now=now)
        except BusinessError as error:
            conflicts.append(Conflict(case_id, error.code, str(error)))
        else:
            decided.append(case_id)
    return BulkReport(batch, decided, conflicts)


@in_transaction
def _refuse_one(case_id: int, *, item: str, fact: str, fix: str, batch: uuid.UUID, by: User, now: datetime) -> None:
    stored = enter(case_id, CaseAct.REFUSE_IN_BULK, by=by, now=now, developer=True)
    held = live_claim(stored)
    if held is not None and held.reviewer_id != by.pk and held.lease_until > now:
        raise Claimed(_("Somebody else is reviewing this application."))
    revision = _revision(stored)
    sheet = get_sheet(revision)
    if sheet.failed_items != {item}:
        raise DecisionRefused(_("This application does not fail in exactly this item."), code="other_failures", objections=[])
    for _item, code in sheet.failed:
        capability = Capability.objects.get(code=code) if code else None
        Reason.objects.get_or_create(
            revision=revision,
            rule=item,
            capability=capability,
            defaults={"case": stored, "fact": fact, "fix": fix, "written_by": by, "written_at": now},
        )
    rulings = dict.fromkeys(sheet.asked, Ruling.REFUSE.value)
    _refuse(objections_to(get_sheet(revision), rulings))
    _propose(stored, revision, DecisionKind.REFUSED, rulings, CaseAct.REFUSE_IN_BULK, by=by, now=now, batch=batch)


def _revision(case: Application) -> Revision:
    if case.revision is None:
        raise StateConflict(_("This application has no revision."))
    return case.revision


def _refuse(objections: list[Objection]) -> None:
    if not objections:
        return
    words = " ".join(dict.fromkeys(str(SENTENCES[objection.code]) for objection in objections))
    raise DecisionRefused(words, code=objections[0].code, objections=objections)


def _second_person(decision: Decision, by: User) -> None:
    if decision.proposed_by_id == by.pk:
        raise CaseRefused(_("Another person than the one who decided has to look at this."), code="same_person")


def _write_gate_reasons(case: Application, revision: Revision, check: Check, rulings: Mapping[str, str], by: User, now: datetime) -> None:
    """What the gates found meanwhile is a reason like any other, kept as code and figures."""
    for result in check.failed:
        if result.outcome != GateOutcome.FAIL:
            continue
        code = next((code for code in check.closed if result.gate in OF_ONE_CAPABILITY and code in rulings and _is_about(result, code)), "")
        capability = Capability.objects.filter(code=code).first() if code else None
        Reason.objects.get_or_create(
            revision=revision,
            rule=result.gate,
            capability=capability,
            defaults={"case": case, "code": result.code, "params": dict(result.params), "written_by": by, "written_at": now},
        )


def _is_about(result: Result, code: str) -> bool:
    names = result.params.get("capability")
    capability = Capability.objects.filter(code=code).first()
    return names == code or (capability is not None and names == capability.names)


def _propose(
    case: Application,
    revision: Revision,
    kind: str,
    rulings: Mapping[str, str],
    act: str,
    *,
    by: User,
    now: datetime,
    message: str = "",
    batch: uuid.UUID | None = None,
) -> Decision:
    """Write the ruling, and hold it, let it wait, or let it take effect at once when there is no time to undo."""
    capabilities = {row.code: row for row in Capability.objects.filter(code__in=list(rulings))}
    causes = _hold_causes(case, kind, rulings)
    seconds = get_numbers().undo_seconds
    decision = Decision.objects.create(
        case=case,
        revision=revision,
        number=case.decisions.count() + 1,
        kind=kind,
        status=DecisionStatus.HELD if causes else DecisionStatus.WAITING,
        hold_causes=causes,
        policy=share_policy_in_force(),
        batch=batch,
        proposed_by=by,
        proposed_at=now,
        effective_after=None if causes else now + timedelta(seconds=seconds),
    )
    DecisionItem.objects.bulk_create(DecisionItem(decision=decision, capability=capabilities[code], ruling=ruling) for code, ruling in sorted(rulings.items()))
    if message.strip():
        ApplicantMessage.objects.create(case=case, side=MessageSide.PLATFORM, text=message.strip()[:5000], decision=decision, written_by=by, written_at=now)
    crash_point("applications.in_decide")
    facts = {"decision": decision.number, "kind": kind, "rulings": dict(rulings)}
    if causes:
        leave(case, act, CaseState.HELD, by=by, now=now, facts=facts | {"held": causes})
    elif seconds:
        leave(case, act, CaseState.DECIDED, by=by, now=now, facts=facts)
    else:
        _take_effect(case, decision, act, by=by, now=now, facts=facts)
    return decision


def is_any_high_risk(codes: Iterable[str]) -> bool:
    """Whether one of these capabilities is high-risk at this moment."""
    return Capability.objects.filter(code__in=list(codes), is_high_risk=True).exists()


def _hold_causes(case: Application, kind: str, rulings: Mapping[str, str]) -> list[str]:
    causes = []
    if is_any_high_risk(code for code, ruling in rulings.items() if ruling == Ruling.GRANT):
        causes.append(HoldCause.HIGH_RISK.value)
    if kind == DecisionKind.REFUSED and is_trusted(case.developer):
        causes.append(HoldCause.TRUSTED_FIRST_REFUSAL.value)
    return causes


def is_trusted(developer: Developer) -> bool:
    """Onboarded, something approved before, and never refused."""
    kinds = set(Decision.objects.filter(case__developer=developer, status=DecisionStatus.EXECUTED).values_list("kind", flat=True))
    return developer.onboarded_at is not None and bool(kinds & {DecisionKind.APPROVED, DecisionKind.PARTIAL}) and DecisionKind.REFUSED not in kinds


def _take_effect(case: Application, decision: Decision, act: str, *, by: User | None, now: datetime, facts: dict[str, Any] | None = None) -> None:
    """Everything that follows from a ruling, in one transaction."""
    transition(decision, DecisionStatus.EXECUTED, table=DECISION_TRANSITIONS, executed_at=now)
    ApplicantMessage.objects.filter(decision=decision).update(visible_at=now)
    facts = facts or {"decision": decision.number, "kind": decision.kind}
    if decision.kind == DecisionKind.CHANGES_REQUESTED:
        answer_by = now + timedelta(days=get_numbers().answer_days)
        leave(case, act, CaseState.CHANGES_REQUESTED, by=by, now=now, facts=facts, round_count=case.round_count + 1, answer_by=answer_by)
        return
    give_grants(case, decision, now)
    if decision.kind == DecisionKind.REFUSED and (strike := strike_for_refusal(decision, case.developer, now)):
        facts |= {"strike": strike.kind, "weight": strike.weight}
    crash_point("applications.in_effect")
    leave(case, act, decision.kind, by=by, now=now, facts=facts)


def give_grants(case: Application, decision: Decision, now: datetime, *, only: Collection[str] | None = None) -> list[Grant]:
    """The grants of a ruling in effect, or only those of the capabilities ``only`` (codes). The first one makes a new developer an onboarded one."""
    rows = decision.items.filter(ruling=Ruling.GRANT).select_related("capability").order_by("capability_id")
    granted = [row.capability for row in rows if only is None or row.capability.code in only]
    grants = [give_grant(case=case, decision=decision, capability=capability, now=now) for capability in granted]
    if grants and case.developer.onboarded_at is None:
        onboard_developer(developer=case.developer, by=None, now=now)
    return grants


def _drop_gate_reasons(revision_id: int) -> None:
    """What the gates found for an earlier ruling on the revision; a person's reasons, and those of other revisions, stay."""
    Reason.objects.filter(revision_id=revision_id).exclude(code="").delete()


def _clear_away(decision: Decision) -> None:
    """A ruling did not come about: what was to be said with it is kept among the notes, not sent, and what the gates found for it is deleted."""
    _drop_gate_reasons(decision.revision_id)
    for message in ApplicantMessage.objects.filter(decision=decision, visible_at=None):
        InternalNote.objects.create(case_id=message.case_id, text=message.text, written_by_id=message.written_by_id, written_at=message.written_at)
        message.delete()
