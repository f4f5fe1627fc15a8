"""The review page: what it shows to whom, what it costs, what a POST does, and that nothing typed is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from applications.choices import CaseState, DecisionStatus, Openness, Verdict
from applications.models import ApplicantMessage, Application, ChecklistVerdict, Claim, Decision, InternalNote, Reason, RuleNumber
from applications.services.apps import add_demo_file
from applications.services.decide import decide, execute
from applications.services.review import add_note, claim, judge, write_reason, write_to_applicant
from applications.services.submit import save_draft, submit
from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Role
from tests.applications.admin.review.desk import case_url, client_of, filled, queries_of, token_of, work_url
from tests.applications.cases import (
    World,
    approved,
    change_table,
    claimed,
    fresh,
    judge_all,
    make_world,
    onboarded,
    owner_of,
    queued,
    queued_custom,
    review,
    sent_back,
    staff,
)

pytestmark = pytest.mark.django_db
SCRIPT = {"x-requested-with": "review"}


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def reviewer() -> User:
    return staff()


@pytest.fixture
def client(reviewer: User) -> Client:
    return client_of(reviewer)


def take(world: World, reviewer: User, *capabilities: Any) -> Application:
    case = queued(world, *capabilities, now=database_now() - timedelta(hours=1))
    claim(case=case, by=reviewer, now=database_now())
    return fresh(case)


def text_of(answer: Any) -> str:
    body: str = answer.content.decode()
    return body


def answered(case: Application, **changes: Any) -> Application:
    """The developer's answer to a request for changes."""
    owner, now = owner_of(case.developer), database_now()
    save_draft(case=case, content={**case.draft, **changes}, draft_version=case.draft_version, by=owner, now=now)
    return submit(case=fresh(case), by=owner, now=now).case


# --- what it costs


def test_the_page_asks_fifteen_queries_at_most_whatever_there_is(world: World, reviewer: User, client: Client) -> None:
    costs = []
    for number in (1, 3):
        developer = onboarded()
        for _ in range(number):
            approved(world, developer=developer, now=database_now() - timedelta(days=9))
        case = queued(world, *[world.reader, world.risky][: min(2, number)], developer=developer, now=database_now() - timedelta(days=1))
        case = answered(sent_back(case, reviewer=reviewer, now=database_now() - timedelta(hours=2)), demo_url="https://www.yuque.com/demo/changed")
        held = claimed(case, reviewer, now=database_now())
        judge_all(held, fail=["M3", "M4", "D1"][:number], now=database_now())
        for _ in range(number):
            add_note(case=case, text="note", by=reviewer, now=database_now())
            write_to_applicant(case=case, token=held.token, text="word", by=reviewer, now=database_now())
        costs.append(len(queries_of(client, case_url(case))))
    assert costs == [costs[0]] * 2
    assert costs[0] <= 15


def test_a_custom_build_and_the_strip_of_the_last_decision_stay_within_fifteen(world: World, reviewer: User, client: Client) -> None:
    custom = queued_custom(world, now=database_now() - timedelta(hours=1))
    decided = review(queued(world, now=database_now()), reviewer=reviewer, now=database_now())
    claim(case=custom, by=reviewer, now=database_now())
    asked = queries_of(client, f"{case_url(custom)}?decided={decided.case_id}")
    assert len(asked) <= 15


# --- what it shows


