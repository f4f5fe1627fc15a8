"""Payments and their refunds: the order's facts, the credit in it, and the notice after payment, in one transaction."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from backoffice.kernel.api.auth import NoSuchThing, caller_of, client_auth
from backoffice.kernel.api.fields import Amount, AmountOut, Body, Happened, MomentOut, PositiveAmount, code, shown
from backoffice.kernel.api.idempotency import KEYED, Done, keyed, ledger_key
from backoffice.kernel.api.problems import WRITE_PROBLEMS
from backoffice.kernel.clock import database_now
from backoffice.kernel.money import ZERO
from members.api.credit import LARGEST_LINE_NO, MOST_LINES, PartOut, parts_out
from members.api.found import hold_of, member_of, spend_of
from members.models import OrderLine, Payment
from members.services.payments import PaymentLine, RefundOf, record_payment, refund_payment

LARGEST_ID = 2**63 - 1

router = Router(tags=["payments"], auth=client_auth)

OrderNo = Annotated[str, code(64, example="D20261122001")]
MemberNo = Annotated[str, code(64, example="M0001")]


class PaymentLineIn(Body):
    """A line of the order: what was paid for it, credit included. ``credit_used`` left out: its share of the order's credit."""

    line_no: int = Field(ge=1, le=LARGEST_LINE_NO, strict=True)
    amount: Amount
    credit_used: Amount | None = None


class PaymentIn(Body):
    """A paid order. ``credit_used`` is spent now, unless ``hold_id`` (captured now) or ``spend_id`` (spent before) says where it comes from."""

    model_config = shown({
                    "order_no": "D1", "member_no": "M0001", "paid_at": "2026-11-22T10:00:00+08:00", "amount": "100.00", "credit_used": "30.00",
                    "lines": [{"line_no": 1, "amount": "60.00"}, {"line_no": 2, "amount": "40.00"}],
                })  # fmt: skip

    order_no: OrderNo
    member_no: MemberNo
    paid_at: Happened
    amount: Amount = Field(description="what was paid in all, credit included")
    credit_used: Amount = Field(ZERO, json_schema_extra={"default": "0.00"})
    lines: list[PaymentLineIn] = Field(default=[], max_length=MOST_LINES, description="sum to amount; left out: one line")
    hold_id: int | None = Field(None, ge=1, le=LARGEST_ID, strict=True)
    spend_id: int | None = Field(None, ge=1, le=LARGEST_ID, strict=True)


class OrderLineOut(Schema):
    """A line as it stands now."""

    line_no: int
    amount: AmountOut
    credit_used: AmountOut
    refunded_amount: AmountOut


class PaymentOut(Schema):
    """The payment as it stands now. ``created`` is false when it was told before with the same figures; then nothing was done."""

    model_config = shown({
                    "order_no": "D1", "member_no": "M0001", "paid_at": "2026-11-22T10:00:00+08:00", "amount": "100.00", "credit_used": "30.00",
                    "refunded_amount": "0.00", "credit_refunded": "0.00", "created": True,
                    "lines": [{"line_no": 1, "amount": "60.00", "credit_used": "18.00", "refunded_amount": "0.00"},
                              {"line_no": 2, "amount": "40.00", "credit_used": "12.00", "refunded_amount": "0.00"}],
                    "parts": [{"entry_id": 2, "lot_id": 1, "line_no": 1, "principal": "15.00", "bonus": "3.00"},
                              {"entry_id": 3, "lot_id": 1, "line_no": 2, "principal": "10.00", "bonus": "2.00"}],
                })  # fmt: skip

    order_no: str
    member_no: str
    paid_at: MomentOut
    amount: AmountOut
    credit_used: AmountOut
    refunded_amount: AmountOut
    credit_refunded: AmountOut
    created: bool
    lines: list[OrderLineOut]
    parts: list[PartOut] = Field(description="what this call took of the credit")


class RefundLineIn(Body):
    """A line that is refunded; ``amount`` left out: all that is left of it."""

    line_no: int = Field(ge=1, le=LARGEST_LINE_NO, strict=True)
    amount: PositiveAmount | None = None


class RefundIn(Body):
    """What of an order goes back; without lines all that is left. The credit in it goes back to its lots."""

    model_config = shown({"lines": [{"line_no": 2, "amount": "40.00"}]})

    lines: list[RefundLineIn] | None = Field(None, min_length=1, max_length=MOST_LINES)
    refunded_at: Happened | None = Field(None, description="now, when left out")


