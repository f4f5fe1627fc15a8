"""What a member bought and got stands on the one timeline of the member's page."""

from __future__ import annotations

from datetime import date

import pytest
from django.utils.translation import override

from backoffice.kernel.tenancy.roles import Role
from members.paid.selectors.timeline import list_paid_items
from members.selectors.timeline import list_timeline
from tests.factories import make_member, make_user
from tests.members.paid.selling import buy, cancel, live_program, use

pytestmark = pytest.mark.django_db
DAY = date(2027, 1, 31)


@pytest.fixture(autouse=True)
def _english():
    with override("en"):
        yield


def test_purchases_and_benefits_are_told():
    program = live_program(unit="MONTH", name="Spruce")
    member = make_member(program.store)
    bought = buy(program, member, DAY, order_no="A1")
    use(bought, "gift", DAY)
    cancel(bought, DAY)
    staff = make_user(Role.MERCHANT_OPERATOR, merchant=program.store.merchant)
    told = {(item.kind, str(item.title), str(item.status)) for item in list_timeline(member, staff)}
    assert {
        ("paid", "Paid membership opened", ""),
        ("paid", "Paid membership “Spruce” ended", "Cancelled"),
        ("benefit", "Benefit “Gift”", "Used"),
        ("benefit", "Benefit “Coupon”", "Revoked"),
    } <= told
    (opened,) = [item for item in list_paid_items(member, staff, 50) if str(item.title) == "Paid membership opened"]
    assert "A1" in opened.body
    assert "2027-01-31 to 2027-02-27" in opened.body


def test_others_see_nothing_of_it():
    program = live_program()
    member = make_member(program.store)
    buy(program, member, DAY)
    assert list_paid_items(member, make_user(Role.PLATFORM_REVIEWER), 50) == []
    assert list_paid_items(make_member(program.store), make_user(), 50) == []


@pytest.mark.parametrize("purchases", [1, 3])
def test_two_queries_whatever_was_bought(purchases, django_assert_num_queries):
    program = live_program(unit="MONTH")
    member = make_member(program.store)
    for month in range(purchases):
        buy(program, member, date(2027, 1 + 2 * month, 1))
    user = make_user()
    list_paid_items(member, user, 50)
    with django_assert_num_queries(2):
        items = list_paid_items(member, user, 50)
    assert len(items) == purchases * 3
