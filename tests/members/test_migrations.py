"""Migrations on a filled database, and back: nobody's credit changes, and code of before runs on."""

from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection

from members.models import CreditAccount, CreditLot
from members.selectors.proof import prove_ledger
from members.services.credit import spend, top_up
from tests.factories import NOON, make_member, make_store


@pytest.fixture
def migrated_back():
    """The state before, and the newest again whatever happens."""
    yield lambda name: call_command("migrate", "members", name, verbosity=0)
    call_command("migrate", verbosity=0)  # other apps' too: what depends on the ones taken back went with them


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


def constraints_of_credit() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND convalidated AND conname ~ '^(credit_(account|lot|entry)|members_creditentry)_'"
        )
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.django_db(transaction=True)
def test_short_constraints_and_the_next_taking_function_on_a_filled_ledger(migrated_back):
    migrated_back("0010")
    before = constraints_of_credit()
    assert {"credit_entry_sign_fits_kind", "credit_lot_left_within_amounts", "credit_account_never_negative"} <= before
    assert sum(name.startswith("members_creditentry_") for name in before) == 2  # of the fields seq and line_no
    member = make_member(store=make_store())
    for number in range(2):
        amounts = {"principal": Decimal(100), "bonus": Decimal(20), "opened_at": NOON, "expires_at": None}
        top_up(member=member, source_no=f"T{number}", idempotency_key=f"t{number}", by=None, now=NOON, **amounts)
    first = {"member": member, "amount": Decimal(130), "order_no": "O1", "idempotency_key": "s1", "by": None, "now": NOON}
    done = spend(**first)  # the function of before
    rows = rows_of("members_creditentry", "*"), rows_of("members_creditlot", "*"), rows_of("members_creditaccount", "*")

    migrated_back("0012")  # both sets of constraints, and code of before
    assert constraints_of_credit() == before | {"credit_account_not_below_zero", "credit_lot_is_sound", "credit_entry_is_sound"}
    migrated_back("0013")
    assert constraints_of_credit() == {"credit_account_not_below_zero", "credit_lot_is_sound", "credit_entry_is_sound"}
    assert rows == (rows_of("members_creditentry", "*"), rows_of("members_creditlot", "*"), rows_of("members_creditaccount", "*"))
    again = spend(**first)
    assert (again.replayed, again.parts) == (True, done.parts)
    spend(**first | {"idempotency_key": "s2", "order_no": "O2", "amount": Decimal(110)})
    with pytest.raises(IntegrityError, match="credit_account_not_below_zero"):
        CreditAccount.objects.update(balance=-1)

    migrated_back("0010")
    assert constraints_of_credit() == before
    assert prove_ledger().difference_count == 0


@pytest.mark.django_db(transaction=True)
def test_a_row_of_before_that_is_not_sound_stops_the_migration(migrated_back):
    migrated_back("0010")
    member = make_member(store=make_store())
    top_up(member=member, source_no="T", idempotency_key="t", by=None, now=NOON, principal=Decimal(1), bonus=Decimal(0), opened_at=NOON, expires_at=None)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE members_creditaccount DROP CONSTRAINT credit_account_never_negative")
        cursor.execute("UPDATE members_creditaccount SET held = -1")
    migrated_back("0011")
    with pytest.raises(IntegrityError, match="credit_account_not_below_zero"):
        migrated_back("0012")
    with connection.cursor() as cursor:  # set right by hand, as somebody would
        cursor.execute("UPDATE members_creditaccount SET held = 0")
        cursor.execute("ALTER TABLE members_creditaccount ADD CONSTRAINT credit_account_never_negative CHECK (balance >= 0 AND held >= 0)")
