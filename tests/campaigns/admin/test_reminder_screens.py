"""Reminder settings, runs, message texts and the why-not page: what they show, to whom, and what they write."""

from __future__ import annotations

from datetime import time, timedelta
from html import unescape

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.kernel import clock
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.roles import Role
from campaigns.choices import MessageStatus, ScenarioCode
from campaigns.models import Message, MessageTemplate, ReminderRun, ReminderSetting
from members.models import Member
from tests.campaigns.reminders import LONG_AGO, member_with_credit, other_message, run_at, store_with_reminders
from tests.factories import make_merchant, make_store, make_user
from tests.members.paying import pay

pytestmark = pytest.mark.django_db
BACKEND = "backoffice.kernel.tenancy.auth.SeatBackend"


def client_of(user: User, language: str = "en") -> Client:
    User.objects.filter(pk=user.pk).update(language=language)
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


@pytest.fixture
def store() -> Store:
    return make_store("mine", name="云杉", merchant=make_merchant("m1"))


@pytest.fixture
def owner(store: Store) -> Client:
    return client_of(make_user(Role.MERCHANT_OWNER, merchant=store.merchant))


@pytest.fixture
def analyst(store: Store) -> Client:
    return client_of(make_user(Role.MERCHANT_ANALYST, merchant=store.merchant))


def text_of(answer) -> str:
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def address(name: str, *args: object, console: str = "merchant") -> str:
    return reverse(f"{console}:campaigns_{name}", args=args)


# --- settings


def test_one_page_shows_the_card_for_whom_and_how_many_and_one_button_switches_on(owner, store):
    member_with_credit(store, ("65.00", None), member_no="M1")
    soon = clock.database_now() + timedelta(days=4)
    member_with_credit(store, ("45.00", None), ("20.00", soon), member_no="M2")
    page = text_of(owner.get(address("remindersetting_changelist")))
    assert address("remindersetting_add") + f"?store={store.pk}" in page
    page = text_of(owner.get(address("remindersetting_add") + f"?store={store.pk}"))
    assert 'value="10:00"' in page
    assert "Expiry reminder 1 · Balance reminder 1" in page
    assert "您在云杉有 20.00 元购物金将在 7 天内到期" in page
    assert "You have 65.00 yuan of shopping credit at 云杉." in page
    assert "M1" in page
    assert "M2" in page
    answer = owner.post(address("remindersetting_add") + f"?store={store.pk}", {"store": store.pk, "send_time": "10:00", "enabled": "on"})
    setting = ReminderSetting.objects.get(store=store)
    assert (answer.status_code, answer["Location"]) == (302, address("remindersetting_change", setting.pk))
    assert (setting.enabled, setting.send_time, setting.updated_by.seats.get().merchant_id) == (True, time(10, 0), store.merchant_id)
    (message,) = get_messages(answer.wsgi_request)
    assert "Reminders are on. The next cards go out at" in str(message)


def test_the_button_without_a_switch_turns_off_and_cancels(owner):
    store = store_with_reminders("mine2", merchant=Store.objects.get(code="mine").merchant)
    member = member_with_credit(store)
    today_at_ten = clock.at_local(clock.local_day(clock.database_now()), time(10, 0))
    run_at(today_at_ten)
    setting = ReminderSetting.objects.get(store=store)
    assert "Cards that wait now and would be cancelled: 1." in text_of(owner.get(address("remindersetting_change", setting.pk)))
    answer = owner.post(address("remindersetting_change", setting.pk), {"send_time": "10:00"})
    assert answer.status_code == 302
    assert (ReminderSetting.objects.get(store=store).enabled, member.messages.get().status) == (False, MessageStatus.CANCELLED)


def test_a_wrong_time_is_refused_beside_the_field_and_nothing_changes(owner, store):
    answer = owner.post(address("remindersetting_add") + f"?store={store.pk}", {"store": store.pk, "send_time": "25:99", "enabled": "on"})
    assert "Enter a valid time." in text_of(answer)
    assert not ReminderSetting.objects.exists()


