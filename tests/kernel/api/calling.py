"""Short words for API tests: a client with a token, and calls that carry it."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from itertools import count
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from backoffice.kernel.api.models import ApiClient
from backoffice.kernel.api.services.clients import Credentials, create_client
from backoffice.kernel.api.services.tokens import Reach, narrow, save_token
from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.models import Store

TOKEN_URL = "/oauth/token/"
PROBLEM = "application/problem+json"
_serial = count(1)


def make_client(*stores: Store, is_platform: bool = False, name: str = "收银系统") -> Credentials:
    """A client of ``stores``, or of the platform."""
    return create_client(name=name, is_platform=is_platform, stores=stores, by=None, now=database_now())


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def ask_token(made: Credentials | None = None, *, client: Client | None = None, headers: dict[str, str] | None = None, **form: str) -> Any:
    """The token endpoint's answer; credentials go by ``Authorization`` unless ``headers`` says otherwise."""
    headers = basic(made.client.client_id, made.secret) if headers is None and made else headers or {}
    fields = urlencode({"grant_type": "client_credentials", **form})
    return (client or Client()).post(TOKEN_URL, fields, content_type="application/x-www-form-urlencoded", headers=headers)


def token_for(client: ApiClient, scopes: Sequence[str] = ()) -> str:
    """A live token without asking for it over HTTP."""
    token = f"test-token-{next(_serial)}"
    reach = narrow(client, scopes)
    assert isinstance(reach, Reach)
    save_token(client=client, token=token, reach=reach)
    return token


class Caller:
    """A system with a token. Writes get a key of their own unless one is given."""

    def __init__(self, *stores: Store, is_platform: bool = False, token: str | None = None) -> None:
        self.credentials = make_client(*stores, is_platform=is_platform) if token is None else None
        self.token = token or token_for(self.client)
        self.http = Client(headers={"accept-language": "en"})

    @property
    def client(self) -> ApiClient:
        assert self.credentials is not None
        return self.credentials.client

    def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None, headers: dict[str, str] | None = None) -> Any:
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if method != "GET":
            sent.setdefault("Idempotency-Key", key if key is not None else f"key-{next(_serial)}")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.http.generic(method, f"/api/v1{path}", raw, content_type="application/json", headers=sent)

    def get(self, path: str) -> Any:
        return self.ask("GET", path)

    def post(self, path: str, body: Any, **options: Any) -> Any:
        return self.ask("POST", path, body, **options)

    def put(self, path: str, body: Any, **options: Any) -> Any:
        return self.ask("PUT", path, body, **options)


def problem_of(answer: Any) -> tuple[int, str]:
    """Status and code of a problem document."""
    assert answer.headers["Content-Type"] == PROBLEM, answer.content
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json()["code"]
