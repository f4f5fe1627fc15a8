"""What screens get from the base classes: pages by key, capped counts, guarded acts, refusals beside the form, history from the audit."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backoffice.kernel.admin import changelist
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.tenancy.models import Merchant, MerchantTier, Store, User
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.services.merchants import rename_merchant
from members.admin.merchant import MemberAdmin
from members.models import Member
from tests.factories import NOON, make_member, make_merchant, make_store, make_user

pytestmark = pytest.mark.django_db
MEMBERS = "/merchant/members/member/"


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="backoffice.kernel.tenancy.auth.SeatBackend")
    return client


@pytest.fixture
def owner(monkeypatch: pytest.MonkeyPatch) -> User:
    """Owner of two stores with seven members between them, beside a foreign store; pages hold three rows."""
    merchant = make_merchant()
    stores = [make_store(merchant=merchant), make_store(merchant=merchant)]
    for number in range(7):
        make_member(stores[number % 2], nickname=f"n{number}")
        make_member(make_store() if number == 0 else Store.objects.order_by("pk").last() or stores[0], nickname="foreign")
    monkeypatch.setattr(MemberAdmin, "list_per_page", 3)
    return make_user(Role.MERCHANT_OWNER, merchant=merchant)


def shown(client: Client, url: str) -> tuple[list[str], Any]:
    cl = client.get(url).context["cl"]
    return [member.nickname for member in cl.result_list], cl


def test_pages_by_key_hold_each_row_once_newest_first_and_lead_back(owner: User) -> None:
    client = client_of(owner)
    seen, url = [], MEMBERS
    pages = []
    while True:
        names, cl = shown(client, url)
        pages.append(names)
        seen += names
        if not cl.has_older:
            break
        url = MEMBERS + cl.older_link
    assert pages == [["n6", "n5", "n4"], ["n3", "n2", "n1"], ["n0"]]
    back, cl = shown(client, MEMBERS + cl.newer_link)
    assert back == pages[1]
    assert shown(client, MEMBERS + cl.newer_link)[0] == pages[0]


def test_a_page_never_skips_rows_with_an_offset(owner: User) -> None:
    client = client_of(owner)
    _, cl = shown(client, MEMBERS)
    with CaptureQueriesContext(connection) as captured:
        shown(client, MEMBERS + cl.older_link)
    assert not [query["sql"] for query in captured if " OFFSET " in query["sql"]]


def test_the_count_stops_at_the_cap_and_is_exact_on_demand(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changelist, "COUNT_CAP", 5)
    monkeypatch.setattr(changelist.capped_count, "__defaults__", (5,))
    client = client_of(owner)
    page = client.get(MEMBERS)
    assert (page.context["cl"].result_count, page.context["cl"].count_is_exact) == (5, False)
    assert "5+" in page.content.decode()
    _, exact = shown(client, MEMBERS + page.context["cl"].exact_count_link)
    assert (exact.result_count, exact.count_is_exact) == (7, True)


@pytest.mark.parametrize("key", ["abc", "-1", "9" * 30, "１２", "1 or 1=1", ""])
def test_a_key_that_is_none_shows_the_first_page(owner: User, key: str) -> None:
    assert shown(client_of(owner), f"{MEMBERS}?before={key}")[0] == ["n6", "n5", "n4"]


def test_an_act_happens_on_post_only_once_and_with_its_event() -> None:
    merchant, client = make_merchant(), client_of(make_user(Role.PLATFORM_ADMIN))
    url = f"/admin/tenancy/merchant/{merchant.pk}/suspend/"
    page = client.get(url)
    assert page.status_code == 200
    assert Merchant.objects.get().status == "ACTIVE"
    assert client.post(url, {"_form_submitted": "True"}).context["form"].errors.keys() == {"reason"}
    assert client.post(url, {"reason": "late"}).status_code == 200, "a POST that has not seen the dialog acts on nothing"
    assert Merchant.objects.get().status == "ACTIVE"
    done = client.post(url, {"_form_submitted": "True", "reason": "late"})
    assert (done.status_code, done.headers["Location"]) == (302, f"/admin/tenancy/merchant/{merchant.pk}/change/")
    assert Merchant.objects.get().status == "SUSPENDED"
    event = AuditEvent.objects.get()
    assert (event.verb, event.reason) == ("merchant.suspended", "late")
    assert client.post(url, {"_form_submitted": "True", "reason": "again"}).status_code == 404, "the act does not fit the state any more"
    assert AuditEvent.objects.count() == 1


def test_the_dialogs_own_request_is_sent_on_by_a_header() -> None:
    merchant, client = make_merchant(), client_of(make_user(Role.PLATFORM_ADMIN))
    answer = client.post(f"/admin/tenancy/merchant/{merchant.pk}/suspend/", {"_form_submitted": "True", "reason": "x"}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, f"/admin/tenancy/merchant/{merchant.pk}/change/")


def test_what_a_service_refuses_is_said_in_the_dialog_and_changes_nothing() -> None:
    merchant, client = make_merchant(tier="STANDARD"), client_of(make_user(Role.PLATFORM_ADMIN))
    answer = client.post(
        f"/admin/tenancy/merchant/{merchant.pk}/set-tier/",
        {"_form_submitted": "True", "tier": "PREMIUM", "valid_from": "2020-01-01"},
        headers={"HX-Request": "true"},
    )
    assert answer.status_code == 200
    assert "请选择更晚的日期" in answer.content.decode()
    assert MerchantTier.objects.get().tier == "STANDARD"


def test_what_a_service_refuses_is_said_beside_the_field_and_nothing_typed_is_lost() -> None:
    make_merchant("taken")
    client = client_of(make_user(Role.PLATFORM_ADMIN))
    answer = client.post("/admin/tenancy/merchant/add/", {"code": "taken", "name": "新商家"})
    assert answer.status_code == 200
    form = answer.context["adminform"].form
    assert list(form.errors) == ["code"]
    assert form["name"].value() == "新商家"
    assert Merchant.objects.count() == 1
    assert client.post("/admin/tenancy/merchant/add/", {"code": "free", "name": "新商家"}).status_code == 302
    assert Merchant.objects.filter(code="free", name="新商家").exists()


def test_a_forms_secret_goes_in_and_never_comes_out() -> None:
    store, client = make_store(gateway_secret="the-first-secret-word"), client_of(make_user(Role.PLATFORM_ADMIN))
    url = f"/admin/tenancy/store/{store.pk}/change/"
    assert "the-first-secret-word" not in client.get(url).content.decode()
    posted = {"name": "改名", "category": "", "gateway_url": "", "new_gateway_secret": "the-second-secret-word", "marketing_consent_default": "on"}
    assert client.post(url, posted).status_code == 302
    stored = Store.objects.get(pk=store.pk)
    assert (stored.name, stored.gateway_secret) == ("改名", "the-second-secret-word")
    assert client.post(url, {**posted, "new_gateway_secret": ""}).status_code == 302
    assert Store.objects.get(pk=store.pk).gateway_secret == "the-second-secret-word"
    auditor = client_of(make_user(Role.PLATFORM_AUDITOR)).get(url).content.decode()
    assert "new_gateway_secret" not in auditor


def test_nothing_can_be_deleted_or_reached_by_the_old_addresses() -> None:
    store, client = make_store(), client_of(make_user(Role.PLATFORM_ADMIN))
    for address in (
        f"/admin/tenancy/store/{store.pk}/delete/",
        f"/admin/tenancy/store/{store.pk}/",
        "/admin/tenancy/",
        f"/admin/r/1/{store.pk}/",
        "/admin/search/?s=x",
    ):
        assert client.get(address).status_code == 404, address
    client.post("/admin/tenancy/store/", {"action": "delete_selected", "_selected_action": [store.pk], "post": "yes"})
    assert Store.objects.filter(pk=store.pk).exists()


def test_history_is_the_audits_and_hides_platform_names_from_merchants() -> None:
    store = make_store(merchant=make_merchant())
    staff = make_user(Role.PLATFORM_ADMIN, display_name="平台某人")
    rename_merchant(merchant=store.merchant, name="新名", by=staff, now=NOON)
    page = client_of(staff).get(f"/admin/tenancy/merchant/{store.merchant_id}/history/").content.decode()
    assert "商家改名" in page
    assert "平台某人" in page
    AuditEvent.objects.create(verb="store.changed", store=store, target_type="tenancy.store", target_id=store.pk, happened_at=NOON, actor=staff)
    owner = make_user(Role.MERCHANT_OWNER, merchant=store.merchant)
    page = client_of(owner).get(f"/merchant/tenancy/store/{store.pk}/history/").content.decode()
    assert "修改店铺" in page
    assert "平台工作人员" in page
    assert "平台某人" not in page


def test_a_search_says_what_it_searched(owner: User) -> None:
    member = Member.objects.filter(nickname="n3").get()
    page = client_of(owner).get(MEMBERS, {"q": member.member_no})
    assert [row.pk for row in page.context["cl"].result_list] == [member.pk]
    assert "搜索方式：" in page.content.decode()
