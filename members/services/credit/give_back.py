"""Giving back to lots: what a refund or a released hold returns, by the store's policy when the lot lapsed meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from backoffice.kernel import clock
from backoffice.kernel.money import ZERO
from backoffice.kernel.tenancy.models import User
from members.choices import RefundAfterLapse
from members.models import CreditAccount, CreditEntry, CreditHold, CreditLot, CreditPolicy
from members.selectors.policy import policy_of
from members.services.credit.book import Move, book, first_entry
from members.services.credit.lapse import after_lapse, lapse_moves


def book_returns(
    account: CreditAccount,
    moves: Sequence[Move],
    *,
    idempotency_key: str,
    body: bytes,
    by: User | None,
    now: datetime,
    hold: CreditHold | None = None,
    held_change: Decimal = ZERO,
    first_seq: int = 1,
) -> list[CreditEntry]:
    """``book``, for moves of which some give back to lots. The caller holds the account's lock and has read the lots, one object each, under it.

    A lot in time takes what comes back. One that lapsed (``expires_at`` <= ``now``, swept or not), by the store's policy:
    EXTEND_ONCE: what was left in it lapses first, so that it does not come back to life, in entries under a key as the sweep's; then the lot can be
    spent to the end of the local day ``refund_grace_days`` from now. A lot that was extended before keeps its date. KEEP_DATE: it takes what comes
    back, which lapses at the next sweep. NEW_LOT: a new lot with that many days takes it; its number names the entry that opened it.
    """
    lapsed = {move.lot.pk: move.lot for move in moves if _gives_back(move) and move.lot.expires_at is not None and move.lot.expires_at <= now}
    opened: dict[int, CreditLot] = {}
    if lapsed:
        policy = policy_of(account.store_id)
        if policy.refund_after_lapse == RefundAfterLapse.EXTEND_ONCE:
            for lot in lapsed.values():
                if lot.extended_at is None:
                    _extend(account, lot, policy, by, now)
        elif policy.refund_after_lapse == RefundAfterLapse.NEW_LOT:
            opened = {pk: _open(lot, [move for move in moves if move.lot.pk == pk and _gives_back(move)], policy, now) for pk, lot in lapsed.items()}
    landed = [replace(move, lot=opened[move.lot.pk]) if _gives_back(move) and move.lot.pk in opened else move for move in moves]
    entries = book(account, landed, idempotency_key=idempotency_key, body=body, by=by, now=now, hold=hold, held_change=held_change, first_seq=first_seq)
    for lot in opened.values():
        opening = next(entry for entry in entries if entry.lot_id == lot.pk)
        lot.source_no = f"{opening.kind.lower()}:{opening.pk}"
        lot.save(update_fields=["source_no"])
    return entries


def _gives_back(move: Move) -> bool:
    return move.principal + move.bonus > 0


def _until(policy: CreditPolicy, now: datetime) -> datetime:
    return clock.day_end(clock.local_day(now) + timedelta(days=policy.refund_grace_days))


def _extend(account: CreditAccount, lot: CreditLot, policy: CreditPolicy, by: User | None, now: datetime) -> None:
    """Take what is left out of a lapsed lot and lengthen it."""
    moves = lapse_moves(lot, policy)
    if moves:
        number = 0
        while first_entry(lot.store_id, key := f"lapse:{lot.pk}:{number}"):
            number += 1
        body = hashlib.sha256(key.encode()).digest()
        after_lapse(account, book(account, moves, idempotency_key=key, body=body, by=by, now=now), now)
    lot.expires_at, lot.extended_at = _until(policy, now), now
    lot.save(update_fields=["expires_at", "extended_at"])


def _open(lapsed: CreditLot, moves: Sequence[Move], policy: CreditPolicy, now: datetime) -> CreditLot:
    """A new lot, empty yet, for what ``moves`` give back to a lapsed one. It gets its number when its first entry has an id."""
    return CreditLot.objects.create(
        store_id=lapsed.store_id,
        account_id=lapsed.account_id,
        origin_id=lapsed.origin_id or lapsed.pk,
        source_no=f"new:{uuid4().hex}",
        principal_amount=sum((move.principal for move in moves), ZERO),
        bonus_amount=sum((move.bonus for move in moves), ZERO),
        principal_left=ZERO,
        bonus_left=ZERO,
        opened_at=now,
        expires_at=_until(policy, now),
    )
