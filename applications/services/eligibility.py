"""“Would this pass?”, answered by the gates themselves before a word is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from applications.choices import CHECKED_AGAIN, AppBuild, GateOutcome
from applications.content import Asked, Content, content_of
from applications.facts import Facts
from applications.gates.base import Result, ordered_gates, run_gates
from applications.models import Application
from applications.selectors.facts import gather_facts
from backoffice.kernel.tenancy.models import Developer


@dataclass(frozen=True)
class Eligible:
    """The answer for one capability. ``passes_as_custom``: refused as the template that was asked about, it would pass as a custom build."""

    capability: str
    passes: bool
    passes_as_custom: bool
    results: Sequence[Result]


@dataclass(frozen=True)
class Eligibility:
    """``general``: what stands against any application of this kind; ``capabilities``: one by one."""

    general: Sequence[Result]
    capabilities: Sequence[Eligible]

    @property
    def passes(self) -> bool:
        return not self.general and all(each.passes for each in self.capabilities)


def check_eligibility(
    *, developer: Developer, form: str, build: str, category: str, capabilities: Sequence[str], now: datetime, merchant: str = ""
) -> Eligibility:
    """Ask the gates that need no text about this kind, category and merchant, for each capability. Writes nothing; four queries for the facts."""
    content = Content(form=form, build=build, category=category, merchant=merchant, capabilities=tuple(Asked(code) for code in dict.fromkeys(capabilities)))
    facts = gather_facts(developer=developer, content=content, now=now)
    general = _failed(replace(facts, capabilities=()))
    return Eligibility(general, [_about(facts, code) for code in content.codes])


def check_case_now(case: Application, *, now: datetime) -> list[Result]:
    """What the gates that are asked again at the decision would say now: for the review page. Reads only, and promises nothing: deciding asks again."""
    facts = gather_facts(developer=case.developer, content=content_of(case.revision.content if case.revision else case.draft), now=now, app=case.app, case=case)
    results = run_gates(facts, [gate for gate in ordered_gates() if gate.code in CHECKED_AGAIN])
    return [result for result in results if result.outcome != GateOutcome.PASS]


def check_draft(case: Application, *, now: datetime) -> list[Result]:
    """What every gate would say if the draft were submitted now. Reads only; no submission, so nothing is counted."""
    facts = gather_facts(developer=case.developer, content=content_of(case.draft), now=now, app=case.app, case=case)
    return [result for result in run_gates(facts) if result.outcome == GateOutcome.FAIL]


def _about(facts: Facts, code: str) -> Eligible:
    alone = replace(facts, capabilities=tuple(asked for asked in facts.capabilities if asked.code == code))
    general = set(map(_key, _failed(replace(facts, capabilities=()))))
    results = [result for result in _failed(alone) if _key(result) not in general]
    as_custom = False
    if results and facts.content.build == AppBuild.TEMPLATE:
        custom = replace(alone, content=replace(alone.content, build=AppBuild.CUSTOM.value), merchants=())
        as_custom = not [result for result in _failed(custom) if _key(result) not in general]
    return Eligible(code, not results, as_custom, results)


def _failed(facts: Facts) -> list[Result]:
    """What the gates that need no text found. A broken one says nothing here."""
    asked = [gate for gate in ordered_gates() if gate.before_writing or (gate.code == "G08" and facts.content.merchant)]
    return [result for result in run_gates(facts, asked) if result.outcome == GateOutcome.FAIL]


def _key(result: Result) -> tuple[str, str]:
    return result.gate, result.code
