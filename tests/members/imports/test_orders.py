"""Order files: facts by (store, order, line), buyers by member number or identity, refunds that only grow, and the summary kept per member."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from backoffice.kernel.clock import local_day
from backoffice.kernel.secrets import lookup_hash
from backoffice.kernel.tenancy.models import Store
from members.models import CreditEntry, Identity, Member, OrderLine, Person, PurchaseSummary
from members.selectors.people import find_person
from tests.factories import make_member, make_store
from tests.loading import csv_of, load, outcome, problems
from tests.members.ledger import yuan

pytestmark = pytest.mark.django_db

HEADER = "order_no,line_no,member_no,paid_at,amount,credit_used,refunded_amount,refunded_at"
BUYERS = "order_no,member_no,identity_kind,identity_value,paid_at,amount"


@pytest.fixture
def store() -> Store:
    return make_store("YS01")


@pytest.fixture
def member(store: Store) -> Member:
    return make_member(store, "M1", phone="15400000001")


def summary(member: Member) -> PurchaseSummary:
    return PurchaseSummary.objects.get(member=member)


def test_lines_become_facts_and_add_up_per_member(store: Store, member: Member) -> None:
    other = make_member(store, "M2")
    text = csv_of(
        HEADER,
        "D1,,M1,2026-01-05 23:59,100,20,,",
        "D2,1,M1,2026-01-06 00:01,50,,10,2026-01-07",
        "D2,2,M1,2026-01-06 00:01,30,,30,2026-01-07",
        "D3,1,M2,2026-01-08,9.99,,,",
    )
    job = load("orders", text, store=store)

    assert outcome(job) == {"status": "APPLIED", "created": 4}
    line = OrderLine.objects.get(order_no="D2", line_no=1)
    assert (line.member, line.person, line.amount, line.credit_used, line.refunded_amount) == (member, member.person, yuan(50), yuan(0), yuan(10))
    assert (line.paid_at, line.refunded_at) == (datetime(2026, 1, 5, 16, 1, tzinfo=UTC), datetime(2026, 1, 6, 16, tzinfo=UTC))
    found = summary(member)
    assert (found.order_count, found.amount, found.last_days) == (2, yuan(140), [date(2026, 1, 6), date(2026, 1, 5)])
    assert (found.first_purchase_at, found.last_purchase_at) == (datetime(2026, 1, 5, 15, 59, tzinfo=UTC), datetime(2026, 1, 5, 16, 1, tzinfo=UTC))
    assert (summary(other).order_count, summary(other).amount) == (1, yuan("9.99"))
    assert not CreditEntry.objects.exists(), "an orders file never touches credit"


def test_late_orders_and_refunds_are_counted_anew(store: Store, member: Member) -> None:
    days = [f"D{day},1,M1,2026-01-{day:02d},10,,," for day in range(1, 8)]
    load("orders", csv_of(HEADER, *days[1:]), store=store)
    job = load("orders", csv_of(HEADER, days[0], "D7,1,M1,2026-01-07,10,,10,2026-02-01", "D6,1,M1,2026-01-06,10,,4,", days[4]), store=store)

    assert outcome(job) == {"status": "APPLIED", "created": 1, "updated": 2, "unchanged": 1}
    found = summary(member)
    assert found.last_days == [date(2026, 1, day) for day in (6, 5, 4, 3, 2)], "the day that was refunded in full does not count"
    assert (found.order_count, found.amount) == (6, yuan(56))
    assert found.first_purchase_at == datetime(2025, 12, 31, 16, tzinfo=UTC)


def test_a_member_whose_purchases_all_went_back_has_none(store: Store, member: Member) -> None:
    load("orders", csv_of(HEADER, "D1,1,M1,2026-01-05,10,,,"), store=store)
    load("orders", csv_of(HEADER, "D1,1,M1,2026-01-05,10,,10,2026-01-06"), store=store)
    found = summary(member)
    assert (found.order_count, found.amount, found.last_days, found.first_purchase_at, found.last_purchase_at) == (0, yuan(0), [], None, None)


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("D1,1,M1,2026-01-05,10.01,,,", "amount", "order_differs"),
        ("D1,1,M1,2026-01-06,10,,,", "amount", "order_differs"),
        ("D1,1,M1,2026-01-05,10,1,,", "amount", "order_differs"),
        ("D1,1,M2,2026-01-05,10,,,", "amount", "order_differs"),
        ("D1,1,M1,2026-01-05,10,,3.99,", "refunded_amount", "refund_shrinks"),
    ],
)
def test_what_was_recorded_is_never_overwritten(store: Store, member: Member, row: str, column: str, code: str) -> None:
    make_member(store, "M2")
    load("orders", csv_of(HEADER, "D1,1,M1,2026-01-05,10,,4,2026-01-06"), store=store)
    before = OrderLine.objects.values().get()

    job = load("orders", csv_of(HEADER, row), store=store)
    assert outcome(job) == {"status": "REFUSED", "conflict": 1}
    assert problems(job) == [(2, column, code)]
    skipped = load("orders", csv_of(HEADER, row, "D9,1,M1,2026-01-05,1,,,"), store=store, skip=True)
    assert outcome(skipped) == {"status": "APPLIED", "created": 1, "conflict": 1}
    assert OrderLine.objects.values().get(order_no="D1") == before


def test_a_blank_refund_says_nothing_about_one_that_is_known(store: Store, member: Member) -> None:
    load("orders", csv_of(HEADER, "D1,1,M1,2026-01-05,10,,4,2026-01-06"), store=store)
    job = load("orders", csv_of(HEADER, "D1,,M1,2026-01-05,10,,,"), store=store)
    assert outcome(job) == {"status": "APPLIED", "unchanged": 1}
    assert OrderLine.objects.get().refunded_amount == yuan(4)


def test_a_buyer_without_number_is_found_or_made_by_identity(store: Store, member: Member) -> None:
    text = csv_of(
        BUYERS,
        "D1,,phone,+86 154-0000-0001,2026-01-05,10",
        "D2,,phone,15400000009,2026-01-05,20",
        "D3,,手机号,15400000009,2026-01-06,30",
        "D4,,openid,o-AbC123456,2026-01-05,40",
        "D5,M1,,,2026-01-07,50",
    )
    job = load("orders", text, store=store)

    assert outcome(job) == {"status": "APPLIED", "created": 5}
    lines = {line.order_no: line for line in OrderLine.objects.all()}
    assert (lines["D1"].member, lines["D1"].person) == (member, member.person), "a member who bought without showing the card"
    walk_in = find_person("phone", "15400000009")
    assert walk_in is not None
    assert (lines["D2"].member, lines["D2"].person, lines["D3"].person) == (None, walk_in, walk_in)
    assert lines["D4"].person == find_person("openid", "o-AbC123456")
    assert Person.objects.count() == 3
    identity = Identity.objects.get(kind_id="phone", person=walk_in)
    assert (bytes(identity.value_hash), identity.value_masked) == (lookup_hash("phone", "15400000009"), "154****0009")
    assert (summary(member).order_count, summary(member).amount) == (2, yuan(60))

    again = load("orders", csv_of(BUYERS, "D2,,phone,15400000009,2026-01-05,20.00", "D6,,phone,15400000009,2026-01-09,1"), store=store)
    assert outcome(again) == {"status": "APPLIED", "created": 1, "unchanged": 1}
    assert Person.objects.count() == 3


def test_a_member_of_another_store_buys_here_as_a_person(store: Store, member: Member) -> None:
    other = make_store("HS01")
    load("orders", csv_of(BUYERS, "D1,,phone,15400000001,2026-01-05,10"), store=other)
    line = OrderLine.objects.get()
    assert (line.member, line.person) == (None, member.person)
    assert not PurchaseSummary.objects.exists()


def test_bad_rows_are_named(store: Store, member: Member) -> None:
    header = "order_no,line_no,member_no,identity_kind,identity_value,paid_at,amount,credit_used,refunded_amount,refunded_at"
    rows = [
        "D1,,M404,,,2026-01-05,1,,,",
        "D2,,,,,2026-01-05,1,,,",
        "D3,,,passport,E123,2026-01-05,1,,,",
        "D4,,,phone,,2026-01-05,1,,,",
        "D5,,,,15400000009,2026-01-05,1,,,",
        "D6,,,phone,12345,2026-01-05,1,,,",
        "D7,,M1,,,2026-01-05,1,1.01,,",
        "D8,,M1,,,2026-01-05,1,,1.01,",
        "D9,,M1,,,2026-01-05,1,,,2026-01-06",
        "DA,,M1,,,2026-01-05,1,,1,2026-01-04",
        "DB,,M1,,,05/01/2026,1,,,",
        "DC,1,M1,,,2026-01-05,1,,,",
        "DC,,M1,,,2026-01-05,1,,,",
        "DD,1.5,M1,,,2026-01-05,1,,,",
    ]
    job = load("orders", csv_of(header, *rows), store=store, skip=True, dry=True)
    assert problems(job) == [
        (2, "member_no", "unknown_member"),
        (3, "member_no", "buyer_missing"),
        (4, "identity_kind", "unknown_identity_kind"),
        (5, "identity_value", "identity_incomplete"),
        (6, "identity_value", "identity_incomplete"),
        (7, "identity_value", "not_phone"),
        (8, "credit_used", "credit_above_amount"),
        (9, "refunded_amount", "refund_above_amount"),
        (10, "refunded_at", "refund_without_amount"),
        (11, "refunded_at", "refund_before_payment"),
        (12, "paid_at", "unclear_date"),
        (13, "order_no", "key_twice"),
        (14, "order_no", "key_twice"),
        (15, "line_no", "not_whole"),
    ]
    assert outcome(job) == {"status": "CHECKED", "bad": 14}
    assert Person.objects.count() == 1, "a dry run makes nobody"


def test_summary_equals_a_count_from_scratch_for_every_member(store: Store) -> None:
    """After several files in any order, what is kept is what a plain Python count over all lines gives."""
    members = [make_member(store, f"M{number}") for number in range(3)]
    rows = []
    for number in range(60):
        paid_at = f"2026-0{number % 6 + 1}-{number % 28 + 1:02d} {number % 24}:30"
        refund = number if number % 4 == 0 else ""
        rows.append(f"D{number},{number % 2 + 1},M{number % 3},{paid_at},{number + 1}.{number % 10}0,,{refund},")
    load("orders", csv_of(HEADER, *rows[::2]), store=store)
    load("orders", csv_of(HEADER, *rows[1::3], *rows[:10:2]), store=store)
    for member in members:
        lines = [line for line in OrderLine.objects.filter(member=member) if line.refunded_amount < line.amount]
        days = sorted({local_day(line.paid_at) for line in lines}, reverse=True)
        found = summary(member)
        assert found.last_days == days[:5]
        assert found.amount == sum((line.amount - line.refunded_amount for line in lines), Decimal(0))
        assert found.order_count == len({line.order_no for line in lines})
