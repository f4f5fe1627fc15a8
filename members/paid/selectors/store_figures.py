"""Figures of paid membership store by store, for the platform: who sells, who keeps promises, who is complained about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum

from backoffice.kernel.clock import day_start, local_day
from backoffice.kernel.money import ZERO
from backoffice.kernel.tenancy.models import Store
from members.paid.choices import OPEN_COMPLAINTS, PAID_STATES, FulfilmentStatus, ProgramStatus
from members.paid.models import Complaint, Fulfilment, PaidMembership, PaidProgram

STORES_SHOWN = 100


@dataclass(frozen=True)
class StoreFigures:
    """One store with a program. ``income``: fees that came in this month; ``late``: promises past their last day; ``complaints``: open ones."""

    store: Store
    live: int
    holders: int
    income: Decimal
    late: int
    complaints: int


def list_stores(now: datetime) -> list[StoreFigures]:
    """Stores with a program, most holders first, up to ``STORES_SHOWN``. Six queries, however many there are."""
    today = local_day(now)
    programs = _counts(PaidProgram.objects, live=Count("pk", filter=Q(status=ProgramStatus.LIVE)))
    holders = _counts(PaidMembership.objects.filter(status__in=PAID_STATES, starts_on__lte=today, ends_on__gt=today), number=Count("pk"))
    income = _counts(PaidMembership.objects.filter(opened_at__gte=day_start(today.replace(day=1)), opened_at__lte=now), sum=Sum("price"))
    late = _counts(Fulfilment.objects.filter(status=FulfilmentStatus.DUE, deliver_by__lt=today), number=Count("pk"))
    complaints = _counts(Complaint.objects.filter(status__in=OPEN_COMPLAINTS), number=Count("pk"))
    shown = sorted(programs, key=lambda store: (-holders.get(store, {}).get("number", 0), store))[:STORES_SHOWN]
    stores = Store.objects.select_related("merchant").in_bulk(shown)
    return [
        StoreFigures(
            store=stores[pk],
            live=programs[pk]["live"],
            holders=holders.get(pk, {}).get("number", 0),
            income=income.get(pk, {}).get("sum") or ZERO,
            late=late.get(pk, {}).get("number", 0),
            complaints=complaints.get(pk, {}).get("number", 0),
        )
        for pk in shown
    ]


def _counts(rows: Any, **sums: Any) -> dict[int, dict[str, Any]]:
    return {row["store"]: row for row in rows.order_by().values("store").annotate(**sums)}
