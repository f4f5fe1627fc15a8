"""What would follow from the verdict as it stands: what may be decided, what stands against it, and what the applicant would read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from applications.admin.developer.words import RULING_TONES as SEEN_TONES
from applications.admin.developer.words import RULINGS as SEEN_RULINGS
from applications.admin.parts import CASE_TONES
from applications.admin.review.typed import Typed
from applications.admin.review.words import listed, name_in_use
from applications.choices import DecisionKind, DecisionStatus, HoldCause, Ruling, Verdict
from applications.gates.base import Result, words_of
from applications.rulings import Key, Objection, Sheet, kind_of, objections_to, objections_to_changes, suggest_rulings
from applications.selectors.applicant import SeenReason, failed_title, rule_title
from applications.selectors.desk import Desk
from applications.services.decide import SENTENCES, closed_by, is_trusted
from applications.services.eligibility import check_case_now
from applications.services.standing import points_at_stake
from backoffice.kernel.admin.display import BAD, GOOD, PLAIN, WARN, chip

RULING_TONES: Mapping[str, str] = {Ruling.GRANT: GOOD, Ruling.REFUSE: BAD, Ruling.NOT_NEEDED: WARN}

UNDECIDED = ""
"""Nothing would be decided yet: items are still to be judged, and nobody chose a ruling."""


@dataclass(frozen=True)
class Now:
    """What is asked only when the verdict is looked at again: the gates, the points, and whether the developer is a trusted one."""

    results: Sequence[Result]
    closed: frozenset[str]
    points: int
    is_trusted: bool


@dataclass(frozen=True)
class Outlook:
    """``rulings``: what each capability would get, without those from whose items nothing follows yet; ``kind`` is ``UNDECIDED`` then.

    ``objections`` with the names of the items concerned; ``holds``: why a second person would be asked.
    """

    rulings: Mapping[str, str]
    suggested: Mapping[str, str]
    kind: str
    title: str
    objections: Sequence[tuple[str, str]]
    holds: Sequence[str]
    reasons: Sequence[SeenReason]
    shown_rulings: Sequence[tuple[str, str]]
    points: str
    checks: Sequence[tuple[str, str, str]] | None
    effect: str
    message: str


def ask_now(desk: Desk) -> Now:
    """Gates, points and trust, as they are at this moment. Reads only."""
    results = check_case_now(desk.case, now=desk.now)
    closed = closed_by(results, {row.capability.code: row.capability.names for row in desk.asked})
    points = points_at_stake(desk.revision.pk) if desk.revision else 0
    return Now(results, closed, points, is_trusted(desk.case.developer))


def outlook_of(desk: Desk, typed: Typed, now: Now | None = None) -> Outlook:
    """Without ``now`` what only the database can tell (gates, points, trust) is left out: the page asks for it after it is shown."""
    asked = [row.capability.code for row in desk.asked]
    sheet = typed.sheet(asked)
    closed = now.closed if now else frozenset()
    suggested = suggest_rulings(sheet, closed)
    rulings = {code: ruling for code in asked if (ruling := typed.rulings.get(code) or suggested.get(code))}
    is_changes = typed.outcome == "changes"
    kind = DecisionKind.CHANGES_REQUESTED.value if is_changes else kind_of(rulings) if len(rulings) == len(asked) else UNDECIDED
    found = objections_to_changes(sheet) if is_changes else _objections(sheet, rulings, closed)
    told = [] if is_changes else list(rulings.items())
    names = {row.capability.code: str(row.capability) for row in desk.asked}
    return Outlook(
        rulings=rulings,
        suggested=suggested,
        kind=kind,
        title=chip(DecisionKind(kind).label if kind else _("Not all judged yet"), CASE_TONES.get(kind, PLAIN)),
        objections=[*_sentences(found, names), *_rounds(desk, is_changes=is_changes)],
        holds=_holds(desk, kind, rulings, now),
        reasons=_reasons(typed, names, now, with_gates=kind not in (UNDECIDED, DecisionKind.APPROVED) and not is_changes),
        shown_rulings=[(names[code], chip(SEEN_RULINGS[ruling], SEEN_TONES[ruling])) for code, ruling in told],
        points=_points(desk, kind, now),
        checks=None if now is None else [_check(result) for result in now.results],
        effect=_effect(desk, kind) if kind else "",
        message=typed.message.strip(),
    )


def _objections(sheet: Sheet, rulings: Mapping[str, str], closed: frozenset[str]) -> list[Objection]:
    """Against deciding ``rulings``. Where none is set, the items are what is missing."""
    missing = [Objection("not_judged", sheet.unjudged_for(code)) for code in sheet.asked if code not in rulings]
    found = objections_to(sheet, rulings, closed=closed)
    return [*missing, *(objection for objection in found if objection.code != "rulings_incomplete")] if missing else found


TOO_MANY_ROUNDS = gettext_lazy("Changes were asked for %(most)d times already. Decide now.")


def _rounds(desk: Desk, *, is_changes: bool) -> list[tuple[str, str]]:
    most = desk.numbers.most_rounds
    return [(str(TOO_MANY_ROUNDS) % {"most": most}, "")] if is_changes and desk.case.round_count >= most else []


def _sentences(objections: Sequence[Objection], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each sentence once, with the items that it is about."""
    found: dict[str, list[str]] = {}
    for objection in objections:
        about = found.setdefault(str(SENTENCES[objection.code]), [])
        about += [label for key in objection.keys if (label := _label(key, names)) not in about]
    return [(sentence, listed(about)) for sentence, about in found.items()]


