"""The one Python way to write movements into the ledger, for everything that is not a spend (that is a function in the database).

The caller holds the account's lock (``members.services.locks``) and has decided, on rows read after it got the lock, what moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from backoffice.kernel.money import ZERO
from backoffice.kernel.tenancy.models import User
from members.choices import EntryKind
from members.models import CreditAccount, CreditEntry, CreditHold, CreditLot


@dataclass(frozen=True)
class Move:
    """One movement of one lot, in signed yuan (plus: into the lot). A CAPTURE moves nothing and tells what it made final."""

    lot: CreditLot
    kind: EntryKind
    principal: Decimal = ZERO
    bonus: Decimal = ZERO
    captured_principal: Decimal | None = None
    captured_bonus: Decimal | None = None
    refund_of: CreditEntry | None = None
    order_no: str = ""
    line_no: int | None = None


def first_entry(store_id: int, idempotency_key: str) -> CreditEntry | None:
    """The first entry that was booked under a key, ``None`` when it is new. Asked after the account is locked."""
    return CreditEntry.objects.filter(store_id=store_id, idempotency_key=idempotency_key, seq=1).first()


def book(
    account: CreditAccount,
    moves: Sequence[Move],
    *,
    idempotency_key: str,
    body: bytes,
    by: User | None,
    now: datetime,
    reason: str = "",
    hold: CreditHold | None = None,
    held_change: Decimal = ZERO,
    first_seq: int = 1,
) -> list[CreditEntry]:
    """Write ``moves`` as entries of one key and bring lots and account along; the rows given are updated in memory too.

    ``held_change`` is added to the account's ``held``. Database constraints refuse what would go below zero or above what was topped up.
    """
    entries = []
    touched: dict[int, CreditLot] = {}
    for seq, move in enumerate(moves, start=first_seq):
        lot = touched.setdefault(move.lot.pk, move.lot)
        lot.principal_left += move.principal
        lot.bonus_left += move.bonus
        account.balance += move.principal + move.bonus
        entries.append(
            CreditEntry(
                store_id=account.store_id,
                account=account,
                lot=lot,
                kind=move.kind,
                principal_amount=move.principal,
                bonus_amount=move.bonus,
                balance_after=account.balance,
                captured_principal=move.captured_principal,
                captured_bonus=move.captured_bonus,
                refund_of=move.refund_of,
                hold=hold,
                idempotency_key=idempotency_key,
                seq=seq,
                body_hash=body,
                order_no=move.order_no,
                line_no=move.line_no,
                actor=by,
                reason=reason,
                happened_at=now,
            )
        )
    account.held += held_change
    CreditLot.objects.bulk_update(touched.values(), ["principal_left", "bonus_left"])
    account.save(update_fields=["balance", "held"])
    return CreditEntry.objects.bulk_create(entries)
