"""Shopping credit of a member: what there is, top-ups, spends, refunds of orders and of top-ups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja import Router, Schema
from pydantic import Field

from backoffice.kernel.api.auth import NoSuchThing, caller_of, client_auth, opened_by
from backoffice.kernel.api.fields import Amount, AmountOut, Body, Expiry, Happened, MomentOut, PositiveAmount, code, shown
from backoffice.kernel.api.idempotency import KEYED, Done, keyed, ledger_key
from backoffice.kernel.api.problems import READ_PROBLEMS, WRITE_PROBLEMS
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import NotAllowed, StateConflict
from backoffice.kernel.money import ZERO
from members.api.found import lot_of, member_of
from members.models import CreditAccount
from members.selectors.credit import get_figures, list_lots
from members.services.credit import LineShare, RefundLine, SpendPart, refund_spend, spend, top_up
from members.services.credit.refund import spent_for
from members.services.credit.top_up_refund import refund_top_up

MOST_LOTS = 500
CREDIT = "credit.read"
"""The capability that opens balances."""
MOST_LINES = 1_000
LARGEST_LINE_NO = 2**31 - 1
LONGEST_NUMBER = 64

router = Router(tags=["credit"], auth=client_auth)

OrderNo = Annotated[str, code(64, example="D20261122001")]
SourceNo = Annotated[str, code(LONGEST_NUMBER, example="R20261122001")]


class LotOut(Schema):
    """One top-up with something left. ``lapsed``: its time has passed and it is not spent any more; the sweep takes it out."""

    lot_id: int
    source_no: str
    principal_amount: AmountOut
    bonus_amount: AmountOut
    principal_left: AmountOut
    bonus_left: AmountOut
    opened_at: MomentOut
    expires_at: MomentOut | None
    lapsed: bool


class NextExpiryOut(Schema):
    """What lapses next, and when."""

    at: MomentOut
    amount: AmountOut


class CreditOut(Schema):
    """A member's credit at one moment. ``balance`` can be spent now: ``principal`` and ``bonus`` of lots in time, without what is ``held``."""

    model_config = shown({
                    "store": "S1", "member_no": "M0001", "as_of": "2026-11-22T10:00:00+08:00", "balance": "120.00", "principal": "100.00",
                    "bonus": "20.00", "held": "0.00", "next_expiry": {"at": "2027-11-23T00:00:00+08:00", "amount": "120.00"}, "more_lots": False,
                    "lots": [
                        {"lot_id": 1, "source_no": "R1", "principal_amount": "100.00", "bonus_amount": "20.00", "principal_left": "100.00",
                         "bonus_left": "20.00", "opened_at": "2026-11-22T10:00:00+08:00", "expires_at": "2027-11-23T00:00:00+08:00", "lapsed": False},
                    ],
                })  # fmt: skip

    store: str
    member_no: str
    as_of: MomentOut
    balance: AmountOut
    principal: AmountOut
    bonus: AmountOut
    held: AmountOut
    next_expiry: NextExpiryOut | None
    lots: list[LotOut] = Field(description=f"in the order in which they are spent, at most {MOST_LOTS}")
    more_lots: bool = Field(description="there are more lots than are listed")


class LineIn(Body):
    """How much of the credit a line of the order uses."""

    line_no: int = Field(ge=1, le=LARGEST_LINE_NO, strict=True)
    amount: Amount


class PartOut(Schema):
    """What moved between one lot and one line, in positive yuan."""

    entry_id: int
    lot_id: int
    line_no: int | None
    principal: AmountOut
    bonus: AmountOut


class TopUpIn(Body):
    """A lot of credit that was bought, or given."""

    model_config = shown({"source_no": "R20261122001", "principal_amount": "100.00", "bonus_amount": "20.00", "expires_at": "2027-11-22"})

    source_no: SourceNo = Field(description="the store's own number of the top-up; an app's is kept with the app's code before it")
    principal_amount: Amount
    bonus_amount: Amount = Field(ZERO, json_schema_extra={"default": "0.00"})
    opened_at: Happened | None = Field(None, description="now, when left out")
    expires_at: Expiry | None = Field(None, description="a day alone is its end; left out: never")


class TopUpOut(Schema):
    """A lot that was opened."""

    model_config = shown({"lot_id": 1, "entry_id": 1, "source_no": "R1", "principal_amount": "100.00", "bonus_amount": "20.00", "balance_after": "120.00"})

    lot_id: int
    entry_id: int
    source_no: str
    principal_amount: AmountOut
    bonus_amount: AmountOut
    balance_after: AmountOut | None = Field(description="null for an app that may not read credit")


class SpendIn(Body):
    """Credit used for an order, with or without its lines. The lines, if there are any, sum to ``amount``."""

    model_config = shown({"order_no": "D1", "amount": "30.00", "lines": [{"line_no": 1, "amount": "30.00"}]})

    order_no: OrderNo
    amount: PositiveAmount
    lines: list[LineIn] = Field(default=[], max_length=MOST_LINES)


