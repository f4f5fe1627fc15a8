"""Figures of paid membership: who holds, came, stayed and left by month, income, benefits, repurchase, break-even.

Every figure counts rows that a list can show: ``terms_of`` names the rows behind a month's figure, and the figure counts exactly these. Months are
local ones; ``stores`` are primary keys of the stores in question, or a queryset of them. A fixed number of queries each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, Sum
from django.db.models.functions import TruncMonth

from backoffice.kernel.clock import day_start, local_day, local_zone
from backoffice.kernel.money import ZERO
from members.choices import MemberStatus
from members.models import PurchaseSummary
from members.paid.choices import IssueStatus, ProgramStatus
from members.paid.models import Benefit, BenefitIssue, PaidMembership, PaidProgram, PaidRefund
from members.paid.selectors.validity import holding_on
from members.paid.terms import issue_days, term_end

Stores = Iterable[int] | models.QuerySet[Any]
NEW, RENEWED, CHURNED, HELD, PAID = "new", "renewed", "churned", "held", "paid"
_CODE = re.compile(r"(new|renewed|churned|held|paid)-(20\d\d|21\d\d)-(0[1-9]|1[0-2])")
BENEFITS_SHOWN = 50


# --- the rows behind a month's figure


def next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)


def months_until(day: date, number: int) -> list[date]:
    """First days of the last ``number`` months, oldest first, that of ``day`` last."""
    last = day.year * 12 + day.month - 1
    return [date(month // 12, month % 12 + 1, 1) for month in range(last - number + 1, last + 1)]


def _that_held(rows: models.QuerySet[PaidMembership]) -> models.QuerySet[PaidMembership]:
    """Terms that held for a day at least: what was called off on its first day came to nothing."""
    return rows.filter(starts_on__isnull=False, ends_on__gt=F("starts_on"))


def _came(rows: models.QuerySet[PaidMembership]) -> models.QuerySet[Any]:
    """``follows``: the term begins where another of the same member in the store ends, as a renewal or an upgrade does."""
    before = _that_held(PaidMembership.objects.filter(member=OuterRef("member"), store=OuterRef("store"), ends_on=OuterRef("starts_on")))
    return _that_held(rows).annotate(follows=Exists(before))


def _left(rows: models.QuerySet[PaidMembership]) -> models.QuerySet[PaidMembership]:
    """Terms after which the member holds none."""
    after = _that_held(PaidMembership.objects.filter(member=OuterRef("member"), store=OuterRef("store"), starts_on=OuterRef("ends_on")))
    return _that_held(rows).filter(~Exists(after))


def terms_of(rows: models.QuerySet[PaidMembership], code: str, today: date) -> models.QuerySet[PaidMembership] | None:
    """The purchases behind one figure of one month, ``new-2026-11``; None for any other code.

    ``new``: began in the month and followed on nothing. ``renewed``: followed on a term (an upgrade too). ``churned``: ended, and nothing followed.
    ``held``: hold on the month's last day, or today. ``paid``: their fee came in. Nothing after ``today`` counts.
    """
    found = _CODE.fullmatch(code)
    if found is None:
        return None
    kind, first = found[1], date(int(found[2]), int(found[3]), 1)
    end = min(next_month(first), today + timedelta(days=1))
    if kind == HELD:
        return rows.filter(holding_on(end - timedelta(days=1)))
    if kind == PAID:
        return rows.filter(opened_at__gte=day_start(first), opened_at__lt=day_start(end))
    if kind == CHURNED:
        return _left(rows).filter(ends_on__gte=first, ends_on__lt=end)
    return _came(rows).filter(starts_on__gte=first, starts_on__lt=end, follows=kind == RENEWED)


# --- by month


@dataclass(frozen=True)
class MonthFigures:
    """``holders`` on the month's last day, or today. ``income``: fees that came in; ``refunds``: what of fees was decided to go back."""

    month: date
    holders: int = 0
    new: int = 0
    renewed: int = 0
    churned: int = 0
    income: Decimal = ZERO
    refunds: Decimal = ZERO


