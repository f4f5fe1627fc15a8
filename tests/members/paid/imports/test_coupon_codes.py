"""Files of coupon codes: new ones are kept in the order of the file, known ones stay, what waited for one gets it."""

from __future__ import annotations

import pytest

from members.paid.models import BenefitIssue, CouponCode
from members.paid.services.issue import issue_due, retry_failed
from tests.factories import NOON, make_member, make_store
from tests.loading import csv_of, load, outcome, problems
from tests.members.paid.making import make_membership
from tests.members.paid.selling import live_program

pytestmark = pytest.mark.django_db
HEADER = "pool,code"


@pytest.fixture
def store():
    return make_store("YS01")


def codes():
    return list(CouponCode.objects.order_by("pk").values_list("store__code", "pool", "code"))


def test_new_codes_in_the_order_of_the_file_and_nothing_twice(store):
    make_store("YS02")
    text = csv_of(HEADER, "春季,ZZ1", "春季,AA1", "秋季,BB1")
    assert outcome(load("coupon_codes", text, store=store)) == {"status": "APPLIED", "created": 3}
    assert codes() == [("YS01", "春季", "ZZ1"), ("YS01", "春季", "AA1"), ("YS01", "秋季", "BB1")]
    again = load("coupon_codes", csv_of(HEADER, "春季,ZZ1", "春季,CC1"), store=store)
    assert outcome(again) == {"status": "APPLIED", "created": 1, "unchanged": 1}


def test_a_code_of_another_list_and_one_twice_in_the_file_are_refused(store):
    load("coupon_codes", csv_of(HEADER, "春季,ZZ1"), store=store)
    job = load("coupon_codes", csv_of(HEADER, "秋季,ZZ1", "秋季,DD1", "秋季,DD1"), store=store)
    assert {code for _line, _column, code in problems(job)} == {"code_of_other_list", "key_twice"}
    assert codes() == [("YS01", "春季", "ZZ1")]


def test_the_same_code_in_two_stores_is_two(store):
    load("coupon_codes", csv_of(HEADER, "春季,ZZ1"), store=store)
    load("coupon_codes", csv_of(HEADER, "春季,ZZ1"), store=make_store("YS02"))
    assert [row[0] for row in codes()] == ["YS01", "YS02"]


def test_a_dry_run_keeps_nothing(store):
    assert outcome(load("coupon_codes", csv_of(HEADER, "春季,ZZ1"), store=store, dry=True)) == {"status": "CHECKED", "created": 1}
    assert codes() == []


def test_what_waited_for_a_code_gets_one_at_the_next_run(store):
    program = live_program({"coupon": {"kind": "MONTHLY_COUPON", "schedule": "MONTHLY", "code_pool": "春季"}}, store=store)
    member = make_member(store)
    make_membership(program, member, starts_on=NOON.date())
    other_store = live_program({"coupon": {"kind": "MONTHLY_COUPON", "schedule": "MONTHLY", "code_pool": "春季"}})
    make_membership(other_store, make_member(other_store.store), starts_on=NOON.date())
    issue_due(now=NOON)
    assert set(BenefitIssue.objects.values_list("status", flat=True)) == {"FAILED"}
    assert retry_failed(now=NOON) == 0
    load("coupon_codes", csv_of(HEADER, "春季,ZZ1", "春季,AA1"), store=store)
    assert retry_failed(now=NOON) == 1
    issue = BenefitIssue.objects.get(member=member)
    assert (issue.status, issue.code, issue.coupon_code.code) == ("ISSUED", "ZZ1", "ZZ1")
