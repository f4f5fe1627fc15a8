"""The whole path with Celery on the run's broker: two beats, workers killed by SIGKILL while deciding and while handing over."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks
from pytest_django import Settings

from backoffice.demo.gateway import DemoGateway
from backoffice.schedule import sync_schedule
from campaigns.models import Message, ReminderRun
from tests.campaigns.delivery import lease_ends, store_behind
from tests.campaigns.reminders import member_with_credit
from tests.chaos.judge import assert_all_handed_over, assert_nothing_broken
from tests.chaos.workers import beat, empty_queues, wait_until, worker
from tests.factories import make_person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]

STORES, PEOPLE, CAP = 12, 6, 10


def make_situation(gateway: DemoGateway, settings: Settings) -> None:
    """Twelve stores with the same six customers: each may get ten of twelve cards. Everything is due now."""
    settings.GATEWAY_BATCH_SIZE = 5
    settings.GATEWAY_TIMEOUT_SECONDS = 5
    people = [make_person() for _ in range(PEOPLE)]
    for _ in range(STORES):
        store = store_behind(gateway, at=time(0, 0))
        for person in people:
            member_with_credit(store, person=person)


def tick_every_second() -> None:
    """As an operator might set it. The names and tasks are the schedule's own."""
    sync_schedule()
    often, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    wanted = ["campaigns.run_due_reminders", "campaigns.dispatch_messages"]
    assert PeriodicTask.objects.filter(task__in=wanted).update(interval=often, last_run_at=None) == len(wanted)
    PeriodicTask.objects.exclude(task__in=wanted).update(enabled=False)
    PeriodicTasks.update_changed()


def decided() -> int:
    return Message.objects.count()


def test_nothing_is_lost_or_doubled(gateway: DemoGateway, settings: Settings, tmp_path: Path) -> None:
    make_situation(gateway, settings)
    tick_every_second()
    empty_queues()
    with beat(tmp_path / "beat-1.log"), beat(tmp_path / "beat-2.log"):
        with worker(tmp_path / "decider.log", crash_at="reminders.before_commit") as deciding:
            wait_until(lambda: "SIGKILL" in deciding.said, seconds=150, what="the death while deciding", process=deciding)
            assert decided() == 0
        with worker(tmp_path / "sender.log", crash_at="dispatch.after_post") as sending:
            wait_until(lambda: "SIGKILL" in sending.said, seconds=150, what="the death while handing over", process=sending)
        assert decided() > 0
        assert gateway.stats["delivered"] > 0
        lease_ends(*Message.objects.filter(status="PENDING", in_doubt=True))
        with worker(tmp_path / "finisher.log") as finishing:
            wait_until(
                lambda: decided() == STORES * PEOPLE and not Message.objects.filter(status="PENDING").exists(),
                seconds=150,
                what="the end of all work",
                process=finishing,
            )
    assert gateway.stats["repeats"] > 0, "the dead worker's batch came again with its keys"
    assert_nothing_broken(gateway)
    assert_all_handed_over(gateway, PEOPLE * CAP)
    held_back = Message.objects.filter(status="SUPPRESSED")
    assert set(held_back.values_list("reason", flat=True)) == {"platform_cap"}
    assert held_back.count() == PEOPLE * (STORES - CAP)
    assert set(ReminderRun.objects.values_list("status", flat=True)) == {"DONE"}
    assert ReminderRun.objects.count() == STORES
