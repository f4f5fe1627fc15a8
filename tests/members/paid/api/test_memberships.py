"""Buying, paying, renewing, cancelling and using over the API: what a store's till and app see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.tenancy.services.bars import impose_bar
from members.choices import MemberStatus
from members.models import Member
from members.paid.models import BenefitIssue, PaidMembership, PaidProgram
from members.paid.terms import add_months
from tests.factories import make_member, make_store, make_user
from tests.kernel.api.calling import Caller, problem_of
from tests.members.paid.making import make_program

pytestmark = pytest.mark.django_db
BASE = "/stores/S1/paid-memberships"


@pytest.fixture
def world() -> dict[str, Any]:
    store = make_store("S1")
    program = make_program(store, by=make_user(), name="Gold")
    return {"store": store, "program": program, "member": make_member(store, "M1"), "caller": Caller(store)}


def order(world: dict[str, Any], order_no: str = "P1", *, paid: bool = True, **given: Any) -> dict[str, Any]:
    rest = {"member_no": "M1", "program_id": world["program"].pk, "order_no": order_no}
    return rest | ({"paid_at": database_now().isoformat(timespec="seconds")} if paid else {}) | given


def test_paid_at_once_it_opens_with_its_gift(world):
    today = local_day(database_now())
    answer = world["caller"].post(BASE, order(world))
    told = answer.json()
    assert answer.status_code == 201
    assert (told["status"], told["program"], told["price"], told["is_renewal"], told["auto_renew"]) == ("ACTIVE", "Gold", "99.00", False, False)
    assert (told["starts_on"], told["last_day"]) == (today.isoformat(), (add_months(today, 12) - timedelta(days=1)).isoformat())
    assert sorted((issue["benefit"], issue["status"]) for issue in told["issues"]) == [("coupon", "ISSUED"), ("gift", "ISSUED")]
    assert AuditEvent.objects.get(verb="membership.activated").actor == world["caller"].client.user
    assert world["caller"].get(f"{BASE}/P1").json() == told


def test_the_same_order_again_is_one_and_another_of_its_number_none(world):
    world["caller"].post(BASE, order(world))
    make_member(world["store"], "M2")
    assert world["caller"].post(BASE, order(world)).status_code == 200
    assert problem_of(world["caller"].post(BASE, order(world, member_no="M2"))) == (422, "order_differs")
    assert PaidMembership.objects.count() == 1


def test_an_order_waits_for_its_payment_and_opens_once(world):
    waiting = world["caller"].post(BASE, order(world, paid=False)).json()
    assert (waiting["status"], waiting["starts_on"], waiting["issues"]) == ("PENDING", None, [])
    assert waiting["pay_until"]
    for _twice in range(2):
        paid = world["caller"].post(f"{BASE}/P1/payment", {})
        assert (paid.status_code, paid.json()["status"], len(paid.json()["issues"])) == (200, "ACTIVE", 2)
    assert BenefitIssue.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda w: Member.objects.update(status=MemberStatus.LEFT), "join_first"),
        (lambda w: PaidProgram.objects.update(stock_limit=1, sold_count=1), "sold_out"),
        (lambda w: PaidProgram.objects.update(status="CLOSED", ended_at=database_now()), "program_not_live"),
        (lambda w: impose_bar(merchant=w["store"].merchant, reason="x", by=make_user(), now=database_now()), "merchant_barred"),
    ],
    ids=["left", "sold out", "closed", "barred"],
)
def test_refusals_change_nothing(world, change, code):
    change(world)
    assert problem_of(world["caller"].post(BASE, order(world))) == (422, code)
    assert PaidMembership.objects.count() == 0


def test_a_lower_plan_never_takes_a_higher_ones_place_and_a_higher_one_does(world):
    gold = make_program(world["store"], by=make_user(), name="Platinum", rank=9)
    assert world["caller"].post(BASE, order(world)).status_code == 201
    assert world["caller"].post(BASE, order(world, "P2", program_id=gold.pk)).status_code == 201
    assert world["caller"].get(f"{BASE}/P1").json()["status"] == "REPLACED"
    assert problem_of(world["caller"].post(BASE, order(world, "P3"))) == (422, "lower_plan")


def test_a_renewal_follows_on(world):
    first = world["caller"].post(BASE, order(world)).json()
    assert problem_of(world["caller"].post(BASE, order(world, "P2"))) == (422, "held_already")
    second = world["caller"].post(f"{BASE}/renew", order(world, "P2"))
    assert (second.status_code, second.json()["is_renewal"], second.json()["issues"]) == (201, True, [])
    assert second.json()["starts_on"] > first["last_day"]


def test_cancelled_soon_and_unused_everything_goes_back(world):
    world["caller"].post(BASE, order(world))
    told = world["caller"].post(f"{BASE}/cancel", {"order_no": "P1", "reason": "Moved"}).json()
    assert told["refund"] == {"amount": "99.00", "cause": "FULL", "status": "DUE"}
    assert told["membership"]["status"] == "CANCELLED"
    assert {issue["status"] for issue in told["membership"]["issues"]} == {"REVOKED"}
    assert problem_of(world["caller"].post(f"{BASE}/cancel", {"order_no": "P1", "reason": "Moved"})) == (422, "not_running")


def test_consent_to_renewal_is_the_members_and_kept(world):
    world["caller"].post(BASE, order(world))
    assert world["caller"].post(f"{BASE}/P1/auto-renewal", {"on": True}).json()["auto_renew"] is True
    assert world["caller"].post(f"{BASE}/P1/auto-renewal", {"on": False}).json()["auto_renew"] is False
    assert problem_of(world["caller"].post(f"{BASE}/P1/auto-renewal", {"on": "yes"})) == (422, "body_invalid")


def test_what_a_member_holds_and_uses_once(world):
    path = "/stores/S1/members/M1/benefits"
    assert world["caller"].get(path).json() == {"member_no": "M1", "is_paid_member": False, "terms": [], "issues": []}
    world["caller"].post(BASE, order(world))
    held = world["caller"].get(path).json()
    assert (held["is_paid_member"], [term["order_no"] for term in held["terms"]]) == (True, ["P1"])
    gift = next(issue for issue in held["issues"] if issue["benefit"] == "gift")
    use = f"/stores/S1/members/M1/issues/{gift['issue_id']}/use"
    for _twice in range(2):
        assert world["caller"].post(use, {"reference": "D1"}).json()["status"] == "USED"
    assert problem_of(world["caller"].post(use, {"reference": "D2"}))[0] == 409


def test_another_members_issue_is_missing(world):
    world["caller"].post(BASE, order(world))
    make_member(world["store"], "M2")
    issue = BenefitIssue.objects.first()
    assert problem_of(world["caller"].post(f"/stores/S1/members/M2/issues/{issue.pk}/use", {"reference": "D1"})) == (404, "not_found")


def test_holders_of_a_barred_merchant_read_what_they_hold(world):
    world["caller"].post(BASE, order(world))
    impose_bar(merchant=world["store"].merchant, reason="x", by=make_user(), now=database_now())
    PaidProgram.objects.update(status="REVOKED", status_before="LIVE", ended_at=database_now())
    assert len(world["caller"].get("/stores/S1/members/M1/benefits").json()["issues"]) == 2


def test_one_query_more_for_no_issue_more(world, django_assert_num_queries):
    world["caller"].post(BASE, order(world))
    world["caller"].get("/stores/S1/members/M1/benefits")
    with django_assert_num_queries(6) as few:
        world["caller"].get("/stores/S1/members/M1/benefits")
    term, benefit = PaidMembership.objects.get(), world["program"].pack.benefits.get(key="coupon")
    today = term.starts_on
    for period in (1, 2, 3):
        BenefitIssue.objects.create(
            store=term.store, member=term.member, paid_membership=term, benefit=benefit, period=period, due_on=today, issued_at=database_now(),
            expires_on=term.ends_on,
        )  # fmt: skip
    with django_assert_num_queries(len(few)):
        world["caller"].get("/stores/S1/members/M1/benefits")
