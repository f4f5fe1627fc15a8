"""The queue: tabs, order, paging, what it costs, claiming and taking the next one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from applications.choices import CaseState
from applications.models import Application, Claim
from applications.selectors.queue import get_queue_page, place_of
from applications.services.door import CaseRefused
from applications.services.review import add_note, claim, judge, write_to_applicant
from applications.services.submit import save_draft, submit, withdraw, write_to_platform
from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.roles import Role
from tests.applications.admin.review.desk import case_url, client_of, queries_of, queue_url, work_url
from tests.applications.cases import World, fresh, make_world, onboarded, owner_of, queued, queued_custom, review, sent_back, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


def waiting(world: World, number: int) -> list[Application]:
    """So many queued cases, each submitted a minute after the one before."""
    now = database_now() - timedelta(hours=2)
    return [queued(world, world.reader, developer=onboarded(), now=now + timedelta(minutes=one)) for one in range(number)]


def test_the_queue_asks_eight_queries_with_one_row_with_three_and_with_fifty(world: World) -> None:
    client = client_of(staff())
    costs = []
    for number in (1, 2, 47):
        waiting(world, number)
        costs.append(len(queries_of(client, queue_url())))
    assert (costs, Application.objects.filter(state=CaseState.QUEUED).count()) == ([costs[0]] * 3, 50)
    assert costs[0] <= 8


@pytest.mark.parametrize("tab", ["queued", "mine", "in_review", "held", "decided", "developer", "merchant", "checks"])
def test_every_tab_costs_the_same_with_one_row_and_with_three(world: World, tab: str) -> None:
    reviewer = staff(Role.PLATFORM_SENIOR)
    client = client_of(reviewer)
    costs = []
    for _ in range(3):
        case = waiting(world, 1)[0]
        now = database_now()
        if tab in ("mine", "in_review"):
            claim(case=case, by=reviewer, now=now)
        elif tab == "held":
            case = queued(world, world.risky, developer=onboarded(), now=now)
            review(case, now=now)
        elif tab == "decided":
            review(case, now=now)
        elif tab == "developer":
            sent_back(case, now=now)
        elif tab in ("merchant", "checks"):
            queued_custom(world, now=now)
        costs.append(len(queries_of(client, queue_url(tab))))
    assert costs == [costs[0]] * 3
    assert costs[0] <= 8


def test_what_is_due_first_stands_on_top_and_the_row_says_what_one_decides_by(world: World) -> None:
    late, early = waiting(world, 2)[::-1]
    body = client_of(staff()).get(queue_url()).content.decode()
    assert body.index(early.number) < body.index(late.number)
    for text in (early.app.name, early.developer.name, "读取会员", "美妆", "剩余", "认领"):
        assert text in body


def test_pages_go_on_from_a_place_in_both_directions(world: World) -> None:
    cases = waiting(world, 7)
    first = get_queue_page("queued", size=3)
    second = get_queue_page("queued", size=3, after=place_of(first.cases[-1], "queued"))
    third = get_queue_page("queued", size=3, after=place_of(second.cases[-1], "queued"))
    back = get_queue_page("queued", size=3, before=place_of(third.cases[0], "queued"))
    assert [[case.pk for case in page.cases] for page in (first, second, third, back)] == [
        [case.pk for case in cases[:3]], [case.pk for case in cases[3:6]], [cases[6].pk], [case.pk for case in cases[3:6]]
    ]  # fmt: skip
    assert [(page.has_earlier, page.has_later) for page in (first, second, third, back)] == [(False, True), (True, True), (True, False), (True, True)]


@pytest.mark.parametrize("place", ["x", "2026-01-01_1", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00_x", f"2026-01-01T00:00:00+00:00_{'9' * 20}"])
def test_a_place_that_is_none_is_not_found(world: World, place: str) -> None:
    assert client_of(staff()).get(queue_url(), {"tab": "queued", "after": place}).status_code == 404


def test_a_developers_message_is_marked_until_somebody_writes_and_costs_no_query_per_row(world: World) -> None:
    reviewer = staff()
    client = client_of(reviewer)
    cases = waiting(world, 3)
    costs = []
    for case in cases:
        write_to_platform(case=case, text="能否加急？", by=owner_of(case.developer), now=database_now())
        costs.append(len(queries_of(client, queue_url())))
        assert client.get(queue_url()).content.decode().count(">新留言<") == len(costs)
    assert costs == [costs[0]] * 3
    assert costs[0] <= 8
    assert "新留言" in client.get(case_url(cases[0])).content.decode()
    add_note(case=cases[0], text="已电话回复", by=reviewer, now=database_now())
    token = claim(case=cases[1], by=reviewer, now=database_now()).token
    write_to_applicant(case=cases[1], token=token, text="两天内答复", by=reviewer, now=database_now())
    body = client.get(queue_url()).content.decode() + client.get(queue_url("mine")).content.decode()
    assert body.count(">新留言<") == 1
    listed = client.get("/admin/applications/application/?look=news").content.decode()
    assert [case.number in listed for case in cases] == [False, False, True]


def test_a_closed_case_takes_no_more_messages_and_offers_none(world: World) -> None:
    case = waiting(world, 1)[0]
    owner, now = owner_of(case.developer), database_now()
    client = client_of(owner)
    page, dialog = reverse("developer:applications_application_change", args=[case.pk]), reverse("developer:applications_application_write", args=[case.pk])
    assert dialog in client.get(page).content.decode()
    write_to_platform(case=case, text="请尽快", by=owner, now=now)
    withdraw(case=case, by=owner, now=now)
    assert dialog not in client.get(page).content.decode()
    assert client.post(dialog, {"_form_submitted": "True", "text": "还在吗"}).status_code == 404
    with pytest.raises(CaseRefused) as refusal:
        write_to_platform(case=case, text="还在吗", by=owner, now=now)
    assert (refusal.value.code, case.applicant_messages.count()) == ("case_closed", 1)
    assert "新留言" not in client_of(staff()).get(case_url(case)).content.decode()


def test_what_was_missed_earlier_is_marked_and_listed_for_seniors(world: World) -> None:
    reviewer, senior = staff(), staff(Role.PLATFORM_SENIOR)
    case = sent_back(queued(world, now=database_now() - timedelta(days=1)), reviewer=reviewer, fail=["V1"], now=database_now() - timedelta(hours=1))
    owner, now = owner_of(case.developer), database_now()
    save_draft(case=case, content={**case.draft, "past_cases": "三家品牌"}, draft_version=case.draft_version, by=owner, now=now)
    case = submit(case=fresh(case), by=owner, now=now).case
    token = claim(case=case, by=reviewer, now=now).token
    assert "漏判" not in client_of(senior).get(queue_url("in_review")).content.decode()
    judge(case=case, token=token, item="M1", answer="FAIL", by=reviewer, now=now, missed_earlier=True)
    client = client_of(senior)
    assert "漏判" in client.get(queue_url("in_review")).content.decode()
    home = client.get("/admin/").content.decode()
    assert "look=missed" in home
    assert case.number in client.get("/admin/applications/application/?look=missed").content.decode()
    assert "look=missed" not in client_of(reviewer).get("/admin/").content.decode()


def test_an_unknown_tab_is_not_found(world: World) -> None:
    assert client_of(staff()).get(queue_url("nothing")).status_code == 404


@pytest.mark.parametrize(("tab", "text"), [("queued", "服务商提交后会自动出现在这里"), ("mine", "您没有认领申请"), ("held", "没有等待复核的决定")])
def test_an_empty_tab_says_what_to_do(world: World, tab: str, text: str) -> None:
    assert text in client_of(staff()).get(queue_url(tab)).content.decode()


def test_claiming_opens_the_case_and_next_takes_what_is_due_first(world: World) -> None:
    first, second = waiting(world, 2)
    reviewer = staff()
    client = client_of(reviewer)
    assert client.post(work_url(second), {"act": "claim"}).headers["Location"] == case_url(second)
    taken = client.post("/admin/applications/application/queue/next/")
    assert taken.headers["Location"] == case_url(first)
    assert {claim.case_id for claim in Claim.objects.filter(reviewer=reviewer, ended_at=None)} == {first.pk, second.pk}
    done = client.post("/admin/applications/application/queue/next/", follow=True)
    assert "没有更多待审核的申请" in done.content.decode()


def test_what_another_holds_cannot_be_claimed_and_says_who_has_it(world: World) -> None:
    case = waiting(world, 1)[0]
    other = staff()
    claim(case=case, by=other, now=database_now())
    answer = client_of(staff()).post(work_url(case), {"act": "claim"})
    assert (answer.status_code, fresh(case).fence) == (409, 1)
    assert other.display_name in answer.content.decode()


def test_a_claim_whose_time_ran_out_can_be_taken_over_from_the_list(world: World) -> None:
    case = waiting(world, 1)[0]
    claim(case=case, by=staff(), now=database_now() - timedelta(hours=1))
    client = client_of(staff())
    assert "认领已过期" in client.get(queue_url("in_review")).content.decode()
    assert client.post(work_url(case), {"act": "claim"}).status_code == 302


def test_next_and_work_only_answer_a_post(world: World) -> None:
    case = waiting(world, 1)[0]
    client = client_of(staff())
    for url in ("/admin/applications/application/queue/next/", work_url(case)):
        assert client.get(url).status_code == 405


def test_an_auditor_reads_the_queue_and_can_do_nothing(world: World) -> None:
    case = waiting(world, 1)[0]
    client = client_of(staff(Role.PLATFORM_AUDITOR))
    body: Any = client.get(queue_url()).content.decode()
    assert case.number in body
    assert "认领" not in body.split('id="content-main"')[1].split("</table>")[0]
    assert client.post(work_url(case), {"act": "claim"}).status_code == 403
    assert client.post("/admin/applications/application/queue/next/").status_code == 403
