"""Lapsing: what is left in a lot whose time has passed leaves it, to the payer or void, as the store's policy says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import Sum

from backoffice.kernel.money import ZERO
from members.choices import EntryKind, LapsePolicy, PayoutCause
from members.models import CreditAccount, CreditEntry, CreditLot, CreditPayout, CreditPolicy
from members.services.credit.book import Move


def lapse_moves(lot: CreditLot, policy: CreditPolicy) -> list[Move]:
    """What takes everything that is left out of ``lot``; empty when nothing is left. The caller holds the account's lock and has read the lot under it.

    Under PAY_BACK the principal is paid back and the bonus is void, under VOID all is void. A lot never pays back more than was paid for it:
    after a top-up refund by ratio some of a refunded order's principal may be beyond that, and is void.
    The same arithmetic as ``credit_lapse.sql``; a test compares the two.
    """
    paid_back = ZERO
    if policy.on_lapse == LapsePolicy.PAY_BACK and lot.principal_left:
        paid_back = max(ZERO, min(lot.principal_left, lot.principal_amount - paid_back_of(lot)))
    void_principal, void_bonus = lot.principal_left - paid_back, lot.bonus_left
    moves = []
    if paid_back:
        moves.append(Move(lot, EntryKind.PAYOUT, principal=-paid_back))
    if void_principal or void_bonus:
        moves.append(Move(lot, EntryKind.LAPSE, principal=-void_principal, bonus=-void_bonus))
    return moves


def after_lapse(account: CreditAccount, entries: Iterable[CreditEntry], now: datetime) -> None:
    """Queue the money of the PAYOUT entries among ``entries`` to be paid back. In the transaction that booked them."""
    CreditPayout.objects.bulk_create(payout_for(account, entry, PayoutCause.LAPSE, now) for entry in entries if entry.kind == EntryKind.PAYOUT)


def payout_for(account: CreditAccount, entry: CreditEntry, cause: PayoutCause, now: datetime) -> CreditPayout:
    """The payout, not saved yet, of one PAYOUT entry: all that the entry took out of its lot."""
    amount = -(entry.principal_amount + entry.bonus_amount)
    return CreditPayout(store_id=account.store_id, account=account, lot_id=entry.lot_id, entry=entry, cause=cause, amount=amount, created_at=now)


def paid_back_of(lot: CreditLot) -> Decimal:
    """What was paid back for the lot so far, for whatever cause and whatever became of the transfer."""
    paid_back: Decimal | None = CreditPayout.objects.filter(lot=lot).aggregate(amount=Sum("amount"))["amount"]
    return paid_back or ZERO