def list_months(stores: Stores, months: Sequence[date], today: date) -> list[MonthFigures]:
    """One line for each of the adjoining ``months``, the last of which is that of ``today``."""
    first, end = months[0], today + timedelta(days=1)
    rows = PaidMembership.objects.filter(store__in=stores)
    holders = rows.filter(holding_on(first - timedelta(days=1))).count()
    came = _by_month(_came(rows).filter(starts_on__gte=first, starts_on__lt=end), "starts_on", new=Count("pk", filter=Q(follows=False)), all=Count("pk"))
    left = _by_month(_left(rows).filter(ends_on__gte=first, ends_on__lt=end), "ends_on", all=Count("pk"))
    paid = _by_month(rows.filter(opened_at__gte=day_start(first), opened_at__lt=day_start(end)), "opened_at", sum=Sum("price"))
    refunds = PaidRefund.objects.filter(store__in=stores, decided_at__gte=day_start(first), decided_at__lt=day_start(end))
    back = _by_month(refunds, "decided_at", sum=Sum("amount"))
    told = []
    for month in months:
        new, churned = came.get(month, {}).get("new", 0), left.get(month, {}).get("all", 0)
        holders += new - churned
        renewed = came.get(month, {}).get("all", 0) - new
        income, refunded = paid.get(month, {}).get("sum", ZERO), back.get(month, {}).get("sum", ZERO)
        told.append(MonthFigures(month, holders, new, renewed, churned, income, refunded))
    return told


def _by_month(rows: models.QuerySet[Any], field: str, **sums: Any) -> dict[date, dict[str, Any]]:
    zone = local_zone() if isinstance(rows.model._meta.get_field(field), models.DateTimeField) else None
    found = rows.order_by().values(of_month=TruncMonth(field, tzinfo=zone)).annotate(**sums)
    return {row["of_month"].date() if isinstance(row["of_month"], datetime) else row["of_month"]: row for row in found}


# --- benefits


@dataclass(frozen=True)
class BenefitFigures:
    """One benefit of a program over all its versions. ``cost``: of what was used; ``open_cost``: of what may still be used."""

    program_id: int
    program: str
    key: str
    title: str
    issued: int
    used: int
    expired: int
    failed: int
    cost: Decimal
    open_cost: Decimal

    @property
    def use_rate(self) -> Decimal | None:
        return Decimal(self.used) / self.issued if self.issued else None


def list_benefits(stores: Stores) -> list[BenefitFigures]:
    """The most issued first, up to ``BENEFITS_SHOWN``. Taken back ones are no issues; failed ones are told apart."""
    issues = BenefitIssue.objects.filter(store__in=stores).order_by()
    out = ~Q(status__in=[IssueStatus.FAILED, IssueStatus.REVOKED])
    found = list(
        issues.values("benefit__pack__program", "benefit__pack__program__name", "benefit__key")
        .annotate(
            issued=Count("pk", filter=out),
            used=Count("pk", filter=Q(status=IssueStatus.USED)),
            expired=Count("pk", filter=Q(status=IssueStatus.EXPIRED, issued_at__isnull=False)),
            failed=Count("pk", filter=Q(status=IssueStatus.FAILED)),
            cost=Sum("benefit__cost_amount", filter=Q(status=IssueStatus.USED), default=ZERO),
            open_cost=Sum("benefit__cost_amount", filter=Q(status=IssueStatus.ISSUED), default=ZERO),
        )
        .order_by("-issued", "benefit__pack__program", "benefit__key")[:BENEFITS_SHOWN]
    )
    programs = {row["benefit__pack__program"] for row in found}
    # The newest version's title: earlier ones may have had another.
    versions = Benefit.objects.filter(pack__program__in=programs).order_by("pack__version")
    titles = {(program, key): title for program, key, title in versions.values_list("pack__program", "key", "title")}
    return [
        BenefitFigures(
            row["benefit__pack__program"],
            row["benefit__pack__program__name"],
            row["benefit__key"],
            titles.get((row["benefit__pack__program"], row["benefit__key"]), row["benefit__key"]),
            **{name: row[name] for name in ("issued", "used", "expired", "failed", "cost", "open_cost")},
        )
        for row in found
    ]


# --- repurchase


@dataclass(frozen=True)
class Repurchase:
    """Of members who bought at all, those with two orders or more. The fee of the card is no order of goods."""

    buyers: int
    again: int

    @property
    def rate(self) -> Decimal | None:
        return Decimal(self.again) / self.buyers if self.buyers else None


