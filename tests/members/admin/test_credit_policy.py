"""The policy screen: examples are the services' arithmetic, choices are saved through the service, the limit is the platform's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation

from backoffice.kernel import clock
from backoffice.kernel.audit.models import AuditEvent
from members.admin.policy import Example
from members.choices import DeductionOrder, LapsePolicy, RefundAfterLapse, TopUpRefundPolicy
from members.models import CreditLot, CreditPolicy
from members.services.credit.top_up_refund import refund_top_up
from members.services.policy import change_policy
from tests.factories import make_store
from tests.members.admin.credit_desk import Desk, client_of, url
from tests.members.ledger import account_of, member_with, split, take, yuan

pytestmark = pytest.mark.django_db

CHOICES = {
    "deduction_order": DeductionOrder.GIFT_BEFORE_REAL,
    "on_lapse": LapsePolicy.VOID,
    "refund_after_lapse": RefundAfterLapse.NEW_LOT,
    "refund_grace_days": 30,
    "top_up_refund": TopUpRefundPolicy.RATIO,
}


@pytest.mark.parametrize(("order", "principal", "bonus"), [("PERCENT", 25, 5), ("REAL_BEFORE_GIFT", 30, 0), ("GIFT_BEFORE_REAL", 10, 20)])
def test_the_example_is_what_a_spend_then_does(order: str, principal: int, bonus: int, desk: Desk) -> None:
    with translation.override("en"):
        told, texts = Example(deduction_order=order), Example(deduction_order=order).told()
    assert told.split(order) == (yuan(principal), yuan(bonus)) == split(take(member_with(100, 20), 30, deduction_order=order))
    for policy in TopUpRefundPolicy.values:
        member = member_with(100, 20, source_no="T")
        take(member, 30, deduction_order=order)
        change_policy(store=member.store, by=None, now=clock.database_now(), top_up_refund=policy)
        done = refund_top_up(store_id=member.store_id, source_no="T", idempotency_key="r", by=None, now=clock.database_now())
        assert texts[policy] == f"{done.paid_back:.2f} yuan are paid back, {done.voided:.2f} yuan are void."


def test_a_store_without_a_row_shows_the_standard_and_the_three_examples(desk: Desk) -> None:
    client = client_of(desk.owner)
    listed = client.get(url("creditpolicy_changelist")).content.decode()
    address = f"{url('creditpolicy_add')}?store={desk.store.pk}"
    assert address.replace("&", "&amp;") in listed
    page = client.get(address).content.decode()
    for shown in (
        desk.store.name,
        "Standard policy",
        "Takes principal 25.00, bonus 5.00.",
        "Takes principal 30.00, bonus 0.00.",
        "Takes principal 10.00, bonus 20.00.",
        "500.00 yuan a day",
    ):
        assert shown in page
    assert 'value="PERCENT" checked' in page
    assert "75.00 yuan are paid back, 15.00 yuan are void." in page


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"example_principal": "1,000", "example_bonus": "200", "example_spend": "0.05"}, "Takes principal 0.04, bonus 0.01."),
        ({"example_principal": "100", "example_bonus": "20", "example_spend": "30", "deduction_order": "GIFT_BEFORE_REAL"}, "principal 90.00, bonus 0.00"),
        ({"example_principal": "100", "example_bonus": "20", "example_spend": "120.01"}, "at most the whole top-up"),
        ({"example_principal": "x", "example_bonus": "20", "example_spend": "1"}, "This is not an amount in yuan."),
        ({"example_principal": "<b>", "example_spend": ""}, "This is not an amount in yuan."),
        ({}, "at most the whole top-up"),
    ],
)
def test_the_example_follows_what_is_typed(given: dict[str, str], shown: str, desk: Desk) -> None:
    answer = client_of(desk.reader).get(url("creditpolicy_example"), given)
    assert answer.status_code == 200
    assert shown in answer.content.decode()


def save(client: Any, store: Any, **fields: Any) -> Any:
    policy = CreditPolicy.objects.filter(store=store).first()
    address = url("creditpolicy_change", policy.pk) if policy else url("creditpolicy_add")
    return client.post(address, {"store": store.pk, **CHOICES, "example_principal": "1", **fields})


def test_choices_are_saved_by_the_service_and_audited(desk: Desk) -> None:
    client = client_of(desk.owner)
    assert save(client, desk.store).status_code == 302
    policy = CreditPolicy.objects.get()
    assert {name: getattr(policy, name) for name in CHOICES} == CHOICES
    event = AuditEvent.objects.get(verb="credit_policy.changed")
    assert (event.actor, event.store, event.facts["new"]["refund_grace_days"]) == (desk.owner, desk.store, 30)
    assert save(client, desk.store, refund_grace_days=14, adjustment_limit="999999").status_code == 302
    policy.refresh_from_db()
    assert (policy.refund_grace_days, policy.adjustment_limit) == (14, Decimal("500.00"))
    member = desk.member(100, 20)
    page = client.get(url("creditaccount_change", account_of(member).pk)).content.decode()
    assert 'value="GIFT_BEFORE_REAL" selected' in page  # what if they spend: in the store's own order
    assert CreditLot.objects.get().principal_left == yuan(100)


@pytest.mark.parametrize("days", ["0", "4000", "x", ""])
def test_what_is_out_of_range_is_said_beside_the_field_and_nothing_is_lost(days: str, desk: Desk) -> None:
    answer = save(client_of(desk.owner), desk.store, refund_grace_days=days)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'class="form-error"' in page
    assert 'value="NEW_LOT" checked' in page
    assert not CreditPolicy.objects.exists()


def test_only_the_platform_sets_the_limit(desk: Desk) -> None:
    change_policy(store=desk.store, by=None, now=clock.database_now(), refund_grace_days=8)
    assert "set-limit" not in client_of(desk.owner).get(url("creditpolicy_change", desk.store.pk)).content.decode()
    staff, address = client_of(desk.staff), url("creditpolicy_set_limit", desk.store.pk, console="platform")
    assert 'value="500.00"' in staff.get(address).content.decode()
    assert staff.post(address, {"_form_submitted": "True", "limit": "1,200.50"}).status_code == 302
    assert CreditPolicy.objects.get().adjustment_limit == Decimal("1200.50")
    assert "1,200.50" in client_of(desk.owner).get(url("creditpolicy_change", desk.store.pk)).content.decode()


def test_who_may_not_change_reads_the_same_page_without_a_button(desk: Desk) -> None:
    change_policy(store=desk.store, by=None, now=clock.database_now(), on_lapse=LapsePolicy.VOID)
    for user in (desk.clerk, desk.reader):
        client = client_of(user)
        page = client.get(url("creditpolicy_change", desk.store.pk)).content.decode()
        assert 'value="VOID" checked disabled' in page
        assert "Save the policy" not in page
        assert client.get(f"{url('creditpolicy_add')}?store={desk.store.pk}").status_code == 403
        assert save(client, desk.store).status_code == 403
    assert CreditPolicy.objects.get().deduction_order == DeductionOrder.PERCENT


def test_a_foreign_store_gets_no_policy(desk: Desk) -> None:
    foreign = make_store("other")
    client = client_of(desk.owner)
    assert foreign.name not in client.get(f"{url('creditpolicy_add')}?store={foreign.pk}").content.decode()
    assert save(client, foreign).status_code == 200
    assert not CreditPolicy.objects.exists()
