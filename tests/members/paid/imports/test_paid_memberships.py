"""Files of paid memberships sold elsewhere: terms, places of the stock, and benefits from today on only."""

from __future__ import annotations

from datetime import date, timedelta
from threading import Thread

import pytest
from django.db import connection

from backoffice.kernel.invariants import find_breaches
from backoffice.kernel.tenancy.services.bars import impose_bar
from members.choices import MemberStatus
from members.models import Member
from members.paid.imports.paid_memberships import PAID_MEMBERSHIPS
from members.paid.models import PaidMembership, PaidProgram
from members.paid.services.issue import issue_due
from tests.factories import NOON, make_member, make_store, make_user
from tests.loading import csv_of, load, outcome, problems
from tests.members.paid.making import make_membership
from tests.members.paid.selling import buy, issues, live_program

pytestmark = pytest.mark.django_db
HEADER = "member_no,program,order_no,opened_on,last_day,price"
TODAY = NOON.date()


@pytest.fixture
def store():
    return make_store("YS01")


@pytest.fixture
def program(store):
    made = live_program(store=store, name="年卡", rank=5)
    for number in (1, 2, 3):
        make_member(store, f"M{number}")
    return made


def day(offset: int) -> str:
    return (TODAY + timedelta(days=offset)).isoformat()


def test_terms_and_places_of_the_stock(store, program):
    text = csv_of(HEADER, f"M1,年卡,F1,{day(-40)},,", f"M2,年卡,F2,{day(-10)},{day(20)},49.90", f"M3,年卡,F3,{day(-800)},{day(-500)},")
    assert outcome(load("paid_memberships", text, store=store)) == {"status": "APPLIED", "created": 3}
    rows = {row.order_no: row for row in PaidMembership.objects.all()}
    opened = TODAY - timedelta(days=40)
    assert (rows["F1"].starts_on, rows["F1"].ends_on, rows["F1"].bought_until) == (opened, opened.replace(year=opened.year + 1), rows["F1"].ends_on)
    assert (str(rows["F1"].price), rows["F1"].source, rows["F1"].next_issue_on, rows["F1"].pack_id) == ("99.00", "FILE", TODAY, program.pack_id)
    assert (rows["F2"].ends_on, str(rows["F2"].price)) == (TODAY + timedelta(days=21), "49.90")
    assert rows["F3"].next_issue_on is None
    program.refresh_from_db()
    assert program.sold_count == 3
    assert list(find_breaches()) == []


def test_benefits_from_today_on_and_nothing_for_the_past(store, program):
    load("paid_memberships", csv_of(HEADER, f"M1,年卡,F1,{TODAY.replace(month=TODAY.month - 2)},,", f"M2,年卡,F2,{day(0)},,"), store=store)
    issue_due(now=NOON)
    old, new = (PaidMembership.objects.get(order_no=number) for number in ("F1", "F2"))
    assert [(key, due) for key, _period, due, _status in issues(old)] == [("coupon", TODAY)]
    assert [(key, due) for key, _period, due, _status in issues(new)] == [("coupon", TODAY), ("gift", TODAY)]


def test_the_same_file_rows_again_change_nothing_and_other_figures_conflict(store, program):
    row = f"M1,年卡,F1,{day(-40)},,"
    load("paid_memberships", csv_of(HEADER, row), store=store)
    Member.objects.update(status=MemberStatus.LEFT)
    again = load("paid_memberships", csv_of(HEADER, row, ""), store=store)
    assert (again.unchanged_count, again.created_count) == (1, 0)
    changed = load("paid_memberships", csv_of(HEADER, f"M1,年卡,F1,{day(-41)},,"), store=store)
    assert problems(changed) == [(2, "order_no", "paid_order_differs")]
    assert PaidMembership.objects.count() == 1
    assert PaidProgram.objects.get(pk=program.pk).sold_count == 1


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("M9,年卡,F1,{today},,", ("member_no", "unknown_member")),
        ("M1,月卡,F1,{today},,", ("program", "unknown_program")),
        ("M1,草稿,F1,{today},,", ("program", "program_not_live")),
        ("M1,年卡,F1,{tomorrow},,", ("opened_on", "opens_in_future")),
        ("M1,年卡,F1,{today},{yesterday},", ("last_day", "ends_before_opening_day")),
        ("M1,年卡,F1,{today},2100-01-01,", ("last_day", "term_too_long")),
        ("M2,年卡,F1,{today},,", ("member_no", "member_not_active")),
    ],
)
def test_rows_that_cannot_be(store, program, row, problem):
    live_program(store=store, name="草稿", status="DRAFT")
    live_program(name="月卡")
    Member.objects.filter(member_no="M2").update(status=MemberStatus.LEFT)
    text = csv_of(HEADER, row.format(today=day(0), tomorrow=day(1), yesterday=day(-1)))
    assert problems(load("paid_memberships", text, store=store)) == [(2, *problem)]
    assert PaidMembership.objects.count() == 0


