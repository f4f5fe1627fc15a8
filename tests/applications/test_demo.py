"""The examples: every state is there, every invariant holds, every case replays, and nothing is made twice."""

from __future__ import annotations

import pytest

from applications.choices import CaseState
from applications.demo import NOTE, load_demo
from applications.gates.base import GATES, run_gates
from applications.models import Appeal, Application, PolicyVersion, StoreEnablement, Strike
from applications.selectors.replay import list_replay_differences
from applications.services.sweep import advance
from backoffice.kernel.invariants import find_breaches
from tests.applications.cases import MONDAY, days
from tests.applications.gates.test_registry import GOOD
from tests.factories import make_merchant, make_store

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
    policy = PolicyVersion.objects.get()
    assert (policy.is_example, policy.note, policy.status) == (True, NOTE, "PUBLISHED")


def test_a_second_time_makes_nothing(summary):
    before = Application.objects.count()
    assert load_demo(now=MONDAY).cases == {}
    assert Application.objects.count() == before


def test_without_merchants_the_rest_is_there():
    summary = load_demo(now=MONDAY)
    assert summary.cases[CaseState.AWAITING_MERCHANT] == 0
    assert summary.cases[CaseState.APPROVED] == 2


def test_time_goes_on_over_the_examples(summary):
    for later in (1, 20, 60, 400, 800):
        advance(now=MONDAY + days(later))
        assert breaches() == []
    assert Application.objects.filter(state=CaseState.CHANGES_REQUESTED).count() == 0
