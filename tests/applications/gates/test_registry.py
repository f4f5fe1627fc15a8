"""One contract for every gate, and the runner around them. A new gate passes this before it has a test of its own."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

import pytest
from django.utils import translation

from applications.choices import GateOutcome, RunOutcome
from applications.content import Asked, Content
from applications.facts import CapabilityFacts, DeveloperFacts, Facts, MerchantFacts
from applications.gates.base import GATES, Gate, Result, outcome_of, run_gates, words_of
from tests.applications.cases import MONDAY

NAMES = {"zh-hans": "读取会员", "en": "Read members"}
GOOD = Facts(
    now=MONDAY,
    content=Content(
        form="WIDGET", build="TEMPLATE", category="beauty", audience_group="国货", contact_name="李雷", contact_dingtalk="lilei",
        demo_url="https://www.yuque.com/a/b", demo_covers=("EXPERIENCE", "FULL_PATH", "USER_FLOW", "VISUAL"),
        capabilities=(Asked("member.read", "会员中心首页的使用场景", "会员得到可感知的好处"),),
    ),
    category_names={"zh-hans": "美妆", "en": "Beauty"}, is_category_in_table=True, table="3",
    capabilities=(CapabilityFacts("member.read", NAMES, openness="OPEN"),),
)  # fmt: skip


def but(content: dict[str, object] | None = None, developer: dict[str, object] | None = None, **changes: object) -> Facts:
    return dataclasses.replace(
        GOOD, content=dataclasses.replace(GOOD.content, **content or {}), developer=dataclasses.replace(GOOD.developer, **developer or {}), **changes
    )


CUSTOM = {"build": "CUSTOM", "merchant": "m1", "audience_group": ""}
PREMIUM = MerchantFacts(7, "花西子", "PREMIUM")
TWO = (Asked("member.read", "同一段文字贴到每一处", "会员得到可感知的好处"), Asked("x", "同一段文字贴到每一处", "另一项可感知的好处说明"))
STOPPED: list[tuple[str, str, Facts]] = [
    ("G01", "barred", but(developer={"level": "BARRED", "score": 6})),
    ("G01", "cooling_down", but(developer={"cool_down_until": MONDAY + timedelta(days=1)})),
    ("G02", "missing", but({"contact_dingtalk": ""})),
    ("G03", "papers_missing", but({"company_intro": "一家公司"}, developer={"is_onboarded": False})),
    ("G04", "unknown_form", but({"form": "PAGE"})),
    ("G04", "unknown_build", but({"build": ""})),
    ("G05", "no_table", but(table="", is_category_in_table=False)),
    ("G05", "unknown_category", but(category_names=None, is_category_in_table=False)),
    ("G05", "not_in_table", but(is_category_in_table=False)),
    ("G06", "unknown_capability", but(capabilities=(CapabilityFacts("x", NAMES, is_known=False),))),
    ("G06", "closed", but(capabilities=(CapabilityFacts("x", NAMES, openness="CLOSED"),))),
    ("G07", "custom_only", but(capabilities=(CapabilityFacts("x", NAMES, openness="CUSTOM_ONLY"),))),
    ("G08", "merchant_missing", but({**CUSTOM, "merchant": ""})),
    ("G08", "merchant_unknown", but(CUSTOM)),
    ("G08", "merchant_ambiguous", but(CUSTOM, merchants=(PREMIUM, PREMIUM))),
    ("G08", "merchant_barred", but(CUSTOM, merchants=(dataclasses.replace(PREMIUM, is_barred=True),))),
    ("G08", "merchant_suspended", but(CUSTOM, merchants=(dataclasses.replace(PREMIUM, is_active=False),))),
    ("G08", "other_merchant", but(CUSTOM, {"bound_merchant": 8}, merchants=(PREMIUM,))),
    ("G09", "tier_too_low", but(CUSTOM, merchants=(dataclasses.replace(PREMIUM, tier="POTENTIAL"),))),
    ("G09", "no_tier", but(CUSTOM, merchants=(dataclasses.replace(PREMIUM, tier=""),))),
    ("G10", "audience_missing", but({"audience_group": ""})),
    ("G11", "demo_missing", but({"demo_url": ""})),
    ("G11", "address_malformed", but({"demo_url": "yuque"})),
    ("G11", "file_missing", but({"demo_file": 5})),
    ("G11", "demo_incomplete", but({"demo_covers": ("FULL_PATH",)})),
    ("G12", "scene_missing", but({"capabilities": (Asked("member.read", "短", "会员得到可感知的好处"),)})),
    ("G12", "value_missing", but({"capabilities": (Asked("member.read", "会员中心首页的使用场景"),)})),
    ("G12", "same_text", but({"capabilities": TWO})),
    ("G13", "twin", but(capabilities=(CapabilityFacts("member.read", NAMES, openness="OPEN", twin="A000001"),))),
    ("G14", "unchanged", but(refused_as="A000002")),
    ("G15", "too_many", but(developer={"open_count": 5})),
]


def gates() -> list[Gate]:
    return sorted(GATES, key=lambda gate: gate.code)


def test_there_are_fifteen():
    assert [gate.code for gate in gates()] == [f"G{number:02}" for number in range(1, 16)]


def test_good_facts_pass_every_gate():
    assert run_gates(GOOD) == [Result(gate.code, GateOutcome.PASS) for gate in gates()]
    assert outcome_of(run_gates(GOOD)) == RunOutcome.PASSED


def test_every_finding_that_a_gate_knows_is_shown_here():
    assert {(gate.code, code) for gate in GATES for code in gate.texts} == {(gate, code) for gate, code, _ in STOPPED}


@pytest.mark.parametrize(("gate", "code", "facts"), STOPPED, ids=[f"{gate}-{code}" for gate, code, _ in STOPPED])
def test_a_gate_stops_with_code_fact_and_fix(gate: str, code: str, facts: Facts):
    results = [result for result in run_gates(facts) if (result.gate, result.code) == (gate, code)]
    assert [result.outcome for result in results] == [GateOutcome.FAIL]
    assert outcome_of(run_gates(facts)) == RunOutcome.STOPPED
    said = {}
    for language in ("en", "zh-hans"):
        with translation.override(language):
            said[language] = words_of(gate, code, results[0].params)
            assert all(said[language]), said
            assert "%(" not in "".join(said[language])
    assert said["en"] != said["zh-hans"]
    assert re.search(r"[\u4e00-\u9fff]", said["zh-hans"][1])


@pytest.mark.parametrize("gate", gates(), ids=lambda gate: gate.code)
def test_a_gate_is_pure(gate: Gate):
    """No database (this test has none), the same answer twice, whatever the facts, and only findings that it has words for."""
    for _, _, facts in STOPPED:
        first = list(gate.check(facts))
        assert first == list(gate.check(facts))
        assert {finding.code for finding in first} <= set(gate.texts)
    list(gate.check(Facts(now=MONDAY, content=Content())))


def test_a_broken_gate_leaves_the_checks_pending_and_the_others_go_on():
    def breaks(_facts: Facts) -> list[object]:
        raise RuntimeError("out of order")

    broken = dataclasses.replace(GATES.get("G05"), check=breaks)
    results = run_gates(GOOD, [GATES.get("G01"), broken, GATES.get("G02")])
    assert [result.outcome for result in results] == [GateOutcome.PASS, GateOutcome.BROKEN, GateOutcome.PASS]
    assert outcome_of(results) == RunOutcome.PENDING
    stopped = run_gates(but({"contact_name": ""}), [broken, GATES.get("G02")])
    assert outcome_of(stopped) == RunOutcome.STOPPED


def test_a_finding_of_another_release_is_shown_as_its_code():
    assert words_of("G99", "gone", {}) == ("gone", "")
    assert words_of("G05", "not_in_table", {}) == ("not_in_table", "")


def test_a_developer_with_its_papers_on_file_needs_no_others():
    there = DeveloperFacts(is_onboarded=False, has_intro=True, has_past_cases=True)
    assert list(GATES.get("G03").check(dataclasses.replace(GOOD, developer=there))) == []
