"""Strikes, standing, appeals and bars."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from applications.choices import CaseState, StandingLevel, StrikeStatus
from applications.models import App, Appeal, Bar, Capability, Decision, DeveloperStanding, Grant, Notification, Strike
from applications.selectors.applicant import get_seen_case, get_standing
from applications.services.appeals import AppealRefused, confirm_overturn, drop_overturn, file_appeal, overturn_appeal, uphold_appeal
from applications.services.apps import AppRefused, change_app
from applications.services.decide import decide, execute, release_hold
from applications.services.grants import confirm_revocation, give_grant, give_up_grant, propose_revocation
from applications.services.review import judge, write_reason
from applications.services.standing import BarRefused, confirm_bar, dismiss_bar, lift_bar, propose_bar
from applications.services.submit import submit
from applications.services.sweep import advance
from backoffice.kernel.errors import NotAllowed, StateConflict
from backoffice.kernel.tenancy.models import Seat
from backoffice.kernel.tenancy.roles import Role
from tests.applications.cases import (
    MONDAY,
    UNDO,
    approved,
    change_table,
    claimed,
    days,
    fresh,
    judge_all,
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
)

pytestmark = pytest.mark.django_db
WINDOW, YEAR = days(15), days(365)


@pytest.fixture
def world():
    return make_world()


def standing(developer) -> tuple[str, int]:
    row = DeveloperStanding.objects.get(developer=developer)
    return row.level, row.score


def refuse_times(world, developer, number: int, *, fail=("N1",), start=MONDAY):
    return [refused(world, developer=developer, fail=fail, now=start, contact_other=str(serial)) for serial in range(number)]


@pytest.mark.parametrize(
    ("fail", "kind", "weight"), [(["N1"], "N1", 2), (["N2"], "N2", 2), (["B1"], "B1", 3), (["F1"], "F1", 3), (["N1", "F1"], "F1", 3), (["N1", "B1"], "N1", 2)]
)
def test_what_a_refusal_weighs(world, fail, kind, weight):
    case = refused(world, fail=fail)
    strike = Strike.objects.get()
    assert (strike.kind, strike.weight, strike.status, strike.developer) == (kind, weight, StrikeStatus.PROVISIONAL, case.developer)
    seen = get_standing(case.developer, now=MONDAY + UNDO)
    assert (seen.score, seen.provisional, seen.bar_score, seen.level) == (0, weight, 6, StandingLevel.GOOD)


@pytest.mark.parametrize("fail", [["M1"], ["D1"], ["V1"], ["S1"]])
def test_an_ordinary_refusal_costs_nothing(world, fail):
    refused(world, fail=fail)
    assert not Strike.objects.exists()


def test_a_strike_counts_after_the_appeal_window_for_a_year(world):
    case = refused(world, fail=["N1"])
    counts_at = MONDAY + UNDO + WINDOW
    assert advance(now=counts_at - timedelta(seconds=1)) == {}
    assert advance(now=counts_at) == {"counted": 1}
    assert standing(case.developer) == (StandingLevel.WARNED, 2)
    assert Notification.objects.filter(kind="STANDING", developer=case.developer).exists()
    assert advance(now=counts_at + YEAR - timedelta(seconds=1)) == {}
    advance(now=counts_at + YEAR)
    assert (standing(case.developer), Strike.objects.get().status) == ((StandingLevel.GOOD, 0), StrikeStatus.EXPIRED)


def test_four_points_pause_for_thirty_days(world):
    developer = onboarded()
    refuse_times(world, developer, 2)
    then = MONDAY + UNDO + WINDOW
    advance(now=then)
    assert standing(developer) == (StandingLevel.COOL_DOWN, 4)
    case = make_draft(world, developer=developer)
    told = submit(case=case, by=owner_of(developer), now=then + days(29))
    assert [(result.gate, result.code) for result in told.failed] == [("G01", "cooling_down")]
    assert submit(case=case, by=owner_of(developer), now=then + days(30)).case.state == CaseState.QUEUED
    advance(now=then + days(30))
    assert standing(developer) == (StandingLevel.WARNED, 4)


def test_six_points_suggest_a_bar_that_two_people_put_in_force(world):
    developer = onboarded()
    finished = queued(world, developer=developer)
    granted = approved(world, developer=developer, contact_other="x")
    for case in [queued(world, developer=developer, contact_other=str(serial)) for serial in range(3)]:
        review(case, fail=["N1"])
        if fresh(case).state == CaseState.HELD:  # the first refusal of a trusted developer
            release_hold(case=case, by=staff(Role.PLATFORM_SENIOR), now=MONDAY)
        advance(now=MONDAY + UNDO)
    back = sent_back(queued(world, developer=developer, contact_other="back"))
    then = MONDAY + UNDO + WINDOW
    case = make_draft(world, developer=developer)
    advance(now=then)
    bar = Bar.objects.get()
    assert (bar.status, bar.is_by_score, standing(developer)) == ("SUGGESTED", True, (StandingLevel.COOL_DOWN, 6))
    assert not get_standing(developer, now=then).is_barred
    first, second = staff(Role.PLATFORM_SENIOR), staff(Role.PLATFORM_SENIOR)
    with pytest.raises(StateConflict):
        confirm_bar(bar=bar, by=second, now=then)
    with pytest.raises(NotAllowed):
        propose_bar(developer=developer, reason="三次强制入会", by=staff(), now=then)
    propose_bar(developer=developer, reason="三次强制入会", by=first, now=then)
    with pytest.raises(BarRefused) as refusal:
        confirm_bar(bar=bar, by=first, now=then)
    assert refusal.value.code == "same_person"
    confirm_bar(bar=bar, by=second, now=then)
    assert standing(developer) == (StandingLevel.BARRED, 6)
    # No longer submits or resubmits ...
    after = then + days(100)
    told = submit(case=case, by=owner_of(developer), now=after)
    assert [(result.gate, result.code) for result in told.failed] == [("G01", "barred")]
    assert back.state == CaseState.CHANGES_REQUESTED
    # ... but what is in review is finished and grants stay.
    review(finished, now=after)
    execute(case=finished, now=after + UNDO)
    assert fresh(finished).state == CaseState.APPROVED
    assert set(Grant.objects.values_list("app", "status")) == {(granted.app_id, "ACTIVE"), (finished.app_id, "ACTIVE")}
    lift_bar(bar=Bar.objects.get(), reason="整改完成", by=first, now=after)
    assert standing(developer) == (StandingLevel.WARNED, 6)


def test_a_barred_developer_cannot_answer_a_request_for_changes(world):
    developer = onboarded()
    back = sent_back(queued(world, developer=developer))
    propose_bar(developer=developer, reason="严重造假", by=staff(Role.PLATFORM_SENIOR), now=MONDAY)
    confirm_bar(bar=Bar.objects.get(), by=staff(Role.PLATFORM_SENIOR), now=MONDAY)
    told = submit(case=back, by=owner_of(developer), now=MONDAY + days(1))
    assert ([result.gate for result in told.failed], fresh(back).state) == (["G01"], CaseState.CHANGES_REQUESTED)


def test_the_database_refuses_a_bar_by_one_person(world):
    developer, one = onboarded(), staff(Role.PLATFORM_SENIOR)
    propose_bar(developer=developer, reason="x", by=one, now=MONDAY)
    with pytest.raises(IntegrityError, match="bar_needs_a_second_person"), transaction.atomic():
        Bar.objects.update(status="CONFIRMED", confirmed_by=one, confirmed_at=MONDAY)
    with pytest.raises(BarRefused):
        propose_bar(developer=developer, reason="again", by=one, now=MONDAY)
    dismiss_bar(bar=Bar.objects.get(), reason="证据不足", by=one, now=MONDAY)
    assert standing(developer) == (StandingLevel.GOOD, 0)


def test_every_tenth_stop_at_the_gates_within_thirty_days_is_a_strike(world):
    developer = onboarded()
    case, by = make_draft(world, world.unlisted, developer=developer), owner_of(developer)
    for number in range(9):
        submit(case=case, by=by, now=MONDAY + timedelta(hours=number))
    assert not Strike.objects.exists()
    submit(case=case, by=by, now=MONDAY + days(29))
    strike = Strike.objects.get()
    assert (strike.kind, strike.weight, strike.status) == ("GATE_STOPS", 1, StrikeStatus.PROVISIONAL)
    assert get_standing(developer, now=MONDAY + days(29)).stops == 0
    for number in range(9):
        submit(case=case, by=by, now=MONDAY + days(29) + timedelta(hours=number + 1))
    assert Strike.objects.count() == 1
    submit(case=case, by=by, now=MONDAY + days(30))
    assert Strike.objects.count() == 2


def test_stops_that_are_older_than_thirty_days_do_not_count(world):
    developer = onboarded()
    case, by = make_draft(world, world.unlisted, developer=developer), owner_of(developer)
    for number in range(20):
        submit(case=case, by=by, now=MONDAY + days(number * 4))
    assert not Strike.objects.exists()


def appealed(case, now=MONDAY + UNDO):
    return file_appeal(decision=Decision.objects.get(case=case, status="EXECUTED"), statement="没有强制入会", by=owner_of(case.developer), now=now)


def test_an_overturned_appeal_repairs_grant_strike_and_standing(world):
    developer = onboarded()
    case = refused(world, developer=developer, fail=["F1"])
    refuse_times(world, developer, 2, fail=["N1"])
    appeal = appealed(case, now=MONDAY + days(14))
    assert appeal.due_at == MONDAY + days(14 + 9)  # a Monday, seven working days on
    then = MONDAY + UNDO + WINDOW
    advance(now=then)
    assert standing(developer) == (StandingLevel.COOL_DOWN, 4)  # the appealed strike is still provisional
    officer = staff(Role.PLATFORM_APPEALS)
    decision = overturn_appeal(appeal=appeal, grant=["member.read"], answer="复核后成立", by=officer, now=then)
    old = Decision.objects.get(case=case, number=1)
    assert (decision.overrides, decision.kind, old.status, fresh(case).state) == (old, "APPROVED", "OVERTURNED", CaseState.APPROVED)
    assert [(grant.app, grant.status, grant.decision) for grant in Grant.objects.all()] == [(case.app, "ACTIVE", decision)]
    strike = Strike.objects.get(decision=old)
    assert (strike.status, strike.void_reason) == (StrikeStatus.VOID, "APPEAL")
    assert standing(developer) == (StandingLevel.COOL_DOWN, 4)
    seen = get_seen_case(fresh(case), now=then).decisions
    assert [(row.kind, row.is_overturned, row.appeal_status, row.points) for row in seen] == [("APPROVED", False, "", 0), ("REFUSED", True, "OVERTURNED", 0)]


def test_an_overturned_appeal_lifts_the_bar_and_the_pause_that_rested_on_it(world):
    developer = onboarded()
    cases = refuse_times(world, developer, 2, fail=["F1"])
    appeal = appealed(cases[1], now=MONDAY + days(14))
    extra = refused(world, developer=developer, fail=["F1"], contact_other="extra")
    assert extra.state == CaseState.REFUSED
    then = MONDAY + UNDO + WINDOW
    advance(now=then)
    assert standing(developer) == (StandingLevel.COOL_DOWN, 6)
    propose_bar(developer=developer, reason="造假", by=staff(Role.PLATFORM_SENIOR), now=then)
    confirm_bar(bar=Bar.objects.get(), by=staff(Role.PLATFORM_SENIOR), now=then)
    uphold_appeal(appeal=appeal, answer="维持", by=staff(Role.PLATFORM_APPEALS), now=then)
    advance(now=then)
    assert standing(developer) == (StandingLevel.BARRED, 9)
    # The first one's own appeal, filed in time, is answered late: everything that rested on it goes.
    for case in (cases[0], extra):
        Appeal.objects.create(decision=Decision.objects.get(case=case), case=case, developer=developer, statement="x", filed_at=MONDAY, due_at=MONDAY)
        overturn_appeal(appeal=case.appeals.get(), grant=["member.read"], answer="成立", by=staff(Role.PLATFORM_APPEALS), now=then)
    assert (standing(developer), Bar.objects.get().status) == ((StandingLevel.WARNED, 3), "LIFTED")
    assert DeveloperStanding.objects.get(developer=developer).cool_down_until is None


def test_an_upheld_appeal_lets_the_strike_count_from_the_answer(world):
    case = refused(world, fail=["N1"])
    appeal = appealed(case)
    late = MONDAY + days(20)
    assert advance(now=late) == {}
    uphold_appeal(appeal=appeal, answer="演示中确有强制入会", by=staff(Role.PLATFORM_APPEALS), now=late)
    advance(now=late)
    assert (standing(case.developer), Strike.objects.get().expires_at) == ((StandingLevel.WARNED, 2), late + YEAR)
    seen = get_seen_case(fresh(case), now=late).decisions[0]
    assert (seen.appeal_status, seen.appeal_answer) == ("UPHELD", "演示中确有强制入会")


def test_once_per_decision_in_time_and_only_against_refusals(world):
    case = refused(world, fail=["N1"])
    decision = Decision.objects.get(case=case)
    common = {"statement": "x", "by": owner_of(case.developer)}
    codes = []
    for act in (
        lambda: file_appeal(decision=decision, **{**common, "statement": " "}, now=MONDAY + UNDO),
        lambda: file_appeal(decision=decision, **common, now=MONDAY + UNDO + WINDOW + timedelta(seconds=1)),
        lambda: (file_appeal(decision=decision, **common, now=MONDAY + UNDO + WINDOW), file_appeal(decision=decision, **common, now=MONDAY + UNDO)),
    ):
        with pytest.raises(AppealRefused) as refusal:
            act()
        codes.append(refusal.value.code)
    assert (codes, Appeal.objects.count()) == (["text_missing", "appeal_too_late", "appealed_already"], 1)
    good = approved(world)
    with pytest.raises(AppealRefused) as refusal:
        file_appeal(decision=Decision.objects.get(case=good), statement="x", by=owner_of(good.developer), now=MONDAY + UNDO)
    assert refusal.value.code == "not_appealable"
    with pytest.raises(NotAllowed):
        file_appeal(decision=decision, statement="x", by=owner_of(good.developer), now=MONDAY + UNDO)


def test_an_appeal_is_answered_by_somebody_who_took_no_part(world):
    both = staff(Role.PLATFORM_ADMIN)
    case = queued(world)
    review(case, fail=["N1"], reviewer=both)
    advance(now=MONDAY + UNDO)
    appeal = appealed(case)
    with pytest.raises(NotAllowed):
        overturn_appeal(appeal=appeal, grant=["member.read"], answer="x", by=both, now=MONDAY + UNDO)
    with pytest.raises(NotAllowed):
        uphold_appeal(appeal=appeal, answer="x", by=staff(Role.PLATFORM_SENIOR), now=MONDAY + UNDO)
    with pytest.raises(AppealRefused):
        uphold_appeal(appeal=appeal, answer=" ", by=staff(Role.PLATFORM_APPEALS), now=MONDAY + UNDO)
    assert Appeal.objects.get().status == "OPEN"
    uphold_appeal(appeal=appeal, answer="维持", by=staff(Role.PLATFORM_APPEALS), now=MONDAY + UNDO)
    with pytest.raises(StateConflict):
        overturn_appeal(appeal=appeal, grant=["member.read"], answer="x", by=staff(Role.PLATFORM_APPEALS), now=MONDAY + UNDO)
    assert (fresh(case).state, Grant.objects.count()) == (CaseState.REFUSED, 0)


def test_an_appeal_cannot_grant_what_the_table_closed_meanwhile(world):
    case = refused(world, fail=["N1"])
    appeal = appealed(case)
    change_table(world, {(world.beauty, world.reader): "CLOSED"}, now=MONDAY + UNDO)
    with pytest.raises(AppealRefused) as refusal:
        overturn_appeal(appeal=appeal, grant=["member.read"], answer="x", by=staff(Role.PLATFORM_APPEALS), now=MONDAY + UNDO)
    assert (refusal.value.code, fresh(case).state, Strike.objects.get().status) == ("no_longer_allowed", CaseState.REFUSED, "PROVISIONAL")


def test_a_barred_developer_may_still_appeal(world):
    case = refused(world, fail=["N1"])
    propose_bar(developer=case.developer, reason="x", by=staff(Role.PLATFORM_SENIOR), now=MONDAY)
    confirm_bar(bar=Bar.objects.get(), by=staff(Role.PLATFORM_SENIOR), now=MONDAY)
    assert appealed(case).status == "OPEN"


def partly(world, *, granted="member.read", refused_code="points.write"):
    """A ruling in effect that grants one capability and refuses another."""
    case = queued(world, world.reader, world.risky)
    held = claimed(case, staff())
    judge_all(held)
    common = {"case": case, "token": held.token, "by": held.reviewer, "now": MONDAY}
    judge(**common, item="S2", capability=Capability.objects.get(code=refused_code), answer="FAIL")
    write_reason(**common, rule="S2", capability=Capability.objects.get(code=refused_code), fact="没有价值", fix="请说明")
    decide(**common, rulings={granted: "GRANT", refused_code: "REFUSE"})
    if granted == "points.write":
        release_hold(case=case, by=staff(Role.PLATFORM_SENIOR), now=MONDAY)
    advance(now=MONDAY + UNDO)
    assert fresh(case).state == CaseState.PARTIAL
    return case


def revoked(grant, now):
    propose_revocation(grant=grant, reason="滥用数据", by=staff(Role.PLATFORM_SENIOR), now=now)
    confirm_revocation(grant=grant, by=staff(Role.PLATFORM_SENIOR), now=now)


THEN = MONDAY + days(2)


def test_an_app_keeps_its_kind_while_an_appeal_is_open(world):
    case = refused(world)
    appeal, by = appealed(case), owner_of(case.developer)
    for change in ({"build": "CUSTOM"}, {"form": "WIDGET"}, {"category": world.toys}):
        with pytest.raises(AppRefused) as refusal:
            change_app(app=case.app, by=by, now=THEN, **change)
        assert refusal.value.code == "appeal_open"
    change_app(app=case.app, by=by, now=THEN, name="新名字")
    uphold_appeal(appeal=appeal, answer="维持", by=staff(Role.PLATFORM_APPEALS), now=THEN)
    assert change_app(app=case.app, by=by, now=THEN, build="CUSTOM").build == "CUSTOM"


@pytest.mark.parametrize("change", [{"build": "TEMPLATE"}, {"form": "WIDGET"}, {"category": "toys"}])
def test_an_appeal_does_not_grant_to_an_app_that_is_another_now(world, change):
    case = queued_custom(world)
    review(case, fail=["M1"])
    advance(now=MONDAY + UNDO)
    fields = {"category": world.toys} if "category" in change else change
    change_app(app=case.app, by=owner_of(case.developer), now=MONDAY + days(1), **fields)
    with pytest.raises(AppealRefused) as refusal:
        overturn_appeal(appeal=appealed(case), grant=["level.custom"], answer="x", by=staff(Role.PLATFORM_APPEALS), now=THEN)
    assert (refusal.value.code, fresh(case).state, Grant.objects.count()) == ("app_changed", CaseState.REFUSED, 0)


def test_a_grant_has_build_and_merchant_of_what_was_judged(world):
    case = queued_custom(world)
    decision = review(case)
    App.objects.update(build="TEMPLATE")  # past every service
    grant = give_grant(case=fresh(case), decision=decision, capability=world.special, now=MONDAY)
    assert (grant.build, grant.merchant) == ("CUSTOM", case.merchant)


@pytest.mark.parametrize("how", ["revoked", "given up", "expired"])
def test_an_overturned_appeal_leaves_ended_grants_ended(world, how):
    case = partly(world, granted="points.write", refused_code="member.read")
    grant, appeal = Grant.objects.get(), appealed(case)
    if how == "revoked":
        revoked(grant, THEN)
    elif how == "given up":
        give_up_grant(grant=grant, by=owner_of(case.developer), now=THEN)
    else:
        Grant.objects.update(status="EXPIRED", ended_at=THEN)
    decision = overturn_appeal(appeal=appeal, grant=["member.read"], answer="成立", by=staff(Role.PLATFORM_APPEALS), now=THEN)
    states = dict(Grant.objects.values_list("capability__code", "status"))
    assert states == {"member.read": "ACTIVE", "points.write": "EXPIRED" if how == "expired" else "REVOKED"}
    assert (decision.kind, fresh(case).state) == ("APPROVED", CaseState.APPROVED)


def test_an_overturned_appeal_does_not_bring_back_an_older_grant_that_was_revoked_since(world):
    app = approved(world).app
    case = refused(world, app=app, contact_other="139")
    release_hold(case=case, by=staff(Role.PLATFORM_SENIOR), now=MONDAY + UNDO)
    advance(now=MONDAY + UNDO * 2)
    appeal = appealed(case, now=MONDAY + UNDO * 2)
    revoked(Grant.objects.get(), MONDAY + days(1))
    with pytest.raises(AppealRefused) as refusal:
        overturn_appeal(appeal=appeal, grant=["member.read"], answer="x", by=staff(Role.PLATFORM_APPEALS), now=THEN)
    assert (refusal.value.code, [grant.status for grant in Grant.objects.all()]) == ("ended_since", ["REVOKED"])


def test_overturning_to_a_high_risk_grant_takes_two_officers(world):
    case = refused(world, world.risky)
    appeal, first, second = appealed(case), staff(Role.PLATFORM_APPEALS), staff(Role.PLATFORM_APPEALS)
    with pytest.raises(StateConflict):
        confirm_overturn(appeal=appeal, by=second, now=THEN)
    assert overturn_appeal(appeal=appeal, grant=["points.write"], answer="成立", by=first, now=THEN) is None
    seen = get_seen_case(fresh(case), now=THEN).decisions[0]
    assert (fresh(case).state, Grant.objects.count(), seen.appeal_status, seen.appeal_answer) == (CaseState.REFUSED, 0, "OPEN", "")
    with pytest.raises(AppealRefused) as refusal:
        confirm_overturn(appeal=appeal, by=first, now=THEN)
    assert refusal.value.code == "same_person"
    with pytest.raises(AppealRefused) as refusal:
        overturn_appeal(appeal=appeal, grant=["points.write"], answer="成立", by=second, now=THEN)
    assert refusal.value.code == "proposed_already"
    with pytest.raises(NotAllowed):
        confirm_overturn(appeal=appeal, by=staff(), now=THEN)
    decision = confirm_overturn(appeal=appeal, by=second, now=THEN)
    assert (decision.proposed_by, decision.released_by, decision.hold_causes) == (first, second, ["HIGH_RISK"])
    stored = Appeal.objects.get()
    assert (stored.status, stored.answer, stored.proposed_by, stored.decided_by) == ("OVERTURNED", "成立", first, second)
    assert (fresh(case).state, Grant.objects.get().capability) == (CaseState.APPROVED, world.risky)
    with pytest.raises(IntegrityError, match="appeal_overturned_by_a_second_person"), transaction.atomic():
        Appeal.objects.update(decided_by=first)


def test_what_is_confirmed_is_checked_once_more(world):
    case = refused(world, world.risky)
    appeal = appealed(case)
    overturn_appeal(appeal=appeal, grant=["points.write"], answer="成立", by=staff(Role.PLATFORM_APPEALS), now=THEN)
    change_table(world, {(world.beauty, world.risky): "CLOSED"}, now=THEN)
    with pytest.raises(AppealRefused) as refusal:
        confirm_overturn(appeal=appeal, by=staff(Role.PLATFORM_APPEALS), now=THEN)
    assert (refusal.value.code, Grant.objects.count()) == ("no_longer_allowed", 0)


def test_a_proposal_to_overturn_is_dropped_or_falls_when_the_decision_stands(world):
    case = refused(world, world.risky)
    appeal, first, second = appealed(case), staff(Role.PLATFORM_APPEALS), staff(Role.PLATFORM_APPEALS)
    common = {"appeal": appeal, "grant": ["points.write"], "answer": "成立", "by": first, "now": THEN}
    overturn_appeal(**common)
    with pytest.raises(AppealRefused):
        drop_overturn(appeal=appeal, reason=" ", by=second, now=THEN)
    drop_overturn(appeal=appeal, reason="证据不足", by=second, now=THEN)
    assert (Appeal.objects.get().proposed_by, Appeal.objects.get().status) == (None, "OPEN")
    overturn_appeal(**common)
    uphold_appeal(appeal=appeal, answer="维持", by=first, now=THEN)
    assert (Appeal.objects.get().proposed_by, Appeal.objects.get().status, fresh(case).state) == (None, "UPHELD", CaseState.REFUSED)


def test_nobody_answers_the_appeal_of_a_company_that_he_belonged_to(world):
    case = refused(world)
    appeal, own = appealed(case), staff(Role.PLATFORM_APPEALS)
    Seat.objects.create(user=own, role=Role.DEVELOPER_MEMBER, developer=case.developer, revoked_at=MONDAY - days(300))
    for act in (
        lambda: uphold_appeal(appeal=appeal, answer="x", by=own, now=THEN),
        lambda: overturn_appeal(appeal=appeal, grant=["member.read"], answer="x", by=own, now=THEN),
    ):
        with pytest.raises(NotAllowed) as refusal:
            act()
        assert refusal.value.code == "own_case"
    assert Appeal.objects.get().status == "OPEN"
