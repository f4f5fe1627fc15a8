"""The finance clerk's jobs in a real browser: who holds what lapses next month in one click, an adjustment that says beforehand whether a
second person is needed, the second person's yes, and the example of the policy that follows what is typed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.kernel import clock
from backoffice.kernel.tenancy.models import User
from members.models import CreditAccount, CreditAdjustment, CreditPolicy
from tests.factories import PASSWORD
from tests.members.admin.credit_desk import Desk, open_desk

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def desk(transactional_db: Any) -> Desk:
    return open_desk()


def log_in(page: Any, address: str, user: User) -> None:
    page.context.clear_cookies()
    page.goto(f"{address}/login/")
    page.fill("[name=username]", user.username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/merchant/")


def test_who_holds_what_lapses_next_month_is_one_click_from_home(page: Any, live_server: Any, desk: Desk) -> None:
    today = clock.local_day(clock.database_now())
    coming = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    holder = desk.member(300, 45, expires_at=clock.day_start(coming + timedelta(days=5)))
    desk.member(7, 0, expires_at=None)
    log_in(page, live_server.url, desk.reader)
    card = page.locator(".bo-card", has_text="下月到期的购物金")
    assert "345.00" in card.inner_text()
    card.locator("a").click()
    page.wait_for_url("**/creditlot/?lapses=next_month")
    assert holder.nickname in page.inner_text("#result_list")
    assert "345.00" in page.inner_text("#result_list")


def test_an_adjustment_says_beforehand_whether_a_second_person_is_needed(page: Any, live_server: Any, desk: Desk) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    member = desk.member(100, 20)
    account = CreditAccount.objects.get(member=member)
    log_in(page, live_server.url, desk.clerk)
    page.goto(f"{live_server.url}/merchant/members/creditaccount/{account.pk}/change/")
    page.click("text=调整购物金")
    page.wait_for_selector("#dialog [name=principal]")
    assert page.is_visible("[name=expires_on]")
    assert not page.is_visible("[name=lot]")
    for principal, bonus, second in (("500", "", False), ("400", "100.01", True), ("1,2", "", False), ("x", "", None), ("600", "", True)):
        page.fill("[name=principal]", principal)
        page.fill("[name=bonus]", bonus)
        assert page.is_visible("[data-adjust-second]") == (second is True), principal
        assert page.is_visible("[data-adjust-at-once]") == (second is False), principal
    page.select_option("[name=direction]", "TAKE")
    assert not page.is_visible("[name=expires_on]")
    assert page.is_visible("[name=lot]")
    page.select_option("[name=direction]", "ADD")
    page.fill("[name=reason]", "补偿")
    page.click("#dialog button[type=submit]")
    page.wait_for_selector("text=等待他人审批，金额尚未变动")
    assert CreditAccount.objects.get().balance == Decimal(120)

    log_in(page, live_server.url, desk.owner)
    page.click("text=1 笔购物金调整待您审批")
    page.wait_for_url("**/creditadjustment/?queue=for_me")
    page.click("#result_list tbody a >> nth=0")
    page.click("text=同意")
    page.wait_for_selector("#dialog .bo-facts")
    assert "补偿" in page.inner_text("#dialog")
    assert "+600.00" in page.inner_text("#dialog")
    page.click("#dialog button[type=submit]")
    page.wait_for_selector("text=调整已入账")
    assert CreditAccount.objects.get().balance == Decimal(720)
    assert CreditAdjustment.objects.get().decided_by == desk.owner
    assert faults == []


def test_the_policys_example_follows_what_is_typed(page: Any, live_server: Any, desk: Desk) -> None:
    log_in(page, live_server.url, desk.owner)
    page.goto(f"{live_server.url}/merchant/members/creditpolicy/")
    page.click(f"text={desk.store.name}")
    assert page.inner_text("#example-PERCENT") == "扣减本金 25.00，权益金 5.00。"
    page.fill("[name=example_spend]", "60")
    page.wait_for_function("document.querySelector('#example-PERCENT').textContent.includes('50.00')")
    assert "本金 40.00，权益金 20.00" in page.inner_text("#example-GIFT_BEFORE_REAL")
    page.check("[value=GIFT_BEFORE_REAL]")
    page.wait_for_function("document.querySelector('#example-rest').textContent.includes('本金 60.00')")
    page.fill("[name=example_spend]", "9999")
    page.wait_for_selector("#example-error.form-error")
    page.click("text=保存规则")
    page.wait_for_url("**/creditpolicy/")
    assert CreditPolicy.objects.get().deduction_order == "GIFT_BEFORE_REAL"


def test_on_a_phone_reading_and_approving_work(page: Any, live_server: Any, desk: Desk) -> None:
    member = desk.member(500, 20)
    desk.hold(member, 10, days_ago=9)
    payout, adjustment = desk.payout(70), desk.adjustment(member, 600)
    account = CreditAccount.objects.get(member=member)
    page.set_viewport_size({"width": 390, "height": 844})
    log_in(page, live_server.url, desk.owner)
    pages = (
        "", "creditlot/liability/", f"creditaccount/{account.pk}/change/", "creditpayout/", f"creditpayout/{payout.pk}/change/", "creditadjustment/",
        f"creditadjustment/{adjustment.pk}/change/", "credithold/", f"creditpolicy/add/?store={desk.store.pk}", f"creditadjustment/{adjustment.pk}/approve/",
    )  # fmt: skip
    for path in pages:
        page.goto(f"{live_server.url}/merchant/{f'members/{path}' if path else ''}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.click("text=同意 >> nth=-1")
    page.wait_for_selector("text=调整已入账")
