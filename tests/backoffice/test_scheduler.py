"""One beat ticks, the others wait; the heartbeat tells who."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from backoffice.celery import app
from backoffice.models import BeatHeartbeat
from backoffice.scheduler import WAIT_SECONDS, BeatLock, SingleScheduler

pytestmark = pytest.mark.django_db(transaction=True)


class RecordingScheduler(SingleScheduler):
    """Writes down what it would send instead of sending it."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        super().__init__(app=app, lazy=True)
        self._finalize.cancel()  # writes to the database when the interpreter ends: long after the tests' server has gone

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        self.sent.append(entry.task)

    @property
    def producer(self) -> None:
        return None


@pytest.fixture
def two_beats() -> Iterator[tuple[RecordingScheduler, RecordingScheduler]]:
    first, second = RecordingScheduler(), RecordingScheduler()
    yield first, second
    for beat in (first, second):
        beat.lock.release()


def make_due_task(name: str = "look for work") -> PeriodicTask:
    from datetime import UTC, datetime

    every, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.HOURS)
    return PeriodicTask.objects.create(name=name, task=f"demo.{name}", interval=every, last_run_at=datetime(2020, 1, 1, tzinfo=UTC))


def tick(beat: RecordingScheduler, times: int = 4) -> None:
    for _ in range(times):  # one tick sends at most one entry
        beat.tick()


def test_only_the_first_beat_sends(two_beats: tuple[RecordingScheduler, RecordingScheduler]) -> None:
    PeriodicTask.objects.all().delete()
    make_due_task()
    first, second = two_beats

    tick(first)
    tick(second)

    assert (first.sent, second.sent) == (["demo.look for work"], [])
    assert second.tick() == WAIT_SECONDS
    assert BeatHeartbeat.objects.get().holder == first.lock.holder


def test_the_second_beat_takes_over_and_repeats_nothing(two_beats: tuple[RecordingScheduler, RecordingScheduler]) -> None:
    PeriodicTask.objects.all().delete()
    make_due_task()
    first, second = two_beats
    tick(first)
    tick(second)
    first._do_sync()
    make_due_task("later work")

    assert first.lock.connection is not None
    first.lock.connection.close()  # what the kernel does when the process dies
    tick(second)

    assert second.sent == ["demo.later work"]


def test_a_beat_whose_lock_connection_was_cut_stops_ticking_while_another_leads(two_beats: tuple[RecordingScheduler, RecordingScheduler]) -> None:
    PeriodicTask.objects.all().delete()
    first, second = two_beats
    tick(first)
    assert first.lock.connection is not None
    with first.lock.connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    tick(second)
    make_due_task()

    tick(first)
    tick(second)

    assert (first.sent, second.sent) == ([], ["demo.look for work"])


def test_the_lock_is_not_held_twice_and_is_free_after_release() -> None:
    first, second = BeatLock(), BeatLock()
    try:
        assert first.hold() is True
        assert first.hold() is True
        assert second.hold() is False
        first.release()
        assert second.hold() is True
    finally:
        first.release()
        second.release()


def test_an_unreachable_database_is_waited_for(two_beats: tuple[RecordingScheduler, RecordingScheduler], monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = two_beats

    def fail() -> bool:
        raise OperationalError("gone")

    monkeypatch.setattr(first.lock, "hold", fail)

    assert first.tick() == WAIT_SECONDS
    assert first.leading is False
