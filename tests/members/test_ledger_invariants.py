"""What must hold between the ledger and what stands beside it is found broken when it is broken."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from members.choices import AdjustmentStatus, EntryKind, PayoutCause
from members.invariants import adjustments_are_their_entries, paid_back_once, payouts_are_their_entries
from members.models import CreditAdjustment, CreditEntry, CreditLot, CreditPayout
from members.services.credit.adjustments import request_adjustment
from members.services.credit.lapse import sweep_lapsed
from members.services.credit.top_up_refund import refund_top_up
from tests.factories import NOON, make_user
from tests.members.ledger import member_with, yuan

pytestmark = pytest.mark.django_db
SOON = NOON + timedelta(days=1)


def breaches() -> list[tuple[str, dict[str, Any]]]:
    found = [*payouts_are_their_entries(10), *paid_back_once(10), *adjustments_are_their_entries(10)]
    return [(breach.row, breach.facts) for breach in found]


@pytest.fixture
def payout() -> CreditPayout:
    member = member_with(100, 20, expires_at=SOON)
    member_with(50, source_no="T", store=member.store)
    refund_top_up(store_id=member.store_id, source_no="T", idempotency_key="r", by=None, now=NOON)
    sweep_lapsed(now=SOON)
    return CreditPayout.objects.get(cause=PayoutCause.LAPSE)


@pytest.fixture
def adjustment() -> CreditAdjustment:
    by, member = make_user(), member_with(100, 20)
    request_adjustment(member=member, principal=yuan(-90), bonus=yuan(-1), reason="x", idempotency_key="b", by=by, now=NOON)
    request_adjustment(member=member, principal=yuan(900), bonus=yuan(0), reason="x", idempotency_key="c", by=by, now=NOON)
    return request_adjustment(member=member, principal=yuan(5), bonus=yuan(1), reason="x", idempotency_key="a", by=by, now=NOON)


def behind_the_back(sql: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql, params)
        cursor.execute("SET session_replication_role = DEFAULT")


def test_a_rightly_kept_ledger_breaks_nothing(payout: CreditPayout, adjustment: CreditAdjustment) -> None:
    assert breaches() == []


def test_a_payout_of_another_amount_is_named(payout: CreditPayout) -> None:
    CreditPayout.objects.filter(pk=payout.pk).update(amount=yuan(99))
    assert breaches() == [(f"payout {payout.pk}", {"payout": "99.00", "entry": "100.00"})]


def test_a_payout_of_another_entry_leaves_one_without(payout: CreditPayout) -> None:
    other = CreditEntry.objects.filter(kind=EntryKind.TOP_UP).first()
    assert other is not None
    CreditPayout.objects.filter(pk=payout.pk).update(entry=other)
    assert breaches() == [(f"entry {payout.entry_id}", {"payout": None, "entry": "100.00"}), (f"payout {payout.pk}", {"payout": "100.00", "entry": None})]


def test_a_payout_for_another_account_is_named(payout: CreditPayout) -> None:
    CreditPayout.objects.filter(pk=payout.pk).update(account=CreditPayout.objects.exclude(pk=payout.pk).get().account)
    assert [row for row, _facts in breaches()] == [f"payout {payout.pk}"]


def test_a_payout_that_is_gone_is_named(payout: CreditPayout) -> None:
    entry = payout.entry_id
    payout.delete()
    assert breaches() == [(f"entry {entry}", {"payout": None, "entry": "100.00"})]


def test_more_paid_back_than_paid_is_named(payout: CreditPayout) -> None:
    CreditLot.objects.filter(pk=payout.lot_id).update(principal_amount=yuan("99.99"))
    assert breaches() == [(f"lot {payout.lot_id}", {"paid": "99.99", "paid back": "100.00", "refunds": 0})]


def test_a_second_refund_is_named(payout: CreditPayout) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX credit_payout_top_up_refunded_once")
    refund = CreditPayout.objects.get(cause=PayoutCause.TOP_UP_REFUND)
    CreditPayout.objects.filter(pk=payout.pk).update(lot=refund.lot_id, cause=PayoutCause.TOP_UP_REFUND)
    assert (f"lot {refund.lot_id}", {"paid": "50.00", "paid back": "150.00", "refunds": 2}) in breaches()


def test_an_adjustment_of_another_amount_is_named(adjustment: CreditAdjustment) -> None:
    CreditAdjustment.objects.filter(pk=adjustment.pk).update(bonus_amount=yuan(2))
    assert breaches() == [(f"adjustment {adjustment.pk}", {"adjustment": ["5.00", "2.00"], "entries": ["5.00", "1.00"]})]


def test_applied_without_entries_and_entries_without_being_applied_are_named(adjustment: CreditAdjustment) -> None:
    waiting = CreditAdjustment.objects.get(status=AdjustmentStatus.REQUESTED)
    CreditAdjustment.objects.filter(pk=waiting.pk).update(status=AdjustmentStatus.APPLIED, decided_by=make_user())
    CreditAdjustment.objects.filter(pk=adjustment.pk).update(status=AdjustmentStatus.REFUSED)
    assert dict(breaches()) == {
        f"adjustment {waiting.pk}": {"adjustment": ["900.00", "0.00"], "entries": [None, None]},
        f"adjustment {adjustment.pk}": {"adjustment": ["0", "0"], "entries": ["5.00", "1.00"]},
    }


def test_an_entry_without_its_adjustment_is_named(adjustment: CreditAdjustment) -> None:
    entry = CreditEntry.objects.get(lot__source_no=f"adjust:{adjustment.pk}")
    behind_the_back("UPDATE members_creditentry SET idempotency_key = 'by hand' WHERE id = %s", entry.pk)
    assert [row for row, _facts in breaches()] == [f"adjustment {adjustment.pk}", f"entry {entry.pk}"]
