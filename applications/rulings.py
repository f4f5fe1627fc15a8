"""What may be decided from a checklist. Pure: verdicts in, possible rulings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from applications.choices import GRANT_BLOCKERS, ITEMS_ONCE, ITEMS_PER_CAPABILITY, NAMED_BANS, DecisionKind, Ruling, Verdict

Key = tuple[str, str]
"""(item, capability code); the code is empty for items that are judged once."""


@dataclass(frozen=True)
class Sheet:
    """The checklist of one revision: ``answers`` by key, ``reasons`` the keys that have rule, fact and fix, ``asked`` the capability codes."""

    asked: Sequence[str]
    answers: Mapping[Key, str] = field(default_factory=dict)
    reasons: frozenset[Key] = frozenset()

    @property
    def failed(self) -> list[Key]:
        return sorted(key for key, answer in self.answers.items() if answer == Verdict.FAIL)

    @property
    def failed_items(self) -> set[str]:
        return {item for item, _code in self.failed}

    @property
    def is_refusal_only(self) -> bool:
        """N1, or all of N2: the only decision is refusal."""
        return bool(self.failed_items & set(NAMED_BANS))

    @property
    def blockers(self) -> list[str]:
        """Failed items while which nothing is granted."""
        return [item for item in GRANT_BLOCKERS if item in self.failed_items]

    @property
    def unexplained(self) -> list[Key]:
        """Failed, and rule, fact or fix are not written yet."""
        return [key for key in self.failed if key not in self.reasons]

    def unjudged_for(self, code: str) -> list[Key]:
        """What has to be judged before this capability may be granted. N1 or N2 failed has judged B1 too."""
        keys: list[Key] = [*((item.value, "") for item in ITEMS_ONCE), *((item.value, code) for item in ITEMS_PER_CAPABILITY)]
        return [key for key in keys if key not in self.answers]

    def failed_for(self, code: str) -> list[str]:
        """Items of the capability itself that failed."""
        return [item for item, capability in self.failed if capability == code]


def kind_of(rulings: Mapping[str, str]) -> str:
    """Outcome of a case from its rulings: all granted, some, or none."""
    granted = [code for code, ruling in rulings.items() if ruling == Ruling.GRANT]
    if not granted:
        return DecisionKind.REFUSED.value
    return (DecisionKind.APPROVED if len(granted) == len(rulings) else DecisionKind.PARTIAL).value


def suggest_rulings(sheet: Sheet, closed: frozenset[str] = frozenset()) -> dict[str, str]:
    """What follows from the checklist as it stands, for the screen to begin with: refuse what something stands against, grant what is judged and passed.

    A capability whose items are not all judged, with nothing failed yet, is left out: nothing follows.
    """
    suggested = {}
    for code in sheet.asked:
        if "S1" in sheet.failed_for(code):
            suggested[code] = Ruling.NOT_NEEDED.value
        elif sheet.blockers or sheet.failed_for(code) or code in closed:
            suggested[code] = Ruling.REFUSE.value
        elif not sheet.unjudged_for(code):
            suggested[code] = Ruling.GRANT.value
    return suggested


@dataclass(frozen=True)
class Objection:
    """Why a decision cannot be taken like this. ``keys`` are the items concerned."""

    code: str
    keys: Sequence[Key] = ()


def objections_to(sheet: Sheet, rulings: Mapping[str, str], *, closed: frozenset[str] = frozenset()) -> list[Objection]:
    """Everything that stands against deciding ``rulings``. ``closed``: capabilities that the gates no longer allow, which needs no reason of the checklist."""
    found = []
    if set(rulings) != set(sheet.asked):
        found.append(Objection("rulings_incomplete", [("", code) for code in sorted(set(sheet.asked) ^ set(rulings))]))
    if sheet.unexplained:
        found.append(Objection("reason_missing", sheet.unexplained))
    granted = [code for code, ruling in rulings.items() if ruling == Ruling.GRANT]
    if granted and sheet.is_refusal_only:
        found.append(Objection("only_refusal", [(item, "") for item in sheet.blockers]))
    elif granted and sheet.blockers:
        found.append(Objection("nothing_may_be_granted", [(item, "") for item in sheet.blockers]))
    for code, ruling in rulings.items():
        if ruling == Ruling.GRANT:
            if code in closed:
                found.append(Objection("no_longer_allowed", [("", code)]))
            if unjudged := sheet.unjudged_for(code):
                found.append(Objection("not_judged", unjudged))
            if failed := sheet.failed_for(code):
                found.append(Objection("item_failed", [(item, code) for item in failed]))
        elif ruling == Ruling.NOT_NEEDED:
            if "S1" not in sheet.failed_for(code):
                found.append(Objection("still_needed", [("S1", code)]))
        elif code not in closed and not sheet.failed_for(code) and not any(not capability for _item, capability in sheet.failed):
            found.append(Objection("nothing_failed", [("", code)]))
    return found


def objections_to_changes(sheet: Sheet) -> list[Objection]:
    """Everything that stands against asking for changes."""
    if sheet.is_refusal_only:
        return [Objection("only_refusal", [(item, "") for item in sheet.blockers])]
    if not sheet.failed:
        return [Objection("nothing_failed")]
    return [Objection("reason_missing", sheet.unexplained)] if sheet.unexplained else []
