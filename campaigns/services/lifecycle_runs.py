"""Lifecycle messages: the day's runs, one a store and scenario, decided in chunks of members through the same slots as every other card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from backoffice.kernel import clock
from backoffice.kernel.crash import crash_point
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.sql import fetch_all, load_sql
from backoffice.kernel.tenancy.choices import StoreStatus
from campaigns.choices import LIFECYCLE, OPEN_RUN, SLOT_HOLDING, RunStatus, ScenarioCode, SuppressionReason
from campaigns.models import LifecycleRun, LifecycleSetting
from campaigns.selectors.due import EPOCH, LAST_MEMBER
from campaigns.selectors.frequency import get_quiet_hours, get_ranks, plan_time
from campaigns.services.decide import Decided, decide_cards
from members.models import LevelChange, Member

CHUNK_MEMBERS = 10_000
"""Members looked at in one transaction."""
COLUMNS = "store_id, person_id, member_id, language, last_sent_on, scenario, occasion, params"


@in_transaction
def open_lifecycle_runs(*, now: datetime, store_ids: Sequence[int] | None = None) -> int:
    """Open the runs whose time of this local day has passed while their scenario was on; the number that are new.

    A send time in quiet hours moves to their end. What was switched on after its time of today starts tomorrow. A closed store has no run.
    """
    day = clock.local_day(now)
    on = LifecycleSetting.objects.filter(enabled=True, store__status=StoreStatus.OPEN)
    if store_ids is not None:
        on = on.filter(store_id__in=list(store_ids))
    there = set(LifecycleRun.objects.filter(local_day=day).values_list("store_id", "scenario"))
    waiting = [setting for setting in on.order_by("store_id", "scenario") if (setting.store_id, setting.scenario) not in there]
    quiet = get_quiet_hours() if waiting else None
    runs = []
    for setting in waiting:
        assert quiet is not None  # noqa: S101 - there are settings
        at = plan_time(quiet, setting.store_id, setting.scenario, setting.send_time, now)
        if at <= now and (setting.enabled_at is None or setting.enabled_at <= at):
            runs.append(LifecycleRun(store_id=setting.store_id, scenario=setting.scenario, local_day=day, scheduled_at=at))
    LifecycleRun.objects.bulk_create(runs, ignore_conflicts=True)
    return len(runs)


@in_transaction
def close_past_lifecycle_runs(*, now: datetime) -> int:
    """A run that its day did not see finished is not made up later: the next day's run decides afresh."""
    past = LifecycleRun.objects.filter(status__in=OPEN_RUN, local_day__lt=clock.local_day(now))
    locked = list(past.order_by("pk").select_for_update(skip_locked=True).values_list("pk", flat=True))
    return LifecycleRun.objects.filter(pk__in=locked).update(status=RunStatus.INCOMPLETE, finished_at=now)


@in_transaction
def decide_lifecycle_chunk(*, now: datetime, store_ids: Sequence[int] | None = None, scenarios: Sequence[str] = LIFECYCLE) -> Decided | None:
    """Decide the next members of the run that goes first; ``None`` when none is left that is due, not in quiet hours and not in other hands.

    The run is claimed with SKIP LOCKED. Hold-outs, slots, messages, the run's cursor and figures are of this transaction: whoever dies here leaves
    nothing, and the next call decides the same members again.
    """
    run = _claim(now=now, store_ids=store_ids, scenarios=scenarios)
    if run is None:
        return None
    # Asked after the run is locked: who switches off waits for that lock before cancelling.
    setting = LifecycleSetting.objects.filter(store=run.store_id, scenario=run.scenario, enabled=True, store__status=StoreStatus.OPEN).first()
    upto, part, held_out = LAST_MEMBER, Decided(), 0
    if setting is not None:
        upto = _upto(run, setting)
        part, held_out = _decide(run, setting, upto=upto, now=now)
    crash_point("lifecycle.before_cursor")
    held_back = Counter(run.held_back) + part.suppressed
    LifecycleRun.objects.filter(pk=run.pk).update(
        status=RunStatus.DONE if upto == LAST_MEMBER else RunStatus.DECIDING,
        started_at=Coalesce("started_at", Value(now)),
        finished_at=now if upto == LAST_MEMBER else None,
        cursor=upto,
        due_count=F("due_count") + part.due + held_out,
        held_out_count=F("held_out_count") + held_out,
        held_back=dict(held_back),
    )
    if held_out:
        part.suppressed[SuppressionReason.HELD_OUT.value] += held_out
    part.stores.add(run.store_id)
    crash_point("lifecycle.before_commit")
    return part


