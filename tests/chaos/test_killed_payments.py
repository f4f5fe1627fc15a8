"""Payments killed half-way, workers killed with a notice in their hands: told again, one effect; handed over again, one key."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from backoffice.demo.gateway import DemoGateway
from backoffice.kernel import clock
from campaigns.models import Message, WakeUp
from campaigns.services import wake
from members.models import CreditEntry, Member, OrderLine, Payment
from members.selectors.proof import prove_ledger
from tests.campaigns.delivery import lease_ends, store_behind
from tests.campaigns.processes import ROOT, environment, run_command
from tests.campaigns.reminders import TEN, member_with_credit, store_slots, store_with_reminders
from tests.chaos.judge import assert_nothing_broken
from tests.chaos.workers import empty_queues, wait_until, worker, zone_far_from_midnight
from tests.members.ledger import account_of, yuan
from tests.members.paying import bought, give_back, pay

pytestmark = pytest.mark.django_db(transaction=True)

PAY = """
import json
from datetime import datetime
from decimal import Decimal
from members.models import Member
from members.services.payments import record_payment, refund_payment
member = Member.objects.select_related("store").get(pk={member})
now = datetime.fromisoformat("{now}")
if {refund}:
    done = refund_payment(store=member.store, order_no="A", refunded_at=now, idempotency_key="r", by=None, now=now)
    print(json.dumps([not done.replayed, str(done.refund.credit)]))
else:
    done = record_payment(store=member.store, member=member, order_no="A", paid_at=now, amount=Decimal(20), credit_used=Decimal(5),
                          idempotency_key="k", by=None, now=now)
    print(json.dumps([done.created, str(done.payment.credit_used)]))
"""


def in_a_process(member: Member, *, crash_at: str = "", refund: bool = False) -> tuple[int, Any]:
    """``record_payment`` or ``refund_payment`` in a process of its own: exit code and what it said."""
    code = PAY.format(member=member.pk, now=TEN.isoformat(), refund=refund)
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=ROOT,
        env=environment(crash_at),
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else done.stderr[-500:] and None


@pytest.mark.parametrize("point", ["payment.after_insert", "notice.after_slots", "payment.before_commit"])
def test_a_payment_killed_half_way_left_nothing_and_told_again_is_whole(point: str) -> None:
    member = member_with_credit(store_with_reminders())
    assert in_a_process(member, crash_at=point)[0] == -signal.SIGKILL
    assert (Payment.objects.count(), OrderLine.objects.count(), Message.objects.count(), store_slots(member)) == (0, 0, 0, 0)
    assert account_of(member).balance == yuan(65)
    assert in_a_process(member) == (0, [True, "5.00"])
    assert not pay(member, 20, 5, order_no="A", now=TEN, paid_at=TEN).created
    assert (account_of(member).balance, bought(member), Message.objects.count(), store_slots(member)) == (yuan(60), (1, yuan(20)), 1, 1)
    assert prove_ledger().holds


def test_a_refund_killed_half_way_left_nothing_and_told_again_is_whole() -> None:
    member = member_with_credit(store_with_reminders())
    pay(member, 20, 5, order_no="A", now=TEN)
    assert in_a_process(member, crash_at="refund.after_insert", refund=True)[0] == -signal.SIGKILL
    assert account_of(member).balance == yuan(60)
    assert in_a_process(member, refund=True) == (0, [True, "5.00"])
    assert give_back(member, "A", now=TEN, idempotency_key="r").replayed
    assert (account_of(member).balance, bought(member)) == (yuan(65), (0, yuan(0)))
    assert CreditEntry.objects.filter(kind="REFUND").count() == 1
    assert prove_ledger().holds


@pytest.mark.parametrize("point", ["dispatch.after_claim", "dispatch.after_post"])
def test_killed_between_claim_and_send_and_finished_by_the_next(gateway: DemoGateway, settings: Settings, point: str) -> None:
    settings.GATEWAY_TIMEOUT_SECONDS = 5
    store = store_behind(gateway)
    for number in range(6):
        pay(member_with_credit(store), 20, 5, now=TEN, paid_at=TEN, order_no=f"A{number}")
    command = ("dispatch_messages", "--now", TEN.isoformat(), "--json")
    assert run_command(*command, crash_at=point)[0] == -signal.SIGKILL
    lease_ends(*Message.objects.all())
    code, answer, errors = run_command(*command)
    assert code == 0, errors
    assert answer is not None
    assert (answer["failed"], answer["unknown"], answer["waiting"]) == (0, 0, 0)
    assert Message.objects.filter(status="SENT").count() == 6
    assert len({delivery.key for delivery in gateway.delivered}) == len(gateway.delivered) == 6
    assert_nothing_broken(gateway)


@pytest.mark.servers
def test_a_worker_killed_with_the_notice_in_its_hands_and_the_next_one_finishes(gateway: DemoGateway, settings: Settings, tmp_path: Path) -> None:
    """The whole path: payment, wake-up through the broker, a worker that dies after the gateway took it, another that sends the same key."""
    settings.TIME_ZONE = zone_far_from_midnight()
    settings.GATEWAY_TIMEOUT_SECONDS = 5
    empty_queues()
    members = [member_with_credit(store_behind(gateway)) for _ in range(3)]
    with worker(tmp_path / "dying.log", crash_at="dispatch.after_post") as dying:
        for each in members:
            now = clock.database_now()
            pay(each, 20, 5, now=now, paid_at=now)
        wait_until(lambda: len(gateway.delivered) >= 1, seconds=60, what="the first delivery", process=dying)
        dying.kill()
    assert Message.objects.filter(status="PENDING", in_doubt=True).exists(), "delivered, and nobody wrote it down"
    lease_ends(*Message.objects.all())
    WakeUp.objects.all().delete()
    with worker(tmp_path / "finishing.log") as finishing:
        for each in members:
            wake.wake(each.store_id)
        wait_until(lambda: Message.objects.filter(status="SENT").count() == 3, seconds=60, what="the end of all work", process=finishing)
    assert gateway.stats["repeats"] >= 1, "the dead worker's notice came again with its key"
    assert len({delivery.key for delivery in gateway.delivered}) == len(gateway.delivered) == 3
    assert_nothing_broken(gateway)


@pytest.mark.servers
def test_a_worker_hands_a_notice_over_within_seconds_without_any_beat(gateway: DemoGateway, settings: Settings, tmp_path: Path) -> None:
    settings.TIME_ZONE = zone_far_from_midnight()
    empty_queues()
    store = store_behind(gateway)
    with worker(tmp_path / "worker.log") as running:
        for number in range(3):
            now = clock.database_now()
            pay(member_with_credit(store), 20, 5, now=now, paid_at=now)
            wait_until(lambda number=number: len(gateway.delivered) > number, seconds=60, what="the delivery", process=running)
    wait_until(lambda: not WakeUp.objects.filter(asked_at__isnull=False).exists(), seconds=5, what="the answer to the wake-up")
    assert [delivery.params["balance"] for delivery in gateway.delivered] == ["60.00"] * 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM campaigns_message WHERE status <> 'SENT'")
        assert cursor.fetchone() == (0,)
