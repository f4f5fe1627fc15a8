"""Two at once, and killed half-way: never two rulings, never two grants, nothing half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections

from applications.choices import CaseState
from applications.models import Appeal, Application, CaseEvent, Claim, Decision, GateRun, Grant, PolicyVersion, Revision, StoreEnablement, Strike
from applications.selectors.replay import list_replay_differences
from applications.services.appeals import file_appeal
from applications.services.decide import decide, execute, refuse_in_bulk
from applications.services.enable import enable_app
from applications.services.policies import draft_policy, publish_policy, set_cell
from applications.services.review import claim, claim_next, judge
from applications.services.standing import propose_bar
from applications.services.submit import submit, withdraw
from applications.services.sweep import advance
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.invariants import find_breaches
from backoffice.kernel.tenancy.roles import Role
from tests.applications.cases import (
    MINUTE,
    MONDAY,
    UNDO,
    approved,
    claimed,
    days,
    fresh,
    judge_all,
    make_app,
    make_draft,
    make_world,
    merchant_owner,
    onboarded,
    owner_of,
    queued,
    refused,
    review,
    staff,
)
from tests.campaigns.processes import run_command
from tests.factories import make_merchant, make_store

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _whole():
    """After every race everything still holds."""
    yield
    assert [breach for breach in find_breaches() if breach.invariant.startswith("applications.")] == []


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run the acts in threads that start together; results in their order, a refusal as its code. Any other error is raised."""
    results: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(number: int, act: Callable[[], Any]) -> None:
        try:
            start.wait(10)
            results[number] = act()
        except BusinessError as error:
            results[number] = error.code
        except BaseException as error:  # noqa: BLE001 - handed to the test
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number, act)) for number, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def test_two_reviewers_claim_at_once_one_wins():
    case = queued(make_world())
    reviewers = [staff() for _ in range(4)]
    results = at_once(*(lambda reviewer=reviewer: claim(case=case, by=reviewer, now=MONDAY) for reviewer in reviewers))
    assert sorted(type(result).__name__ if isinstance(result, Claim) else result for result in results) == ["Claim", "claimed", "claimed", "claimed"]
    assert Claim.objects.count() == 1


def test_two_reviewers_decide_at_once_one_ruling_the_other_a_conflict():
    case = queued(make_world())
    first, second = staff(), staff()
    old = claimed(case, first)
    judge_all(old)
    late = MONDAY + MINUTE * 20
    new = claimed(case, second, now=late)
    acts = [
        lambda: decide(case=case, token=old.token, rulings={"member.read": "GRANT"}, by=first, now=late).pk,
        lambda: decide(case=case, token=new.token, rulings={"member.read": "GRANT"}, by=second, now=late).pk,
    ]
    results = at_once(*acts)
    assert results[0] in ("claim_lost", "state_conflict")
    assert results[1] == Decision.objects.get().pk


def test_one_reviewer_in_two_windows_decides_once():
    case, reviewer = queued(make_world()), staff()
    held = claimed(case, reviewer)
    judge_all(held)
    results = at_once(*(lambda: decide(case=case, token=held.token, rulings={"member.read": "GRANT"}, by=reviewer, now=MONDAY).pk for _ in range(3)))
    assert sorted(map(str, results)) == sorted([str(Decision.objects.get().pk), "state_conflict", "state_conflict"])


def test_many_in_play_mode_never_get_the_same_case():
    world = make_world()
    cases = [queued(world) for _ in range(4)]
    reviewers = [staff() for _ in range(4)]
    results = at_once(*(lambda reviewer=reviewer: claim_next(by=reviewer, now=MONDAY).case_id for reviewer in reviewers))
    assert sorted(results) == [case.pk for case in cases]


def test_a_double_submit_freezes_one_revision():
    case = make_draft(make_world())
    by = owner_of(case.developer)
    results = at_once(*(lambda: submit(case=case, by=by, now=MONDAY).outcome for _ in range(3)))
    assert sorted(results) == ["PASSED", "state_conflict", "state_conflict"]
    assert (Revision.objects.count(), GateRun.objects.count(), fresh(case).state) == (1, 1, CaseState.QUEUED)