class SpendOut(Schema):
    """What was spent, lot by lot. ``spend_id`` names it in a payment."""

    model_config = shown({
                    "spend_id": 2, "order_no": "D1", "amount": "30.00", "principal": "25.00", "bonus": "5.00", "balance_after": "90.00",
                    "parts": [{"entry_id": 2, "lot_id": 1, "line_no": 1, "principal": "25.00", "bonus": "5.00"}],
                })  # fmt: skip

    spend_id: int
    order_no: str
    amount: AmountOut
    principal: AmountOut
    bonus: AmountOut
    balance_after: AmountOut
    parts: list[PartOut]


class RefundLineIn(Body):
    """A line of the order whose credit goes back. ``line_no`` left out: what was spent without a line; ``amount`` left out: all that is left of it."""

    line_no: int | None = Field(None, ge=1, le=LARGEST_LINE_NO, strict=True)
    amount: PositiveAmount | None = None


class CreditRefundIn(Body):
    """Credit of an order that goes back to the lots that it came from; without lines all that is left."""

    model_config = shown({"order_no": "D1", "lines": [{"line_no": 1, "amount": "10.00"}]})

    order_no: OrderNo
    lines: list[RefundLineIn] | None = Field(None, min_length=1, max_length=MOST_LINES)


class CreditRefundOut(Schema):
    """What went back. Nothing was left when the amount is zero."""

    model_config = shown({
                    "order_no": "D1", "amount": "30.00", "principal": "25.00", "bonus": "5.00",
                    "parts": [{"entry_id": 3, "lot_id": 1, "line_no": 1, "principal": "25.00", "bonus": "5.00"}],
                })  # fmt: skip

    order_no: str
    amount: AmountOut
    principal: AmountOut
    bonus: AmountOut
    parts: list[PartOut]


class TopUpRefundOut(Schema):
    """A refunded top-up: ``paid_back`` waits in the store's payouts, ``voided`` is what else was left of it."""

    model_config = shown({"source_no": "R1", "lot_id": 1, "paid_back": "75.00", "voided": "15.00"})

    source_no: str
    lot_id: int
    paid_back: AmountOut
    voided: AmountOut


def parts_out(parts: Iterable[SpendPart]) -> list[PartOut]:
    return [PartOut(entry_id=part.entry_id, lot_id=part.lot_id, line_no=part.line_no, principal=part.principal, bonus=part.bonus) for part in parts]


def line_shares(lines: Sequence[LineIn]) -> list[LineShare]:
    return [LineShare(line.line_no, line.amount) for line in lines]


@router.get(
    "/stores/{store}/members/{member_no}/credit",
    response={200: CreditOut, **READ_PROBLEMS},
    summary="A member's credit",
    auth=opened_by(CREDIT),
)
def get_credit(request: HttpRequest, store: str, member_no: str) -> CreditOut:
    """Balance, lots and what lapses next. A member who never had credit has zero."""
    place = caller_of(request).store(store)
    member, now = member_of(place, member_no), database_now()
    told: dict[str, Any] = {"store": place.code, "member_no": member.member_no, "as_of": now}
    account = CreditAccount.objects.filter(member=member).first()
    if account is None:
        return CreditOut(**told, balance=ZERO, principal=ZERO, bonus=ZERO, held=ZERO, next_expiry=None, lots=[], more_lots=False)
    figures = get_figures(account, now)
    lots = list(list_lots(account).filter(has_left=True)[: MOST_LOTS + 1])
    return CreditOut(
        **told,
        balance=figures.spendable,
        principal=figures.principal,
        bonus=figures.bonus,
        held=figures.held,
        next_expiry=NextExpiryOut(at=figures.next_expiry_at, amount=figures.next_expiry_amount) if figures.next_expiry_at else None,
        lots=[
            LotOut(
                lot_id=lot.pk,
                source_no=lot.source_no,
                principal_amount=lot.principal_amount,
                bonus_amount=lot.bonus_amount,
                principal_left=lot.principal_left,
                bonus_left=lot.bonus_left,
                opened_at=lot.opened_at,
                expires_at=lot.expires_at,
                lapsed=lot.expires_at is not None and lot.expires_at <= now,
            )
            for lot in lots[:MOST_LOTS]
        ],
        more_lots=len(lots) > MOST_LOTS,
    )


