"""Claims and verdicts: whose case it is, what has to be judged, and what carries over."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from applications.choices import CaseState, Item, Verdict
from applications.models import ApplicantMessage, ChecklistVerdict, Claim, InternalNote, Notification, Reason, Strike
from applications.services.decide import decide, execute, request_changes
from applications.services.door import CaseRefused, ClaimLost
from applications.services.review import Claimed, add_note, claim_next, judge, release_claim, renew_claim, write_reason, write_to_applicant
from applications.services.submit import save_draft
from applications.services.sweep import advance
from backoffice.kernel.errors import NotAllowed, StateConflict
from backoffice.kernel.tenancy.roles import Role
from tests.applications.cases import (
    MINUTE,
    MONDAY,
    UNDO,
    claimed,
    days,
    fresh,
    good_content,
    judge_all,
    make_world,
    owner_of,
    queued,
    sent_back,
    staff,
    submitted,
)

pytestmark = pytest.mark.django_db
LEASE = MINUTE * 20


@pytest.fixture
def world():
    return make_world()


def test_a_claimed_case_is_nobody_elses_until_the_lease_runs_out(world):
    case, first, second = queued(world), staff(), staff()
    held = claimed(case, first)
    with pytest.raises(Claimed):
        claimed(case, second, now=MONDAY + LEASE - MINUTE)
    assert claimed(case, second, now=MONDAY + LEASE).token == held.token + 1
    with pytest.raises(ClaimLost):
        judge(case=case, token=held.token, item="M1", answer="PASS", by=first, now=MONDAY + LEASE)


def test_an_expired_lease_lets_nothing_through_even_if_nobody_took_over(world):
    case, reviewer = queued(world), staff()
    held = claimed(case, reviewer)
    judge_all(held)
    with pytest.raises(ClaimLost):
        decide(case=case, token=held.token, rulings={"member.read": "GRANT"}, by=reviewer, now=MONDAY + LEASE)
    with pytest.raises(ClaimLost):
        renew_claim(case=case, token=held.token, by=reviewer, now=MONDAY + LEASE)
    assert (fresh(case).state, case.decisions.count()) == (CaseState.IN_REVIEW, 0)


def test_a_sign_of_life_renews_the_lease_without_an_event(world):
    case, reviewer = queued(world), staff()
    held = claimed(case, reviewer)
    version = fresh(case).version
    assert renew_claim(case=case, token=held.token, by=reviewer, now=MONDAY + MINUTE * 10) == MONDAY + MINUTE * 30
    judge(case=case, token=held.token, item="M1", answer="PASS", by=reviewer, now=MONDAY + MINUTE * 29)
    assert fresh(case).version == version + 1


def test_the_sweep_puts_a_forgotten_case_back(world):
    case = queued(world)
    claimed(case, staff())
    assert advance(now=MONDAY + LEASE - MINUTE) == {}
    assert advance(now=MONDAY + LEASE) == {"claims_expired": 1}
    assert (fresh(case).state, Claim.objects.filter(ended_at=None).count()) == (CaseState.QUEUED, 0)


def test_claiming_again_in_another_window_fences_the_first(world):
    case, reviewer = queued(world), staff()
    old, new = claimed(case, reviewer), claimed(case, reviewer)
    with pytest.raises(ClaimLost):
        release_claim(case=case, token=old.token, by=reviewer, now=MONDAY)
    release_claim(case=case, token=new.token, by=reviewer, now=MONDAY)
    assert fresh(case).state == CaseState.QUEUED


def test_a_token_of_somebody_else_is_worth_nothing(world):
    case = queued(world)
    held = claimed(case, staff())
    with pytest.raises(ClaimLost):
        judge(case=case, token=held.token, item="M1", answer="PASS", by=staff(), now=MONDAY)


def test_play_mode_takes_what_is_due_first(world):
    late, early = queued(world, now=MONDAY + days(1)), queued(world, now=MONDAY)
    reviewer = staff()
    assert [claim_next(by=reviewer, now=MONDAY + days(1)).case_id for _ in range(2)] == [early.pk, late.pk]
    assert claim_next(by=reviewer, now=MONDAY + days(1)) is None
    with pytest.raises(NotAllowed):
        claim_next(by=owner_of(late.developer), now=MONDAY)


def test_n2_fails_only_with_all_three_and_the_database_says_so_too(world):
    case = queued(world)
    held = claimed(case, staff())
    common = {"case": case, "token": held.token, "item": "N2", "by": held.reviewer, "now": MONDAY}
    for parts in ([True, True, False], [False, False, False], [True, False, True]):
        assert judge(**common, parts=parts).answer == Verdict.PASS
    with pytest.raises(CaseRefused):
        judge(**common, parts=[True, True])
    assert judge(**common, parts=[True, True, True]).answer == Verdict.FAIL
    with pytest.raises(IntegrityError, match="n2_needs_all_three"), transaction.atomic():
        ChecklistVerdict.objects.filter(item="N2").update(parts=[True, True, False])


def test_s1_and_s2_name_a_capability_that_is_asked_for(world):
    case = queued(world)
    held = claimed(case, staff())
    common = {"case": case, "token": held.token, "answer": "PASS", "by": held.reviewer, "now": MONDAY}
    for wrong in ({"item": "S1"}, {"item": "M1", "capability": world.reader}, {"item": "S1", "capability": world.risky}, {"item": "X9"}):
        with pytest.raises(CaseRefused):
            judge(**common, **wrong)
    judge(**common, item="S1", capability=world.reader)
    assert ChecklistVerdict.objects.count() == 1


def test_a_reason_needs_a_failed_item_and_all_of_fact_and_fix(world):
    case = queued(world)
    held = claimed(case, staff())
    common = {"case": case, "token": held.token, "by": held.reviewer, "now": MONDAY}
    with pytest.raises(CaseRefused):
        write_reason(**common, rule="M1", fact="a", fix="b")
    judge(**common, item="M1", answer="FAIL")
    with pytest.raises(CaseRefused):
        write_reason(**common, rule="M1", fact="a", fix=" ")
    write_reason(**common, rule="M1", fact="没有身份标识", fix="在首屏展示等级")
    judge(**common, item="M1", answer="PASS")
    assert not Reason.objects.exists()


def test_passed_items_on_untouched_fields_carry_over_and_touched_ones_do_not(world):
    case = sent_back(queued(world, world.reader, world.risky), fail=["M1"])
    content = good_content(world.reader, world.risky)["capabilities"]
    content[1]["scene"] = "积分商城兑换成功之后的一屏"
    save_draft(case=case, content={"capabilities": content}, draft_version=case.draft_version, by=owner_of(case.developer), now=MONDAY + days(1))
    case = submitted(case, now=MONDAY + days(1))
    carried = {(row.item, row.capability.code if row.capability else "") for row in case.revision.verdicts.all()}
    assert carried == {("D1", ""), ("V1", ""), ("S1", "member.read"), ("S2", "member.read")}
    assert all(row.carried_from_id and row.answer == Verdict.PASS for row in case.revision.verdicts.all())


def test_failing_what_passed_before_needs_missed_earlier_tells_seniors_and_does_not_strike(world):
    senior = staff(Role.PLATFORM_SENIOR)
    case = sent_back(queued(world), fail=["M1"])
    save_draft(case=case, content={"contact_other": "139"}, draft_version=case.draft_version, by=owner_of(case.developer), now=MONDAY)
    case = submitted(case, now=MONDAY + days(1))
    held = claimed(case, staff(), now=MONDAY + days(1))
    common = {"case": case, "token": held.token, "by": held.reviewer, "now": MONDAY + days(1)}
    with pytest.raises(CaseRefused) as refusal:
        judge(**common, item="N1", answer="FAIL")
    assert refusal.value.code == "missed_earlier"
    assert judge(**common, item="N1", answer="FAIL", missed_earlier=True).missed_earlier
    assert Notification.objects.filter(kind="MISSED_EARLIER", user=senior, developer=None).count() == 1
    write_reason(**common, rule="N1", fact="玩到一半弹出入会", fix="去掉强制入会")
    judge(**common, item="M1", answer="PASS")
    decide(case=case, token=held.token, rulings={"member.read": "REFUSE"}, by=held.reviewer, now=MONDAY + days(1))
    execute(case=case, now=MONDAY + days(1) + UNDO)
    assert (fresh(case).state, Strike.objects.count()) == (CaseState.REFUSED, 0)


def test_failing_what_failed_before_is_no_missing(world):
    case = submitted(sent_back(queued(world), fail=["M1"]), now=MONDAY + days(1))
    held = claimed(case, staff(), now=MONDAY + days(1))
    assert not judge(case=case, token=held.token, item="M1", answer="FAIL", by=held.reviewer, now=MONDAY + days(1)).missed_earlier


def test_three_rounds_and_no_more(world):
    case = queued(world)
    for number in range(3):
        case = sent_back(case, now=MONDAY + days(number))
        case = submitted(case, now=MONDAY + days(number) + MINUTE * 5)
    assert case.round_count == 3
    held = claimed(case, staff(), now=MONDAY + days(3))
    judge_all(held, fail=["M1"], now=MONDAY + days(3))
    with pytest.raises(CaseRefused) as refusal:
        request_changes(case=case, token=held.token, by=held.reviewer, now=MONDAY + days(3))
    assert (refusal.value.code, fresh(case).state) == ("no_rounds_left", CaseState.IN_REVIEW)


def test_the_clock_runs_only_while_the_case_is_with_the_platform(world):
    case = sent_back(queued(world), now=MONDAY + days(2))
    used = case.clock_used
    assert (used, case.clock_started_at) == (days(2) + UNDO, None)
    case = submitted(case, now=MONDAY + days(7))  # the Monday after
    assert case.due_at == MONDAY + days(8) - UNDO
    assert case.clock_used == used


def test_notes_and_messages_live_apart(world):
    case, reviewer = queued(world), staff()
    held = claimed(case, reviewer)
    add_note(case=case, text="像是抄来的", by=reviewer, now=MONDAY)
    write_to_applicant(case=case, token=held.token, text="请补充演示", by=reviewer, now=MONDAY)
    assert (InternalNote.objects.get().text, ApplicantMessage.objects.get().text) == ("像是抄来的", "请补充演示")
    with pytest.raises(NotAllowed):
        add_note(case=case, text="x", by=owner_of(case.developer), now=MONDAY)
    with pytest.raises(StateConflict):
        write_to_applicant(case=case, token=held.token + 1, text="x", by=reviewer, now=MONDAY)


def test_every_item_of_the_checklist_has_a_place(world):
    held = claimed(queued(world), staff())
    judge_all(held)
    assert set(ChecklistVerdict.objects.values_list("item", flat=True)) == set(Item.values)
