"""``GET /stores/{store}/entry-points/live-card`` and ``/member-centre``."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.kernel.tenancy.models import MerchantBar
from members.models import Member
from members.paid.services.programs import set_benefit_switch
from tests.factories import make_member, make_store, make_user
from tests.kernel.api.calling import Caller, problem_of
from tests.members.paid.making import NOW, make_program, place_live_card

pytestmark = pytest.mark.django_db
ENTRIES = {"live-card": "LIVE_CARD", "member-centre": "MEMBER_CENTRE"}


def world(code: str = "S1", order: str = "EACBD") -> Any:
    """A store with five benefits, its live card placed, and the member M1."""
    store = make_store(code)
    program = make_program(store, benefits={key: {"settings": {"gift": f"Gift {key}"}} for key in "ABCDE"}, by=make_user(), name="Club")
    program.decoration.modules = list(order)
    program.decoration.save(update_fields=["modules"])
    place_live_card(store)
    make_member(store, "M1")
    return program


def keys(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["program"] is None, told["sign_up_url"] is None) == ((not told["benefits"],) * 2)
    return [benefit["key"] for benefit in told["benefits"]]


@pytest.mark.parametrize("path", ENTRIES)
def test_the_whole_answer(path):
    program = world()
    answer = Caller(program.store).get(f"/stores/S1/entry-points/{path}?member_no=M1")
    assert answer.json() == {
        "store": "S1",
        "entry": ENTRIES[path],
        "program": {"program_id": program.pk, "name": "Club", "card_fee": "99.00", "term_unit": "YEAR", "term_days": None},
        "benefits": [{"key": key, "kind": "OPENING_GIFT", "title": key, "description": "", "text": f"Gift {key} · at once"} for key in ("E", "A", "C")],
        "sign_up_url": f"/paid-membership/S1/{program.pk}",
    }


@pytest.mark.parametrize("path", ENTRIES)
def test_empty_for_anybody_who_is_no_member(path):
    program, other = world(), world("S2")
    caller = Caller(program.store, other.store)
    make_member(other.store, "M2")
    base = f"/stores/S1/entry-points/{path}"
    empty = {"store": "S1", "entry": ENTRIES[path], "program": None, "benefits": [], "sign_up_url": None}
    for query in ("", "?member_no=M2", "?member_no=nobody"):
        assert caller.get(base + query).json() == empty
    for status in ("FROZEN", "BLACKLISTED", "LEFT"):
        Member.objects.filter(store=program.store).update(status=status)
        assert caller.get(f"{base}?member_no=M1").json() == empty


def test_the_live_card_needs_its_module_and_a_bar_ends_both():
    program = world()
    caller = Caller(program.store)
    program.store.entry_placement.delete()
    assert keys(caller.get("/stores/S1/entry-points/live-card?member_no=M1")) == []
    assert keys(caller.get("/stores/S1/entry-points/member-centre?member_no=M1")) == ["E", "A", "C"]
    set_benefit_switch(benefit=program.pack.benefits.get(key="A"), on=False, by=make_user(), now=NOW)
    assert keys(caller.get("/stores/S1/entry-points/member-centre?member_no=M1")) == ["E", "C", "B"]
    place_live_card(program.store)
    MerchantBar.objects.create(merchant=program.store.merchant, reason="x", imposed_by=make_user(), imposed_at=NOW)
    for path in ENTRIES:
        assert keys(caller.get(f"/stores/S1/entry-points/{path}?member_no=M1")) == []


@pytest.mark.parametrize("query", ["?member_no=", "?member_no=%00", "?member_no=" + "x" * 65])
def test_what_is_no_member_number_is_refused(query):
    program = world()
    assert problem_of(Caller(program.store).get(f"/stores/S1/entry-points/live-card{query}")) == (422, "body_invalid")


@pytest.mark.parametrize("stores", [1, 3])
def test_an_answer_takes_as_many_queries_whatever_there_is(django_assert_num_queries, stores):
    programs = [world(f"S{number}") for number in range(1, stores + 1)]
    caller = Caller(programs[0].store)
    caller.get("/stores/S1/entry-points/live-card?member_no=M1")
    with django_assert_num_queries(6):
        caller.get("/stores/S1/entry-points/live-card?member_no=M1")