@router.post(
    "/stores/{store}/members/{member_no}/credit/top-ups",
    response={201: TopUpOut, **WRITE_PROBLEMS},
    summary="Top up",
    openapi_extra=KEYED,
    auth=opened_by("benefit.issue"),
)
@keyed
def add_top_up(request: HttpRequest, store: str, member_no: str, payload: TopUpIn) -> Done:
    """Open a lot. An app gives benefits: only bonus, never principal (`gifts_only`); the answer names the top-up as it is kept, `APP:source_no`, and
    tells the balance when the app holds `credit.read` too. Refusals: `source_no_taken`, `amount_invalid`, `expires_before_opening`, `number_too_long`."""
    caller = caller_of(request)
    place = caller.store(store)
    member, now, source_no = member_of(place, member_no), database_now(), caller.own_number(payload.source_no, LONGEST_NUMBER)
    if caller.is_app and payload.principal_amount:
        raise NotAllowed(_("An app may give bonus only: principal is money that a member paid."), code="gifts_only")
    done = top_up(
        member=member,
        source_no=source_no,
        principal=payload.principal_amount,
        bonus=payload.bonus_amount,
        opened_at=payload.opened_at or now,
        expires_at=payload.expires_at,
        idempotency_key=ledger_key(request),
        by=caller.user,
        now=now,
    )
    body = TopUpOut(
        lot_id=done.lot_id,
        entry_id=done.entry_id,
        source_no=source_no,
        principal_amount=done.principal,
        bonus_amount=done.bonus,
        balance_after=done.balance_after if caller.may(CREDIT, place) else None,
    )
    return Done(body, status=201, replayed=done.replayed)


@router.post(
    "/stores/{store}/members/{member_no}/credit/spends", response={201: SpendOut, **WRITE_PROBLEMS}, summary="Spend credit on an order", openapi_extra=KEYED
)
@keyed
def add_spend(request: HttpRequest, store: str, member_no: str, payload: SpendIn) -> Done:
    """Soonest expiry first. A payment tells what it paid besides: name the `spend_id` there. Refusals: `not_enough_credit` with `available`, `lines_differ`."""
    caller = caller_of(request)
    done = spend(
        member=member_of(caller.store(store), member_no),
        amount=payload.amount,
        order_no=payload.order_no,
        lines=line_shares(payload.lines),
        idempotency_key=ledger_key(request),
        by=caller.user,
        now=database_now(),
    )
    body = SpendOut(
        spend_id=done.parts[0].entry_id,
        order_no=payload.order_no,
        amount=done.amount,
        principal=done.principal,
        bonus=done.bonus,
        balance_after=done.balance_after,
        parts=parts_out(done.parts),
    )
    return Done(body, status=201, replayed=done.replayed)


@router.post(
    "/stores/{store}/members/{member_no}/credit/refunds",
    response={200: CreditRefundOut, **WRITE_PROBLEMS},
    summary="Give back an order's credit",
    openapi_extra=KEYED,
)
@keyed
def refund_order(request: HttpRequest, store: str, member_no: str, payload: CreditRefundIn) -> Done:
    """To the same lots, never more than was spent; asked again it finds nothing left. For an order that was told as a payment use the payment's refunds.

    Refusals: `more_than_spent`, `lines_invalid`, `order_of_several_members` (409); an order for which this member spent nothing is 404.
    """
    caller = caller_of(request)
    place = caller.store(store)
    member = member_of(place, member_no)
    spenders = set(spent_for(place.pk, payload.order_no).values_list("account__member", flat=True))
    if member.pk not in spenders:
        raise NoSuchThing
    if len(spenders) > 1:
        raise StateConflict(_("Credit of several members was spent for this order. Ask staff to look at it."), code="order_of_several_members")
    lines = None if payload.lines is None else [RefundLine(line.line_no, line.amount) for line in payload.lines]
    done = refund_spend(store_id=place.pk, order_no=payload.order_no, lines=lines, idempotency_key=ledger_key(request), by=caller.user, now=database_now())
    body = CreditRefundOut(order_no=payload.order_no, amount=done.amount, principal=done.principal, bonus=done.bonus, parts=parts_out(done.parts))
    return Done(body, replayed=done.replayed)


@router.post(
    "/stores/{store}/members/{member_no}/credit/top-ups/{source_no}/refund",
    response={200: TopUpRefundOut, **WRITE_PROBLEMS},
    summary="Refund a top-up",
    openapi_extra=KEYED,
)
@keyed
def refund_a_top_up(request: HttpRequest, store: str, member_no: str, source_no: str) -> Done:
    """What is left goes back as the store's policy says, once; the money waits in the payouts.

    Refusals: `top_up_refunded`, `top_up_lapsed`, `top_up_held`, `nothing_left`, `not_a_top_up`.
    """
    caller = caller_of(request)
    place = caller.store(store)
    lot = lot_of(member_of(place, member_no), source_no)
    done = refund_top_up(store_id=place.pk, source_no=lot.source_no, idempotency_key=ledger_key(request), by=caller.user, now=database_now())
    return Done(TopUpRefundOut(source_no=lot.source_no, lot_id=done.lot_id, paid_back=done.paid_back, voided=done.voided), replayed=done.replayed)
