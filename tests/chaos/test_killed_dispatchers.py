"""Dispatchers killed by SIGKILL, stopped, and meeting each other: real processes against a real database and a gateway over HTTP."""

from __future__ import annotations

import signal
import threading
import time

import pytest
from django.db import connection
from pytest_django import Settings

from backoffice.demo.gateway import DemoGateway, FaultKind
from campaigns.models import Message
from campaigns.services.dispatch import dispatch
from tests.campaigns.delivery import lease_ends, store_behind, waiting_cards
from tests.campaigns.processes import run_command, start_command
from tests.campaigns.reminders import TEN
from tests.chaos.judge import assert_all_handed_over, assert_nothing_broken

pytestmark = pytest.mark.django_db(transaction=True)

DISPATCH = ("dispatch_messages", "--now", TEN.isoformat(), "--json")
WAITING = 60


def make_situation(gateway: DemoGateway, settings: Settings) -> list[Message]:
    """Sixty cards of three stores, handed over in batches of ten."""
    settings.GATEWAY_BATCH_SIZE = 10
    settings.GATEWAY_TIMEOUT_SECONDS = 5
    return [message for _ in range(3) for message in waiting_cards(store_behind(gateway), WAITING // 3)]


@pytest.mark.parametrize(
    ("point", "delivered_at_least", "left_in_doubt"),
    [
        ("dispatch.in_claim", 0, 0),
        ("dispatch.after_claim", 0, 10),
        ("dispatch.after_post", 10, 10),
        ("dispatch.in_record:3", 20, 10),
    ],
)
def test_killed_at_a_named_point_and_finished_by_the_next(
    gateway: DemoGateway, settings: Settings, point: str, delivered_at_least: int, left_in_doubt: int
) -> None:
    messages = make_situation(gateway, settings)
    code, answer, _ = run_command(*DISPATCH, crash_at=point)
    assert (code, answer) == (-signal.SIGKILL, None)
    assert len(gateway.delivered) >= delivered_at_least
    assert Message.objects.filter(status="PENDING", in_doubt=True).count() >= left_in_doubt
    lease_ends(*messages)
    code, answer, errors = run_command(*DISPATCH)
    assert code == 0, errors
    assert answer is not None
    assert (answer["failed"], answer["unknown"], answer["waiting"]) == (0, 0, 0)
    assert_nothing_broken(gateway)
    assert_all_handed_over(gateway, WAITING)


def test_killed_while_the_gateway_has_the_batch(gateway: DemoGateway, settings: Settings) -> None:
    """The gateway delivered, the answer met nobody: the repeat carries the same keys and delivers nothing again."""
    messages = make_situation(gateway, settings)
    gateway.fail_next(FaultKind.DELAY, seconds=4)
    worker = start_command(*DISPATCH)
    assert gateway.wait_for(10, seconds=90)
    worker.kill()
    worker.communicate()
    lease_ends(*messages)
    code, _, errors = run_command(*DISPATCH)
    assert code == 0, errors
    assert gateway.stats["repeats"] >= 10
    assert_nothing_broken(gateway)
    assert_all_handed_over(gateway, WAITING)


def test_several_dispatchers_at_once(gateway: DemoGateway, settings: Settings) -> None:
    make_situation(gateway, settings)
    workers = [start_command(*DISPATCH) for _ in range(3)]
    for worker in workers:
        _, errors = worker.communicate(timeout=120)
        assert worker.returncode == 0, errors
    assert gateway.stats.get("repeats", 0) == 0, "no message was in two hands"
    assert_nothing_broken(gateway)
    assert_all_handed_over(gateway, WAITING)


def test_stopped_in_the_middle_of_a_call_and_woken_up_too_late(gateway: DemoGateway, settings: Settings) -> None:
    """SIGSTOP for longer than the lease: another worker finishes; what the sleeper brings back is refused."""
    messages = make_situation(gateway, settings)
    gateway.fail_next(FaultKind.DELAY, times=2, seconds=4)
    sleeper = start_command(*DISPATCH)
    assert gateway.wait_for(20, seconds=90), "both calls that are made at once are under way"
    sleeper.send_signal(signal.SIGSTOP)
    lease_ends(*messages)
    code, _, errors = run_command(*DISPATCH)
    assert code == 0, errors
    assert_all_handed_over(gateway, WAITING)
    sleeper.send_signal(signal.SIGCONT)
    sleeper.communicate(timeout=60)
    assert_nothing_broken(gateway)
    assert_all_handed_over(gateway, WAITING)


def test_the_database_cuts_every_connection(gateway: DemoGateway, settings: Settings) -> None:
    """As a restart of the server does: the worker ends with an error, the next one finishes."""
    messages = make_situation(gateway, settings)
    gateway.fail_next(FaultKind.DELAY, seconds=4)
    worker = start_command(*DISPATCH)
    assert gateway.wait_for(10, seconds=90)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
    worker.communicate(timeout=60)
    assert worker.returncode != 0
    time.sleep(0.1)
    lease_ends(*messages)
    code, _, errors = run_command(*DISPATCH)
    assert code == 0, errors
    assert_nothing_broken(gateway)
    assert_all_handed_over(gateway, WAITING)


def test_a_row_locked_by_a_claim_that_has_not_committed_is_waited_for(gateway: DemoGateway, settings: Settings) -> None:
    """Neither leased nor claimable: whoever holds it commits or dies in a moment, and must not leave it behind."""
    messages = make_situation(gateway, settings)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM campaigns_message WHERE id = %s FOR UPDATE", [messages[0].pk])
        release = threading.Timer(0.7, cursor.execute, ("ROLLBACK",))
        release.start()
        report = dispatch(now=TEN)
        release.join()
    other.close()
    assert report.sent == WAITING
    assert_all_handed_over(gateway, WAITING)
