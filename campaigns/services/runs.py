"""The day's runs: one per store and local day, opened when the send time has passed, decided chunk by chunk."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import connection

from backoffice.kernel import clock
from backoffice.kernel.crash import crash_point
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.sql import load_sql
from campaigns.choices import LIFECYCLE, OPEN_RUN, PAID_CARDS, RunStatus
from campaigns.models import ReminderRun
from campaigns.selectors.frequency import get_ranks
from campaigns.services.decide import Decided, decide_chunk
from campaigns.services.lifecycle_runs import close_past_lifecycle_runs, decide_lifecycle_chunk, open_lifecycle_runs
from campaigns.services.paid_runs import close_past_paid_runs, decide_paid_chunk, note_renewals_told, open_paid_runs


@dataclass
class RunSummary:
    """What one call of ``run_reminders`` did. ``opened`` runs were due for the first time."""

    now: datetime
    opened: int = 0
    chunks: int = 0
    total: Decided = field(default_factory=Decided)


@in_transaction
def open_runs(*, now: datetime, store_ids: Sequence[int] | None = None) -> int:
    """Open the runs whose send time of this local day has passed, late ones too; the number that are new.

    A store that was switched on after its send time of today starts tomorrow. A closed store has no run.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("campaigns", "open_runs"),
            {"local_day": clock.local_day(now), "now": now, "zone": settings.TIME_ZONE, "stores": None if store_ids is None else list(store_ids)},
        )
        return int(cursor.rowcount)


@in_transaction
def close_past_runs(*, now: datetime) -> int:
    """A run that its day did not see finished is not made up later: whoever is still due is decided by the next day's run."""
    past = ReminderRun.objects.filter(status__in=OPEN_RUN, local_day__lt=clock.local_day(now))
    locked = list(past.order_by("pk").select_for_update(skip_locked=True).values_list("pk", flat=True))
    return ReminderRun.objects.filter(pk__in=locked).update(status=RunStatus.INCOMPLETE, finished_at=now)


def run_reminders(
    *, now: Callable[[], datetime], store_ids: Sequence[int] | None = None, seconds: float | None = None, progress: Callable[[Decided], None] | None = None
) -> RunSummary:
    """Decide everything that is due, one transaction a chunk, until nothing is left or ``seconds`` have passed.

    Credit cards first, then lifecycle messages and those about paid membership: of what is due at the same time the higher rank takes its slots first.

    ``now`` is asked again for each chunk, so that a long run stops at midnight; a fixed moment is passed as ``lambda: moment``.
    Late, twice, killed in the middle or with a second runner at once: all harmless.
    """
    started = time.monotonic()
    summary = RunSummary(now=now())
    close_past_runs(now=summary.now)
    close_past_paid_runs(now=summary.now)
    close_past_lifecycle_runs(now=summary.now)
    note_renewals_told(now=summary.now)
    summary.opened = sum(opening(now=summary.now, store_ids=store_ids) for opening in (open_runs, open_paid_runs, open_lifecycle_runs))
    for decide in _deciders():
        while seconds is None or time.monotonic() - started < seconds:
            decided = decide(now=now(), store_ids=store_ids)
            if decided is None:
                break
            crash_point("reminders.between_chunks")
            summary.chunks += 1
            summary.total.add(decided)
            if progress:
                progress(summary.total)
    return summary


def _deciders() -> tuple[Callable[..., Decided | None], ...]:
    """What decides a chunk, in the order of rank: the lifecycle scenarios that stand before the first card about paid membership, then that, then the rest."""
    order = get_ranks().order
    first_paid = min(order.index(scenario) for scenario in PAID_CARDS)
    before = [scenario for scenario in order[:first_paid] if scenario in LIFECYCLE]
    after = [scenario for scenario in order[first_paid:] if scenario in LIFECYCLE]
    return decide_chunk, partial(decide_lifecycle_chunk, scenarios=before), decide_paid_chunk, partial(decide_lifecycle_chunk, scenarios=after)
