"""``POST /oauth/token/``: client credentials, scopes that only narrow, one answer for every refused client, a pause after five."""

from __future__ import annotations

import base64
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from pytest_django import Settings

from backoffice.kernel.api.models import ApiClient, ApiToken, TokenFailure
from backoffice.kernel.api.services import tokens
from backoffice.kernel.api.services.clients import hash_secret, replace_secret, switch_client
from backoffice.kernel.api.services.tokens import find_token, prune_tokens
from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.models import User
from tests.factories import make_store
from tests.kernel.api.calling import TOKEN_URL, ask_token, basic, make_client

pytestmark = pytest.mark.django_db


def test_a_token_for_an_hour_by_basic_authorization() -> None:
    made = make_client(make_store("s1"), make_store("s2"))
    answer = ask_token(made)
    said = answer.json()
    assert (answer.status_code, said["token_type"], said["expires_in"], said["scope"]) == (200, "Bearer", 3600, "store:s1 store:s2")
    assert (answer["Cache-Control"], answer["Pragma"], answer["Content-Type"]) == ("no-store", "no-cache", "application/json")
    kept = ApiToken.objects.get()
    assert bytes(kept.token_hash) == hash_secret(said["access_token"])
    assert abs(kept.expires_at - database_now() - timedelta(hours=1)) < timedelta(minutes=1)
    assert find_token(said["access_token"]) == kept


def test_a_token_by_id_and_secret_in_the_form() -> None:
    made = make_client(is_platform=True)
    answer = ask_token(client_id=made.client.client_id, client_secret=made.secret)
    assert (answer.status_code, answer.json()["scope"]) == (200, "platform")


def test_neither_secret_nor_token_is_stored() -> None:
    made = make_client(make_store())
    token = ask_token(made).json()["access_token"]
    assert len(made.secret) >= 43
    assert len(token) >= 43
    for row in (ApiClient.objects.values().get(), ApiToken.objects.values().get()):
        assert made.secret not in str(row)
        assert token not in str(row)


class TestScopes:
    def test_scopes_asked_for_narrow(self) -> None:
        made = make_client(make_store("s1"), make_store("s2"))
        answer = ask_token(made, scope="store:s2")
        assert (answer.status_code, answer.json()["scope"]) == (200, "store:s2")
        assert len(ApiToken.objects.get().store_ids) == 1

    def test_the_platforms_client_may_ask_for_a_store_only(self) -> None:
        store = make_store("s1")
        answer = ask_token(make_client(is_platform=True), scope="store:s1")
        assert answer.json()["scope"] == "store:s1"
        kept = ApiToken.objects.get()
        assert (kept.is_platform, kept.store_ids) == (False, [store.pk])

    @pytest.mark.parametrize(
        "scope", ["platform", "store:s2", "store:none", "store:s1 store:s2", "store:s1 platform", "x", "store:", "store:%00", "store:%ff", "*"]
    )
    def test_they_never_widen(self, scope: str) -> None:
        make_store("s2")
        answer = ask_token(make_client(make_store("s1")), scope=scope)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
        assert not ApiToken.objects.exists()

    def test_a_foreign_and_a_missing_store_are_refused_alike(self) -> None:
        make_store("s2")
        made = make_client(make_store("s1"))
        assert ask_token(made, scope="store:s2").content == ask_token(made, scope="store:s3").content

    @pytest.mark.parametrize("scope", ["", " ", "store:s1  store:s1"])
    def test_blanks_and_repeats_mean_nothing(self, scope: str) -> None:
        assert ask_token(make_client(make_store("s1")), scope=scope).json()["scope"] == "store:s1"

    def test_a_code_that_is_no_scope_word_is_percent_encoded(self) -> None:
        made = make_client(make_store("杭州 1店"))
        scope = ask_token(made).json()["scope"]
        assert scope == "store:%E6%9D%AD%E5%B7%9E%201%E5%BA%97"
        assert ask_token(made, scope=scope).json()["scope"] == scope


