"""What only a browser can show: a drag changes both previews at once and is saved, arrows do the same, and 390 px are enough."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.kernel.tenancy.models import User
from members.paid.models import Decoration, PaidProgram
from tests.factories import PASSWORD, ship_identity_kinds
from tests.members.paid.admin.shop import Shop, open_shop, url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FIVE = {
    "a": {"title": "开卡礼包"},
    "b": {"title": "每月优惠券", "kind": "MONTHLY_COUPON", "schedule": "MONTHLY", "settings": {"coupon_amount": "20.00", "threshold": "99.00"}},
    "c": {"title": "每月礼品", "kind": "MONTHLY_GIFT", "schedule": "MONTHLY", "settings": {"gift": "小样", "quantity": 1}},
    "d": {"title": "停用的权益"},
    "e": {"title": "店主来电", "kind": "CUSTOM", "settings": {"promise": "店主每季来电一次", "owner": "李女士"}},
}


def log_in(page: Any, address: str, user: User) -> list[str]:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{address}/merchant/login/")
    page.fill("[name=username]", user.username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/merchant/")
    return faults


def furnished() -> tuple[Shop, PaidProgram]:
    ship_identity_kinds()
    shop = open_shop()
    program = shop.program(benefits=FIVE, terms_text="购买即同意本条款。", name="金卡")
    program.pack.benefits.filter(key="d").update(disabled_at=program.created_at)
    return shop, program


def seen(page: Any) -> list[list[str]]:
    """What each preview shows, top first."""
    return [preview.locator("li:visible").evaluate_all("rows => rows.map(row => row.dataset.key)") for preview in page.locator("[data-benefits]").all()]


def test_one_drag_changes_both_previews_and_is_saved(page: Any, live_server: Any) -> None:
    shop, program = furnished()
    faults = log_in(page, live_server.url, shop.clerk)
    page.goto(live_server.url + url("paidprogram_decoration", program.pk))
    assert seen(page) == [["a", "b", "c"]] * 2
    last, first = page.locator("[data-key=e]").first, page.locator("[data-modules] [data-key=a]")
    grip, goal = last.bounding_box(), first.bounding_box()
    page.mouse.move(grip["x"] + 20, grip["y"] + grip["height"] / 2)
    page.mouse.down()
    page.mouse.move(goal["x"] + 20, goal["y"] + 4, steps=8)
    # Still held: nothing is saved yet, and both previews show it already.
    assert seen(page) == [["e", "a", "b"]] * 2
    assert Decoration.objects.filter(program=program).count() == 1
    page.mouse.up()
    page.wait_for_selector("[data-told]:has-text('草稿')")
    draft = Decoration.objects.filter(program=program).latest("version")
    assert (draft.status, draft.modules) == ("DRAFT", ["e", "a", "b", "c"])
    page.goto(live_server.url + url("paidprogram_preview", program.pk))
    assert seen(page) == [["e", "a", "b"]] * 2
    assert faults == []


def test_arrows_move_by_keyboard_and_keep_the_focus(page: Any, live_server: Any) -> None:
    shop, program = furnished()
    faults = log_in(page, live_server.url, shop.clerk)
    page.goto(live_server.url + url("paidprogram_decoration", program.pk))
    page.locator("[data-modules] [data-key=c] [name=up]").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-told]:has-text('草稿')")
    assert seen(page) == [["a", "c", "b"]] * 2
    assert page.evaluate("document.activeElement.value") == "c"
    page.keyboard.press("Enter")
    assert seen(page) == [["c", "a", "b"]] * 2
    page.wait_for_function("!document.querySelector('[data-told]').textContent.includes('…')")
    page.wait_for_timeout(500)
    assert Decoration.objects.filter(program=program).latest("version").modules == ["c", "a", "b", "e"]
    assert faults == []


def test_a_finger_drags_by_the_grip_and_390_pixels_are_enough(page: Any, live_server: Any) -> None:
    shop, program = furnished()
    shop.sold(program)
    page.set_viewport_size({"width": 390, "height": 844})
    faults = log_in(page, live_server.url, shop.owner)
    pages = ("pack", "review", "configuration", "preview", "change", "decoration")
    addresses = [*(url(f"paidprogram_{name}", program.pk) for name in pages), url("setup"), url("figures"), url("paidmembership_changelist")]
    for address in addresses:
        page.goto(live_server.url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
    page.goto(live_server.url + url("paidprogram_decoration", program.pk))
    page.locator("[data-modules] [data-key=b] [data-grip]").scroll_into_view_if_needed()
    page.evaluate(
        """() => {
            const grip = document.querySelector("[data-modules] [data-key=b] [data-grip]");
            const goal = document.querySelector("[data-modules] [data-key=a]").getBoundingClientRect();
            const send = (target, type, y) => target.dispatchEvent(
                new PointerEvent(type, { bubbles: true, pointerType: "touch", button: 0, clientX: goal.x + 20, clientY: y }));
            send(grip, "pointerdown", goal.y + goal.height + 20);
            send(document, "pointermove", goal.y + 2);
            send(document, "pointerup", goal.y + 2);
        }"""
    )
    assert seen(page) == [["b", "a", "c"]] * 2
    page.wait_for_selector("[data-told]:has-text('草稿')")
    assert faults == []


def test_only_fields_that_apply_are_shown(page: Any, live_server: Any) -> None:
    ship_identity_kinds()
    shop = open_shop()
    program = shop.program(status="DRAFT")
    log_in(page, live_server.url, shop.owner)
    page.goto(live_server.url + url("paidprogram_benefit", program.pk, query="kind=CUSTOM"))
    assert not page.is_visible("[name=every_days]")
    page.select_option("[name=schedule]", "EVERY_N_DAYS")
    assert page.is_visible("[name=every_days]")
    assert not page.is_visible("[name=on_date]")
