"""Migrations on a filled database, and back: nobody's credit changes, and code of before runs on."""

from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection

from members.models import CreditAccount, CreditLot
from members.selectors.proof import prove_ledger
from members.services.credit import spend, top_up
from tests.factories import NOON, make_member, make_store


@pytest.fixture
def migrated_back():
    """The state before, and the newest again whatever happens."""
    yield lambda name: call_command("migrate", "members", name, verbosity=0)
    call_command("migrate", "members", verbosity=0)


def rows_of(table: str, columns: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table} ORDER BY id")  # noqa: S608 - names of this test
        return cursor.fetchall()


@pytest.mark.django_db(transaction=True)
def test_what_is_left_becomes_a_column_of_its_own(migrated_back):
    store = make_store()
    members = [make_member(store=store) for _ in range(2)]
    for number, member in enumerate(members):
        amounts = {"principal": Decimal(100), "bonus": Decimal(20), "opened_at": NOON, "expires_at": None}
        top_up(member=member, source_no=f"T{number}", idempotency_key=f"t{number}", by=None, now=NOON, **amounts)
    spend(member=members[0], amount=Decimal(120), order_no="O1", idempotency_key="s1", by=None, now=NOON)
    columns = "id, balance, held"
    before = rows_of("members_creditaccount", columns), rows_of("members_creditlot", "id, principal_left, bonus_left")

    migrated_back("0009")
    spend(member=members[1], amount=Decimal(1), order_no="O2", idempotency_key="s2", by=None, now=NOON)  # the function of before
    assert rows_of("members_creditaccount", columns)[0] == before[0][0]

    migrated_back("0010")
    assert list(CreditAccount.objects.order_by("pk").values_list("balance", "has_balance")) == [(0, False), (Decimal("119.00"), True)]
    assert list(CreditLot.objects.order_by("pk").values_list("has_left", flat=True)) == [False, True]
    spend(member=members[1], amount=Decimal(119), order_no="O3", idempotency_key="s3", by=None, now=NOON)
    assert not CreditLot.objects.filter(has_left=True).exists()
    assert prove_ledger().difference_count == 0
