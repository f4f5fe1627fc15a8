"""The merchant's page of apps: the tier's rule in words, switching on and off, pausing with its date."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from applications.models import StoreEnablement
from backoffice.kernel import clock
from backoffice.kernel.tenancy.models import MerchantTier
from backoffice.kernel.tenancy.roles import Role
from tests.applications.admin.consoles import act, logged_in
from tests.applications.cases import approved, make_world, merchant_owner
from tests.factories import make_merchant, make_store, make_user

OFFERED = "/merchant/applications/storeenablement/offered/"
ENABLE = "/merchant/applications/storeenablement/enable/"

pytestmark = pytest.mark.django_db


def shop(tier: str) -> tuple[Any, Client]:
    merchant = make_merchant(tier=tier)
    return make_store(merchant=merchant), logged_in(merchant_owner(merchant))


@pytest.mark.parametrize("tier", ["PREMIUM", "POTENTIAL"])
def test_template_app_is_switched_on_and_off_for_premium_and_potential(tier: str) -> None:
    world = make_world()
    app = approved(world).app
    store, client = shop(tier)
    page = client.get(OFFERED).content.decode()
    assert app.name in page
    assert "Read members" in page
    assert f"app={app.pk}&amp;store={store.pk}" in page
    dialog = client.get(f"{ENABLE}?app={app.pk}&store={store.pk}").content.decode()
    assert store.name in dialog
    act(client, f"{ENABLE}?app={app.pk}&store={store.pk}", app=app.pk, store=store.pk)
    row = StoreEnablement.objects.get(app=app, store=store)
    assert row.status == "ON"
    act(client, f"/merchant/applications/storeenablement/{row.pk}/disable/")
    row.refresh_from_db()
    assert row.status == "OFF"


def test_standard_store_reads_why_it_is_blocked_and_has_no_button() -> None:
    app = approved(make_world()).app
    store, client = shop("STANDARD")
    page = client.get(OFFERED).content.decode()
    assert "Template apps are for premium and potential merchants" in page
    assert f"store={store.pk}" not in page
    answer = act(client, ENABLE, app=app.pk, store=store.pk)
    assert "Template apps are for premium and potential merchants" in answer.content.decode()
    assert not StoreEnablement.objects.exists()


def test_a_foreign_store_and_an_app_that_is_not_offered_cannot_be_chosen() -> None:
    app = approved(make_world()).app
    foreign = make_store(merchant=make_merchant(tier="PREMIUM"))
    _store, client = shop("PREMIUM")
    act(client, ENABLE, app=app.pk, store=foreign.pk)
    act(client, ENABLE, app=app.pk + 1, store=_store.pk)
    assert not StoreEnablement.objects.exists()
    assert client.get(f"{OFFERED}?store={foreign.pk}").status_code == 404
    assert client.get(f"{OFFERED}?store=x").status_code == 404


def test_paused_app_says_since_when_and_why() -> None:
    app = approved(make_world()).app
    store, client = shop("PREMIUM")
    act(client, ENABLE, app=app.pk, store=store.pk)
    today = clock.local_day(clock.database_now())
    StoreEnablement.objects.update(tier_fell_on=today - timedelta(days=10))
    MerchantTier.objects.update(tier="STANDARD")
    assert f"pauses on {today + timedelta(days=20)}" in client.get(OFFERED).content.decode()
    StoreEnablement.objects.update(tier_fell_on=today - timedelta(days=40), status="PAUSED")
    page = client.get(OFFERED).content.decode()
    assert f"Paused since {today - timedelta(days=10)}" in page
    assert "Switch off" in page


def test_analyst_reads_and_switches_nothing() -> None:
    app = approved(make_world()).app
    store, _client = shop("PREMIUM")
    client = logged_in(make_user(Role.MERCHANT_ANALYST, merchant=store.merchant))
    page = client.get(OFFERED).content.decode()
    assert app.name in page
    assert "Switch on" not in page
    assert act(client, ENABLE, app=app.pk, store=store.pk).status_code == 403


def test_empty_page_says_what_comes() -> None:
    _store, client = shop("PREMIUM")
    assert "No app is offered to your stores yet" in client.get(OFFERED).content.decode()


@pytest.mark.parametrize("number", [1, 3])
def test_page_takes_as_many_queries_for_one_app_as_for_three(number: int, django_assert_num_queries: Any) -> None:
    world = make_world()
    for _ in range(number):
        approved(world)
    merchant = make_merchant(tier="PREMIUM")
    for _ in range(number):
        make_store(merchant=merchant)
    client = logged_in(merchant_owner(merchant))
    client.get(OFFERED)
    with django_assert_num_queries(OFFERED_QUERIES):
        client.get(OFFERED)


OFFERED_QUERIES = 12
