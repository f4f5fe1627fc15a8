"""Buying, paying, renewing and cancelling paid membership, and whether a term renews itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from backoffice.kernel.api.auth import Caller, caller_of, client_auth
from backoffice.kernel.api.fields import Amount, AmountOut, Body, Happened, MomentOut, code, shown, words
from backoffice.kernel.api.idempotency import KEYED, Done, keyed
from backoffice.kernel.api.problems import READ_PROBLEMS, WRITE_PROBLEMS
from backoffice.kernel.clock import database_now
from members.api.found import member_of
from members.paid.api.found import order_of, program_of
from members.paid.api.issues import ISSUE, IssueOut, issues_out
from members.paid.choices import MembershipSource
from members.paid.models import PaidMembership, PaidRefund
from members.paid.services.auto_renew import set_consent
from members.paid.services.cancel import cancel
from members.paid.services.purchases import buy, confirm_payment, renew

LARGEST_ID = 2**63 - 1
LONGEST_REASON = 500

router = Router(tags=["paid membership"], auth=client_auth)

MemberNo = Annotated[str, code(64, example="M0001")]
OrderNo = Annotated[str, code(64, example="P20261122001")]

TERM = {
    "order_no": "P20261122001", "member_no": "M0001", "program_id": 1, "program": "Gold", "status": "ACTIVE", "price": "99.00", "is_renewal": False,
    "starts_on": "2026-11-22", "last_day": "2027-11-21", "paid_at": "2026-11-22T10:00:00+08:00", "pay_until": None, "auto_renew": False,
}  # fmt: skip


class PurchaseIn(Body):
    """An order of a paid program. ``paid_at`` left out: it waits for its payment, with a place of the stock. ``price`` left out: the card fee."""

    model_config = shown({"member_no": "M0001", "program_id": 1, "order_no": "P20261122001", "paid_at": "2026-11-22T10:00:00+08:00"})

    member_no: MemberNo
    program_id: int = Field(ge=1, le=LARGEST_ID, strict=True)
    order_no: OrderNo
    paid_at: Happened | None = None
    price: Amount | None = Field(None, description="what was paid, when it was not the card fee")


class CardFeePaymentIn(Body):
    """The order was paid."""

    model_config = shown({"paid_at": "2026-11-22T10:05:00+08:00"})

    paid_at: Happened | None = Field(None, description="now, when left out")


class CancelIn(Body):
    """The paid membership to end, by the order that bought it."""

    model_config = shown({"order_no": "P20261122001", "reason": "Moved abroad"})

    order_no: OrderNo
    reason: Annotated[str, words(LONGEST_REASON, example="Moved abroad")]


class RenewalIn(Body):
    """Whether the term renews itself. Only what the member said counts."""

    model_config = shown({"on": True})

    on: bool = Field(strict=True)


class PaidMembershipOut(Schema):
    """One purchase. It holds from ``starts_on`` through ``last_day``, whatever ``status`` says: PENDING, ACTIVE, CANCELLED, REPLACED or LAPSED."""

    model_config = shown({**TERM, "issues": [ISSUE]})

    order_no: str
    member_no: str
    program_id: int
    program: str
    status: str
    price: AmountOut
    is_renewal: bool
    starts_on: date | None
    last_day: date | None
    paid_at: MomentOut | None
    pay_until: MomentOut | None
    auto_renew: bool
    issues: list[IssueOut] = Field(description="benefits issued so far, the newest 500")


class CardFeeRefundOut(Schema):
    """What the store owes the member of the card fee."""

    model_config = shown({"amount": "49.50", "cause": "PRO_RATA", "status": "DUE"})

    amount: AmountOut
    cause: str
    status: str


class CancelledOut(Schema):
    """The purchase as it is now. ``refund`` null: nothing is owed."""

    model_config = shown({
        "membership": {**TERM, "status": "CANCELLED", "last_day": "2026-11-21", "issues": [{**ISSUE, "status": "REVOKED"}]},
        "refund": {"amount": "99.00", "cause": "FULL", "status": "DUE"},
    })  # fmt: skip

    membership: PaidMembershipOut
    refund: CardFeeRefundOut | None


def membership_out(membership: PaidMembership) -> PaidMembershipOut:
    """The purchase as it is stored, with the newest of its issues: two queries."""
    return PaidMembershipOut(
        order_no=membership.order_no,
        member_no=membership.member.member_no,
        program_id=membership.program_id,
        program=membership.program.name,
        status=membership.status,
        price=membership.price,
        is_renewal=membership.is_renewal,
        starts_on=membership.starts_on,
        last_day=membership.ends_on - timedelta(days=1) if membership.ends_on else None,
        paid_at=membership.opened_at,
        pay_until=membership.pay_until,
        auto_renew=membership.auto_renew_consent_at is not None,
        issues=issues_out(membership.issues.all()),
    )


@router.post(
    "/stores/{store}/paid-memberships",
    response={200: PaidMembershipOut, 201: PaidMembershipOut, **WRITE_PROBLEMS},
    summary="Buy paid membership",
    openapi_extra=KEYED,
)
@keyed
def add_paid_membership(request: HttpRequest, store: str, payload: PurchaseIn) -> Done:
    """201 for a new order, 200 for one that was told before. What comes at once is issued at once. A higher plan takes a lower one's place.

    Refusals: `join_first`, `program_not_live`, `held_already`, `lower_plan`, `sold_out`, `payment_waiting`, `order_differs`, `order_lapsed`,
    `price_invalid`, `term_overlaps`, `merchant_barred`.
    """
    return _order(buy, caller_of(request), store, payload)


@router.post(
    "/stores/{store}/paid-memberships/renew",
    response={200: PaidMembershipOut, 201: PaidMembershipOut, **WRITE_PROBLEMS},
    summary="Renew paid membership",
    openapi_extra=KEYED,
)
@keyed
def renew_paid_membership(request: HttpRequest, store: str, payload: PurchaseIn) -> Done:
    """Before the end the new term follows the last one; after it the term starts today, as an opening. Today's fee and benefits count.

    Refusals as of a purchase, and `nothing_to_renew`, `other_plan`.
    """
    return _order(renew, caller_of(request), store, payload)


@router.post("/stores/{store}/paid-memberships/cancel", response={200: CancelledOut, **WRITE_PROBLEMS}, summary="Cancel paid membership", openapi_extra=KEYED)
@keyed
def cancel_paid_membership(request: HttpRequest, store: str, payload: CancelIn) -> Done:
    """It ends today; unused benefits are revoked, used ones stay. The answer says what the store owes. Refusals: `not_running`, `later_term_first`."""
    caller = caller_of(request)
    place = caller.store(store)
    refund = cancel(membership=order_of(place, payload.order_no), reason=payload.reason, by=caller.user, now=database_now())
    return Done(CancelledOut(membership=membership_out(order_of(place, payload.order_no)), refund=_refund_out(refund)))


@router.post(
    "/stores/{store}/paid-memberships/{order_no}/payment",
    response={200: PaidMembershipOut, **WRITE_PROBLEMS},
    summary="An order of paid membership was paid",
    openapi_extra=KEYED,
)
@keyed
def pay_paid_membership(request: HttpRequest, store: str, order_no: str, payload: CardFeePaymentIn) -> Done:
    """The term begins on the local day of the payment, a renewal's where the last one ends. Told again, nothing changes. Refusals: `order_lapsed`,
    `program_not_live`, `join_first`, `lower_plan`, `sold_out`, `term_overlaps`."""
    caller = caller_of(request)
    place, now = caller.store(store), database_now()
    confirm_payment(membership=order_of(place, order_no), paid_at=payload.paid_at or now, by=caller.user, now=now)
    return Done(membership_out(order_of(place, order_no)))


@router.post(
    "/stores/{store}/paid-memberships/{order_no}/auto-renewal",
    response={200: PaidMembershipOut, **WRITE_PROBLEMS},
    summary="Let paid membership renew itself, or not",
    openapi_extra=KEYED,
)
@keyed
def set_auto_renewal(request: HttpRequest, store: str, order_no: str, payload: RenewalIn) -> Done:
    """The member agreed to automatic renewal, or no longer does. Nothing is charged here: a renewal is an order that waits for its payment, made
    only when the member was told in time. Refusal: `not_running`."""
    caller = caller_of(request)
    place = caller.store(store)
    set_consent(membership=order_of(place, order_no), on=payload.on, by=caller.user, now=database_now())
    return Done(membership_out(order_of(place, order_no)))


@router.get("/stores/{store}/paid-memberships/{order_no}", response={200: PaidMembershipOut, **READ_PROBLEMS}, summary="An order of paid membership")
def get_paid_membership(request: HttpRequest, store: str, order_no: str) -> PaidMembershipOut:
    """By the number of the order that bought it."""
    return membership_out(order_of(caller_of(request).store(store), order_no))


def _order(act: Callable[..., PaidMembership], caller: Caller, store: str, payload: PurchaseIn) -> Done:
    place = caller.store(store)
    member, program = member_of(place, payload.member_no), program_of(place, payload.program_id)
    known = PaidMembership.objects.filter(store=place, order_no=payload.order_no).exists()
    ordered = act(
        store=place,
        member=member,
        program=program,
        order_no=payload.order_no,
        source=MembershipSource.API,
        paid_at=payload.paid_at,
        price=payload.price,
        by=caller.user,
        now=database_now(),
    )
    return Done(membership_out(order_of(place, ordered.order_no)), status=200 if known else 201)


def _refund_out(refund: PaidRefund | None) -> CardFeeRefundOut | None:
    return CardFeeRefundOut(amount=refund.amount, cause=refund.cause, status=refund.status) if refund else None
