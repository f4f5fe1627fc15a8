"""Cancelling: how much goes back, what is revoked, which place is free again."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from backoffice.kernel.errors import NotAllowed, NotFound, StateConflict
from backoffice.kernel.invariants import find_breaches
from backoffice.kernel.tenancy.roles import Role
from members.paid.models import PaidMembership, PaidNumber, PaidProgram, PaidRefund
from members.paid.selectors.refunds import refund_quote
from members.paid.services.cancel import cancel as cancel_service
from members.paid.services.cancel import mark_refund_paid
from members.paid.services.rights import PaidRefused
from tests.factories import make_member, make_store, make_user
from tests.members.paid.making import make_membership
from tests.members.paid.selling import buy, cancel, issues, live_program, noon, renew, run, use

pytestmark = pytest.mark.django_db
DAY = date(2027, 1, 31)
WORTH = {"gift": {"value_amount": Decimal(7)}, "coupon": {"kind": "MONTHLY_COUPON", "schedule": "MONTHLY", "value_amount": Decimal(10)}}


def opened(**given):
    program = live_program(WORTH, **{"fee": Decimal("120.00"), "stock_limit": 5} | given)
    return buy(program, make_member(program.store), DAY)


def whole():
    return [breach for breach in find_breaches() if breach.invariant.startswith("paid.")]


def places():
    return PaidProgram.objects.get().sold_count


@pytest.mark.parametrize("after", [0, 1, 7])
def test_within_seven_days_and_nothing_used_everything_goes_back(after):
    bought = opened()
    refund = cancel(bought, DAY + timedelta(days=after))
    assert (refund.amount, refund.cause, refund.status) == (Decimal("120.00"), "FULL", "DUE")
    assert (bought.status, bought.ends_on, bought.bought_until, bought.next_issue_on) == ("CANCELLED", DAY + timedelta(days=after), date(2028, 1, 31), None)
    assert {status for *_rest, status in issues(bought)} == {"REVOKED"}
    assert places() == 0
    assert run(date(2028, 1, 1)).issued == 0
    assert whole() == []


def test_on_the_eighth_day_months_count_and_the_month_begun_is_used():
    bought = opened()
    refund = cancel(bought, DAY + timedelta(days=8))
    assert (refund.amount, refund.cause, refund.unused_months, refund.used_value) == (Decimal("110.00"), "PRO_RATA", 11, Decimal(0))
    assert places() == 1, "the place stays taken"


def test_the_number_of_days_is_staffs_to_change():
    PaidNumber.objects.create(code="full_refund_days", value=0, changed_at=noon(DAY))
    assert cancel(opened(), DAY + timedelta(days=1)).cause == "PRO_RATA"


def test_what_was_used_is_taken_off_and_stays():
    bought = opened()
    use(bought, "gift", DAY)
    run(date(2027, 2, 28))
    use(bought, "coupon", date(2027, 2, 28), period=1)
    refund = cancel(bought, date(2027, 3, 15))
    assert (refund.amount, refund.unused_months, refund.used_value) == (Decimal("83.00"), 10, Decimal("17.00"))
    assert issues(bought) == [
        ("coupon", 0, DAY, "REVOKED"),
        ("gift", 0, DAY, "USED"),
        ("coupon", 1, date(2027, 2, 28), "USED"),
    ]
    assert whole() == []


def test_used_within_seven_days_is_no_full_refund():
    bought = opened()
    use(bought, "gift", DAY)
    assert (cancel(bought, DAY).amount, places()) == (Decimal("103.00"), 1)


def test_never_below_nothing_and_then_there_is_no_refund():
    bought = opened(unit="MONTH", fee=Decimal("5.00"))
    use(bought, "gift", DAY)
    assert cancel(bought, DAY) is None
    assert not PaidRefund.objects.exists()
    assert bought.status == "CANCELLED"


@pytest.mark.parametrize(
    ("unit", "days", "on", "amount", "unused"),
    [
        ("YEAR", None, date(2027, 2, 27), "91.66", 11),
        ("YEAR", None, date(2027, 2, 28), "83.33", 10),
        ("YEAR", None, date(2028, 1, 30), None, 0),
        ("QUARTER", None, date(2027, 2, 27), "66.66", 2),
        ("DAYS", 30, date(2027, 2, 9), "66.66", 20),
        ("DAYS", 30, date(2027, 3, 1), None, 0),
    ],
)
def test_the_share_of_what_is_left_is_cut_to_the_fen(unit, days, on, amount, unused):
    bought = opened(unit=unit, days=days, fee=Decimal("100.00"))
    asked = refund_quote(membership=bought, now=noon(on))
    refund = cancel(bought, on)
    assert (str(refund.amount) if refund else None, asked.unused) == (amount, unused)
    assert asked.amount == (refund.amount if refund else 0)
    assert refund is None or refund.unused_months == (None if unit == "DAYS" else unused)


def test_holders_of_a_revoked_program_get_the_days_that_are_left_and_nothing_is_taken_off():
    bought = opened(unit="DAYS", days=30, fee=Decimal("90.00"))
    use(bought, "gift", DAY)
    PaidProgram.objects.update(status="REVOKED", ended_at=noon(DAY))
    refund = cancel(bought, DAY + timedelta(days=20))
    assert (refund.amount, refund.cause, refund.used_value) == (Decimal("30.00"), "REVOKED", Decimal(0))


def test_the_later_term_first():
    bought = opened(unit="MONTH")
    later = renew(bought.program, bought.member, DAY)
    with pytest.raises(PaidRefused) as refusal:
        cancel(bought, DAY + timedelta(days=20))
    assert refusal.value.code == "later_term_first"
    refund = cancel(later, DAY + timedelta(days=20))
    assert (refund.amount, refund.cause, later.starts_on, later.ends_on) == (Decimal("120.00"), "PRO_RATA", date(2027, 2, 28), date(2027, 2, 28))
    assert cancel(bought, DAY + timedelta(days=20)) is None, "the month that began is used"
    assert places() == 1
    assert whole() == []


def test_a_renewal_refunded_in_full_gives_no_place_back_because_it_took_none():
    bought = opened(unit="MONTH")
    later = renew(bought.program, bought.member, DAY)
    assert (cancel(later, DAY).cause, places()) == ("FULL", 1)
    assert whole() == []


def test_a_renewal_that_waits_is_dropped_with_its_term():
    bought = opened(unit="MONTH")
    order = renew(bought.program, bought.member, DAY, paid=False)
    cancel(bought, DAY)
    order.refresh_from_db()
    assert (order.status, places()) == ("LAPSED", 0)


def test_bought_again_on_the_day_of_the_cancellation():
    bought = opened()
    cancel(bought, DAY)
    again = buy(bought.program, bought.member, DAY)
    assert (again.status, again.starts_on, places()) == ("ACTIVE", DAY, 1)
    assert whole() == []


def test_what_cannot_be_cancelled_and_by_whom():
    bought = opened(unit="MONTH")

    def refusal(expected, **given):
        with pytest.raises(expected) as refused:
            cancel_service(**{"membership": bought, "reason": "x", "by": None, "now": noon(DAY)} | given)
        assert PaidMembership.objects.get().status == "ACTIVE"
        return refused.value.code

    assert refusal(PaidRefused, reason="  ") == "reason_missing"
    assert refusal(PaidRefused, now=noon(date(2027, 2, 28))) == "not_running"
    merchant = bought.store.merchant
    refusal(NotAllowed, by=make_user(Role.MERCHANT_OPERATOR, merchant=merchant))
    refusal(NotFound, by=make_user(Role.MERCHANT_OWNER, merchant=make_store().merchant))
    cancel_service(membership=bought, reason="x", by=make_user(Role.MERCHANT_OWNER, merchant=merchant), now=noon(DAY))
    with pytest.raises(PaidRefused) as refused:
        cancel(bought, DAY)
    assert refused.value.code == "not_running"


def test_money_is_paid_back_once_and_with_a_number():
    refund = cancel(opened(), DAY)
    with pytest.raises(PaidRefused) as refused:
        mark_refund_paid(refund=refund, reference=" ", by=None, now=noon(DAY))
    assert refused.value.code == "reference_missing"
    mark_refund_paid(refund=refund, reference="B77", by=None, now=noon(DAY))
    with pytest.raises(StateConflict):
        mark_refund_paid(refund=refund, reference="B78", by=None, now=noon(DAY))
    stored = PaidRefund.objects.get()
    assert (stored.status, stored.reference, stored.paid_at) == ("PAID", "B77", noon(DAY))


@pytest.mark.parametrize("after", [0, 30])
def test_a_free_one_that_nobody_used_gives_its_place_back_though_nothing_is_refunded(after):
    program = live_program(WORTH, stock_limit=5)
    bought = buy(program, make_member(program.store), DAY, price=Decimal(0))
    assert places() == 1
    assert cancel(bought, DAY + timedelta(days=after)) is None
    assert places() == 0
    assert whole() == []


def test_a_free_one_that_was_used_keeps_its_place():
    program = live_program(WORTH, stock_limit=5)
    bought = buy(program, make_member(program.store), DAY, price=Decimal(0))
    use(bought, "gift", DAY)
    cancel(bought, DAY)
    assert places() == 1
    assert whole() == []


def test_a_term_from_a_file_with_an_end_of_its_own_is_shared_by_its_days():
    """Two months of a plan of a year, sold elsewhere: after one of them half goes back, not eleven twelfths."""
    program = live_program(WORTH, fee=Decimal("120.00"))
    end = DAY + timedelta(days=60)
    term = make_membership(program, make_member(program.store), starts_on=DAY, ends_on=end, bought_until=end, opened_at=noon(DAY), source="FILE")
    asked = refund_quote(membership=term, now=noon(DAY + timedelta(days=29)))
    refund = cancel(term, DAY + timedelta(days=29))
    assert (refund.amount, refund.unused_months, asked.unused, asked.whole, asked.in_days) == (Decimal("60.00"), None, 30, 60, True)
