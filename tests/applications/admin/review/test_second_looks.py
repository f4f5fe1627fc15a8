"""Held decisions, bulk refusal and the appeals desk: who sees what before doing it, and what it does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from applications.choices import FAILED_LABELS, AppealStatus, CaseState, DecisionStatus, Item
from applications.models import Appeal, Application, Decision, InternalNote
from applications.services.appeals import file_appeal
from applications.services.decide import execute
from applications.services.review import claim, judge, release_claim, write_reason
from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Role
from tests.applications.admin.review.desk import case_url, client_of, queries_of, queue_url, token_of
from tests.applications.cases import World, fresh, make_world, onboarded, owner_of, queued, review, staff

pytestmark = pytest.mark.django_db
BULK = "/admin/applications/application/queue/refuse/"


@pytest.fixture
def world() -> World:
    return make_world()


def act_url(row: Any, act: str) -> str:
    return reverse(f"platform:applications_{row._meta.model_name}_{act}", args=[row.pk])


def text_of(answer: Any) -> str:
    body: str = answer.content.decode()
    return body


# --- held


def held(world: World, reviewer: User) -> Application:
    case = queued(world, world.risky, now=database_now() - timedelta(hours=2))
    review(case, reviewer=reviewer, now=database_now() - timedelta(hours=1))
    return fresh(case)


def test_the_second_person_reads_what_releasing_will_do_and_does_it(world: World) -> None:
    case = held(world, staff())
    client = client_of(staff(Role.PLATFORM_SENIOR))
    assert act_url(case, "release_hold") in text_of(client.get(queue_url("held")))
    dialog = text_of(client.get(act_url(case, "release_hold")))
    for text in ("写积分", "授予了高风险能力", "365 天", "2 分钟后生效", "家店铺"):
        assert text in dialog
    client.post(act_url(case, "release_hold"), {"_form_submitted": "True"})
    assert (fresh(case).state, Decision.objects.get(case=case).status) == (CaseState.DECIDED, DecisionStatus.WAITING)


def test_who_released_can_undo_it_and_the_hold_is_back(world: World) -> None:
    case = held(world, staff())
    client = client_of(staff(Role.PLATFORM_SENIOR))
    client.post(act_url(case, "release_hold"), {"_form_submitted": "True"})
    assert 'value="undo"' in text_of(client.get(case_url(case)))
    assert 'value="undo"' not in text_of(client_of(staff()).get(case_url(case)))
    client.post(case_url(case).replace("/change/", "/review/"), {"act": "undo"})
    assert (fresh(case).state, Decision.objects.get(case=case).status) == (CaseState.HELD, DecisionStatus.HELD)


def test_returning_asks_why_and_keeps_the_word_for_the_next_reviewer(world: World) -> None:
    case = held(world, staff())
    client = client_of(staff(Role.PLATFORM_SENIOR))
    client.post(act_url(case, "return_hold"), {"_form_submitted": "True", "reason": ""})
    assert fresh(case).state == CaseState.HELD
    client.post(act_url(case, "return_hold"), {"_form_submitted": "True", "reason": "请核对演示"})
    assert (fresh(case).state, InternalNote.objects.get(case=case).text) == (CaseState.QUEUED, "请核对演示")


def test_who_decided_cannot_release_and_is_told_so(world: World) -> None:
    senior = staff(Role.PLATFORM_SENIOR)
    case = held(world, senior)
    client = client_of(senior)
    assert "须由他人复核" in text_of(client.get(case_url(case)))
    answer = client.post(act_url(case, "release_hold"), {"_form_submitted": "True"})
    assert fresh(case).state == CaseState.HELD
    assert answer.status_code == 200


def test_a_reviewer_sees_the_hold_and_has_no_way_to_release_it(world: World) -> None:
    case = held(world, staff())
    client = client_of(staff())
    assert "release-hold" not in text_of(client.get(case_url(case)))
    assert client.get(act_url(case, "release_hold")).status_code == 403


def test_dialogs_of_a_case_that_is_not_held_are_not_found(world: World) -> None:
    case = queued(world, now=database_now())
    assert client_of(staff(Role.PLATFORM_SENIOR)).get(act_url(case, "release_hold")).status_code == 404


# --- bulk refusal


def failing(world: World, reviewer: User, *items: str, is_explained: bool = True) -> Application:
    """Back in the queue with these items failed."""
    now = database_now()
    case = queued(world, developer=onboarded(), now=now - timedelta(hours=1))
    taken = claim(case=case, by=reviewer, now=now)
    for item in items:
        judge(case=case, token=taken.token, item=item, answer="FAIL", by=reviewer, now=now)
        if is_explained:
            write_reason(case=case, token=taken.token, rule=item, fact=f"自己的事实{case.pk}", fix="自己的改法", by=reviewer, now=now)
    release_claim(case=case, token=taken.token, by=reviewer, now=now)
    return fresh(case)


def test_only_cases_that_fail_in_the_same_one_item_are_offered(world: World) -> None:
    reviewer = staff()
    same, other, both = failing(world, reviewer, "M4"), failing(world, reviewer, "M1"), failing(world, reviewer, "M4", "M1")
    client = client_of(reviewer)
    choices = text_of(client.get(BULK))
    assert f"M4 {FAILED_LABELS[Item.M4]}" in choices
    body = text_of(client.get(f"{BULK}?item=M4"))
    assert same.number in body
    assert other.number not in body
    assert both.number not in body


def test_the_list_costs_the_same_with_one_case_and_with_three(world: World) -> None:
    reviewer = staff()
    client = client_of(reviewer)
    costs = []
    for number in (1, 2):
        for _ in range(number):
            failing(world, reviewer, "M4")
        costs.append(len(queries_of(client, f"{BULK}?item=M4")))
    assert costs[0] == costs[1]


def test_each_is_refused_with_a_record_of_its_own_and_conflicts_are_reported(world: World) -> None:
    reviewer, other = staff(), staff()
    own, without, taken, moved = (failing(world, reviewer, "M4", is_explained=one != 1) for one in range(4))
    claim(case=taken, by=other, now=database_now())
    client = client_of(reviewer)
    claim(case=moved, by=reviewer, now=database_now())
    judge(case=moved, token=token_of(moved), item="M1", answer="FAIL", by=reviewer, now=database_now())
    ticked = [case.pk for case in (own, without, taken, moved)]
    answer = client.post(BULK, {"item": "M4", "case": ticked, "fact": "共同的事实", "fix": "共同的改法"})
    assert answer.status_code == 200
    report = text_of(answer).split('id="report-title"')[1].split("</section>")[0]
    assert all(case.number in report for case in (own, without, taken, moved))
    assert {decision.case_id for decision in Decision.objects.all()} == {own.pk, without.pk}
    assert len({decision.batch for decision in Decision.objects.all()}) == 1
    assert (own.reasons.get().fact, without.reasons.get().fact) == (f"自己的事实{own.pk}", "共同的事实")
    assert (fresh(taken).state, fresh(moved).state) == (CaseState.IN_REVIEW, CaseState.IN_REVIEW)


def test_texts_and_ticks_stay_when_something_is_missing(world: World) -> None:
    reviewer = staff()
    case = failing(world, reviewer, "M4")
    answer = client_of(reviewer).post(BULK, {"item": "M4", "case": [case.pk], "fact": "写了一半", "fix": ""})
    assert answer.status_code == 422
    assert "写了一半" in text_of(answer)
    assert "服务商两者都会看到" in text_of(answer) or "form-error" in text_of(answer)
    assert Decision.objects.count() == 0


def test_nobody_else_may_refuse_several(world: World) -> None:
    for role in (Role.PLATFORM_AUDITOR, Role.PLATFORM_APPEALS, Role.PLATFORM_INDUSTRY_OPS):
        assert client_of(staff(role)).get(BULK).status_code == 403


# --- appeals


def appealed(world: World, reviewer: User, *, fail: tuple[str, ...] = ("N1",)) -> Appeal:
    now = database_now()
    case = queued(world, developer=onboarded(), now=now - timedelta(days=3))
    decision = review(case, reviewer=reviewer, fail=fail, now=now - timedelta(days=2))
    execute(case=case, now=now - timedelta(days=1))
    decision.refresh_from_db()
    return file_appeal(decision=decision, statement="弹窗在结束之后才出现", by=owner_of(case.developer), now=now)


def test_the_desk_shows_open_appeals_and_costs_the_same_with_one_and_three(world: World) -> None:
    officer = staff(Role.PLATFORM_APPEALS)
    client = client_of(officer)
    costs = []
    for _ in range(3):
        appeal = appealed(world, staff())
        costs.append(len(queries_of(client, reverse("platform:applications_appeal_changelist"))))
    assert costs == [costs[0]] * 3
    assert appeal.case.number in text_of(client.get(reverse("platform:applications_appeal_changelist")))
    body = text_of(client.get(reverse("platform:applications_appeal_change", args=[appeal.pk])))
    for text in ("弹窗在结束之后才出现", "看到了 N1 的问题", "维持原结论", "改判"):
        assert text in body


def test_the_page_of_an_appeal_shows_what_was_judged_and_is_named_by_its_application(world: World) -> None:
    appeal = appealed(world, staff())
    body = text_of(client_of(staff(Role.PLATFORM_APPEALS)).get(reverse("platform:applications_appeal_change", args=[appeal.pk])))
    for text in ("https://www.yuque.com/demo/points", "会员中心首页的第 1 屏", "member.read"):
        assert text in body
    assert str(appeal) == f"{appeal.case.number} · {appeal.get_status_display().lower()}"


def test_what_to_grant_is_named_above_its_boxes(world: World) -> None:
    appeal = appealed(world, staff())
    dialog = text_of(client_of(staff(Role.PLATFORM_APPEALS)).get(act_url(appeal, "overturn")))
    assert 0 < dialog.index("改为授予") < dialog.index('value="member.read"')


def test_overturning_says_that_the_strike_goes_and_grants(world: World) -> None:
    appeal = appealed(world, staff())
    client = client_of(staff(Role.PLATFORM_APPEALS))
    assert "2 分的违规记分" in text_of(client.get(act_url(appeal, "overturn")))
    missing = client.post(act_url(appeal, "overturn"), {"_form_submitted": "True", "answer": "有道理"})
    assert "有道理" in text_of(missing)
    client.post(act_url(appeal, "overturn"), {"_form_submitted": "True", "answer": "有道理", "grant": ["member.read"]})
    appeal.refresh_from_db()
    assert (appeal.status, fresh(appeal.case).state) == (AppealStatus.OVERTURNED, CaseState.APPROVED)


def test_upholding_needs_an_answer(world: World) -> None:
    appeal = appealed(world, staff())
    client = client_of(staff(Role.PLATFORM_APPEALS))
    client.post(act_url(appeal, "uphold"), {"_form_submitted": "True", "answer": ""})
    appeal.refresh_from_db()
    assert appeal.status == AppealStatus.OPEN
    client.post(act_url(appeal, "uphold"), {"_form_submitted": "True", "answer": "演示第 3 屏仍有弹窗"})
    appeal.refresh_from_db()
    assert (appeal.status, appeal.answer) == (AppealStatus.UPHELD, "演示第 3 屏仍有弹窗")
    assert client.get(act_url(appeal, "uphold")).status_code == 404


def test_who_took_part_is_told_and_cannot_answer(world: World) -> None:
    admin = staff(Role.PLATFORM_ADMIN)
    appeal = appealed(world, admin)
    client = client_of(admin)
    assert "您参与过" in text_of(client.get(reverse("platform:applications_appeal_change", args=[appeal.pk])))
    client.post(act_url(appeal, "uphold"), {"_form_submitted": "True", "answer": "不可以"})
    appeal.refresh_from_db()
    assert appeal.status == AppealStatus.OPEN


def test_overturning_to_a_high_risk_grant_waits_for_another_officer(world: World) -> None:
    now = database_now()
    case = queued(world, world.risky, developer=onboarded(), now=now - timedelta(days=3))
    review(case, reviewer=staff(), fail=("M1",), now=now - timedelta(days=2))
    decision = execute(case=case, now=now - timedelta(days=1))
    appeal = file_appeal(decision=decision, statement="请再看一次", by=owner_of(case.developer), now=now)
    first, second = client_of(staff(Role.PLATFORM_APPEALS)), client_of(staff(Role.PLATFORM_APPEALS))
    assert "须由另一名申诉专员确认" in text_of(first.get(act_url(appeal, "overturn")))
    assert first.get(act_url(appeal, "confirm")).status_code == 404
    first.post(act_url(appeal, "overturn"), {"_form_submitted": "True", "answer": "有道理", "grant": ["points.write"]})
    page = text_of(second.get(reverse("platform:applications_appeal_change", args=[appeal.pk])))
    for text in ("已提议改判", "有道理", "写积分", "确认改判"):
        assert text in page
    first.post(act_url(appeal, "confirm"), {"_form_submitted": "True"})
    assert fresh(case).state == CaseState.REFUSED
    assert "有道理" in text_of(second.get(act_url(appeal, "confirm")))
    second.post(act_url(appeal, "confirm"), {"_form_submitted": "True"})
    appeal.refresh_from_db()
    assert (appeal.status, fresh(case).state) == (AppealStatus.OVERTURNED, CaseState.APPROVED)
