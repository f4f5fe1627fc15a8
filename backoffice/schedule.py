"""Every periodic task, as data. `sync_schedule` brings it into django-celery-beat's tables, where operators edit it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from backoffice.models import ScheduleRecord


@dataclass(frozen=True)
class Entry:
    """One periodic task. ``name`` identifies it for ever: renaming one is removing it and adding another.

    Beat only says "look for due work": what is due stands in tables, so a late, doubled or lost tick changes nothing.
    A tick that nobody picked up within its own period is dropped, since the next one says the same.
    """

    name: str
    task: str
    every_seconds: int
    description: str
    enabled: bool = True
    kwargs: dict[str, Any] = field(default_factory=dict)

    @property
    def expires_seconds(self) -> int:
        return max(self.every_seconds, 30)


ENTRIES: tuple[Entry, ...] = (
    Entry("decide due reminders", "campaigns.run_due_reminders", 60, "Decides the reminder runs of every store whose send time has come."),
    Entry("hand over messages", "campaigns.dispatch_messages", 5, "Hands waiting messages to the gateways; also what a lost wake-up left behind."),
    Entry("sweep lapsed credit", "members.sweep_lapsed_credit", 300, "Empties credit lots that have lapsed, as each store's policy says."),
    Entry("prove the ledger", "members.prove_ledger_nightly", 600, "Proves the whole ledger once a day, from three in the morning on."),
    Entry("issue benefits", "paid.issue_benefits", 300, "Issues the benefits of paid memberships that are due, ends and retries others."),
    Entry("keep paid orders", "paid.keep_orders", 60, "Unpaid orders of paid membership lapse; agreed renewals are ordered on the last day."),
    Entry("fold push figures", "members.fold_push_figures", 10, "Adds up what changed in the figures of push accounts; keeps each day's end."),
    Entry("prune API records", "api.prune", 3600, "Removes answers kept for 30 days, ended tokens and refused log-ins of API clients."),
    Entry("advance applications", "applications.advance", 10, "Rulings take effect, claims and waits run out, strikes count, grants expire, apps pause."),
    Entry("deliver notices", "applications.deliver_notices", 10, "Hands over notices about applications that wait for mail or DingTalk."),
    Entry("recount due dates", "applications.recount_due_dates", 3600, "Due dates of the review follow the working calendar when it was edited."),
    Entry("resume imports", "files.resume_imports", 30, "Takes up imports whose worker ended before them."),
)


@dataclass(frozen=True)
class SyncResult:
    """Names by what happened to them."""

    created: list[str]
    updated: list[str]
    kept: list[str]
    removed: list[str]


def _wanted(entry: Entry) -> dict[str, Any]:
    return {"every_seconds": entry.every_seconds, "enabled": entry.enabled, "expires_seconds": entry.expires_seconds}


def _present(row: PeriodicTask) -> dict[str, Any]:
    """What an operator can change, in the form of `_wanted`; another kind of schedule counts as a change."""
    seconds = None
    if row.interval is not None:
        seconds = int(row.interval.schedule.run_every.total_seconds())
    return {"every_seconds": seconds, "enabled": row.enabled, "expires_seconds": row.expire_seconds}


def _write(entry: Entry, row: PeriodicTask) -> None:
    row.interval, _ = IntervalSchedule.objects.get_or_create(every=entry.every_seconds, period=IntervalSchedule.SECONDS)
    row.crontab = row.solar = row.clocked = None
    row.enabled = entry.enabled
    row.expire_seconds = entry.expires_seconds
    row.expires = None


@transaction.atomic
def sync_schedule(entries: tuple[Entry, ...] = ENTRIES) -> SyncResult:
    """Bring a release's schedule into the tables.

    A task as the last release wrote it follows the new release; one that an operator edited keeps its period and its
    switch. One that an operator deleted comes back switched off. Entries that a release no longer has are removed.
    Safe to run any number of times and at the same time as itself.
    """
    created, updated, kept, removed = [], [], [], []
    records = {record.name: record for record in ScheduleRecord.objects.select_for_update()}
    rows = {
        row.name: row
        for row in PeriodicTask.objects.select_for_update(of=("self",)).select_related("interval").filter(name__in=[*records, *(e.name for e in entries)])
    }
    for entry in entries:
        record, row, wanted = records.pop(entry.name, None), rows.get(entry.name), _wanted(entry)
        if row is None:
            row = PeriodicTask(name=entry.name)
            _write(entry, row)
            row.enabled = entry.enabled and record is None
            created.append(entry.name)
        elif record is not None and _present(row) == record.written:
            if record.written == wanted and (row.task, row.description) == (entry.task, entry.description):
                continue
            _write(entry, row)
            updated.append(entry.name)
        else:
            kept.append(entry.name)
        # What the task is called and does is the program's, not the operator's.
        row.task, row.description = entry.task, entry.description
        if row.pk is None:
            row.kwargs = json.dumps(entry.kwargs)
        row.save()
        ScheduleRecord.objects.update_or_create(name=entry.name, defaults={"written": wanted})
    for name, record in records.items():
        PeriodicTask.objects.filter(name=name).delete()
        record.delete()
        removed.append(name)
    if created or updated or kept or removed:
        PeriodicTasks.update_changed()
    return SyncResult(created, updated, kept, removed)


def unknown_tasks(entries: tuple[Entry, ...] = ENTRIES) -> list[str]:
    """Task names of the schedule that no worker would know."""
    from backoffice.celery import app, load_tasks

    load_tasks()
    return [entry.task for entry in entries if entry.task not in app.tasks]
