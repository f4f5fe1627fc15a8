"""Moving credit: topping up and spending. Each call is one transaction and one idempotency key.

The ledger entry is its own audit record (actor, time, key, reason; ADR 0030), so nothing is written to the audit log beside it.
Whose money it is does not depend on the member's status: a frozen or departed member's credit is still theirs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import IntegrityError, connection
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import BusinessError, NotFound
from backoffice.kernel.locks import in_one_statement, in_transaction
from backoffice.kernel.money import FEN, ZERO, format_yuan
from backoffice.kernel.tenancy.models import User
from members.choices import DeductionOrder, EntryKind
from members.models import CreditAccount, CreditEntry, CreditLot, Member
from members.services.locks import open_and_lock_account_of

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


@dataclass(frozen=True)
class TopUp:
    """A lot that was opened. Amounts in yuan; ``balance_after`` is the account's balance right after it."""

    account_id: int
    lot_id: int
    entry_id: int
    principal: Decimal
    bonus: Decimal
    balance_after: Decimal
    replayed: bool


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


@in_transaction
def top_up(
    *,
    member: Member,
    source_no: str,
    principal: Decimal,
    bonus: Decimal,
    opened_at: datetime,
    expires_at: datetime | None,
    idempotency_key: str,
    by: User | None,
    now: datetime,
) -> TopUp:
    """Open a lot of ``principal`` and ``bonus`` yuan for ``member``, and the account with the first one.

    The same key and request return the first result with ``replayed``. Raises ``AmountRefused``, ``IdempotencyKeyReused``,
    ``TopUpNumberTaken``, or ``CreditRefused`` when the lot would expire before it opens or a text is empty or too long.
    """
    principal, bonus = yuan(principal, least=ZERO), yuan(bonus, least=ZERO)
    if principal + bonus == 0:
        raise AmountRefused(_("A top-up needs an amount above zero."))
    if expires_at is not None and expires_at <= opened_at:
        raise CreditRefused(_("The expiry must lie after the top-up."), code="expires_before_opening")
    _check_text("idempotency_key", idempotency_key, 128)
    _check_text("source_no", source_no, 64)
    with _conflicts_told():
        account = open_and_lock_account_of(member)
        body = _body_hash(
            EntryKind.TOP_UP,
            account.pk,
            source_no=source_no,
            principal=principal,
            bonus=bonus,
            opened_at=opened_at.timestamp(),
            expires_at=expires_at and expires_at.timestamp(),
        )
        first = CreditEntry.objects.filter(store_id=account.store_id, idempotency_key=idempotency_key, seq=1).first()
        if first is not None:
            if first.account_id != account.pk or bytes(first.body_hash) != body:
                raise IdempotencyKeyReused(_KEY_REUSED)
            return TopUp(account.pk, first.lot_id, first.pk, first.principal_amount, first.bonus_amount, first.balance_after, replayed=True)
        if CreditLot.objects.filter(store_id=account.store_id, source_no=source_no).exists():
            raise TopUpNumberTaken(_NUMBER_TAKEN)
        lot = CreditLot.objects.create(
            store_id=account.store_id,
            account=account,
            source_no=source_no,
            principal_amount=principal,
            bonus_amount=bonus,
            principal_left=principal,
            bonus_left=bonus,
            opened_at=opened_at,
            expires_at=expires_at,
        )
        account.balance += principal + bonus
        account.save(update_fields=["balance"])
        entry = CreditEntry.objects.create(
            store_id=account.store_id,
            account=account,
            lot=lot,
            kind=EntryKind.TOP_UP,
            principal_amount=principal,
            bonus_amount=bonus,
            balance_after=account.balance,
            idempotency_key=idempotency_key,
            body_hash=body,
            actor=by,
            happened_at=now,
        )
    return TopUp(account.pk, lot.pk, entry.pk, principal, bonus, account.balance, replayed=False)


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
    _check_text("idempotency_key", idempotency_key, 128)
    _check_text("order_no", order_no, 64)
    account_id = account.pk if account is not None else _account_id_of(member, asked=amount)
    body = _body_hash(EntryKind.SPEND, account_id, amount=amount, order_no=order_no)
    with _conflicts_told(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT outcome, available, entry_id, lot_id, principal, bonus, balance_after FROM members_credit_spend(%s, %s, %s, %s, %s, %s, %s, %s)",
            [account_id, amount, DeductionOrder(deduction_order).value, idempotency_key, body, order_no, by.pk if by else None, now],
        )
        rows = cursor.fetchall()
    outcome, available = rows[0][:2]
    if outcome == "no_account":
        raise NotFound(_("There is no such credit account."))
    if outcome == "key_reused":
        raise IdempotencyKeyReused(_KEY_REUSED)
    if outcome == "not_enough":
        raise NotEnoughCredit(asked=amount, available=available)
    return Spend(account_id, amount, tuple(SpendPart(*row[2:]) for row in rows), replayed=outcome == "replayed")


_KEY_REUSED = _("This idempotency key was used before with another request. Send the new request under a key of its own.")
_NUMBER_TAKEN = _("The store has a top-up with this number already.")


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


def _account_id_of(member: Member | None, *, asked: Decimal) -> int:
    if member is None:
        raise TypeError("spend() takes an account or a member")
    account_id = CreditAccount.objects.filter(member=member).values_list("pk", flat=True).first()
    if account_id is None:
        raise NotEnoughCredit(asked=asked, available=ZERO)
    return account_id


def _check_text(name: str, text: str, longest: int) -> None:
    if not text or len(text) > longest or "\x00" in text:
        raise CreditRefused(_("%(name)s must have 1 to %(longest)s characters.") % {"name": name, "longest": longest}, code=f"{name}_invalid")


def _body_hash(kind: str, account_id: int, **request: Any) -> bytes:
    """SHA-256 of what was asked for, so that a repeated key with another request is noticed."""
    text = json.dumps({"kind": str(kind), "account": account_id, **request}, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()


@contextmanager
def _conflicts_told() -> Iterator[None]:
    """Unique keys decide between two accounts of a store that use one key or top-up number at the same moment."""
    try:
        yield
    except IntegrityError as error:
        constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "")
        if constraint == "credit_entry_once_per_key":
            raise IdempotencyKeyReused(_KEY_REUSED) from error
        if constraint == "credit_lot_source_once_a_store":
            raise TopUpNumberTaken(_NUMBER_TAKEN) from error
        raise
