"""Every page of the shell opens for those who may, in both languages."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.kernel.sites import CONSOLE_SITES
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Role
from tests.factories import make_developer, make_member, make_merchant, make_store, make_user

pytestmark = pytest.mark.django_db
BACKEND = "backoffice.kernel.tenancy.auth.SeatBackend"


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


@pytest.fixture
def people() -> dict[str, User]:
    """One fully entitled user a console, and a row for most screens."""
    merchant = make_merchant("m1", tier="PREMIUM")
    make_member(make_store("s1", merchant=merchant), phone="13812345678")
    developer = make_developer("d1")
    return {
        "platform": make_user(Role.PLATFORM_ADMIN),
        "merchant": make_user(Role.MERCHANT_OWNER, merchant=merchant),
        "developer": make_user(Role.DEVELOPER_OWNER, developer=developer),
    }


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("site", CONSOLE_SITES, ids=lambda site: site.name)
def test_every_list_form_and_history_opens(site: Any, language: str, people: dict[str, User]) -> None:
    user = people[site.name]
    User.objects.filter(pk=user.pk).update(language=language)
    client = client_of(user)
    opened = []
    for model, screen in site._registry.items():
        name = f"{site.name}:{model._meta.app_label}_{model._meta.model_name}"
        listed = client.get(reverse(f"{name}_changelist"))
        assert (name, listed.status_code) == (name, 200)
        pages = [reverse(f"{name}_add")] if screen.add_fields else []
        changelist = listed.context.get("cl")  # numbers have a page of their own instead of a list
        for row in list(changelist.result_list)[:1] if changelist else []:
            pages += [reverse(f"{name}_change", args=[row.pk]), reverse(f"{name}_history", args=[row.pk])]
        for page in pages:
            answer = client.get(page)
            assert (page, answer.status_code) == (page, 200)
            assert answer.headers["Content-Language"] == language
            opened.append(page)
    assert opened


@pytest.mark.parametrize("console", ["platform", "merchant", "developer"])
def test_dashboard_opens(console: str, people: dict[str, User]) -> None:
    answer = client_of(people[console]).get(reverse(f"{console}:index"))
    assert answer.status_code == 200
    assert "现在需要您处理的事" in answer.content.decode(), "the first list has its heading"


def test_system_page_is_for_those_who_may_see_it(people: dict[str, User]) -> None:
    assert client_of(people["platform"]).get("/admin/system/").status_code == 200
    assert client_of(make_user(Role.PLATFORM_REVIEWER)).get("/admin/system/").status_code == 403
    assert client_of(people["merchant"]).get("/admin/system/").status_code == 302
