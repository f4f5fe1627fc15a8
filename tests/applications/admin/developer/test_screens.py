"""The developer's other pages: eligibility, apps, a case from outside, standing, notices, grants."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from applications.choices import CaseState
from applications.models import App, Application, Grant, Notification, ReReview, RuleNumber, StoreEnablement
from applications.services.appeals import overturn_appeal
from applications.services.enable import enable_app
from applications.services.submit import decline_application, submit
from backoffice.kernel import clock
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.services.users import grant_seat
from tests.applications.admin.consoles import act, logged_in, text
from tests.applications.cases import (
    World,
    approved,
    fresh,
    make_app,
    make_draft,
    make_world,
    merchant_owner,
    onboarded,
    owner_of,
    queued,
    refused,
    review,
    sent_back,
    staff,
    submitted,
)
from tests.factories import make_developer, make_merchant, make_store, make_user

pytestmark = pytest.mark.django_db
HOME = "/developer/applications/"
LIST = f"{HOME}application/"


@pytest.fixture
def world() -> World:
    return make_world()


def page_of(case: Application) -> str:
    return f"{LIST}{case.pk}/change/"


def ask(client: Any, **question: Any) -> str:
    query = {"form": "MINI_PROGRAM", "build": "TEMPLATE", "category": "beauty", "merchant": ""} | question
    answer = client.get(f"{LIST}eligibility/", query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def block(page: str, code: str) -> str:
    """The answer about one capability."""
    return next(item for item in page.split("<li") if f'value="{code}"' in item and "case-head" in item)


# --- eligibility


def test_eligibility_tells_capability_by_capability_with_fact_fix_and_the_hint(world: World) -> None:
    client = logged_in(owner_of(onboarded()))
    with CaptureQueriesContext(connection) as queries:
        page = ask(client)
    assert not [query for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert "Passes" in block(page, "member.read")
    custom_only = block(page, "level.custom")
    assert "Passes as a custom build" in custom_only
    assert "for custom builds only" in custom_only
    assert "What to do:" in custom_only
    unlisted = block(page, "coupon.send")
    assert "Does not pass" in unlisted
    assert "is not open in the category" in unlisted
    assert Application.objects.count() == 0


def test_eligibility_promises_nothing_while_the_limit_of_open_cases_stops_everything(world: World) -> None:
    developer = onboarded()
    RuleNumber.objects.create(code="most_open_cases", value=1, changed_at=clock.database_now())
    queued(world, developer=developer)
    custom_only = block(ask(logged_in(owner_of(developer))), "level.custom")
    assert "Passes as a custom build" not in custom_only
    assert "Once the above is solved" in custom_only


def test_eligibility_of_a_custom_build_knows_the_merchants_tier(world: World) -> None:
    client = logged_in(owner_of(onboarded()))
    potential, premium = make_merchant(tier="POTENTIAL"), make_merchant(tier="PREMIUM")
    assert "A custom build needs a premium merchant" in ask(client, build="CUSTOM", merchant=potential.code)
    assert "needs a premium merchant" not in ask(client, build="CUSTOM", merchant=premium.code)


def test_eligibility_of_a_category_outside_the_table(world: World) -> None:
    page = ask(logged_in(owner_of(onboarded())), category="toys")
    assert "is not in the opening table" in page


def test_an_application_is_begun_from_the_answer(world: World) -> None:
    app = make_app(onboarded(), world)
    client = logged_in(owner_of(app.developer))
    page = ask(client, app=str(app.pk))
    assert f'<option value="{app.pk}" selected>' in page
    answer = client.post(f"{LIST}begin/", {"app": app.pk, "capability": ["member.read", "points.write"]})
    case = Application.objects.get()
    assert answer.url == f"{LIST}{case.pk}/draft/"
    assert [asked["capability"] for asked in case.draft["capabilities"]] == ["member.read", "points.write"]


def test_without_an_app_of_the_kind_the_page_leads_to_making_one(world: World) -> None:
    client = logged_in(owner_of(onboarded()))
    page = ask(client)
    address = re.search(r'href="(/developer/applications/app/add/[^"]+)"', page)
    assert address is not None
    form = text(client, address.group(1).replace("&amp;", "&"))
    assert re.search(r'<option value="beauty" selected', form)


def test_a_foreign_app_is_a_missing_one(world: World) -> None:
    mine, other = make_app(onboarded(), world), make_app(onboarded(), world)
    client = logged_in(owner_of(mine.developer))
    for number in (other.pk, 987654321, "abc", ""):
        assert client.post(f"{LIST}begin/", {"app": number}).status_code == 404
    assert {client.get(f"{LIST}eligibility/?app={number}").status_code for number in (other.pk, 987654321, "abc")} == {404}
    assert Application.objects.count() == 0


# --- apps


def test_an_app_is_made_and_a_taken_code_is_told_beside_the_field(world: World) -> None:
    app = make_app(onboarded(), world)
    client = logged_in(owner_of(app.developer))
    given = {"name": "会员乐园", "code": "park", "form": "WIDGET", "build": "TEMPLATE", "category_code": "beauty"}
    client.post(f"{HOME}app/add/", given)
    made = App.objects.get(code="park")
    assert (made.developer, made.category.code) == (app.developer, "beauty")
    answer = client.post(f"{HOME}app/add/", given | {"name": "另一个"})
    assert "There is an app with the code" in answer.content.decode() or "already exists" in answer.content.decode()
    assert "另一个" in answer.content.decode()


def test_changing_an_app_warns_of_the_review_it_sets_off_before_it_is_done(world: World) -> None:
    case = approved(world)
    client = logged_in(owner_of(case.developer))
    address = f"{HOME}app/{case.app_id}/change-app/"
    assert "looks again at 1 grant" in text(client, address)
    act(client, address, name="新名字", form="MINI_PROGRAM", build="TEMPLATE", category_code="beauty")
    assert not ReReview.objects.exists()
    act(client, address, name="新名字", form="MINI_PROGRAM", build="CUSTOM", category_code="beauty")
    assert ReReview.objects.get().cause == "BUILD"
    assert App.objects.get(pk=case.app_id).name == "新名字"


def test_only_the_owner_makes_the_apps_client_and_its_secret_is_shown_once(world: World) -> None:
    app = make_app(onboarded(), world)
    client, address = logged_in(owner_of(app.developer)), f"{HOME}app/{app.pk}/make-client/"
    member = logged_in(make_user(Role.DEVELOPER_MEMBER, developer=app.developer))
    assert act(member, address).status_code == 403
    answer = act(client, address)
    app.refresh_from_db()
    assert app.api_client is not None
    assert "no-store" in answer["Cache-Control"]
    assert app.api_client.client_id in answer.content.decode()
    assert app.api_client.client_id in text(client, f"{HOME}app/{app.pk}/change/")
    assert client.get(address).status_code == 404
    act(client, f"{HOME}app/{app.pk}/switch-off/", reason="换系统")
    app.api_client.refresh_from_db()
    assert not app.api_client.is_active


# --- a case


def test_a_case_tells_state_turn_and_due_in_words(world: World) -> None:
    case = queued(world)
    page = text(logged_in(owner_of(case.developer)), page_of(case))
    assert "waits for a reviewer" in page
    assert "The platform" in page
    assert "Answered by" in page
    assert f"{clock.to_local(case.due_at):%Y-%m-%d %H:%M}" in page


def test_a_held_case_looks_like_one_in_review(world: World) -> None:
    case = queued(world, world.risky)
    review(case)
    assert fresh(case).state == CaseState.HELD
    client = logged_in(owner_of(case.developer))
    assert "A reviewer is looking at it" in text(client, page_of(case))
    assert "In review" in text(client, LIST)
    assert case.number in text(client, f"{LIST}?turn=platform")
    assert client.get(f"{LIST}?state__exact=HELD").status_code == 400


def test_a_refusal_shows_rule_fact_fix_and_what_it_would_cost(world: World) -> None:
    case = refused(world, fail=["N1"])
    client = logged_in(owner_of(case.developer))
    page = text(client, page_of(case))
    for words in ("N1", "看到了 N1 的问题", "请改正 N1", "Not granted", "This refusal costs 2 points", "your score would be 2 of 6"):
        assert words in page
    assert "2 of 6" in text(client, f"{LIST}standing/")


def test_an_appeal_is_filed_once_and_its_outcome_shown(world: World) -> None:
    case = refused(world)
    client = logged_in(owner_of(case.developer))
    decision = case.decisions.get()
    type(decision).objects.filter(pk=decision.pk).update(executed_at=clock.database_now())
    page = text(client, page_of(case))
    assert "You can appeal once" in page
    act(client, f"{LIST}{case.pk}/appeal/", text="弹窗出现在游戏结束之后")
    assert "You appealed" in text(client, page_of(case))
    assert client.get(f"{LIST}{case.pk}/appeal/").status_code == 404
    overturn_appeal(appeal=case.appeals.get(), grant=["member.read"], answer="申诉成立", by=staff(Role.PLATFORM_APPEALS), now=clock.database_now())
    page = text(client, page_of(case))
    assert "Your appeal was successful" in page
    assert "申诉成立" in page


def test_applying_again_takes_the_text_along_and_never_a_foreign_one(world: World) -> None:
    case, other = refused(world), refused(world)
    client = logged_in(owner_of(case.developer))
    assert "Apply again with this text" in text(client, page_of(case))
    client.post(f"{LIST}begin/", {"app": case.app_id, "again": case.pk})
    again = Application.objects.latest("pk")
    assert (again.state, again.app, again.draft) == ("DRAFT", case.app, case.draft)
    for number in (other.pk, 987654321, "abc"):
        assert client.post(f"{LIST}begin/", {"app": case.app_id, "again": number}).status_code == 404
    assert "Apply again with this text" not in text(logged_in(owner_of(again.developer)), page_of(again))


def test_words_go_both_ways_and_an_empty_one_is_refused_in_the_dialog(world: World) -> None:
    case = queued(world)
    client = logged_in(owner_of(case.developer))
    act(client, f"{LIST}{case.pk}/write/", text="演示账号已开通")
    assert "演示账号已开通" in text(client, page_of(case))
    assert act(client, f"{LIST}{case.pk}/write/", text="").status_code == 200
    assert case.applicant_messages.count() == 1


def test_withdrawing_says_what_it_does_and_ends_the_case(world: World) -> None:
    case = queued(world)
    client = logged_in(owner_of(case.developer))
    assert "It costs no points" in text(client, f"{LIST}{case.pk}/withdraw/")
    act(client, f"{LIST}{case.pk}/withdraw/")
    assert fresh(case).state == CaseState.WITHDRAWN
    assert client.get(f"{LIST}{case.pk}/withdraw/").status_code == 404


def test_revisions_show_what_changed(world: World) -> None:
    case = sent_back(queued(world), now=clock.database_now())
    case.draft["contact_name"] = "韩梅梅"
    Application.objects.filter(pk=case.pk).update(draft=case.draft)
    assert submit(case=fresh(case), by=owner_of(case.developer), now=clock.database_now()).case.revision.number == 2
    page = text(logged_in(owner_of(case.developer)), page_of(case))
    assert "<del>李雷</del>" in page
    assert "<ins>韩梅梅</ins>" in page


def test_what_the_merchant_said_is_told(world: World) -> None:
    merchant = make_merchant(tier="PREMIUM")
    case = submitted(make_draft(world, world.special, app=make_app(onboarded(), world, build="CUSTOM"), merchant=merchant.code, audience_group=""))
    client = logged_in(owner_of(case.developer))
    assert "The merchant" in text(client, page_of(case))
    decline_application(case=case, reason="不是为我们做的", by=merchant_owner(merchant), now=clock.database_now())
    assert "不是为我们做的" in text(client, page_of(case))


def test_a_foreign_case_is_a_missing_one(world: World) -> None:
    case, stranger = queued(world), logged_in(owner_of(onboarded()))
    for address in ("change/", "draft/", "withdraw/", "write/", "appeal/", "history/"):
        answers = [stranger.get(f"{LIST}{number}/{address}") for number in (case.pk, 987654321)]
        assert [answer.status_code for answer in answers] == [404, 404]
    assert case.number not in text(stranger, LIST)


# --- standing, notices, grants, first page


def test_standing_of_a_new_company_is_good_and_says_so(world: World) -> None:
    page = text(logged_in(owner_of(make_developer())), f"{LIST}standing/")
    assert "Nothing: your company has no strikes." in page
    assert "0 of 6" in page


def test_notices_are_the_users_own_and_are_marked_read(world: World) -> None:
    case = queued(world)
    user, other = owner_of(case.developer), make_user(Role.DEVELOPER_MEMBER, developer=case.developer)
    client = logged_in(user)
    page = text(client, f"{LIST}notices/")
    assert "waits for review" in page
    assert "waits for review" not in text(logged_in(other), f"{LIST}notices/")
    newest = Notification.objects.filter(user=user, channel="IN_APP").latest("pk")
    client.post(f"{LIST}notices/read/", {"up_to": newest.pk})
    newest.refresh_from_db()
    assert newest.read_at is not None
    assert "Mark all as read" not in text(client, f"{LIST}notices/")
    assert client.get(f"{LIST}notices/read/").status_code == 405


def test_giving_a_grant_up_says_which_stores_lose_it(world: World) -> None:
    case = approved(world)
    merchant = make_merchant(tier="PREMIUM")
    store = make_store(merchant=merchant)
    enable_app(app=case.app, store=store, by=merchant_owner(merchant), now=clock.database_now())
    assert StoreEnablement.objects.get().status == "ON"
    grant, client = Grant.objects.get(), logged_in(owner_of(case.developer))
    assert re.search(r'bo-number">1<', text(client, f"{HOME}grant/"))
    assert "stop at once in 1 store" in text(client, f"{HOME}grant/{grant.pk}/give-up/")
    act(client, f"{HOME}grant/{grant.pk}/give-up/")
    grant.refresh_from_db()
    assert grant.status == "REVOKED"
    assert client.get(f"{HOME}grant/{grant.pk}/give-up/").status_code == 404


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_empty_lists_say_what_to_do_first(language: str) -> None:
    client = logged_in(owner_of(make_developer()), language)
    word = {"en": "Eligibility", "zh-hans": "准入自查"}[language]
    for name in ("application", "app"):
        assert word in text(client, f"{HOME}{name}/")
    assert client.get(f"{LIST}eligibility/").status_code == 200


def test_the_first_page_says_what_needs_the_developer_now(world: World) -> None:
    developer, now = onboarded(), clock.database_now()
    sent_back(queued(world, developer=developer), now=now)
    make_draft(world, developer=developer)
    refused(world, developer=developer, now=now)
    approved(world, developer=developer)
    sent_back(queued(world), now=now)
    page = text(logged_in(owner_of(developer)), "/developer/")
    for words in ("1 application waits for your changes, until", "1 draft is not submitted", "1 decision can still be appealed", "new notices"):
        assert words in page
    assert f"{LIST}?turn=mine" in page


MOST = {"": 19, "application/": 5, "app/": 5, "grant/": 5, "application/standing/": 10, "application/notices/": 6}


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("address", MOST)
def test_lists_cost_the_same_with_one_row_and_with_three(world: World, django_assert_max_num_queries: Any, address: str, rows: int) -> None:
    developer = onboarded()
    for _number in range(rows):
        approved(world, developer=developer)
    client = logged_in(owner_of(developer))
    place = f"{HOME}{address}" if address else "/developer/"
    text(client, place)
    with django_assert_max_num_queries(MOST[address]):
        text(client, place)


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_case_page_costs_the_same_after_one_round_and_after_three(world: World, django_assert_max_num_queries: Any, rounds: int) -> None:
    case = queued(world)
    for number in range(rounds):
        case = sent_back(case)
        draft = case.draft | {"contact_name": f"第{number}次", "demo_url": f"https://www.yuque.com/demo/{number}"}
        Application.objects.filter(pk=case.pk).update(draft=draft)
        case = submitted(fresh(case)) if number < rounds - 1 else case
    client = logged_in(owner_of(case.developer))
    with django_assert_max_num_queries(23):
        text(client, page_of(case))


def test_history_never_shows_what_somebody_did_for_the_platform() -> None:
    """Somebody who worked at the company before and now proposes as staff: what is proposed is not told before it takes effect."""
    developer = onboarded()
    turncoat = owner_of(developer)
    grant_seat(user=turncoat, role=Role.PLATFORM_SENIOR, by=None, now=clock.database_now())
    app = make_app(developer, make_world())
    record_event("app.changed", target=app, by=turncoat, now=clock.database_now(), reason="内部的打算")
    page = logged_in(owner_of(developer)).get(f"/developer/applications/app/{app.pk}/history/").content.decode()
    assert "内部的打算" not in page
