"""What must hold between members, people and identities is found broken when it is broken."""

from __future__ import annotations

import pytest

from members.invariants import members_point_to_rows, payments_are_in_the_ledger, payments_are_their_rows, phone_is_known, purchases_are_the_lines
from members.models import Identity, Member, OrderLine, Payment, PaymentRefund, PurchaseSummary
from tests.factories import NOON, make_level, make_member, make_store
from tests.loading import csv_of, load
from tests.members.ledger import member_with, yuan
from tests.members.paying import give_back, line, pay

pytestmark = pytest.mark.django_db


def test_a_rightly_filled_store_breaks_nothing() -> None:
    store = make_store("YS01")
    make_level(store, "金卡", 100)
    load("members", csv_of("member_no,phone,level", "M1,13800138000,金卡", "M2,,"), store=store)
    load("members", csv_of("member_no,phone", "M1,13900139000", "M3,13800138000"), store=store)

    assert (members_point_to_rows(10), phone_is_known(10)) == ([], [])


def test_rows_that_point_nowhere_are_named() -> None:
    store = make_store("YS01")
    lost, foreign = make_member(store), make_member(store, level=make_level(make_store("YS02")))
    identity = Identity.objects.create(kind_id="phone", value_hash=b"x" * 32, person_id=10**9, seen_at=NOON)
    Member.objects.filter(pk=lost.pk).update(person_id=10**9)

    assert [(breach.row, breach.facts) for breach in members_point_to_rows(10)] == [
        (f"identity {identity.pk}", {"person": 10**9}),
        *sorted([(f"member {lost.pk}", {"person": 10**9}), (f"member {foreign.pk}", {"level": foreign.level_id})]),
    ]


def test_a_phone_of_somebody_else_is_named() -> None:
    member = make_member(make_store("YS01"), phone="13800138000")
    other = make_member(member.store)
    Identity.objects.update(person=other.person)

    assert [(breach.row, breach.facts) for breach in phone_is_known(10)] == [
        (f"member {member.pk}", {"person": member.person_id, "phone stands for": other.person_id})
    ]


@pytest.fixture
def payment() -> Payment:
    """100 yuan in two lines, 30 of it credit, the second line refunded."""
    member = member_with(100, 20)
    paid = pay(member, 100, 30, line(1, 60), line(2, 40), order_no="A")
    pay(member, 10)
    give_back(member, "A", (2, None))
    return paid.payment


def of_payments() -> list[str]:
    return [breach.row for check in (payments_are_their_rows, payments_are_in_the_ledger, purchases_are_the_lines) for breach in check(10)]


def test_payments_and_refunds_break_nothing(payment: Payment) -> None:
    assert of_payments() == []


@pytest.mark.parametrize("broken", ["line", "missing line", "refund", "line's refund"])
def test_a_payment_that_is_not_its_rows_is_named(payment: Payment, broken: str) -> None:
    lines = OrderLine.objects.filter(order_no="A")
    match broken:
        case "line":
            lines.filter(line_no=1).update(credit_used=yuan(17))
        case "missing line":
            lines.delete()
        case "refund":
            PaymentRefund.objects.update(credit=yuan(1))
        case _:
            lines.update(refunded_amount=0)
    assert [breach.row for breach in payments_are_their_rows(10)] == [f"payment {payment.pk}"]


@pytest.mark.parametrize("changes", [{"order_no": "B"}, {"credit_used": 31}, {"credit_refunded": 13}])
def test_credit_that_is_not_in_the_ledger_is_named(payment: Payment, changes: dict[str, object]) -> None:
    Payment.objects.filter(pk=payment.pk).update(**changes)
    assert [breach.row for breach in payments_are_in_the_ledger(10)] == [f"payment {payment.pk}"]


def test_purchases_that_were_counted_past_each_other_are_named(payment: Payment) -> None:
    PurchaseSummary.objects.update(order_count=1)
    assert [breach.row for breach in purchases_are_the_lines(10)] == [f"member {payment.member_id}"]
    PurchaseSummary.objects.all().delete()
    assert [breach.row for breach in purchases_are_the_lines(10)] == [f"member {payment.member_id}"]
