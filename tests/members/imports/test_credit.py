"""Top-up files: lots, entries and balances to the fen; a booked top-up number is never changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from backoffice.kernel.tenancy.models import Store
from members.choices import EntryKind, MemberStatus
from members.models import CreditAccount, CreditEntry, CreditLot, Member
from members.selectors.proof import prove_ledger
from members.services.credit import CreditRefused, TopUpNumberTaken, top_up
from members.services.credit.adjustments import request_adjustment
from tests.factories import NOON, make_member, make_store, make_user
from tests.loading import csv_of, load, outcome, problems
from tests.members.ledger import give, take, yuan

pytestmark = pytest.mark.django_db

HEADER = "member_no,source_no,principal_amount,bonus_amount,opened_at,expires_at"


@pytest.fixture
def store() -> Store:
    return make_store("YS01")


@pytest.fixture
def member(store: Store) -> Member:
    return make_member(store, "M1")


def balance_of(member: Member) -> Decimal:
    return CreditAccount.objects.get(member=member).balance


def assert_ledger_proved() -> None:
    proof = prove_ledger()
    assert not proof.differences


def test_a_file_opens_accounts_lots_and_entries(store: Store, member: Member) -> None:
    other = make_member(store, "M2")
    text = csv_of(HEADER, "M1,A1,100.00,20,2026-01-05 08:30,2027-01-05", "M2,A2,¥50.50,,,", "M1,A3,0,0.01,2026-02-01,")
    job = load("credit", text, store=store, total="170.51")

    assert outcome(job) == {"status": "APPLIED", "created": 3}
    assert (job.file_total, job.applied_total) == (Decimal("170.51"), Decimal("170.51"))
    lots = {lot.source_no: lot for lot in CreditLot.objects.all()}
    assert (lots["A1"].principal_amount, lots["A1"].bonus_amount, lots["A1"].principal_left, lots["A1"].bonus_left) == (
        yuan(100),
        yuan(20),
        yuan(100),
        yuan(20),
    )
    assert lots["A1"].opened_at == datetime(2026, 1, 5, 0, 30, tzinfo=UTC)
    assert lots["A1"].expires_at == datetime(2027, 1, 5, 16, tzinfo=UTC), "a day without a time lasts to its end"
    assert (lots["A2"].opened_at, lots["A2"].expires_at) == (NOON, None)
    assert (balance_of(member), balance_of(other)) == (yuan("120.01"), yuan("50.50"))
    entries = CreditEntry.objects.filter(account__member=member).order_by("pk")
    assert [(entry.kind, entry.idempotency_key, entry.seq, entry.balance_after) for entry in entries] == [
        (EntryKind.TOP_UP, "topup:A1", 1, yuan(120)),
        (EntryKind.TOP_UP, "topup:A3", 1, yuan("120.01")),
    ]
    assert_ledger_proved()


def test_balances_run_on_from_what_was_there(store: Store, member: Member) -> None:
    give(member, 10)
    take(member, 3)
    load("credit", csv_of(HEADER, "M1,B2,5,,,", "M1,B1,1,,,"), store=store, total="6")

    after = CreditEntry.objects.filter(kind=EntryKind.TOP_UP, idempotency_key__startswith="topup:B").order_by("pk")
    assert [(entry.idempotency_key, entry.balance_after) for entry in after] == [("topup:B2", yuan(12)), ("topup:B1", yuan(13))]
    assert balance_of(member) == yuan(13)
    assert_ledger_proved()


def test_the_same_rows_in_another_file_change_nothing(store: Store, member: Member) -> None:
    load("credit", csv_of(HEADER, "M1,A1,100,20,2026-01-05,2027-01-05"), store=store, total="120")
    take(member, 30)
    again = load("credit", csv_of(HEADER, "M1,A1,100.00,20.00,2026-01-05,2027-01-05", "M1,A2,1,,,"), store=store, total="121")

    assert outcome(again) == {"status": "APPLIED", "created": 1, "unchanged": 1}
    assert again.applied_total == yuan(1)
    assert balance_of(member) == yuan(91)
    assert_ledger_proved()


def test_other_dates_for_a_booked_number_are_kept_and_counted(store: Store, member: Member) -> None:
    load("credit", csv_of(HEADER, "M1,A1,100,20,2026-01-05,2027-01-05"), store=store, total="120")
    again = load("credit", csv_of(HEADER, "M1,A1,100,20,2026-01-06,2028-01-05"), store=store, total="120")

    assert outcome(again) == {"status": "APPLIED", "unchanged": 1}
    assert again.notes["dates_kept"] == 1
    assert CreditLot.objects.get().expires_at == datetime(2027, 1, 5, 16, tzinfo=UTC)


@pytest.mark.parametrize("row", ["M1,A1,100.01,20,2026-01-05,", "M1,A1,100,,2026-01-05,", "M2,A1,100,20,2026-01-05,"])
def test_other_figures_for_a_booked_number_are_a_conflict(store: Store, member: Member, row: str) -> None:
    make_member(store, "M2")
    load("credit", csv_of(HEADER, "M1,A1,100,20,2026-01-05,"), store=store, total="120")
    total = sum(Decimal(cell or 0) for cell in row.split(",")[2:4])

    job = load("credit", csv_of(HEADER, row), store=store, total=str(total))
    assert (job.status, job.conflict_count) == ("REFUSED", 1)
    assert problems(job) == [(2, "source_no", "source_no_differs")]
    assert CreditLot.objects.get().principal_amount == yuan(100)

    skipped = load("credit", csv_of(HEADER, row, "M1,A9,1,,,"), store=store, total=str(total + 1), skip=True)
    assert outcome(skipped) == {"status": "APPLIED", "created": 1, "conflict": 1}
    assert skipped.applied_total == yuan(1)
    assert balance_of(member) == yuan(121)
    assert_ledger_proved()


def test_the_same_number_in_another_store_is_another_top_up(store: Store, member: Member) -> None:
    other = make_member(make_store("HS01"), "M1")
    load("credit", csv_of(HEADER, "M1,A1,100,,,"), store=store, total="100")
    load("credit", csv_of(HEADER, "M1,A1,7,,,"), store=other.store, total="7")
    assert (balance_of(member), balance_of(other)) == (yuan(100), yuan(7))


def test_bad_rows_are_named(store: Store, member: Member) -> None:
    make_member(store, "M9", status=MemberStatus.CLOSED)
    make_member(store, "M8", status=MemberStatus.LEFT)
    rows = [
        "M404,A1,1,,,",
        "M9,A2,1,,,",
        "M1,A3,0,0,,",
        "M1,A4,1,,2026-01-05,2026-01-04",
        "M1,A5,-1,,,",
        "M1,A6,1.005,,,",
        "M1,,1,,,",
        "M8,A8,1,,,",
        "M1,A9,1,,,",
        "M1,A9,1,,,",
    ]
    job = load("credit", csv_of(HEADER, *rows), store=store, total="7", skip=True)
    assert job.file_total == yuan(7), "all rows that can be read, good or bad"
    assert problems(job) == [
        (2, "member_no", "unknown_member"),
        (3, "member_no", "member_closed"),
        (4, "principal_amount", "credit_empty"),
        (5, "expires_at", "expires_before_opening"),
        (6, "principal_amount", "negative_amount"),
        (7, "principal_amount", "too_many_decimals"),
        (8, "source_no", "required"),
        (10, "source_no", "key_twice"),
        (11, "source_no", "key_twice"),
    ]
    assert outcome(job) == {"status": "APPLIED", "created": 1, "bad": 9}
    assert job.applied_total == yuan(1)
    assert_ledger_proved()


@pytest.mark.parametrize("total", ["99.99", "100.01", None])
def test_a_control_total_that_is_missing_or_a_fen_off_applies_nothing(store: Store, member: Member, total: str | None) -> None:
    job = load("credit", csv_of(HEADER, "M1,A1,100,,,"), store=store, total=total)
    assert job.status == "REFUSED"
    assert job.error_code == ("control_total_missing" if total is None else "control_total_differs")
    assert not CreditLot.objects.exists()
    assert not CreditAccount.objects.exists()


def test_a_dry_run_needs_no_control_total_and_writes_nothing(store: Store, member: Member) -> None:
    job = load("credit", csv_of(HEADER, "M1,A1,100,,,", "M404,A2,1,,,"), store=store, dry=True)
    assert outcome(job) == {"status": "CHECKED", "created": 1, "bad": 1}
    assert job.file_total == yuan(101)
    assert not CreditAccount.objects.exists()


def test_credit_that_has_expired_already_is_a_fact_too(store: Store, member: Member) -> None:
    load("credit", csv_of(HEADER, "M1,A1,100,,2020-01-01,2021-01-01"), store=store, total="100")
    assert balance_of(member) == yuan(100), "no job has swept the lot yet"
    assert_ledger_proved()


def test_a_member_of_another_store_is_unknown_here(store: Store) -> None:
    make_member(make_store("HS01"), "X1")
    job = load("credit", csv_of(HEADER, "X1,A1,1,,,"), store=store, total="1")
    assert problems(job) == [(2, "member_no", "unknown_member")]


def test_the_api_cannot_book_the_number_of_a_file_again(store: Store, member: Member) -> None:
    load("credit", csv_of(HEADER, "M1,A1,100,,,"), store=store, total="100")
    with pytest.raises(TopUpNumberTaken):
        top_up(
            member=member, source_no="A1", principal=yuan(100), bonus=yuan(0), opened_at=NOON - timedelta(days=1), expires_at=None,
            idempotency_key="other", by=None, now=NOON,
        )  # fmt: skip
    assert balance_of(member) == yuan(100)


def test_numbers_of_the_systems_own_lots_are_refused_unless_the_lot_is_there(store: Store, member: Member) -> None:
    made = request_adjustment(member=member, principal=yuan(5), bonus=yuan(1), reason="x", idempotency_key="a", by=make_user(), now=NOON)
    text = csv_of(HEADER, f"M1,adjust:{made.pk},5.00,1.00,,", "M1,adjust:999,1,,,", "M1,refund:1,1,,,", "M1,adjusted,1,,,")
    job = load("credit", text, store=store, skip=True, total="9.00")
    assert problems(job) == [(3, "source_no", "source_no_reserved"), (4, "source_no", "source_no_reserved")]
    assert outcome(job) == {"status": "APPLIED", "created": 1, "unchanged": 1, "bad": 2}
    with pytest.raises(CreditRefused) as refused:
        give(member, 1, source_no="new:1")
    assert refused.value.code == "source_no_reserved"
    assert balance_of(member) == yuan(7)