class RefundedLineOut(Schema):
    """What this refund took of a line."""

    line_no: int
    amount: AmountOut
    credit: AmountOut


class RefundOut(Schema):
    """A refund. ``amount`` zero: nothing was left to refund."""

    model_config = shown({
                    "refund_id": 1, "order_no": "D1", "amount": "40.00", "credit": "12.00", "refunded_amount": "40.00", "credit_refunded": "12.00",
                    "lines": [{"line_no": 2, "amount": "40.00", "credit": "12.00"}],
                    "parts": [{"entry_id": 4, "lot_id": 1, "line_no": 2, "principal": "10.00", "bonus": "2.00"}],
                })  # fmt: skip

    refund_id: int
    order_no: str
    amount: AmountOut
    credit: AmountOut
    refunded_amount: AmountOut = Field(description="of the whole order so far")
    credit_refunded: AmountOut = Field(description="of the whole order so far")
    lines: list[RefundedLineOut]
    parts: list[PartOut]


@router.post("/stores/{store}/payments", response={200: PaymentOut, 201: PaymentOut, **WRITE_PROBLEMS}, summary="An order was paid", openapi_extra=KEYED)
@keyed
def add_payment(request: HttpRequest, store: str, payload: PaymentIn) -> Done:
    """201 for a new payment, 200 for one that was told before. Other figures for a known order are 409 `order_differs`.

    Refusals: `not_enough_credit` with `available`, `lines_differ`, `credit_above_amount`, `hold_and_spend`, `other_order`, `spend_differs`,
    `spend_refunded`.
    """
    caller = caller_of(request)
    place = caller.store(store)
    member = member_of(place, payload.member_no)
    done = record_payment(
        store=place,
        member=member,
        order_no=payload.order_no,
        paid_at=payload.paid_at,
        amount=payload.amount,
        credit_used=payload.credit_used,
        lines=[PaymentLine(line.line_no, line.amount, line.credit_used) for line in payload.lines],
        hold_id=hold_of(member, payload.hold_id).pk if payload.hold_id is not None else None,
        spend_key=spend_of(member, payload.spend_id).idempotency_key if payload.spend_id is not None else None,
        idempotency_key=ledger_key(request),
        by=caller.user,
        now=database_now(),
    )
    payment, moved = done.payment, done.spend or done.capture
    body = PaymentOut(
        order_no=payment.order_no,
        member_no=member.member_no,
        paid_at=payment.paid_at,
        amount=payment.amount,
        credit_used=payment.credit_used,
        refunded_amount=payment.refunded_amount,
        credit_refunded=payment.credit_refunded,
        created=done.created,
        lines=[
            OrderLineOut(line_no=line.line_no, amount=line.amount, credit_used=line.credit_used, refunded_amount=line.refunded_amount)
            for line in OrderLine.objects.filter(store=place, order_no=payment.order_no).order_by("line_no")
        ],
        parts=parts_out(moved.parts) if moved else [],
    )
    return Done(body, status=201 if done.created else 200)


@router.post("/stores/{store}/payments/{order_no}/refunds", response={200: RefundOut, **WRITE_PROBLEMS}, summary="Refund an order", openapi_extra=KEYED)
@keyed
def add_refund(request: HttpRequest, store: str, order_no: str, payload: RefundIn) -> Done:
    """Of each line the credit that belongs to what was refunded goes back to its lots. Refusals: `line_unknown`, `refund_above_amount`, `line_twice`."""
    caller = caller_of(request)
    place, now = caller.store(store), database_now()
    if "\x00" in order_no or not Payment.objects.filter(store=place, order_no=order_no).exists():
        raise NoSuchThing
    done = refund_payment(
        store=place,
        order_no=order_no,
        lines=None if payload.lines is None else [RefundOf(line.line_no, line.amount) for line in payload.lines],
        refunded_at=payload.refunded_at or now,
        idempotency_key=ledger_key(request),
        by=caller.user,
        now=now,
    )
    body = RefundOut(
        refund_id=done.refund.pk,
        order_no=done.payment.order_no,
        amount=done.refund.amount,
        credit=done.refund.credit,
        refunded_amount=done.payment.refunded_amount,
        credit_refunded=done.payment.credit_refunded,
        lines=[RefundedLineOut(**line) for line in done.refund.lines],
        parts=parts_out(done.credit.parts) if done.credit else [],
    )
    return Done(body, replayed=done.replayed)
