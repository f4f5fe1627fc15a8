"""The developer's side of a case: begin, write, submit, answer, withdraw; the merchant's word; what time does by itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from applications.choices import (
    APPLY,
    CLOSED_STATES,
    CONFIRMATION_TRANSITIONS,
    LIVE_DECISIONS,
    AppBuild,
    CaseAct,
    CaseState,
    ConfirmationStatus,
    DecisionStatus,
    GateOutcome,
    MessageSide,
    NoticeKind,
    RunOutcome,
    Verdict,
)
from applications.content import Content, content_of, item_untouched
from applications.facts import Facts
from applications.gates.base import Result, outcome_of, run_gates
from applications.models import (
    App,
    ApplicantMessage,
    Application,
    Capability,
    ChecklistVerdict,
    Decision,
    DeveloperProfile,
    GateResult,
    GateRun,
    MerchantConfirmation,
    RequestedCapability,
    Revision,
)
from applications.selectors.facts import gather_facts
from applications.selectors.numbers import Numbers, get_numbers
from applications.selectors.policies import table_of
from applications.services.door import CaseRefused, enter, leave, open_case
from applications.services.locks import share_policy_in_force
from applications.services.notices import tell_developer, tell_merchant
from applications.services.rights import require
from applications.services.standing import strike_for_gate_stops
from backoffice.kernel.crash import crash_point
from backoffice.kernel.errors import StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.selectors.bars import require_no_bar_of_merchant


@dataclass(frozen=True)
class Submitted:
    """What became of a submission: ``outcome`` of the gates, what each said, and the case as it is now."""

    case: Application
    outcome: str
    results: Sequence[Result]

    @property
    def failed(self) -> list[Result]:
        return [result for result in self.results if result.outcome == GateOutcome.FAIL]


@in_transaction
def begin_application(*, app: App, by: User, now: datetime, content: Mapping[str, Any] | None = None) -> Application:
    """A new draft for ``app``. What the developer wrote once (contact, papers) is filled in; ``content`` goes over it."""
    require(by, APPLY, developer=app.developer)
    profile = DeveloperProfile.objects.filter(developer=app.developer).first()
    known = {
        "contact_name": str(by),
        "contact_dingtalk": app.developer.contact,
        "company_intro": profile.company_intro if profile else "",
        "past_cases": profile.past_cases if profile else "",
    }
    draft = _of_app(content_of(known | dict(content or {})), app)
    case = Application.objects.create(app=app, developer=app.developer, draft=draft.as_json(), created_at=now, is_first_time=app.developer.onboarded_at is None)
    open_case(case, by=by, now=now)
    return case


@in_transaction
def save_draft(*, case: Application, content: Mapping[str, Any], draft_version: int, by: User, now: datetime) -> Application:
    """Replace the draft's fields that ``content`` names. Allowed while it is the developer's turn.

    ``draft_version`` is the one that was read: a draft changed meanwhile in another window is refused with ``StateConflict``.
    """
    stored = enter(case.pk, CaseAct.SUBMIT, by=by, now=now)
    draft = _of_app(content_of({**stored.draft, **content}), stored.app)
    changed = Application.objects.filter(pk=stored.pk, draft_version=draft_version).update(draft=draft.as_json(), draft_version=draft_version + 1)
    if not changed:
        raise StateConflict(_("The draft was changed in another window meanwhile. Load the page again."), code="draft_changed")
    stored.draft, stored.draft_version = draft.as_json(), draft_version + 1
    return stored


@in_transaction
def submit(*, case: Application, by: User, now: datetime, version: int | None = None) -> Submitted:
    """Run the gates over the draft; passed, it is frozen as a revision and goes on to the merchant or into the queue.

    Stopped: the case stays where it was, with the run's results; nothing is queued. A broken gate leaves it CHECKS_PENDING. An answer to a
    request for changes is submitted in the same way, until ``answer_by``.
    """
    stored = enter(case.pk, CaseAct.SUBMIT, by=by, now=now, version=version, developer=True)
    if stored.state == CaseState.CHANGES_REQUESTED and stored.answer_by is not None and stored.answer_by <= now:
        raise CaseRefused(_("The time to answer is over. Begin a new application."), code="answer_too_late")
    content = _of_app(content_of(stored.draft), stored.app)
    numbers = get_numbers()
    policy = share_policy_in_force()
    facts = gather_facts(
        developer=stored.developer, content=content, now=now, app=stored.app, case=stored, table=table_of(policy, [content.category]), numbers=numbers
    )
    results = run_gates(facts)
    outcome = outcome_of(results)
    run = GateRun(case=stored, developer=stored.developer, policy=policy, outcome=outcome, content_hash=content.content_hash(), run_by=by, run_at=now)
    if outcome == RunOutcome.STOPPED:
        _save_run(run, results)
        strike_for_gate_stops(stored.developer_id, now)
        leave(stored, CaseAct.SUBMIT, stored.state, by=by, now=now, facts=_gate_facts(results))
        return Submitted(stored, outcome, results)
    revision = _freeze(stored, content, policy_id=policy.pk if policy else None, by=by, now=now)
    run.revision = revision
    _save_run(run, results)
    _keep_papers(stored, content)
    crash_point("applications.in_submit")
    merchant_id = facts.merchant.id if facts.is_custom and facts.merchant else None
    if merchant_id is not None:
        require_no_bar_of_merchant(merchant_id)  # the gate has looked; a sanction of this moment ends before or waits
    changes = {"revision_id": revision.pk, "merchant_id": merchant_id, "submitted_at": stored.submitted_at or now, "answer_by": None}
    _go_on(stored, CaseAct.SUBMIT, outcome, content, numbers, by=by, now=now, facts=_gate_facts(results), changes=changes)
    return Submitted(stored, outcome, results)


@in_transaction
def rerun_checks(*, case: Application, now: datetime) -> Submitted:
    """Run the gates again over a revision whose checks are pending, by the opening table in force now."""
    stored = enter(case.pk, CaseAct.CHECK, by=None, now=now, developer=True)
    revision = stored.revision
    if revision is None:
        raise StateConflict(_("This application has no revision."))
    content, numbers, policy = content_of(revision.content), get_numbers(), share_policy_in_force()
    facts = gather_facts(
        developer=stored.developer, content=content, now=now, app=stored.app, case=stored, table=table_of(policy, [content.category]), numbers=numbers
    )
    results = run_gates(facts)
    outcome = outcome_of(results)
    if outcome == RunOutcome.PENDING:
        return Submitted(stored, outcome, results)
    run = GateRun(case=stored, developer=stored.developer, revision=revision, policy=policy, outcome=outcome, content_hash=revision.content_hash, run_at=now)
    _save_run(run, results)
    if outcome == RunOutcome.STOPPED:
        strike_for_gate_stops(stored.developer_id, now)
        _back_to_developer(stored, CaseAct.CHECK, by=None, now=now, numbers=numbers, facts=_gate_facts(results))
        tell_developer(NoticeKind.STOPPED, developer=stored.developer, key=f"run:{run.pk}", case=stored, now=now)
        return Submitted(stored, outcome, results)
    merchant_id = facts.merchant.id if facts.is_custom and facts.merchant else None
    _go_on(stored, CaseAct.CHECK, outcome, content, numbers, by=None, now=now, facts=_gate_facts(results), changes={"merchant_id": merchant_id})
    return Submitted(stored, outcome, results)


@in_transaction
def confirm_application(*, case: Application, by: User, now: datetime) -> Application:
    """The merchant of a custom build says yes: the case goes into the queue. Raises ``MerchantBarred`` for one that begins nothing new."""
    stored = enter(case.pk, CaseAct.CONFIRM, by=by, now=now)
    if stored.merchant_id is not None:
        require_no_bar_of_merchant(stored.merchant_id)
    _answer_confirmation(stored, ConfirmationStatus.CONFIRMED, by=by, now=now)
    leave(stored, CaseAct.CONFIRM, CaseState.QUEUED, by=by, now=now, answer_by=None)
    return stored


@in_transaction
def decline_application(*, case: Application, reason: str, by: User, now: datetime) -> Application:
    """The merchant says no, with a reason that the developer reads: the case is the developer's again."""
    if not reason.strip():
        raise CaseRefused(_("Say why, so that the developer knows what to change."), code="reason_missing")
    stored = enter(case.pk, CaseAct.DECLINE, by=by, now=now)
    confirmation = _answer_confirmation(stored, ConfirmationStatus.DECLINED, by=by, now=now, reason=reason.strip())
    _back_to_developer(stored, CaseAct.DECLINE, by=by, now=now, numbers=get_numbers(), facts={})
    tell_developer(NoticeKind.DECLINED, developer=stored.developer, key=f"confirmation:{confirmation.pk}", case=stored, now=now)
    return stored


