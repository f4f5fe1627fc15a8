"""What dialogs tell beforehand is what then happens."""

from __future__ import annotations

from datetime import timedelta

import pytest

from members.choices import AdjustmentStatus, DeductionOrder, TopUpRefundPolicy
from members.models import CreditLot, CreditPolicy
from members.services.credit import hold
from members.services.credit.adjustments import adjustable_alone, request_adjustment
from members.services.credit.top_up_refund import TopUpRefundRefused, preview_top_up_refund, refund_top_up
from tests.factories import NOON, make_user
from tests.members.ledger import account_of, everything, member_with, take, yuan

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("policy", TopUpRefundPolicy.values)
@pytest.mark.parametrize("order", DeductionOrder.values)
def test_the_preview_of_a_refunded_top_up_is_the_refund(policy: str, order: str) -> None:
    member = member_with(100, 20, source_no="T")
    CreditPolicy.objects.create(store=member.store, top_up_refund=policy)
    take(member, 30, deduction_order=order)
    lot = CreditLot.objects.get()
    before = everything(member)
    told = preview_top_up_refund(lot=lot, now=NOON)
    assert everything(member) == before
    assert told.paid_back + told.void_principal + told.void_bonus == lot.principal_left + lot.bonus_left
    done = refund_top_up(store_id=member.store_id, source_no="T", idempotency_key="r", by=None, now=NOON)
    assert (told.paid_back, told.void_principal + told.void_bonus) == (done.paid_back, done.voided)
    with pytest.raises(TopUpRefundRefused) as refused:
        preview_top_up_refund(lot=CreditLot.objects.get(), now=NOON)
    assert refused.value.code == "top_up_refunded"


def test_the_preview_refuses_what_the_refund_refuses() -> None:
    member = member_with(100, 20, source_no="T", expires_at=NOON + timedelta(days=1))
    hold(account=account_of(member), amount=yuan(10), order_no="A", idempotency_key="h", by=None, now=NOON)
    lot = CreditLot.objects.get()
    for now, code in ((NOON, "top_up_held"), (NOON + timedelta(days=1), "top_up_lapsed")):
        with pytest.raises(TopUpRefundRefused) as told:
            preview_top_up_refund(lot=lot, now=now)
        with pytest.raises(TopUpRefundRefused) as done:
            refund_top_up(store_id=member.store_id, source_no="T", idempotency_key="r", by=None, now=now)
        assert (told.value.code, done.value.code) == (code, code)


def test_what_is_left_to_adjust_alone_decides() -> None:
    member, clerk = member_with(100), make_user()
    account = account_of(member)

    def adjust(amount: str, key: str) -> str:
        made = request_adjustment(account=account, principal=yuan(amount), bonus=yuan(0), reason="r", idempotency_key=key, by=clerk, now=NOON)
        return str(made.status)

    assert adjustable_alone(account=account, by=clerk, now=NOON) == yuan(500)
    assert adjust("-30", "a") == AdjustmentStatus.APPLIED
    assert adjustable_alone(account=account, by=clerk, now=NOON) == yuan(470)
    assert adjust("470.01", "b") == AdjustmentStatus.REQUESTED
    assert adjust("470.00", "c") == AdjustmentStatus.APPLIED
    assert adjustable_alone(account=account, by=clerk, now=NOON) == yuan(0)
    assert adjustable_alone(account=account, by=make_user(), now=NOON) == adjustable_alone(account=account, by=clerk, now=NOON + timedelta(days=1)) == yuan(500)
