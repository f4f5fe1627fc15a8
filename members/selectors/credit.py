"""Reading credit: what can be spent, what lapses when, and what a spend would take. All amounts are yuan, ``now`` is business time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from backoffice.kernel import clock
from backoffice.kernel.money import FEN, ZERO
from members.choices import DeductionOrder
from members.models import CreditAccount, CreditEntry, CreditLot

MONTHS_AHEAD = 12


@dataclass(frozen=True)
class CreditFigures:
    """One account at one moment. ``spendable`` = principal + bonus of lots in time and not held; ``lapsed`` waits to be swept."""

    spendable: Decimal
    principal: Decimal
    bonus: Decimal
    held: Decimal
    lapsed: Decimal
    next_expiry_at: datetime | None
    next_expiry_amount: Decimal


@dataclass(frozen=True)
class Lapse:
    """What lapses in one month (its first day), or never (``month`` None)."""

    month: date | None
    principal: Decimal
    bonus: Decimal

    @property
    def amount(self) -> Decimal:
        return self.principal + self.bonus


@dataclass(frozen=True)
class SpendShare:
    """What a spend would take from one lot."""

    lot: CreditLot
    principal: Decimal
    bonus: Decimal

    @property
    def amount(self) -> Decimal:
        return self.principal + self.bonus


@dataclass(frozen=True)
class SpendPreview:
    """A spend on paper. When ``available`` is less than ``asked`` it would be refused and ``shares`` is empty."""

    asked: Decimal
    available: Decimal
    shares: tuple[SpendShare, ...]

    @property
    def is_enough(self) -> bool:
        return self.available >= self.asked

    @property
    def principal(self) -> Decimal:
        return sum((share.principal for share in self.shares), ZERO)

    @property
    def bonus(self) -> Decimal:
        return sum((share.bonus for share in self.shares), ZERO)


def list_lots(account: CreditAccount) -> QuerySet[CreditLot]:
    """Every lot of the account in spending order: soonest expiry, then opened first, then id; never expiring ones last."""
    return CreditLot.objects.filter(account=account).order_by(F("expires_at").asc(nulls_last=True), "opened_at", "pk")


def list_spendable_lots(account: CreditAccount, now: datetime) -> QuerySet[CreditLot]:
    """Lots from which something can be spent at ``now``, in spending order."""
    return list_lots(account).filter(Q(principal_left__gt=0) | Q(bonus_left__gt=0)).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))


def list_entries(account: CreditAccount) -> QuerySet[CreditEntry]:
    """The account's entries, newest first, with lot and actor."""
    return CreditEntry.objects.filter(account=account).select_related("lot", "actor").order_by("-pk")


def get_balance(account: CreditAccount, now: datetime) -> Decimal:
    """What can be spent at ``now``: lots in time, not held."""
    sums = list_spendable_lots(account, now).order_by().aggregate(left=Coalesce(Sum(F("principal_left") + F("bonus_left")), ZERO))
    left: Decimal = sums["left"]
    return left


def get_expiring(account: CreditAccount, now: datetime, days: int) -> Decimal:
    """What lapses up to and including the local day that lies ``days`` after today's."""
    until = clock.day_end(clock.local_day(now) + timedelta(days=days))
    lots = list_spendable_lots(account, now).filter(expires_at__lte=until).order_by()
    left: Decimal = lots.aggregate(left=Coalesce(Sum(F("principal_left") + F("bonus_left")), ZERO))["left"]
    return left


def get_figures(account: CreditAccount, now: datetime) -> CreditFigures:
    """Head figures of the account page, from the lots (one query)."""
    return figures_of(account, list(list_lots(account)), now)


def figures_of(account: CreditAccount, lots: list[CreditLot], now: datetime) -> CreditFigures:
    """The same from lots that are already at hand."""
    live = [lot for lot in lots if lot.expires_at is None or lot.expires_at > now]
    principal = sum((lot.principal_left for lot in live), ZERO)
    bonus = sum((lot.bonus_left for lot in live), ZERO)
    lapsed = sum((lot.principal_left + lot.bonus_left for lot in lots if lot.expires_at is not None and lot.expires_at <= now), ZERO)
    dates = [lot.expires_at for lot in live if lot.expires_at is not None and lot.principal_left + lot.bonus_left > 0]
    soonest = min(dates, default=None)
    amount = sum((lot.principal_left + lot.bonus_left for lot in live if soonest is not None and lot.expires_at == soonest), ZERO)
    return CreditFigures(principal + bonus, principal, bonus, account.held, lapsed, soonest, amount)


def list_lapses(lots: list[CreditLot], now: datetime) -> list[Lapse]:
    """What lapses in which local month, soonest first; what never lapses comes last. Months without a lapse are left out."""
    by_month: dict[date | None, list[Decimal]] = {}
    for lot in lots:
        if lot.principal_left + lot.bonus_left == 0 or (lot.expires_at is not None and lot.expires_at <= now):
            continue
        # The last instant at which it can be spent decides the month: midnight of the 1st lapses with the month before.
        month = None if lot.expires_at is None else clock.local_day(lot.expires_at - timedelta(microseconds=1)).replace(day=1)
        sums = by_month.setdefault(month, [ZERO, ZERO])
        sums[0] += lot.principal_left
        sums[1] += lot.bonus_left
    dated = sorted(month for month in by_month if month is not None)
    return [Lapse(month, *by_month[month]) for month in [*dated, *([None] if None in by_month else [])]]


def preview_spend(lots: list[CreditLot], amount: Decimal, now: datetime, deduction_order: str = DeductionOrder.PERCENT) -> SpendPreview:
    """What spending ``amount`` at ``now`` would take from ``lots`` (in spending order), without writing anything.

    The same arithmetic as the database function ``members_credit_spend``; a test compares the two.
    """
    need = amount
    available = ZERO
    shares: list[SpendShare] = []
    for lot in lots:
        left = lot.principal_left + lot.bonus_left
        if left == 0 or (lot.expires_at is not None and lot.expires_at <= now):
            continue
        available += left
        take = min(need, left)
        if take > 0:
            principal = split_principal(take, lot.principal_left, lot.bonus_left, deduction_order)
            shares.append(SpendShare(lot, principal, take - principal))
            need -= take
    return SpendPreview(amount, available, tuple(shares) if need == 0 else ())


def split_principal(take: Decimal, principal_left: Decimal, bonus_left: Decimal, deduction_order: str) -> Decimal:
    """The principal's part of ``take`` yuan from one lot; the bonus gives the rest. PERCENT rounds down to the fen."""
    if deduction_order == DeductionOrder.REAL_BEFORE_GIFT:
        return min(take, principal_left)
    if deduction_order == DeductionOrder.GIFT_BEFORE_REAL:
        return take - min(take, bonus_left)
    fen = (int(take / FEN) * int(principal_left / FEN)) // int((principal_left + bonus_left) / FEN)
    return Decimal(fen) * FEN