def test_who_may_only_read_sees_the_page_without_buttons_and_cannot_post(analyst, store):
    setting = ReminderSetting.objects.create(store=store)
    page = text_of(analyst.get(address("remindersetting_change", setting.pk)))
    assert "Switch reminders on" not in page
    assert "What the card looks like" in page
    assert analyst.post(address("remindersetting_change", setting.pk), {"send_time": "10:00", "enabled": "on"}).status_code == 403
    assert ReminderSetting.objects.get().enabled is False


def test_a_closed_store_is_not_switched_on(owner, store):
    Store.objects.update(status="CLOSED")
    setting = ReminderSetting.objects.create(store=store)
    assert "The store is closed." in text_of(owner.get(address("remindersetting_change", setting.pk)))
    answer = owner.post(address("remindersetting_change", setting.pk), {"send_time": "10:00", "enabled": "on"})
    assert "Reminders can be switched on for an open store only." in text_of(answer)
    assert ReminderSetting.objects.get().enabled is False


def test_another_merchants_store_is_neither_offered_nor_taken(owner):
    foreign = make_store("QFOREIGNQ", name="QFOREIGNQ")
    member_with_credit(foreign, nickname="QFOREIGNQ", member_no="QFOREIGNQ")
    for url in (address("remindersetting_changelist"), address("remindersetting_add"), address("remindersetting_add") + f"?store={foreign.pk}"):
        assert "QFOREIGNQ" not in text_of(owner.get(url))
    answer = owner.post(address("remindersetting_add"), {"store": foreign.pk, "send_time": "10:00", "enabled": "on"})
    assert "QFOREIGNQ" not in text_of(answer)
    assert not ReminderSetting.objects.exists()


# --- runs


def test_figures_of_a_run_lead_to_their_rows(owner, store):
    store = store_with_reminders("runs", merchant=store.merchant)
    day = clock.local_day(clock.database_now())
    capped = member_with_credit(store)
    for _ in range(2):
        other_message(capped.person, store, day, member=capped)
    payer = member_with_credit(store)
    run_at(clock.at_local(day, time(10, 0)))
    for _ in range(2):  # one notice goes, the other meets the store's cap: neither is the run's
        pay(payer, 20, 5, now=clock.at_local(day, time(10, 0)))
    run = ReminderRun.objects.get(store=store)
    assert run.local_day.isoformat() in text_of(owner.get(address("reminderrun_changelist")))
    page = text_of(owner.get(address("reminderrun_change", run.pk)))
    rows = f"{address('message_changelist')}?store__id__exact={store.pk}&local_day_from={day}&local_day_to={day}"
    periodic = "scenario__in=BALANCE_REMINDER,EXPIRY_REMINDER"
    for query, number in (
        (periodic, 2),
        (f"{periodic}&reason__exact=store_cap", 1),
        (f"{periodic}&status__exact=PENDING", 1),
        (f"{periodic}&status__exact=SUPPRESSED", 1),
        ("scenario__exact=AFTER_PAYMENT", 2),
    ):
        assert f"{rows}&{query}" in page
        listed = owner.get(f"{rows}&{query}").context["cl"].result_list
        assert len(list(listed)) == number


