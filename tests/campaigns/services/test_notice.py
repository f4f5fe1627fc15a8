"""The notice after a payment: one a payment, under both caps, on its day or never. The examples of the rules by name."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from backoffice.kernel import clock
from campaigns.choices import MessageStatus, ScenarioCode
from campaigns.models import Message, PersonDayCounter, WakeUp
from campaigns.scenarios.cards import CardTexts
from campaigns.services import wake
from campaigns.services.dispatch import dispatch
from campaigns.services.notice import note_payment
from campaigns.services.retry import ONE_DAY_ONLY, RetryRefused, retry_message
from campaigns.services.settings import set_reminder
from members.models import Member, Payment
from members.services.credit import hold
from members.services.members import change_status, switch_credit_cards
from tests.campaigns.delivery import store_behind
from tests.campaigns.reminders import (
    LONG_AGO,
    TEN,
    TODAY,
    cards_of,
    days,
    give,
    member_with_credit,
    only_card_of,
    other_message,
    person_slots,
    run_at,
    store_slots,
    store_with_reminders,
)
from tests.factories import make_person, make_store
from tests.members.ledger import yuan
from tests.members.paying import give_back, pay
from tests.members.services.test_credit_parallel import at_once

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def member() -> Member:
    """65 yuan of credit in a store whose reminders are on."""
    return member_with_credit(store_with_reminders())


def pay_now(member: Member, credit: str | int = 5, *, now: datetime = TEN, **fields: Any) -> Message | None:
    """A payment of 20 yuan told when it was made; its message, if any."""
    paid = pay(member, 20, credit, now=now, **({"paid_at": now} | fields))
    return Message.objects.filter(scenario=ScenarioCode.AFTER_PAYMENT, occasion=paid.payment.pk).first()


def state(message: Message | None) -> tuple[str, str]:
    assert message is not None
    return message.status, message.reason


# --- the examples


def test_a_payment_with_credit_gives_one_notice_with_the_balance_left(member: Member) -> None:
    give(member, "10", "20", expires_at=TEN + days(3))
    give(member, "7", expires_at=TEN - MINUTE)  # lapsed and not swept: not counted
    hold(member=member, amount=yuan(30), order_no="H", idempotency_key="h", by=None, now=TEN)  # the lot that lapses first: gone from the balance
    message = pay_now(member, "5.50", order_no="订单１")
    assert message is not None
    assert state(message) == ("PENDING", "")
    assert message.params == {"balance": "59.50", "principal": "59.50", "bonus": "0.00", "used": "5.50", "order_no": "订单１"}
    assert (message.member, message.person, message.local_day, message.decided_at) == (member, member.person, TODAY, TEN)
    assert message.occasion == Payment.objects.get().pk
    assert (store_slots(member), person_slots(member.person)) == (1, 1)
    text = CardTexts([message.store_id]).render(
        store_id=message.store_id, store_name="云杉", scenario=message.scenario, language="zh-hans", params=message.params
    )
    assert (text.title, text.body) == ("购物金支付成功", "您在云杉的订单使用了 5.50 元购物金，购物金余额 59.50 元。")


def test_a_payment_that_takes_the_last_yuan_says_so(member: Member) -> None:
    message = pay(member, 65, 65, now=TEN) and only_card_of(member)
    assert message.params["balance"] == "0.00"


def test_a_payment_that_used_no_credit_gives_nothing(member: Member) -> None:
    assert pay_now(member, 0) is None
    assert (store_slots(member), cards_of(member)) == (0, [])


def test_paid_yesterday_told_today_is_stale(member: Member) -> None:
    message = pay_now(member, paid_at=clock.day_start(TODAY) - MINUTE)
    assert message is not None
    assert state(message) == ("SUPPRESSED", "stale")
    assert (message.local_day, message.decided_at, store_slots(member), store_slots(member, TODAY - days(1))) == (TODAY - days(1), TEN, 0, 0)


@pytest.mark.parametrize(("paid", "told", "reason"), [("00:00", "23:59", ""), ("23:59", "23:59", "")])
def test_all_of_the_local_day_counts(member: Member, paid: str, told: str, reason: str) -> None:
    message = pay_now(member, now=clock.at_local(TODAY, time.fromisoformat(told)), paid_at=clock.at_local(TODAY, time.fromisoformat(paid)))
    assert state(message) == ("PENDING", reason)


def test_a_shops_clock_that_is_past_midnight_already_is_not_todays_payment(member: Member) -> None:
    message = pay_now(member, now=clock.day_end(TODAY) - MINUTE, paid_at=clock.day_end(TODAY))
    assert state(message) == ("SUPPRESSED", "stale")


def test_third_of_the_day_meets_the_store_cap(member: Member) -> None:
    first, second, third = (pay_now(member) for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    assert [state(message) for message in (first, second, third)] == [("PENDING", ""), ("PENDING", ""), ("SUPPRESSED", "store_cap")]
    assert third.cap_facts == {"cap": "store_cap", "used": 2, "taken_by": [first.pk, second.pk]}
    assert third.params["balance"] == "50.00", "figures are stored all the same"
    assert store_slots(member) == 2


def test_eleventh_of_the_day_meets_the_platform_cap(member: Member) -> None:
    taken = [other_message(member.person, store) for store in (make_store() for _ in range(5)) for _ in range(2)]
    message = pay_now(member)
    assert message is not None
    assert state(message) == ("SUPPRESSED", "platform_cap")
    assert message.cap_facts == {"cap": "platform_cap", "used": 10, "taken_by": [each.pk for each in taken]}
    assert (store_slots(member), person_slots(member.person)) == (0, 10), "the store's slot came back"


def test_a_reminder_of_the_morning_counts(member: Member) -> None:
    run_at(TEN)
    assert [state(pay_now(member, now=TEN + MINUTE)) for _ in range(2)] == [("PENDING", ""), ("SUPPRESSED", "store_cap")]


def test_a_frozen_member_gets_none(member: Member) -> None:
    change_status(member=member, to="FROZEN", reason="检查", by=None, now=TEN)
    assert state(pay_now(member)) == ("SUPPRESSED", "not_active")
    assert store_slots(member) == 0


def test_a_member_who_switched_cards_off_gets_none(member: Member) -> None:
    switch_credit_cards(member=member, on=False, reason="不要", by=None, now=TEN)
    assert state(pay_now(member)) == ("SUPPRESSED", "cards_off")


def test_setting_off_owes_no_notice() -> None:
    member = member_with_credit(make_store())
    assert pay_now(member) is None
    set_reminder(store=member.store, enabled=True, send_time=time(10), by=None, now=LONG_AGO)
    set_reminder(store=member.store, enabled=False, send_time=time(10), by=None, now=TEN)
    assert pay_now(member) is None
    assert store_slots(member) == 0


def test_a_closed_store_owes_no_notice(member: Member) -> None:
    type(member.store).objects.filter(pk=member.store_id).update(status="CLOSED")
    assert pay_now(member) is None


def test_switched_on_counts_from_the_next_payment() -> None:
    member = member_with_credit(make_store())
    assert pay_now(member, now=TEN) is None
    set_reminder(store=member.store, enabled=True, send_time=time(9), by=None, now=TEN + MINUTE)
    assert pay_now(member, now=TEN + 2 * MINUTE, paid_at=TEN) is None, "made before, told after"
    assert state(pay_now(member, now=TEN + 2 * MINUTE)) == ("PENDING", "")


def test_switching_off_cancels_what_waits(member: Member) -> None:
    message = pay_now(member)
    assert message is not None
    set_reminder(store=member.store, enabled=False, send_time=time(10), by=None, now=TEN + MINUTE)
    message.refresh_from_db()
    assert (state(message), store_slots(member)) == (("CANCELLED", "setting_off"), 0)


def test_a_repeated_payment_gives_one_notice(member: Member) -> None:
    for _ in range(3):
        pay_now(member, order_no="A")
    assert state(only_card_of(member)) == ("PENDING", "")
    note_payment(Payment.objects.select_related("member", "store").get(), TEN)
    assert (len(cards_of(member)), store_slots(member)) == (1, 1)
    give_back(member, "A", now=TEN)
    assert len(cards_of(member)) == 1, "a refund is no payment"


def test_a_payment_over_several_stores_is_one_notice_a_store() -> None:
    person = make_person()
    members = [member_with_credit(store_with_reminders(), person=person) for _ in range(3)]
    for each in members:
        pay_now(each, order_no="A")
    assert [(state(only_card_of(each)), store_slots(each)) for each in members] == [(("PENDING", ""), 1)] * 3
    assert person_slots(person) == 3


def test_a_payment_that_captures_a_hold_tells_what_is_left_after_the_release(member: Member) -> None:
    number = hold(member=member, amount=yuan(50), order_no="A", idempotency_key="h", by=None, now=TEN).hold_id
    message = pay_now(member, 20, order_no="A", hold_id=number)
    assert message is not None
    assert (message.params["balance"], message.params["used"]) == ("45.00", "20.00")


@pytest.mark.parametrize(("language", "body"), [("en", "You used 5.00 yuan of your credit for an order at 云杉. Your balance is 60.00 yuan."), ("zh-hans", "")])
def test_it_goes_in_the_members_language(language: str, body: str) -> None:
    member = member_with_credit(store_with_reminders(name="云杉"), language=language)
    message = pay_now(member)
    assert message is not None
    assert message.language == language
    text = CardTexts([message.store_id]).render(
        store_id=message.store_id, store_name="云杉", scenario=message.scenario, language=message.language, params=message.params
    )
    assert text.body == (body or "您在云杉的订单使用了 5.00 元购物金，购物金余额 60.00 元。")


def test_with_the_payment_goes_its_notice(member: Member) -> None:
    with transaction.atomic():
        pay_now(member)
        transaction.set_rollback(True)
    assert (Message.objects.count(), Payment.objects.count(), store_slots(member)) == (0, 0, 0)


# --- handing over


def test_midnight_it_is_missed_and_never_tried_another_day(gateway: Any) -> None:
    member = member_with_credit(store_behind(gateway))
    late = clock.day_end(TODAY) - timedelta(seconds=5)
    message = pay_now(member, now=late)
    assert message is not None
    assert dispatch(now=late).sent == 0, "a call could still run when the day is over"
    assert dispatch(now=clock.day_end(TODAY)).missed == 1
    message.refresh_from_db()
    assert (state(message), store_slots(member), gateway.delivered) == (("MISSED", "missed_day"), 0, [])
    run_at(TEN + days(1))
    dispatch(now=TEN + days(1))
    assert {delivery.scenario for delivery in gateway.delivered} == {"BALANCE_REMINDER"}
    Message.objects.filter(pk=message.pk).update(status="FAILED")
    with pytest.raises(RetryRefused) as caught:
        retry_message(message=message, by=None, now=TEN + days(1))
    assert caught.value.message == ONE_DAY_ONLY


def test_notices_go_before_whatever_else_waits(gateway: Any, settings: Any) -> None:
    settings.GATEWAY_BATCH_SIZE = 1
    store = store_behind(gateway)
    members = [member_with_credit(store) for _ in range(4)]
    run_at(TEN)
    pay_now(members[3], now=TEN + MINUTE)
    assert dispatch(now=TEN + 2 * MINUTE).sent == 5
    assert "AFTER_PAYMENT" in {delivery.scenario for delivery in gateway.delivered[:2]}, "two calls are under way at once"


def test_a_notice_that_comes_while_others_are_handed_over_goes_next(gateway: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from campaigns.services import dispatch as module

    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)
    settings.GATEWAY_BATCH_SIZE = 1
    busy, quiet = store_behind(gateway), store_behind(gateway)
    for _ in range(6):
        member_with_credit(busy)
    payer = member_with_credit(quiet, last_card=TODAY)
    run_at(TEN)
    real, calls = module.record_answer, []

    def record(**arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            pay_now(payer, now=TEN + MINUTE)
        return real(**arguments)

    monkeypatch.setattr(module, "record_answer", record)
    assert dispatch(now=TEN + 2 * MINUTE).sent == 7
    assert [delivery.scenario for delivery in gateway.delivered].index("AFTER_PAYMENT") <= 3


def test_the_gateway_gets_the_figures_of_the_decision(gateway: Any) -> None:
    member = member_with_credit(store_behind(gateway))
    pay_now(member)
    give(member, "100")
    dispatch(now=TEN + MINUTE)
    (delivery,) = gateway.delivered
    assert (delivery.scenario, delivery.params["balance"], delivery.local_day) == ("AFTER_PAYMENT", "60.00", TODAY.isoformat())
    assert "60.00" in delivery.body
    assert not member.__class__.objects.filter(pk=member.pk, reminder_clock__isnull=False).exists(), "the 30 days of the reminders do not move"


# --- many at once


@pytest.mark.django_db(transaction=True)
def test_fifty_payments_at_once_of_one_member_give_two_notices() -> None:
    member = member_with_credit(store_with_reminders())
    outcomes = at_once(10, lambda _number: [state(pay_now(member, 1)) for _ in range(5)])
    assert Counter(outcome for several in outcomes for outcome in several) == {("PENDING", ""): 2, ("SUPPRESSED", "store_cap"): 48}
    assert (store_slots(member), person_slots(member.person)) == (2, 2)
    assert Payment.objects.count() == 50
    figures = sorted((message.params["balance"] for message in cards_of(member)), reverse=True)
    assert figures == [f"{64 - number}.00" for number in range(50)], "each tells the balance right after its own payment"


@pytest.mark.django_db(transaction=True)
def test_payments_in_many_stores_at_once_give_ten_notices() -> None:
    person = make_person()
    members = [member_with_credit(store_with_reminders(), person=person) for _ in range(8)]
    at_once(8, lambda number: [pay_now(members[number]) for _ in range(2)])
    assert Counter(message.status for message in Message.objects.all()) == {"PENDING": 10, "SUPPRESSED": 6}
    assert person_slots(person) == 10
    assert PersonDayCounter.objects.get().used == 10


# --- waking a worker


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    tasks: list[tuple[Any, ...]] = []
    monkeypatch.setattr(wake, "publish_beside", lambda task, arguments, **options: tasks.append((task, *arguments)))
    return tasks


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_woken_after_the_commit_and_only_for_what_goes(sent: list[Any]) -> None:
    member = member_with_credit(store_with_reminders())
    with transaction.atomic():
        pay_now(member)
        assert sent == []
    assert sent == [("campaigns.hand_over_notices", member.store_id)]
    wake.begin(member.store_id)
    pay_now(member, paid_at=TEN - days(1))
    pay_now(member, 0)
    assert len(sent) == 1


@pytest.mark.django_db(transaction=True)
def test_a_burst_wakes_one_worker_a_store(sent: list[Any]) -> None:
    store = store_with_reminders()
    members = [member_with_credit(store) for _ in range(8)]
    at_once(8, lambda number: [pay_now(members[number]) for _ in range(2)])
    assert len(sent) == 1
    wake.begin(store.pk)
    pay_now(member_with_credit(store))
    assert len(sent) == 2, "the task has begun: what comes now may be behind what it looks at"


@pytest.mark.django_db(transaction=True)
def test_a_wake_up_that_nobody_answered_is_sent_again_after_a_while(sent: list[Any]) -> None:
    store = store_with_reminders()
    wake.wake(store.pk)
    wake.wake(store.pk)
    assert len(sent) == 1
    WakeUp.objects.update(asked_at=datetime.now(tz=clock.local_zone()) - wake.PATIENCE)
    wake.wake(store.pk)
    assert len(sent) == 2


def test_the_note_that_a_worker_was_woken_writes_no_log_of_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence::text FROM pg_class WHERE relname = 'campaigns_wakeup'")
        assert cursor.fetchone() == ("u",)


@pytest.mark.django_db(transaction=True)
def test_a_failing_wake_up_fails_no_payment(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any, **_options: Any) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(wake, "publish_beside", fail)
    member = member_with_credit(store_with_reminders())
    assert state(pay_now(member)) == ("PENDING", "")
    assert Message.objects.get().status == MessageStatus.PENDING
