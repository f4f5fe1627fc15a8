"""The command and the tasks of the ledger."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils.translation import override

from backoffice.kernel import clock
from members.models import LedgerProof
from members.tasks import prove_ledger_nightly, sweep_lapsed_credit
from tests.factories import NOON
from tests.members.ledger import account_of, member_with, take, yuan

pytestmark = pytest.mark.django_db
SOON = NOON + timedelta(days=1)


def expire(*arguments: str) -> Any:
    out = StringIO()
    call_command("expire_credit", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_says_what_lapsed() -> None:
    member = member_with(100, 20, expires_at=SOON)
    take(member, 30)

    answer = json.loads(expire("--now", SOON.isoformat(), "--json"))

    assert answer.pop("seconds") >= 0
    assert answer == {
        "now": SOON.isoformat(),
        "accounts": 1,
        "lots": 1,
        "payouts": 1,
        "paid_back": "75.00",
        "void_principal": "0.00",
        "void_bonus": "15.00",
    }
    again = json.loads(expire("--now", SOON.isoformat(), "--json"))
    assert (again["lots"], again["paid_back"]) == (0, "0.00")


def test_a_moment_without_an_offset_is_on_the_platforms_clock() -> None:
    member_with(1, expires_at=SOON)
    text = clock.to_local(SOON - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S")
    assert json.loads(expire("--now", text, "--json"))["lots"] == 0
    assert json.loads(expire("--now", clock.to_local(SOON).strftime("%Y-%m-%dT%H:%M:%S"), "--json"))["lots"] == 1


def test_without_json_it_is_a_sentence() -> None:
    member_with(100, 20, expires_at=SOON)
    with override("en"):
        told = expire("--now", SOON.isoformat())
    assert "1 lots of 1 accounts lapsed: 100.00 yuan to be paid back in 1 payouts; void: 0.00 yuan of principal, 20.00 yuan of bonus" in told


def test_no_moment_is_refused() -> None:
    with pytest.raises(CommandError):
        expire("--now", "tomorrow")


def test_the_task_sweeps_by_the_databases_clock() -> None:
    member = member_with(5, expires_at=clock.database_now() - timedelta(seconds=1), now=clock.database_now() - timedelta(days=1))
    later = member_with(7, expires_at=clock.database_now() + timedelta(hours=1))

    sweep_lapsed_credit()

    assert (account_of(member).balance, account_of(later).balance) == (0, yuan(7))


def test_the_nightly_task_proves_by_the_databases_clock() -> None:
    prove_ledger_nightly()
    prove_ledger_nightly()
    due = clock.to_local(clock.database_now()).hour >= 3
    assert LedgerProof.objects.filter(finished_at__isnull=False).count() == (1 if due else 0)
