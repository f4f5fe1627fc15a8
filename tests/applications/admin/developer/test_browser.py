"""What only a browser can show: fields appear with their capability, unsaved text is warned of, and 390 px are enough."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.kernel.tenancy.models import User
from tests.applications.cases import approved, make_draft, make_world, onboarded, owner_of, queued, refused, sent_back
from tests.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIST = "/developer/applications/application/"


def log_in(page: Any, address: str, user: User) -> list[str]:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{address}/developer/login/")
    page.fill("[name=username]", user.username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/developer/")
    return faults


def test_scene_and_value_appear_with_their_capability_and_unsaved_text_is_warned_of(page: Any, live_server: Any) -> None:
    world = make_world()
    case = make_draft(world)
    faults = log_in(page, live_server.url, owner_of(case.developer))
    page.goto(f"{live_server.url}{LIST}{case.pk}/draft/")
    scene = f"[name='scene-{world.risky.code}']"
    assert not page.is_visible(scene)
    page.check(f"[name='ask-{world.risky.code}']")
    assert page.is_visible(scene)
    assert page.is_visible("[data-unsaved]")
    page.fill(scene, "会员完成任务后在结果页看到发放的积分")
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.locator("a[href='/developer/']").first.evaluate("link => link.click()")
    page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    assert page.input_value(scene) == "会员完成任务后在结果页看到发放的积分"
    page.click(".case-buttons button:not(.primary)")
    page.wait_for_selector("text=草稿已保存")
    assert not page.is_visible("[data-unsaved]")
    assert asked == ["beforeunload"]
    assert faults == []


def test_390_pixels_are_enough(page: Any, live_server: Any) -> None:
    world, developer = make_world(), onboarded()
    answering, draft, said_no = sent_back(queued(world, developer=developer)), make_draft(world, developer=developer), refused(world, developer=developer)
    app = approved(world, developer=developer).app
    page.set_viewport_size({"width": 390, "height": 844})
    faults = log_in(page, live_server.url, owner_of(developer))
    question = "form=MINI_PROGRAM&build=TEMPLATE&category=beauty&merchant="
    for address in (
        f"{LIST}{answering.pk}/draft/", f"{LIST}{answering.pk}/change/", f"{LIST}{draft.pk}/draft/", f"{LIST}{said_no.pk}/change/",
        f"{LIST}eligibility/?{question}", f"{LIST}standing/", f"{LIST}notices/", f"/developer/applications/app/{app.pk}/change/",
    ):  # fmt: skip
        page.goto(f"{live_server.url}{address}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
    assert faults == []
