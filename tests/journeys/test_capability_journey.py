"""One case from end to end, in a real browser and over real HTTP: a developer applies, a gate stops it, it is mended and submitted; a reviewer takes it by
keyboard and asks for changes; the developer answers; the reviewer looks at what changed and approves; a store switches the app on; the app's client gets a
token and calls; another capability is refused; and when two people have revoked the grant, the next call is refused too."""

from __future__ import annotations

import os
from typing import Any

import pytest
import requests
from django.core.management import call_command
from django.urls import reverse

from applications.choices import CaseState, GrantStatus
from applications.models import App, Application, Grant, StoreEnablement
from applications.selectors.replay import list_replay_differences
from backoffice.kernel.api.models import ApiClient
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.roles import Role
from tests.applications.cases import World, make_world, merchant_owner, no_undo, onboarded, owner_of, staff
from tests.factories import PASSWORD, make_member, make_merchant, make_store

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CAPABILITY = "member.read"
ACTION = "form.max-w-2xl button[type=submit]"
"""The button of a dialog that is a page of its own."""


class Person:
    """Somebody with a browser window of the own. Page errors, and refusals by the content policy, are collected."""

    def __init__(self, context: Any, site: str, user: User, console: str, faults: list[str]) -> None:
        self.site, self.console = site, console
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: faults.append(str(error)))
        self.page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
        self.page.goto(f"{site}/{console}/login/")
        self.page.fill("[name=username]", user.username)
        self.page.fill("[name=password]", PASSWORD)
        self.page.press("[name=password]", "Enter")
        self.page.wait_for_url(f"**/{console}/")

    def go(self, name: str, *args: Any, query: str = "") -> Any:
        """The page with this name of the console's addresses."""
        site = {"admin": "platform"}.get(self.console, self.console)
        self.page.goto(f"{self.site}{reverse(f'{site}:applications_{name}', args=args)}{query}")
        return self.page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def fill(self, **fields: str) -> None:
        for name, text in fields.items():
            self.page.fill(f"[name='{name.replace('__', '-').replace('_dot_', '.')}']", text)

    def shot(self, name: str) -> None:
        """A picture for whoever looks at the pages; only when CAPABILITY_SHOTS names a folder."""
        if folder := os.environ.get("CAPABILITY_SHOTS"):
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.fixture
def world(transactional_db: Any) -> World:
    no_undo()
    return make_world()


@pytest.fixture
def store() -> Store:
    store = make_store("S1", merchant=make_merchant("brand", tier="PREMIUM"))
    make_member(store, "M1")
    return store


def case_now() -> Application:
    return Application.objects.select_related("revision").get()


def takes_effect() -> None:
    """What beat does every ten seconds."""
    call_command("advance_applications", "--json")


def develops(developer: Person) -> App:
    """An app is made, and the page about eligibility says that it would pass."""
    page = developer.go("app_add")
    developer.fill(name="积分乐园", code="points-park")
    page.select_option("[name=form]", "MINI_PROGRAM")
    page.select_option("[name=build]", "TEMPLATE")
    page.select_option("[name=category_code]", "beauty")
    with page.expect_navigation():
        page.click("[name=_save]")
    app = App.objects.get(code="points-park")
    developer.go("eligibility", query=f"?app={app.pk}")
    page.check(f"[name=capability][value='{CAPABILITY}']")
    page.click("form[method=get] button[type=submit].primary")
    page.wait_for_selector("#answer-title")
    assert page.is_checked(f".case-answers [value='{CAPABILITY}']")
    developer.shot("eligibility")
    assert not Application.objects.exists()
    page.click(".case-begin button[type=submit]")
    page.wait_for_url("**/draft/")
    return app


def is_stopped_and_mended(developer: Person) -> None:
    """Without a demo the gates stop it; the finding stands there with what to do, and nothing typed is lost."""
    page, scene = developer.page, "会员中心首页的第 1 屏展示等级和权益"
    page.fill(f"[name='scene-{CAPABILITY}']", scene)
    page.fill(f"[name='value-{CAPABILITY}']", "会员看到自己的身份和下一级还差多少")
    developer.fill(audience_group="国货集团", contact_name="李雷", contact_dingtalk="lilei")
    with page.expect_navigation():
        page.click("[name=submit]")
    case = case_now()
    assert (case.state, case.revision) == (CaseState.DRAFT, None)
    said = page.inner_text(".case-page")
    assert "G11" in said
    assert page.input_value(f"[name='scene-{CAPABILITY}']") == scene
    assert page.locator(".case-said .fix").count() >= 1
    developer.shot("stopped")

    developer.fill(demo_url="https://www.yuque.com/demo/points")
    for box in page.locator("[name=demo_covers]").all():
        box.check()
    page.click("[name=submit]")
    page.wait_for_url("**/change/")
    assert case_now().state == CaseState.QUEUED
    developer.shot("queued")


def is_sent_back_by_keyboard(reviewer: Person) -> None:
    """Claimed with c out of the queue; M4 fails with what was seen; the rest passes; changes are asked for. The mouse is not touched."""
    page = reviewer.go("queue")
    reviewer.shot("queue")
    reviewer.press("j", "c")
    page.wait_for_selector("[data-rv-mine]")
    assert case_now().state == CaseState.IN_REVIEW
    reviewer.press("g", "m", "4", "2")
    page.wait_for_function("document.activeElement.name === 'fact:M4'")
    page.keyboard.type("看不到等级和成长值随任务变化。")
    reviewer.press("Escape", "p", "g", "o", "2")
    reviewer.press("Enter")
    assert case_now().state == CaseState.IN_REVIEW, "Enter alone decides nothing"
    reviewer.shot("review")
    reviewer.press("Control+Enter")
    page.wait_for_selector("dialog[data-rv-confirm-dialog][open]")
    assert "看不到等级和成长值随任务变化" in page.inner_text("dialog[data-rv-confirm-dialog]")
    with page.expect_navigation():
        reviewer.press("Control+Enter")
    takes_effect()
    assert case_now().state == CaseState.CHANGES_REQUESTED