@in_transaction
def withdraw(*, case: Application, by: User, now: datetime, version: int | None = None) -> Application:
    """The developer takes the application back, at any time before the ruling is in effect. Costs nothing."""
    stored = enter(case.pk, CaseAct.WITHDRAW, by=by, now=now, version=version)
    Decision.objects.filter(case=stored, status__in=LIVE_DECISIONS).update(status=DecisionStatus.DROPPED)
    _cancel_confirmation(stored, now)
    leave(stored, CaseAct.WITHDRAW, CaseState.WITHDRAWN, by=by, now=now)
    return stored


@in_transaction
def lapse(*, case: Application, now: datetime) -> Application:
    """Nobody answered in time: the case ends without a strike."""
    stored = enter(case.pk, CaseAct.LAPSE, by=None, now=now)
    if stored.answer_by is None or stored.answer_by > now:
        raise StateConflict(_("There is still time to answer."))
    _cancel_confirmation(stored, now)
    leave(stored, CaseAct.LAPSE, CaseState.LAPSED, by=None, now=now)
    return stored


@in_transaction
def write_to_platform(*, case: Application, text: str, by: User, now: datetime) -> ApplicantMessage:
    """A word of the developer to the reviewers."""
    stored = Application.objects.select_related("developer").get(pk=case.pk)
    require(by, APPLY, developer=stored.developer)
    if stored.state in CLOSED_STATES:
        raise CaseRefused(_("This application is closed: nobody reads messages on it any more. Appeal, or apply again."), code="case_closed")
    if not text.strip():
        raise CaseRefused(_("The message is empty."), code="text_missing")
    return ApplicantMessage.objects.create(case=stored, side=MessageSide.DEVELOPER, text=text.strip()[:5000], written_by=by, written_at=now, visible_at=now)


