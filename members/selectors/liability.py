"""What stores owe their members, and how it moved. Every figure is a sum of the ledger, to the fen. Yuan; days are local days, both ends included."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Case, Count, DateField, DateTimeField, ExpressionWrapper, F, Q, Sum, Value, When
from django.db.models.functions import Coalesce, TruncMonth

from backoffice.kernel import clock
from backoffice.kernel.money import ZERO
from backoffice.kernel.sql import load_sql
from members.choices import EntryKind
from members.models import CreditAccount, CreditEntry, CreditLot

CHUNK = 2000
OPENING, CLOSING = "OPENING", "CLOSING"


@dataclass(frozen=True)
class MonthLiability:
    """What is left in lots that lapse in one local month (its first day), or never (``month`` None).

    ``lapsed``: their time has passed, and the sweep that empties them has not come yet. ``accounts`` counts those with such lots.
    """

    month: date | None
    lapsed: bool
    principal: Decimal
    bonus: Decimal
    lots: int
    accounts: int

    @property
    def amount(self) -> Decimal:
        return self.principal + self.bonus


@dataclass(frozen=True)
class MonthMovement:
    """How credit moved in one local month, in positive yuan; ``adjusted`` and ``held`` (what is held more at its end than at its start) are signed.

    ``spent`` holds what captures made final. ``lapsed_principal`` and ``lapsed_bonus`` became void, by lapse or with a refunded top-up; ``paid_back``
    went to payers. ``change`` of what is left in the lots = topped up - spent + refunded - lapsed - paid back + adjusted - held.
    """

    month: date
    topped_up: Decimal
    spent: Decimal
    refunded: Decimal
    lapsed_principal: Decimal
    lapsed_bonus: Decimal
    paid_back: Decimal
    adjusted: Decimal
    held: Decimal
    change: Decimal

    @property
    def lapsed(self) -> Decimal:
        return self.lapsed_principal + self.lapsed_bonus

    @property
    def breakage_rate(self) -> Decimal | None:
        """Of the credit that came to its end in the month (spent less refunded, lapsed, paid back) the share that became void, 0 to 1 with four
        decimals; ``None`` when nothing came to its end."""
        ended = self.spent - self.refunded + self.lapsed + self.paid_back
        return min(Decimal(1), self.lapsed / ended).quantize(Decimal("0.0001")) if ended > 0 else None


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the accountants' list: ``kind`` OPENING or CLOSING (what was left at the start or end of the span) or that of an entry.

    ``principal`` and ``bonus`` are the entry's signed movement of its lot, zero on opening and closing lines; ``balance_principal``,
    ``balance_bonus`` and ``held`` are the store's figures after the line.
    """

    store_id: int
    kind: str
    happened_at: datetime
    entry_id: int | None
    member_no: str
    source_no: str
    order_no: str
    line_no: int | None
    principal: Decimal
    bonus: Decimal
    captured_principal: Decimal | None
    captured_bonus: Decimal | None
    actor_id: int | None
    reason: str
    balance_principal: Decimal
    balance_bonus: Decimal
    held: Decimal


def liability_by_month(store_ids: Collection[int], now: datetime) -> list[MonthLiability]:
    """What is left in the stores' lots by the local month in which it lapses: what has lapsed and is not swept yet first, what never lapses last.

    The rows sum to the stores' ledger: lots = entries = balances. What is held comes beside it (``held_credit``).
    """
    # The last instant at which it can be spent decides the month: midnight of the 1st lapses with the month before.
    last_instant = ExpressionWrapper(F("expires_at") - timedelta(microseconds=1), output_field=DateTimeField())
    rows = (
        CreditLot.objects.filter(has_left=True, store_id__in=store_ids)
        .values(
            month=TruncMonth(last_instant, tzinfo=clock.local_zone(), output_field=DateField()),
            lapsed=Case(When(expires_at__lte=now, then=Value(True)), default=Value(False), output_field=BooleanField()),
        )
        .annotate(principal=Sum("principal_left"), bonus=Sum("bonus_left"), lots=Count("pk"), accounts=Count("account_id", distinct=True))
        .order_by("-lapsed", F("month").asc(nulls_last=True))
    )
    return [MonthLiability(**row) for row in rows]


