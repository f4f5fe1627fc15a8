"""Paid membership from end to end, in a real browser and over real HTTP: member operations invites a store; the merchant drafts the pack, which is reviewed;
the merchant configures, drags the benefits into order, and the decoration is reviewed; both entry points show the top three in that order; the shop's system
sells one, the opening gift is there at once, and the next month's coupon when the clock has moved."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import requests
from django.core.management import call_command

from backoffice.kernel import clock
from backoffice.kernel.api.services.clients import create_client
from backoffice.kernel.invariants import find_breaches
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Role
from members.paid.models import BenefitIssue, BenefitPack, Decoration, PaidProgram
from members.paid.terms import add_months
from tests.applications.cases import no_undo
from tests.factories import PASSWORD, make_member, make_merchant, make_store, make_user, ship_identity_kinds
from tests.members.paid.admin.shop import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ACTION = "form.max-w-2xl button[type=submit]"
"""The button of a dialog that is a page of its own."""
WORTH = {"value_amount": "20", "cost_amount": "5"}
BENEFITS: tuple[tuple[str, dict[str, str]], ...] = (
    ("OPENING_GIFT", {"title": "开卡礼包", "gift": "帆布袋", **WORTH}),
    ("MONTHLY_COUPON", {"title": "每月优惠券", "coupon_amount": "20", "threshold": "99", **WORTH}),
    ("MONTHLY_GIFT", {"title": "每月小样", "gift": "小样", **WORTH}),
    (
        "CUSTOM",
        {"title": "店主来电", "promise": "店主每季来电一次", "delivery": "电话", "deadline_days": "7", "owner": "李女士", "evidence": "通话记录", **WORTH},
    ),
)


class Person:
    """Somebody with a browser window of the own. Page errors, and refusals by the content policy, are collected."""

    def __init__(self, context: Any, site: str, user: User, console: str, faults: list[str]) -> None:
        self.site = site
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: faults.append(str(error)))
        self.page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
        self.page.goto(f"{site}/{console}/login/")
        self.page.fill("[name=username]", user.username)
        self.page.fill("[name=password]", PASSWORD)
        self.page.press("[name=password]", "Enter")
        self.page.wait_for_url(f"**/{console}/")

    def go(self, address: str) -> Any:
        self.page.goto(f"{self.site}{address}")
        return self.page

    def send(self, button: str, **fields: str) -> None:
        """Fill in what the page asks for and press its button."""
        for name, text in fields.items():
            self.page.locator(f"form [name={name}]:visible").first.fill(text)
        with self.page.expect_navigation():
            self.page.click(button)

    def shot(self, name: str) -> None:
        """A picture for whoever looks at the pages; only when PAID_SHOTS names a folder."""
        if folder := os.environ.get("PAID_SHOTS"):
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def is_invited(ops: Person) -> None:
    ops.go("/admin/paid/nomination/invite/")
    ops.send(ACTION, store_code="S1", reason="老客多，复购稳定")


def drafts_the_pack(merchant: Person) -> PaidProgram:
    """Fee, term and four benefits by their typed forms; before the review there is nothing to configure."""
    page = merchant.go(url("setup"))
    page.goto(f"{merchant.site}{url('paidprogram_new')}")
    page.select_option("[name=store]", index=page.locator("[name=store] option").count() - 1)
    merchant.send(ACTION, name="云杉年卡", rank="1")
    program = PaidProgram.objects.get()
    page = merchant.go(url("paidprogram_pack", program.pk))
    page.select_option("[name=term_unit]", "YEAR")
    merchant.send("[name=act][value=save]", card_fee="99.00", difference="普通会员没有开卡礼、月券和小样。")
    for kind, fields in BENEFITS:
        page = merchant.go(url("paidprogram_benefit", program.pk, query=f"kind={kind}"))
        if kind == "CUSTOM":
            page.select_option("[name=schedule]", "AT_ONCE")
        merchant.send("[name=act][value=save]", **fields)
    assert list(program.packs.get().benefits.values_list("title", flat=True)) == [fields["title"] for _kind, fields in BENEFITS]
    page = merchant.go(url("paidprogram_configuration", program.pk))
    assert page.locator("[name=terms_text]").count() == 0
    merchant.go(url("paidprogram_review", program.pk))
    merchant.shot("pack-to-submit")
    merchant.send("[name=act][value=submit]")
    return program


def is_approved(ops: Person, kind: str, row: BenefitPack | Decoration) -> None:
    ops.go(f"/admin/paid/{kind}/{row.pk}/change/")
    ops.shot(f"{kind}-in-review")
    ops.go(f"/admin/paid/{kind}/{row.pk}/approve/")
    ops.send(ACTION)
    row.refresh_from_db()
    assert row.status == "APPROVED"


def configures(merchant: Person, program: PaidProgram) -> None:
    merchant.go(url("paidprogram_configuration", program.pk))
    merchant.send(".paid-button.primary[type=submit]", stock_limit="2", terms_text="购买即同意本条款。")
    program.refresh_from_db()
    assert (program.status, program.stock_limit) == ("CONFIGURING", 2)


def drags_the_last_benefit_to_the_top(merchant: Person, program: PaidProgram) -> list[str]:
    """The keys of the modules in their new order; nothing is public before the review."""
    page = merchant.go(url("paidprogram_decoration", program.pk))
    keys = page.locator("[data-modules] [data-key]").evaluate_all("rows => rows.map(row => row.dataset.key)")
    grip, goal = (page.locator(f"[data-modules] [data-key='{key}']").bounding_box() for key in (keys[-1], keys[0]))
    page.mouse.move(grip["x"] + 20, grip["y"] + grip["height"] / 2)
    page.mouse.down()
    page.mouse.move(goal["x"] + 20, goal["y"] + 4, steps=8)
    page.mouse.up()
    page.wait_for_selector("[data-told]:has-text('草稿')")
    wanted = [keys[-1], *keys[:-1]]
    assert Decoration.objects.get().modules == wanted
    page.reload()
    merchant.shot("decoration")
    merchant.send("[name=act][value=submit]")
    return wanted


def sees_the_preview(merchant: Person, program: PaidProgram, keys: list[str]) -> None:
    page = merchant.go(url("paidprogram_preview", program.pk))
    shown = [box.locator("li:visible").evaluate_all("rows => rows.map(row => row.dataset.key)") for box in page.locator("[data-benefits]").all()]
    assert shown == [keys[:3]] * 2
    merchant.shot("preview")


class Till:
    """The shop's system: a client of the store with a token got over HTTP."""

    def __init__(self, site: str, store: Any) -> None:
        made = create_client(name="收银系统", is_platform=False, stores=[store], by=None, now=clock.database_now())
        answer = requests.post(f"{site}/oauth/token/", data={"grant_type": "client_credentials"}, auth=(made.client.client_id, made.secret), timeout=20).json()
        self.base, self.headers, self.sent = f"{site}/api/v1/stores/S1", {"Authorization": f"Bearer {answer['access_token']}"}, 0

    def get(self, path: str) -> Any:
        return requests.get(f"{self.base}{path}", headers=self.headers, timeout=20).json()

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        self.sent += 1
        answer = requests.post(f"{self.base}{path}", json=body, headers={**self.headers, "Idempotency-Key": f"key-{self.sent}"}, timeout=20)
        return answer.status_code, answer.json()

    def shows(self, entry: str, member_no: str = "M1") -> list[str]:
        return [benefit["key"] for benefit in self.get(f"/entry-points/{entry}?member_no={member_no}")["benefits"]]


