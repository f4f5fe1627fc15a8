"""What must hold of refunds and holds is found broken when it is broken behind the services' back."""

from __future__ import annotations

import pytest
from django.db import connection

from members.choices import EntryKind
from members.invariants import held_is_the_open_holds, holds_are_their_entries, orders_never_get_more_back, refunds_within_what_was_taken
from members.models import CreditAccount, CreditEntry, CreditHold
from members.selectors.proof import prove_ledger
from members.services.credit import capture, release
from tests.factories import NOON
from tests.members.ledger import account_of, give_back, member_with, set_aside, take, yuan

pytestmark = pytest.mark.django_db

CHECKS = (refunds_within_what_was_taken, orders_never_get_more_back, holds_are_their_entries, held_is_the_open_holds)


@pytest.fixture
def member():
    """One spend with a refund, one hold of each state."""
    member = member_with(100, 20)
    take(member, 30, order_no="A")
    give_back(member, "A", (None, 12))
    set_aside(member, 5, order_no="B")
    capture(hold=set_aside(member, 6, order_no="C").hold_id, amount=yuan(4), idempotency_key="c", by=None, now=NOON)
    release(hold=set_aside(member, 7, order_no="D").hold_id, idempotency_key="r", by=None, now=NOON)
    return member


def behind_the_back(sql, *params):
    """As somebody with the owner's rights could: triggers are off."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql, params)
        cursor.execute("SET session_replication_role = DEFAULT")


def breaches():
    return {breach.invariant: (breach.row, breach.facts) for check in CHECKS for breach in check(10)}


def test_a_whole_ledger_breaks_nothing(member):
    assert breaches() == {}


def test_a_refund_of_more_than_was_taken_is_named(member):
    refund = CreditEntry.objects.get(kind=EntryKind.REFUND)
    behind_the_back("UPDATE members_creditentry SET principal_amount = 25.01 WHERE id = %s", refund.pk)
    spent = refund.refund_of_id
    assert breaches() == {
        "ledger.refunds": (
            f"entry {spent}",
            {"kind": "SPEND", "of_the_same": True, "principal": "25.00", "principal_back": "25.01", "bonus": "5.00", "bonus_back": "2.00"},
        ),
    }
    behind_the_back("UPDATE members_creditentry SET principal_amount = 28.01 WHERE id = %s", refund.pk)
    assert breaches()["ledger.orders"] == (f"order A of store {member.store_id}", {"spent": "30.00", "given back": "30.01"})


@pytest.mark.parametrize("change", ["account_id = account_id + 1", "store_id = store_id + 1", "order_no = 'Z'", "line_no = 7", "refund_of_id = 987654321"])
def test_a_refund_of_something_else_is_named(member, change):
    refund = CreditEntry.objects.get(kind=EntryKind.REFUND)
    behind_the_back(f"UPDATE members_creditentry SET {change} WHERE id = %s", refund.pk)  # noqa: S608
    row, facts = breaches()["ledger.refunds"]
    assert row == f"entry {987654321 if 'refund_of' in change else refund.refund_of_id}"
    assert not facts["of_the_same"]


@pytest.mark.parametrize("order_no", ["B", "C", "D"])
@pytest.mark.parametrize("change", ["amount = amount + 1", "account_id = account_id + 1", "store_id = store_id + 1", "order_no = 'Z'"])
def test_a_hold_that_is_not_its_entries_is_named(member, order_no, change):
    hold = CreditHold.objects.get(order_no=order_no)
    behind_the_back(f"UPDATE members_credithold SET {change} WHERE id = %s", hold.pk)  # noqa: S608
    assert breaches()["ledger.holds"][0] == f"hold {hold.pk}"


def test_a_settled_hold_without_its_entries_and_entries_without_a_hold_are_named(member):
    captured = CreditHold.objects.get(order_no="C")
    behind_the_back("UPDATE members_credithold SET captured_amount = 5 WHERE id = %s", captured.pk)
    assert breaches()["ledger.holds"][1]["captured"] == "4.00"
    behind_the_back("DELETE FROM members_credithold WHERE id = %s", captured.pk)
    row, facts = breaches()["ledger.holds"]
    assert (row, facts["status"], facts["held"]) == (f"hold {captured.pk}", None, "6.00")


def test_a_hold_that_was_opened_again_is_named(member):
    behind_the_back("UPDATE members_credithold SET status = 'HELD', settled_at = NULL WHERE order_no = 'D'")
    assert set(breaches()) == {"ledger.holds", "ledger.held"}


def test_held_credit_that_no_open_hold_holds_is_named(member):
    CreditAccount.objects.filter(member=member).update(held=6)
    assert breaches() == {"ledger.held": (f"account {account_of(member).pk}", {"held": "6.00", "open holds": "5.00"})}
    assert {row.rule for row in prove_ledger().differences} == {"held_is_what_holds_took"}


def test_the_proof_knows_what_was_captured(member):
    assert prove_ledger().differences == []
    entry = CreditEntry.objects.get(kind=EntryKind.CAPTURE)
    behind_the_back("UPDATE members_creditentry SET captured_bonus = captured_bonus + 1 WHERE id = %s", entry.pk)
    assert [(row.rule, row.told, row.proved) for row in prove_ledger().differences] == [("held_is_what_holds_took", 5, 4)]


@pytest.mark.parametrize("change", ["seq = seq + 1", "body_hash = 'x'", "idempotency_key = 'other'"])
def test_the_proof_names_a_part_that_follows_no_other(member, change):
    part = CreditEntry.objects.get(idempotency_key="c", seq=2)
    behind_the_back(f"UPDATE members_creditentry SET {change} WHERE id = %s", part.pk)  # noqa: S608
    assert [(row.what, row.id, row.rule) for row in prove_ledger().differences] == [("entry", part.pk, "parts_of_a_key_follow_each_other")]