def covers_hash(merchant_id: int, codes: Sequence[str]) -> str:
    """What a merchant's confirmation covers: itself and the capabilities."""
    return hashlib.sha256(json.dumps([merchant_id, sorted(codes)]).encode()).hexdigest()


def _of_app(content: Content, app: App) -> Content:
    """Form, build and category are the app's, not the draft's."""
    return replace(content, form=app.form, build=app.build, category=app.category.code)


def _gate_facts(results: Sequence[Result]) -> dict[str, Any]:
    return {"gates": sorted({result.gate for result in results if result.outcome != GateOutcome.PASS})}


def _save_run(run: GateRun, results: Sequence[Result]) -> None:
    run.save()
    GateResult.objects.bulk_create(
        GateResult(run=run, seq=number, gate=result.gate, outcome=result.outcome, code=result.code, params=dict(result.params))
        for number, result in enumerate(results, start=1)
    )


def _freeze(case: Application, content: Content, *, policy_id: int | None, by: User | None, now: datetime) -> Revision:
    """The next revision, with the passes that carry over, holding the app's place for each capability instead of the one before."""
    before = case.revisions.order_by("-number").first()
    revision = Revision.objects.create(
        case=case,
        number=before.number + 1 if before else 1,
        content=content.as_json(),
        content_hash=content.content_hash(),
        policy_id=policy_id,
        submitted_by=by,
        submitted_at=now,
    )
    RequestedCapability.objects.filter(case=case, holds_place=True).update(holds_place=False)
    capabilities = {row.code: row for row in Capability.objects.filter(code__in=content.codes)}
    RequestedCapability.objects.bulk_create(
        RequestedCapability(
            case=case,
            revision=revision,
            app_id=case.app_id,
            capability=capabilities[asked.capability],
            scene=asked.scene,
            value=asked.value,
            holds_place=True,
        )
        for asked in content.capabilities
        if asked.capability in capabilities
    )
    if before is not None:
        _carry_over(case, before, revision)
    return revision


