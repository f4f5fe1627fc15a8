"""The figures of the dashboards: a fixed number of queries, whatever the number of stores, kept for a short while.

Every queryset here is cut by ``reach`` to the rows of the asking user; what is kept is kept under exactly those stores, so a right
taken away works on the next request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.db.models import Count, DateTimeField, ExpressionWrapper, F, Q, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest

from backoffice.kernel.admin.keeping import keep
from backoffice.kernel.admin.scoping import permission_of, reach
from backoffice.kernel.clock import database_now, day_start, local_day, local_zone
from backoffice.kernel.money import ZERO
from backoffice.kernel.tenancy.access import stores_of
from backoffice.kernel.tenancy.roles import Console
from campaigns.models import ReminderRun
from members.models import CreditLot, Member
from members.selectors.credit import lapsing

T = TypeVar("T")
NEW_DAYS, LAPSE_DAYS, REMINDER_DAYS = 30, 30, 14


def rows(request: HttpRequest, console: str, model: Any) -> Any:
    """The rows of ``model`` that the user may view in ``console``."""
    return reach(request.user, console, model._default_manager.all(), permission_of(model, "view"))


def kept(request: HttpRequest, console: str, name: str, permission: str, compute: Callable[[], T]) -> T:
    """``compute()``, or what it gave for the same stores a short while ago."""
    stores = ["all"] if console == Console.PLATFORM else stores_of(request.user, permission).order_by("pk").values_list("pk", flat=True)
    return keep(f"{console}:{name}", stores, compute)


@dataclass(frozen=True)
class MemberFigures:
    """``new_by_day`` holds one count per local day, oldest first, today last."""

    as_of: datetime
    active: int
    new_by_day: list[int]
    days: list[date]

    @property
    def new(self) -> int:
        return sum(self.new_by_day)


def last_days(now: datetime, number: int) -> list[date]:
    """The last ``number`` local days, oldest first, today last."""
    today = local_day(now)
    return [today - timedelta(days=back) for back in range(number - 1, -1, -1)]


def get_member_figures(request: HttpRequest, console: str) -> MemberFigures:
    def compute() -> MemberFigures:
        now = database_now()
        days = last_days(now, NEW_DAYS)
        members = rows(request, console, Member)
        recent = members.filter(joined_at__gte=day_start(days[0])).annotate(day=TruncDate("joined_at", tzinfo=local_zone()))
        by_day = dict(recent.order_by().values_list("day").annotate(number=Count("pk")))
        return MemberFigures(now, members.active().count(), [by_day.get(day, 0) for day in days], days)

    return kept(request, console, "members", "members.view_member", compute)


@dataclass(frozen=True)
class CreditFigures:
    """Yuan that can be spent now, what of it lapses on each of the coming local days (first entry: today), and what and whose next month."""

    as_of: datetime
    balance: Decimal
    lapsing_by_day: list[Decimal]
    days: list[date]
    next_month: Decimal
    next_month_accounts: int

    @property
    def lapsing(self) -> Decimal:
        return sum(self.lapsing_by_day, ZERO)


def get_credit_figures(request: HttpRequest, console: str) -> CreditFigures:
    def compute() -> CreditFigures:
        now = database_now()
        today = local_day(now)
        days = [today + timedelta(days=ahead) for ahead in range(LAPSE_DAYS + 1)]
        left = F("principal_left") + F("bonus_left")
        lots = rows(request, console, CreditLot)
        live = lots.filter(has_left=True).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
        balance = live.aggregate(total=Sum(left))["total"] or ZERO
        # Exactly the rows of the list that the figure leads to. A lot that lapses at midnight is counted to the day that ends there.
        last_instant = ExpressionWrapper(F("expires_at") - timedelta(microseconds=1), output_field=DateTimeField())
        soon = lots.filter(lapsing(f"days_{LAPSE_DAYS}", now)).annotate(day=TruncDate(last_instant, tzinfo=local_zone()))
        by_day = dict(soon.order_by().values_list("day").annotate(total=Sum(left)))
        coming = lots.filter(lapsing("next_month", now)).order_by().aggregate(total=Sum(left), accounts=Count("account_id", distinct=True))
        return CreditFigures(now, balance, [by_day.get(day, ZERO) for day in days], days, coming["total"] or ZERO, coming["accounts"])

    return kept(request, console, "credit", "members.view_creditlot", compute)


REMINDER_COUNTS = ("balance_count", "expiry_count", "store_cap_count", "platform_cap_count")


@dataclass(frozen=True)
class ReminderFigures:
    """What the runs of the last days decided: one list per count of ``REMINDER_COUNTS``, oldest day first."""

    as_of: datetime
    days: list[date]
    by_count: dict[str, list[int]]

    @property
    def decided(self) -> int:
        return sum(self.by_count["balance_count"]) + sum(self.by_count["expiry_count"])

    @property
    def held_back(self) -> int:
        return sum(self.by_count["store_cap_count"]) + sum(self.by_count["platform_cap_count"])


def get_reminder_figures(request: HttpRequest, console: str) -> ReminderFigures:
    def compute() -> ReminderFigures:
        now = database_now()
        days = last_days(now, REMINDER_DAYS)
        runs = rows(request, console, ReminderRun).filter(local_day__gte=days[0], local_day__lte=days[-1])
        found = {row["local_day"]: row for row in runs.order_by().values("local_day").annotate(**{f"sum_{name}": Sum(name) for name in REMINDER_COUNTS})}
        by_count = {name: [found[day][f"sum_{name}"] if day in found else 0 for day in days] for name in REMINDER_COUNTS}
        return ReminderFigures(now, days, by_count)

    return kept(request, console, "reminders", "campaigns.view_reminderrun", compute)
