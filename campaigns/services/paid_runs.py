"""Cards about paid membership: the day's runs, decided scenario by scenario in the order of rank, through the same slots as every other card."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F

from backoffice.kernel import clock
from backoffice.kernel.crash import crash_point
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.sql import fetch_all, load_sql
from campaigns.choices import OPEN_RUN, PAID_CARDS, REDEEMED_BENEFITS, RENEWAL_SPARE_DAYS, SLOT_HOLDING, RunStatus, ScenarioCode
from campaigns.models import PaidReminderRun
from campaigns.models.paid import DEFAULT_SEND_TIME
from campaigns.selectors.due import EPOCH
from campaigns.selectors.frequency import get_ranks
from campaigns.services.decide import Decided, decide_cards
from members.paid.choices import NUMBERS
from members.paid.models import PaidMembership
from members.paid.selectors.numbers import get_numbers

CHUNK_STORES = 100
CHUNK_CARDS = 5_000
FINDERS = {
    ScenarioCode.PAID_RENEWAL.value: "find_paid_renewals",
    ScenarioCode.PAID_ENDING.value: "find_paid_endings",
    ScenarioCode.BENEFIT_ENDING.value: "find_benefit_endings",
}


@in_transaction
def open_paid_runs(*, now: datetime, store_ids: Sequence[int] | None = None) -> int:
    """Open the runs whose send time of this local day has passed; the number that are new. Every store that sold paid membership has one."""
    params = {
        "local_day": clock.local_day(now),
        "now": now,
        "zone": settings.TIME_ZONE,
        "default_time": DEFAULT_SEND_TIME,
        "stores": None if store_ids is None else list(store_ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(load_sql("campaigns", "open_paid_runs"), params)
        return int(cursor.rowcount)


@in_transaction
def close_past_paid_runs(*, now: datetime) -> int:
    """A run that its day did not see finished is not made up later: the next day's run decides afresh."""
    past = PaidReminderRun.objects.filter(status__in=OPEN_RUN, local_day__lt=clock.local_day(now))
    locked = list(past.order_by("pk").select_for_update(skip_locked=True).values_list("pk", flat=True))
    return PaidReminderRun.objects.filter(pk__in=locked).update(status=RunStatus.INCOMPLETE, finished_at=now)


@in_transaction
def decide_paid_chunk(*, now: datetime, store_ids: Sequence[int] | None = None) -> Decided | None:
    """Decide the next cards of the runs that are due; ``None`` when no open run is left that nobody else is deciding.

    Runs are claimed with SKIP LOCKED. What is decided is a message of that day, which the next chunk, or whoever comes after a crash, passes over.
    """
    day = clock.local_day(now)
    due = PaidReminderRun.objects.filter(status__in=OPEN_RUN, local_day=day, scheduled_at__lte=now)
    if store_ids is not None:
        due = due.filter(store_id__in=list(store_ids))
    runs = list(due.order_by("store_id").select_for_update(skip_locked=True)[:CHUNK_STORES])
    if not runs:
        return None
    by_store, is_full = _decide(sorted(run.store_id for run in runs), day=day, now=now)
    decided = Decided(stores={run.store_id for run in runs})
    for run in runs:
        part = by_store.get(run.store_id, Decided())
        PaidReminderRun.objects.filter(pk=run.pk).update(
            status=RunStatus.DECIDING if is_full else RunStatus.DONE,
            finished_at=None if is_full else now,
            due_count=F("due_count") + part.due,
            held_back_count=F("held_back_count") + part.suppressed.total(),
        )
        decided.add(part)
    crash_point("paid_reminders.before_commit")
    return decided


def _decide(store_ids: list[int], *, day: date, now: datetime) -> tuple[dict[int, Decided], bool]:
    """Cards by store, and whether the chunk is full, so that more may be due. A card of higher rank takes its slot before the next is looked for."""
    numbers = get_numbers()
    finding: dict[str, Any] = {
        "stores": store_ids,
        "local_day": day,
        "now": now,
        "slot_holding": list(SLOT_HOLDING),
        "epoch": EPOCH,
        "notice_days": numbers.renewal_notice_days,
        "spare_days": RENEWAL_SPARE_DAYS,
        "ending_days": numbers.ending_soon_days,
        "benefit_days": numbers.benefit_ending_days,
        "kinds": list(REDEEMED_BENEFITS),
    }
    by_store: dict[int, Decided] = {}
    room = CHUNK_CARDS
    for scenario in sorted(PAID_CARDS, key=get_ranks().order.index):
        found = decide_cards(load_sql("campaigns", FINDERS[scenario]), {**finding, "room": room}, scenario=scenario)
        for store_id, part in found.items():
            by_store.setdefault(store_id, Decided()).add(part)
            room -= part.due
        if room <= 0:
            return by_store, True
    return by_store, False


@in_transaction
def note_renewals_told(*, now: datetime) -> int:
    """Write into paid terms when the notice of their renewal was handed over; the number that are new. Asked again it changes nothing.

    A notice of unknown outcome does not count until a receipt proves that it arrived: who may not have been told is not renewed.
    """
    longest = NUMBERS["renewal_notice_days"].most + RENEWAL_SPARE_DAYS
    told = fetch_all(load_sql("campaigns", "renewals_told"), {"local_day": clock.local_day(now), "longest_days": longest, "epoch": EPOCH})
    return sum(
        PaidMembership.objects.filter(pk=row["id"], renewal_notice_at=None, auto_renew_consent_at__isnull=False).update(renewal_notice_at=row["sent_at"])
        for row in told
    )