class TestRefusals:
    def test_unknown_wrong_and_inactive_are_one_answer(self) -> None:
        made, stopped, dead_user = make_client(make_store()), make_client(make_store()), make_client(make_store())
        switch_client(client=stopped.client, active=False, by_platform=False, by=None, now=database_now(), reason="x")
        User.objects.filter(pk=dead_user.client.user_id).update(is_active=False)
        numbers = count(1)

        def elsewhere() -> Client:
            return Client(REMOTE_ADDR=f"10.0.1.{next(numbers)}")

        refused = [
            ask_token(client=elsewhere(), headers=basic("c" + "0" * 24, made.secret)),
            ask_token(client=elsewhere(), headers=basic(made.client.client_id, made.secret[:-1])),
            ask_token(client=elsewhere(), headers=basic(made.client.client_id, "")),
            ask_token(stopped, client=elsewhere()),
            ask_token(dead_user, client=elsewhere()),
            ask_token(client=elsewhere(), client_id=made.client.client_id, client_secret="x"),
            ask_token(client=elsewhere(), headers={"Authorization": "Basic ???"}),
            ask_token(client=elsewhere(), headers={"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:x").decode()}),
            ask_token(client=elsewhere(), headers={"Authorization": "Bearer x"}),
            ask_token(client=elsewhere(), headers=basic("\x00", "\x00")),
            ask_token(client=elsewhere(), client_id="\x00", client_secret="\x00"),
            ask_token(client=elsewhere(), headers={}),
        ]
        assert {(answer.status_code, answer.content, answer["WWW-Authenticate"]) for answer in refused} == {
            (401, b'{"error": "invalid_client"}', 'Basic realm="oauth"')
        }
        assert not ApiToken.objects.exists()

    def test_credentials_in_two_ways_at_once_are_refused(self) -> None:
        made, other = make_client(make_store()), make_client(make_store())
        assert ask_token(made, client_id=made.client.client_id).status_code == 200
        assert ask_token(made, client_id=other.client.client_id).status_code == 401
        assert ask_token(made, client_secret=made.secret).status_code == 401

    @pytest.mark.parametrize("grant", ["", "password", "authorization_code", "refresh_token"])
    def test_other_grants(self, grant: str) -> None:
        answer = ask_token(make_client(make_store()), grant_type=grant)
        assert answer.status_code == 400
        assert answer.json()["error"] in ("unsupported_grant_type", "invalid_request")

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (b"{}", "application/json"),
            (b"", "application/x-www-form-urlencoded"),
            (b"\xff\xfe=%zz", "application/x-www-form-urlencoded"),
            (b"grant_type=client_credentials&grant_type=client_credentials", "application/x-www-form-urlencoded"),
            (b"grant_type=client_credentials&a=" + b"x" * 10_000, "application/x-www-form-urlencoded"),
            (b"x" * 3_000_000, "application/x-www-form-urlencoded"),
        ],
    )
    def test_what_cannot_be_read(self, body: bytes, kind: str) -> None:
        made = make_client(make_store())
        answer = Client().post(TOKEN_URL, body, content_type=kind, headers=basic(made.client.client_id, made.secret))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")

    def test_no_query_string(self) -> None:
        answer = Client().post(f"{TOKEN_URL}?client_secret=x[", "grant_type=client_credentials", content_type="application/x-www-form-urlencoded")
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")

    def test_only_posts(self) -> None:
        answer = Client().get(TOKEN_URL)
        assert (answer.status_code, answer["Allow"]) == (405, "POST")

    def test_no_form_token_is_asked_for(self) -> None:
        assert ask_token(make_client(make_store()), client=Client(enforce_csrf_checks=True)).status_code == 200


class TestPause:
    def fail(self, client_id: str, times: int, address: str = "10.0.0.1") -> list[int]:
        http = Client(REMOTE_ADDR=address)
        return [ask_token(client=http, headers=basic(client_id, "wrong")).status_code for _ in range(times)]

    def test_five_refusals_pause_the_pair(self) -> None:
        made = make_client(make_store())
        assert self.fail(made.client.client_id, 6) == [401] * 5 + [429]
        answer = ask_token(made, client=Client(REMOTE_ADDR="10.0.0.1"))
        assert (answer.status_code, answer.json()["error"]) == (429, "temporarily_unavailable")
        assert 890 <= int(answer["Retry-After"]) <= 901
        assert ask_token(made, client=Client(REMOTE_ADDR="10.0.0.2")).status_code == 200
        assert ask_token(make_client(make_store()), client=Client(REMOTE_ADDR="10.0.0.1")).status_code == 200

    def test_an_unknown_id_is_paused_in_the_same_way(self) -> None:
        assert self.fail("nobody", 6) == [401] * 5 + [429]

    def test_a_success_forgets_what_failed(self) -> None:
        made = make_client(make_store())
        self.fail(made.client.client_id, 4)
        assert ask_token(made, client=Client(REMOTE_ADDR="10.0.0.1")).status_code == 200
        assert self.fail(made.client.client_id, 5) == [401] * 5

    def test_the_pause_ends(self) -> None:
        made = make_client(make_store())
        self.fail(made.client.client_id, 5)
        TokenFailure.objects.update(failed_at=F("failed_at") - timedelta(minutes=16))
        assert self.fail(made.client.client_id, 1) == [401]
        assert TokenFailure.objects.get().failed_count == 1
        assert ask_token(made, client=Client(REMOTE_ADDR="10.0.0.1")).status_code == 200

    def test_the_caller_is_who_our_own_proxy_saw(self, settings: Settings) -> None:
        settings.TRUSTED_PROXIES = 1
        headers = {**basic("nobody", "wrong"), "X-Forwarded-For": "1.2.3.4, 203.0.113.9"}
        ask_token(headers=headers)
        assert TokenFailure.objects.get().address == "203.0.113.9"


