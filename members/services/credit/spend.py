"""Spending: one call of a function in the database (ADR 0031)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_one_statement
from backoffice.kernel.money import FEN, ZERO
from backoffice.kernel.tenancy.models import User
from members.choices import DeductionOrder, EntryKind
from members.models import CreditAccount, Member
from members.services.credit.requests import KEY_REUSED, IdempotencyKeyReused, NotEnoughCredit, body_hash, check_text, conflicts_told, yuan


@dataclass(frozen=True)
class SpendPart:
    """What a spend took from one lot, in positive yuan."""

    entry_id: int
    lot_id: int
    principal: Decimal
    bonus: Decimal
    balance_after: Decimal


@dataclass(frozen=True)
class Spend:
    """A spend that was made, lot by lot in the order in which they were used."""

    account_id: int
    amount: Decimal
    parts: tuple[SpendPart, ...]
    replayed: bool

    @property
    def principal(self) -> Decimal:
        return sum((part.principal for part in self.parts), ZERO)

    @property
    def bonus(self) -> Decimal:
        return sum((part.bonus for part in self.parts), ZERO)

    @property
    def balance_after(self) -> Decimal:
        return self.parts[-1].balance_after


@in_one_statement
def spend(
    *,
    account: CreditAccount | None = None,
    member: Member | None = None,
    amount: Decimal,
    order_no: str,
    idempotency_key: str,
    by: User | None,
    now: datetime,
    deduction_order: str = DeductionOrder.PERCENT,
) -> Spend:
    """Take ``amount`` yuan for an order from the lots of one account (or of the member's), soonest expiry first.

    A lot whose time has passed at ``now`` is never spent. ``deduction_order`` splits what one lot gives into principal and bonus.
    The same key and request return the first result with ``replayed``; the store's deduction order is no part of the request.
    Raises ``NotEnoughCredit`` with what is available, ``IdempotencyKeyReused``, ``AmountRefused``, ``NotFound``; then nothing changed.
    """
    amount = yuan(amount, least=FEN)
    check_text("idempotency_key", idempotency_key, 128)
    check_text("order_no", order_no, 64)
    account_id = account.pk if account is not None else _account_id_of(member, asked=amount)
    body = body_hash(EntryKind.SPEND, account_id, amount=amount, order_no=order_no)
    with conflicts_told(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT outcome, available, entry_id, lot_id, principal, bonus, balance_after FROM members_credit_spend(%s, %s, %s, %s, %s, %s, %s, %s)",
            [account_id, amount, DeductionOrder(deduction_order).value, idempotency_key, body, order_no, by.pk if by else None, now],
        )
        rows = cursor.fetchall()
    outcome, available = rows[0][:2]
    if outcome == "no_account":
        raise NotFound(_("There is no such credit account."))
    if outcome == "key_reused":
        raise IdempotencyKeyReused(KEY_REUSED)
    if outcome == "not_enough":
        raise NotEnoughCredit(asked=amount, available=available)
    return Spend(account_id, amount, tuple(SpendPart(*row[2:]) for row in rows), replayed=outcome == "replayed")


def _account_id_of(member: Member | None, *, asked: Decimal) -> int:
    if member is None:
        raise TypeError("spend() takes an account or a member")
    account_id = CreditAccount.objects.filter(member=member).values_list("pk", flat=True).first()
    if account_id is None:
        raise NotEnoughCredit(asked=asked, available=ZERO)
    return account_id
