"""Who calls: a live token, and the stores that it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
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
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError, NotAllowed, NotFound
from backoffice.kernel.ports import client_app_code, client_grant_checker
from backoffice.kernel.tenancy.choices import MerchantStatus
from backoffice.kernel.tenancy.models import Store, User

LONGEST_TOKEN = 200
LIKE_MISSING = frozenset({"unknown_store", "not_enabled"})
"""Reasons of ``client_grant_checker`` that an app does not learn: the store is as good as not there."""


class NoSuchThing(NotFound):
    """The one refusal of what is missing and of what is somebody else's."""

    def __init__(self) -> None:
        super().__init__(_("There is no such thing."))


@dataclass(frozen=True)
class Caller:
    """The client behind a token. What it reaches is what the token was asked for, as far as the client reaches it still.

    ``capability`` is the one that the call takes, when an app asks; empty: the call is closed to apps.
    """

    token: ApiToken
    capability: str = ""

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

    @property
    def is_app(self) -> bool:
        return self.client.is_app

    def require_platform(self) -> None:
        """Raise ``NotAllowed`` unless the token is one for all stores."""
        if not self.reaches_all:
            raise NotAllowed(_("Only a client of the platform, with the scope platform, may ask this."), code="platform_only")

    def store(self, code: str) -> Store:
        """The store with this code. Raises ``NoSuchThing`` for a missing and a foreign one, ``NotAllowed`` while its merchant is suspended.

        For an app the grant is asked each time: a store that does not use the app is missing, anything else that stands against it is named.
        """
        if not code or "\x00" in code:
            raise NoSuchThing
        stores = Store.objects.select_related("merchant").filter(code=code)
        if not self.reaches_all and not self.is_app:
            stores = stores.filter(pk__in=self.token.store_ids)
        if not self.client.is_platform and not self.is_app:
            stores = stores.filter(Exists(ApiClientStore.objects.filter(client=self.client, store=OuterRef("pk"))))
        store = stores.first()
        if store is None:
            raise NoSuchThing
        if self.is_app:
            self._ask_grant(store)
        if not self.client.is_platform and store.merchant.status == MerchantStatus.SUSPENDED:
            raise NotAllowed(_("The merchant is suspended. Ask the platform."), code="merchant_suspended")
        return store

    def may(self, capability: str, store: Store) -> bool:
        """Whether a store that the call reaches may be told what ``capability`` opens. Always for who is no app."""
        if not self.is_app:
            return True
        answer = client_grant_checker.ask(self.client.pk, capability, store.pk, database_now())
        return answer is not None and answer.allowed and capability in self.token.capabilities

    @cached_property
    def app_code(self) -> str:
        """Code of the app that calls; empty for who is no app."""
        return client_app_code.ask(self.client.pk) if self.is_app else ""

    def own_number(self, number: str, longest: int) -> str:
        """``number`` as it is kept: an app's has the app's code before it, so that it is never another's, nor the store's own.

        Raises ``BusinessError`` (``number_too_long``) when there is no room for both.
        """
        if not self.is_app:
            return number
        kept = f"{self.number_prefix}{number}"
        if len(kept) > longest:
            room = max(longest - len(self.number_prefix), 0)
            raise BusinessError(_("With the app's code before it a number has at most %(room)s characters.") % {"room": room}, code="number_too_long")
        return kept

    @property
    def number_prefix(self) -> str:
        """What stands before an app's numbers. A colon in a code is written out: no app's numbers begin like another's."""
        return f"{self.app_code.replace('%', '%25').replace(':', '%3A')}:" if self.is_app else ""

    def _ask_grant(self, store: Store) -> None:
        answer = client_grant_checker.ask(self.client.pk, self.capability, store.pk, database_now())
        if answer is None or answer.reason in LIKE_MISSING:
            raise NoSuchThing
        if not answer.allowed:
            raise NotAllowed(answer.sentence, code=answer.reason)
        if self.capability not in self.token.capabilities:
            raise NotAllowed(_("The token was got before this was granted, or without its scope. Get a new one."), code="scope_missing")


class ClientAuth(AuthBase):
    """``Authorization: Bearer TOKEN``. Gives the ``Caller``."""

    openapi_type: str = "oauth2"
    openapi_flows: ClassVar[dict[str, Any]] = {
        "clientCredentials": {
            "tokenUrl": "/oauth/token/",
            "scopes": {
                "platform": "all stores",
                "store:CODE": "one store; a client may have several",
                "CAPABILITY": "an app's: a capability that it was granted, for the stores that use it; x-capability of a call names it",
            },
        }
    }

    def __init__(self, capability: str = "") -> None:
        super().__init__()
        self.capability = capability

    def __call__(self, request: HttpRequest) -> Caller:
        scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
        token = find_token(text.strip()) if scheme.lower() == "bearer" and 0 < len(text) <= LONGEST_TOKEN else None
        if token is None:
            raise TokenMissing
        take_call(token.client_id)
        structlog.contextvars.bind_contextvars(api_client=token.client_id)
        return Caller(token, self.capability)


client_auth = ClientAuth()
"""Of calls that are closed to apps."""


@cache
def opened_by(capability: str) -> ClientAuth:
    """Of a call that an app may make when it was granted ``capability``."""
    return ClientAuth(capability)


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
