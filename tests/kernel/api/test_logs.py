"""Nothing that lets somebody in, and nothing about people, is written to the log."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.conf import settings

from backoffice.kernel.api import auth
from members.models import Member
from tests.factories import make_store
from tests.kernel.api.calling import Caller, ask_token, make_client

pytestmark = pytest.mark.django_db
PHONE, NAME = "13812345678", "小林同学"


def test_of_tokens_secrets_phones_and_names(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.INFO)
    store = make_store("s1")
    made = make_client(store)
    token = ask_token(made).json()["access_token"]
    ask_token(made, client_secret="a-wrong-secret-of-somebody")
    caller = Caller(store, token=token)
    assert caller.put("/stores/s1/members/M1", {"nickname": NAME, "phone": PHONE}, key="the-key").status_code == 201
    assert caller.put("/stores/s1/members/M2", {"phone": PHONE}).status_code == 422
    assert caller.post("/stores/s1/identities", {"identities": [{"kind": "phone", "value": PHONE}, {"kind": "openid", "value": "o-secret"}]}).status_code == 202
    written = caplog.text + "".join(capfd.readouterr())
    assert "/api/v1/stores/s1/members/M1" in written
    for word in (made.secret, token, "a-wrong-secret", PHONE, NAME, "o-secret"):
        assert word not in written


def test_of_a_row_that_a_database_refuses(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the database quotes the row; only its kind and place are written, and the caller learns nothing of it."""
    caller = Caller(make_store("s1"))
    caller.http.raise_request_exception = False

    def refuse(*_args: Any, **_options: Any) -> None:
        raise ValueError(f"row ({PHONE}, {NAME}) violates something")

    monkeypatch.setattr("members.api.members.put_member", refuse)
    answer = caller.put("/stores/s1/members/M1", {"nickname": NAME, "phone": PHONE})
    assert (answer.status_code, answer.json()["code"], answer.headers["Content-Type"]) == (500, "failed", "application/problem+json")
    assert PHONE not in answer.content.decode()
    assert "api_failed" in caplog.text
    assert "ValueError" in caplog.text
    assert PHONE not in caplog.text
    assert NAME not in caplog.text
    assert not Member.objects.exists()


def test_oauthlibs_own_lines_which_hold_tokens_are_off() -> None:
    assert settings.LOGGING["loggers"]["oauthlib"]["level"] == "WARNING"


def test_a_token_does_not_print_itself() -> None:
    caller = Caller(make_store("s1"))
    token = auth.find_token(caller.token)
    assert token is not None
    assert caller.token not in f"{token!r} {auth.Caller(token)!r}"
