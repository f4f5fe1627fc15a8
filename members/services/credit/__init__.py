"""Moving credit. Each call is one transaction and one idempotency key.

The ledger entry is its own audit record (actor, time, key, reason; ADR 0030), so nothing is written to the audit log beside it.
Whose money it is does not depend on the member's status: a frozen or departed member's credit is still theirs.
"""

from members.services.credit.holds import Capture, Hold, Release, capture, hold, release
from members.services.credit.parts import SpendPart
from members.services.credit.refund import Refund, RefundPart, refund_spend
from members.services.credit.requests import (
    AmountRefused,
    CreditRefused,
    HoldSettled,
    IdempotencyKeyReused,
    LineShare,
    MoreThanHeld,
    MoreThanSpent,
    NotEnoughCredit,
    RefundLine,
    TopUpNumberTaken,
    yuan,
)
from members.services.credit.spend import Spend, spend
from members.services.credit.top_up import TopUp, top_up

__all__ = [
    "AmountRefused",
    "Capture",
    "CreditRefused",
    "Hold",
    "HoldSettled",
    "IdempotencyKeyReused",
    "LineShare",
    "MoreThanHeld",
    "MoreThanSpent",
    "NotEnoughCredit",
    "Refund",
    "RefundLine",
    "RefundPart",
    "Release",
    "Spend",
    "SpendPart",
    "TopUp",
    "TopUpNumberTaken",
    "capture",
    "hold",
    "refund_spend",
    "release",
    "spend",
    "top_up",
    "yuan",
]
