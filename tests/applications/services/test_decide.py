"""Rulings: what the checklist allows, four eyes, the time to undo, and what takes effect when."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation

from applications.choices import CaseState, DecisionStatus, HoldCause
from applications.models import Decision, Grant, InternalNote, Notification, PolicyVersion, Reason, Strike
from applications.selectors.applicant import get_seen_case
from applications.services.catalogue import change_capability
from applications.services.decide import DecisionRefused, decide, execute, refuse_in_bulk, release_hold, request_changes, return_hold, undo
from applications.services.door import CaseRefused, ClaimLost
from applications.services.review import add_note, claim_next, judge, write_reason
from applications.services.submit import withdraw
from applications.services.sweep import advance
from backoffice.kernel import clock
from backoffice.kernel.errors import NotAllowed, StateConflict
from backoffice.kernel.tenancy.models import Seat
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.services.merchants import set_tier
from tests.applications.cases import (
    MINUTE,
    MONDAY,
    UNDO,
    approved,
    change_table,
    claimed,
    days,
    fresh,
    judge_all,
    make_world,
    no_undo,
    onboarded,
    owner_of,
    queued,
    queued_custom,
    refused,
    review,
    staff,
)
from tests.factories import make_merchant

pytestmark = pytest.mark.django_db
COMPULSORY = ["M1", "M2", "M3", "M4", "M5"]


@pytest.fixture
def world():
    return make_world()


def refusal_of(held, rulings) -> str:
    """Code of the refusal; nothing was changed by it."""
    before = (fresh(held.case).version, Decision.objects.count())
    with pytest.raises(DecisionRefused) as refusal:
        decide(case=held.case, token=held.token, rulings=rulings, by=held.reviewer, now=MONDAY)
    assert (fresh(held.case).version, Decision.objects.count()) == before
    return refusal.value.code


def test_approved_after_the_time_to_undo_and_not_before(world):
    case = queued(world)
    decision = review(case)
    assert (fresh(case).state, Grant.objects.count(), get_seen_case(fresh(case), now=MONDAY).state) == (CaseState.DECIDED, 0, CaseState.IN_REVIEW)
    assert not Notification.objects.filter(kind="APPROVED").exists()
    with pytest.raises(StateConflict):
        execute(case=case, now=MONDAY + UNDO - MINUTE / 60)
    assert advance(now=MONDAY + UNDO) == {"executed": 1}
    stored = fresh(case)
    assert (stored.state, stored.closed_at, stored.is_late) == (CaseState.APPROVED, MONDAY + UNDO, False)
    grant = Grant.objects.get()
    assert (grant.app, grant.capability, grant.merchant, grant.decision, grant.expires_at) == (
        case.app, world.reader, None, decision, MONDAY + UNDO + days(365)
    )  # fmt: skip
    assert Notification.objects.filter(kind="APPROVED").exists()
    with pytest.raises(StateConflict):
        execute(case=case, now=MONDAY + UNDO)
    assert Grant.objects.count() == 1


def test_undone_in_time_nothing_happened_outside(world):
    case, reviewer = queued(world), staff()
    review(case, fail=["N1"], reviewer=reviewer)
    with pytest.raises(CaseRefused):
        undo(case=case, by=staff(), now=MONDAY + MINUTE)
    undo(case=case, by=reviewer, now=MONDAY + MINUTE)
    stored = fresh(case)
    assert (stored.state, stored.fence, Decision.objects.get().status) == (CaseState.IN_REVIEW, 2, DecisionStatus.UNDONE)
    judge(case=case, token=2, item="N1", answer="PASS", by=reviewer, now=MONDAY + MINUTE)
    decide(case=case, token=2, rulings={"member.read": "GRANT"}, by=reviewer, now=MONDAY + MINUTE)
    advance(now=MONDAY + MINUTE + UNDO)
    assert (fresh(case).state, Strike.objects.count()) == (CaseState.APPROVED, 0)


def test_undo_is_over_when_it_is_over(world):
    case, reviewer = queued(world), staff()
    review(case, reviewer=reviewer)
    with pytest.raises(StateConflict):
        undo(case=case, by=reviewer, now=MONDAY + UNDO)
    assert fresh(case).state == CaseState.DECIDED


def test_without_a_time_to_undo_it_takes_effect_at_once(world):
    no_undo()
    case = queued(world)
    review(case)
    assert (fresh(case).state, Grant.objects.count()) == (CaseState.APPROVED, 1)


@pytest.mark.parametrize("item", COMPULSORY)
def test_m1_to_m5_are_compulsory_nothing_is_granted_while_one_is_failed(world, item):
    held = claimed(queued(world), staff())
    judge_all(held, fail=[item])
    assert refusal_of(held, {"member.read": "GRANT"}) == "nothing_may_be_granted"
    request_changes(case=held.case, token=held.token, by=held.reviewer, now=MONDAY)
    assert fresh(held.case).state == CaseState.DECIDED


@pytest.mark.parametrize("item", COMPULSORY)
def test_m1_to_m5_have_to_be_judged_before_anything_is_granted(world, item):
    held = claimed(queued(world), staff())
    judge_all(held)
    held.case.verdicts.filter(item=item).delete()
    assert refusal_of(held, {"member.read": "GRANT"}) == "not_judged"


@pytest.mark.parametrize("item", ["N1", "N2"])
def test_n1_or_n2_leave_only_refusal(world, item):
    held = claimed(queued(world), staff())
    judge_all(held, fail=[item])
    assert refusal_of(held, {"member.read": "GRANT"}) == "only_refusal"
    with pytest.raises(DecisionRefused) as refusal:
        request_changes(case=held.case, token=held.token, by=held.reviewer, now=MONDAY)
    assert refusal.value.code == "only_refusal"
    decide(case=held.case, token=held.token, rulings={"member.read": "REFUSE"}, by=held.reviewer, now=MONDAY)


@pytest.mark.parametrize("parts", [(True, True, False), (True, False, True), (False, True, True)])
def test_n2_needs_all_three_and_b1_is_still_open(world, parts):
    held = claimed(queued(world), staff())
    judge_all(held, n2=parts)
    held.case.verdicts.filter(item="B1").delete()
    assert refusal_of(held, {"member.read": "GRANT"}) == "not_judged"
    common = {"case": held.case, "token": held.token, "by": held.reviewer, "now": MONDAY}
    judge(**common, item="B1", answer="FAIL")
    write_reason(**common, rule="B1", fact="只靠好处引人入会", fix="先说明会员是什么")
    assert refusal_of(held, {"member.read": "GRANT"}) == "nothing_may_be_granted"
    judge(**common, item="B1", answer="PASS")
    decide(**common, rulings={"member.read": "GRANT"})


def test_b1_forbids_granting_but_changes_may_be_asked_for(world):
    held = claimed(queued(world), staff())
    judge_all(held, fail=["B1"])
    assert refusal_of(held, {"member.read": "GRANT"}) == "nothing_may_be_granted"
    request_changes(case=held.case, token=held.token, by=held.reviewer, now=MONDAY)


def test_everything_that_failed_needs_its_reason(world):
    held = claimed(queued(world), staff())
    judge_all(held, fail=["M2"])
    Reason.objects.all().delete()
    assert refusal_of(held, {"member.read": "REFUSE"}) == "reason_missing"


def test_nothing_failed_nothing_to_refuse_or_to_change(world):
    held = claimed(queued(world), staff())
    judge_all(held)
    assert refusal_of(held, {"member.read": "REFUSE"}) == "nothing_failed"
    assert refusal_of(held, {"member.read": "NOT_NEEDED"}) == "still_needed"
    assert refusal_of(held, {}) == "rulings_incomplete"
    with pytest.raises(DecisionRefused):
        request_changes(case=held.case, token=held.token, by=held.reviewer, now=MONDAY)


def test_partial_by_capability(world):
    case = queued_custom(world, world.reader, world.special)
    held = claimed(case, staff())
    judge_all(held)
    common = {"case": case, "token": held.token, "by": held.reviewer, "now": MONDAY}
    judge(**common, item="S1", capability=world.special, answer="FAIL")
    write_reason(**common, rule="S1", capability=world.special, fact="流程没有用到", fix="去掉这项能力")
    assert refusal_of(held, {"member.read": "GRANT", "level.custom": "GRANT"}) == "item_failed"
    decide(**common, rulings={"member.read": "GRANT", "level.custom": "NOT_NEEDED"})
    advance(now=MONDAY + UNDO)
    assert (fresh(case).state, [grant.capability.code for grant in Grant.objects.all()]) == (CaseState.PARTIAL, ["member.read"])
    assert Grant.objects.get().merchant == case.merchant
    (seen,) = get_seen_case(fresh(case), now=MONDAY + UNDO).decisions
    assert seen.rulings == {"member.read": "GRANT", "level.custom": "NOT_NEEDED"}
    assert [(reason.rule, reason.capability, reason.fact, reason.fix) for reason in seen.reasons] == [("S1", "level.custom", "流程没有用到", "去掉这项能力")]


def test_cell_closed_between_submission_and_decision(world):
    case = queued(world)
    held = claimed(case, staff())
    judge_all(held)
    change_table(world, {(world.beauty, world.reader): "CLOSED"}, now=MONDAY)
    assert refusal_of(held, {"member.read": "GRANT"}) == "no_longer_allowed"
    decide(case=case, token=held.token, rulings={"member.read": "REFUSE"}, by=held.reviewer, now=MONDAY)
    advance(now=MONDAY + UNDO)
    assert (fresh(case).state, Grant.objects.count(), Strike.objects.count()) == (CaseState.REFUSED, 0, 0)
    assert [(reason.rule, reason.code, reason.fact, reason.capability) for reason in Reason.objects.all()] == [("G06", "closed", "", world.reader)]
    for language, word in (("en", "Beauty"), ("zh-hans", "美妆")):
        with translation.override(language):
            (seen,) = get_seen_case(fresh(case), now=MONDAY + UNDO).decisions[0].reasons
            assert word in seen.fact
            assert seen.fix
    assert (case.revision.policy.number, Decision.objects.get().policy.number) == (1, 2)


def test_cell_closed_within_the_time_to_undo_takes_nothing_into_effect(world):
    case = queued(world)
    review(case)
    change_table(world, {(world.beauty, world.reader): "CUSTOM_ONLY"}, now=MONDAY + MINUTE)
    advance(now=MONDAY + UNDO)
    assert (fresh(case).state, Decision.objects.get().status, Grant.objects.count()) == (CaseState.QUEUED, DecisionStatus.DROPPED, 0)


def test_tier_that_fell_between_submission_and_decision(world):
    merchant = make_merchant(tier="PREMIUM")
    case = queued_custom(world, merchant=merchant)
    held = claimed(case, staff())
    judge_all(held)
    set_tier(merchant=merchant, tier="POTENTIAL", valid_from=clock.local_day(MONDAY), by=None, now=MONDAY)
    assert refusal_of(held, {"level.custom": "GRANT"}) == "no_longer_allowed"


def test_high_risk_is_held_and_released_by_a_senior_who_is_not_the_proposer(world):
    case, proposer, second = queued(world, world.risky), staff(Role.PLATFORM_SENIOR), staff(Role.PLATFORM_SENIOR)
    decision = review(case, reviewer=proposer)
    assert (fresh(case).state, decision.hold_causes, Grant.objects.count()) == (CaseState.HELD, [HoldCause.HIGH_RISK], 0)
    assert get_seen_case(fresh(case), now=MONDAY).state == CaseState.IN_REVIEW
    advance(now=MONDAY + days(5))
    assert fresh(case).state == CaseState.HELD
    with pytest.raises(CaseRefused) as refusal:
        release_hold(case=case, by=proposer, now=MONDAY)
    assert refusal.value.code == "same_person"
    with pytest.raises(NotAllowed):
        release_hold(case=case, by=staff(), now=MONDAY)
    release_hold(case=case, by=second, now=MONDAY)
    advance(now=MONDAY + UNDO)
    assert (fresh(case).state, Grant.objects.get().capability) == (CaseState.APPROVED, world.risky)


def test_the_database_refuses_the_proposer_as_second_person(world):
    case = queued(world, world.risky)
    decision = review(case)
    for changes in ({"released_by": decision.proposed_by}, {"released_by": None}):
        with pytest.raises(IntegrityError, match="decision_held_needs_a_second_person"), transaction.atomic():
            Decision.objects.update(status="EXECUTED", executed_at=MONDAY, **changes)


def test_returned_by_the_second_person_it_is_queued_with_a_note_and_outside_nothing_is_seen(world):
    case, second = queued(world, world.risky), staff(Role.PLATFORM_SENIOR)
    review(case)
    seen = get_seen_case(fresh(case), now=MONDAY).steps
    with pytest.raises(CaseRefused):
        return_hold(case=case, note=" ", by=second, now=MONDAY)
    return_hold(case=case, note="演示里没有看到积分", by=second, now=MONDAY)
    assert (fresh(case).state, Decision.objects.get().status, InternalNote.objects.get().text) == ("QUEUED", "RETURNED", "演示里没有看到积分")
    assert get_seen_case(fresh(case), now=MONDAY).steps == seen
    review(case, now=MONDAY + MINUTE)
    assert Decision.objects.count() == 2


def test_a_release_can_be_undone_to_the_hold(world):
    case, second = queued(world, world.risky), staff(Role.PLATFORM_SENIOR)
    review(case)
    release_hold(case=case, by=second, now=MONDAY)
    undo(case=case, by=second, now=MONDAY + MINUTE)
    assert (fresh(case).state, Decision.objects.get().status) == (CaseState.HELD, DecisionStatus.HELD)


def test_the_first_refusal_of_a_trusted_developer_is_held(world):
    developer = onboarded()
    approved(world, developer=developer)
    case = queued(world, developer=developer)
    assert review(case, fail=["M1"]).hold_causes == [HoldCause.TRUSTED_FIRST_REFUSAL]
    release_hold(case=case, by=staff(Role.PLATFORM_SENIOR), now=MONDAY)
    advance(now=MONDAY + UNDO)
    assert review(queued(world, developer=developer), fail=["M1"]).hold_causes == []


def test_withdrawn_while_held_leaves_no_decision_alive(world):
    case = queued(world, world.risky)
    review(case)
    withdraw(case=case, by=owner_of(case.developer), now=MONDAY)
    assert (fresh(case).state, Decision.objects.get().status) == (CaseState.WITHDRAWN, DecisionStatus.DROPPED)


def test_one_reviewer_decides_once(world):
    case, reviewer = queued(world), staff()
    held = claimed(case, reviewer)
    judge_all(held)
    decide(case=case, token=held.token, rulings={"member.read": "GRANT"}, by=reviewer, now=MONDAY)
    with pytest.raises(StateConflict):
        decide(case=case, token=held.token, rulings={"member.read": "GRANT"}, by=reviewer, now=MONDAY)
    assert Decision.objects.count() == 1


def test_the_database_refuses_two_rulings_on_one_revision(world):
    case = approved(world)
    decision = Decision.objects.get()
    with pytest.raises(IntegrityError, match="decision_one_per_revision"), transaction.atomic():
        Decision.objects.create(
            case=case, revision=decision.revision, number=2, kind="REFUSED", status="EXECUTED", proposed_by=staff(), proposed_at=MONDAY, executed_at=MONDAY
        )


def judged(case, reviewer, fail):
    held = claimed(case, reviewer)
    judge_all(held, fail=fail)
    return held


def test_bulk_refusal_over_the_identical_failing_item_with_a_report_of_conflicts(world):
    reviewer, other = staff(), staff()
    same = [judged(queued(world), reviewer, ["N1"]).case for _ in range(2)]
    more = judged(queued(world), reviewer, ["N1", "M1"]).case
    taken = judged(queued(world), other, ["N1"]).case
    gone = judged(queued(world), reviewer, ["N1"]).case
    withdraw(case=gone, by=owner_of(gone.developer), now=MONDAY)
    ids = [case.pk for case in (*same, more, taken, gone)]
    report = refuse_in_bulk(case_ids=[*ids, 999999999], item="N1", fact="玩到一半弹出入会", fix="去掉强制入会", by=reviewer, now=MONDAY)
    assert report.decided == [case.pk for case in same]
    assert {conflict.case_id: conflict.code for conflict in report.conflicts} == {
        more.pk: "other_failures", taken.pk: "claimed", gone.pk: "state_conflict", 999999999: "not_found"
    }  # fmt: skip
    decisions = Decision.objects.order_by("case_id")
    assert [(row.case_id, row.kind, row.batch) for row in decisions] == [(case.pk, "REFUSED", report.batch) for case in same]
    again = refuse_in_bulk(case_ids=ids, item="N1", fact="x", fix="y", by=reviewer, now=MONDAY)
    assert (again.decided, len(again.conflicts)) == ([], 5)
    advance(now=MONDAY + UNDO)
    assert Strike.objects.count() == 2


def test_the_reason_a_case_has_already_stays_in_a_bulk_refusal(world):
    held = judged(queued(world), staff(), ["M1"])
    refuse_in_bulk(case_ids=[held.case_id], item="M1", fact="别的话", fix="别的改法", by=held.reviewer, now=MONDAY)
    assert Reason.objects.get().fact == "看到了 M1 的问题"


def test_a_ruling_message_is_seen_with_the_ruling_and_not_before(world):
    case, reviewer = queued(world), staff()
    held = claimed(case, reviewer)
    judge_all(held, fail=["M1"])
    request_changes(case=case, token=held.token, by=reviewer, now=MONDAY, message="请看附注")
    assert get_seen_case(fresh(case), now=MONDAY + MINUTE).messages == []
    undo(case=case, by=reviewer, now=MONDAY + MINUTE)
    request_changes(case=case, token=2, by=reviewer, now=MONDAY + MINUTE, message="请补演示")
    advance(now=MONDAY + MINUTE + UNDO)
    assert [message.text for message in get_seen_case(fresh(case), now=MONDAY + MINUTE + UNDO).messages] == ["请补演示"]


def test_a_refusal_names_the_points_it_costs(world):
    case = refused(world, fail=["N1"])
    (seen,) = get_seen_case(case, now=MONDAY + UNDO).decisions
    assert (seen.kind, seen.points, seen.can_appeal_until) == ("REFUSED", 2, MONDAY + UNDO + days(15))


def test_a_lost_claim_cannot_ask_for_changes(world):
    held = claimed(queued(world), staff())
    judge_all(held, fail=["M1"])
    with pytest.raises(ClaimLost):
        request_changes(case=held.case, token=held.token + 1, by=held.reviewer, now=MONDAY)


def test_policy_in_force_is_one(world):
    change_table(world, {(world.toys, world.reader): "OPEN"}, now=MONDAY)
    assert list(PolicyVersion.objects.order_by("number").values_list("status", flat=True)) == ["RETIRED", "PUBLISHED"]


def test_high_risk_again_within_the_time_to_undo_is_held(world):
    case, one = queued(world, world.risky), staff(Role.PLATFORM_SENIOR)
    change_capability(capability=world.risky, by=one, now=MONDAY, is_high_risk=False)
    assert review(case, reviewer=one).status == DecisionStatus.WAITING
    change_capability(capability=world.risky, by=one, now=MONDAY + MINUTE, is_high_risk=True)
    advance(now=MONDAY + UNDO)
    decision = Decision.objects.get()
    assert (fresh(case).state, decision.status, decision.hold_causes, Grant.objects.count()) == (CaseState.HELD, "HELD", ["HIGH_RISK"], 0)
    with pytest.raises(CaseRefused):
        release_hold(case=case, by=one, now=MONDAY + UNDO)
    release_hold(case=case, by=staff(Role.PLATFORM_SENIOR), now=MONDAY + UNDO)
    advance(now=MONDAY + UNDO * 2)
    assert (fresh(case).state, Grant.objects.get().capability) == (CaseState.APPROVED, world.risky)


def seated(role: str, **place):
    """Somebody with this platform role who had a seat at an applicant, long ended."""
    user = staff(role)
    ended = MONDAY - days(300)
    Seat.objects.create(user=user, role=Role.DEVELOPER_MEMBER if "developer" in place else Role.MERCHANT_OWNER, revoked_at=ended, **place)
    return user


def test_nobody_decides_the_application_of_a_company_that_he_belongs_or_belonged_to(world):
    case = queued_custom(world)
    for user in (seated(Role.PLATFORM_REVIEWER, developer=case.developer), seated(Role.PLATFORM_ADMIN, merchant=case.merchant)):
        with pytest.raises(NotAllowed) as refusal:
            claimed(case, user)
        assert refusal.value.code == "own_case"
        report = refuse_in_bulk(case_ids=[case.pk], item="M1", fact="x", fix="x", by=user, now=MONDAY)
        assert [(row.case_id, row.code) for row in report.conflicts] == [(case.pk, "own_case")]
        with pytest.raises(NotAllowed):
            add_note(case=case, text="x", by=user, now=MONDAY)
    assert fresh(case).state == CaseState.QUEUED


def test_nobody_releases_the_application_of_his_own_company(world):
    case = queued(world, world.risky)
    review(case)
    own = seated(Role.PLATFORM_SENIOR, developer=case.developer)
    for act in (lambda: release_hold(case=case, by=own, now=MONDAY), lambda: return_hold(case=case, note="x", by=own, now=MONDAY)):
        with pytest.raises(NotAllowed) as refusal:
            act()
        assert refusal.value.code == "own_case"
    assert fresh(case).state == CaseState.HELD


def test_the_next_case_is_never_one_of_his_own_company(world):
    first, second = queued(world), queued(world, now=MONDAY + MINUTE)
    own = seated(Role.PLATFORM_REVIEWER, developer=first.developer)
    assert claim_next(by=own, now=MONDAY + MINUTE).case == second
    assert claim_next(by=own, now=MONDAY + MINUTE) is None


def test_what_gates_found_for_an_undone_ruling_is_not_read_with_the_next_one(world):
    merchant = make_merchant(tier="PREMIUM")
    case, reviewer = queued_custom(world, merchant=merchant), staff()
    held = claimed(case, reviewer)
    judge_all(held)
    set_tier(merchant=merchant, tier="POTENTIAL", valid_from=clock.local_day(MONDAY), by=None, now=MONDAY)
    decide(case=case, token=held.token, rulings={"level.custom": "REFUSE"}, by=reviewer, now=MONDAY)
    assert [reason.rule for reason in Reason.objects.all()] == ["G09"]
    undo(case=case, by=reviewer, now=MONDAY)
    assert not Reason.objects.exists()


def test_what_gates_found_for_a_returned_ruling_goes_with_it(world):
    case, reviewer = queued(world, world.reader, world.risky), staff()
    held = claimed(case, reviewer)
    judge_all(held)
    change_table(world, {(world.beauty, world.reader): "CLOSED"}, now=MONDAY)
    decide(case=case, token=held.token, rulings={"member.read": "REFUSE", "points.write": "GRANT"}, by=reviewer, now=MONDAY)
    assert [reason.rule for reason in Reason.objects.all()] == ["G06"]
    return_hold(case=case, note="x", by=staff(Role.PLATFORM_SENIOR), now=MONDAY)
    assert not Reason.objects.exists()
