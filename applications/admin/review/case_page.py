"""The page of one case in three columns: who asks, what for, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from applications.admin.parts import CASE_TONES, STANDING_TONES, dialog_link
from applications.admin.review.diffs import field_label, marked, readable
from applications.admin.review.outlook import DECISION_TONES, Now, outlook_of, ruling_chips
from applications.admin.review.queue_page import VIEW, marks_of
from applications.admin.review.typed import Line, Typed, name_of, stored_lines
from applications.admin.review.words import ITEM_GROUPS, N2_QUESTIONS, QUESTIONS, answer_chip, due_chip, holder_chip, usual_fix
from applications.choices import (
    ITEMS_PER_CAPABILITY,
    PLATFORM_STATES,
    RELEASE,
    REVIEW,
    CaseState,
    DecisionKind,
    DecisionStatus,
    DemoCover,
    GateOutcome,
    HoldCause,
    Item,
    MessageSide,
    Ruling,
    StandingLevel,
    Verdict,
)
from applications.content import FIELD_LABELS, LONG_FIELDS, Content, content_of
from applications.gates.base import words_of
from applications.models import Application, CaseEvent, RequestedCapability, Revision
from applications.rulings import Key
from applications.selectors.applicant import rule_title
from applications.selectors.desk import Desk, desk_rows, get_desk, list_tasks
from backoffice.kernel.admin import person
from backoffice.kernel.admin.display import BAD, GOOD, PLAIN, WARN, chip, full_time, list_url, moment, row_url, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.choices import MerchantTierCode
from backoffice.kernel.tenancy.models import User

CONTACTS = ("contact_name", "contact_dingtalk", "contact_other")
HIDDEN_FIELDS = ("form", "build", "category", "capabilities", "demo_url", "demo_other_url", "demo_file", "demo_covers")
"""Shown elsewhere on the page than in the table of what was written."""


def find_desk(screen: Any, request: HttpRequest, object_id: str) -> Desk:
    """The case in reach with all that is about it. 404 for a missing, a foreign and a malformed number alike."""
    now = database_now()
    try:
        number = Application._meta.pk.to_python(object_id)
    except ValidationError as error:
        raise Http404 from error
    if not str(object_id).isascii() or not 0 < number < 2**63:
        raise Http404
    case = desk_rows(screen.get_queryset(request), now).filter(pk=number).first()
    if case is None:
        raise Http404
    return get_desk(case, now)


def case_view(screen: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    if not screen.allows(request, VIEW):
        raise PermissionDenied
    desk = find_desk(screen, request, object_id)
    return show_case(screen, request, desk, Typed(stored_lines(desk)))


def show_case(
    screen: Any, request: HttpRequest, desk: Desk, typed: Typed, *, sentence: str = "", now: Now | None = None, play: bool = True, status: int = 200
) -> HttpResponse:
    """The page with ``typed`` in it; ``sentence`` is why the last act was refused."""
    console, user = screen.admin_site.name, person(request)
    case = desk.case
    may_review = screen.allows(request, REVIEW)
    is_mine = may_review and desk.is_held_by(user.pk)
    gates = [_gate(result) for result in desk.gate_results]
    page = {
        "case": case,
        "sentence": sentence,
        "state": status_chip(case, CASE_TONES, "state"),
        "marks": marks_of(case),
        "due": _turn(desk),
        "holder": _holder(desk, user),
        "is_mine": is_mine,
        "token": case.holder_token if is_mine else "",
        "lease": full_time(case.held_until) if is_mine else "",
        "may_claim": may_review and _is_free(desk) and not is_mine,
        "may_note": may_review,
        "play": play,
        "who": _who(desk, console),
        "gates": [gate for gate in gates if not gate["passed"]],
        "gates_passed": [gate for gate in gates if gate["passed"]],
        "what": _what(desk, console),
        "diff": _diff(desk),
        "tasks": _tasks(desk),
        **words_context(desk),
        "verdict": verdict_context(desk, typed) if is_mine or "typed" in request.POST else None,
        "note": request.POST.get("note", ""),
        "text": request.POST.get("text", ""),
        "ruling": _ruling(screen, request, desk, user),
        "decisions": [_decision(decision) for decision in desk.own_decisions],
        "outlook": outlook_of(desk, typed, now),
        "outcome": typed.outcome,
        "message": typed.message,
        "rounds_left": desk.numbers.most_rounds - case.round_count,
        "work_url": reverse(f"{console}:applications_application_work", args=[case.pk]),
        "next_url": reverse(f"{console}:applications_next"),
        "queue_url": reverse(f"{console}:applications_queue"),
        "steps_url": list_url(console, CaseEvent, f"case_id={case.pk}"),
        "judged": _judged(desk) if not is_mine else [],
    }
    request.current_app = console
    title = f"{case.number} {case.app.name}"
    context = {**screen.admin_site.each_context(request), "title": title, "page": page, "decided": screen.just_decided(request, desk.now)}
    return TemplateResponse(request, "applications/review/case.html", context, status=status)


def _is_free(desk: Desk) -> bool:
    """Whether somebody may claim it: it waits, or its claim ran out."""
    case = desk.case
    return bool(case.state == CaseState.QUEUED or (case.state == CaseState.IN_REVIEW and (case.held_until is None or case.held_until <= desk.now)))


def _turn(desk: Desk) -> str:
    case = desk.case
    if case.clock_started_at is not None and case.state in PLATFORM_STATES:
        return due_chip(case.due_at, desk.now, desk.calendar)
    return answer_chip(case.answer_by, desk.now)


def _holder(desk: Desk, user: User) -> str:
    case = desk.case
    name = case.holder_name or case.holder_login or ""
    return holder_chip(is_mine=case.holder_id == user.pk, name=name, until=case.held_until, now=desk.now)


# --- who


def _who(desk: Desk, console: str) -> dict[str, Any]:
    case, developer = desk.case, desk.case.developer
    standing, profile = getattr(developer, "standing", None), getattr(developer, "profile", None)
    level = StandingLevel(standing.level if standing else StandingLevel.GOOD)
    score = standing.score if standing else 0
    tier = str(MerchantTierCode(case.tier).label) if case.tier in MerchantTierCode.values else _("no tier")
    history = desk.history
    facts: list[tuple[Any, Any]] = [
        (_("Standing"), chip(level.label, STANDING_TONES.get(level, PLAIN))),
        (_("Score"), _("%(score)d of %(bar)d") % {"score": score, "bar": desk.numbers.bar_score}),
        (_("Onboarded"), moment(developer.onboarded_at, desk.now) if developer.onboarded_at else chip(_("First time"), WARN)),
    ]
    if profile is not None and profile.bound_merchant is not None:
        facts.append((_("Own team of"), profile.bound_merchant.name))
    if case.merchant is not None:
        facts += [(_("Merchant"), case.merchant.name), (_("Tier"), chip(tier, GOOD if case.tier == "PREMIUM" else WARN))]
    return {
        "name": developer.name,
        "url": row_url(console, developer),
        "facts": facts,
        "contacts": [(FIELD_LABELS[name], text) for name in CONTACTS if (text := getattr(desk.content, name))],
        "history": [_old_ruling(decision, console) for decision in history[:8]],
        "summary": _summary(history),
    }


def _summary(history: Sequence[Any]) -> str:
    kinds = [decision.kind for decision in history if decision.status == DecisionStatus.EXECUTED]
    return _("Approved %(approved)d, in part %(partial)d, refused %(refused)d") % {
        "approved": kinds.count(DecisionKind.APPROVED),
        "partial": kinds.count(DecisionKind.PARTIAL),
        "refused": kinds.count(DecisionKind.REFUSED),
    }


def _old_ruling(decision: Any, console: str) -> dict[str, Any]:
    overturned = decision.status == DecisionStatus.OVERTURNED
    case = decision.case
    asked_for_changes = decision.kind == DecisionKind.CHANGES_REQUESTED  # no outcome: then what became of the case
    shown: CaseState | DecisionKind = CaseState(case.state) if asked_for_changes else DecisionKind(decision.kind)
    state = chip(_("Overturned on appeal"), WARN) if overturned else chip(shown.label, CASE_TONES.get(shown.value, PLAIN))
    return {"number": case.number, "app": case.app.name, "url": row_url(console, case), "state": state, "at": moment(decision.executed_at)}


def _gate(result: Any) -> dict[str, Any]:
    tones = {GateOutcome.PASS: GOOD, GateOutcome.FAIL: BAD, GateOutcome.BROKEN: WARN}
    fact, fix = words_of(result.gate, result.code, result.params) if result.code else ("", "")
    outcome = GateOutcome(result.outcome)
    told = {"code": result.gate, "title": rule_title(result.gate), "fact": fact, "fix": fix}
    return {**told, "chip": chip(outcome.label, tones[outcome]), "passed": outcome == GateOutcome.PASS}


# --- what


def _what(desk: Desk, console: str) -> dict[str, Any]:
    return what_of(desk.case, desk.revision, desk.content, desk.asked, console)


def submitted_in(case: Application, revision: Revision, console: str) -> dict[str, Any]:
    """What was handed in with ``revision``, as the review page shows it: for who judges it once more. One query."""
    asked = RequestedCapability.objects.filter(revision=revision).select_related("capability").order_by("pk")
    return what_of(case, revision, content_of(revision.content), list(asked), console)


def what_of(case: Application, revision: Revision | None, content: Content, asked: Sequence[RequestedCapability], console: str) -> dict[str, Any]:
    """What is applied for, for ``what.html``."""
    written = [
        (FIELD_LABELS[name], getattr(content, name), name in LONG_FIELDS)
        for name in FIELD_LABELS
        if name not in HIDDEN_FIELDS and not name.startswith("contact_") and getattr(content, name)
    ]
    kind = " · ".join(part for part in (readable("form", content.form), readable("build", content.build), str(case.app.category)) if part)
    return {
        "kind": kind,
        "revision": revision.number if revision else 0,
        "policy": revision.policy.number if revision and revision.policy else "",
        "submitted": moment(revision.submitted_at) if revision else "",
        "demos": [(url, url.startswith(("https://", "http://"))) for url in (content.demo_url, content.demo_other_url) if url],
        "demo_file": reverse(f"{console}:applications_application_demo", args=[case.pk]) if content.demo_file else "",
        "covers": [str(DemoCover(code).label) for code in content.demo_covers if code in DemoCover.values],
        "asked": [{"capability": row.capability, "scene": row.scene, "value": row.value} for row in asked],
        "written": written,
        "is_draft": revision is None,
    }


def _names(desk: Desk) -> dict[str, str]:
    return {row.capability.code: str(row.capability) for row in desk.asked}


def _diff(desk: Desk) -> dict[str, Any] | None:
    if desk.previous is None:
        return None
    names = _names(desk)
    return {"from": desk.previous.number, "rows": [(field_label(change.field, names), marked(change)) for change in desk.changes]}


def _tasks(desk: Desk) -> list[dict[str, Any]]:
    """What was asked for last time, beside what the developer did about it."""
    names = _names(desk)
    found = []
    for task in list_tasks(desk):
        reason = task.reason
        fact, fix = words_of(reason.rule, reason.code, reason.params) if reason.code else (reason.fact, reason.fix)
        changes = [(field_label(change.field, names), marked(change)) for change in task.changes]
        about = str(reason.capability) if reason.capability else ""
        found.append({"rule": reason.rule, "title": rule_title(reason.rule), "about": about, "fact": fact, "fix": fix, "changes": changes})
    return found


def words_context(desk: Desk) -> dict[str, Any]:
    """Notes among staff, and messages, apart."""
    notes = [{"by": word.by, "text": word.text, "at": moment(word.at, desk.now)} for word in desk.words if not word.side]
    return {"notes": notes, "messages": [_message(word) for word in desk.words if word.side]}


def _message(word: Any) -> dict[str, Any]:
    is_ours = word.side == MessageSide.PLATFORM
    return {
        "from": _("Platform (%(name)s)") % {"name": word.by} if is_ours else _("Developer"),
        "text": word.text,
        "at": moment(word.at),
        "ours": is_ours,
        "waits": word.visible_at is None,
    }


# --- the verdict


@dataclass(frozen=True)
class Row:
    """One item of the checklist on the page."""

    name: str
    item: str
    title: str
    question: str
    answer: str
    parts: Sequence[tuple[int, str, str]]
    fact: str
    fix: str
    usual: str
    missed: bool
    passed_before: bool
    carried: bool
    by: str
    error: str


def verdict_context(desk: Desk, typed: Typed) -> dict[str, Any]:
    """The checklist in its groups, and for each capability its own items with the ruling on it."""
    rows = {key: _row(desk, key, line, typed.errors.get(key, "")) for key, line in typed.lines.items()}
    outlook = outlook_of(desk, typed)
    return {
        "groups": [{"title": title, "rows": [rows[item.value, ""] for item in items]} for title, items in ITEM_GROUPS],
        "capabilities": [
            {
                "code": row.capability.code,
                "name": str(row.capability),
                "risk": row.capability.is_high_risk,
                "rows": [rows[item.value, row.capability.code] for item in ITEMS_PER_CAPABILITY],
                "ruling": outlook.rulings.get(row.capability.code, ""),
                "chosen": row.capability.code in typed.rulings,
            }
            for row in desk.asked
        ],
        "rulings": Ruling.choices,
    }


def _row(desk: Desk, key: Key, line: Line, error: str) -> Row:
    verdict = desk.verdicts.get(key)
    item = Item(key[0])
    answers = {True: "yes", False: "no", None: ""}
    return Row(
        name=name_of(key),
        item=item.value,
        title=str(item.label),
        question=str(QUESTIONS[item]),
        answer=line.verdict,
        parts=[(number, str(question), answers[line.parts[number]]) for number, question in enumerate(N2_QUESTIONS)] if line.parts else [],
        fact=line.fact,
        fix=line.fix,
        usual=usual_fix(item),
        missed=line.missed,
        passed_before=key in desk.passed_before,
        carried=verdict is not None and verdict.carried_from_id is not None and line.verdict == Verdict.PASS,
        by=str(verdict.judged_by) if verdict is not None and verdict.judged_by else "",
        error=error,
    )


def _judged(desk: Desk) -> list[dict[str, Any]]:
    """The checklist as it was judged, for those who only read."""
    names = _names(desk)
    found = []
    for (item, code), verdict in sorted(desk.verdicts.items()):
        reason = desk.reasons.get((item, code))
        failed = verdict.answer == Verdict.FAIL
        found.append(
            {
                "item": item,
                "title": rule_title(item),
                "about": names.get(code, code),
                "chip": chip(Verdict(verdict.answer).label, BAD if failed else GOOD),
                "carried": verdict.carried_from_id is not None,
                "missed": verdict.missed_earlier,
                "fact": reason.fact if reason and failed else "",
                "fix": reason.fix if reason and failed else "",
            }
        )
    return found


# --- rulings there are


def _ruling(screen: Any, request: HttpRequest, desk: Desk, user: User) -> dict[str, Any] | None:
    """The ruling that waits for somebody or can still be undone."""
    case = desk.case
    live = next((row for row in desk.own_decisions if row.status in (DecisionStatus.HELD, DecisionStatus.WAITING)), None)
    if live is None:
        return None
    is_held = live.status == DecisionStatus.HELD
    console = screen.admin_site.name
    may_release = is_held and screen.allows(request, RELEASE) and live.proposed_by_id != user.pk
    undoes = (live.released_by_id or live.proposed_by_id) == user.pk
    return {
        **_decision(live),
        "is_held": is_held,
        "causes": [str(HoldCause(code).label) for code in live.hold_causes if code in HoldCause.values],
        "release_link": dialog_link(pgettext("review", "Release"), reverse(f"{console}:applications_application_release_hold", args=[case.pk]))
        if may_release
        else "",
        "return_link": dialog_link(pgettext("review", "Return"), reverse(f"{console}:applications_application_return_hold", args=[case.pk]))
        if may_release
        else "",
        "is_own": live.proposed_by_id == user.pk,
        "may_undo": not is_held and undoes and live.effective_after is not None and live.effective_after > desk.now,
        "effective": full_time(live.effective_after) if live.effective_after else "",
    }


def _decision(decision: Any) -> dict[str, Any]:
    status = DecisionStatus(decision.status)
    return {
        "number": decision.number,
        "kind": chip(DecisionKind(decision.kind).label, CASE_TONES.get(decision.kind, PLAIN)),
        "status": chip(status.label, DECISION_TONES.get(status, PLAIN)),
        "rulings": ruling_chips(decision),
        "by": str(decision.proposed_by),
        "at": moment(decision.proposed_at),
        "second": str(decision.released_by) if decision.released_by else "",
        "is_bulk": decision.batch is not None,
    }