def get_repurchase(stores: Stores, today: date) -> tuple[Repurchase, Repurchase]:
    """Of members who hold a paid term today, and of all other active members."""
    holders = PaidMembership.objects.filter(holding_on(today), member=OuterRef("member"))
    buyers = PurchaseSummary.objects.filter(store__in=stores, order_count__gt=0, member__status=MemberStatus.ACTIVE).annotate(holds=Exists(holders))
    again = Q(order_count__gte=2)
    told = buyers.aggregate(
        paid=Count("pk", filter=Q(holds=True)),
        paid_again=Count("pk", filter=Q(holds=True) & again),
        other=Count("pk", filter=Q(holds=False)),
        other_again=Count("pk", filter=Q(holds=False) & again),
    )
    return Repurchase(told["paid"], told["paid_again"]), Repurchase(told["other"], told["other_again"])


# --- break-even


@dataclass(frozen=True)
class BreakEven:
    """Whether a card fee carries its pack. ``full_cost``: of one term, everything used; ``expected_cost``: at the rates of use until now."""

    program: PaidProgram
    fee: Decimal
    full_cost: Decimal
    expected_cost: Decimal | None

    @property
    def rate(self) -> Decimal | None:
        """Share of the pack that may be used before a card costs more than it brings; None when it costs nothing."""
        return self.fee / self.full_cost if self.full_cost else None

    @property
    def left_of_a_card(self) -> Decimal | None:
        """Fee less what one term costs at the rates of use until now; None as long as nothing was issued."""
        return None if self.expected_cost is None else self.fee - self.expected_cost


def list_break_even(stores: Stores, benefits: Sequence[BenefitFigures], today: date) -> list[BreakEven]:
    """Of each program that is sold, for a term that begins ``today``. ``benefits``: of ``list_benefits``; one without issues counts as fully used."""
    live = PaidProgram.objects.filter(store__in=stores, status=ProgramStatus.LIVE)
    programs = live.select_related("pack", "store").prefetch_related("pack__benefits").order_by("pk")
    rates = {(row.program_id, row.key): row.use_rate for row in benefits if row.use_rate is not None}
    told = []
    for program in programs:
        pack = program.pack
        assert pack is not None  # noqa: S101 - a constraint of the model
        ends_on = term_end(today, 0, today, pack.term_unit, pack.term_days)
        costs = {benefit.key: _cost_of_term(benefit, today, ends_on) for benefit in pack.benefits.all() if benefit.disabled_at is None}
        known = any((program.pk, key) in rates for key in costs)
        expected = sum((cost * rates.get((program.pk, key), Decimal(1)) for key, cost in costs.items()), ZERO)
        told.append(BreakEven(program, pack.card_fee, sum(costs.values(), ZERO), expected if known else None))
    return told


def _cost_of_term(benefit: Benefit, starts_on: date, ends_on: date) -> Decimal:
    days = issue_days(
        benefit.schedule,
        anchor=starts_on,
        months_before=0,
        starts_on=starts_on,
        ends_on=ends_on,
        every_days=benefit.every_days,
        on_date=benefit.on_date,
    )
    cost: Decimal = benefit.cost_amount * sum(1 for _day in days)
    return cost


# --- now


@dataclass(frozen=True)
class Now:
    """How many hold a paid term today, and what is still to be paid back."""

    holders: int
    ending_soon: int
    refunds_due: int
    refunds_amount: Decimal


def get_now(stores: Stores, now: datetime, ending_soon_days: int) -> Now:
    """``ending_soon``: terms that end within so many days and are followed by nothing."""
    today = local_day(now)
    rows = PaidMembership.objects.filter(store__in=stores)
    due = PaidRefund.objects.filter(store__in=stores, status="DUE").aggregate(number=Count("pk"), amount=Sum("amount", default=ZERO))
    return Now(rows.filter(holding_on(today)).count(), ending_soon(rows, today, ending_soon_days).count(), due["number"], due["amount"])


def ending_soon(rows: models.QuerySet[PaidMembership], today: date, days: int) -> models.QuerySet[PaidMembership]:
    """Terms that hold today, end within ``days`` and are followed by nothing: whoever may still be asked to renew."""
    return _left(rows).filter(holding_on(today), ends_on__lte=today + timedelta(days=days))
