"""An applicant's page of one case: state in words, whose turn, decision per capability with rule, fact and fix, words both ways, what was submitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from applications.admin.developer.revisions import Names, field_label, get_names, list_revisions
from applications.admin.developer.words import RULING_TONES, RULINGS, YOURS, seen_chip, sentence, turn
from applications.admin.parts import APPEAL_TONES, dialog_link
from applications.choices import APPLY, CLOSED_STATES, AppealStatus, CaseState, DecisionKind, MessageSide
from applications.content import FIELD_LABELS, Content
from applications.models import Application
from applications.selectors.applicant import SeenDecision, SeenReason, SeenStanding, get_seen_case, get_standing
from backoffice.kernel.admin.display import chip, full_time, moment, row_url
from backoffice.kernel.admin.scoping import reaches
from backoffice.kernel.clock import database_now

SHOWN = (
    "form", "build", "category", "merchant", "audience_group", "audience_category", "audience_type", "audience_stage", "demo_url", "demo_other_url",
    "demo_covers", "contact_name", "contact_dingtalk", "contact_other", "company_intro", "past_cases",
)  # fmt: skip


AGAIN = (CaseState.REFUSED, CaseState.PARTIAL, CaseState.WITHDRAWN, CaseState.LAPSED)
"""States after which people apply again with a better text."""


@dataclass(frozen=True)
class DecisionCard:
    """One ruling in effect, as the page shows it."""

    title: str
    chip: SafeString | str
    at: SafeString
    rulings: Sequence[tuple[str, SafeString]]
    reasons: Sequence[tuple[str, SeenReason]]
    points: Sequence[str]
    appeal: str
    appeal_link: SafeString | str
    appeal_answer: str


def case_page(screen: Any, request: HttpRequest, case: Application) -> dict[str, Any]:
    """Context of the page. A fixed number of queries."""
    now = database_now()
    console = screen.admin_site.name
    seen = get_seen_case(case, now=now)
    names = get_names(case)
    may_act = reaches(request.user, console, case, APPLY)
    standing = get_standing(case.developer, now=now) if any(decision.points for decision in seen.decisions) else None
    is_yours = seen.state in YOURS
    return {
        "case": seen,
        "app_url": row_url(console, case.app),
        "chip": seen_chip(seen.state),
        "turn": turn(seen.state),
        "sentence": sentence(seen.state, due_at=seen.due_at, answer_by=seen.answer_by),
        "due": _due(seen.due_at, seen.answer_by, now),
        "write_url": reverse(f"{console}:applications_application_draft", args=[case.pk]) if is_yours and may_act else "",
        "write_title": _("Answer: tasks beside the fields") if seen.state == CaseState.CHANGES_REQUESTED else _("Go on writing"),
        "findings": seen.findings,
        "merchant_said": seen.merchant_said if is_yours else "",
        "decisions": [_decision(screen, case, decision, names, standing, now, may_act=may_act) for decision in seen.decisions],
        "messages": [
            {"is_ours": message.side == MessageSide.DEVELOPER, "who": MessageSide(message.side).label, "text": message.text, "at": moment(message.at, now)}
            for message in seen.messages
        ],
        "answer_link": dialog_link(_("Write to the platform"), _act_url(console, "write", case)) if may_act and case.state not in CLOSED_STATES else "",
        "steps": [(seen_chip(step.state), moment(step.at, now)) for step in seen.steps],
        "facts": _facts(seen.content, names),
        "demo_file": _demo_file(console, seen.content, names),
        "asked": [(names.capabilities.get(asked.capability, asked.capability), asked.scene, asked.value) for asked in seen.content.capabilities],
        "revisions": [(row, moment(row.at, now)) for row in list_revisions(case, names)],
        "is_draft": is_yours,
        "begin_url": reverse(f"{console}:applications_application_begin") if may_act and seen.state in AGAIN else "",
        "app_id": case.app_id,
    }


def _act_url(console: str, act: str, case: Application) -> str:
    return reverse(f"{console}:applications_application_{act}", args=[case.pk])


def _due(due_at: datetime | None, answer_by: datetime | None, now: datetime) -> list[tuple[str, SafeString]]:
    told = []
    if due_at is not None:
        told.append((_("Answered by"), moment(due_at, now)))
    if answer_by is not None:
        told.append((_("Answer by"), moment(answer_by, now)))
    return told


def _decision(
    screen: Any, case: Application, decision: SeenDecision, names: Names, standing: SeenStanding | None, now: datetime, *, may_act: bool
) -> DecisionCard:
    console = screen.admin_site.name
    appeal, link = "", ""
    if decision.is_overturned:
        appeal = _("Your appeal was successful: a new decision has taken its place.")
    elif decision.appeal_status == AppealStatus.OPEN:
        appeal = _("You appealed. Somebody who took no part looks into it.")
    elif decision.appeal_status:
        appeal = str(AppealStatus(decision.appeal_status).label)
    elif decision.can_appeal_until is not None:
        appeal = _("You can appeal once, until %(time)s.") % {"time": full_time(decision.can_appeal_until)}
        link = dialog_link(_("Appeal"), _act_url(console, "appeal", case)) if may_act else ""
    kind = DecisionKind(decision.kind)
    return DecisionCard(
        title=str(kind.label),
        chip=_appeal_chip(decision.appeal_status),
        at=moment(decision.executed_at, now),
        rulings=[(names.capabilities.get(code, code), chip(RULINGS[ruling], RULING_TONES[ruling])) for code, ruling in decision.rulings.items()],
        reasons=[(names.capabilities.get(reason.capability, reason.capability), reason) for reason in decision.reasons],
        points=_points(decision, standing),
        appeal=appeal,
        appeal_link=link,
        appeal_answer=decision.appeal_answer,
    )


def _appeal_chip(status: str) -> SafeString | str:
    """The state of an appeal; nothing without one."""
    return chip(_("Appealed") if status == AppealStatus.OPEN else AppealStatus(status).label, APPEAL_TONES.get(status, "")) if status else ""


def _points(decision: SeenDecision, standing: SeenStanding | None) -> list[str]:
    """ "This would be 2 of 6": what the refusal costs if it stands."""
    if not decision.points or standing is None:
        return []
    cost = ngettext("This refusal costs %(n)d point.", "This refusal costs %(n)d points.", decision.points) % {"n": decision.points}
    after = standing.score + standing.provisional
    return [cost, _("With all that is provisional your score would be %(score)d of %(most)d.") % {"score": after, "most": standing.bar_score}]


def _facts(content: Content, names: Names) -> list[tuple[str, str]]:
    plain = content.as_json()
    facts = []
    for name in SHOWN:
        value = plain[name]
        text = names.shown(name, ", ".join(value) if isinstance(value, list) else str(value or ""))
        if text:
            facts.append((str(FIELD_LABELS.get(name) or field_label(name)), text))
    return facts


def _demo_file(console: str, content: Content, names: Names) -> tuple[str, str] | None:
    if content.demo_file is None or content.demo_file not in names.files:
        return None
    return names.files[content.demo_file], reverse(f"{console}:applications_demo_file", args=[content.demo_file])
