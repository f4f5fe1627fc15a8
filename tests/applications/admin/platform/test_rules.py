"""Categories, capabilities, business numbers and the working calendar in the platform's console."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from applications.models import CalendarDay, Capability, Category, RuleNumber
from applications.selectors.numbers import get_numbers
from backoffice.kernel.tenancy.roles import Role
from tests.applications.admin.consoles import act, logged_in, queries, text
from tests.applications.cases import approved, make_world, staff

CATEGORIES, CAPABILITIES = "/admin/applications/category/", "/admin/applications/capability/"
NUMBERS, CALENDAR = "/admin/applications/rulenumber/", "/admin/applications/calendarday/"

pytestmark = pytest.mark.django_db


def editor(role: str = Role.PLATFORM_SENIOR) -> Any:
    return logged_in(staff(role))


def test_category_is_added_and_changed_by_who_edits_the_table() -> None:
    client = editor(Role.PLATFORM_INDUSTRY_OPS)
    client.post(f"{CATEGORIES}add/", {"code": "pets", "name": "宠物", "name_en": "Pets"})
    row = Category.objects.get(code="pets")
    again = client.post(f"{CATEGORIES}add/", {"code": "pets", "name": "又一个", "name_en": ""})
    assert "already exists" in again.content.decode()
    assert "又一个" in again.content.decode()
    client.post(f"{CATEGORIES}{row.pk}/change/", {"name": "宠物用品", "name_en": "Pets", "is_active": ""})
    row.refresh_from_db()
    assert (row.name, row.is_active) == ("宠物用品", False)
    assert "No longer used" in text(client, CATEGORIES)


def test_capability_whose_meaning_changes_puts_its_grants_up_for_re_review() -> None:
    world = make_world()
    grant = approved(world).app.grants.get()
    client = editor()
    fields = {"name": "读取会员", "name_en": "Read members", "description": "新的含义", "is_high_risk": "on", "is_active": "on"}
    assert client.post(f"{CAPABILITIES}{world.reader.pk}/change/", fields).status_code == 302
    assert Capability.objects.get(pk=world.reader.pk).is_high_risk
    assert grant.re_reviews.get().cause == "CAPABILITY"


def test_auditor_reads_the_catalogue_and_changes_nothing() -> None:
    world = make_world()
    client = editor(Role.PLATFORM_AUDITOR)
    assert "Beauty" in text(client, CATEGORIES)
    assert client.get(f"{CATEGORIES}add/").status_code == 403
    assert client.post(f"{CAPABILITIES}{world.reader.pk}/change/", {"name": "x"}).status_code == 403


def test_number_is_changed_within_its_range() -> None:
    client = editor()
    assert "Days in which a decision can be appealed" in text(client, NUMBERS)
    dialog = text(client, f"{NUMBERS}set-number/?code=appeal_days")
    assert "Days in which a decision can be appealed" in dialog
    assert "Between 1 and 365" in act(client, f"{NUMBERS}set-number/", code="appeal_days", value="999").content.decode()
    act(client, f"{NUMBERS}set-number/", code="appeal_days", value="20")
    assert get_numbers().appeal_days == 20
    text(client, f"{NUMBERS}{RuleNumber.objects.get().pk}/change/")
    assert act(editor(Role.PLATFORM_REVIEWER), f"{NUMBERS}set-number/", code="appeal_days", value="30").status_code == 403


def test_calendar_day_is_set() -> None:
    client = editor()
    act(client, f"{CALENDAR}set-day/", day="2028-01-03", is_working="no", name="元旦调休")
    row = CalendarDay.objects.get(day=date(2028, 1, 3))
    assert (row.is_working, row.name, row.is_confirmed) == (False, "元旦调休", True)
    assert "2028-01-03" in text(client, f"{CALENDAR}?day_from=2028-01-01&day_to=2028-12-31")
    assert "2028-01-03" not in text(client, f"{CALENDAR}?day_from=2027-01-01&day_to=2027-12-31")
    assert act(client, f"{CALENDAR}set-day/", day="2028-01-04", is_working="no", name="").status_code == 200
    assert not CalendarDay.objects.filter(day=date(2028, 1, 4)).exists()


@pytest.mark.parametrize("number", [1, 3])
def test_lists_take_as_many_queries_for_one_row_as_for_three(number: int) -> None:
    for serial in range(number):
        Category.objects.create(code=f"c{serial}", name="类目")
        Capability.objects.create(code=f"c{serial}", name="能力")
        RuleNumber.objects.create(code=("appeal_days", "answer_days", "bar_score")[serial], value=5, changed_at="2026-11-23T00:00Z", changed_by=staff())
    assert queries(editor(), CATEGORIES, CAPABILITIES, NUMBERS, CALENDAR) == [5, 5, 5, 6]
