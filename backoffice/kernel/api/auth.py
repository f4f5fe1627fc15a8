"""Who calls: a live token, and the stores that it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import structlog
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja.security.base import AuthBase

from backoffice.kernel.api.models import ApiClient, ApiClientStore, ApiToken
from backoffice.kernel.api.problems import TokenMissing
from backoffice.kernel.api.rates import take_call
from backoffice.kernel.api.services.tokens import find_token
from backoffice.kernel.errors import NotAllowed, NotFound
from backoffice.kernel.tenancy.choices import MerchantStatus
from backoffice.kernel.tenancy.models import Store, User

LONGEST_TOKEN = 200


class NoSuchThing(NotFound):
    """The one refusal of what is missing and of what is somebody else's."""

    def __init__(self) -> None:
        super().__init__(_("There is no such thing."))


@dataclass(frozen=True)
class Caller:
    """The client behind a token. What it reaches is what the token was asked for, as far as the client reaches it still."""

    token: ApiToken

    @property
    def client(self) -> ApiClient:
        return self.token.client

    @property
    def user(self) -> User:
        """Who did it, for a service's ``by=``."""
        return self.client.user

    @property
    def reaches_all(self) -> bool:
        return self.token.is_platform and self.client.is_platform

    def store(self, code: str) -> Store:
        """The store with this code. Raises ``NoSuchThing`` for a missing and a foreign one, ``NotAllowed`` while its merchant is suspended."""
        if not code or "\x00" in code:
            raise NoSuchThing
        stores = Store.objects.select_related("merchant").filter(code=code)
        if not self.reaches_all:
            stores = stores.filter(pk__in=self.token.store_ids)
        if not self.client.is_platform:
            stores = stores.filter(Exists(ApiClientStore.objects.filter(client=self.client, store=OuterRef("pk"))))
        store = stores.first()
        if store is None:
            raise NoSuchThing
        if not self.client.is_platform and store.merchant.status == MerchantStatus.SUSPENDED:
            raise NotAllowed(_("The merchant is suspended. Ask the platform."), code="merchant_suspended")
        return store


class ClientAuth(AuthBase):
    """``Authorization: Bearer TOKEN``. Gives the ``Caller``."""

    openapi_type: str = "oauth2"
    openapi_flows: ClassVar[dict[str, Any]] = {
        "clientCredentials": {"tokenUrl": "/oauth/token/", "scopes": {"platform": "all stores", "store:CODE": "one store; a client may have several"}}
    }

    def __call__(self, request: HttpRequest) -> Caller:
        scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
        token = find_token(text.strip()) if scheme.lower() == "bearer" and 0 < len(text) <= LONGEST_TOKEN else None
        if token is None:
            raise TokenMissing
        take_call(token.client_id)
        structlog.contextvars.bind_contextvars(api_client=token.client_id)
        return Caller(token)


client_auth = ClientAuth()


def caller_of(request: HttpRequest) -> Caller:
    """The caller of an operation under ``client_auth``."""
    caller = getattr(request, "auth", None)
    if not isinstance(caller, Caller):
        raise TokenMissing
    return caller


def number_of(text: str) -> int:
    """The key that a path names. Raises ``NoSuchThing`` for what cannot be one."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NoSuchThing
    return int(text)