class TestEnds:
    def test_an_old_token_is_none(self) -> None:
        token = ask_token(make_client(make_store())).json()["access_token"]
        ApiToken.objects.update(expires_at=database_now())
        assert find_token(token) is None

    @pytest.mark.parametrize("how", ["switched off", "new secret", "user off"])
    def test_tokens_stop_at_once(self, how: str) -> None:
        made = make_client(make_store())
        token = ask_token(made).json()["access_token"]
        assert find_token(token)
        act: dict[str, Any] = {"by": None, "now": database_now(), "reason": "x"}
        if how == "switched off":
            switch_client(client=made.client, active=False, by_platform=False, **act)
        elif how == "new secret":
            replace_secret(client=made.client, **act)
        else:
            User.objects.filter(pk=made.client.user_id).update(is_active=False)
        assert find_token(token) is None
        assert ask_token(made).status_code == 401

    def test_switched_on_again_it_needs_a_new_token(self) -> None:
        made = make_client(make_store())
        token = ask_token(made).json()["access_token"]
        for active in (False, True):
            switch_client(client=made.client, active=active, by_platform=False, by=None, now=database_now(), reason="x")
        assert find_token(token) is None
        assert ask_token(made).status_code == 200

    @pytest.mark.parametrize("meanwhile", ["switched off", "switched off and on", "another secret"])
    def test_who_loses_the_right_while_asking_gets_no_token(self, meanwhile: str, monkeypatch: pytest.MonkeyPatch) -> None:
        made = make_client(make_store())
        save = tokens.save_token

        def late(**asked: Any) -> bool:
            if meanwhile == "another secret":
                replace_secret(client=ApiClient.objects.get(), by=None, now=database_now(), reason="lost")
            else:
                switch_client(client=ApiClient.objects.get(), active=False, by_platform=False, by=None, now=database_now(), reason="lost")
            return save(**asked)

        monkeypatch.setattr(tokens, "save_token", late)
        answer = ask_token(made)
        if meanwhile == "switched off and on":
            switch_client(client=ApiClient.objects.get(), active=True, by_platform=False, by=None, now=database_now(), reason="found")
        assert (answer.status_code, answer.json()["error"], answer["WWW-Authenticate"]) == (401, "invalid_client", 'Basic realm="oauth"')
        assert not ApiToken.objects.exists()

    def test_what_has_ended_is_pruned(self) -> None:
        made = make_client(make_store())
        ask_token(made)
        ApiToken.objects.update(expires_at=database_now())
        live = ask_token(made).json()["access_token"]
        ask_token(headers=basic("nobody", "x"))
        TokenFailure.objects.update(failed_at=F("failed_at") - timedelta(minutes=16))
        ask_token(headers=basic("nobody2", "x"))
        assert prune_tokens() == 2
        assert find_token(live)
        assert TokenFailure.objects.count() == 1

    def test_the_last_use_is_noted_once_a_minute(self) -> None:
        made = make_client(make_store())
        token = ask_token(made).json()["access_token"]
        find_token(token)
        first = ApiClient.objects.get().last_used_at
        find_token(token)
        assert first is not None
        assert ApiClient.objects.get().last_used_at == first
        ApiClient.objects.update(last_used_at=first - timedelta(minutes=2))
        find_token(token)
        assert ApiClient.objects.get().last_used_at >= first


def test_a_clients_user_cannot_log_in(client: Client) -> None:
    made = make_client(make_store())
    assert made.client.user.has_usable_password() is False
    client.post("/login/", {"username": made.client.user.username, "password": ""})
    assert "_auth_user_id" not in client.session
