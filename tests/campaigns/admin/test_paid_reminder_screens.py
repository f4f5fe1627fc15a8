"""Reminders about paid membership: the switches on the screen, what they write, and the last run beside them."""

from __future__ import annotations

from datetime import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.services.bars import impose_bar
from campaigns.models import PaidReminderSetting
from tests.campaigns.admin.test_reminder_screens import address, client_of, text_of
from tests.campaigns.paid import holder, selling_store
from tests.campaigns.reminders import LONG_AGO, TEN, TODAY, days, run_at
from tests.factories import make_store, make_user

pytestmark = pytest.mark.django_db


def test_the_owner_switches_on_and_the_service_writes_it():
    store = make_store("mine", name="云杉")
    owner = client_of(make_user(Role.MERCHANT_OWNER, merchant=store.merchant))
    page = text_of(owner.get(address("paidremindersetting_add")))
    assert "it is owed to them and has no switch" in page
    answer = owner.post(address("paidremindersetting_add"), {"store": store.pk, "ending_on": "on", "send_time": "09:30"})
    setting = PaidReminderSetting.objects.get(store=store)
    assert (answer.status_code, answer["Location"]) == (302, address("paidremindersetting_change", setting.pk))
    assert (setting.ending_on, setting.benefits_on, setting.send_time) == (True, False, time(9, 30))
    owner.post(address("paidremindersetting_change", setting.pk), {"benefits_on": "on", "send_time": "09:30"})
    setting.refresh_from_db()
    assert (setting.ending_on, setting.benefits_on) == (False, True)
    assert setting.updated_by.seats.get().merchant_id == store.merchant_id


def test_a_barred_merchant_reads_why_it_was_not_switched_on():
    program = selling_store(ending_on=False, benefits_on=False)
    impose_bar(merchant=program.store.merchant, reason="False promise", by=make_user(), now=LONG_AGO)
    owner = client_of(make_user(Role.MERCHANT_OWNER, merchant=program.store.merchant))
    setting = PaidReminderSetting.objects.get()
    page = text_of(owner.post(address("paidremindersetting_change", setting.pk), {"ending_on": "on", "send_time": "10:00"}))
    assert "This merchant is barred from new member features" in page
    setting.refresh_from_db()
    assert not setting.ending_on


def test_the_list_tells_of_the_last_run_in_the_same_queries_for_one_store_and_three():
    holder(selling_store(), ends_on=TODAY + days(6))
    run_at(TEN)
    platform = client_of(make_user(Role.PLATFORM_MEMBER_OPS))
    with CaptureQueriesContext(
        connection,
    ) as one:
        page = text_of(platform.get(address("paidremindersetting_changelist", console="platform")))
    assert "2026-11-22 · 1 card due · held back: 0" in page
    for _number in range(2):
        selling_store()
    with CaptureQueriesContext(connection) as three:
        text_of(platform.get(address("paidremindersetting_changelist", console="platform")))
    assert len(one) == len(three)