def test_lists_ask_as_many_questions_for_three_rows_as_for_one(owner, store):
    def questions(url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            text_of(owner.get(url))
        return len(captured)

    def add_one(code: str) -> None:
        one = store_with_reminders(code, merchant=store.merchant)
        ReminderRun.objects.create(store=one, local_day="2026-11-20", scheduled_at=LONG_AGO)
        MessageTemplate.objects.create(store=one, scenario=ScenarioCode.BALANCE_REMINDER, title="t", body="b")

    add_one("q1")
    addresses = [address(name) for name in ("reminderrun_changelist", "messagetemplate_changelist")]
    for url in addresses:
        text_of(owner.get(url))
    before = [questions(url) for url in addresses]
    add_one("q2")
    add_one("q3")
    assert [questions(url) for url in addresses] == before


# --- texts


def test_a_stores_own_words_are_checked_and_saved(owner, store):
    url = address("messagetemplate_add") + f"?store={store.pk}&scenario=BALANCE_REMINDER&language=en"
    page = text_of(owner.get(url))
    assert "You have {balance} yuan of shopping credit at {store}." in page
    assert "You have 65.00 yuan of shopping credit at 云杉." in page
    given = {"store": store.pk, "scenario": "BALANCE_REMINDER", "language": "en", "title": "Hello", "body": "You have {amount}"}
    assert "There is no placeholder {amount}." in text_of(owner.post(url, given))
    assert not MessageTemplate.objects.exists()
    assert owner.post(url, {**given, "body": "You have {balance} yuan"}).status_code == 302
    template = MessageTemplate.objects.get()
    assert (template.store, template.body) == (store, "You have {balance} yuan")
    assert "You have 65.00 yuan" in text_of(owner.get(address("messagetemplate_change", template.pk)))
    assert owner.post(address("messagetemplate_change", template.pk), {"title": "Hello", "body": "{balance"}).status_code == 200
    assert MessageTemplate.objects.get().body == "You have {balance} yuan"
    answer = owner.post(address("messagetemplate_use_standard_words", template.pk), {"_form_submitted": "True"})
    assert (answer.status_code, MessageTemplate.objects.count()) == (302, 0)


# --- why not


@pytest.fixture
def member(store: Store) -> Member:
    return member_with_credit(store, member_no="M1", nickname="王芳")


def test_why_not_answers_in_two_clicks_from_the_member(owner, member):
    page = text_of(owner.get(reverse("merchant:members_member_change", args=[member.pk])))
    first = f"{address('why_not')}?member={member.pk}"
    assert first in page
    page = text_of(owner.get(first))
    assert "The store's reminders are not switched on." in page
    yesterday = clock.local_day(clock.database_now()) - timedelta(days=1)
    second = f"{first}&date={yesterday.isoformat()}"
    assert second in page
    assert "The store's reminders are not switched on." in text_of(owner.get(second))


def test_why_not_finds_a_member_by_number_and_says_when_there_is_none(owner, member):
    assert "王芳" in text_of(owner.get(address("why_not"), {"member_no": "M1", "store": "mine"}))
    assert "There is no member with this number." in text_of(owner.get(address("why_not"), {"member_no": "M2"}))
    assert "That is not a day." in text_of(owner.get(address("why_not"), {"member_no": "M1", "date": "yesterday"}))


def test_why_not_of_a_foreign_member_is_as_of_a_missing_one(owner, member):
    foreign = member_with_credit(make_store("QFOREIGNQ", name="QFOREIGNQ"), member_no="QFOREIGNQ")
    for number in (foreign.pk, 987654321, "x", "9" * 30):
        assert owner.get(address("why_not"), {"member": number}).status_code == 404
    page = text_of(owner.get(address("why_not"), {"member_no": "QFOREIGNQ"}))
    assert "There is no member with this number." in page


def test_other_stores_messages_are_named_to_the_platform_only(owner, member):
    day = clock.local_day(clock.database_now())
    store = member.store
    ReminderSetting.objects.create(store=store, enabled=True)
    elsewhere = [make_store(name=f"QELSE{number}Q") for number in range(5)]
    for other in elsewhere:
        for _ in range(2):
            other_message(member.person, other, day)
    run_at(clock.at_local(day, time(10, 0)))
    assert Message.objects.get(member=member).reason == "platform_cap"
    page = text_of(owner.get(address("why_not"), {"member": member.pk}))
    assert "This person had 10 messages from all stores that day" in page
    assert "QELSE" not in page
    staff = client_of(make_user(Role.PLATFORM_MEMBER_OPS))
    assert "QELSE0Q" in text_of(staff.get(address("why_not", console="platform"), {"member": member.pk}))


def test_why_not_is_closed_to_roles_without_the_right(member):
    industry = client_of(make_user(Role.PLATFORM_INDUSTRY_OPS))
    assert industry.get(address("why_not", console="platform"), {"member": member.pk}).status_code == 403
