"""The proof finds each kind of difference and names the row."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from members.models import CreditAccount, CreditEntry, CreditLot
from members.selectors.proof import prove_ledger
from tests.factories import NOON, make_store
from tests.members.ledger import account_of, member_with, take

pytestmark = pytest.mark.django_db


def prove():
    out = StringIO()
    try:
        call_command("prove_ledger", "--json", stdout=out)
    except SystemExit as stop:
        return stop.code, json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


@pytest.fixture
def member():
    member = member_with(100, 20, expires_at=NOON + timedelta(days=5))
    take(member, 30)
    member_with(7)  # another account, in order, is never named
    return member


def test_a_whole_ledger_exits_0(member):
    code, answer = prove()
    assert code == 0
    assert {name: answer[name] for name in ("accounts", "lots", "entries", "balance", "difference_count", "differences")} == {
        "accounts": 2,
        "lots": 2,
        "entries": 3,
        "balance": "97.00",
        "difference_count": 0,
        "differences": [],
    }


def test_an_empty_ledger_exits_0():
    assert prove()[0] == 0


def rules(answer):
    return {(row["what"], row["id"], row["rule"]) for row in answer["differences"]}


def test_a_wrong_balance_is_named(member):
    CreditAccount.objects.filter(member=member).update(balance=91)
    code, answer = prove()
    account = account_of(member).pk
    assert code == 1
    assert answer["differences"] == [
        {"what": "account", "id": account, "rule": "balance_is_balance_after_last_entry", "told": "91.00", "proved": "90.00"},
        {"what": "account", "id": account, "rule": "balance_is_sum_of_entries", "told": "91.00", "proved": "90.00"},
        {"what": "account", "id": account, "rule": "balance_is_sum_of_lots", "told": "91.00", "proved": "90.00"},
    ]


def test_a_held_amount_without_a_hold_is_named(member):
    CreditAccount.objects.filter(member=member).update(held=1)
    code, answer = prove()
    assert (code, rules(answer)) == (1, {("account", account_of(member).pk, "held_is_what_holds_took")})


def test_fen_moved_between_principal_and_bonus_of_a_lot_are_named(member):
    lot = CreditLot.objects.get(account__member=member)
    CreditLot.objects.filter(pk=lot.pk).update(principal_left=lot.principal_left - 1, bonus_left=lot.bonus_left + 1)
    code, answer = prove()
    assert (code, rules(answer)) == (1, {("lot", lot.pk, "principal_left_is_sum_of_entries"), ("lot", lot.pk, "bonus_left_is_sum_of_entries")})


def test_a_lot_in_another_store_is_named(member):
    lot = CreditLot.objects.get(account__member=member)
    CreditLot.objects.filter(pk=lot.pk).update(store=make_store())
    assert rules(prove()[1]) == {("lot", lot.pk, "store_is_the_accounts"), ("lot", lot.pk, "entries_name_the_lots_store")}


def test_an_account_in_another_store_than_its_member_is_named(member):
    account = account_of(member)
    CreditAccount.objects.filter(pk=account.pk).update(store=make_store())
    assert ("account", account.pk, "store_is_the_members") in rules(prove()[1])


def _behind_the_back(sql, *params):
    """As somebody with the owner's rights could: the append-only trigger is off."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql, params)
        cursor.execute("SET session_replication_role = DEFAULT")


def test_a_deleted_entry_is_named(member):
    entry = CreditEntry.objects.filter(account__member=member).latest("pk")
    _behind_the_back("DELETE FROM members_creditentry WHERE id = %s", entry.pk)
    account = account_of(member).pk
    assert rules(prove()[1]) == {
        ("account", account, "balance_is_balance_after_last_entry"),
        ("account", account, "balance_is_sum_of_entries"),
        ("lot", entry.lot_id, "principal_left_is_sum_of_entries"),
        ("lot", entry.lot_id, "bonus_left_is_sum_of_entries"),
    }


def test_an_entry_without_a_lot_or_under_another_account_is_named(member):
    entry = CreditEntry.objects.filter(account__member=member).latest("pk")
    other = CreditAccount.objects.exclude(member=member).get()
    _behind_the_back("UPDATE members_creditentry SET account_id = %s WHERE id = %s", other.pk, entry.pk)
    assert rules(prove()[1]) == {("lot", entry.lot_id, "entries_name_the_lots_account")}
    _behind_the_back("UPDATE members_creditentry SET lot_id = 999999999 WHERE id = %s", entry.pk)
    assert ("entry", entry.pk, "lot_exists") in rules(prove()[1])


def test_the_first_hundred_are_named_and_all_are_counted(member):
    CreditAccount.objects.update(balance=1)
    proof = prove_ledger(most_named=2)
    assert (proof.difference_count, len(proof.differences), proof.holds) == (6, 2, False)


def test_without_json_the_rows_are_printed(member):
    CreditAccount.objects.filter(member=member).update(held=1)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("prove_ledger", stdout=out)
    assert f"account {account_of(member).pk}: held_is_what_holds_took: told 1.00, proved 0" in out.getvalue()
