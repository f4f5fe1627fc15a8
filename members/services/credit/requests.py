"""What every movement of credit shares: its refusals, and the reading of amounts, texts and idempotency keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring
from types import TracebackType
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import BusinessError, StateConflict
from backoffice.kernel.money import FEN, ZERO, format_yuan

LARGEST_AMOUNT = Decimal("999999999999.99")
MOST_LINES = 1000
RESERVED_NUMBERS = ("adjust:", "refund:", "release:", "new:")
"""Beginnings of the numbers of lots that no top-up opened."""
LARGEST_LINE_NO = 2**31 - 1


@dataclass(frozen=True)
class LineShare:
    """How much credit (yuan, zero or more) one line of an order uses."""

    line_no: int
    amount: Decimal


@dataclass(frozen=True)
class RefundLine:
    """A line of which credit is given back: ``credit`` yuan, or ``None`` for all that is left. ``line_no`` ``None``: what was spent without lines."""

    line_no: int | None
    credit: Decimal | None = None


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


class MoreThanHeld(CreditRefused):
    """A capture of more than the hold holds."""

    code = "more_than_held"

    def __init__(self, *, asked: Decimal, held: Decimal) -> None:
        sentence = _("Only %(held)s yuan are held; %(asked)s was asked for.") % {"held": format_yuan(held), "asked": format_yuan(asked)}
        super().__init__(sentence, asked=asked, held=held)
        self.asked = asked
        self.held = held


class MoreThanSpent(CreditRefused):
    """A refund beyond what the order (line) took and has not had back: ``left`` yuan."""

    code = "more_than_spent"

    def __init__(self, *, line_no: int | None, asked: Decimal, left: Decimal) -> None:
        told = {"left": format_yuan(left), "asked": format_yuan(asked), "line": line_no}
        if line_no is None:
            sentence = _("Only %(left)s yuan of credit can still be given back; %(asked)s was asked for.") % told
        else:
            sentence = _("Only %(left)s yuan of credit can still be given back for line %(line)s; %(asked)s was asked for.") % told
        super().__init__(sentence, line_no=line_no, asked=asked, left=left)
        self.line_no = line_no
        self.asked = asked
        self.left = left


class HoldSettled(StateConflict):
    """The hold was captured or released before, under another key; nothing was changed."""

    code = "hold_settled"


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


def check_source_no(source_no: str) -> None:
    check_text("source_no", source_no, 64)
    if source_no.startswith(RESERVED_NUMBERS):
        raise CreditRefused(
            _("Numbers that begin with “%(beginning)s” are the system's own.") % {"beginning": source_no.split(":", maxsplit=1)[0] + ":"},
            code="source_no_reserved",
        )


def check_text(name: str, text: str, longest: int) -> None:
    if not text or len(text) > longest or "\x00" in text:
        raise CreditRefused(_("%(name)s must have 1 to %(longest)s characters.") % {"name": name, "longest": longest}, code=f"{name}_invalid")


def checked_lines(lines: Sequence[LineShare], amount: Decimal) -> tuple[LineShare, ...]:
    """``lines`` in order of their numbers, those that use nothing left out. Raises ``CreditRefused`` when they are no lines or do not sum to ``amount``."""
    if not lines:
        return ()
    check_line_numbers([line.line_no for line in lines])
    exact = [LineShare(line.line_no, yuan(line.amount, least=ZERO)) for line in lines]
    total = sum((line.amount for line in exact), ZERO)
    if total != amount:
        raise CreditRefused(
            _("The lines use %(total)s yuan in all, not %(amount)s.") % {"total": format_yuan(total), "amount": format_yuan(amount)}, code="lines_differ"
        )
    return tuple(sorted((line for line in exact if line.amount), key=lambda line: line.line_no))


def check_line_numbers(numbers: Sequence[int | None]) -> None:
    """Each line is named once, and a sane number of them. Raises ``CreditRefused``."""
    if len(numbers) > MOST_LINES or len(set(numbers)) != len(numbers):
        raise CreditRefused(_("Name each line once, and at most %(most)s lines.") % {"most": MOST_LINES}, code="lines_invalid")
    if any(number is not None and (isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= LARGEST_LINE_NO) for number in numbers):
        raise CreditRefused(_("This is not a line number."), code="lines_invalid")


def body_hash(kind: str, account_id: int | None, **request: Any) -> bytes:
    """SHA-256 of what was asked for, so that a repeated key with another request is noticed."""
    text = json.dumps({"kind": str(kind), "account": account_id, **request}, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()


def take_hash(kind: str, account_id: int, amount: Decimal, order_no: str, lines: Sequence[LineShare]) -> bytes:
    """``body_hash`` of a spend or hold: the same bytes, and for the usual request, one without lines, in a third of the time."""
    if lines:
        return body_hash(kind, account_id, amount=amount, order_no=order_no, lines=[(line.line_no, line.amount) for line in lines])
    text = f'{{"account": {account_id}, "amount": "{amount!s}", "kind": "{kind}", "order_no": {encode_basestring(order_no)}}}'
    return hashlib.sha256(text.encode()).digest()


class conflicts_told:  # noqa: N801 - a context manager, read as a verb; a generator would cost every spend a microsecond
    """Unique keys decide between two accounts of a store that use one key or top-up number at the same moment."""

    __slots__ = ()

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if not isinstance(error, IntegrityError):
            return
        constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "")
        if constraint == "credit_entry_once_per_key":
            raise IdempotencyKeyReused(KEY_REUSED) from error
        if constraint == "credit_lot_source_once_a_store":
            raise TopUpNumberTaken(NUMBER_TAKEN) from error
