"""``run_reminders`` and ``why_not``: the answers that other teams' scripts read."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backoffice.demo.gateway import DemoGateway
from campaigns.models import ReminderClock
from tests.campaigns.delivery import store_behind
from tests.campaigns.reminders import TEN, TODAY, days, end_of, member_with_credit, other_message, run_at, store_with_reminders

pytestmark = pytest.mark.django_db


def answer_of(*arguments: str) -> Any:
    out = StringIO()
    call_command(*arguments, "--json", stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


def test_run_reminders_answers_what_it_decided():
    store, other = store_with_reminders("S1"), store_with_reminders("S2")
    member_with_credit(store)
    member_with_credit(store, ("20.00", end_of(TODAY)))
    capped = member_with_credit(other)
    for _ in range(2):
        other_message(capped.person, other)
    answer = answer_of("run_reminders", "--now", TEN.isoformat())
    seconds = answer.pop("seconds")
    assert seconds >= 0
    assert answer == {
        "now": TEN.isoformat(), "stores": 2, "due": 3, "decided": {"BALANCE_REMINDER": 1, "EXPIRY_REMINDER": 1},
        "suppressed": {"store_cap": 1}, "sent": 0, "failed": 0,
    }  # fmt: skip
    assert answer_of("run_reminders", "--now", TEN.isoformat())["due"] == 0


def test_run_reminders_for_named_stores_and_a_moment_on_the_platforms_clock():
    member_with_credit(store_with_reminders("S1"))
    member_with_credit(store_with_reminders("S2"))
    answer = answer_of("run_reminders", "--store", "S2", "--now", "2026-11-22T10:00:00")
    assert (answer["stores"], answer["due"], answer["now"]) == (1, 1, TEN.isoformat())


def test_run_reminders_names_an_unknown_store():
    with pytest.raises(CommandError, match="NOWHERE"):
        call_command("run_reminders", "--store", "NOWHERE")


def test_why_not_answers_each_candidate():
    store = store_with_reminders("S1")
    member = member_with_credit(store, member_no="M1")
    run_at(TEN)
    answer = answer_of("why_not", "--member", "S1:M1", "--date", TODAY.isoformat())
    assert (answer["store"], answer["member_no"], answer["date"]) == ("S1", "M1", "2026-11-22")
    sent, other = answer["messages"]
    assert (sent["scenario"], sent["outcome"], sent["reason"], sent["facts"]["figures"]["balance"]) == ("BALANCE_REMINDER", "PENDING", None, "65.00")
    assert (other["scenario"], other["outcome"], other["reason"]) == ("EXPIRY_REMINDER", "NOT_DECIDED", "nothing_expiring")
    assert sent["message"] == member.messages.get().pk
    assert all(message["explanation"] for message in answer["messages"])


@pytest.mark.parametrize("member", ["S1:M9", "S9:M1", "M1", ":"])
def test_why_not_says_when_there_is_no_such_member(member):
    member_with_credit(store_with_reminders("S1"), member_no="M1")
    with pytest.raises(CommandError, match="STORE:NUMBER"):
        call_command("why_not", "--member", member, "--date", "2026-11-22")


def test_decided_handed_over_and_not_due_for_30_days(gateway: DemoGateway):
    store = store_behind(gateway, "S1")
    members = [member_with_credit(store), member_with_credit(store, ("20.00", end_of(TODAY)), ("5.00", None))]
    answer = answer_of("run_reminders", "--now", TEN.isoformat(), "--dispatch")
    assert (answer["due"], answer["sent"], answer["failed"]) == (2, 2, 0)
    assert sorted(delivery.scenario for delivery in gateway.delivered) == ["BALANCE_REMINDER", "EXPIRY_REMINDER"]
    assert set(ReminderClock.objects.values_list("member_id", "last_sent_on")) == {(member.pk, TODAY) for member in members}
    assert answer_of("run_reminders", "--now", (TEN + days(29)).isoformat(), "--dispatch")["due"] == 0
    assert answer_of("run_reminders", "--now", (TEN + days(30)).isoformat(), "--dispatch")["sent"] == 2
    assert answer_of("check_invariants")["holds"] is True


def test_the_documentation_names_every_key():
    store = store_with_reminders("S1")
    member = member_with_credit(store, member_no="M1")
    for _ in range(2):
        other_message(member.person, store, member=member)
    run = answer_of("run_reminders", "--now", TEN.isoformat())
    why = answer_of("why_not", "--member", "S1:M1", "--date", TODAY.isoformat())
    checked = answer_of("check_invariants")
    (held_back,) = [message for message in why["messages"] if message["outcome"] == "SUPPRESSED"]
    text = (Path(__file__).parents[3] / "docs" / "reminders.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`([a-z_]+)`", text[text.index("## The commands' JSON") : text.index("## How fast")]))
    assert {*run, *why, *held_back, *held_back["taken_by"][0], *checked, *checked["checks"][0]} <= documented