def _label(key: Key, names: Mapping[str, str]) -> str:
    item, code = key
    return " · ".join(part for part in (item, names.get(code, code)) if part)


def _holds(desk: Desk, kind: str, rulings: Mapping[str, str], now: Now | None) -> list[str]:
    if kind == DecisionKind.CHANGES_REQUESTED:
        return []
    causes = []
    if any(row.capability.is_high_risk and rulings.get(row.capability.code) == Ruling.GRANT for row in desk.asked):
        causes.append(str(HoldCause.HIGH_RISK.label))
    if kind == DecisionKind.REFUSED and now is not None and now.is_trusted:
        causes.append(str(HoldCause.TRUSTED_FIRST_REFUSAL.label))
    return causes


def _reasons(typed: Typed, names: Mapping[str, str], now: Now | None, *, with_gates: bool) -> list[SeenReason]:
    """Rule, fact and fix as the applicant would read them: what failed on the checklist, then what the gates found meanwhile."""
    shown = [
        SeenReason(item, failed_title(item), names.get(code, ""), line.fact.strip(), line.fix.strip())
        for (item, code), line in typed.lines.items()
        if line.verdict == Verdict.FAIL
    ]
    for result in now.results if now is not None and with_gates else ():
        fact, fix = words_of(result.gate, result.code, result.params) if result.code else ("", "")
        if fact:
            shown.append(SeenReason(result.gate, rule_title(result.gate), "", fact, fix))
    return shown


def _points(desk: Desk, kind: str, now: Now | None) -> str:
    """What a refusal would cost."""
    if now is None or not now.points or kind != DecisionKind.REFUSED:
        return ""
    standing = getattr(desk.case.developer, "standing", None)
    score = (standing.score if standing else 0) + now.points
    return _("This would be %(points)d points: %(score)d of %(bar)d.") % {"points": now.points, "score": score, "bar": desk.numbers.bar_score}


def _check(result: Result) -> tuple[str, str, str]:
    fact, fix = words_of(result.gate, result.code, result.params) if result.code else (_("The check itself is broken."), "")
    return f"{result.gate} {rule_title(result.gate)}", fact, fix


def _effect(desk: Desk, kind: str) -> str:
    """When it takes effect, and what the developer can do then."""
    minutes = desk.numbers.undo_seconds // 60
    if kind == DecisionKind.CHANGES_REQUESTED:
        after = ngettext("The developer has %(n)d day to answer.", "The developer has %(n)d days to answer.", desk.numbers.answer_days)
        return after % {"n": desk.numbers.answer_days}
    if kind == DecisionKind.APPROVED:
        return ngettext("It can be undone for %(n)d minute.", "It can be undone for %(n)d minutes.", minutes) % {"n": minutes}
    after = ngettext("The developer can appeal for %(n)d day.", "The developer can appeal for %(n)d days.", desk.numbers.appeal_days)
    return after % {"n": desk.numbers.appeal_days}


def ruling_chips(decision: Any) -> list[tuple[str, str]]:
    """What a stored decision says of each capability."""
    return [(name_in_use(row), chip(Ruling(row["ruling"]).label, RULING_TONES[row["ruling"]])) for row in decision.rulings]


DECISION_TONES: Mapping[str, str] = {
    DecisionStatus.HELD: WARN,
    DecisionStatus.EXECUTED: GOOD,
    DecisionStatus.OVERTURNED: BAD,
}
