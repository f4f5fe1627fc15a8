"""The reviewer's job in a real browser: take the next case, refuse it by keyboard with rule, fact and fix, go on; and what must never happen on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from applications.choices import CaseState
from applications.models import Application, ChecklistVerdict, Claim, Decision, Reason
from applications.services.submit import save_draft, submit
from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Role
from tests.applications.cases import World, fresh, make_world, onboarded, owner_of, queued, review, sent_back, staff
from tests.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BASE = "/admin/applications/application"
MOST_KEYS = 12
IS_IN_SIGHT = """() => {
    const box = document.activeElement, place = box.getBoundingClientRect();
    const points = [place.top + 3, place.top + place.height / 2, place.bottom - 3];
    return box.matches("textarea") && points.every((y) => document.elementFromPoint(place.left + place.width / 2, y) === box);
}"""
"""Whether the box that is written in lies under nothing, from its upper edge to its lower."""


@pytest.fixture
def world(transactional_db: Any) -> World:
    return make_world()


@dataclass
class Desk:
    """A reviewer at the keyboard. ``keys`` counts what was pressed, each key of a chord for itself; typing the fact does not count."""

    page: Any
    address: str
    user: User
    keys: int = 0
    faults: list[str] = field(default_factory=list)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.keys += len(key.split("+"))
            self.page.keyboard.press(key)

    def write(self, text: str) -> None:
        self.page.keyboard.type(text)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.address}{BASE}/{path}")

    def wait_for_mine(self) -> None:
        self.page.wait_for_selector("[data-rv-mine] .rv-item.chosen")


def sit_down(page: Any, address: str, role: str = Role.PLATFORM_REVIEWER) -> Desk:
    user = staff(role)
    desk = Desk(page, address, user)
    page.on("pageerror", lambda error: desk.faults.append(str(error)))
    page.goto(f"{address}/login/")
    page.fill("[name=username]", user.username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/admin/")
    return desk


def waiting(world: World, minutes: int = 60, **fields: Any) -> Application:
    return queued(world, developer=onboarded(), now=database_now() - timedelta(minutes=minutes), **fields)


def test_a_case_is_refused_by_keyboard_in_twelve_keys_and_the_next_one_opens(page: Any, live_server: Any, world: World) -> None:
    first, second = waiting(world, 90), waiting(world, 60)
    page.set_viewport_size({"width": 1440, "height": 900})
    desk = sit_down(page, live_server.url)
    desk.open("queue/")
    desk.press("n")
    desk.wait_for_mine()
    desk.press("g", "m", "3", "2")
    assert page.evaluate(IS_IN_SIGHT)
    desk.write("第二屏看不到各等级的权益。")
    desk.press("Control+Enter")
    page.wait_for_selector("[data-rv-confirm-dialog][open]")
    confirm = page.inner_text("[data-rv-confirm-dialog]")
    assert "M3" in confirm
    assert "第二屏看不到各等级的权益。" in confirm
    desk.press("Control+Enter")
    page.wait_for_url(f"**/{second.pk}/change/?decided={first.pk}")
    desk.wait_for_mine()
    assert desk.keys <= MOST_KEYS
    decision, reason = Decision.objects.get(), Reason.objects.get()
    assert (decision.case_id, decision.kind, decision.items.get().ruling) == (first.pk, "REFUSED", "REFUSE")
    assert (reason.rule, reason.fact, bool(reason.fix)) == ("M3", "第二屏看不到各等级的权益。", True)
    assert first.number in page.inner_text(".rv-decided")
    desk.press("u")
    page.wait_for_url(f"**/{first.pk}/change/")
    assert fresh(first).state == CaseState.IN_REVIEW
    assert desk.faults == []


def test_enter_alone_never_decides(page: Any, live_server: Any, world: World) -> None:
    case = waiting(world)
    desk = sit_down(page, live_server.url)
    desk.open(f"{case.pk}/change/")
    desk.press("c")
    desk.wait_for_mine()
    desk.press("p", "Enter", "j", "Enter", "j", "1", "Enter")
    page.focus("[name='answer:M1'] >> nth=0")
    desk.press("Enter")
    page.focus("#rv-message")
    desk.press("Enter")
    desk.press("Escape", "Control+Enter")
    page.wait_for_selector("[data-rv-confirm-dialog][open]")
    desk.press("Enter")
    page.focus("[data-rv-decide]")
    desk.press("Enter")
    page.wait_for_timeout(500)
    assert (Decision.objects.count(), fresh(case).state) == (0, CaseState.IN_REVIEW)
    desk.press("Control+Enter")
    page.wait_for_url("**/queue/?decided=*")
    assert Decision.objects.get().kind == "APPROVED"
    assert desk.faults == []


def test_n2_is_answered_with_one_two_three_and_j_and_k_walk(page: Any, live_server: Any, world: World) -> None:
    case = waiting(world)
    desk = sit_down(page, live_server.url)
    desk.open(f"{case.pk}/change/")
    desk.press("c")
    desk.wait_for_mine()
    desk.press("j")
    assert page.get_attribute(".rv-item.chosen", "data-rv-item") == "N2"
    desk.press("1", "2", "3")
    page.wait_for_selector("[data-rv-item=N2].failed")
    desk.write("三个问题都成立。")
    desk.press("Escape", "k")
    assert page.get_attribute(".rv-item.chosen", "data-rv-item") == "N1"
    page.wait_for_function("document.querySelector('[data-rv-outlook]').innerText.includes('三个问题都成立')")
    assert "2 分" in page.inner_text("[data-rv-outlook]")
    desk.press("g", "o", "2")
    page.wait_for_selector(".rv-objections")
    assert ChecklistVerdict.objects.get(item="N2").parts == [True, True, True]
    desk.press("Control+Enter")
    page.wait_for_selector("[data-rv-confirm-dialog][open] .rv-objections")
    assert page.is_disabled("[data-rv-decide]")
    desk.press("Control+Enter", "Escape")
    assert Decision.objects.count() == 0
    desk.press("?")
    page.wait_for_selector("[data-rv-help][open]")
    desk.press("?")
    page.wait_for_selector("[data-rv-help]:not([open])", state="attached")
    assert desk.faults == []


def test_what_changed_is_one_key_away(page: Any, live_server: Any, world: World) -> None:
    case = sent_back(waiting(world, 600), fail=["M4"], now=database_now() - timedelta(minutes=500))
    owner = owner_of(case.developer)
    now = database_now()
    save_draft(case=case, content={**case.draft, "demo_url": "https://www.yuque.com/demo/second"}, draft_version=case.draft_version, by=owner, now=now)
    submit(case=fresh(case), by=owner, now=now)
    desk = sit_down(page, live_server.url)
    desk.open(f"{case.pk}/change/")
    desk.press("d")
    assert page.evaluate("document.activeElement.id") == "rv-diff"
    assert "M4" in page.inner_text("#rv-diff")
    assert page.is_visible("#rv-diff ins")
    desk.press("d")
    assert not page.is_visible("#rv-diff")


def test_a_lost_claim_says_so_and_what_was_typed_is_still_there(page: Any, live_server: Any, world: World) -> None:
    case = waiting(world)
    desk = sit_down(page, live_server.url)
    desk.open(f"{case.pk}/change/")
    desk.press("c")
    desk.wait_for_mine()
    Claim.objects.filter(case=case).update(lease_until=database_now() - timedelta(minutes=1))
    desk.press("2")
    desk.write("写了很久的事实")
    page.wait_for_selector("[data-rv-lost]:not([hidden])")
    assert page.input_value("[name='fact:N1']") == "写了很久的事实"
    page.click("[data-rv-again]")
    desk.wait_for_mine()
    assert page.input_value("[name='fact:N1']") == "写了很久的事实"
    page.click("button:has-text('保存') >> visible=true >> nth=-1")
    page.wait_for_selector("[data-rv-mine]")
    page.wait_for_function("document.querySelector('[name=\"fact:N1\"]').value === '写了很久的事实'")
    assert Reason.objects.get().fact == "写了很久的事实"
    assert desk.faults == []


def test_a_held_decision_is_released_in_two_clicks_on_a_phone(page: Any, live_server: Any, world: World) -> None:
    case = queued(world, world.risky, developer=onboarded(), now=database_now() - timedelta(hours=2))
    review(case, now=database_now() - timedelta(hours=1))
    page.set_viewport_size({"width": 390, "height": 844})
    desk = sit_down(page, live_server.url, Role.PLATFORM_SENIOR)
    other = waiting(world)
    for path in ("queue/", "queue/held/", "queue/refuse/", f"{case.pk}/change/", f"{other.pk}/change/"):
        desk.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    desk.open("queue/held/")
    page.click(".rv-end a:has-text('放行')")
    page.wait_for_selector("#dialog .bo-facts")
    assert "写积分" in page.inner_text("#dialog")
    page.click("#dialog button[type=submit]")
    page.wait_for_selector("text=已放行")
    assert fresh(case).state == CaseState.DECIDED
    assert desk.faults == []
