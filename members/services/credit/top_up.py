"""Topping up: a new lot with its first entry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.locks import in_transaction
from backoffice.kernel.money import ZERO
from backoffice.kernel.tenancy.models import User
from members.choices import EntryKind
from members.models import CreditEntry, CreditLot, Member
from members.services.credit.requests import (
    KEY_REUSED,
    NUMBER_TAKEN,
    AmountRefused,
    CreditRefused,
    IdempotencyKeyReused,
    TopUpNumberTaken,
    body_hash,
    check_source_no,
    check_text,
    conflicts_told,
    yuan,
)
from members.services.locks import open_and_lock_account_of


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
    ``TopUpNumberTaken``, or ``CreditRefused`` when the lot would expire before it opens, a text is empty or too long, or the number is one of
    the system's own (``source_no_reserved``).
    """
    principal, bonus = yuan(principal, least=ZERO), yuan(bonus, least=ZERO)
    if principal + bonus == 0:
        raise AmountRefused(_("A top-up needs an amount above zero."))
    if expires_at is not None and expires_at <= opened_at:
        raise CreditRefused(_("The expiry must lie after the top-up."), code="expires_before_opening")
    check_text("idempotency_key", idempotency_key, 128)
    check_source_no(source_no)
    with conflicts_told():
        account = open_and_lock_account_of(member)
        body = body_hash(
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
                raise IdempotencyKeyReused(KEY_REUSED)
            return TopUp(account.pk, first.lot_id, first.pk, first.principal_amount, first.bonus_amount, first.balance_after, replayed=True)
        if CreditLot.objects.filter(store_id=account.store_id, source_no=source_no).exists():
            raise TopUpNumberTaken(NUMBER_TAKEN)
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
