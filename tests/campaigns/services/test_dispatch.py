"""Handing over: the happy path, every fault of a gateway, leases, midnight, and what is looked at once more before the call."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from pytest_django import Settings

from backoffice.demo.gateway import DemoGateway, FaultKind
from backoffice.kernel import clock
from backoffice.kernel.tenancy.choices import StoreStatus
from campaigns.choices import MessageStatus, ScenarioCode
from campaigns.models import Message, MessageTemplate, ReminderSetting
from campaigns.services import claim as claiming
from campaigns.services import dispatch as dispatching
from campaigns.services.dispatch import dispatch
from members.choices import MemberStatus
from tests.campaigns.delivery import YESTERDAY, due_again, last_card_of, lease_ends, reload, store_behind, waiting_card, waiting_cards
from tests.campaigns.reminders import TEN, TODAY, person_slots, store_slots
from tests.factories import make_member

pytestmark = pytest.mark.django_db


def a_waiting_card(gateway: DemoGateway) -> Message:
    return waiting_card(make_member(store_behind(gateway)))


def test_a_waiting_card_is_sent_with_its_figures(gateway: DemoGateway) -> None:
    store = store_behind(gateway, "S1", name="云上茶舍")
    member = make_member(store, "M-7")
    message = waiting_card(member)
    report = dispatch(now=TEN)
    assert (report.sent, report.failed, report.retried, report.waiting) == (1, 0, 0, 0)
    (delivery,) = gateway.delivered
    assert (delivery.id, delivery.store, delivery.member_no, delivery.local_day) == (str(message.pk), "S1", "M-7", "2026-11-22")
    assert "云上茶舍" in delivery.body
    assert "65.00" in delivery.body
    assert delivery.params == message.params
    assert datetime.fromisoformat(delivery.decided_at) == message.decided_at
    message = reload(message)
    assert (message.status, message.sent_at, message.provider_id, message.in_doubt, message.lease_token) == ("SENT", TEN, delivery.provider_id, False, None)
    assert (last_card_of(member), store_slots(member), person_slots(member.person)) == (TODAY, 1, 1)


def test_a_second_run_sends_nothing_again(gateway: DemoGateway) -> None:
    a_waiting_card(gateway)
    dispatch(now=TEN)
    assert dispatch(now=TEN).sent == 0
    assert len(gateway.delivered) == 1


def test_the_key_says_what_the_message_is_about_and_the_person_is_no_key_of_ours(gateway: DemoGateway) -> None:
    first, second = make_member(store_behind(gateway)), make_member(store_behind(gateway))
    second.person = first.person
    second.save()
    cards = [waiting_card(first), waiting_card(second)]
    dispatch(now=TEN)
    one, other = gateway.delivered
    assert one.person == other.person, "one gateway knows a person by one id, whichever store writes"
    assert str(first.person_id) != one.person
    assert one.key != other.key
    taken_away = cards[0].occasion, cards[0].person_id
    Message.objects.filter(pk=cards[0].pk).delete()
    again = waiting_card(first)
    assert (again.occasion, again.person_id) == taken_away
    dispatch(now=TEN)
    assert gateway.stats["repeats"] == 1, "the key does not depend on the row's number"


def test_own_words_and_language_of_a_store(gateway: DemoGateway) -> None:
    store = store_behind(gateway)
    MessageTemplate.objects.create(store=store, scenario=ScenarioCode.BALANCE_REMINDER, language="en", title="Hi from {store}", body="{balance} left")
    waiting_card(make_member(store, language="en"))
    dispatch(now=TEN)
    (delivery,) = gateway.delivered
    assert (delivery.language, delivery.title, delivery.body) == ("en", f"Hi from {store.name}", "65.00 left")


def test_batches_are_as_large_as_allowed_and_shared_by_stores_of_one_gateway(gateway: DemoGateway, settings: Settings) -> None:
    settings.GATEWAY_BATCH_SIZE = 4
    waiting_cards(store_behind(gateway), 3)
    waiting_cards(store_behind(gateway), 6)
    assert dispatch(now=TEN).sent == 9
    sizes = [json.loads(line)["messages"] for line in gateway.log_path.read_text().splitlines() if '"event":"call"' in line]
    assert sorted(sizes) == [1, 4, 4]


def test_at_most_so_many_as_asked_for(gateway: DemoGateway) -> None:
    waiting_cards(store_behind(gateway), 5)
    report = dispatch(now=TEN, limit=2)
    assert (report.sent, report.waiting) == (2, 3)


# What may have been delivered is repeated with the same key; what certainly was not gives its slot back in the end.


@pytest.mark.parametrize(
    ("fault", "in_doubt", "code"),
    [
        (FaultKind.TIMEOUT, True, "no_answer"),
        (FaultKind.TIMEOUT_DELIVERED, True, "no_answer"),
        (FaultKind.RESET, True, "no_answer"),
        (FaultKind.CUT, True, "no_answer"),
        (FaultKind.DRIP, True, "no_answer"),
        (FaultKind.WRONG_JSON, True, "bad_answer"),
        (FaultKind.MISSING_RESULTS, True, "no_result"),
        (FaultKind.SERVER_ERROR, True, "server_error"),
        (FaultKind.BAD_GATEWAY, True, "server_error"),
        (FaultKind.TOO_MANY, False, "too_many"),
        (FaultKind.RETRY, False, "retry"),
        (FaultKind.REDIRECT, False, "redirected"),
    ],
)
def test_a_fault_that_passes(gateway: DemoGateway, settings: Settings, fault: FaultKind, in_doubt: bool, code: str) -> None:
    if fault in (FaultKind.TIMEOUT, FaultKind.TIMEOUT_DELIVERED, FaultKind.DRIP):
        gateway.fail_next(fault, seconds=3)
        settings.GATEWAY_TIMEOUT_SECONDS = 1
    else:
        gateway.fail_next(fault)
    message = a_waiting_card(gateway)
    report = dispatch(now=TEN)
    assert (report.sent, report.retried, report.failed, report.unknown) == (0, 1, 0, 0)
    message = reload(message)
    assert (message.status, message.in_doubt, message.error.split(":")[0], message.lease_token) == ("PENDING", in_doubt, code, None)
    Message.objects.filter(pk=message.pk).update(next_attempt_at=F("next_attempt_at") + timedelta(hours=1))
    assert dispatch(now=TEN).sent == 0, "not before its time"
    due_again(message)
    settings.GATEWAY_TIMEOUT_SECONDS = 10
    assert dispatch(now=TEN).sent == 1
    message = reload(message)
    assert (message.status, message.attempt_count, message.in_doubt, message.error) == ("SENT", 2, False, "")
    assert len(gateway.delivered) == 1
    assert not gateway.breaches()


@pytest.mark.parametrize(("fault", "code"), [(FaultKind.REJECT, "rejected"), (FaultKind.CLIENT_ERROR, "call_refused")])
def test_a_refusal_is_final_and_gives_the_slot_back(gateway: DemoGateway, fault: FaultKind, code: str) -> None:
    gateway.fail_next(fault)
    member = make_member(store_behind(gateway))
    message = waiting_card(member)
    report = dispatch(now=TEN)
    assert (report.failed, report.sent) == (1, 0)
    message = reload(message)
    assert (message.status, message.error.split(":")[0]) == ("FAILED", code)
    assert (store_slots(member), person_slots(member.person), last_card_of(member)) == (0, 0, None)
    assert dispatch(now=TEN).sent == 0


def test_rejected_ones_do_not_hold_up_the_others(gateway: DemoGateway) -> None:
    messages = waiting_cards(store_behind(gateway), 4)
    gateway.fail_next(FaultKind.REJECT, every=2)
    report = dispatch(now=TEN)
    assert (report.sent, report.failed) == (2, 2)
    assert {reload(message).status for message in messages} == {"SENT", "FAILED"}


def test_a_slow_answer_within_the_time_is_an_answer(gateway: DemoGateway) -> None:
    gateway.fail_next(FaultKind.DELAY, seconds=0.3)
    a_waiting_card(gateway)
    assert dispatch(now=TEN).sent == 1


def test_nobody_listens(gateway: DemoGateway, settings: Settings) -> None:
    message = a_waiting_card(gateway)
    settings.OUTBOUND_ALLOW = ["127.0.0.1:9"]
    message.store.gateway_url = "http://127.0.0.1:9/"
    message.store.save()
    assert dispatch(now=TEN).retried == 1
    message = reload(message)
    assert (message.in_doubt, message.error.split(":")[0]) == (False, "not_reached")


def test_an_address_that_is_not_allowed_is_never_called(gateway: DemoGateway, settings: Settings) -> None:
    message = a_waiting_card(gateway)
    settings.OUTBOUND_ALLOW = []
    assert dispatch(now=TEN).failed == 1
    assert reload(message).error == "address_refused"
    assert "calls" not in gateway.stats


def test_after_the_last_attempt_in_doubt_the_outcome_is_unknown_and_keeps_the_slot(gateway: DemoGateway, settings: Settings) -> None:
    settings.GATEWAY_MAX_ATTEMPTS = 2
    gateway.fail_next(FaultKind.BAD_GATEWAY, times=None)
    member = make_member(store_behind(gateway))
    message = waiting_card(member)
    dispatch(now=TEN)
    due_again(message)
    assert dispatch(now=TEN).unknown == 1
    assert reload(message).status == MessageStatus.UNKNOWN
    assert (store_slots(member), person_slots(member.person), last_card_of(member)) == (1, 1, TODAY)
    gateway.clear_faults()
    assert dispatch(now=TEN).sent == 0, "an unknown one is never repeated by itself"


def test_after_the_last_attempt_without_doubt_it_failed(gateway: DemoGateway, settings: Settings) -> None:
    settings.GATEWAY_MAX_ATTEMPTS = 2
    gateway.fail_next(FaultKind.TOO_MANY, times=None, retry_after="0")
    member = make_member(store_behind(gateway))
    message = waiting_card(member)
    dispatch(now=TEN)
    due_again(message)
    assert dispatch(now=TEN).failed == 1
    assert (reload(message).status, store_slots(member), last_card_of(member)) == ("FAILED", 0, None)


def test_a_refusal_does_not_undo_the_doubt_of_an_earlier_call(gateway: DemoGateway) -> None:
    """The first call was delivered and its answer lost; the second is turned away as a whole: the slot stays taken."""
    member = make_member(store_behind(gateway))
    message = waiting_card(member)
    gateway.fail_next(FaultKind.CUT)
    dispatch(now=TEN)
    gateway.fail_next(FaultKind.CLIENT_ERROR)
    due_again(message)
    assert dispatch(now=TEN).unknown == 1
    assert (reload(message).status, store_slots(member), last_card_of(member)) == ("UNKNOWN", 1, TODAY)
    assert len(gateway.delivered) == 1


def test_a_busy_gateway_does_not_undo_it_either(gateway: DemoGateway) -> None:
    message = a_waiting_card(gateway)
    gateway.fail_next(FaultKind.CUT)
    dispatch(now=TEN)
    gateway.fail_next(FaultKind.TOO_MANY)
    due_again(message)
    dispatch(now=TEN)
    assert reload(message).in_doubt is True


def test_retry_after_is_waited_for_and_the_gateway_left_alone(gateway: DemoGateway, settings: Settings) -> None:
    settings.GATEWAY_BATCH_SIZE = 1
    messages = waiting_cards(store_behind(gateway), 6)
    gateway.fail_next(FaultKind.TOO_MANY, times=None, retry_after="600")
    report = dispatch(now=TEN)
    assert report.retried <= 2, "no more than the calls that were under way"
    tried = [reload(message) for message in messages if reload(message).attempt_count]
    assert all(message.next_attempt_at >= clock.database_now() + timedelta(seconds=300) for message in tried)


def test_a_gateway_that_fails_again_and_again_is_left_alone_for_the_run(gateway: DemoGateway, settings: Settings) -> None:
    settings.GATEWAY_BATCH_SIZE = 1
    waiting_cards(store_behind(gateway), 12)
    gateway.fail_next(FaultKind.SERVER_ERROR, times=None)
    report = dispatch(now=TEN)
    assert 3 <= report.retried <= 5
    assert report.waiting == 12


def test_one_gateway_down_does_not_stop_another(gateway: DemoGateway, settings: Settings) -> None:
    down = waiting_cards(store_behind(gateway), 3)
    with DemoGateway(secret=settings.GATEWAY_SECRET) as well:
        settings.OUTBOUND_ALLOW = [gateway.netloc, well.netloc]
        waiting_cards(store_behind(well), 3)
        gateway.fail_next(FaultKind.RESET, times=None)
        assert dispatch(now=TEN).sent == 3
        assert len(well.delivered) == 3
    assert {reload(message).status for message in down} == {"PENDING"}


def test_a_gateway_without_idempotency_keys_is_never_called_twice(gateway: DemoGateway, settings: Settings) -> None:
    settings.GATEWAY_KEY_HOURS = 0
    gateway.fail_next(FaultKind.CUT)
    member = make_member(store_behind(gateway))
    message = waiting_card(member)
    assert dispatch(now=TEN).unknown == 1
    assert (reload(message).status, message.error, store_slots(member)) == ("UNKNOWN", "key_window", 1)


def test_a_crashed_attempt_beyond_the_key_window_is_parked(gateway: DemoGateway) -> None:
    member = make_member(store_behind(gateway))
    message = waiting_card(member, in_doubt=True, attempt_count=1, first_attempt_at=clock.database_now() - timedelta(hours=25))
    assert dispatch(now=TEN).unknown == 1
    assert (reload(message).error, store_slots(member)) == ("key_window", 1)
    assert "calls" not in gateway.stats


def test_a_message_that_kills_its_worker_every_time_is_put_aside(gateway: DemoGateway, settings: Settings) -> None:
    message = waiting_card(
        make_member(store_behind(gateway)), in_doubt=True, attempt_count=settings.GATEWAY_MAX_ATTEMPTS, first_attempt_at=clock.database_now()
    )
    assert dispatch(now=TEN).unknown == 1
    assert reload(message).error == "attempts"


def test_a_text_that_cannot_be_filled_in_stops_only_its_own_message(gateway: DemoGateway) -> None:
    store = store_behind(gateway)
    broken = waiting_card(make_member(store), params={"balance": "1.00"})
    waiting_card(make_member(store))
    report = dispatch(now=TEN)
    assert (report.sent, report.failed) == (1, 1)
    assert (reload(broken).status, broken.error) == ("FAILED", "no_text")


# Leases.


def leased(message: Message, *, until: str) -> uuid.UUID:
    token = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_message SET lease_token = %s, lease_until = clock_timestamp() + %s::interval, in_doubt = TRUE, attempt_count = 1,"
            " first_attempt_at = clock_timestamp() WHERE id = %s",
            [token, until, message.pk],
        )
    return token


def test_what_another_worker_holds_is_left_to_it(gateway: DemoGateway) -> None:
    message = a_waiting_card(gateway)
    leased(message, until="20 seconds")
    assert dispatch(now=TEN, wait_for_others=False).sent == 0
    assert reload(message).attempt_count == 1


def test_the_command_waits_for_a_dead_workers_lease(gateway: DemoGateway) -> None:
    message = a_waiting_card(gateway)
    leased(message, until="0.7 seconds")
    assert dispatch(now=TEN).sent == 1
    assert reload(message).attempt_count == 2


def test_a_lease_lasts_no_longer_than_thirty_seconds(gateway: DemoGateway) -> None:
    a_waiting_card(gateway)
    (target,) = claiming_targets()
    claim = claiming.claim_messages(target=target, now=TEN, limit=10)
    assert len(claim.messages) == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT lease_until - clock_timestamp() FROM campaigns_message")
        (left,) = cursor.fetchone()
    assert timedelta(0) < left <= timedelta(seconds=30)


def claiming_targets() -> list[claiming.Target]:
    from backoffice.kernel.tenancy.models import Store
    from campaigns.gateways.chosen import group_by_gateway

    return group_by_gateway(Store.objects.order_by("pk"))


def test_a_worker_that_slept_through_its_lease_changes_nothing(gateway: DemoGateway) -> None:
    """It claimed, was stopped, another worker sent the message; now it wakes up with an answer of its own."""
    from campaigns.gateways.base import Answer, Outcome, Result
    from campaigns.services.record import record_answer

    member = make_member(store_behind(gateway))
    message = waiting_card(member)
    (target,) = claiming_targets()
    stale = claiming.claim_messages(target=target, now=TEN, limit=10)
    lease_ends(message)
    assert dispatch(now=TEN).sent == 1
    sent = reload(message)
    before = (sent.status, sent.provider_id, sent.sent_at, sent.attempt_count)
    for outcome in (Outcome.REJECTED, Outcome.IN_DOUBT, Outcome.TRY_AGAIN, Outcome.ACCEPTED):
        assert not record_answer(claim=stale, answer=Answer(Result(outcome, "late", "late")))
        late = reload(message)
        assert (late.status, late.provider_id, late.sent_at, late.attempt_count) == before
    assert (store_slots(member), person_slots(member.person)) == (1, 1)


def test_a_claim_marks_the_attempt_before_the_call(gateway: DemoGateway) -> None:
    message = a_waiting_card(gateway)
    (target,) = claiming_targets()
    claiming.claim_messages(target=target, now=TEN, limit=10)
    message = reload(message)
    assert (message.attempt_count, message.in_doubt, message.status) == (1, True, "PENDING")


# Midnight.


@pytest.mark.parametrize(("before_midnight", "sent"), [(timedelta(seconds=10, milliseconds=1), 1), (timedelta(seconds=10), 0), (timedelta(0, 0, 1), 0)])
def test_claiming_stops_one_time_out_before_midnight(gateway: DemoGateway, before_midnight: timedelta, sent: int) -> None:
    a_waiting_card(gateway)
    assert dispatch(now=clock.day_end(TODAY) - before_midnight).sent == sent


def test_midnight_a_card_never_handed_over_misses_its_day_and_gives_its_slot_back(gateway: DemoGateway) -> None:
    member = make_member(store_behind(gateway))
    message = waiting_card(member, day=YESTERDAY)
    report = dispatch(now=TEN)
    assert (report.missed, report.sent) == (1, 0)
    message = reload(message)
    assert (message.status, message.reason) == ("MISSED", "missed_day")
    assert (store_slots(member, YESTERDAY), person_slots(member.person, YESTERDAY), last_card_of(member)) == (0, 0, None)
    assert not gateway.delivered


def test_midnight_a_card_in_doubt_becomes_unknown_and_is_not_repeated(gateway: DemoGateway) -> None:
    member = make_member(store_behind(gateway))
    message = waiting_card(member, day=YESTERDAY, in_doubt=True, attempt_count=1)
    report = dispatch(now=TEN)
    assert (report.unknown, report.missed) == (1, 0)
    assert (reload(message).status, store_slots(member, YESTERDAY), last_card_of(member)) == ("UNKNOWN", 1, YESTERDAY)
    assert "calls" not in gateway.stats


def test_midnight_a_refused_one_in_backoff_misses_its_day(gateway: DemoGateway) -> None:
    gateway.fail_next(FaultKind.TOO_MANY)
    member = make_member(store_behind(gateway))
    message = waiting_card(member)
    dispatch(now=TEN)
    assert dispatch(now=TEN + timedelta(days=1)).missed == 1
    assert (reload(message).status, store_slots(member)) == ("MISSED", 0)


def test_midnight_leaves_a_call_under_way_to_its_worker(gateway: DemoGateway) -> None:
    message = waiting_card(make_member(store_behind(gateway)), day=YESTERDAY)
    leased(message, until="20 seconds")
    report = dispatch(now=TEN, wait_for_others=False)
    assert (report.unknown, report.missed) == (0, 0)


def test_a_card_of_a_later_day_waits(gateway: DemoGateway) -> None:
    message = waiting_card(make_member(store_behind(gateway)), day=TODAY + timedelta(days=1))
    assert dispatch(now=TEN).sent == 0
    assert reload(message).status == "PENDING"


# What is looked at once more before the call.


def test_a_member_who_left_meanwhile_gets_nothing(gateway: DemoGateway) -> None:
    member = make_member(store_behind(gateway))
    message = waiting_card(member)
    type(member).objects.filter(pk=member.pk).update(status=MemberStatus.LEFT)
    assert dispatch(now=TEN).cancelled == 1
    assert (reload(message).status, message.reason, store_slots(member)) == ("CANCELLED", "not_active", 0)


def test_a_member_who_switched_the_cards_off_gets_nothing(gateway: DemoGateway) -> None:
    member = make_member(store_behind(gateway), credit_cards_on=True)
    message = waiting_card(member)
    type(member).objects.filter(pk=member.pk).update(credit_cards_on=False)
    assert dispatch(now=TEN).cancelled == 1
    assert (reload(message).reason, store_slots(member)) == ("cards_off", 0)


def test_a_closed_store_sends_nothing(gateway: DemoGateway) -> None:
    member = make_member(store_behind(gateway))
    message = waiting_card(member)
    type(member.store).objects.filter(pk=member.store_id).update(status=StoreStatus.CLOSED)
    assert dispatch(now=TEN).cancelled == 1
    assert (reload(message).reason, store_slots(member)) == ("store_closed", 0)


def test_switched_off_with_an_attempt_in_doubt_is_not_repeated(gateway: DemoGateway) -> None:
    member = make_member(store_behind(gateway))
    message = waiting_card(member)
    gateway.fail_next(FaultKind.CUT)
    dispatch(now=TEN)
    ReminderSetting.objects.update(enabled=False)
    due_again(message)
    assert dispatch(now=TEN).unknown == 1
    assert (reload(message).status, message.error, store_slots(member)) == ("UNKNOWN", "stopped", 1)
    assert gateway.stats["calls"] == 1


# Gateways of a store.


def test_a_store_without_gateway_writes_to_the_file_of_a_local_deployment(settings: Settings, tmp_path: object) -> None:
    from tests.campaigns.reminders import store_with_reminders

    settings.LOCAL_STATE_DIR = tmp_path
    message = waiting_card(make_member(store_with_reminders()))
    assert dispatch(now=TEN).sent == 1
    (line,) = (settings.LOCAL_STATE_DIR / "gateway-messages.jsonl").read_text().splitlines()
    assert json.loads(line)["id"] == str(message.pk)


def test_a_store_without_gateway_waits_in_production(settings: Settings) -> None:
    from tests.campaigns.reminders import store_with_reminders

    settings.DEPLOYMENT = "production"
    message = waiting_card(make_member(store_with_reminders()))
    report = dispatch(now=TEN)
    assert (report.sent, report.waiting, report.without_gateway) == (0, 1, 1)
    assert reload(message).attempt_count == 0


def test_stores_with_secrets_of_their_own_are_called_apart(settings: Settings) -> None:
    with DemoGateway(secret={"A": "secret-of-a", "": settings.GATEWAY_SECRET}) as gateway:
        settings.OUTBOUND_ALLOW = [gateway.netloc]
        waiting_card(make_member(store_behind(gateway, "A", gateway_secret="secret-of-a")))
        waiting_card(make_member(store_behind(gateway, "B")))
        assert dispatch(now=TEN).sent == 2
        assert gateway.stats["calls"] == 2


def test_a_claim_whose_day_is_over_before_the_call_is_not_sent(gateway: DemoGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process stood still between claiming and calling: the message would go out on a day whose slot it does not hold."""
    message = a_waiting_card(gateway)
    before_midnight = clock.day_end(TODAY) - timedelta(seconds=60)
    monkeypatch.setattr(clock, "database_now", lambda: before_midnight)
    monkeypatch.setattr(dispatching, "claim_messages", _claims_slowly(monkeypatch, seconds=55))
    report = dispatch(wait_for_others=False)
    assert (report.sent, report.retried, gateway.delivered) == (0, 1, [])
    assert (reload(message).status, message.in_doubt) == ("PENDING", False)


def test_a_claim_of_a_moment_ago_is_sent(gateway: DemoGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    a_waiting_card(gateway)
    before_midnight = clock.day_end(TODAY) - timedelta(seconds=60)
    monkeypatch.setattr(clock, "database_now", lambda: before_midnight)
    monkeypatch.setattr(dispatching, "claim_messages", _claims_slowly(monkeypatch, seconds=5))
    assert dispatch(wait_for_others=False).sent == 1


def _claims_slowly(monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> Callable[..., claiming.Claim]:
    """Claims, and lets this process's clock move on by ``seconds`` meanwhile."""
    real_claim, real_time = dispatching.claim_messages, time.time

    def claim(**asked: Any) -> claiming.Claim:
        monkeypatch.setattr(dispatching, "time", SimpleNamespace(time=lambda: real_time() + seconds, monotonic=time.monotonic, sleep=time.sleep))
        return real_claim(**asked)

    return claim
