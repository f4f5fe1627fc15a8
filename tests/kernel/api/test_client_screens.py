"""Consoles' screens of API clients: made, shown once, switched; a merchant's owner sees and makes clients of own stores only."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from backoffice.kernel.api.models import ApiClient, ApiToken
from backoffice.kernel.api.services.clients import hash_secret, scopes_of
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.tenancy.models import Merchant, Store, User
from backoffice.kernel.tenancy.roles import Role
from tests.factories import make_merchant, make_store, make_user
from tests.kernel.api.calling import ask_token, make_client, token_for

pytestmark = pytest.mark.django_db
BACKEND = "backoffice.kernel.tenancy.auth.SeatBackend"


def logged_in(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user, backend=BACKEND)
    return client


@pytest.fixture
def merchant() -> Merchant:
    return make_merchant("ma")


@pytest.fixture
def stores(merchant: Merchant) -> list[Store]:
    return [make_store("a1", merchant=merchant), make_store("a2", merchant=merchant), make_store("b1")]


@pytest.fixture
def owner(merchant: Merchant, stores: list[Store]) -> Client:
    return logged_in(make_user(Role.MERCHANT_OWNER, merchant=merchant, language="en"))


@pytest.fixture
def platform(stores: list[Store]) -> Client:
    return logged_in(make_user(Role.PLATFORM_ADMIN, language="en"))


def post(client: Client, address: str, **fields: str) -> Any:
    return client.post(address, {"_form_submitted": "True", **fields})


def secret_in(answer: Any) -> str:
    shown: list[str] = re.findall(r">([\w-]{43})</dd>", answer.content.decode())
    assert len(shown) == 1
    return shown[0]


MERCHANT, PLATFORM = "/merchant/api/apiclient/", "/admin/api/apiclient/"


class TestMaking:
    def test_an_owner_makes_a_client_of_own_stores(self, owner: Client) -> None:
        answer = post(owner, f"{MERCHANT}create-client/", name="收银", store_codes="a1，a2")
        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]
        client = ApiClient.objects.get()
        assert (client.name, scopes_of(client)) == ("收银", ["store:a1", "store:a2"])
        assert bytes(client.secret_hash) == hash_secret(secret_in(answer))
        assert ask_token(client_id=client.client_id, client_secret=secret_in(answer)).status_code == 200

    def test_the_secret_is_on_no_other_page(self, owner: Client, platform: Client) -> None:
        secret = secret_in(post(owner, f"{MERCHANT}create-client/", name="收银", store_codes="a1"))
        client = ApiClient.objects.get()
        for browser, base in ((owner, MERCHANT), (platform, PLATFORM)):
            for page in (base, f"{base}{client.pk}/change/", f"{base}{client.pk}/history/"):
                answer = browser.get(page)
                assert answer.status_code == 200
                assert secret not in answer.content.decode()
                assert client.name in answer.content.decode()
        assert secret not in str(list(AuditEvent.objects.values()))

    def test_a_dialog_gets_a_dialog(self, owner: Client) -> None:
        answer = owner.post(f"{MERCHANT}create-client/", {"_form_submitted": "True", "name": "收银", "store_codes": "a1"}, headers={"HX-Request": "true"})
        assert "<html" not in answer.content.decode()
        assert 'id="dialog-form"' in answer.content.decode()

    def test_a_foreign_store_is_refused_as_one_that_nobody_has(self, owner: Client) -> None:
        answers = [post(owner, f"{MERCHANT}create-client/", name="x", store_codes=code).content.decode() for code in ("b1", "b9")]
        assert "There is no store b1." in answers[0]
        assert "There is no store b9." in answers[1]
        assert not ApiClient.objects.exists()

    def test_an_owner_makes_none_of_the_platform(self, owner: Client) -> None:
        post(owner, f"{MERCHANT}create-client/", name="x", store_codes="", is_platform="on")
        post(owner, f"{MERCHANT}create-client/", name="x", store_codes="a1", is_platform="on")
        assert [client.is_platform for client in ApiClient.objects.all()] == [False]

    def test_the_platform_makes_one_of_all_stores_or_of_any(self, platform: Client) -> None:
        post(platform, f"{PLATFORM}create-client/", name="erp", is_platform="on")
        post(platform, f"{PLATFORM}create-client/", name="till", store_codes="a1, b1")
        assert [scopes_of(client) for client in ApiClient.objects.order_by("pk")] == [["platform"], ["store:a1", "store:b1"]]

    @pytest.mark.parametrize("fields", [{"name": "x"}, {"name": "x", "store_codes": "a1", "is_platform": "on"}, {"name": "", "is_platform": "on"}])
    def test_what_does_not_fit_is_said_in_the_dialog(self, platform: Client, fields: dict[str, str]) -> None:
        answer = post(platform, f"{PLATFORM}create-client/", **fields)
        assert answer.status_code == 200
        assert not ApiClient.objects.exists()


class TestReach:
    def test_a_client_that_reaches_a_foreign_store_too_is_not_shown(self, owner: Client, stores: list[Store]) -> None:
        mixed, whole, own = make_client(stores[0], stores[2], name="MIXED"), make_client(is_platform=True, name="WHOLE"), make_client(*stores[:2], name="OWN")
        text = owner.get(MERCHANT).content.decode()
        assert ("OWN" in text, "MIXED" in text, "WHOLE" in text) == (True, False, False)
        assert text.count("OWN") == 1
        for client in (mixed.client, whole.client):
            for act in ("change", "history", "new-secret", "switch-off"):
                assert owner.get(f"{MERCHANT}{client.pk}/{act}/").status_code == 404
                assert post(owner, f"{MERCHANT}{client.pk}/{act}/", reason="x").status_code == 404
        assert owner.get(f"{MERCHANT}{own.client.pk}/change/").status_code == 200

    def test_an_owner_of_one_store_sees_no_client_of_two(self, merchant: Merchant, stores: list[Store]) -> None:
        one = logged_in(make_user(Role.MERCHANT_OWNER, merchant=merchant, stores=[stores[0]], language="en"))
        make_client(*stores[:2], name="OFTWO")
        assert "OFTWO" not in one.get(MERCHANT).content.decode()

    def test_an_operator_sees_none(self, merchant: Merchant, stores: list[Store]) -> None:
        operator = logged_in(make_user(Role.MERCHANT_OPERATOR, merchant=merchant, language="en"))
        assert operator.get(MERCHANT).status_code == 403


class TestActs:
    def test_a_new_secret_ends_the_old_one_and_its_tokens(self, owner: Client, stores: list[Store]) -> None:
        made = make_client(stores[0])
        token_for(made.client)
        answer = post(owner, f"{MERCHANT}{made.client.pk}/new-secret/", reason="离职")
        secret = secret_in(answer)
        assert "no-store" in answer["Cache-Control"]
        assert secret != made.secret
        assert not ApiToken.objects.exists()
        assert ask_token(made).status_code == 401
        assert ask_token(client_id=made.client.client_id, client_secret=secret).status_code == 200
        event = AuditEvent.objects.get(verb="api_client.secret_replaced")
        assert (event.reason, event.target_id) == ("离职", made.client.pk)

    def test_off_and_on(self, owner: Client, stores: list[Store]) -> None:
        made = make_client(stores[0])
        assert post(owner, f"{MERCHANT}{made.client.pk}/switch-off/", reason="x").status_code == 302
        assert ask_token(made).status_code == 401
        assert owner.get(f"{MERCHANT}{made.client.pk}/switch-off/").status_code == 404
        assert post(owner, f"{MERCHANT}{made.client.pk}/switch-on/", reason="x").status_code == 302
        assert ask_token(made).status_code == 200

    def test_what_the_platform_switched_off_the_merchant_cannot_switch_on(self, owner: Client, platform: Client, stores: list[Store]) -> None:
        made = make_client(stores[0])
        assert post(owner, f"{MERCHANT}{made.client.pk}/switch-off/", reason="x").status_code == 302
        assert post(platform, f"{PLATFORM}{made.client.pk}/switch-off/", reason="x").status_code == 302
        assert post(platform, f"{PLATFORM}{made.client.pk}/switch-off/", reason="x").status_code == 404
        post(owner, f"{MERCHANT}{made.client.pk}/switch-on/", reason="x")
        assert ask_token(made).status_code == 401
        assert "Switched off by the platform" in owner.get(f"{MERCHANT}{made.client.pk}/change/").content.decode()
        assert post(platform, f"{PLATFORM}{made.client.pk}/switch-on/", reason="x").status_code == 302
        assert ask_token(made).status_code == 200
        assert ask_token(made).status_code == 200

    def test_a_get_does_nothing(self, owner: Client, stores: list[Store]) -> None:
        made = make_client(stores[0])
        for act in ("new-secret", "switch-off"):
            assert owner.get(f"{MERCHANT}{made.client.pk}/{act}/").status_code == 200
        assert ask_token(made).status_code == 200
