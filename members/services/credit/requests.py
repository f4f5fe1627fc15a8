"""What every movement of credit shares: its refusals, and the reading of amounts, texts and idempotency keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import BusinessError
from backoffice.kernel.money import FEN, format_yuan

LARGEST_AMOUNT = Decimal("999999999999.99")


class CreditRefused(BusinessError):
    """A movement of credit was refused; nothing was changed."""

    code = "credit_refused"


class AmountRefused(CreditRefused):
    """Not an amount of yuan with at most two decimals in the range that is asked for."""

    code = "amount_invalid"


class NotEnoughCredit(CreditRefused):
    """``available`` (yuan) is what could be spent at that moment."""

    code = "not_enough_credit"

    def __init__(self, *, asked: Decimal, available: Decimal) -> None:
        sentence = _("Only %(available)s yuan can be spent; %(asked)s was asked for.") % {"available": format_yuan(available), "asked": format_yuan(asked)}
        super().__init__(sentence, asked=asked, available=available)
        self.asked = asked
        self.available = available


class IdempotencyKeyReused(CreditRefused):
    """The key came before with another request."""

    code = "idempotency_key_reused"


class TopUpNumberTaken(CreditRefused):
    """The store has a lot with this top-up number already."""

    code = "source_no_taken"


KEY_REUSED = _("This idempotency key was used before with another request. Send the new request under a key of its own.")
NUMBER_TAKEN = _("The store has a top-up with this number already.")


def yuan(amount: Decimal | str, *, least: Decimal) -> Decimal:
    """``amount`` as exact yuan with two decimals. Raises ``AmountRefused`` for more decimals, too little or too much."""
    try:
        given = Decimal(amount)
        exact = given.quantize(FEN)
    except (InvalidOperation, ValueError, TypeError) as error:
        raise AmountRefused(_("This is not an amount in yuan.")) from error
    if exact != given:
        raise AmountRefused(_("Amounts have at most two decimals."))
    if exact < least or exact > LARGEST_AMOUNT:
        raise AmountRefused(_("The amount is too small or too large."))
    return exact


def check_text(name: str, text: str, longest: int) -> None:
    if not text or len(text) > longest or "\x00" in text:
        raise CreditRefused(_("%(name)s must have 1 to %(longest)s characters.") % {"name": name, "longest": longest}, code=f"{name}_invalid")


def body_hash(kind: str, account_id: int, **request: Any) -> bytes:
    """SHA-256 of what was asked for, so that a repeated key with another request is noticed."""
    text = json.dumps({"kind": str(kind), "account": account_id, **request}, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()


@contextmanager
def conflicts_told() -> Iterator[None]:
    """Unique keys decide between two accounts of a store that use one key or top-up number at the same moment."""
    try:
        yield
    except IntegrityError as error:
        constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "")
        if constraint == "credit_entry_once_per_key":
            raise IdempotencyKeyReused(KEY_REUSED) from error
        if constraint == "credit_lot_source_once_a_store":
            raise TopUpNumberTaken(NUMBER_TAKEN) from error
        raise
