"""Push account: the page, the lists, who may name it, in a fixed number of queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from backoffice.kernel import clock
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.tenancy.models import Store
from backoffice.kernel.tenancy.roles import Role
from members.models import Fan, PushAccount, PushAccountSnapshot
from members.services.push_accounts import fold_figures
from tests.factories import make_member, make_merchant, make_store, make_user
from tests.loading import csv_of, load
from tests.members.admin.credit_desk import client_of, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> Store:
    return make_store("YS01", merchant=make_merchant("YUN"), name="云上唱片旗舰店")


@pytest.fixture
def owner(store: Store) -> Client:
    return client_of(make_user(Role.MERCHANT_OWNER, merchant=store.merchant))


def fill(store: Store, fans: int, *, posts: int = 2) -> None:
    """``fans`` members who follow; the first half subscribes, those with an even number bought twice, the first was seen again."""
    now = clock.database_now()
    today = clock.local_day(now)
    for number in range(fans):
        make_member(store, f"M{number}", nickname=f"王芳{number}")
    days = [str(today - timedelta(days=ago)) for ago in range(30)]
    orders = [f"O{number}-{ago},M{number},{days[ago]},5" for number in range(0, fans, 2) for ago in (20, 10)]
    load("orders", csv_of("order_no,member_no,paid_at,amount", *orders), store=store, now=now)
    rows = [f"M{number},{days[9]},{int(number < fans // 2)},{days[2] if number == 0 else ''}" for number in range(fans)]
    load("fans", csv_of("member_no,followed_at,subscribed,last_seen_at", *rows), store=store, now=now)
    load("posts", csv_of("post_id,published_at,title", *(f"P{number},{days[number + 1]},内容{number}" for number in range(posts))), store=store, now=now)
    PushAccountSnapshot.objects.bulk_create(
        [
            PushAccountSnapshot(
                store=store, day=today - timedelta(days=ago), fan_count=ago, subscriber_count=1, returning_fan_count=1, seen_fan_count=0, post_count=0
            )
            for ago in range(1, 4)
        ]
    )
    fold_figures(now=now)


def test_the_page_shows_figures_marks_trend_and_posts(store: Store, owner: Client) -> None:
    fill(store, 20)
    page = owner.get(url("pushaccount_change", store.pk))
    context = page.context["page"]
    assert [figure.value for figure in context["figures"]] == ["20", "10", "10", "2", "5.00 %"]
    marks = [each["mark"] for each in context["marks"]]
    assert [(mark.code, mark.is_met) for mark in marks] == [("SUBSCRIPTION", True), ("FIRST_WIN_BACK", False), ("SECOND_WIN_BACK", False)]
    assert [(part.have, part.need, part.is_met) for mark in marks for part in mark.parts] == [
        (10, 10, True),
        (10, 50, False),
        (2, 5, False),
        (10, 1000, False),
        (1, 1, True),
    ]
    chart = context["trend"]["chart"]
    assert [list(series.values) for series in chart.series] == [[3, 2, 1, 20], [1, 1, 1, 10], [1, 1, 1, 10]]
    html = page.content.decode()
    for text in ("The way to each push", "10 of 50", "Trend of 30 days", "内容1", "No broadcast page yet"):
        assert text in html
    shown = owner.get(url("pushaccount_changelist")).content.decode()
    assert "云上唱片旗舰店" in shown
    assert "5.00 %" in shown


def test_the_lists_by_tab(store: Store, owner: Client) -> None:
    fill(store, 6)
    left = Fan.objects.order_by("pk").last()
    assert left is not None
    Fan.objects.filter(pk=left.pk).update(unfollowed_at=clock.database_now())
    for state, numbers in (("", 6), ("fans", 5), ("subscribed", 3), ("returning", 3), ("left", 1)):
        page = owner.get(url("fan_changelist"), {"state": state} if state else {})
        assert len(page.context["cl"].result_list) == numbers, state
    html = owner.get(url("fan_changelist")).content.decode()
    assert "王芳3" in html
    assert "Subscriber" in html
    assert "内容1" in owner.get(url("post_changelist")).content.decode()
    assert owner.get(url("fan_change", left.pk)).status_code == 200


def test_a_fan_who_is_no_member(store: Store, owner: Client) -> None:
    load("fans", csv_of("identity_kind,identity_value,followed_at", "openid,o-123456789,2026-01-05"), store=store)
    assert "Not a member" in owner.get(url("fan_changelist")).content.decode()


def test_name_and_page_are_set_by_who_may(store: Store, owner: Client) -> None:
    fold_figures(now=clock.database_now())
    address = url("pushaccount_describe", store.pk)
    given = {"name": "云上微淘", "broadcast_url": "https://shop.example.com/live", "_form_submitted": "true"}
    analyst = client_of(make_user(Role.MERCHANT_ANALYST, merchant=store.merchant))
    assert analyst.post(address, given).status_code == 403
    stranger = client_of(make_user(Role.MERCHANT_OWNER, merchant=make_merchant()))
    assert stranger.post(address, given).status_code == 404
    assert PushAccount.objects.get().name == ""
    refused = owner.post(address, given | {"broadcast_url": "http://10.0.0.1/"})
    assert "https://" in refused.content.decode()
    assert PushAccount.objects.get().name == ""
    assert owner.post(address, given).status_code == 302
    account = PushAccount.objects.get()
    assert (account.name, account.broadcast_url) == ("云上微淘", "https://shop.example.com/live")
    assert AuditEvent.objects.filter(verb="push_account.changed").count() == 1
    assert "https://shop.example.com/live" in owner.get(url("pushaccount_change", store.pk)).content.decode()


@pytest.mark.parametrize("fans", [1, 3])
def test_queries_do_not_grow(store: Store, owner: Client, fans: int, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    fill(store, fans, posts=fans)
    for address, exactly in (
        (url("pushaccount_change", store.pk), 11),
        (url("fan_changelist"), 7),
        (url("post_changelist"), 7),
        (url("pushaccount_changelist"), 5),
    ):
        owner.get(address)
        with django_assert_num_queries(exactly):
            assert owner.get(address).status_code == 200
