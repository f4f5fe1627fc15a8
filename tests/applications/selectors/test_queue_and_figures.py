"""The queue by whose turn it is, and figures that open the list behind them."""

from __future__ import annotations

import pytest

from applications.choices import CaseState
from applications.models import Application
from applications.selectors.applicant import get_seen_case
from applications.selectors.figures import get_figures, list_decided, list_first_pass, list_gate_stops, list_overturned, list_refusals_for
from applications.selectors.queue import TABS, count_other_work, count_queue, list_queue
from applications.services.appeals import file_appeal, overturn_appeal
from applications.services.submit import submit
from applications.services.sweep import advance
from backoffice.kernel.tenancy.roles import Role
from tests.applications.cases import (
    MONDAY,
    UNDO,
    approved,
    claimed,
    days,
    fresh,
    make_draft,
    make_world,
    owner_of,
    queued,
    refused,
    review,
    sent_back,
    staff,
    submitted,
)

pytestmark = pytest.mark.django_db
WEEK = (MONDAY, MONDAY + days(7))


@pytest.fixture
def world():
    return make_world()


def test_every_open_case_is_in_exactly_one_tab(world):
    mine = staff()
    cases = {
        "queued": queued(world),
        "in_review": claimed(queued(world), mine).case,
        "developer": sent_back(queued(world)),
        "decided": queued(world),
        "held": queued(world, world.risky),
    }
    review(cases["decided"])
    review(cases["held"])
    make_draft(world)
    approved(world)
    for tab in TABS:
        assert [case.pk for case in list_queue(tab)] == ([cases[tab].pk] if tab in cases else [])
    counts = count_queue(now=MONDAY)
    assert {tab: number for tab, number in counts.items() if number} == dict.fromkeys(cases, 1)
    assert count_queue(now=MONDAY + days(10))["late"] == 3
    assert ([case.pk for case in list_queue("in_review", reviewer=mine)], list(list_queue("in_review", reviewer=staff()))) == ([cases["in_review"].pk], [])


@pytest.mark.parametrize("number", [1, 3])
def test_the_queue_takes_one_query_for_any_number(world, number, django_assert_num_queries):
    for _ in range(number):
        queued(world)
    with django_assert_num_queries(1):
        for case in list_queue():
            assert (case.app.category.name, case.developer.name, case.revision.number, case.merchant) is not None
    with django_assert_num_queries(1):
        count_queue(now=MONDAY)


@pytest.mark.parametrize("rounds", [0, 2])
def test_an_applicants_page_takes_the_same_queries_however_long_the_story(world, rounds, django_assert_num_queries):
    case = queued(world)
    for number in range(rounds):
        case = submitted(sent_back(case, now=MONDAY + days(number)), now=MONDAY + days(number) + UNDO * 5)
    review(case, fail=["M1"], now=MONDAY + days(3))
    advance(now=MONDAY + days(3) + UNDO)
    case = fresh(case)
    with django_assert_num_queries(8):
        get_seen_case(case, now=MONDAY + days(4))


def test_figures_and_the_lists_behind_them(world):
    first = approved(world)
    again = submitted(sent_back(queued(world)), now=MONDAY + days(1))
    review(again, now=MONDAY + days(1))
    advance(now=MONDAY + days(1) + UNDO)
    late = queued(world)
    review(late, fail=["N1", "M1"], now=MONDAY + days(5))
    advance(now=MONDAY + days(5) + UNDO)
    wrong = refused(world, fail=["N2"], contact_other="x")
    appeal = file_appeal(decision=wrong.decisions.get(), statement="x", by=owner_of(wrong.developer), now=MONDAY + days(1))
    overturn_appeal(appeal=appeal, grant=["member.read"], answer="x", by=staff(Role.PLATFORM_APPEALS), now=MONDAY + days(2))
    stopped = make_draft(world, world.unlisted)
    submit(case=stopped, by=owner_of(stopped.developer), now=MONDAY)
    figures = get_figures(*WEEK)
    assert (figures.decided, figures.in_time, figures.first_pass, figures.rounds) == (4, 3, 2, 0.25)
    assert (figures.rulings, figures.overturned, figures.refusals, figures.refusal_mix) == (4, 1, 2, {"M1": 1, "N1": 1, "N2": 1})
    assert (figures.gate_stops, figures.gate_mix) == (1, {"G06": 1})
    assert {case.pk for case in list_first_pass(*WEEK)} == {first.pk, wrong.pk}
    assert [row.case_id for row in list_overturned(*WEEK)] == [wrong.pk]
    assert [row.case_id for row in list_refusals_for("N1", *WEEK)] == [late.pk]
    assert [run.case_id for run in list_gate_stops(*WEEK)] == [stopped.pk]
    assert list_decided(MONDAY + days(7), MONDAY + days(14)).count() == 0
    assert Application.objects.filter(state=CaseState.REFUSED).count() == 1


def test_what_else_waits(world):
    case = refused(world, fail=["N1"])
    file_appeal(decision=case.decisions.get(), statement="x", by=owner_of(case.developer), now=MONDAY + days(1))
    assert (count_other_work(now=MONDAY).appeals, count_other_work(now=MONDAY).bars) == (1, 0)
