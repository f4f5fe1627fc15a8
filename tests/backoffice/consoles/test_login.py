"""Log-in, the way to one's console, the pause after bad passwords, the language."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings
from django.urls import reverse
from pytest_django import Settings

from backoffice.kernel.tenancy.models import Seat, User
from backoffice.kernel.tenancy.roles import Role
from tests.factories import PASSWORD, make_developer, make_merchant, make_user

pytestmark = pytest.mark.django_db


def log_in(client: Client, user: User, password: str = PASSWORD, address: str = "/login/") -> int:
    return client.post(address, {"username": user.username, "password": password}).status_code


@pytest.mark.parametrize(("role", "home"), [(Role.PLATFORM_REVIEWER, "/admin/"), (Role.MERCHANT_ANALYST, "/merchant/"), (Role.DEVELOPER_MEMBER, "/developer/")])
def test_everybody_lands_in_their_console(role: str, home: str) -> None:
    place = {"merchant": make_merchant()} if role.startswith("MERCHANT") else {"developer": make_developer()} if role.startswith("DEV") else {}
    user, client = make_user(role, **place), Client()
    assert client.get("/").headers["Location"] == "/login/"
    assert log_in(client, user) == 302
    assert client.get("/").headers["Location"] == home
    assert client.get(home).status_code == 200


def test_seats_in_two_consoles_give_a_choice() -> None:
    user, client = make_user(Role.PLATFORM_ADMIN), Client()
    Seat.objects.create(user=user, role=Role.MERCHANT_OWNER, merchant=make_merchant(), all_stores=True)
    log_in(client, user)
    page = client.get("/")
    assert page.status_code == 200
    assert [console["link"] for console in page.context["consoles"]] == ["/admin/", "/merchant/"]


def test_who_has_no_seat_is_told_so_and_not_let_in() -> None:
    user, client = make_user(), Client()
    Seat.objects.update(revoked_at=user.date_joined)
    page = client.post("/login/", {"username": user.username, "password": PASSWORD})
    assert page.status_code == 200
    assert page.context["form"].non_field_errors().as_data()[0].code == "no_seat"
    assert client.get("/admin/").status_code == 302


def test_logging_out_ends_the_session() -> None:
    user, client = make_user(), Client()
    log_in(client, user)
    assert client.post("/admin/logout/").status_code == 200
    assert client.get("/admin/").status_code == 302


@override_settings(AXES_ENABLED=True)
def test_five_bad_passwords_pause_this_user_from_this_address() -> None:
    user, other, client = make_user(), make_user(), Client()
    for _ in range(5):
        last = client.post("/login/", {"username": user.username, "password": "wrong"})
    assert last.status_code == 429
    assert "登录已暂停" in last.content.decode()
    assert log_in(client, user) == 429, "the right password does not help during the pause"
    assert log_in(Client(), other) == 302, "another user is not held up"


@override_settings(AXES_ENABLED=True)
def test_behind_our_proxy_nobody_locks_others_out(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 1
    user = make_user()

    def log_in_from(address: str, password: str) -> int:
        form = {"username": user.username, "password": password}
        return Client(headers={"X-Forwarded-For": address}).post("/login/", form).status_code

    for spoofed in range(4):
        assert log_in_from(f"192.0.2.{spoofed}, 203.0.113.9", "wrong") == 200
    assert log_in_from("203.0.113.9", "wrong") == 429, "what the caller sends of its address does not count"
    assert log_in_from("203.0.113.9", PASSWORD) == 429
    assert log_in_from("203.0.113.10", PASSWORD) == 302


@pytest.mark.parametrize("address", ["", "unknown"])
@override_settings(AXES_ENABLED=True)
def test_an_address_that_is_none_is_paused_too(address: str) -> None:
    user = make_user()
    for _ in range(5):
        last = Client(REMOTE_ADDR=address).post("/login/", {"username": user.username, "password": "wrong"})
    assert last.status_code == 429


@override_settings(AXES_ENABLED=True)
def test_the_pause_is_told_in_english_to_who_reads_english() -> None:
    user, client = make_user(), Client(headers={"accept-language": "en"})
    for _ in range(5):
        last = client.post("/login/", {"username": user.username, "password": "wrong"})
    assert "Log-in is paused" in last.content.decode()


def test_the_language_is_kept_with_the_user_and_in_a_cookie() -> None:
    user, client = make_user(language="zh-hans"), Client()
    log_in(client, user)
    assert client.get("/admin/").headers["Content-Language"] == "zh-hans"
    changed = client.post(reverse("choose_language"), {"language": "en", "next": "/admin/tenancy/store/"})
    assert (changed.status_code, changed.headers["Location"]) == (302, "/admin/tenancy/store/")
    assert User.objects.get(pk=user.pk).language == "en"
    assert client.get("/admin/").headers["Content-Language"] == "en"
    elsewhere = Client()
    log_in(elsewhere, user)
    assert elsewhere.get("/admin/").headers["Content-Language"] == "en"


def test_the_language_form_leads_nowhere_else_and_takes_no_other_language() -> None:
    user, client = make_user(language="zh-hans"), Client()
    log_in(client, user)
    assert client.post("/language/", {"language": "en", "next": "https://evil.example/"}).headers["Location"] == "/"
    client.post("/language/", {"language": "xx", "next": "/"})
    assert User.objects.get(pk=user.pk).language == "en"
    assert client.get("/language/").status_code == 405


def test_pages_of_the_consoles_are_kept_in_no_cache() -> None:
    user, client = make_user(), Client()
    log_in(client, user)
    assert "no-store" in client.get("/admin/").headers["Cache-Control"]
