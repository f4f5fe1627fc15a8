"""What the first page says is true, is the same number of queries however much there is, and shows no stranger's figures."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from pytest_django import Settings

from backoffice.kernel.admin.display import BAD
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.tenancy.models import Merchant, Store, User
from backoffice.kernel.tenancy.roles import Role
from campaigns.choices import RunStatus
from campaigns.models import ReminderRun, ReminderSetting
from members.models import CreditAccount, CreditLot
from tests.campaigns.delivery import waiting_card
from tests.campaigns.reminders import store_with_reminders
from tests.factories import make_developer, make_member, make_merchant, make_store, make_user

pytestmark = pytest.mark.django_db


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="backoffice.kernel.tenancy.auth.SeatBackend")
    return client


def give_credit(store: Store, amount: str, expires_in: int | None) -> None:
    now = database_now()
    member = make_member(store, joined_at=now - timedelta(days=2))
    account = CreditAccount.objects.create(store=store, member=member, balance=Decimal(amount))
    CreditLot.objects.create(
        store=store, account=account, source_no=f"t{member.pk}", principal_amount=Decimal(amount), principal_left=Decimal(amount), bonus_left=0,
        opened_at=now - timedelta(days=60), expires_at=None if expires_in is None else now + timedelta(days=expires_in),
    )  # fmt: skip


def figures(user: User, home: str = "/merchant/") -> dict[str, str]:
    with translation.override("en"):
        User.objects.filter(pk=user.pk).update(language="en")
        page = client_of(user).get(home)
        return {figure.title: figure.value for figure in page.context["figures"]}


def test_figures_count_the_own_stores_only() -> None:
    merchant = make_merchant()
    first, second, foreign = make_store(merchant=merchant), make_store(merchant=merchant), make_store()
    give_credit(first, "10.00", 5)
    give_credit(second, "20.50", 40)
    give_credit(first, "7.00", None)
    give_credit(first, "99.00", -1)
    give_credit(foreign, "5000.00", 5)
    owner = make_user(Role.MERCHANT_OWNER, merchant=merchant)
    told = figures(owner)
    assert told["Active members"] == "4"
    assert told["New members, last 30 days"] == "4"
    assert told["Credit that can be spent (yuan)"] == "37.50"
    assert told["Credit that lapses in the next 30 days (yuan)"] == "10.00"
    one_store = make_user(Role.MERCHANT_OPERATOR, merchant=merchant, stores=[second])
    assert figures(one_store)["Credit that can be spent (yuan)"] == "20.50"


def test_reminders_of_the_last_days_are_summed_by_reason() -> None:
    store = make_store(merchant=make_merchant())
    today = local_day(database_now())
    for back, balance, expiry, held in ((0, 3, 1, 2), (13, 5, 0, 0), (14, 100, 100, 100)):
        ReminderRun.objects.create(
            store=store, local_day=today - timedelta(days=back), status=RunStatus.DONE, scheduled_at=database_now(),
            balance_count=balance, expiry_count=expiry, store_cap_count=held,
        )  # fmt: skip
    page = client_of(make_user(Role.MERCHANT_OWNER, merchant=store.merchant, language="en")).get("/merchant/")
    chart = page.context["pictures"][-1].chart
    assert [sum(series.values) for series in chart.series] == [8, 1, 2, 0]
    assert len(chart.labels) == 14
    assert {figure.title: figure.value for figure in page.context["figures"]}["Reminders, last 14 days"] == "9"


def test_what_needs_somebody_comes_first_by_urgency() -> None:
    store = make_store(merchant=make_merchant())
    owner = make_user(Role.MERCHANT_OWNER, merchant=store.merchant, language="en")
    now = database_now()
    for status, bad in ((JobStatus.CHECKED, 0), (JobStatus.FAILED, 0), (JobStatus.REFUSED, 3)):
        ImportJob.objects.create(
            kind="members", store=store, console="merchant", uploaded_by=owner, file_name="f.csv", file_hash=status, file_size=1, status=status, bad_count=bad
        )
    ReminderRun.objects.create(store=store, local_day=local_day(now), scheduled_at=now - timedelta(minutes=11))
    needs = client_of(owner).get("/merchant/").context["needs"]
    assert [need.text for need in needs] == [
        "1 import could not be finished",
        "1 reminder run is late",
        "1 import has bad rows: fetch them, mend them, send them again",
        "Reminders are off in 1 store",
        "1 import is checked and waits for your yes",
    ]
    assert all(need.url for need in needs)


def test_the_platform_reads_of_stores_whose_messages_have_nowhere_to_go(settings: Settings) -> None:
    settings.DEPLOYMENT = "production"
    staff, bare = make_user(Role.PLATFORM_MEMBER_OPS, language="en"), store_with_reminders("bare")
    addressed = store_with_reminders("addressed", gateway_url="https://gateway.example/messages")
    waiting_card(make_member(addressed))
    words = "store has messages waiting and no gateway address"
    assert not [need for need in client_of(staff).get("/admin/").context["needs"] if words in need.text]
    waiting_card(make_member(bare))
    waiting_card(make_member(bare))
    (need,) = [need for need in client_of(staff).get("/admin/").context["needs"] if words in need.text]
    assert (need.count, need.tone, need.text) == (1, BAD, f"1 {words}")
    owner = make_user(Role.MERCHANT_OWNER, merchant=bare.merchant, language="en")
    assert not [need for need in client_of(owner).get("/merchant/").context["needs"] if words in need.text]


def test_nothing_to_do_says_so() -> None:
    store = make_store(merchant=make_merchant())
    ReminderSetting.objects.create(store=store, enabled=True)
    page = client_of(make_user(Role.MERCHANT_OWNER, merchant=store.merchant)).get("/merchant/")
    assert page.context["needs"] == []
    assert str(page.context["nothing"]) in page.content.decode()


def test_a_role_without_members_sees_no_members_figures() -> None:
    give_credit(make_store(), "10.00", 5)
    told = figures(make_user(Role.PLATFORM_REVIEWER), "/admin/")
    assert "Active members" not in told
    assert told["Stores"] == "1"


def test_a_developer_sees_the_own_company() -> None:
    developer = make_developer("d1")
    make_developer("d2")
    owner = make_user(Role.DEVELOPER_OWNER, developer=developer)
    make_user(Role.DEVELOPER_MEMBER, developer=developer)
    shown = {"Open applications": "0", "Grants in force": "0", "Score": "0 of 6"}
    assert figures(owner, "/developer/") == {"Company": developer.name, "People with a seat": "2"} | shown


def queries_of(user: User, home: str) -> int:
    client = client_of(user)
    client.get(home)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(home).status_code == 200
    return len(captured)


@pytest.mark.parametrize(("console", "number"), [("merchant", 29), ("platform", 36)])
def test_the_number_of_queries_does_not_grow_with_the_stores(console: str, number: int) -> None:
    def grow(merchant: Merchant) -> None:
        store: Any = make_store(merchant=merchant)
        give_credit(store, "10.00", 5)
        ReminderRun.objects.create(store=store, local_day=local_day(database_now()), scheduled_at=database_now())

    merchant = make_merchant()
    grow(merchant)
    user = make_user(Role.MERCHANT_OWNER, merchant=merchant) if console == "merchant" else make_user()
    home = "/merchant/" if console == "merchant" else "/admin/"
    with_one = queries_of(user, home)
    grow(merchant)
    grow(merchant)
    assert queries_of(user, home) == with_one
    assert with_one <= number
