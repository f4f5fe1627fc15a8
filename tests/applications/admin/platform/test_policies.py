"""The opening table in the platform's console: matrix, drafts, differences, what a draft flips, publishing by another person."""

from __future__ import annotations

from typing import Any

import pytest

from applications.models import Category, PolicyCell, PolicyVersion
from backoffice.kernel.tenancy.roles import Role
from tests.applications.admin.consoles import act, logged_in, text
from tests.applications.cases import World, approved, make_world, queued, staff
from tests.factories import make_user

LIST = "/admin/applications/policyversion/"

pytestmark = pytest.mark.django_db


def new_draft(client: Any, world: World) -> PolicyVersion:
    answer = act(client, f"{LIST}new-draft/", based_on=world.policy.pk, note="收紧")
    assert answer.status_code == 302
    return PolicyVersion.objects.get(status="DRAFT")


def cell(category: Any, capability: Any) -> str:
    return f"cell-{category.pk}-{capability.pk}"


def save(client: Any, draft: PolicyVersion, name: str, was: str, value: str) -> Any:
    return client.post(f"{LIST}{draft.pk}/cells/", {name: value, f"was-{name}": was})


def openness(draft: PolicyVersion, category: Any, capability: Any) -> str | None:
    found = PolicyCell.objects.filter(policy=draft, category=category, capability=capability).first()
    return found.openness if found else None


def test_edit_compare_and_publish_by_another_person() -> None:
    world = make_world()
    case, grant = queued(world), approved(world).app.grants.get()
    editor = staff(Role.PLATFORM_SENIOR)
    client = logged_in(editor)
    draft = new_draft(client, world)
    assert save(client, draft, cell(world.beauty, world.reader), "OPEN", "CLOSED").status_code == 302
    assert openness(draft, world.beauty, world.reader) == "CLOSED"
    page = text(client, f"{LIST}{draft.pk}/change/")
    assert "1 cell differs from v1" in page
    assert "was:" in page
    assert "another person has to publish it" in page
    diff = text(client, f"{LIST}{draft.pk}/diff/")
    assert case.number in diff
    assert str(grant) in diff
    assert "1 cell differs" in diff
    refused = act(client, f"{LIST}{draft.pk}/publish/").content.decode()
    assert "Another person than those who edited it" in refused
    second = logged_in(staff(Role.PLATFORM_SENIOR))
    dialog = text(second, f"{LIST}{draft.pk}/publish/")
    assert "1 open application becomes impossible; 0 open applications become possible; 1 grant is put up for re-review" in dialog
    act(second, f"{LIST}{draft.pk}/publish/")
    draft.refresh_from_db()
    assert draft.status == "PUBLISHED"
    assert grant.re_reviews.get().cause == "POLICY"
    assert 'select name="cell' not in text(second, f"{LIST}{draft.pk}/change/")


def test_a_cell_that_somebody_else_changed_meanwhile_is_not_overwritten_and_nothing_typed_is_lost() -> None:
    world = make_world()
    client = logged_in(staff(Role.PLATFORM_SENIOR))
    draft, name = new_draft(client, world), cell(world.beauty, world.reader)
    save(client, draft, name, "OPEN", "CUSTOM_ONLY")
    answer = save(client, draft, name, "OPEN", "CLOSED")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Somebody else changed" in page
    assert '<option value="CLOSED" selected>' in page
    assert f'name="was-{name}" value="CUSTOM_ONLY"' in page
    assert openness(draft, world.beauty, world.reader) == "CUSTOM_ONLY"


def test_taking_a_cell_out_closes_it() -> None:
    world = make_world()
    client = logged_in(staff(Role.PLATFORM_SENIOR))
    draft = new_draft(client, world)
    save(client, draft, cell(world.beauty, world.reader), "OPEN", "")
    assert openness(draft, world.beauty, world.reader) is None


def test_filter_by_term_and_openness() -> None:
    world = make_world()
    client = logged_in(staff())
    address = f"{LIST}{world.policy.pk}/change/"
    page = text(client, f"{address}?q=toys")
    assert "Toys" in page
    assert ">Beauty<" not in page
    assert "Toys" not in text(client, f"{address}?openness=CUSTOM_ONLY")
    assert "Nothing in this table fits" in text(client, f"{address}?q=nowhere")


@pytest.mark.parametrize("role", [Role.PLATFORM_AUDITOR, Role.PLATFORM_REVIEWER])
def test_readers_read_and_change_nothing(role: str) -> None:
    world = make_world()
    editor = logged_in(staff(Role.PLATFORM_SENIOR))
    draft = new_draft(editor, world)
    client = logged_in(make_user(role))
    assert '<select name="cell' not in text(client, f"{LIST}{draft.pk}/change/")
    assert save(client, draft, cell(world.beauty, world.reader), "OPEN", "CLOSED").status_code == 403
    assert act(client, f"{LIST}{draft.pk}/publish/").status_code == 403
    assert client.get(f"{LIST}{draft.pk}/cells/").status_code == 403


def test_a_published_table_is_not_edited_and_its_page_says_so() -> None:
    world = make_world()
    client = logged_in(staff(Role.PLATFORM_SENIOR))
    answer = save(client, world.policy, cell(world.beauty, world.reader), "OPEN", "CLOSED")
    assert "no draft any more" in answer.content.decode()
    assert openness(world.policy, world.beauty, world.reader) == "OPEN"


def test_versions_that_are_not_there_are_404() -> None:
    world = make_world()
    client = logged_in(staff())
    assert client.get(f"{LIST}999999/diff/").status_code == 404
    assert client.get(f"{LIST}{world.policy.pk}/diff/?against=999999").status_code == 404


@pytest.mark.parametrize("number", [1, 3])
def test_pages_take_as_many_queries_for_one_category_as_for_three(number: int, django_assert_num_queries: Any) -> None:
    world = make_world()
    for serial in range(number):
        Category.objects.create(code=f"more{serial}", name="更多")
        queued(world)
    client = logged_in(staff(Role.PLATFORM_SENIOR))
    draft = new_draft(client, world)
    save(client, draft, cell(world.beauty, world.reader), "OPEN", "CLOSED")
    for path, queries in ((LIST, LIST_QUERIES), (f"{LIST}{draft.pk}/change/", TABLE_QUERIES), (f"{LIST}{draft.pk}/diff/", DIFF_QUERIES)):
        client.get(path)
        with django_assert_num_queries(queries):
            client.get(path)


LIST_QUERIES, TABLE_QUERIES, DIFF_QUERIES = 5, 12, 16
