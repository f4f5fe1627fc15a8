"""Credit that is set aside for an order, then captured or released, once."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from backoffice.kernel.api.auth import caller_of, client_auth
from backoffice.kernel.api.fields import AmountOut, Body, PositiveAmount, shown
from backoffice.kernel.api.idempotency import KEYED, Done, keyed, ledger_key
from backoffice.kernel.api.problems import WRITE_PROBLEMS
from backoffice.kernel.clock import database_now
from members.api.credit import MOST_LINES, LineIn, PartOut, SpendIn, line_shares, parts_out
from members.api.found import hold_of, member_of
from members.services import credit

router = Router(tags=["credit"], auth=client_auth)

_PARTS = [{"entry_id": 4, "lot_id": 1, "line_no": None, "principal": "25.00", "bonus": "5.00"}]


class HoldOut(Schema):
    """Credit that was set aside: in no balance, spent by nobody, not lapsing."""

    model_config = shown({"hold_id": 1, "order_no": "D1", "amount": "30.00", "principal": "25.00", "bonus": "5.00", "balance_after": "90.00", "parts": _PARTS})

    hold_id: int
    order_no: str
    amount: AmountOut
    principal: AmountOut
    bonus: AmountOut
    balance_after: AmountOut
    parts: list[PartOut]


class CaptureIn(Body):
    """How much of the hold becomes final; left out: all of it. The rest goes back. The lines, if there are any, sum to ``amount``."""

    model_config = shown({"amount": "20.00"})

    amount: PositiveAmount | None = None
    lines: list[LineIn] = Field(default=[], max_length=MOST_LINES)


class CaptureOut(Schema):
    """A hold that became a spend of ``captured`` yuan; ``released`` went back."""

    model_config = shown(
        {"hold_id": 1, "captured": "30.00", "released": "0.00", "principal": "25.00", "bonus": "5.00", "balance_after": "90.00", "parts": _PARTS}
    )

    hold_id: int
    captured: AmountOut
    released: AmountOut
    principal: AmountOut
    bonus: AmountOut
    balance_after: AmountOut
    parts: list[PartOut]


class ReleaseOut(Schema):
    """A hold that was given up."""

    model_config = shown({"hold_id": 1, "released": "30.00", "balance_after": "120.00", "parts": _PARTS})

    hold_id: int
    released: AmountOut
    balance_after: AmountOut
    parts: list[PartOut]


@router.post(
    "/stores/{store}/members/{member_no}/credit/holds", response={201: HoldOut, **WRITE_PROBLEMS}, summary="Hold credit for an order", openapi_extra=KEYED
)
@keyed
def add_hold(request: HttpRequest, store: str, member_no: str, payload: SpendIn) -> Done:
    """Taken as a spend would take it. Capture it, name its `hold_id` in a payment, or release it. Refusals as of a spend."""
    caller = caller_of(request)
    done = credit.hold(
        member=member_of(caller.store(store), member_no),
        amount=payload.amount,
        order_no=payload.order_no,
        lines=line_shares(payload.lines),
        idempotency_key=ledger_key(request),
        by=caller.user,
        now=database_now(),
    )
    body = HoldOut(
        hold_id=done.hold_id,
        order_no=payload.order_no,
        amount=done.amount,
        principal=done.principal,
        bonus=done.bonus,
        balance_after=done.balance_after,
        parts=parts_out(done.parts),
    )
    return Done(body, status=201, replayed=done.replayed)


@router.post(
    "/stores/{store}/members/{member_no}/credit/holds/{hold_id}/capture",
    response={200: CaptureOut, **WRITE_PROBLEMS},
    summary="Capture a hold",
    openapi_extra=KEYED,
)
@keyed
def capture_hold(request: HttpRequest, store: str, member_no: str, hold_id: str, payload: CaptureIn) -> Done:
    """Make it a spend. Refusals: `hold_settled` (409) when it was captured or released before, `more_than_held`, `lines_differ`."""
    caller = caller_of(request)
    held = hold_of(member_of(caller.store(store), member_no), hold_id)
    done = credit.capture(
        hold=held, amount=payload.amount, lines=line_shares(payload.lines), idempotency_key=ledger_key(request), by=caller.user, now=database_now()
    )
    body = CaptureOut(
        hold_id=done.hold_id,
        captured=done.captured,
        released=done.released,
        principal=done.principal,
        bonus=done.bonus,
        balance_after=done.balance_after,
        parts=parts_out(done.parts),
    )
    return Done(body, replayed=done.replayed)


@router.post(
    "/stores/{store}/members/{member_no}/credit/holds/{hold_id}/release",
    response={200: ReleaseOut, **WRITE_PROBLEMS},
    summary="Release a hold",
    openapi_extra=KEYED,
)
@keyed
def release_hold(request: HttpRequest, store: str, member_no: str, hold_id: str) -> Done:
    """Give it up: everything goes back to its lots. Refusal: `hold_settled` (409) when it was captured or released before."""
    caller = caller_of(request)
    held = hold_of(member_of(caller.store(store), member_no), hold_id)
    done = credit.release(hold=held, idempotency_key=ledger_key(request), by=caller.user, now=database_now())
    body = ReleaseOut(hold_id=done.hold_id, released=done.released, balance_after=done.balance_after, parts=parts_out(done.parts))
    return Done(body, replayed=done.replayed)
