"""Every finding and every task has its place on the page of a draft."""

from __future__ import annotations

from django.template.loader import get_template

from applications.admin.developer import findings
from applications.admin.developer.findings import Beside
from applications.choices import Item
from applications.gates.base import GATES, Result
from applications.models import Capability
from applications.selectors.applicant import SeenReason

PARTS = ("general", "app", "target", "capabilities", "demo", "contacts", "papers")
READ = Capability(code="member.read", name="读取会员", name_en="Read members")


def test_the_page_shows_every_part() -> None:
    page = get_template("applications/developer/draft.html").template.source
    assert [part for part in PARTS if f"page.beside.{part}" not in page] == []
    assert {*findings.GATE_PARTS.values()} <= set(PARTS)


def test_no_finding_of_any_gate_is_left_out() -> None:
    for gate in GATES:
        for code in gate.texts:
            assert len(Beside([Result(gate.code, "FAIL", code)], [], [READ])) == 1


def test_missing_fields_are_told_apart_by_where_they_stand() -> None:
    beside = Beside([Result("G02", "FAIL", "missing", {"fields": ["contact_name", "contact_dingtalk", "capabilities"]})], [], [])
    assert set(beside.parts) == {"contacts", "capabilities"}
    assert "DingTalk" not in beside.parts["capabilities"][0].fact


def test_a_finding_about_one_capability_stands_there() -> None:
    for named in (READ.names, READ.code):
        beside = Beside([Result("G13", "FAIL", "twin", {"twin": "A000001", "capability": named})], [], [READ])
        assert (list(beside.codes), dict(beside.parts)) == (["member.read"], {})


def test_every_item_of_the_checklist_has_a_place_for_its_task() -> None:
    for item in Item:
        beside = Beside([], [SeenReason(item.value, item.label, "", "f", "x")], [READ])
        assert beside.tasks == 1
        assert set(beside.parts) <= set(PARTS)
    assert list(Beside([], [SeenReason("S1", "", "member.read", "f", "x")], [READ]).codes) == ["member.read"]
    assert list(Beside([], [SeenReason("V1", "", "", "f", "x")], []).parts) == ["papers"]
