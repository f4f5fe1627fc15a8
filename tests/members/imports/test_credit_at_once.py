"""Top-up files while others move the same credit: nothing is lost, nothing is counted twice, nobody waits for ever."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction

from backoffice.kernel.files import engine
from backoffice.kernel.tenancy.models import Store
from members.models import CreditAccount, CreditEntry, CreditLot, Member
from members.selectors.proof import prove_ledger
from tests.factories import make_member, make_store
from tests.loading import csv_of, load, outcome
from tests.members.ledger import give, take, yuan

pytestmark = pytest.mark.django_db(transaction=True)

HEADER = "member_no,source_no,principal_amount"
SECONDS = 30


@pytest.fixture
def store() -> Store:
    return make_store("YS01")


@pytest.fixture
def member(store: Store) -> Member:
    return make_member(store, "M1")


def beside(pool: ThreadPoolExecutor, work: Callable[[], Any]) -> Future[Any]:
    """Run ``work`` in a thread of its own, with a connection of its own."""

    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    return pool.submit(run)


def balance_of(member: Member) -> Any:
    return CreditAccount.objects.get(member=member).balance


def assert_ledger_proved() -> None:
    assert not prove_ledger().differences


def test_a_file_waits_for_a_spend_and_builds_on_its_balance(store: Store, member: Member) -> None:
    give(member, 100)
    spent, may_commit = Event(), Event()

    def spend_slowly() -> None:
        with transaction.atomic():
            take(member, 30)
            spent.set()
            assert may_commit.wait(SECONDS)

    with ThreadPoolExecutor(2) as pool:
        spending = beside(pool, spend_slowly)
        assert spent.wait(SECONDS)
        importing = beside(pool, lambda: load("credit", csv_of(HEADER, "M1,A1,5", "M1,A2,6"), store=store, total="11"))
        _wait_until_somebody_waits_for_a_lock()
        may_commit.set()
        spending.result(SECONDS)
        job = importing.result(SECONDS)

    assert outcome(job) == {"status": "APPLIED", "created": 2}
    assert list(CreditEntry.objects.order_by("pk").values_list("balance_after", flat=True)) == [yuan(100), yuan(70), yuan(75), yuan(81)]
    assert balance_of(member) == yuan(81)
    assert_ledger_proved()


def _wait_until_somebody_waits_for_a_lock() -> None:
    waited = Event()
    for _ in range(SECONDS * 20):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
            if cursor.fetchone()[0]:
                return
        waited.wait(0.05)
    raise AssertionError("nobody waited for the spend")


def test_an_account_that_is_opened_at_the_same_moment_is_used(store: Store, member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking and writing somebody opens the account: the unique key refuses, and the file is staged and applied again."""
    applied = engine._apply
    tries: list[int] = []

    def apply_after_a_top_up(*args: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            with ThreadPoolExecutor(1) as pool:
                beside(pool, lambda: give(member, 7)).result(SECONDS)
        applied(*args)

    monkeypatch.setattr(engine, "_apply", apply_after_a_top_up)
    job = load("credit", csv_of(HEADER, "M1,A1,5"), store=store, total="5")
    assert (outcome(job), len(tries)) == ({"status": "APPLIED", "created": 1}, 2)
    assert balance_of(member) == yuan(12)
    assert_ledger_proved()


def test_a_number_that_is_booked_at_the_same_moment_becomes_a_conflict(store: Store, member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    give(member, 1)
    applied = engine._apply
    tries: list[int] = []

    def apply_after_a_top_up(*args: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            with ThreadPoolExecutor(1) as pool:
                beside(pool, lambda: give(make_member(store, "M2"), 9, source_no="A1")).result(SECONDS)
        applied(*args)

    monkeypatch.setattr(engine, "_apply", apply_after_a_top_up)
    job = load("credit", csv_of(HEADER, "M1,A1,5", "M1,A2,6"), store=store, total="11", skip=True)
    assert outcome(job) == {"status": "APPLIED", "created": 1, "conflict": 1}
    assert balance_of(member) == yuan(7)
    assert_ledger_proved()


def test_two_files_with_the_same_rows_at_once_book_each_top_up_once(store: Store) -> None:
    members = [make_member(store, f"M{number}") for number in range(20)]
    rows = [f"M{number % 20},A{number},1.01" for number in range(60)]
    files = [csv_of(HEADER, *rows[:50]), csv_of(HEADER, *reversed(rows[10:]))]
    with ThreadPoolExecutor(2) as pool:
        jobs = [beside(pool, lambda text=text: load("credit", text, store=store, total="50.50")) for text in files]
        done = [job.result(SECONDS) for job in jobs]

    assert [job.status for job in done] == ["APPLIED", "APPLIED"]
    assert sum(job.created_count for job in done) == 60
    assert sum(job.unchanged_count for job in done) == 40
    assert CreditLot.objects.count() == 60
    assert all(balance_of(member) == yuan("3.03") for member in members)
    assert_ledger_proved()


def test_files_and_spends_at_once_leave_the_ledger_whole(store: Store) -> None:
    members = [make_member(store, f"M{number}") for number in range(8)]
    for member in members:
        give(member, 100)

    def import_many(first: int) -> None:
        for number in range(first, first + 4):
            load("credit", csv_of(HEADER, *(f"M{one},A{number}-{one},2" for one in range(8))), store=store, total="16")

    def spend_many(order: int) -> None:
        for number in range(15):
            take(members[(number * order) % 8], 1)

    with ThreadPoolExecutor(4) as pool:
        work = [
            beside(pool, lambda: import_many(0)),
            beside(pool, lambda: import_many(100)),
            beside(pool, lambda: spend_many(1)),
            beside(pool, lambda: spend_many(3)),
        ]
        for one in work:
            one.result(SECONDS * 2)

    assert CreditLot.objects.count() == 8 + 64
    assert sum(balance_of(member) for member in members) == yuan(800 + 128 - 30)
    assert_ledger_proved()
