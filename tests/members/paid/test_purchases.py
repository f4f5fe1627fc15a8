"""Buying and renewing: terms by their dates, places of the stock, higher and lower plans, orders told twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connections

from backoffice.kernel.errors import NotAllowed, NotFound
from backoffice.kernel.tenancy.models import MerchantBar
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.selectors.bars import MerchantBarred
from members.models import Member
from members.paid.models import PaidMembership, PaidProgram, PaidRefund
from members.paid.selectors.validity import get_term_on, is_paid_member
from members.paid.services.purchases import confirm_payment, lapse_unpaid, quote
from members.paid.services.rights import PaidRefused
from members.paid.terms import add_months
from tests.factories import make_member, make_store, make_user
from tests.members.paid.making import make_membership, make_program
from tests.members.paid.selling import buy, cancel, issues, live_program, noon, renew

pytestmark = pytest.mark.django_db
DAY = date(2027, 1, 31)


def refused(code, act, *args, **kwargs):
    """The act is refused with this code, and nothing has changed."""
    before = (list(PaidMembership.objects.order_by("pk").values()), list(PaidProgram.objects.order_by("pk").values("pk", "sold_count")))
    with pytest.raises(PaidRefused) as refusal:
        act(*args, **kwargs)
    assert refusal.value.code == code
    assert (list(PaidMembership.objects.order_by("pk").values()), list(PaidProgram.objects.order_by("pk").values("pk", "sold_count"))) == before


def test_bought_and_paid_it_is_open_with_its_dates_and_the_opening_gift():
    program = live_program(unit="MONTH")
    bought = buy(program, make_member(program.store), DAY)
    assert (bought.status, bought.starts_on, bought.ends_on, bought.bought_until, bought.anchor_on) == (
        "ACTIVE",
        DAY,
        date(2027, 2, 28),
        date(2027, 2, 28),
        DAY,
    )
    assert bought.price == Decimal("99.00")
    assert issues(bought) == [("coupon", 0, DAY, "ISSUED"), ("gift", 0, DAY, "ISSUED")]
    assert PaidProgram.objects.get().sold_count == 1


def test_a_term_holds_by_its_dates_alone():
    program = live_program(unit="MONTH")
    member = make_member(program.store)
    bought = buy(program, member, DAY)
    assert get_term_on(member, DAY) == bought
    assert get_term_on(member, date(2027, 2, 27)) == bought
    assert get_term_on(member, date(2027, 2, 28)) is None
    assert get_term_on(member, DAY - timedelta(days=1)) is None
    assert is_paid_member(member, noon(DAY))
    assert PaidMembership.objects.get().status == "ACTIVE", "no sweep changes it"


@pytest.mark.parametrize("status", ["LEFT", "FROZEN", "BLACKLISTED", "CLOSED"])
def test_only_an_active_member_can_buy(status):
    program = live_program()
    member = make_member(program.store, status=status)
    refused("join_first", buy, program, member, DAY)
    refused("join_first", buy, program, None, DAY)
    assert quote(member=member, program=program, now=noon(DAY)).code == "join_first"


def test_a_member_of_another_store_is_not_found():
    program = live_program()
    other = make_member(make_store())
    with pytest.raises(NotFound):
        buy(program, other, DAY)
    with pytest.raises(NotFound):
        buy(program, make_member(program.store), DAY, store=other.store)
    assert not PaidMembership.objects.exists()


@pytest.mark.parametrize("status", ["DRAFT", "CONFIGURING", "CLOSED", "REVOKED"])
def test_only_a_live_program_is_sold(status):
    program = live_program()
    PaidProgram.objects.update(status=status, ended_at=noon(DAY) if status in ("CLOSED", "REVOKED") else None)
    program.refresh_from_db()
    refused("program_not_live", buy, program, make_member(program.store), DAY)


def test_a_barred_merchant_sells_and_renews_nothing():
    program = live_program(unit="MONTH")
    member = make_member(program.store)
    bought = buy(program, member, DAY)
    MerchantBar.objects.create(merchant=program.store.merchant, reason="x", imposed_by=make_user(), imposed_at=noon(DAY))
    with pytest.raises(MerchantBarred):
        buy(program, make_member(program.store), DAY)
    with pytest.raises(MerchantBarred):
        renew(program, member, DAY)
    assert buy(program, member, DAY, order_no=bought.order_no) == bought, "told again is no new purchase"


def test_who_may_sell():
    program = live_program()
    member = make_member(program.store)
    buy(program, member, DAY, by=make_user(Role.MERCHANT_OPERATOR, merchant=program.store.merchant))
    with pytest.raises(NotAllowed):
        buy(program, make_member(program.store), DAY, by=make_user(Role.MERCHANT_ANALYST, merchant=program.store.merchant))
    with pytest.raises(NotFound):
        buy(program, make_member(program.store), DAY, by=make_user(Role.MERCHANT_OWNER, merchant=make_store().merchant))
    assert PaidMembership.objects.count() == 1


# -- payment -------------------------------------------------------------------------------------------------------------------------


def test_an_order_waits_with_its_place_and_opens_when_it_is_paid():
    program = live_program(stock_limit=1, unit="MONTH")
    member = make_member(program.store)
    order = buy(program, member, DAY, paid=False)
    assert (order.status, order.starts_on, order.pay_until) == ("PENDING", None, noon(DAY) + timedelta(minutes=30))
    assert issues() == []
    refused("sold_out", buy, program, make_member(program.store), DAY)
    refused("payment_waiting", buy, program, member, DAY)
    opened = confirm_payment(membership=order, paid_at=noon(DAY) + timedelta(minutes=5), by=None, now=noon(DAY) + timedelta(minutes=6))
    assert (opened.status, opened.starts_on, len(issues(opened))) == ("ACTIVE", DAY, 2)
    assert PaidProgram.objects.get().sold_count == 1
    again = confirm_payment(membership=order, paid_at=noon(DAY) + timedelta(days=3), by=None, now=noon(DAY) + timedelta(days=3))
    assert (again.starts_on, len(issues())) == (DAY, 2), "told again changes nothing"


def test_an_order_that_is_not_paid_lapses_and_gives_its_place_back():
    program = live_program(stock_limit=1)
    order = buy(program, make_member(program.store), DAY, paid=False)
    assert lapse_unpaid(now=noon(DAY) + timedelta(minutes=29)) == 0
    assert lapse_unpaid(now=noon(DAY) + timedelta(minutes=30)) == 1
    assert lapse_unpaid(now=noon(DAY) + timedelta(minutes=30)) == 0
    order.refresh_from_db()
    assert (order.status, PaidProgram.objects.get().sold_count) == ("LAPSED", 0)
    refused("order_lapsed", confirm_payment, membership=order, paid_at=noon(DAY), by=None, now=noon(DAY))
    buy(program, make_member(program.store), DAY)


def test_a_waiting_order_whose_time_is_over_makes_room_for_the_next_one():
    program = live_program(stock_limit=1)
    member = make_member(program.store)
    order = buy(program, member, DAY, paid=False)
    assert buy(program, member, DAY + timedelta(days=1)).status == "ACTIVE"
    order.refresh_from_db()
    assert (order.status, PaidProgram.objects.get().sold_count) == ("LAPSED", 1)


def test_the_same_order_again_changes_nothing_and_another_one_of_its_number_is_refused():
    program = live_program()
    member = make_member(program.store)
    first = buy(program, member, DAY, order_no="A")
    assert buy(program, member, DAY + timedelta(days=1), order_no="A") == first
    assert PaidMembership.objects.count() == PaidProgram.objects.get().sold_count == 1
    refused("order_differs", buy, program, make_member(program.store), DAY, order_no="A")
    refused("order_differs", buy, program, member, DAY, order_no="A", price=Decimal(5))
    refused("price_invalid", buy, program, make_member(program.store), DAY, price=Decimal("0.001"))
    refused("order_no_invalid", buy, program, make_member(program.store), DAY, order_no=" ")
    refused("paid_in_future", buy, program, make_member(program.store), DAY, paid_at=noon(DAY) + timedelta(days=2))


def test_a_payment_told_with_the_order_opens_the_waiting_one():
    program = live_program()
    member = make_member(program.store)
    order = buy(program, member, DAY, order_no="A", paid=False)
    assert buy(program, member, DAY, order_no="A").status == "ACTIVE"
    assert PaidMembership.objects.get() == order


# -- renewals ------------------------------------------------------------------------------------------------------------------------


def test_a_renewal_before_the_end_adds_to_the_end_and_brings_no_second_opening_gift():
    program = live_program(unit="MONTH", stock_limit=1)
    member = make_member(program.store)
    buy(program, member, DAY)
    second = renew(program, member, date(2027, 2, 10))
    assert (second.is_renewal, second.starts_on, second.ends_on) == (True, date(2027, 2, 28), date(2027, 3, 31))
    third = renew(program, member, date(2027, 2, 11))
    assert (third.starts_on, third.ends_on) == (date(2027, 3, 31), date(2027, 4, 30))
    assert issues(second) == issues(third) == [], "nothing before the term begins"
    assert PaidProgram.objects.get().sold_count == 1, "a renewal takes no place"
    from tests.members.paid.selling import run

    run(date(2027, 3, 31))
    assert issues(second) == [("coupon", 0, date(2027, 2, 28), "ISSUED")]
    assert issues(third) == [("coupon", 0, date(2027, 3, 31), "ISSUED")]


def test_a_renewal_after_the_end_starts_today_with_a_new_anchor():
    program = live_program(unit="MONTH")
    member = make_member(program.store)
    buy(program, member, DAY)
    again = renew(program, member, date(2027, 3, 5))
    assert (again.is_renewal, again.starts_on, again.ends_on, again.anchor_on) == (False, date(2027, 3, 5), date(2027, 4, 5), date(2027, 3, 5))
    assert [key for key, *_rest in issues(again)] == ["coupon", "gift"]
    assert PaidProgram.objects.get().sold_count == 2


def test_a_renewal_on_the_first_day_without_a_term_is_an_opening():
    program = live_program(unit="MONTH")
    member = make_member(program.store)
    first = buy(program, member, DAY)
    again = renew(program, member, first.ends_on)
    assert (again.is_renewal, again.starts_on, again.anchor_on) == (False, first.ends_on, first.ends_on)


def test_a_renewal_ordered_before_and_paid_after_the_end_is_an_opening_and_takes_a_place():
    program = live_program(unit="MONTH", stock_limit=2)
    member = make_member(program.store)
    buy(program, member, DAY)
    order = renew(program, member, date(2027, 2, 27), paid=False)
    assert order.is_renewal
    opened = confirm_payment(membership=order, paid_at=noon(date(2027, 3, 1)), by=None, now=noon(date(2027, 3, 1)))
    assert (opened.is_renewal, opened.starts_on, PaidProgram.objects.get().sold_count) == (False, date(2027, 3, 1), 2)


def test_what_cannot_be_renewed():
    store = make_store()
    low, high = make_program(store, by=make_user()), make_program(store, by=make_user())
    member = make_member(store)
    refused("nothing_to_renew", renew, low, member, DAY)
    bought = buy(high, member, DAY)
    refused("other_plan", renew, low, member, DAY)
    cancel(bought, DAY)
    refused("nothing_to_renew", renew, high, member, DAY)


def test_terms_of_days_count_their_months_anew():
    program = live_program(unit="DAYS", days=40)
    member = make_member(program.store)
    first = buy(program, member, DAY)
    second = renew(program, member, DAY)
    assert (first.ends_on, second.starts_on, second.anchor_on, second.months_before) == (date(2027, 3, 12), date(2027, 3, 12), date(2027, 3, 12), 0)
    from tests.members.paid.selling import run

    run(date(2028, 1, 1))
    assert [(key, day) for key, _period, day, _status in issues(first)] == [("coupon", DAY), ("gift", DAY), ("coupon", date(2027, 2, 28))]
    assert [(key, day) for key, _period, day, _status in issues(second)] == [("coupon", date(2027, 3, 12)), ("coupon", date(2027, 4, 12))]


# -- higher and lower plans ----------------------------------------------------------------------------------------------------------


def test_a_lower_or_equal_plan_never_replaces_a_higher_one():
    store = make_store()
    low, high = make_program(store, by=make_user()), make_program(store, by=make_user())
    member = make_member(store)
    buy(high, member, DAY)
    refused("lower_plan", buy, low, member, DAY)
    refused("held_already", buy, high, member, DAY)
    assert quote(member=member, program=low, now=noon(DAY)).code == "lower_plan"


def test_a_higher_plan_ends_the_lower_one_today_and_pays_the_rest_back():
    store = make_store()
    low, high = make_program(store, by=make_user(), fee=Decimal("120.00")), make_program(store, by=make_user(), fee=Decimal("240.00"))
    member = make_member(store)
    first = buy(low, member, date(2027, 1, 1))
    later = renew(low, member, date(2027, 1, 2))
    day = date(2027, 3, 15)
    asked = quote(member=member, program=high, now=noon(day))
    assert (asked.action, asked.paid_back) == ("UPGRADE", Decimal("210.00"))
    opened = buy(high, member, day)
    first.refresh_from_db()
    later.refresh_from_db()
    assert (first.status, first.starts_on, first.ends_on, first.bought_until) == ("REPLACED", date(2027, 1, 1), day, date(2028, 1, 1))
    assert (later.status, later.starts_on, later.ends_on) == ("REPLACED", date(2028, 1, 1), date(2028, 1, 1))
    assert (opened.status, opened.starts_on, opened.ends_on) == ("ACTIVE", day, date(2028, 3, 15))
    # 9 of 12 months of the first are unused, all of the second.
    assert dict(PaidRefund.objects.values_list("paid_membership_id", "amount")) == {first.pk: Decimal("90.00"), later.pk: Decimal("120.00")}
    assert {status for *_rest, status in issues(first)} == {"REVOKED"}
    assert get_term_on(member, day) == opened


# -- the last place ------------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_last_place_is_sold_to_one_of_many_who_want_it_at_once():
    program = live_program(stock_limit=3)
    members = [make_member(program.store) for _ in range(8)]
    barrier = Barrier(len(members))

    def go(member: Member) -> str:
        barrier.wait()
        try:
            return buy(program, member, DAY).status
        except PaidRefused as no:
            return no.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(members)) as pool:
        told = sorted(pool.map(go, members))
    assert told == ["ACTIVE"] * 3 + ["sold_out"] * 5
    assert PaidProgram.objects.get().sold_count == PaidMembership.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_one_member_buying_twice_at_once_buys_once():
    program = live_program()
    member = make_member(program.store)
    barrier = Barrier(4)

    def go(number: int) -> str:
        barrier.wait()
        try:
            return buy(program, member, DAY, order_no=f"A{number % 2}").status
        except PaidRefused as no:
            return no.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        told = sorted(pool.map(go, range(4)))
    assert told == ["ACTIVE", "ACTIVE", "held_already", "held_already"]
    assert (PaidMembership.objects.count(), PaidProgram.objects.get().sold_count, len(issues())) == (1, 1, 2)


@pytest.mark.parametrize("days", [60, 1000])
def test_a_renewal_after_a_term_from_a_file_is_as_long_as_the_plan_says(days):
    """A file may give a term of a year's plan another last day: what follows is a year, neither 22 months nor one that ends before it begins."""
    program, opened = live_program(), date(2027, 1, 31)
    end = opened + timedelta(days=days)
    member = make_member(program.store)
    make_membership(program, member, starts_on=opened, ends_on=end, bought_until=end, source="FILE")
    later = renew(program, member, opened + timedelta(days=10))
    assert (later.starts_on, later.ends_on, later.anchor_on, later.months_before) == (end, add_months(end, 12), end, 0)
