"""Lapsing: what is left in a lot whose time has passed leaves it, to the payer or void, as the store's policy says."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from django.db import connection
from django.db.models import Q, Sum

from backoffice.kernel.locks import in_transaction
from backoffice.kernel.money import ZERO
from backoffice.kernel.sql import fetch_all, load_sql
from members.choices import EntryKind, LapsePolicy, PayoutCause
from members.models import CreditAccount, CreditEntry, CreditLot, CreditPayout, CreditPolicy
from members.services.credit.book import Move
from members.services.locks import lock_accounts

# A chunk is a few rows of large tables: read by index, and nothing to compile for a second.
SETTINGS = "SET LOCAL random_page_cost = 1.1; SET LOCAL jit = off"


@dataclass(frozen=True)
class Swept:
    """What a sweep did. Amounts in positive yuan: ``paid_back`` is queued for the payers, the rest is void. ``waiting`` accounts were locked by others."""

    accounts: int = 0
    lots: int = 0
    payouts: int = 0
    paid_back: Decimal = ZERO
    void_principal: Decimal = ZERO
    void_bonus: Decimal = ZERO
    waiting: int = 0

    def __add__(self, other: Swept) -> Swept:
        return Swept(**{name: getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__})


def lapse_moves(lot: CreditLot, policy: CreditPolicy) -> list[Move]:
    """What takes everything that is left out of ``lot``; empty when nothing is left. The caller holds the account's lock and has read the lot under it.

    Under PAY_BACK the principal is paid back and the bonus is void, under VOID all is void. A lot never pays back more than was paid for it:
    after a top-up refund by ratio some of a refunded order's principal may be beyond that, and is void.
    The same arithmetic as ``credit_lapse.sql``; a test compares the two.
    """
    paid_back = ZERO
    if policy.on_lapse == LapsePolicy.PAY_BACK and lot.principal_left:
        paid_back = max(ZERO, min(lot.principal_left, still_to_pay_back(lot)))
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


def still_to_pay_back(lot: CreditLot) -> Decimal:
    """What of the price was not paid back yet, whatever for and whatever became of the transfer.

    A lot that a refund opened in place of a lapsed one shares the price of the top-up that both come from.
    """
    top_up_id = lot.origin_id or lot.pk
    price: Decimal = lot.principal_amount if lot.origin is None else lot.origin.principal_amount
    family = CreditPayout.objects.filter(Q(lot_id=top_up_id) | Q(lot__origin_id=top_up_id))
    paid_back: Decimal | None = family.aggregate(amount=Sum("amount"))["amount"]
    return price - (paid_back or ZERO)


def sweep_lapsed(*, now: datetime, max_accounts: int = 1000, seconds: float | None = None, wait_for_others: bool = True) -> Swept:
    """Empty every lot of every store whose time has passed at ``now``, in transactions of at most ``max_accounts`` accounts.

    Late, twice, at the same time as itself and killed at any moment are harmless: each transaction locks its accounts and works on what their lots
    then have. Accounts that somebody else has locked are met at the end, one by one; without ``wait_for_others`` they are left to the next
    sweep (``waiting``). Stops before its end after ``seconds``. Held credit is in no lot and does not lapse.
    """
    swept, started = Swept(), time.monotonic()

    def is_late() -> bool:
        return seconds is not None and time.monotonic() - started > seconds

    locked_by_others: list[int] = []
    place = (datetime.min.replace(tzinfo=UTC), 0)
    while not is_late() and (rows := _lapsed_lots(now, place, max_accounts)):
        account_ids = {account_id for _expires_at, account_id in rows}
        done, missed = _sweep_accounts(account_ids, now, skip_locked=True)
        swept += done
        locked_by_others += missed
        place = rows[-1]
    for start in range(0, len(locked_by_others), max_accounts):
        # Most of them were another sweep's, which is through with them by now.
        for account_id in _with_lapsed_lots(locked_by_others[start : start + max_accounts], now):
            if wait_for_others and not is_late():
                swept += _sweep_accounts({account_id}, now, skip_locked=False)[0]
            else:
                swept += Swept(waiting=1)
    return swept


def _lapsed_lots(now: datetime, after: tuple[datetime, int], most: int) -> list[tuple[datetime, int]]:
    """(expires_at, account id) of lots to be swept, in order of the index, past the place ``after``. Not locked: this only says where to look."""
    found = fetch_all(
        """
        SELECT expires_at, account_id FROM members_creditlot
        WHERE expires_at <= %(now)s AND has_left AND (expires_at, account_id) > (%(expires_at)s, %(account)s)
        ORDER BY expires_at, account_id LIMIT %(most)s
        """,
        {"now": now, "expires_at": after[0], "account": after[1], "most": most},
    )
    return [(row["expires_at"], row["account_id"]) for row in found]


def _with_lapsed_lots(account_ids: list[int], now: datetime) -> list[int]:
    lots = CreditLot.objects.filter(has_left=True, account_id__in=account_ids, expires_at__lte=now)
    return sorted(lots.values_list("account_id", flat=True).distinct())


@in_transaction
def _sweep_accounts(account_ids: set[int], now: datetime, *, skip_locked: bool) -> tuple[Swept, list[int]]:
    """One transaction: lock the accounts and empty their lapsed lots. Returns what was done, and the accounts that others have locked."""
    locked = lock_accounts(account_ids, skip_locked=skip_locked)
    default = CreditPolicy._meta.get_field("on_lapse").default
    with connection.cursor() as cursor:
        cursor.execute(SETTINGS)
    rows = fetch_all(load_sql("members", "credit_lapse"), {"accounts": locked, "now": now, "default_policy": default})
    return Swept(**rows[0]), sorted(account_ids.difference(locked))
