"""Figures against rows: each month's figure counts exactly the rows behind it, and holders change by who came less who left."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from members.models import PurchaseSummary
from members.paid.models import BenefitIssue, PaidMembership, PaidRefund
from members.paid.selectors import figures
from tests.factories import make_member, make_store, make_user
from tests.members.paid.making import NOW, TODAY, make_membership, make_program

pytestmark = pytest.mark.django_db
MONTHS = figures.months_until(TODAY, 12)
KINDS = {"new": "new", "renewed": "renewed", "churned": "churned", "held": "holders"}


def program_of(store: Any, **given: Any) -> Any:
    return make_program(store, by=make_user(), **given)


def term(program: Any, starts_on: date, ends_on: date, member: Any = None, **given: Any) -> PaidMembership:
    rest = {"opened_at": NOW - (TODAY - starts_on), "bought_until": ends_on, "ends_on": ends_on}
    return make_membership(program, member or make_member(program.store), starts_on=starts_on, **rest | given)


def world() -> Any:
    """One who renewed, one who upgraded, one who came back, one who left, one called off on the first day, one who waits, one of another store."""
    store = make_store()
    low, high = program_of(store, unit="MONTH", fee=Decimal(30)), program_of(store, fee=Decimal(300))
    loyal, climber, returned = (make_member(store) for _ in range(3))
    term(low, date(2026, 9, 10), date(2026, 10, 10), loyal)
    term(low, date(2026, 10, 10), date(2026, 11, 10), loyal, is_renewal=True)
    term(low, date(2026, 11, 10), date(2026, 12, 10), loyal, is_renewal=True)
    term(low, date(2026, 10, 5), date(2026, 10, 20), climber, status="REPLACED", ended_at=NOW, bought_until=date(2026, 11, 5))
    term(high, date(2026, 10, 20), date(2027, 10, 20), climber)
    term(low, date(2026, 3, 31), date(2026, 4, 30), returned)
    term(low, date(2026, 8, 31), date(2026, 9, 30), returned)
    term(low, date(2026, 10, 1), date(2026, 11, 1))
    off = term(low, date(2026, 11, 3), date(2026, 11, 3), status="CANCELLED", ended_at=NOW, bought_until=date(2026, 12, 3))
    PaidRefund.objects.create(paid_membership=off, store=store, amount=Decimal(30), cause="FULL", decided_at=NOW)
    PaidMembership.objects.create(
        store=store, member=make_member(store), program=low, pack=low.pack, order_no="W", source="API", price=30, created_at=NOW, pay_until=NOW
    )
    term(program_of(make_store()), date(2026, 11, 1), date(2027, 11, 1))
    return store


def test_months_count_exactly_the_rows_that_their_links_open() -> None:
    store = world()
    rows = PaidMembership.objects.filter(store=store)
    months = figures.list_months([store.pk], MONTHS, TODAY)
    for month in months:
        for code, name in KINDS.items():
            found = figures.terms_of(rows, f"{code}-{month.month:%Y-%m}", TODAY)
            assert found is not None
            assert found.count() == getattr(month, name), (code, month.month)
        paid = figures.terms_of(rows, f"paid-{month.month:%Y-%m}", TODAY)
        assert paid is not None
        assert sum((row.price for row in paid), Decimal(0)) == month.income
    told = {f"{month.month:%m}": (month.holders, month.new, month.renewed, month.churned) for month in months if month.holders or month.new or month.churned}
    assert told == {"03": (1, 1, 0, 0), "04": (0, 0, 0, 1), "08": (1, 1, 0, 0), "09": (1, 1, 0, 1), "10": (3, 2, 2, 0), "11": (2, 0, 1, 1)}
    assert (months[-1].income, months[-1].refunds) == (Decimal(60), Decimal(30))


def test_holders_change_by_new_less_left() -> None:
    months = figures.list_months([world().pk], MONTHS, TODAY)
    for before, after in pairwise(months):
        assert after.holders == before.holders + after.new - after.churned


def test_what_lies_ahead_is_not_counted_and_other_codes_open_nothing() -> None:
    store = make_store()
    program = program_of(store)
    term(program, TODAY + timedelta(days=1), TODAY + timedelta(days=40), opened_at=NOW)
    month = figures.list_months([store.pk], MONTHS, TODAY)[-1]
    assert (month.holders, month.new, month.churned, month.income) == (0, 0, 0, Decimal(99))
    rows = PaidMembership.objects.all()
    for code in ("", "new", "new-2026-13", "new-2026-11x", "gone-2026-11"):
        assert figures.terms_of(rows, code, TODAY) is None


def test_ending_soon_are_those_after_whom_nothing_follows() -> None:
    store = make_store()
    program = program_of(store, unit="MONTH")
    loyal = make_member(store)
    term(program, TODAY - timedelta(days=25), TODAY + timedelta(days=5), loyal)
    term(program, TODAY + timedelta(days=5), TODAY + timedelta(days=35), loyal)
    leaving = term(program, TODAY - timedelta(days=25), TODAY + timedelta(days=5))
    term(program, TODAY - timedelta(days=20), TODAY + timedelta(days=10))
    assert list(figures.ending_soon(PaidMembership.objects.all(), TODAY, 7)) == [leaving]
    told = figures.get_now([store.pk], NOW, 7)
    assert (told.holders, told.ending_soon, told.refunds_due) == (3, 1, 0)


def test_benefits_over_versions_with_use_and_cost_and_the_break_even() -> None:
    store = make_store()
    given = {"gift": {"cost_amount": Decimal(20)}, "coupon": {"kind": "MONTHLY_COUPON", "schedule": "MONTHLY", "cost_amount": Decimal(10)}}
    program = program_of(store, benefits=given, fee=Decimal(99))
    for number in range(2):
        row = term(program, TODAY, date(2027, 11, 22))
        for key, status in (("gift", "USED"), ("coupon", "USED" if number else "ISSUED")):
            BenefitIssue.objects.create(
                store=store, paid_membership=row, member=row.member, benefit=program.pack.benefits.get(key=key), period=0, due_on=TODAY, issued_at=NOW,
                expires_on=row.ends_on, status=status, ended_at=NOW if status == "USED" else None,
            )  # fmt: skip
    told = {row.key: row for row in figures.list_benefits([store.pk])}
    gift, coupon = told["gift"], told["coupon"]
    assert (gift.issued, gift.used, gift.use_rate, gift.cost, gift.open_cost) == (2, 2, 1, Decimal(40), Decimal(0))
    assert (coupon.issued, coupon.used, coupon.use_rate, coupon.cost, coupon.open_cost) == (2, 1, Decimal("0.5"), Decimal(10), Decimal(10))
    (even,) = figures.list_break_even([store.pk], list(told.values()), TODAY)
    # A gift and twelve coupons; at half of the coupons used a card leaves 99 - 20 - 60.
    assert (even.full_cost, even.expected_cost, even.left_of_a_card) == (Decimal(140), Decimal(80), Decimal(19))
    assert even.rate is not None
    assert round(even.rate, 3) == Decimal("0.707")


def test_repurchase_of_paid_and_of_other_members() -> None:
    store = make_store()
    program = program_of(store)
    for orders, is_paid in ((2, True), (3, True), (1, True), (2, False), (1, False), (1, False), (1, False)):
        member = make_member(store)
        PurchaseSummary.objects.create(member=member, store=store, order_count=orders)
        if is_paid:
            term(program, TODAY, TODAY + timedelta(days=30), member)
    PurchaseSummary.objects.create(member=make_member(store), store=store, order_count=0)
    PurchaseSummary.objects.create(member=make_member(make_store()), store=make_store(), order_count=9)
    paid, other = figures.get_repurchase([store.pk], TODAY)
    assert (paid.buyers, paid.again, other.buyers, other.again) == (3, 2, 4, 1)
    assert other.rate == Decimal("0.25")