def is_answered(developer: Person, reviewer_name: str) -> None:
    """The task stands beside its field; the reviewer's name stands nowhere."""
    case = case_now()
    page = developer.go("application_change", case.pk)
    assert "看不到等级和成长值随任务变化" in page.inner_text("#content-main")
    developer.shot("changes-requested")
    developer.go("application_draft", case.pk)
    assert page.locator(".case-said.task").count() >= 1
    assert reviewer_name not in page.content()
    page.fill(f"[name='scene-{CAPABILITY}']", "会员中心首页的第 1 屏展示等级和权益；任务完成页展示成长值变化和距下一等级的差距")
    page.click("[name=submit]")
    page.wait_for_url("**/change/")
    case = case_now()
    assert (case.state, case.revision and case.revision.number) == (CaseState.QUEUED, 2)


def is_approved_by_keyboard(reviewer: Person) -> None:
    """Taken with n; d shows what changed beside the task; M4 passes now."""
    page = reviewer.go("queue")
    reviewer.press("n")
    page.wait_for_selector("[data-rv-mine]")
    reviewer.press("d")
    changed = page.inner_text("#rv-diff")
    assert "任务完成页展示成长值变化" in changed
    assert "看不到等级和成长值随任务变化" in changed
    reviewer.shot("diff")
    reviewer.press("g", "m", "4", "1", "p", "g", "o", "1")
    reviewer.press("Control+Enter")
    page.wait_for_selector("dialog[data-rv-confirm-dialog][open]")
    with page.expect_navigation():
        reviewer.press("Control+Enter")
    takes_effect()
    assert case_now().state == CaseState.APPROVED


def is_switched_on(merchant: Person) -> None:
    page = merchant.go("offered")
    merchant.shot("offered")
    page.click("#content-main .bo-table tbody td a")
    with page.expect_navigation():
        page.click("#dialog button[type=submit]")
    assert StoreEnablement.objects.get().status == "ON"


def gets_a_client(developer: Person, app: App) -> tuple[str, str]:
    """Id and secret, as the page shows them this once."""
    page = developer.go("app_make_client", app.pk)
    with page.expect_navigation():
        page.click(ACTION)
    client_id, secret = (page.locator("dl[role=status] dd").nth(number).inner_text() for number in (0, 1))
    assert ApiClient.objects.get().client_id == client_id
    developer.go("app_change", app.pk)
    assert secret not in page.content()
    return client_id, secret


def is_revoked(first: Person, second: Person) -> None:
    grant = Grant.objects.get()
    page = first.go("grant_propose_revocation", grant.pk)
    page.fill("[name=reason]", "收到会员投诉")
    with page.expect_navigation():
        page.click(ACTION)
    assert Grant.objects.get().status == GrantStatus.ACTIVE
    page = second.go("grant_confirm_revocation", grant.pk)
    page.fill("[name=code]", grant.app.code)
    second.shot("revoke")
    with page.expect_navigation():
        page.click(ACTION)
    assert Grant.objects.get().status == GrantStatus.REVOKED


def test_from_the_first_click_to_the_first_call_and_the_end_of_the_grant(new_context: Any, live_server: Any, world: World, store: Store) -> None:
    faults: list[str] = []
    site = live_server.url
    company, judge = onboarded(), staff()

    def sits_down(user: User, console: str) -> Person:
        return Person(new_context(), site, user, console, faults)

    developer, reviewer = sits_down(owner_of(company), "developer"), sits_down(judge, "admin")
    app = develops(developer)
    is_stopped_and_mended(developer)
    is_sent_back_by_keyboard(reviewer)
    is_answered(developer, judge.display_name)
    is_approved_by_keyboard(reviewer)
    is_switched_on(sits_down(merchant_owner(store.merchant), "merchant"))
    client_id, secret = gets_a_client(developer, app)

    answer = requests.post(f"{site}/oauth/token/", data={"grant_type": "client_credentials"}, auth=(client_id, secret), timeout=20)
    token = answer.json()
    assert (answer.status_code, token["scope"], token["expires_in"]) == (200, CAPABILITY, 900)

    def call(path: str) -> tuple[int, str]:
        told = requests.get(f"{site}/api/v1{path}", headers={"Authorization": f"Bearer {token['access_token']}", "Accept-Language": "en"}, timeout=20)
        return told.status_code, told.json().get("code", told.json().get("member_no", ""))

    assert call("/stores/S1/members/M1") == (200, "M1")
    assert call("/stores/S1/members/M1/level") == (403, "not_granted")
    assert call("/stores/S1/members/M1/credit") == (403, "not_granted")
    make_member(make_store("S2", merchant=store.merchant), "M1")
    assert call("/stores/S2/members/M1") == (404, "not_found")

    is_revoked(sits_down(staff(Role.PLATFORM_SENIOR), "admin"), sits_down(staff(Role.PLATFORM_SENIOR), "admin"))
    assert call("/stores/S1/members/M1") == (403, "revoked")
    assert requests.post(f"{site}/oauth/token/", data={"grant_type": "client_credentials"}, auth=(client_id, secret), timeout=20).json() == {
        "error": "invalid_scope"
    }
    case = case_now()
    assert (case.state, list_replay_differences(case)) == (CaseState.APPROVED, {})
    assert faults == []
