"""On a phone's 390 px: every button of the offered apps is on the screen, and the language is one line."""

from __future__ import annotations

from typing import Any

import pytest

from tests.applications.cases import approved, make_world, merchant_owner
from tests.factories import PASSWORD, make_merchant, make_store

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("tier", ["PREMIUM", "STANDARD"])
def test_390_pixels_are_enough_for_offered_apps(page: Any, live_server: Any, tier: str) -> None:
    approved(make_world())
    merchant = make_merchant(tier=tier)
    make_store(merchant=merchant)
    user = merchant_owner(merchant)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/merchant/login/")
    page.fill("[name=username]", user.username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/merchant/")
    page.goto(f"{live_server.url}/merchant/applications/storeenablement/offered/")
    cells = page.locator(".app-stacked tbody :is(th, td)").all()
    assert cells
    for cell in cells:
        assert cell.evaluate("each => each.getBoundingClientRect().right") <= 390
        assert cell.evaluate("each => each.scrollWidth <= each.clientWidth + 1")
    assert page.locator(".bo-language button").first.bounding_box()["height"] < 45
