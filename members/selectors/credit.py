"""Reading credit: what can be spent, what lapses when, and what a spend would take. All amounts are yuan, ``now`` is business time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import DateField, DateTimeField, ExpressionWrapper, F, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncMonth

from backoffice.kernel import clock
from backoffice.kernel.money import FEN, ZERO
from members.choices import DeductionOrder
from members.models import CreditAccount, CreditEntry, CreditLot
from members.selectors.policy import policy_of

_LEFT = F("principal_left") + F("bonus_left")


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
    """A spend on paper. When something of ``asked`` is ``missing`` it would be refused and ``shares`` is empty."""

    asked: Decimal
    missing: Decimal
    shares: tuple[SpendShare, ...]

    @property
    def available(self) -> Decimal:
        """What of it could be spent."""
        return self.asked - self.missing

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
    return list_lots(account).filter(has_left=True).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))


def list_entries(account: CreditAccount) -> QuerySet[CreditEntry]:
    """The account's entries, newest first, with lot and actor, and the actor's seats."""
    return CreditEntry.objects.filter(account=account).select_related("lot", "actor").prefetch_related("actor__seats").order_by("-pk")


def get_balance(account: CreditAccount, now: datetime) -> Decimal:
    """What can be spent at ``now``: lots in time, not held."""
    sums = list_spendable_lots(account, now).order_by().aggregate(left=Coalesce(Sum(_LEFT), ZERO))
    left: Decimal = sums["left"]
    return left


def get_expiring(account: CreditAccount, now: datetime, days: int) -> Decimal:
    """What lapses up to and including the local day that lies ``days`` after today's."""
    until = clock.day_end(clock.local_day(now) + timedelta(days=days))
    lots = list_spendable_lots(account, now).filter(expires_at__lte=until).order_by()
    left: Decimal = lots.aggregate(left=Coalesce(Sum(_LEFT), ZERO))["left"]
    return left


def get_figures(account: CreditAccount, now: datetime) -> CreditFigures:
    """Head figures of one account, summed by the database however many lots there are."""
    in_time = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    left = list_lots(account).filter(has_left=True).order_by()
    sums = left.aggregate(
        principal=Coalesce(Sum("principal_left", filter=in_time), ZERO),
        bonus=Coalesce(Sum("bonus_left", filter=in_time), ZERO),
        lapsed=Coalesce(Sum(_LEFT, filter=~in_time), ZERO),
        soonest=Min("expires_at", filter=in_time),
    )
    soonest = sums["soonest"]
    amount = left.filter(expires_at=soonest).aggregate(left=Coalesce(Sum(_LEFT), ZERO))["left"] if soonest else ZERO
    return CreditFigures(sums["principal"] + sums["bonus"], sums["principal"], sums["bonus"], account.held, sums["lapsed"], soonest, amount)


def list_lapses(account: CreditAccount, now: datetime) -> list[Lapse]:
    """What lapses in which local month, soonest first; what never lapses comes last. Months without a lapse are left out."""
    # The last instant at which it can be spent decides the month: midnight of the 1st lapses with the month before.
    last_instant = ExpressionWrapper(F("expires_at") - timedelta(microseconds=1), output_field=DateTimeField())
    rows = (
        list_spendable_lots(account, now)
        .order_by()
        .values(month=TruncMonth(last_instant, tzinfo=clock.local_zone(), output_field=DateField()))
        .annotate(principal=Sum("principal_left"), bonus=Sum("bonus_left"))
        .order_by(F("month").asc(nulls_last=True))
    )
    return [Lapse(row["month"], row["principal"], row["bonus"]) for row in rows]


def lapsing(span: str | None, now: datetime) -> Q:
    """Lots with something left that lapse in a span of local days.

    ``week`` (today and 7 more), ``days_30`` (today and 30 more), ``this_month``, ``next_month``, ``never``.
    ``expires_at`` is the first instant at which a lot is gone, so midnight belongs to the day before. An unknown span holds nothing.
    """
    if span == "never":
        return Q(has_left=True, expires_at__isnull=True)
    today = clock.local_day(now)
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    ends = {
        "week": (now, clock.day_end(today + timedelta(days=7))),
        "days_30": (now, clock.day_end(today + timedelta(days=30))),
        "this_month": (now, clock.day_start(next_month)),
        "next_month": (clock.day_start(next_month), clock.day_start((next_month + timedelta(days=32)).replace(day=1))),
    }
    if span not in ends:
        return Q(pk__in=[])
    after, until = ends[span]
    return Q(has_left=True, expires_at__gt=after, expires_at__lte=until)


def preview_spend(account: CreditAccount, amount: Decimal, now: datetime, deduction_order: str | None = None) -> SpendPreview:
    """What spending ``amount`` at ``now`` would take from which lots, without writing anything. ``deduction_order`` ``None``: the store's policy.

    The same arithmetic as the database function ``members_credit_take``; a test compares the two.
    """
    deduction_order = deduction_order or policy_of(account.store_id).deduction_order
    missing = amount
    shares: list[SpendShare] = []
    for lot in list_spendable_lots(account, now).iterator(chunk_size=100):
        take = min(missing, lot.principal_left + lot.bonus_left)
        principal = split_principal(take, lot.principal_left, lot.bonus_left, deduction_order)
        shares.append(SpendShare(lot, principal, take - principal))
        missing -= take
        if missing == 0:
            break
    return SpendPreview(amount, missing, () if missing else tuple(shares))


def split_principal(take: Decimal, principal_left: Decimal, bonus_left: Decimal, deduction_order: str) -> Decimal:
    """The principal's part of ``take`` yuan from one lot; the bonus gives the rest. PERCENT rounds down to the fen."""
    if deduction_order == DeductionOrder.REAL_BEFORE_GIFT:
        return min(take, principal_left)
    if deduction_order == DeductionOrder.GIFT_BEFORE_REAL:
        return take - min(take, bonus_left)
    fen = (int(take / FEN) * int(principal_left / FEN)) // int((principal_left + bonus_left) / FEN)
    return Decimal(fen) * FEN
