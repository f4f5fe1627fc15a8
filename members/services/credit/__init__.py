"""Moving credit. Each call is one transaction and one idempotency key.

The ledger entry is its own audit record (actor, time, key, reason; ADR 0030), so nothing is written to the audit log beside it.
Whose money it is does not depend on the member's status: a frozen or departed member's credit is still theirs.
"""

from members.services.credit.requests import AmountRefused, CreditRefused, IdempotencyKeyReused, NotEnoughCredit, TopUpNumberTaken, yuan
from members.services.credit.spend import Spend, SpendPart, spend
from members.services.credit.top_up import TopUp, top_up

__all__ = [
    "AmountRefused",
    "CreditRefused",
    "IdempotencyKeyReused",
    "NotEnoughCredit",
    "Spend",
    "SpendPart",
    "TopUp",
    "TopUpNumberTaken",
    "spend",
    "top_up",
    "yuan",
]
