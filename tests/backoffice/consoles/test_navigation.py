"""The side bar: complete, and only what the role may open."""

from __future__ import annotations

import pytest
from django.test import Client

from backoffice.consoles.navigation import NAVIGATION
from backoffice.kernel.sites import CONSOLE_SITES
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Role
from tests.factories import make_developer, make_merchant, make_store, make_user

pytestmark = pytest.mark.django_db


def links(user: User, home: str) -> list[str]:
    client = Client()
    client.force_login(user, backend="backoffice.kernel.tenancy.auth.SeatBackend")
    return [item["link"] for group in client.get(home).context["sidebar_navigation"] for item in group["items"]]


def test_every_screen_stands_in_the_side_bar() -> None:
    for site in CONSOLE_SITES:
        named = {entry.model for group in NAVIGATION[site.name] for entry in group.entries if entry.model}
        reached_from_elsewhere = {"members.CreditLot"}  # from an account and from the dashboard's figure
        assert {model._meta.label for model in site._registry} - reached_from_elsewhere == named - reached_from_elsewhere, site.name


def test_a_role_sees_only_what_it_may_open() -> None:
    store = make_store(merchant=make_merchant())
    walked = [
        (make_user(Role.PLATFORM_ADMIN), "/admin/"),
        (make_user(Role.PLATFORM_REVIEWER), "/admin/"),
        (make_user(Role.MERCHANT_ANALYST, merchant=store.merchant), "/merchant/"),
        (make_user(Role.DEVELOPER_MEMBER, developer=make_developer()), "/developer/"),
    ]
    seen = [links(user, home) for user, home in walked]
    for (user, _home), shown in zip(walked, seen, strict=True):
        client = Client()
        client.force_login(user, backend="backoffice.kernel.tenancy.auth.SeatBackend")
        assert {link: client.get(link).status_code for link in shown} == dict.fromkeys(shown, 200)
    assert "/admin/tenancy/user/" in seen[0]
    assert "/admin/tenancy/user/" not in seen[1]
    assert "/admin/members/member/" not in seen[1]
    assert {link.split("/")[2] for link in seen[3]} == {"", "applications", "tenancy"}
    assert "/developer/tenancy/seat/" not in seen[3]


def test_one_entry_is_chosen() -> None:
    """Also where one entry's page lies under another one's list."""
    client = Client()
    client.force_login(make_user(Role.DEVELOPER_MEMBER, developer=make_developer()), backend="backoffice.kernel.tenancy.auth.SeatBackend")
    for address in ("/developer/", "/developer/applications/application/", "/developer/applications/application/standing/"):
        shown = client.get(address).context["sidebar_navigation"]
        assert [item["link"] for group in shown for item in group["items"] if item["active"]] == [address]
