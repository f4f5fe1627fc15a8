"""The schedule follows releases, and never an operator's back."""

from __future__ import annotations

import pytest
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, PeriodicTasks

from backoffice.models import ScheduleRecord
from backoffice.schedule import Entry, sync_schedule, unknown_tasks

pytestmark = pytest.mark.django_db

TICK = Entry("look for work", "campaigns.tick", 60, "Looks for due work.")
SLOWER = Entry("look for work", "campaigns.tick", 120, "Looks for due work.")


def row() -> PeriodicTask:
    return PeriodicTask.objects.get(name="look for work")


def test_a_release_writes_its_entries() -> None:
    result = sync_schedule((TICK,))

    assert result.created == ["look for work"]
    task = row()
    assert (task.task, task.interval.every, task.interval.period, task.enabled) == ("campaigns.tick", 60, IntervalSchedule.SECONDS, True)
    assert task.expire_seconds == 60


def test_writing_again_changes_nothing_and_does_not_wake_beat() -> None:
    sync_schedule((TICK,))
    woken = PeriodicTasks.last_change()

    result = sync_schedule((TICK,))

    assert (result.created, result.updated, result.kept, result.removed) == ([], [], [], [])
    assert PeriodicTasks.last_change() == woken


def test_an_untouched_task_follows_the_next_release_and_beat_is_told() -> None:
    sync_schedule((TICK,))
    woken = PeriodicTasks.last_change()

    result = sync_schedule((SLOWER,))

    assert result.updated == ["look for work"]
    assert row().interval.every == 120
    assert PeriodicTasks.last_change() > woken


def test_an_edited_period_is_kept() -> None:
    sync_schedule((TICK,))
    row_ = row()
    row_.interval = IntervalSchedule.objects.create(every=5, period=IntervalSchedule.MINUTES)
    row_.save()

    for _ in range(2):  # also at the release after the next
        assert sync_schedule((SLOWER,)).kept == ["look for work"]
        assert row().interval.every == 5


def test_a_switched_off_task_stays_off() -> None:
    sync_schedule((TICK,))
    PeriodicTask.objects.filter(name="look for work").update(enabled=False)

    sync_schedule((SLOWER,))

    assert row().enabled is False
    assert row().interval.every == 60


def test_another_kind_of_schedule_is_kept() -> None:
    sync_schedule((TICK,))
    row_ = row()
    row_.interval, row_.crontab = None, CrontabSchedule.objects.create(minute="0", hour="3")
    row_.save()

    sync_schedule((SLOWER,))

    assert row().crontab.hour == "3"
    assert row().interval is None


def test_a_deleted_task_comes_back_switched_off() -> None:
    sync_schedule((TICK,))
    row().delete()

    sync_schedule((TICK,))
    sync_schedule((TICK,))

    assert row().enabled is False


def test_a_renamed_task_function_reaches_an_edited_row() -> None:
    sync_schedule((TICK,))
    PeriodicTask.objects.filter(name="look for work").update(enabled=False)

    sync_schedule((Entry("look for work", "campaigns.tock", 60, "Looks for due work."),))

    assert row().task == "campaigns.tock"
    assert row().enabled is False


def test_what_a_release_no_longer_has_is_removed_but_nothing_else() -> None:
    sync_schedule((TICK,))
    own = PeriodicTask.objects.create(name="an operator's own", task="x", interval=IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS))

    result = sync_schedule(())

    assert "look for work" in result.removed
    assert not PeriodicTask.objects.filter(name="look for work").exists()
    assert not ScheduleRecord.objects.filter(name="look for work").exists()
    assert PeriodicTask.objects.filter(pk=own.pk).exists()


def test_the_schedule_in_force_names_only_tasks_that_exist() -> None:
    assert unknown_tasks() == []
    assert unknown_tasks((TICK,)) == ["campaigns.tick"]
