"""Short words for tests of payments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from members.models import Event, Member, OrderLine, Payment, PaymentRefund, PurchaseSummary
from members.services.payments import Paid, PaymentLine, Refunded, RefundOf, record_payment, refund_payment
from tests.factories import NOON
from tests.members.ledger import everything, yuan

_serial = count(1)


def line(line_no: int, amount: str | int, credit: str | int | None = None) -> PaymentLine:
    return PaymentLine(line_no, yuan(amount), None if credit is None else yuan(credit))


def pay(member: Member, amount: str | int, credit: str | int = 0, *lines: PaymentLine, now: datetime = NOON, **fields: Any) -> Paid:
    """A payment told a minute after it was made."""
    number = next(_serial)
    arguments: dict[str, Any] = {
        "store": member.store,
        "order_no": f"P{number}",
        "paid_at": now - timedelta(minutes=1),
        "idempotency_key": f"pay-{number}",
        "by": None,
    }
    return record_payment(member=member, amount=yuan(amount), credit_used=yuan(credit), lines=lines, now=now, **(arguments | fields))


def give_back(member: Member, order_no: str, *lines: tuple[int, str | int | None], now: datetime = NOON, **fields: Any) -> Refunded:
    """A refund of ``(line, yuan or None)``, or without lines of everything."""
    asked: Sequence[RefundOf] | None = [RefundOf(number, None if amount is None else yuan(amount)) for number, amount in lines] or None
    arguments: dict[str, Any] = {"store": member.store, "refunded_at": now, "idempotency_key": f"refund-{next(_serial)}", "by": None, "lines": asked}
    return refund_payment(order_no=order_no, now=now, **(arguments | fields))


def lines_of(order_no: str) -> list[tuple[int, Decimal, Decimal, Decimal]]:
    """(line, amount, credit used, refunded) of an order."""
    return list(OrderLine.objects.filter(order_no=order_no).order_by("line_no").values_list("line_no", "amount", "credit_used", "refunded_amount"))


def bought(member: Member) -> tuple[int, Decimal]:
    """Orders and yuan of the member's purchase summary."""
    found = PurchaseSummary.objects.filter(member=member).first()
    return (found.order_count, found.amount) if found else (0, yuan(0))


def end_state(member: Member) -> dict[str, Any]:
    """Everything that a history of payments leaves behind, without the numbers of rows and the keys under which it came."""
    balances, lots, _entries = everything(member)
    return {
        "account": balances,
        "lots": [lot[1:] for lot in lots],  # type: ignore[attr-defined]
        "payments": list(Payment.objects.order_by("order_no").values_list("order_no", "amount", "credit_used", "refunded_amount", "credit_refunded")),
        "refunded": sum((refund.amount for refund in PaymentRefund.objects.all()), Decimal(0)),
        "lines": list(
            OrderLine.objects.order_by("order_no", "line_no").values_list("order_no", "line_no", "amount", "credit_used", "refunded_amount", "refunded_at")
        ),
        "bought": bought(member),
        "events": list(Event.objects.order_by("event_id").values_list("event_id", "name", "member")),
    }