def test_twins_submitted_at_once_one_is_stopped():
    world = make_world()
    app = make_app(onboarded(), world)
    cases = [make_draft(world, app=app) for _ in range(3)]
    by = owner_of(app.developer)
    results = at_once(*(lambda case=case: submit(case=case, by=by, now=MONDAY).outcome for case in cases))
    assert sorted(results) == ["PASSED", "STOPPED", "STOPPED"]


def test_the_limit_of_open_cases_holds_when_all_come_at_once():
    world, developer = make_world(), onboarded()
    for _ in range(3):
        queued(world, developer=developer)
    cases = [make_draft(world, developer=developer) for _ in range(4)]
    by = owner_of(developer)
    results = at_once(*(lambda case=case: submit(case=case, by=by, now=MONDAY).outcome for case in cases))
    assert sorted(results) == ["PASSED", "PASSED", "STOPPED", "STOPPED"]


def test_ten_stops_at_once_are_one_strike():
    world, developer = make_world(), onboarded()
    cases = [make_draft(world, world.unlisted, developer=developer) for _ in range(4)]
    by = owner_of(developer)
    for number in range(8):
        submit(case=cases[number % 4], by=by, now=MONDAY)
    at_once(*(lambda case=case: submit(case=case, by=by, now=MONDAY).outcome for case in cases))
    assert (GateRun.objects.count(), Strike.objects.count()) == (12, 1)


def test_withdrawn_while_it_is_decided():
    case, reviewer = queued(make_world()), staff()
    held = claimed(case, reviewer)
    judge_all(held)
    by = owner_of(case.developer)
    results = at_once(
        lambda: decide(case=case, token=held.token, rulings={"member.read": "GRANT"}, by=reviewer, now=MONDAY).status,
        lambda: withdraw(case=case, by=by, now=MONDAY).state,
    )
    assert results[1] == CaseState.WITHDRAWN
    assert results[0] in ("WAITING", "state_conflict")
    advance(now=MONDAY + UNDO)
    assert (fresh(case).state, Grant.objects.count()) == (CaseState.WITHDRAWN, 0)


def test_a_ruling_takes_effect_once_however_many_sweep():
    world = make_world()
    case = queued(world)
    review(case, fail=["N1"])
    other = queued(world)
    review(other)
    results = at_once(*(lambda: dict(advance(now=MONDAY + UNDO)) for _ in range(3)))
    assert sum(result.get("executed", 0) for result in results) == 2
    assert (Strike.objects.count(), Grant.objects.count()) == (1, 1)
    assert CaseEvent.objects.filter(act="EXECUTE").count() == 2


def test_a_table_published_while_a_case_is_decided():
    world = make_world()
    case, reviewer = queued(world), staff()
    held = claimed(case, reviewer)
    judge_all(held)
    draft = draft_policy(by=world.editor, now=MONDAY, based_on=world.policy)
    set_cell(policy=draft, category=world.beauty, capability=world.reader, openness="CLOSED", by=world.editor, now=MONDAY)
    results = at_once(
        lambda: decide(case=case, token=held.token, rulings={"member.read": "GRANT"}, by=reviewer, now=MONDAY).policy.number,
        lambda: publish_policy(policy=draft, by=world.publisher, now=MONDAY).number,
    )
    assert results in ([1, 2], ["no_longer_allowed", 2])
    advance(now=MONDAY + UNDO)
    assert Grant.objects.count() == 0


def test_two_drafts_published_at_once_one_is_in_force():
    world = make_world()
    drafts = [draft_policy(by=world.editor, now=MONDAY, based_on=world.policy) for _ in range(2)]
    at_once(*(lambda draft=draft: publish_policy(policy=draft, by=world.publisher, now=MONDAY).number for draft in drafts))
    assert PolicyVersion.objects.filter(status="PUBLISHED").count() == 1
    assert PolicyVersion.objects.filter(status="RETIRED").count() == 2


