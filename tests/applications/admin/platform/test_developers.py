"""The developer's card: standing, strikes, bars by two people, binding to a merchant."""

from __future__ import annotations

from typing import Any

import pytest

from applications.models import Bar, DeveloperProfile, DeveloperStanding
from backoffice.kernel.tenancy.roles import Role
from tests.applications.admin.consoles import act, logged_in, queries, text
from tests.applications.cases import approved, make_world, onboarded, refused, staff
from tests.factories import make_merchant

LIST = "/admin/tenancy/developer/"
BARS = "/admin/applications/bar/"

pytestmark = pytest.mark.django_db


def senior() -> Any:
    return logged_in(staff(Role.PLATFORM_SENIOR))


def test_card_shows_standing_strikes_history_and_grants() -> None:
    world, developer = make_world(), onboarded()
    case = refused(world, fail=("N1",), developer=developer)
    granted = approved(world, developer=developer)
    page = text(senior(), f"{LIST}{developer.pk}/change/")
    for words in ("0 of 6", "Forced join", "Provisional", case.number, granted.number, str(granted.app.grants.get())):
        assert words in page


def test_a_bar_takes_two_people_and_is_lifted() -> None:
    developer, first, second = onboarded(), senior(), senior()
    dialog = text(first, f"{LIST}{developer.pk}/propose-bar/")
    assert "Nothing happens until another person confirms it" in dialog
    act(first, f"{LIST}{developer.pk}/propose-bar/", reason="屡次虚假陈述")
    bar = Bar.objects.get()
    assert f"{BARS}{bar.pk}/confirm/" in text(second, f"{LIST}{developer.pk}/change/")
    assert "Another person than the one who proposed it" in act(first, f"{BARS}{bar.pk}/confirm/").content.decode()
    act(second, f"{BARS}{bar.pk}/confirm/")
    assert DeveloperStanding.objects.get(pk=developer.pk).level == "BARRED"
    assert "Barred" in text(second, LIST)
    act(second, f"{BARS}{bar.pk}/lift/", reason="整改完成")
    bar.refresh_from_db()
    assert (bar.status, DeveloperStanding.objects.get(pk=developer.pk).level) == ("LIFTED", "GOOD")
    text(second, f"{BARS}{bar.pk}/change/")


def test_a_proposed_bar_can_be_dismissed() -> None:
    developer, client = onboarded(), senior()
    act(client, f"{LIST}{developer.pk}/propose-bar/", reason="x")
    act(client, f"{BARS}{Bar.objects.get().pk}/dismiss/", reason="证据不足")
    assert Bar.objects.get().status == "DISMISSED"
    assert "证据不足" in text(client, f"{BARS}{Bar.objects.get().pk}/change/")


def test_binding_to_a_merchant_by_its_code() -> None:
    developer, merchant, client = onboarded(), make_merchant("brand-1"), senior()
    assert "no merchant with the code" in act(client, f"{LIST}{developer.pk}/bind/", merchant="nobody").content.decode()
    act(client, f"{LIST}{developer.pk}/bind/", merchant="brand-1")
    assert DeveloperProfile.objects.get(developer=developer).bound_merchant == merchant
    assert merchant.name in text(client, f"{LIST}{developer.pk}/change/")
    act(client, f"{LIST}{developer.pk}/bind/", merchant="")
    assert DeveloperProfile.objects.get(developer=developer).bound_merchant is None


def test_member_operations_see_developers_without_their_standing() -> None:
    developer = onboarded()
    page = text(logged_in(staff(Role.PLATFORM_MEMBER_OPS)), f"{LIST}{developer.pk}/change/")
    assert developer.code in page
    assert "score-bar" not in page


@pytest.mark.parametrize("number", [1, 3])
def test_pages_take_as_many_queries_for_one_row_as_for_three(number: int) -> None:
    world, developer = make_world(), onboarded()
    for _ in range(number):
        refused(world, fail=("N1",), developer=onboarded())
        refused(world, developer=developer)
    client = senior()
    assert queries(client, LIST, f"{LIST}{developer.pk}/change/", "/admin/applications/strike/", BARS) == [5, 16, 4, 5]
