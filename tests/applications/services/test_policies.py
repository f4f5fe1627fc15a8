"""The opening table: two people, numbered versions, and what publishing one would turn round."""

from __future__ import annotations

import pytest

from applications.choices import PolicyStatus
from applications.models import Category, PolicyCell, PolicyVersion, ReReview
from applications.selectors.applicant import list_reasons_written
from applications.selectors.policies import CellChange, list_cell_changes, list_flips, table_of
from applications.services.catalogue import CatalogueRefused, change_capability, change_category, create_capability, create_category
from applications.services.eligibility import check_case_now
from applications.services.policies import PolicyRefused, draft_policy, publish_policy, set_cell
from applications.services.standing import points_at_stake
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import NotAllowed, StateConflict
from backoffice.kernel.tenancy.roles import Role
from tests.applications.cases import MONDAY, approved, change_table, claimed, fresh, judge_all, make_world, queued, staff

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
    set_cell(policy=draft, category=world.beauty, capability=world.reader, openness="CLOSED", by=world.editor, now=MONDAY)
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


def test_rows_and_columns_are_kept_by_those_who_draft_tables(world):
    category = create_category(code="books", name="图书", by=world.editor, now=MONDAY)
    capability = create_capability(code="task.checkin", name="签到", by=world.editor, now=MONDAY)
    for act in (
        lambda: create_category(code="books", name="again", by=world.editor, now=MONDAY),
        lambda: create_capability(code="Not A Scope", name="x", by=world.editor, now=MONDAY),
        lambda: create_category(code="empty", name=" ", by=world.editor, now=MONDAY),
        lambda: change_category(category=category, by=world.editor, now=MONDAY, code="other"),
    ):
        with pytest.raises(CatalogueRefused):
            act()
    with pytest.raises(NotAllowed):
        change_category(category=category, by=staff(), now=MONDAY, name="x")
    change_category(category=category, by=world.editor, now=MONDAY, name="图书音像", is_active=False)
    assert (Category.objects.get(code="books").name, capability.names) == ("图书音像", {"zh-hans": "签到", "en": "签到"})


def test_re_review_when_the_capability_itself_changes(world):
    approved(world)
    change_capability(capability=world.reader, by=world.editor, now=MONDAY, name="读取会员资料")
    assert not ReReview.objects.exists()
    change_capability(capability=world.reader, by=world.editor, now=MONDAY, is_high_risk=True)
    assert ReReview.objects.get().cause == "CAPABILITY"


def test_the_review_page_is_told_what_would_be_said_and_what_it_would_cost(world):
    held = claimed(queued(world), staff())
    judge_all(held, fail=["N1", "M1"])
    case = fresh(held.case)
    assert (points_at_stake(case.revision_id), check_case_now(case, now=MONDAY)) == (2, [])
    assert [reason.rule for reason in list_reasons_written(case.revision)] == ["M1", "N1"]
    change_table(world, {(world.beauty, world.reader): "CLOSED"}, now=MONDAY)
    assert [(result.gate, result.code) for result in check_case_now(case, now=MONDAY)] == [("G06", "closed")]
