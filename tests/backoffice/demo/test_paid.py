"""The demo's paid membership: every kind of thing a desk shows is there, and every invariant holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backoffice.demo.paid import SHOPS, load_paid, remind_holders, take_paid
from backoffice.kernel import clock
from campaigns.models import Message
from campaigns.services.runs import run_reminders
from members.paid.choices import ComplaintStatus
from members.paid.models import Fulfilment, Nomination, PaidProgram
from tests.factories import make_member, make_merchant, make_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def shops(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    now = clock.database_now()
    stores = {code: make_store(code, merchant=make_merchant(code)) for code in (SHOPS.selling, SHOPS.in_review, SHOPS.wishing, SHOPS.sanctioned)}
    for code in (SHOPS.selling, SHOPS.sanctioned):
        for number in range(80):
            make_member(stores[code], f"{code}-{number}", joined_at=now - timedelta(days=400))
    return now


def test_everything_is_there_and_holds(shops):
    said: list[str] = []
    load_paid(shops, said.append)
    paid = take_paid()
    assert paid.broken == ()
    assert {status: paid.programs.get(status, 0) for status in ("LIVE", "DRAFT", "REVOKED")} == {"LIVE": 1, "DRAFT": 1, "REVOKED": 1}
    assert set(paid.complaints) == set(ComplaintStatus.values)
    assert {"ISSUED", "USED", "EXPIRED"} <= set(paid.issues)
    assert paid.memberships["ACTIVE"] > 70
    assert paid.memberships["CANCELLED"] == 1
    today = clock.local_day(shops)
    due = Fulfilment.objects.filter(store__code=SHOPS.selling, status="DUE")
    assert due.filter(deliver_by__lt=today).exists()
    assert due.filter(deliver_by__gte=today).exists()
    assert Fulfilment.objects.filter(status="DONE").count() == 3
    assert PaidProgram.objects.get(status="LIVE").pack.benefits.count() == 5
    assert sorted(Nomination.objects.values_list("status", flat=True)) == ["OPEN", "OPEN", "OPEN", "PROPOSED"]


def test_its_reminders_go_through_the_caps_and_a_second_start_does_nothing(shops):
    load_paid(shops, lambda _line: None)
    before = take_paid()
    run_reminders(now=lambda: shops)
    assert not Message.objects.filter(scenario="PAID_ENDING").exists()
    remind_holders(shops)
    run_reminders(now=lambda: shops)
    assert set(Message.objects.values_list("scenario", flat=True)) == {"PAID_RENEWAL", "PAID_ENDING", "BENEFIT_ENDING"}
    said: list[str] = []
    load_paid(shops, said.append)
    assert said == ["Paid membership: loaded before"]
    assert take_paid() == before
