"""The examples: every state is there, every invariant holds, every case replays, and nothing is made twice."""

from __future__ import annotations

import pytest

from applications.choices import CaseState
from applications.content import content_of, diff
from applications.demo import NOTE, load_demo
from applications.gates.base import GATES, run_gates
from applications.models import Appeal, Application, Bar, Claim, Grant, PolicyVersion, ReReview, StoreEnablement, Strike
from applications.selectors.policies import list_flips
from applications.selectors.replay import list_replay_differences
from applications.selectors.same_failure import list_same_failures
from applications.services.eligibility import check_eligibility
from applications.services.submit import submit
from applications.services.sweep import advance
from backoffice.kernel.invariants import find_breaches
from backoffice.kernel.tenancy.models import MerchantTier
from backoffice.kernel.tenancy.roles import Role
from tests.applications.cases import MONDAY, days
from tests.applications.gates.test_registry import GOOD
from tests.factories import make_developer, make_merchant, make_store, make_user

pytestmark = pytest.mark.django_db


def breaches():
    return [breach for breach in find_breaches() if breach.invariant.startswith("applications.")]


@pytest.fixture
def summary():
    make_store(merchant=make_merchant(tier="PREMIUM"))
    make_store(merchant=make_merchant(tier="POTENTIAL"))
    return load_demo(now=MONDAY)


def test_cases_in_every_state_and_all_of_them_replay(summary):
    assert {state for state, number in summary.cases.items() if number} == set(CaseState.values)
    for case in Application.objects.all():
        assert list_replay_differences(case) == {}
    assert breaches() == []
    assert (Appeal.objects.count(), Strike.objects.count(), StoreEnablement.objects.count()) == (1, 2, 2)
    assert [result.outcome for result in run_gates(GOOD)] == ["PASS"] * len(GATES.codes())


def test_the_table_says_that_it_is_an_example(summary):
    policy = PolicyVersion.objects.get(status="PUBLISHED")
    assert (policy.is_example, policy.note, policy.status) == (True, NOTE, "PUBLISHED")


def test_a_second_time_makes_nothing(summary):
    before = Application.objects.count()
    assert load_demo(now=MONDAY).cases == {}
    assert Application.objects.count() == before


def test_without_merchants_the_rest_is_there():
    summary = load_demo(now=MONDAY)
    assert summary.cases[CaseState.AWAITING_MERCHANT] == 0
    assert summary.cases[CaseState.APPROVED] == 3


def test_time_goes_on_over_the_examples(summary):
    for later in (1, 20, 60, 400, 800):
        advance(now=MONDAY + days(later))
        assert breaches() == []
    assert Application.objects.filter(state=CaseState.CHANGES_REQUESTED).count() == 0


def test_the_log_ins_find_their_own(summary_for_log_ins):
    """The developer who logs in has cases in many states, the reviewer the one that is in review; tiers that hold from today are enough."""
    developer, reviewer = summary_for_log_ins
    states = set(Application.objects.filter(developer=developer).values_list("state", flat=True))
    assert states >= {"APPROVED", "PARTIAL", "CHANGES_REQUESTED", "IN_REVIEW", "AWAITING_MERCHANT", "QUEUED", "WITHDRAWN", "DRAFT"}
    assert Claim.objects.filter(reviewer=reviewer, ended_at=None).count() == 1
    assert StoreEnablement.objects.count() == 2
    assert breaches() == []


def test_the_developer_who_logs_in_has_room_for_one_more(summary_for_log_ins):
    """The first question that anybody asks passes, and the draft that lies there can be submitted."""
    developer, _reviewer = summary_for_log_ins
    asked = {"developer": developer, "form": "MINI_PROGRAM", "build": "TEMPLATE", "category": "beauty", "capabilities": ["member.read"]}
    assert check_eligibility(**asked, now=MONDAY).passes
    case = Application.objects.get(developer=developer, state="DRAFT")
    owner = developer.seats.get(role=Role.DEVELOPER_OWNER).user
    assert submit(case=case, by=owner, now=MONDAY).case.state == "QUEUED"


def test_no_page_of_staff_is_empty(summary_for_log_ins):
    developer, _reviewer = summary_for_log_ins
    flips = list_flips(PolicyVersion.objects.get(status="PUBLISHED"), PolicyVersion.objects.get(status="DRAFT"))
    assert [grant.app.developer for grant in flips.grants_closed] == [developer]
    assert Grant.objects.filter(app__developer=developer, status="SUSPENDED").count() == 1
    assert Grant.objects.exclude(revocation_proposed_by=None).count() == 1
    assert ReReview.objects.filter(status="OPEN").count() == 2
    assert Bar.objects.get().status == "PROPOSED"
    (same,) = list_same_failures()
    assert (same.item, len(same.cases)) == ("N1", 2)
    answered = Application.objects.get(developer=developer, state="IN_REVIEW")
    first, second = answered.revisions.order_by("number")
    assert diff(content_of(first.content), content_of(second.content))
    for case in Application.objects.all():
        assert list_replay_differences(case) == {}


@pytest.fixture
def summary_for_log_ins():
    for tier in ("PREMIUM", "POTENTIAL"):
        merchant = make_merchant()
        make_store(merchant=merchant)
        MerchantTier.objects.create(merchant=merchant, tier=tier, valid_from=MONDAY.date())
    developer, reviewer = make_developer("YUNQI"), make_user(Role.PLATFORM_REVIEWER, username="reviewer")
    make_user(Role.DEVELOPER_OWNER, developer=developer)
    load_demo(now=MONDAY, developer=developer, reviewer=reviewer)
    return developer, reviewer
