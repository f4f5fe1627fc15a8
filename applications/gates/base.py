"""What a gate is: a pure function of facts that says what is wrong, as a code with figures. The words are made when somebody reads them.

A new gate is one file in this package that calls ``gate(...)``; it is found by being there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.utils.translation import get_language

from applications.choices import AppBuild, AppForm, GateOutcome, RunOutcome, StandingLevel
from applications.content import FIELD_LABELS
from applications.facts import Facts
from backoffice.kernel import clock
from backoffice.kernel.registry import Registry
from backoffice.kernel.tenancy.choices import MerchantTierCode

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Finding:
    """One thing that stops a submission. ``code`` names its words in the gate's ``texts``; ``params`` are codes, numbers and names by language."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Words:
    """What people read of a finding: what is the case, and what to do. Placeholders are the finding's params."""

    fact: Any
    fix: Any


@dataclass(frozen=True)
class Gate:
    """``before_writing``: can be answered on the eligibility page, when nothing is written yet."""

    code: str
    title: Any
    texts: Mapping[str, Words]
    check: Callable[[Facts], Iterable[Finding]]
    before_writing: bool = False


GATES: Registry[Gate] = Registry("gate")


def gate(code: str, title: Any, texts: Mapping[str, Words], *, before_writing: bool = False) -> Callable[[Callable[[Facts], Iterable[Finding]]], Gate]:
    """Register the function below as gate ``code``."""

    def enter(check: Callable[[Facts], Iterable[Finding]]) -> Gate:
        return GATES.register(code, Gate(code, title, texts, check, before_writing))

    return enter


def ordered_gates() -> list[Gate]:
    return sorted(GATES, key=lambda each: each.code)


@dataclass(frozen=True)
class Result:
    """What one gate said: one entry per finding, or one without a code when it passed or is broken."""

    gate: str
    outcome: str
    code: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


def run_gates(facts: Facts, gates: Iterable[Gate] | None = None) -> list[Result]:
    """Every gate over the same facts. One that raises is BROKEN and stops nobody by itself: its error is logged, the others go on."""
    results = []
    for each in ordered_gates() if gates is None else gates:
        try:
            findings = list(each.check(facts))
        except Exception:
            log.exception("gate.broken", gate=each.code)
            results.append(Result(each.code, GateOutcome.BROKEN))
            continue
        results += [Result(each.code, GateOutcome.FAIL, found.code, found.params) for found in findings] or [Result(each.code, GateOutcome.PASS)]
    return results


def outcome_of(results: Iterable[Result]) -> str:
    """A finding stops; a broken gate without any finding leaves the checks pending."""
    outcomes = {result.outcome for result in results}
    if GateOutcome.FAIL in outcomes:
        return RunOutcome.STOPPED
    return RunOutcome.PENDING if GateOutcome.BROKEN in outcomes else RunOutcome.PASSED


LABELS: Mapping[str, Any] = {
    "form": AppForm,
    "build": AppBuild,
    "tier": MerchantTierCode,
    "level": StandingLevel,
}
"""Params that are codes of choices, by name."""


def words_of(gate_code: str, code: str, params: Mapping[str, Any]) -> tuple[str, str]:
    """(fact, fix) in the active language. A finding of a gate or code that this release no longer knows is shown as its code."""
    if gate_code not in GATES or code not in GATES.get(gate_code).texts:
        return code, ""
    words = GATES.get(gate_code).texts[code]
    shown = {name: _shown(name, value) for name, value in params.items()}
    try:
        return str(words.fact) % shown, str(words.fix) % shown
    except (KeyError, ValueError, TypeError):
        return code, ""


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get("en" if (get_language() or "").startswith("en") else "zh-hans") or next(iter(value.values()), "")
    if isinstance(value, list | tuple):
        return ", ".join(str(_shown(name, each)) for each in value)
    if name == "fields":
        return FIELD_LABELS.get(value, value)
    if name in LABELS and value in LABELS[name].values:
        return LABELS[name](value).label
    if name.endswith("_at"):
        return f"{clock.to_local(datetime.fromisoformat(value)):%Y-%m-%d %H:%M}"
    return value
