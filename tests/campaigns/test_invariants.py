"""Each invariant of messaging is broken on purpose, and found."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.invariants import INVARIANTS, find_breaches
from campaigns.choices import MessageStatus, ScenarioCode
from campaigns.models import LifecycleRun, Message, PersonDayCounter, ReminderClock, ReminderRun, StoreDayCounter
from members.models import CreditAccount
from members.paid.models import PaidMembership
from tests.campaigns.lifecycle import joined, store_with
from tests.campaigns.paid import holder, renewing, selling_store
from tests.campaigns.reminders import TEN, TODAY, days, mark_sent, member_with_credit, only_card_of, other_message, run_at, store_with_reminders
from tests.factories import make_person, make_store
from tests.members.paying import pay

pytestmark = pytest.mark.django_db


def broken() -> set[str]:
    return {breach.invariant for breach in find_breaches()}


def second_card(first: Message, **changes: object) -> None:
    Message.objects.create(
        **{
            "store_id": first.store_id, "person_id": first.person_id, "member_id": first.member_id, "scenario": ScenarioCode.BALANCE_REMINDER,
            "occasion": 1, "local_day": first.local_day, "status": MessageStatus.SENT, "decided_at": TEN, "sent_at": TEN, **changes,
        }
    )  # fmt: skip


@pytest.fixture
def sent_card() -> Message:
    member = member_with_credit(store_with_reminders())
    run_at(TEN)
    mark_sent(only_card_of(member), TEN)
    return only_card_of(member)


def test_everything_holds_after_a_run(sent_card):
    assert broken() == set()
    assert {"caps.store_day", "caps.person_day", "cards.one_a_day", "ledger.proof", "imports.held_or_waiting"} <= set(INVARIANTS.codes())


def test_third_of_a_store_and_wrong_counter(sent_card):
    for number in range(2):
        Message.objects.create(
            store_id=sent_card.store_id, person_id=sent_card.person_id, scenario=ScenarioCode.LEVEL_CHANGE, occasion=number,
            local_day=TODAY, status=MessageStatus.UNKNOWN, decided_at=TEN,
        )  # fmt: skip
    assert broken() == {"caps.store_day", "caps.store_counters", "caps.person_counters"}
    (breach,) = [breach for breach in find_breaches() if breach.invariant == "caps.store_day"]
    assert (breach.facts["messages"], sent_card.pk in breach.facts["ids"]) == (3, True)


def test_eleventh_overall():
    person = make_person()
    for _ in range(5):
        store = make_store()
        for _ in range(2):
            other_message(person, store)
    Message.objects.create(store=make_store(), person=person, scenario=ScenarioCode.LEVEL_CHANGE, occasion=1, local_day=TODAY, decided_at=TEN)
    assert "caps.person_day" in broken()


def test_a_notice_of_another_day_or_of_no_payment_and_a_second_one():
    member = member_with_credit(store_with_reminders())
    paid = pay(member, 20, 5, now=TEN, paid_at=TEN).payment
    assert broken() == set()
    notice = Message.objects.get()
    for changes in ({"local_day": TODAY + days(1)}, {"occasion": 0}, {"status": MessageStatus.SENT, "sent_at": TEN + days(1)}):
        Message.objects.filter(pk=notice.pk).update(**changes)
        assert "notices.of_the_day" in broken()
        Message.objects.filter(pk=notice.pk).update(local_day=TODAY, occasion=paid.pk, status=MessageStatus.PENDING)
    second_card(notice, scenario=ScenarioCode.AFTER_PAYMENT, occasion=paid.pk, person_id=make_person().pk)
    assert "notices.once_a_payment" in broken()


def test_counter_without_a_message(sent_card):
    StoreDayCounter.objects.create(store=sent_card.store, person=make_person(), local_day=TODAY, used=1)
    PersonDayCounter.objects.create(person=make_person(), local_day=TODAY, used=1)
    assert broken() == {"caps.store_counters", "caps.person_counters"}


def test_two_cards_less_than_30_days_apart(sent_card):
    second_card(sent_card, local_day=TODAY + days(29), status=MessageStatus.UNKNOWN)
    assert "cards.thirty_days_apart" in broken()
    Message.objects.filter(occasion=1).update(local_day=TODAY + days(30))
    assert "cards.thirty_days_apart" not in broken()


def test_clock_behind_the_last_card(sent_card):
    ReminderClock.objects.update(last_sent_on=TODAY - days(1))
    assert broken() == {"cards.clock"}
    ReminderClock.objects.all().delete()
    assert broken() == {"cards.clock"}


def test_run_whose_figures_are_wrong(sent_card):
    ReminderRun.objects.update(due_count=2)
    assert broken() == {"runs.counts"}


def test_ledger_and_imports(sent_card):
    CreditAccount.objects.update(balance=1)
    ImportJob.objects.create(kind="members", console="merchant", file="x", file_name="x", file_hash="x", file_size=1, status=JobStatus.FAILED)
    ImportJob.objects.create(
        kind="members", console="merchant", file="y", file_name="y", file_hash="y", file_size=1, status=JobStatus.APPLYING,
        lease_until=TEN - timedelta(days=9000),
    )  # fmt: skip
    assert broken() == {"ledger.proof", "imports.ended_with_reason", "imports.held_or_waiting"}


def test_the_command_names_the_rows_and_fails(sent_card):
    out = StringIO()
    call_command("check_invariants", "--json", stdout=out)
    assert json.loads(out.getvalue())["holds"] is True
    ReminderRun.objects.update(due_count=2)
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_invariants", "--json", stdout=out)
    answer = json.loads(out.getvalue())
    assert (ended.value.code, answer["holds"], [breach["invariant"] for breach in answer["breaches"]]) == (1, False, ["runs.counts"])
    assert answer["breaches"][0]["row"] == f"run {ReminderRun.objects.get().pk}"


def test_an_end_told_of_twice_and_a_notice_after_the_end():
    program = selling_store()
    term, renewed = holder(program, ends_on=TODAY + days(6)), renewing(program, ends_on=TODAY + days(6))
    run_at(TEN)
    mark_sent(only_card_of(term.member), TEN)
    assert broken() == set()
    card = only_card_of(term.member)
    other_message(term.member.person, term.store, TODAY + days(1), scenario=ScenarioCode.PAID_ENDING)
    Message.objects.filter(person=term.member.person, local_day=TODAY + days(1)).update(occasion=card.occasion - 1)
    PaidMembership.objects.filter(pk=renewed.pk).update(renewal_notice_at=TEN + days(6))
    assert broken() == {"paid_cards.once_an_end", "renewals.told_of"}


def test_a_lifecycle_message_twice_about_one_thing_and_a_run_that_counts_wrong():
    store = store_with("FIRST_PURCHASE")
    member = joined(store, 9)
    run_at(TEN)
    assert not {name for name in broken() if name.startswith("lifecycle.")}
    card = only_card_of(member)
    Message.objects.filter(pk=card.pk).update(status=MessageStatus.UNKNOWN)
    Message.objects.create(
        store=store, person=member.person, member=member, scenario=card.scenario, occasion=card.occasion + 1, local_day=TODAY + days(1),
        status=MessageStatus.SUPPRESSED, reason="held_out", decided_at=TEN,
    )  # fmt: skip
    LifecycleRun.objects.update(due_count=5)
    assert {name for name in broken() if name.startswith("lifecycle.")} == {"lifecycle.once_about", "lifecycle.counts"}