def test_bulk_refusals_that_overlap():
    world = make_world()
    cases = []
    for _ in range(4):
        held = claimed(queued(world), staff())
        judge_all(held, fail=["N1"])
        cases.append(held.case_id)
    late = MONDAY + days(1)
    advance(now=late)
    reviewers = [staff(), staff()]
    reports = at_once(*(lambda by=by: refuse_in_bulk(case_ids=cases, item="N1", fact="a", fix="b", by=by, now=late) for by in reviewers))
    assert sorted([*reports[0].decided, *reports[1].decided]) == sorted(cases)
    assert Decision.objects.count() == 4


def test_appeal_enablement_and_bar_twice_at_once():
    world = make_world()
    case = refused(world, fail=["N1"])
    decision, by = Decision.objects.get(), owner_of(case.developer)
    results = at_once(*(lambda: file_appeal(decision=decision, statement="x", by=by, now=MONDAY + UNDO).status for _ in range(3)))
    assert sorted(results) == ["OPEN", "appealed_already", "appealed_already"]
    assert Appeal.objects.count() == 1
    app = approved(world, contact_other="y").app
    store = make_store(merchant=make_merchant(tier="PREMIUM"))
    owner = merchant_owner(store.merchant)
    assert at_once(*(lambda: enable_app(app=app, store=store, by=owner, now=MONDAY + days(1)).status for _ in range(3))) == ["ON"] * 3
    assert StoreEnablement.objects.count() == 1
    seniors = [staff(Role.PLATFORM_SENIOR) for _ in range(2)]
    results = at_once(*(lambda one=one: propose_bar(developer=case.developer, reason="x", by=one, now=MONDAY).status for one in seniors))
    assert sorted(results) == ["PROPOSED", "bar_open"]


def test_a_verdict_and_a_takeover_at_once():
    case, first, second = queued(make_world()), staff(), staff()
    held = claimed(case, first)
    late = MONDAY + MINUTE * 20
    results = at_once(
        lambda: judge(case=case, token=held.token, item="M1", answer="PASS", by=first, now=late).answer,
        lambda: claim(case=case, by=second, now=late).token,
    )
    assert results == ["claim_lost", 2]


@pytest.mark.parametrize("point", ["applications.in_effect", "applications.in_sweep"])
def test_a_sweep_killed_half_way_is_finished_by_the_next(point):
    world = make_world()
    first, second = queued(world), queued(world)
    review(first)
    review(second)
    at = ("advance_applications", "--now", (MONDAY + UNDO).isoformat(), "--json")
    code, answer, _ = run_command(*at, crash_at=point)
    assert (code, answer) == (-signal.SIGKILL, None)
    done = Grant.objects.count()
    assert done == (0 if point == "applications.in_effect" else 1)
    assert Decision.objects.filter(status="EXECUTED").count() == done
    code, answer, err = run_command(*at)
    assert code == 0, err
    assert answer["done"] == {"executed": 2 - done}
    assert (Grant.objects.count(), set(Application.objects.values_list("state", flat=True))) == (2, {"APPROVED"})
    for case in Application.objects.all():
        assert list_replay_differences(case) == {}


def test_a_ruling_half_written_is_not_there(monkeypatch):
    case, reviewer = queued(make_world()), staff()
    held = claimed(case, reviewer)
    judge_all(held)

    def dies(name: str) -> None:
        raise KeyboardInterrupt(name)

    monkeypatch.setattr("applications.services.decide.crash_point", dies)
    with pytest.raises(KeyboardInterrupt):
        decide(case=case, token=held.token, rulings={"member.read": "GRANT"}, by=reviewer, now=MONDAY)
    monkeypatch.undo()
    connection.close()
    assert (Decision.objects.count(), fresh(case).state) == (0, CaseState.IN_REVIEW)
    decide(case=case, token=held.token, rulings={"member.read": "GRANT"}, by=reviewer, now=MONDAY)
    execute(case=case, now=MONDAY + UNDO)
    assert fresh(case).state == CaseState.APPROVED