def _claim(*, now: datetime, store_ids: Sequence[int] | None, scenarios: Sequence[str]) -> LifecycleRun | None:
    day = clock.local_day(now)
    quiet, still = get_quiet_hours(), []
    if quiet:
        due = LifecycleRun.objects.filter(status__in=OPEN_RUN, local_day=day, scheduled_at__lte=now)
        still = [pk for pk, store_id, scenario in due.values_list("pk", "store_id", "scenario") if quiet.ends_at(store_id, scenario, now)]
    found = fetch_all(
        load_sql("campaigns", "claim_lifecycle_run"),
        {
            "local_day": day,
            "now": now,
            "ranks": get_ranks().order,
            "scenarios": list(scenarios),
            "quiet": still,
            "stores": None if store_ids is None else list(store_ids),
        },
    )
    return LifecycleRun.objects.get(pk=found[0]["id"]) if found else None


def _upto(run: LifecycleRun, setting: LifecycleSetting) -> int:
    """The last member of the next chunk; ``LAST_MEMBER`` when nobody comes behind it."""
    if run.scenario == ScenarioCode.LEVEL_CHANGE:
        changes = LevelChange.objects.filter(store=run.store_id, changed_at__gte=level_changes_since(setting, run.local_day), member_id__gt=run.cursor)
        ids: Any = changes.order_by("member_id").values_list("member_id", flat=True).distinct()
    else:
        ids = Member.objects.filter(store=run.store_id, pk__gt=run.cursor).order_by("pk").values_list("pk", flat=True)
    chunk = list(ids[CHUNK_MEMBERS - 1 : CHUNK_MEMBERS])
    return int(chunk[0]) if chunk else LAST_MEMBER


def level_changes_since(setting: LifecycleSetting, day: date) -> datetime:
    """A change of level is told of on its day and for N days after it, and only when it happened while the scenario was on."""
    since = clock.day_start(day - timedelta(days=setting.days))
    return max(since, setting.enabled_at) if setting.enabled_at else since


def _decide(run: LifecycleRun, setting: LifecycleSetting, *, upto: int, now: datetime) -> tuple[Decided, int]:
    """What was decided of the members ``cursor < id <= upto``, and how many of them are held out."""
    candidates = load_sql("campaigns", f"lifecycle_{run.scenario.lower()}")
    finding: dict[str, Any] = {
        "store": run.store_id,
        "after": run.cursor,
        "upto": upto,
        "scenario": run.scenario,
        "local_day": run.local_day,
        "now": now,
        "before": clock.day_start(run.local_day - timedelta(days=setting.days - 1)),
        "since": level_changes_since(setting, run.local_day),
        "zone": settings.TIME_ZONE,
        "epoch": EPOCH,
        "holdout": setting.holdout_percent * 100,
        "slot_holding": list(SLOT_HOLDING),
    }
    find = load_sql("campaigns", "find_lifecycle").replace("FROM lifecycle_candidates AS", f"FROM ({candidates}) AS")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'; SET LOCAL enable_seqscan = off")
        cursor.execute(f"CREATE TEMPORARY TABLE lifecycle_due ON COMMIT DROP AS {find}", finding)
        cursor.execute(load_sql("campaigns", "write_held_out"), finding)
        held_out = int(cursor.rowcount)
        cursor.execute("SET LOCAL enable_seqscan = on")
        by_store = decide_cards(f"SELECT {COLUMNS} FROM lifecycle_due WHERE NOT held_out", finding, scenario=run.scenario)  # noqa: S608 - our own names
        cursor.execute("DROP TABLE lifecycle_due")
    return by_store.get(run.store_id, Decided()), held_out
