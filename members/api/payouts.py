"""The queue of money that goes back to payers, for the system of the store that moves it."""

from __future__ import annotations

from typing import Annotated, Literal

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja import Query, Router, Schema
from pydantic import Field

from backoffice.kernel.api.auth import caller_of, client_auth
from backoffice.kernel.api.fields import AmountOut, Body, MomentOut, shown, words
from backoffice.kernel.api.idempotency import KEYED, Done, keyed
from backoffice.kernel.api.problems import READ_PROBLEMS, WRITE_PROBLEMS
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError
from members.api.found import payout_of
from members.choices import PayoutCause, PayoutStatus
from members.models import CreditPayout
from members.services.credit.payouts import mark_failed, mark_paid

MOST_PAYOUTS = 200
LARGEST_ID = 2**63 - 1

router = Router(tags=["credit"], auth=client_auth)

After = Annotated[int, Query(0, ge=0, le=LARGEST_ID, description="only payouts with a higher number")]
Limit = Annotated[int, Query(100, ge=1, le=MOST_PAYOUTS, description="how many at most")]
Reference = Annotated[str, words(128, example="PAY20261123-778")]
Failure = Annotated[str, words(500, example="收款账户已注销")]
_EXAMPLE = {
    "payout_id": 1,
    "member_no": "M0001",
    "source_no": "R1",
    "cause": "LAPSE",
    "amount": "75.00",
    "status": "WAITING",
    "attempts": 0,
    "reference": "",
    "error": "",
    "created_at": "2026-11-23T00:05:00+08:00",
    "settled_at": None,
}


class PayoutOut(Schema):
    """Money that goes back to who paid the top-up ``source_no``."""

    model_config = shown(_EXAMPLE)

    payout_id: int
    member_no: str
    source_no: str
    cause: PayoutCause
    amount: AmountOut
    status: PayoutStatus
    attempts: int
    reference: str = Field(description="number of the payment that brought the money back")
    error: str = Field(description="why it failed")
    created_at: MomentOut
    settled_at: MomentOut | None


class PayoutsOut(Schema):
    """Payouts in order of their numbers. ``next_after`` goes into ``after`` of the next call; null: there are no more."""

    model_config = shown({"payouts": [_EXAMPLE], "next_after": None})

    payouts: list[PayoutOut]
    next_after: int | None


class PayoutResultIn(Body):
    """What became of a payout: ``paid`` with the payment's ``reference``, or ``failed`` with the ``error``."""

    model_config = shown({"result": "paid", "reference": "PAY-778"}, {"result": "failed", "error": "收款账户已注销"})

    result: Literal["paid", "failed"]
    reference: Reference | None = None
    error: Failure | None = None


def describe(payout: CreditPayout) -> PayoutOut:
    return PayoutOut(
        payout_id=payout.pk,
        member_no=payout.account.member.member_no,
        source_no=payout.lot.source_no,
        cause=PayoutCause(payout.cause),
        amount=payout.amount,
        status=PayoutStatus(payout.status),
        attempts=payout.attempt_count,
        reference=payout.reference,
        error=payout.error,
        created_at=payout.created_at,
        settled_at=payout.settled_at,
    )


@router.get("/stores/{store}/payouts", response={200: PayoutsOut, **READ_PROBLEMS}, summary="Payouts of a store")
def list_payouts(
    request: HttpRequest,
    store: str,
    status: PayoutStatus = PayoutStatus.WAITING,
    after: After = 0,
    limit: Limit = 100,
) -> PayoutsOut:
    """Those in one status, oldest first: `WAITING` are to be paid, `RETURN_FAILED` wait for a person, `PAID` are done."""
    place = caller_of(request).store(store)
    rows = CreditPayout.objects.select_related("account__member", "lot").filter(store=place, status=status, pk__gt=after).order_by("pk")[: limit + 1]
    payouts = [describe(payout) for payout in rows]
    return PayoutsOut(payouts=payouts[:limit], next_after=payouts[limit - 1].payout_id if len(payouts) > limit else None)


@router.post("/stores/{store}/payouts/{payout_id}/result", response={200: PayoutOut, **WRITE_PROBLEMS}, summary="What became of a payout", openapi_extra=KEYED)
@keyed
def settle_payout(request: HttpRequest, store: str, payout_id: str, payload: PayoutResultIn) -> Done:
    """Told once: a payout that is paid stays so (409). A failed one can still be told as paid. Refusals: `reference_missing`, `error_missing`."""
    caller = caller_of(request)
    payout = payout_of(caller.store(store), payout_id)
    now = database_now()
    if payload.result == "paid":
        if payload.reference is None or payload.error is not None:
            raise BusinessError(_("A payout that is paid has the payment's reference, and no error."), code="reference_missing", field="reference")
        mark_paid(payout=payout, reference=payload.reference, by=caller.user, now=now)
    else:
        if payload.error is None or payload.reference is not None:
            raise BusinessError(_("A payout that failed says why, and has no reference."), code="error_missing", field="error")
        mark_failed(payout=payout, error=payload.error, by=caller.user, now=now)
    return Done(describe(payout_of(caller.store(store), payout_id)))
