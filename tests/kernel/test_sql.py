"""Statements that the server keeps planned."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, OperationalError, ProgrammingError, connection, transaction
from django.db.transaction import TransactionManagementError

from backoffice.kernel.sql import fetch_prepared

pytestmark = pytest.mark.django_db
ASKS = "SELECT %s::int + %s::int"


def planned() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [row[0] for row in cursor.fetchall()]


def test_it_is_planned_once_and_others_are_not():
    before = len(planned())
    assert [fetch_prepared(ASKS, (1, number)) for number in range(3)] == [[(1,)], [(2,)], [(3,)]]
    kept = planned()
    assert len(kept) == before + 1
    assert any("$1::int + $2::int" in statement for statement in kept)


def test_a_pooled_session_keeps_no_plan(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    before = planned()
    assert fetch_prepared("SELECT %s::int * 2", (4,)) == [(8,)]
    assert planned() == before


def test_who_counts_statements_sees_it(django_assert_num_queries):
    with django_assert_num_queries(1):
        fetch_prepared(ASKS, (1, 1))


def test_faults_are_django_s():
    with pytest.raises(ProgrammingError), transaction.atomic():
        fetch_prepared("SELECT nothing(%s)", (1,))


def test_it_asks_nothing_in_a_broken_transaction():
    with transaction.atomic():
        connection.needs_rollback = True
        with pytest.raises(TransactionManagementError):
            fetch_prepared(ASKS, (1, 1))


def test_values_come_back_as_they_went():
    moment = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)
    values = (7, Decimal("-0.10"), "it's \\ 50% 储值", b"\x00\\\xff'", None, moment, [1, None, 3], [Decimal("1.50")], True)
    kinds = ("bigint", "numeric", "text", "bytea", "text", "timestamptz", "integer[]", "numeric[]", "boolean")
    sql = f"SELECT {', '.join(f'%s::{kind}' for kind in kinds)}, '100%%'"
    assert [fetch_prepared(sql, values) for _again in range(2)] == [[(*values, "100%")]] * 2


def test_many_rows_and_none():
    series = "SELECT number FROM generate_series(1, %s::int) AS number"
    assert fetch_prepared(series, (300,)) == [(number,) for number in range(1, 301)]
    assert fetch_prepared(series, (0,)) == []


@pytest.mark.django_db(transaction=True)
def test_alone_it_is_a_transaction_of_its_own():
    ran = fetch_prepared("SELECT pg_current_xact_id()::text <> %s", ("",)), fetch_prepared("SELECT pg_current_xact_id()::text <> %s", ("",))
    assert ran == ([(True,)], [(True,)])
    assert connection.connection.info.transaction_status.name == "IDLE"
    assert planned()


@pytest.mark.django_db(transaction=True)
def test_the_first_statement_of_a_transaction_belongs_to_it():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE first_of_all (number int)")
    try:
        with transaction.atomic():
            for number in (1, 2):
                assert fetch_prepared("INSERT INTO first_of_all VALUES (%s::int) RETURNING number", (number,)) == [(number,)]
            transaction.set_rollback(True)
        assert fetch_prepared("SELECT count(*) FROM first_of_all WHERE number > %s::int", (0,)) == [(0,)]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE first_of_all")


@pytest.mark.django_db(transaction=True)
def test_a_fault_leaves_the_session_in_order_and_tells_the_constraint():
    fetch_prepared(ASKS, (1, 1))
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE held (number int CONSTRAINT held_is_small CHECK (number < 10))")
    with pytest.raises(IntegrityError) as refused:
        fetch_prepared("INSERT INTO held VALUES (%s::int) RETURNING number", (10,))
    assert refused.value.__cause__.diag.constraint_name == "held_is_small"
    assert fetch_prepared("INSERT INTO held VALUES (%s::int) RETURNING number", (9,)) == [(9,)]


@pytest.mark.django_db(transaction=True)
def test_a_session_that_died_is_told_and_the_next_one_plans_anew():
    fetch_prepared(ASKS, (1, 1))
    with pytest.raises(OperationalError):
        fetch_prepared("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(%s::int)", (10,))
    connection.close()
    assert fetch_prepared(ASKS, (1, 1)) == [(2,)]
