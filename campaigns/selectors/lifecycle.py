"""Figures of lifecycle messages: what was due, sent and held back by day, and what the messages bring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta

from backoffice.kernel.sql import fetch_all, load_sql
from campaigns.choices import LIFECYCLE, LIFT_DAYS, MessageStatus, SuppressionReason

LIFT_WINDOW = timedelta(days=90)
"""Lift is counted over the messages of so many days, the last one being that whose 14 days were over yesterday."""


@dataclass
class DayFigures:
    """One scenario on one local day. ``held_back`` counts by reason what did not go, the hold-out group apart; ``waiting`` is still to be handed over."""

    scenario: str
    day: date
    sent: int = 0
    waiting: int = 0
    failed: int = 0
    held_out: int = 0
    held_back: Counter[str] = field(default_factory=Counter)

    @property
    def due(self) -> int:
        return self.sent + self.waiting + self.failed + self.held_out + self.held_back.total()


@dataclass(frozen=True)
class Group:
    """People, and how many of them ordered within 14 days."""

    people: int = 0
    buyers: int = 0

    @property
    def rate(self) -> float | None:
        return self.buyers / self.people if self.people else None


@dataclass(frozen=True)
class Lift:
    scenario: str
    messaged: Group
    held_out: Group

    @property
    def points(self) -> float | None:
        """The share that ordered of those who got a message less that of those held out; ``None`` while either group is empty."""
        if self.messaged.rate is None or self.held_out.rate is None:
            return None
        return self.messaged.rate - self.held_out.rate


def list_days(store_ids: Collection[int] | None, *, first: date, last: date, scenarios: Collection[str] = LIFECYCLE) -> list[DayFigures]:
    """Figures of the days from ``first`` to ``last`` on which something was due, newest day first. One query; ``None``: all stores."""
    params = {"stores": None if store_ids is None else sorted(store_ids), "first": first, "last": last, "scenarios": list(scenarios)}
    found: dict[tuple[date, str], DayFigures] = {}
    for row in fetch_all(load_sql("campaigns", "lifecycle_days"), params):
        figures = found.setdefault((row["local_day"], row["scenario"]), DayFigures(row["scenario"], row["local_day"]))
        _count(figures, row["status"], row["reason"], row["messages"])
    return sorted(found.values(), key=lambda figures: (-figures.day.toordinal(), LIFECYCLE.index(figures.scenario)))


def _count(figures: DayFigures, status: str, reason: str, messages: int) -> None:
    if reason == SuppressionReason.HELD_OUT:
        figures.held_out += messages
    elif status in (MessageStatus.SENT, MessageStatus.UNKNOWN):
        figures.sent += messages
    elif status == MessageStatus.PENDING:
        figures.waiting += messages
    elif status == MessageStatus.FAILED:
        figures.failed += messages
    else:
        figures.held_back[reason] += messages


def list_lifts(store_ids: Collection[int] | None, *, today: date) -> list[Lift]:
    """Lift of each scenario, over decisions whose 14 days are over. One query; ``None``: all stores."""
    last = today - timedelta(days=LIFT_DAYS + 1)
    params = {
        "stores": None if store_ids is None else sorted(store_ids),
        "first": last - LIFT_WINDOW + timedelta(days=1),
        "last": last,
        "lift": timedelta(days=LIFT_DAYS),
    }
    groups = {(row["scenario"], row["held_out"]): Group(row["people"], row["buyers"]) for row in fetch_all(load_sql("campaigns", "lifecycle_lift"), params)}
    return [Lift(scenario, groups.get((scenario, False), Group()), groups.get((scenario, True), Group())) for scenario in LIFECYCLE]