def test_from_the_invitation_to_the_second_months_coupon(new_context: Any, live_server: Any) -> None:
    no_undo()
    ship_identity_kinds()
    site, faults = live_server.url, []
    store = make_store("S1", merchant=make_merchant("brand"))
    make_member(store, "M1")
    make_member(make_store("S2"), "M9")
    ops = Person(new_context(), site, make_user(Role.PLATFORM_MEMBER_OPS), "admin", faults)
    merchant = Person(new_context(), site, make_user(Role.MERCHANT_OWNER, merchant=store.merchant), "merchant", faults)
    till = Till(site, store)

    is_invited(ops)
    program = drafts_the_pack(merchant)
    is_approved(ops, "benefitpack", program.packs.get())
    configures(merchant, program)
    keys = drags_the_last_benefit_to_the_top(merchant, program)
    sees_the_preview(merchant, program, keys)
    assert till.shows("member-centre") == []
    is_approved(ops, "decoration", program.decorations.get())
    assert till.shows("member-centre") == keys[:3]
    assert till.shows("member-centre", "M9") == []
    assert till.shows("live-card") == []
    page = merchant.go(f"/merchant/paid/paidprogram/{program.pk}/place-card/")
    page.evaluate("document.querySelector('[name=placed]').click()")
    merchant.send(ACTION)
    assert till.shows("live-card") == keys[:3]

    now = clock.database_now()
    order = {"member_no": "M1", "program_id": program.pk, "order_no": "P1", "paid_at": clock.to_local(now).isoformat(timespec="seconds")}
    status, bought = till.post("/paid-memberships", order)
    assert (status, bought["status"]) == (201, "ACTIVE")
    by_kind = {issue["kind"]: issue for issue in bought["issues"]}
    assert {kind: issue["status"] for kind, issue in by_kind.items()} == dict.fromkeys([kind for kind, _fields in BENEFITS], "ISSUED")
    gift = by_kind["OPENING_GIFT"]
    assert till.post(f"/members/M1/issues/{gift['issue_id']}/use", {"reference": "D1"})[1]["status"] == "USED"

    opened = clock.local_day(now)
    told = StringIO()
    call_command("issue_benefits", "--now", (clock.day_start(add_months(opened, 1)) + timedelta(hours=9)).isoformat(), "--json", stdout=told)
    assert json.loads(told.getvalue())["issued"] == 2
    coupons = [issue for issue in till.get("/members/M1/benefits")["issues"] if issue["kind"] == "MONTHLY_COUPON"]
    assert sorted(issue["due_on"] for issue in coupons) == [opened.isoformat(), add_months(opened, 1).isoformat()]
    assert BenefitIssue.objects.count() == 6
    merchant.go(url("paidmembership_changelist"))
    merchant.shot("holders")
    assert list(find_breaches()) == []
    assert faults == []
