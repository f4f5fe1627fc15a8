"""Statements that the server keeps planned."""

import pytest
from django.db import ProgrammingError, connection, transaction
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
