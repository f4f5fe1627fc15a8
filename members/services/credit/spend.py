"""Spending: one call of a function in the database, which holds are taken by too (ADR 0031)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_one_statement
from backoffice.kernel.money import FEN, ZERO
from backoffice.kernel.sql import fetch_prepared
from backoffice.kernel.tenancy.models import User
from members.choices import DeductionOrder
from members.models import CreditAccount, Member
from members.services.credit.parts import SpendPart, bonus_of, principal_of
from members.services.credit.requests import (
    KEY_REUSED,
    IdempotencyKeyReused,
    LineShare,
    NotEnoughCredit,
    check_text,
    checked_lines,
    conflicts_told,
    take_hash,
    yuan,
)

_TAKE = """
    SELECT outcome, available, hold_id, entry_id, lot_id, line_no, principal, bonus, balance_after
    FROM members_credit_take(%s, %s::bigint, %s, %s, %s, %s, %s, %s::integer[], %s::numeric[], %s::bigint, %s)
"""


@dataclass(frozen=True)
class Spend:
    """A spend that was made: one part per lot, or per lot and line, lots in the order in which they were used. Yuan."""

    account_id: int
    amount: Decimal
    parts: tuple[SpendPart, ...]
    replayed: bool

    @property
    def principal(self) -> Decimal:
        return principal_of(self.parts)

    @property
    def bonus(self) -> Decimal:
        return bonus_of(self.parts)

    @property
    def balance_after(self) -> Decimal:
        return self.parts[-1].balance_after


@in_one_statement
def spend(
    *,
    account: CreditAccount | int | None = None,
    member: Member | None = None,
    amount: Decimal,
    order_no: str,
    lines: Sequence[LineShare] = (),
    idempotency_key: str,
    by: User | None,
    now: datetime,
    deduction_order: str | None = None,
) -> Spend:
    """Take ``amount`` yuan for an order from the lots of one account (itself or its id; or the member's), soonest expiry first.

    ``lines`` says how much of it each line uses; the lots in their order fill the lines in the order of their numbers.
    A lot whose time has passed at ``now`` is never spent. ``deduction_order`` splits what one lot gives into principal and bonus, ``None``: as
    the store's policy says. The same key and request return the first result with ``replayed``; the deduction order is no part of the request.
    Raises ``NotEnoughCredit`` with what is available, ``IdempotencyKeyReused``, ``AmountRefused``, ``CreditRefused`` (``lines_differ``,
    ``lines_invalid``), ``NotFound``; then nothing changed.
    """
    taken = take("SPEND", account, member, amount, order_no, lines, idempotency_key, by, now, deduction_order)
    return Spend(taken.account_id, taken.amount, taken.parts, taken.replayed)


class Taken(NamedTuple):
    """What the database's function did. ``hold_id`` only for a hold."""

    account_id: int
    amount: Decimal
    hold_id: int | None
    parts: tuple[SpendPart, ...]
    replayed: bool


def take(
    kind: Literal["SPEND", "HOLD"],
    account: CreditAccount | int | None,
    member: Member | None,
    amount: Decimal,
    order_no: str,
    lines: Sequence[LineShare],
    idempotency_key: str,
    by: User | None,
    now: datetime,
    deduction_order: str | None,
) -> Taken:
    """Spend or hold: read the request, call ``members_credit_take`` and tell its refusals. One statement when the account is given."""
    amount = yuan(amount, least=FEN)
    check_text("idempotency_key", idempotency_key, 128)
    check_text("order_no", order_no, 64)
    exact = checked_lines(lines, amount)
    account_id = _account_id_of(account, member, asked=amount)
    body = take_hash(kind, account_id, amount, order_no, exact)
    numbers, amounts = ([line.line_no for line in exact], [line.amount for line in exact]) if exact else (None, None)
    deduction = None if deduction_order is None else DeductionOrder(deduction_order).value
    asks = (kind, account_id, amount, deduction, idempotency_key, body, order_no, numbers, amounts, by.pk if by else None, now)
    with conflicts_told():
        rows = fetch_prepared(_TAKE, asks)
    outcome, available, hold_id = rows[0][:3]
    if outcome == "no_account":
        raise NotFound(_("There is no such credit account."))
    if outcome == "key_reused":
        raise IdempotencyKeyReused(KEY_REUSED)
    if outcome == "not_enough":
        raise NotEnoughCredit(asked=amount, available=available)
    return Taken(account_id, amount, hold_id, tuple([SpendPart(*row[3:]) for row in rows]), replayed=outcome == "replayed")


def _account_id_of(account: CreditAccount | int | None, member: Member | None, *, asked: Decimal) -> int:
    if isinstance(account, int):
        return account
    if account is not None:
        return account.pk
    if member is None:
        raise TypeError("an account or a member is needed")
    account_id = CreditAccount.objects.filter(member=member).values_list("pk", flat=True).first()
    if account_id is None:
        raise NotEnoughCredit(asked=asked, available=ZERO)
    return account_id
