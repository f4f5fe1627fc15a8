"""A store's credit policy: who changes what, and what the audit log keeps."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import NotAllowed
from backoffice.kernel.tenancy.roles import Role
from members.choices import DeductionOrder, LapsePolicy, RefundAfterLapse, TopUpRefundPolicy
from members.models import CreditPolicy
from members.selectors.policy import policy_of
from members.services.credit import AmountRefused, spend
from members.services.credit.lapse import sweep_lapsed
from members.services.policy import PolicyRefused, change_policy
from tests.factories import NOON, make_store, make_user
from tests.members.ledger import account_of, member_with, yuan

pytestmark = pytest.mark.django_db


def test_a_store_without_a_row_has_the_defaults() -> None:
    policy = policy_of(make_store().pk)
    assert (policy.deduction_order, policy.on_lapse, policy.refund_after_lapse, policy.refund_grace_days, policy.top_up_refund, policy.adjustment_limit) == (
        DeductionOrder.PERCENT,
        LapsePolicy.PAY_BACK,
        RefundAfterLapse.EXTEND_ONCE,
        7,
        TopUpRefundPolicy.PRINCIPAL_ONLY,
        Decimal("500.00"),
    )
    assert not CreditPolicy.objects.exists()


def test_a_change_is_written_with_old_and_new_values() -> None:
    store = make_store()
    owner = make_user(Role.MERCHANT_OWNER, merchant=store.merchant)

    change_policy(store=store, by=owner, now=NOON, on_lapse="VOID", refund_grace_days=14, deduction_order="PERCENT")

    assert (policy_of(store.pk).on_lapse, policy_of(store.pk).refund_grace_days) == ("VOID", 14)
    event = AuditEvent.objects.get()
    assert (event.verb, event.actor, event.store, event.target_type, event.target_id, event.happened_at) == (
        "credit_policy.changed", owner, store, "members.creditpolicy", store.pk, NOON,
    )  # fmt: skip
    assert event.facts == {"old": {"on_lapse": "PAY_BACK", "refund_grace_days": 7}, "new": {"on_lapse": "VOID", "refund_grace_days": 14}}


def test_the_same_again_is_no_change_and_no_event() -> None:
    store = make_store()
    owner = make_user(Role.MERCHANT_OWNER, merchant=store.merchant)
    change_policy(store=store, by=owner, now=NOON, refund_grace_days="7", adjustment_limit="500")
    assert not AuditEvent.objects.exists()


def test_the_limit_of_adjustments_is_the_platforms() -> None:
    store = make_store()
    owner, admin = make_user(Role.MERCHANT_OWNER, merchant=store.merchant), make_user(Role.PLATFORM_ADMIN)

    with pytest.raises(NotAllowed):
        change_policy(store=store, by=owner, now=NOON, adjustment_limit=Decimal(9000), on_lapse="VOID")
    assert (policy_of(store.pk).adjustment_limit, policy_of(store.pk).on_lapse) == (yuan(500), "PAY_BACK")

    change_policy(store=store, by=admin, now=NOON, adjustment_limit=Decimal("900.50"))
    assert policy_of(store.pk).adjustment_limit == Decimal("900.50")
    assert AuditEvent.objects.get().facts == {"old": {"adjustment_limit": "500.00"}, "new": {"adjustment_limit": "900.50"}}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("on_lapse", "KEEP"),
        ("deduction_order", ""),
        ("refund_grace_days", 0),
        ("refund_grace_days", 3651),
        ("refund_grace_days", "soon"),
        ("top_up_refund", None),
    ],
)
def test_values_that_no_policy_has_are_refused(field: str, value: object) -> None:
    store = make_store()
    with pytest.raises(PolicyRefused) as refused:
        change_policy(store=store, by=None, now=NOON, **{field: value})
    assert refused.value.facts["field"] == field
    assert str(refused.value)
    assert not CreditPolicy.objects.exists()
    assert not AuditEvent.objects.exists()


def test_limits_are_amounts_and_unknown_fields_are_errors() -> None:
    store = make_store()
    for wrong in ("-1", "0.001", "much"):
        with pytest.raises(AmountRefused):
            change_policy(store=store, by=None, now=NOON, adjustment_limit=wrong)
    with pytest.raises(TypeError):
        change_policy(store=store, by=None, now=NOON, store_id=1)


def test_the_database_holds_the_range() -> None:
    for wrong in ({"refund_grace_days": 0}, {"refund_grace_days": 4000}, {"adjustment_limit": -1}):
        with pytest.raises(IntegrityError, match="credit_policy_in_range"), transaction.atomic():
            CreditPolicy.objects.create(store=make_store(), **wrong)


def test_the_next_movement_follows_the_new_policy() -> None:
    member = member_with(100, 20, expires_at=NOON + timedelta(days=1))
    change_policy(store=member.store, by=None, now=NOON, deduction_order="GIFT_BEFORE_REAL", on_lapse="VOID")

    spent = spend(member=member, amount=yuan(30), order_no="A", idempotency_key="k", by=None, now=NOON)

    assert (spent.principal, spent.bonus) == (yuan(10), yuan(20))
    assert sweep_lapsed(now=NOON + timedelta(days=1)).void_principal == yuan(90)
    assert account_of(member).balance == 0