def test_the_three_columns_say_who_what_and_verdict(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    body = text_of(client.get(case_url(case)))
    for text in (
        case.developer.name,
        "信用良好",
        "https://www.yuque.com/demo/points",
        "会员中心首页的第 1 屏",
        "没有在互动中途强制入会",
        "权益对所有人展示",
        "申请人将看到",
    ):
        assert text in body
    assert 'name="ruling:member.read"' in body


def test_the_tier_of_a_custom_builds_merchant_and_a_first_time_developer_are_marked(world: World, client: Client) -> None:
    custom = queued_custom(world, now=database_now())
    body = text_of(client.get(case_url(custom)))
    assert custom.merchant is not None
    assert custom.merchant.name in body
    assert "定制类" in body


def test_what_changed_stands_beside_what_was_asked_for(world: World, reviewer: User, client: Client) -> None:
    case = sent_back(queued(world, now=database_now() - timedelta(days=1)), reviewer=reviewer, fail=["M4", "V1"], now=database_now() - timedelta(hours=1))
    case = answered(case, past_cases="三家品牌的签到日历")
    body = text_of(client.get(case_url(case)))
    tasks = body.split("rv-tasks")[1].split("</table>")[0]
    assert "看到了 M4 的问题" in tasks
    assert "<ins>三家品牌的签到日历</ins>" in tasks
    assert tasks.count("该审核项所依据的内容没有改动") == 1  # M4 looks at the design, which is as it was
    claim(case=case, by=reviewer, now=database_now())
    assert "沿用上一版" in text_of(client.get(case_url(case)))


def test_another_reads_only_and_sees_who_has_it(world: World, reviewer: User) -> None:
    case = take(world, reviewer)
    body = text_of(client_of(staff()).get(case_url(case)))
    assert reviewer.display_name in body
    assert "data-rv-mine" not in body
    assert 'value="claim"' not in body


def test_an_auditor_reads_the_page_and_can_do_nothing(world: World, reviewer: User) -> None:
    case = take(world, reviewer)
    add_note(case=case, text="内部一句话", by=reviewer, now=database_now())
    client = client_of(staff(Role.PLATFORM_AUDITOR))
    body = text_of(client.get(case_url(case)))
    assert "内部一句话" in body
    assert "<form" not in body.split('id="content-main"')[1].split("data-rv-help")[0]
    for act in ("claim", "save", "decide", "note", "undo"):
        assert client.post(work_url(case), {"act": act, "note": "x"}).status_code == 403


@pytest.mark.parametrize("number", ["999999", "abc", "-1", "0", "9" * 30, "１"])
def test_a_case_that_is_none_is_not_found(world: World, client: Client, number: str) -> None:
    assert client.get(f"/admin/applications/application/{number}/change/").status_code == 404


# --- judging


def test_saving_judges_what_changed_and_nothing_else(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    posted = filled(case, fail={"M3": ("看不到权益", "写明权益")})
    answer = client.post(work_url(case), {**posted, "act": "save"}, headers=SCRIPT)
    assert answer.status_code == 200
    assert answer.json()["errors"] == {}
    assert answer.json()["rulings"] == {"member.read": "REFUSE"}
    assert ChecklistVerdict.objects.get(case=case, item="M3").answer == Verdict.FAIL
    assert (Reason.objects.get(case=case).fact, Reason.objects.get(case=case).fix) == ("看不到权益", "写明权益")
    version = fresh(case).version
    client.post(work_url(case), {**posted, "act": "save"}, headers=SCRIPT)
    assert fresh(case).version == version
    for text in ("看不到权益", "写明权益", "M3"):
        assert text in answer.json()["outlook"]


def test_half_a_reason_is_not_lost_and_is_named_before_deciding(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    posted = filled(case, fail={"M3": ("看不到权益", "")})
    told = client.post(work_url(case), {**posted, "act": "save"}, headers=SCRIPT).json()
    assert not told["is_ready"]
    assert "M3" in told["outlook"]
    assert Reason.objects.count() == 0
    answer = client.post(work_url(case), {**posted, "act": "decide"})
    assert answer.status_code == 422
    assert "看不到权益" in text_of(answer)
    assert Decision.objects.count() == 0


def test_n2_needs_its_three_answers(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    posted = filled(case)
    del posted["part:N2:2"]
    told = client.post(work_url(case), {**posted, "act": "save"}, headers=SCRIPT).json()
    assert not ChecklistVerdict.objects.filter(item="N2").exists()
    assert not told["is_ready"]
    client.post(work_url(case), {**filled(case), "part:N2:0": "yes", "part:N2:1": "yes", "act": "save"}, headers=SCRIPT)
    verdict = ChecklistVerdict.objects.get(item="N2")
    assert (verdict.answer, verdict.parts) == (Verdict.PASS, [True, True, False])


def test_after_n1_a_grant_is_objected_to_before_anything_is_decided(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    posted = filled(case, fail={"N1": ("中途弹窗", "放到结束之后")})
    told = client.post(work_url(case), {**posted, "ruling:member.read": "GRANT", "act": "look"}, headers=SCRIPT).json()
    assert "N1" in told["outlook"]
    assert not told["is_ready"]
    assert "2 分" in client.post(work_url(case), {**posted, "act": "save"}, headers=SCRIPT).json()["outlook"]
    changes = client.post(work_url(case), {**posted, "outcome": "changes", "act": "decide"})
    assert (changes.status_code, Decision.objects.count()) == (422, 0)


def test_failing_what_passed_before_needs_missed_earlier_beside_the_item(world: World, reviewer: User, client: Client) -> None:
    case = sent_back(queued(world, now=database_now() - timedelta(days=1)), reviewer=reviewer, fail=["V1"], now=database_now() - timedelta(hours=1))
    case = answered(case, past_cases="三家品牌的签到日历")
    claim(case=case, by=reviewer, now=database_now())
    posted = filled(fresh(case), fail={"M1": ("没有身份", "展示身份")})
    refused = client.post(work_url(case), {**posted, "act": "decide"})
    assert refused.status_code == 422
    assert "没有身份" in text_of(refused)
    assert Decision.objects.filter(revision=case.revision).count() == 0
    told = client.post(work_url(case), {**posted, "act": "save"}, headers=SCRIPT).json()
    assert list(told["errors"]) == ["M1"]
    told = client.post(work_url(case), {**posted, "missed:M1": "on", "act": "save"}, headers=SCRIPT).json()
    assert told["errors"] == {}
    assert ChecklistVerdict.objects.get(revision=case.revision, item="M1").missed_earlier


def test_nothing_is_chosen_before_the_checklist_is_judged(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    page = text_of(client.get(case_url(case)))
    rulings = [tag for tag in page.split("<input")[1:] if 'name="ruling:' in tag.split(">")[0]]
    assert len(rulings) == 3
    assert not [tag for tag in rulings if " checked" in tag.split(">")[0]]
    assert "尚未全部判定" in page
    assert "分钟内可以撤销" not in page.split("data-rv-outlook")[1].split("</form>")[0]
    opened = {"typed": "1", "token": token_of(case), "outcome": "decide", "act": "look"}
    told = client.post(work_url(case), opened, headers=SCRIPT).json()
    assert (told["rulings"], told["is_ready"]) == ({}, False)
    assert "授予前请判定每一项" in told["outlook"]
    assert client.post(work_url(case), {**opened, "act": "decide"}).status_code == 422
    told = client.post(work_url(case), {**filled(case), "act": "look"}, headers=SCRIPT).json()
    assert (told["rulings"], told["is_ready"]) == ({"member.read": "GRANT"}, True)
    told = client.post(work_url(case), {**opened, "answer:M3": "FAIL"}, headers=SCRIPT).json()
    assert told["rulings"] == {"member.read": "REFUSE"}


# --- deciding


def test_refusing_goes_on_to_the_next_case_and_can_be_undone_there(world: World, reviewer: User, client: Client) -> None:
    case, following = take(world, reviewer), queued(world, now=database_now())
    posted = filled(case, fail={"M3": ("看不到权益", "写明权益")}, play="on")
    answer = client.post(work_url(case), {**posted, "act": "decide"})
    assert answer.headers["Location"] == f"{case_url(following)}?decided={case.pk}"
    decision = Decision.objects.get(case=case)
    assert (decision.kind, decision.status) == ("REFUSED", DecisionStatus.WAITING)
    body = text_of(client.get(answer.headers["Location"]))
    assert f"{case.number}" in body.split("rv-decided")[1]
    assert 'value="undo"' in body
    undone = client.post(work_url(case), {"act": "undo"})
    assert undone.headers["Location"] == case_url(case)
    assert (fresh(case).state, Claim.objects.get(case=case, ended_at=None).reviewer) == (CaseState.IN_REVIEW, reviewer)


def test_without_play_one_is_back_at_the_queue(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    answer = client.post(work_url(case), {**filled(case), "act": "decide"})
    assert answer.headers["Location"].endswith(f"/queue/?decided={case.pk}")
    assert (fresh(case).state, Decision.objects.get(case=case).kind) == (CaseState.DECIDED, "APPROVED")
    assert case.number in text_of(client.get(answer.headers["Location"])).split("rv-decided")[1]


def test_only_who_decided_can_undo(world: World, reviewer: User) -> None:
    case = take(world, reviewer)
    client_of(reviewer).post(work_url(case), {**filled(case), "act": "decide"})
    answer = client_of(staff()).post(work_url(case), {"act": "undo"})
    assert (answer.status_code, fresh(case).state) == (422, CaseState.DECIDED)


def test_asking_for_changes_takes_a_word_along_that_is_read_when_it_takes_effect(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    posted = filled(case, fail={"M4": ("看不到成长", "展示成长")}, outcome="changes", message="请补充后再提交")
    client.post(work_url(case), {**posted, "act": "decide"})
    message = ApplicantMessage.objects.get(case=case)
    assert (message.text, message.visible_at) == ("请补充后再提交", None)
    execute(case=case, now=database_now() + timedelta(minutes=3))
    message.refresh_from_db()
    assert message.visible_at is not None
    assert fresh(case).state == CaseState.CHANGES_REQUESTED


def test_a_part_can_be_granted(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer, world.reader, world.risky)
    posted = filled(case, fail={"S1:points.write": ("流程没有用到", "去掉")})
    client.post(work_url(case), {**posted, "act": "decide"})
    rulings = dict(Decision.objects.get(case=case).items.values_list("capability__code", "ruling"))
    assert rulings == {"member.read": "GRANT", "points.write": "NOT_NEEDED"}


# --- claims lost


def test_a_lost_lease_says_so_keeps_what_was_typed_and_can_be_claimed_again(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    posted = filled(case, fail={"M3": ("写了很久的事实", "写了很久的改法")})
    Claim.objects.filter(case=case).update(lease_until=database_now() - timedelta(minutes=1))
    told = client.post(work_url(case), {**posted, "act": "save"}, headers=SCRIPT)
    assert told.status_code == 409
    assert told.json()["lost"]
    lost = client.post(work_url(case), {**posted, "act": "decide"})
    assert (lost.status_code, Decision.objects.count()) == (409, 0)
    assert "写了很久的事实" in text_of(lost)
    again = client.post(work_url(case), {**posted, "act": "claim"})
    assert again.status_code == 200
    assert "写了很久的改法" in text_of(again)
    assert f'name="token" value="{token_of(case)}"' in text_of(again)
    assert client.post(work_url(case), {**posted, "token": token_of(case), "act": "decide"}).status_code == 302


def test_a_case_that_another_decided_says_so_and_keeps_what_was_typed(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    posted = filled(case, fail={"M3": ("我看到的事实", "我的改法")})
    Claim.objects.filter(case=case).update(lease_until=database_now() - timedelta(minutes=1))
    other = staff()
    held = claimed(case, other, now=database_now())
    judge_all(held, now=database_now())
    told = client.post(work_url(case), {**posted, "act": "save"}, headers=SCRIPT)
    assert other.display_name in told.json()["sentence"]
    decide(case=case, token=held.token, rulings={"member.read": "GRANT"}, by=other, now=database_now())
    answer = client.post(work_url(case), {**posted, "act": "decide"})
    assert (answer.status_code, Decision.objects.count()) == (409, 1)
    assert "我看到的事实" in text_of(answer)


def test_a_sign_of_life_prolongs_the_claim(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    Claim.objects.filter(case=case).update(lease_until=database_now() + timedelta(minutes=1))
    answer = client.post(work_url(case), {"act": "renew", "token": token_of(case)}, headers=SCRIPT)
    assert answer.json()["lease"]
    assert Claim.objects.get(case=case).lease_until > database_now() + timedelta(minutes=15)


def test_putting_back_leaves_what_was_judged(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    judge(case=case, token=token_of(case), item="M1", answer="PASS", by=reviewer, now=database_now())
    client.post(work_url(case), {"act": "release", "token": token_of(case)})
    assert (fresh(case).state, ChecklistVerdict.objects.count()) == (CaseState.QUEUED, 1)


def test_putting_back_keeps_what_is_on_the_page(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    client.post(work_url(case), {**filled(case, fail={"M3": ("看不到权益", "写明权益")}), "act": "release"})
    assert (fresh(case).state, Reason.objects.get(case=case).fact) == (CaseState.QUEUED, "看不到权益")


def test_the_demo_file_of_the_revision_is_handed_out(world: World, client: Client) -> None:
    case = queued(world, now=database_now())
    assert client.get(work_url(case).replace("/review/", "/demo/")).status_code == 404
    developer = onboarded()
    now = database_now()
    row = add_demo_file(
        developer=developer,
        file=default_storage.save("demos/test", ContentFile(b"demo")),
        file_name="演示.zip",
        file_hash="0" * 64,
        file_size=4,
        by=owner_of(developer),
        now=now,
    )
    case = queued(world, developer=developer, now=now, demo_url="", demo_file=row.pk)
    answer = client.get(work_url(case).replace("/review/", "/demo/"))
    assert (answer.status_code, b"".join(answer.streaming_content)) == (200, b"demo")
    assert "attachment" in answer.headers["Content-Disposition"]


# --- words


def test_notes_and_messages_are_apart(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    told = client.post(work_url(case), {"act": "note", "note": "只给同事"}, headers=SCRIPT).json()
    assert "只给同事" in told["words"].split("rv-outer")[0]
    told = client.post(work_url(case), {"act": "write", "text": "给服务商", "token": token_of(case)}, headers=SCRIPT).json()
    assert "给服务商" in told["words"].split("rv-outer")[1]
    assert (InternalNote.objects.get().text, ApplicantMessage.objects.get().text) == ("只给同事", "给服务商")
    empty = client.post(work_url(case), {"act": "note", "note": " "}, headers=SCRIPT)
    assert (empty.status_code, bool(empty.json()["sentence"])) == (422, True)


def test_a_message_needs_the_claim(world: World, reviewer: User) -> None:
    case = take(world, reviewer)
    answer = client_of(staff()).post(work_url(case), {"act": "write", "text": "不该发出", "token": token_of(case)})
    assert (answer.status_code, ApplicantMessage.objects.count()) == (409, 0)
    assert "不该发出" in text_of(answer) or "data-rv-mine" not in text_of(answer)


@pytest.mark.parametrize("act", ["", "execute", "delete"])
def test_an_unknown_act_is_not_found(world: World, reviewer: User, client: Client, act: str) -> None:
    assert client.post(work_url(take(world, reviewer)), {"act": act}).status_code == 404


def test_texts_of_gates_and_developers_are_escaped(world: World, reviewer: User, client: Client) -> None:
    case = queued(world, now=database_now(), contact_name="<script>alert(1)</script>", demo_other_url="https://example.com/<b>")
    claim(case=case, by=reviewer, now=database_now())
    write_reason_on = {"case": case, "token": token_of(case), "by": reviewer, "now": database_now()}
    judge(**write_reason_on, item="M1", answer="FAIL")
    write_reason(**write_reason_on, rule="M1", fact="<script>alert(2)</script>", fix="<img src=x onerror=alert(3)>")
    body = text_of(client.get(case_url(case)))
    assert "<script>alert" not in body
    assert "<img src=x" not in body


# --- what is known only now


def test_a_cell_closed_since_the_submission_is_told_before_deciding(world: World, reviewer: User, client: Client) -> None:
    case = take(world, reviewer)
    change_table(world, {(world.beauty, world.reader): Openness.CLOSED}, now=database_now())
    told = client.post(work_url(case), {**filled(case), "act": "look"}, headers=SCRIPT).json()
    assert told["rulings"] == {"member.read": "REFUSE"}
    assert "当前检查：未通过" in told["outlook"]
    assert "G06" in told["outlook"].split("rv-preview")[1]  # the applicant would read it
    told = client.post(work_url(case), {**filled(case), "ruling:member.read": "GRANT", "act": "look"}, headers=SCRIPT).json()
    assert not told["is_ready"]


def test_the_first_refusal_of_a_trusted_developer_says_that_a_second_person_is_needed(world: World, reviewer: User, client: Client) -> None:
    developer = onboarded()
    approved(world, developer=developer, now=database_now() - timedelta(days=9))
    case = queued(world, developer=developer, now=database_now())
    claim(case=case, by=reviewer, now=database_now())
    told = client.post(work_url(case), {**filled(fresh(case), fail={"M1": ("没有", "补上")}), "act": "look"}, headers=SCRIPT).json()
    assert "需由他人复核放行" in told["confirm"]
    client.post(work_url(case), {**filled(fresh(case), fail={"M1": ("没有", "补上")}), "act": "decide"})
    assert fresh(case).state == CaseState.HELD


def test_without_a_round_left_asking_for_changes_is_objected_to(world: World, reviewer: User, client: Client) -> None:
    RuleNumber.objects.create(code="most_rounds", value=1, changed_at=database_now())
    case = answered(
        sent_back(queued(world, now=database_now() - timedelta(days=1)), reviewer=reviewer, now=database_now() - timedelta(hours=1)), past_cases="x"
    )
    claim(case=case, by=reviewer, now=database_now())
    posted = filled(fresh(case), fail={"D1": ("缺体验", "补上")}, outcome="changes", **{"missed:D1": "on"})
    told = client.post(work_url(case), {**posted, "act": "look"}, headers=SCRIPT).json()
    assert not told["is_ready"]
    assert client.post(work_url(case), {**posted, "act": "decide"}).status_code == 422
    assert Decision.objects.filter(revision=case.revision).count() == 0