def held_credit(store_ids: Collection[int]) -> Decimal:
    """What is set aside for orders in the stores: owed too, but in no lot."""
    held: Decimal = CreditAccount.objects.filter(store_id__in=store_ids, held__gt=0).aggregate(held=Coalesce(Sum("held"), ZERO))["held"]
    return held


def lapse_and_breakage(store_ids: Collection[int], from_day: date, to_day: date) -> list[MonthMovement]:
    """How the stores' credit moved between two local days, one row per local month in which something did, by business time."""
    amount = F("principal_amount") + F("bonus_amount")

    def total(*kinds: str, of: Any = amount) -> Any:
        return Coalesce(Sum(of, filter=Q(kind__in=kinds)), ZERO)

    captured = total(EntryKind.CAPTURE, of=F("captured_principal") + F("captured_bonus"))
    rows = (
        CreditEntry.objects.filter(store_id__in=store_ids, happened_at__gte=clock.day_start(from_day), happened_at__lt=clock.day_end(to_day))
        .values(month=TruncMonth("happened_at", tzinfo=clock.local_zone(), output_field=DateField()))
        .annotate(
            topped_up=total(EntryKind.TOP_UP),
            spent=captured - total(EntryKind.SPEND),
            refunded=total(EntryKind.REFUND),
            lapsed_principal=ZERO - total(EntryKind.LAPSE, of=F("principal_amount")),
            lapsed_bonus=ZERO - total(EntryKind.LAPSE, of=F("bonus_amount")),
            paid_back=ZERO - total(EntryKind.PAYOUT),
            adjusted=total(EntryKind.ADJUST),
            held=ZERO - total(EntryKind.HOLD, EntryKind.RELEASE) - captured,
            change=Sum(amount),
        )
        .order_by("month")
    )
    return [MonthMovement(**row) for row in rows]


def movements(store_ids: Collection[int], from_day: date, to_day: date) -> Iterator[Movement]:
    """Per store, in order of ids: its opening balance, every entry between two local days in order of business time, its closing balance.

    One statement and so one moment, read through a cursor of the server: the memory it takes does not grow with the rows.
    """
    after, until = clock.day_start(from_day), clock.day_end(to_day)
    for _store_id, lines in groupby(_lines({"stores": sorted(set(store_ids)), "after": after, "until": until}), key=lambda line: line["store_id"]):
        last: Movement | None = None
        for line in lines:
            last = _next(last, line) if last is not None else _balance(OPENING, after, line["store_id"], line["principal"], line["bonus"], line["held"])
            yield last
        if last is not None:
            yield _balance(CLOSING, until, last.store_id, last.balance_principal, last.balance_bonus, last.held)


def _lines(params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    client_side = connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"]
    with connection.cursor() if client_side else connection.chunked_cursor() as cursor:
        cursor.execute(load_sql("members", "credit_movements"), params)
        names: list[str] = []
        while rows := cursor.fetchmany(CHUNK):
            names = names or [column[0] for column in cursor.description]
            for row in rows:
                yield dict(zip(names, row, strict=True))


def _balance(kind: str, moment: datetime, store_id: int, principal: Decimal, bonus: Decimal, held: Decimal) -> Movement:
    return Movement(store_id, kind, moment, None, "", "", "", None, ZERO, ZERO, None, None, None, "", principal, bonus, held)


def _next(before: Movement, line: dict[str, Any]) -> Movement:
    return Movement(
        store_id=line["store_id"],
        kind=line["kind"],
        happened_at=line["happened_at"],
        entry_id=line["id"],
        member_no=line["member_no"],
        source_no=line["source_no"],
        order_no=line["order_no"],
        line_no=line["line_no"],
        principal=line["principal"],
        bonus=line["bonus"],
        captured_principal=line["captured_principal"],
        captured_bonus=line["captured_bonus"],
        actor_id=line["actor_id"],
        reason=line["reason"],
        balance_principal=before.balance_principal + line["principal"],
        balance_bonus=before.balance_bonus + line["bonus"],
        held=before.held + line["held"],
    )
