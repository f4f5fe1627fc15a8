"""State x act x role, generated from the table of acts. Who may do what is typed here once more, by intent, without looking at ``roles.py``."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from applications.choices import ACTS, EVENTLESS_ACTS, CaseAct, CaseState
from applications.models import Application, CaseEvent, Claim
from applications.selectors.replay import list_replay_differences
from applications.services.door import ClaimLost, enter
from applications.services.review import claim
from applications.services.submit import submit, withdraw
from applications.services.sweep import advance
from backoffice.kernel.errors import NotAllowed, NotFound, StateConflict
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Role
from tests.applications.cases import (
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
    onboarded,
    owner_of,
    queued,
    queued_custom,
    refused,
    review,
    sent_back,
    staff,
    submitted,
)
from tests.factories import make_merchant, make_user

SYSTEM, FOREIGN_DEVELOPER, FOREIGN_MERCHANT = "SYSTEM", "FOREIGN_DEVELOPER", "FOREIGN_MERCHANT"
DEVELOPERS = {Role.DEVELOPER_OWNER, Role.DEVELOPER_MEMBER, Role.PLATFORM_ADMIN}
REVIEWERS = {Role.PLATFORM_REVIEWER, Role.PLATFORM_SENIOR, Role.PLATFORM_ADMIN}
SENIORS = {Role.PLATFORM_SENIOR, Role.PLATFORM_ADMIN}
MAY: dict[str, set[str]] = {
    CaseAct.OPEN: DEVELOPERS,
    CaseAct.SUBMIT: DEVELOPERS,
    CaseAct.WITHDRAW: DEVELOPERS,
    CaseAct.CONFIRM: {Role.MERCHANT_OWNER, Role.PLATFORM_ADMIN},
    CaseAct.DECLINE: {Role.MERCHANT_OWNER, Role.PLATFORM_ADMIN},
    **dict.fromkeys(
        (
            CaseAct.CLAIM, CaseAct.RENEW, CaseAct.RELEASE, CaseAct.JUDGE, CaseAct.REQUEST_CHANGES, CaseAct.DECIDE, CaseAct.REFUSE_IN_BULK, CaseAct.UNDO,
        ),
        REVIEWERS,
    ),
    CaseAct.RELEASE_HOLD: SENIORS,
    CaseAct.RETURN_HOLD: SENIORS,
    CaseAct.OVERTURN: {Role.PLATFORM_APPEALS, Role.PLATFORM_ADMIN},
    **{act: {SYSTEM} for act in (CaseAct.CHECK, CaseAct.EXPIRE_CLAIM, CaseAct.EXECUTE, CaseAct.SEND_BACK, CaseAct.LAPSE, CaseAct.RECOUNT)},
}  # fmt: skip
ROLES = [*Role.values, SYSTEM, FOREIGN_DEVELOPER, FOREIGN_MERCHANT]


def make_pending(world) -> Application:
    from applications.gates.base import GATES

    case, gate = make_draft(world), GATES.get("G12")

    def broken(_facts):
        raise RuntimeError("out of order")

    GATES._entries["G12"] = type(gate)(gate.code, gate.title, gate.texts, broken)
    try:
        return submitted(case)
    finally:
        GATES._entries["G12"] = gate


def make_in_review(world) -> Application:
    case = queued(world)
    judge_all(claimed(case, staff()))
    return fresh(case)


def make_awaiting(world) -> Application:
    app = make_app(onboarded(), world, build="CUSTOM")
    return submitted(make_draft(world, world.special, app=app, merchant=make_merchant(tier="PREMIUM").code, audience_group=""))


def make_decided(world, *capabilities) -> Application:
    case = queued(world, *capabilities)
    review(case)
    return fresh(case)


def make_partial(world) -> Application:
    case = queued_custom(world, world.reader, world.special)
    held = claimed(case, staff())
    judge_all(held)
    from applications.services.decide import decide
    from applications.services.review import judge, write_reason

    common = {"case": case, "token": held.token, "by": held.reviewer, "now": MONDAY}
    judge(**common, item="S2", capability=world.special, answer="FAIL")
    write_reason(**common, rule="S2", capability=world.special, fact="价值不明", fix="说明价值")
    decide(**common, rulings={"member.read": "GRANT", "level.custom": "REFUSE"})
    advance(now=MONDAY + UNDO)
    return fresh(case)


def make_withdrawn(world) -> Application:
    case = queued(world)
    return withdraw(case=case, by=owner_of(case.developer), now=MONDAY)


def make_lapsed(world) -> Application:
    case = sent_back(queued(world))
    advance(now=MONDAY + days(30))
    return fresh(case)


MAKERS: dict[str, Callable[..., Application]] = {
    CaseState.DRAFT: make_draft,
    CaseState.CHECKS_PENDING: make_pending,
    CaseState.AWAITING_MERCHANT: make_awaiting,
    CaseState.QUEUED: queued,
    CaseState.IN_REVIEW: make_in_review,
    CaseState.CHANGES_REQUESTED: lambda world: sent_back(queued(world)),
    CaseState.HELD: lambda world: make_decided(world, world.risky),
    CaseState.DECIDED: make_decided,
    CaseState.APPROVED: approved,
    CaseState.PARTIAL: make_partial,
    CaseState.REFUSED: refused,
    CaseState.WITHDRAWN: make_withdrawn,
    CaseState.LAPSED: make_lapsed,
}


def actor(role: str, case: Application) -> User | None:
    if role == SYSTEM:
        return None
    if role == FOREIGN_DEVELOPER:
        return owner_of(onboarded())
    if role == FOREIGN_MERCHANT:
        return make_user(Role.MERCHANT_OWNER, merchant=make_merchant())
    if role.startswith("DEVELOPER"):
        return make_user(role, developer=case.developer)
    if role.startswith("MERCHANT"):
        return make_user(role, merchant=case.merchant or make_merchant())
    return make_user(role)


def test_the_table_of_intent_names_every_act_and_every_state_can_be_made():
    assert set(MAY) == set(ACTS) == set(CaseAct.values)
    assert set(MAKERS) == set(CaseState.values)


def test_every_state_is_reached_and_every_closed_one_is_an_end():
    reached = {target for rule in ACTS.values() for target in rule.targets}
    assert reached == set(CaseState.values)
    ends = set(CaseState.values) - {source for act, rule in ACTS.items() for source in rule.sources if rule.targets - {source}}
    assert ends == {CaseState.APPROVED, CaseState.WITHDRAWN, CaseState.LAPSED}


@pytest.mark.django_db
@pytest.mark.parametrize("state", CaseState.values)
def test_state_by_act_by_role(state):
    """Every act by every role in this state: only what the two tables say comes through the door; nothing else changes anything."""
    case = MAKERS[state](make_world())
    assert case.state == state
    held = Claim.objects.filter(case=case, ended_at=None).first()
    before = CaseEvent.objects.count()
    wrong = []
    for role in ROLES:
        by = actor(role, case)
        for act, rule in ACTS.items():
            token = held.token if held else 1
            says = came_through(case, act, by, token)
            reaches = role not in (FOREIGN_DEVELOPER, FOREIGN_MERCHANT) and not (role.startswith("MERCHANT") and case.merchant_id is None)
            if role in MAY[act]:
                expected = "conflict" if state not in rule.sources else "claim" if rule.needs_claim else "in"
                if not reaches:
                    expected = "not found"
            elif rule.permission == SYSTEM or reaches:
                expected = "not allowed"
            else:
                expected = "not found"
            if says != expected:
                wrong.append((role, act, says, expected))
    assert wrong == []
    assert (CaseEvent.objects.count(), fresh(case).version) == (before, case.version)
    assert list_replay_differences(fresh(case)) == {}


def came_through(case: Application, act: str, by: User | None, token: int) -> str:
    try:
        with transaction.atomic():
            enter(case.pk, act, by=by, now=MONDAY, token=token)
            transaction.set_rollback(True)
    except NotFound:
        return "not found"
    except NotAllowed:
        return "not allowed"
    except ClaimLost:
        return "claim"
    except StateConflict:
        return "conflict"
    return "in"


@pytest.mark.django_db
@pytest.mark.parametrize("act", sorted(act for act, rule in ACTS.items() if rule.needs_claim))
def test_acts_that_need_a_claim_come_through_with_it(act):
    case, reviewer = queued(make_world()), staff()
    held = claim(case=case, by=reviewer, now=MONDAY)
    assert came_through(case, act, reviewer, held.token) == "in"
    assert came_through(case, act, reviewer, held.token + 1) == "claim"
    assert came_through(case, act, staff(), held.token) == "claim"


def test_eventless_acts_change_no_state():
    assert all(ACTS[act].sources == ACTS[act].targets for act in EVENTLESS_ACTS)


@pytest.mark.django_db
def test_closed_cases_cannot_be_submitted():
    case = make_withdrawn(make_world())
    with pytest.raises(StateConflict):
        submit(case=case, by=owner_of(case.developer), now=MONDAY)