def _carry_over(case: Application, before: Revision, revision: Revision) -> None:
    old, new = content_of(before.content), content_of(revision.content)
    passed = ChecklistVerdict.objects.filter(revision=before, answer=Verdict.PASS).select_related("capability")
    ChecklistVerdict.objects.bulk_create(
        ChecklistVerdict(
            case=case,
            revision=revision,
            item=verdict.item,
            capability=verdict.capability,
            answer=verdict.answer,
            parts=verdict.parts,
            carried_from=verdict,
            judged_by_id=verdict.judged_by_id,
            judged_at=verdict.judged_at,
        )
        for verdict in passed
        if item_untouched(old, new, verdict.item, verdict.capability.code if verdict.capability else "")
    )


def _keep_papers(case: Application, content: Content) -> None:
    papers = {name: getattr(content, name) for name in ("company_intro", "past_cases") if getattr(content, name)}
    if papers:
        DeveloperProfile.objects.update_or_create(developer_id=case.developer_id, defaults=papers)


def _go_on(
    case: Application,
    act: str,
    outcome: str,
    content: Content,
    numbers: Numbers,
    *,
    by: User | None,
    now: datetime,
    facts: dict[str, Any],
    changes: dict[str, Any],
) -> None:
    """From the gates to where the case waits next."""
    merchant_id = changes.get("merchant_id")
    if outcome == RunOutcome.PENDING:
        leave(case, act, CaseState.CHECKS_PENDING, by=by, now=now, facts=facts, **changes)
    elif content.build == AppBuild.CUSTOM and merchant_id is not None and not _is_confirmed(case, merchant_id, content):
        _cancel_confirmation(case, now)
        confirmation = MerchantConfirmation.objects.create(
            case=case, merchant_id=merchant_id, covers_hash=covers_hash(merchant_id, content.codes), asked_at=now
        )
        answer_by = changes["answer_by"] = now + timedelta(days=numbers.confirm_days)
        leave(case, act, CaseState.AWAITING_MERCHANT, by=by, now=now, facts=facts, **changes)
        key = f"confirmation:{confirmation.pk}"
        tell_merchant(NoticeKind.CONFIRMATION_ASKED, merchant=confirmation.merchant, key=key, case=case, now=now, answer_by=answer_by.isoformat())
    else:
        leave(case, act, CaseState.QUEUED, by=by, now=now, facts=facts, **changes)


def _is_confirmed(case: Application, merchant_id: int, content: Content) -> bool:
    """Whether the merchant's last word in this case was a yes to exactly this."""
    last = MerchantConfirmation.objects.filter(case=case).order_by("-pk").first()
    return last is not None and last.status == ConfirmationStatus.CONFIRMED and last.covers_hash == covers_hash(merchant_id, content.codes)


def _answer_confirmation(case: Application, status: str, *, by: User, now: datetime, reason: str = "") -> MerchantConfirmation:
    confirmation = MerchantConfirmation.objects.get(case=case, status=ConfirmationStatus.WAITING)
    transition(confirmation, status, table=CONFIRMATION_TRANSITIONS, answered_by=by, answered_at=now, reason=reason[:500])
    return confirmation


def _cancel_confirmation(case: Application, now: datetime) -> None:
    MerchantConfirmation.objects.filter(case=case, status=ConfirmationStatus.WAITING).update(status=ConfirmationStatus.CANCELLED, answered_at=now)


def _back_to_developer(case: Application, act: str, *, by: User | None, now: datetime, numbers: Numbers, facts: dict[str, Any]) -> None:
    """A draft again, or, once changes were asked for, waiting for changes with the whole time to answer."""
    if case.round_count:
        answer_by = now + timedelta(days=numbers.answer_days)
        leave(case, act, CaseState.CHANGES_REQUESTED, by=by, now=now, facts=facts, answer_by=answer_by)
    else:
        leave(case, act, CaseState.DRAFT, by=by, now=now, facts=facts, answer_by=None)


def facts_of_case(case: Application, now: datetime) -> Facts:
    """The facts about a submitted case's revision, as they are now: for checking again at the decision. The caller holds the case's lock."""
    content = content_of(case.revision.content if case.revision else case.draft)
    return gather_facts(
        developer=case.developer, content=content, now=now, app=case.app, case=case, table=table_of(share_policy_in_force(), [content.category])
    )
