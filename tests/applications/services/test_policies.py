"""The opening table: two people, numbered versions, and what publishing one would turn round."""

from __future__ import annotations

import pytest

from applications.choices import PolicyStatus
from applications.models import PolicyCell, PolicyVersion
from applications.selectors.policies import CellChange, list_cell_changes, list_flips, table_of
from applications.services.policies import PolicyRefused, draft_policy, publish_policy, set_cell
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import NotAllowed, StateConflict
from backoffice.kernel.tenancy.roles import Role
from tests.applications.cases import MONDAY, approved, make_world, queued, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return make_world()


def test_a_second_person_publishes(world):
    draft = draft_policy(by=world.editor, now=MONDAY, based_on=world.policy)
    assert (draft.number, draft.cells.count()) == (2, 3)
    helper = staff(Role.PLATFORM_INDUSTRY_OPS)
    set_cell(policy=draft, category=world.toys, capability=world.reader, openness="OPEN", by=helper, now=MONDAY)
    for one in (world.editor,):
        with pytest.raises(PolicyRefused) as refusal:
            publish_policy(policy=draft, by=one, now=MONDAY)
        assert refusal.value.code == "same_person"
    with pytest.raises(NotAllowed):
        publish_policy(policy=draft, by=helper, now=MONDAY)
    with pytest.raises(NotAllowed):
        draft_policy(by=staff(), now=MONDAY)
    assert PolicyVersion.objects.get(status=PolicyStatus.PUBLISHED) == world.policy
    publish_policy(policy=draft, by=world.publisher, now=MONDAY)
    assert list(PolicyVersion.objects.order_by("number").values_list("status", "retired_at")) == [("RETIRED", MONDAY), ("PUBLISHED", None)]
    with pytest.raises(StateConflict):
        set_cell(policy=draft, category=world.toys, capability=world.reader, openness=None, by=helper, now=MONDAY)
    with pytest.raises(StateConflict):
        publish_policy(policy=draft, by=world.publisher, now=MONDAY)


def test_an_empty_table_is_not_published(world):
    draft = draft_policy(by=world.editor, now=MONDAY)
    with pytest.raises(PolicyRefused):
        publish_policy(policy=draft, by=world.publisher, now=MONDAY)
    assert table_of(world.policy).has_category("beauty")


def test_staff_see_what_a_draft_would_flip_and_how_it_differs(world):
    open_case, granted = queued(world), approved(world, contact_other="x")
    draft = draft_policy(by=world.editor, now=MONDAY, based_on=world.policy)
    set_cell(policy=draft, category=world.beauty, capability=world.reader, openness="CUSTOM_ONLY", by=world.editor, now=MONDAY)
    set_cell(policy=draft, category=world.beauty, capability=world.special, openness=None, by=world.editor, now=MONDAY)
    set_cell(policy=draft, category=world.toys, capability=world.reader, openness="OPEN", by=world.editor, now=MONDAY)
    flips = list_flips(world.policy, draft)
    assert ([case.pk for case in flips.cases_closed], flips.cases_opened, [grant.app for grant in flips.grants_closed]) == ([open_case.pk], [], [granted.app])
    assert list_cell_changes(world.policy, draft) == [
        CellChange("beauty", "level.custom", "CUSTOM_ONLY", "CLOSED"),
        CellChange("beauty", "member.read", "OPEN", "CUSTOM_ONLY"),
        CellChange("toys", "member.read", "CLOSED", "OPEN"),
    ]


def test_flips_take_the_same_number_of_queries_with_one_and_with_three_cases(world, django_assert_num_queries):
    draft = draft_policy(by=world.editor, now=MONDAY, based_on=world.policy)
    for _ in range(3):
        queued(world)
        with django_assert_num_queries(4):
            list_flips(world.policy, draft)


def test_setting_what_is_there_changes_and_audits_nothing(world):
    draft = draft_policy(by=world.editor, now=MONDAY, based_on=world.policy)
    before = AuditEvent.objects.count()
    set_cell(policy=draft, category=world.beauty, capability=world.reader, openness="OPEN", by=world.editor, now=MONDAY)
    set_cell(policy=draft, category=world.toys, capability=world.reader, openness=None, by=world.editor, now=MONDAY)
    assert AuditEvent.objects.count() == before
    with pytest.raises(PolicyRefused):
        set_cell(policy=draft, category=world.toys, capability=world.reader, openness="AJAR", by=world.editor, now=MONDAY)
    assert PolicyCell.objects.filter(policy=draft).count() == 3
