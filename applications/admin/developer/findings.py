"""Where on the page of a draft a finding of the checks or a task of a reviewer stands: beside the fields that it concerns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from applications.admin.developer.draft_form import CONTACTS, PAPERS
from applications.choices import ITEM_FIELDS
from applications.gates.base import Result, words_of
from applications.models import Capability
from applications.selectors.applicant import SeenReason, rule_title

GENERAL, APP, TARGET, CAPABILITIES, DEMO, CONTACT, PAPER = "general", "app", "target", "capabilities", "demo", "contacts", "papers"
GATE_PARTS: Mapping[str, str] = {
    "G03": PAPER, "G04": APP, "G05": APP, "G06": CAPABILITIES, "G07": CAPABILITIES, "G08": TARGET, "G09": TARGET, "G10": TARGET, "G11": DEMO,
    "G12": CAPABILITIES, "G13": CAPABILITIES,
}  # fmt: skip
"""Gates that are about one part of the form. What is not here is about the whole application."""
_FIELD_PARTS: Mapping[str, str] = {**dict.fromkeys(CONTACTS, CONTACT), **dict.fromkeys(PAPERS, PAPER), "capabilities": CAPABILITIES, "category": APP}


@dataclass(frozen=True)
class Said:
    """One thing to read beside a part of the form. ``is_task``: a reviewer asks for it; else a check found it."""

    rule: str
    title: str
    fact: str
    fix: str
    is_task: bool = False


class Beside:
    """What is said about each part of the form, and about each capability by its code."""

    def __init__(self, results: Iterable[Result], tasks: Iterable[SeenReason], capabilities: Sequence[Capability]) -> None:
        self.parts: dict[str, list[Said]] = defaultdict(list)
        self.codes: dict[str, list[Said]] = defaultdict(list)
        self._names = {str(sorted(row.names.items())): row.code for row in capabilities} | {row.code: row.code for row in capabilities}
        for task in tasks:
            self._put_task(task)
        for result in results:
            self._put_result(result)

    def __len__(self) -> int:
        return sum(len(said) for said in (*self.parts.values(), *self.codes.values()))

    @property
    def tasks(self) -> int:
        return sum(row.is_task for said in (*self.parts.values(), *self.codes.values()) for row in said)

    def _put_task(self, task: SeenReason) -> None:
        said = Said(task.rule, task.title, task.fact, task.fix, is_task=True)
        if task.capability in self._names:
            self.codes[task.capability].append(said)
        else:
            self.parts[_part_of_rule(task.rule)].append(said)

    def _put_result(self, result: Result) -> None:
        fields = result.params.get("fields")
        if isinstance(fields, list):
            by_part: dict[str, list[str]] = defaultdict(list)
            for name in fields:
                by_part[_FIELD_PARTS.get(name, GENERAL)].append(name)
            for part, names in by_part.items():
                self.parts[part].append(_said(result, {**result.params, "fields": names}))
            return
        named = result.params.get("capability")
        code = self._names.get(str(sorted(named.items())) if isinstance(named, dict) else str(named))
        if code is not None:
            self.codes[code].append(_said(result, result.params))
        else:
            self.parts[GATE_PARTS.get(result.gate, GENERAL)].append(_said(result, result.params))


def _said(result: Result, params: Mapping[str, object]) -> Said:
    fact, fix = words_of(result.gate, result.code, params)
    return Said(result.gate, rule_title(result.gate), fact, fix)


def _part_of_rule(rule: str) -> str:
    if rule in GATE_PARTS:
        return GATE_PARTS[rule]
    judged_by = ITEM_FIELDS.get(rule, ())
    if PAPERS[1] in judged_by:
        return PAPER
    return DEMO if "demo_url" in judged_by else GENERAL