def test_terms_that_overlap_a_higher_plan_an_equal_one_or_each_other(store, program):
    higher = live_program(store=store, name="黑卡", rank=9)
    make_membership(higher, Member.objects.get(member_no="M1"), starts_on=TODAY)
    make_membership(program, Member.objects.get(member_no="M2"), starts_on=TODAY)
    rows = (f"M1,年卡,F1,{day(-5)},,", f"M2,黑卡,F2,{day(-5)},,", f"M3,年卡,F3,{day(-30)},{day(0)},", f"M3,年卡,F4,{day(0)},,")
    assert problems(load("paid_memberships", csv_of(HEADER, *rows), store=store)) == [
        (2, "opened_on", "member_holds_higher"),
        (3, "opened_on", "terms_overlap"),
        (4, "opened_on", "terms_overlap_in_file"),
        (5, "opened_on", "terms_overlap_in_file"),
    ]


def test_terms_that_follow_on_do_not_overlap(store, program):
    rows = (f"M3,年卡,F3,{day(-30)},{day(-1)},", f"M3,年卡,F4,{day(0)},,")
    assert outcome(load("paid_memberships", csv_of(HEADER, *rows), store=store)) == {"status": "APPLIED", "created": 2}


def test_the_stock_is_never_oversold(store, program):
    PaidProgram.objects.filter(pk=program.pk).update(stock_limit=2, sold_count=1)
    rows = [f"M{number},年卡,F{number},{day(0)},," for number in (1, 2, 3)]
    job = load("paid_memberships", csv_of(HEADER, *rows), store=store, skip=True)
    assert outcome(job) == {"status": "APPLIED", "created": 1, "bad": 2}
    assert {code for _line, _column, code in problems(job)} == {"stock_is_gone"}
    assert PaidProgram.objects.get(pk=program.pk).sold_count == 2


def test_a_barred_merchants_file_sells_nothing(store, program):
    impose_bar(merchant=store.merchant, reason="x", by=make_user(), now=NOON)
    assert problems(load("paid_memberships", csv_of(HEADER, f"M1,年卡,F1,{day(0)},,"), store=store)) == [(2, "program", "merchant_is_barred")]


@pytest.mark.django_db(transaction=True)
def test_what_was_bought_between_check_and_locks_is_met(store, program):
    """Somebody buys after the rows were compared: the file is staged again, and says so."""
    first, *rest = PAID_MEMBERSHIPS.apply
    met = []

    def late(params):
        if not met:
            met.append(True)
            buyer = Thread(target=lambda: (buy(program, Member.objects.get(member_no="M1"), TODAY, order_no="API1"), connection.close()))
            buyer.start()
            buyer.join()
        first(params)

    object.__setattr__(PAID_MEMBERSHIPS, "apply", (late, *rest))
    try:
        job = load("paid_memberships", csv_of(HEADER, f"M1,年卡,F1,{day(0)},,", f"M2,年卡,F2,{day(0)},,"), store=store)
    finally:
        object.__setattr__(PAID_MEMBERSHIPS, "apply", (first, *rest))
    assert problems(job) == [(2, "opened_on", "terms_overlap")]
    assert list(PaidMembership.objects.values_list("order_no", flat=True)) == ["API1"]


def test_opened_on_the_31st_ends_on_the_31st(store):
    program = live_program(store=store, name="季卡", unit="QUARTER")
    make_member(store, "M8")
    load("paid_memberships", csv_of(HEADER, "M8,季卡,F1,2026-08-31,,"), store=store)
    assert PaidMembership.objects.get(program=program).ends_on == date(2026, 11, 30)
