"""For whom a periodic card is due at a moment: the question of the decision, and of the forecast that is shown before switching on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings

from backoffice.kernel import clock
from backoffice.kernel.sql import fetch_all, load_sql
from backoffice.kernel.tenancy.models import Store
from campaigns.choices import EXPIRY_NOTICE_DAYS, PERIODIC_CARDS, REMINDER_INTERVAL_DAYS, SLOT_HOLDING
from campaigns.models import ReminderRun, ReminderSetting
from members.models import Member

LAST_MEMBER = 2**63 - 1
SHOWN = 5
EPOCH = date(2000, 1, 1)


@dataclass(frozen=True)
class Span:
    """Members ``after < id <= upto`` of a store."""

    store_id: int
    after: int = 0
    upto: int = LAST_MEMBER


@dataclass(frozen=True)
class DueCard:
    """A card that would be decided, with its figures. ``member`` is loaded for the few that are shown."""

    member: Member
    scenario: str
    language: str
    params: dict[str, Any]


@dataclass(frozen=True)
class Forecast:
    """What the next run would decide, before caps, if nothing changed until then. ``examples`` are the first members in the run's order."""

    at: datetime
    by_scenario: Counter[str]
    examples: list[DueCard]

    @property
    def due(self) -> int:
        return self.by_scenario.total()


def occasion_of(day: date) -> int:
    """The occasion of a periodic card: its local day, 2026-11-23 as 20261123."""
    return day.year * 10_000 + day.month * 100 + day.day


def occasion_of_end(membership_id: int, ends_on: date, day: date) -> int:
    """Occasion of a card that is decided on ``day`` and says that something of a paid term ends on ``ends_on``; the finders in ``sql/`` count alike.

    The last three digits are the days left: what met a cap is tried again the next day under a key of its own. The rest names the end.
    """
    return membership_id * 100_000_000 + (ends_on - EPOCH).days * 1_000 + (ends_on - day).days


def due_parameters(spans: Sequence[Span], *, day: date, now: datetime) -> dict[str, Any]:
    """Parameters of ``sql/find_due_cards.sql``: ``day`` is the local day of the run, ``now`` the moment of the decision."""
    return {
        "stores": [span.store_id for span in spans],
        "after": [span.after for span in spans],
        "upto": [span.upto for span in spans],
        "now": now,
        "local_day": day,
        "occasion": occasion_of(day),
        "due_before": day - timedelta(days=REMINDER_INTERVAL_DAYS),
        "window_end": clock.day_end(day + timedelta(days=EXPIRY_NOTICE_DAYS)),
        "zone": settings.TIME_ZONE,
        "periodic": list(PERIODIC_CARDS),
        "slot_holding": list(SLOT_HOLDING),
    }


def next_run_at(send_time: time, now: datetime, *, scheduled_at: datetime | None, started: bool) -> datetime:
    """When a store's next run starts if its reminders are on with ``send_time`` from now on: later today, else tomorrow.

    ``scheduled_at`` is when today's run is due (None without one) and ``started`` whether it has begun.
    """
    today = clock.local_day(now)
    at = clock.at_local(today, send_time)
    if scheduled_at is not None and not started and scheduled_at > now:
        return scheduled_at
    if scheduled_at is None and at > now:
        return at
    return clock.at_local(today + timedelta(days=1), send_time)


def get_next_run_at(store: Store, send_time: time, now: datetime) -> datetime:
    """``next_run_at`` of one store, with today's run read from the database."""
    run = ReminderRun.objects.filter(store=store, local_day=clock.local_day(now)).first()
    return next_run_at(send_time, now, scheduled_at=run.scheduled_at if run else None, started=bool(run and run.started_at))


def get_forecast(store: Store, *, send_time: time, now: datetime) -> Forecast:
    """Two statements over the store's members with credit; nothing is written."""
    at = get_next_run_at(store, send_time, now)
    params = due_parameters([Span(store.pk)], day=clock.local_day(at), now=at)
    due = load_sql("campaigns", "find_due_cards")
    counts = fetch_all(f"SELECT scenario, count(*) AS cards FROM ({due}) AS due_card GROUP BY scenario", params)  # noqa: S608 - our own file
    rows = fetch_all(f"SELECT * FROM ({due}) AS due_card ORDER BY scenario DESC, member_id LIMIT {SHOWN}", params) if counts else []  # noqa: S608
    found = Member.objects.select_related("level").in_bulk([row["member_id"] for row in rows])
    examples = [DueCard(found[row["member_id"]], row["scenario"], row["language"], _figures(row["params"])) for row in rows]
    return Forecast(at, Counter({row["scenario"]: row["cards"] for row in counts}), examples)


def _figures(params: Any) -> dict[str, Any]:
    """A raw cursor gives jsonb as text."""
    figures: dict[str, Any] = json.loads(params)
    return figures


def get_send_time(store: Store) -> time:
    """The store's send time, or the default of a store that never set one."""
    found = ReminderSetting.objects.filter(store=store).values_list("send_time", flat=True).first()
    default: time = ReminderSetting._meta.get_field("send_time").default
    return found or default
