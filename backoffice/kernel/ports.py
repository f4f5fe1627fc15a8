"""Where packages meet without knowing each other. A port is filled in an app's ``ready()`` and called in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from backoffice.kernel.errors import ConfigurationError

F = TypeVar("F", bound=Callable[..., Any])


class Port(Generic[F]):
    """A port with exactly one answer. Filled once; asked before that, it is a mistake in how the program is put together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._function: F | None = None

    def fill(self, function: F) -> None:
        if self._function is not None and self._function is not function:
            raise ConfigurationError(f"the port {self.name} is filled twice")
        self._function = function

    @property
    def ask(self) -> F:
        if self._function is None:
            raise ConfigurationError(f"nobody fills the port {self.name}")
        return self._function


@dataclass(frozen=True)
class TimelineItem:
    """One thing that happened to a member, for the one timeline of the member's page.

    ``kind`` is a stable code that picks the icon, ``tone`` one of ``kernel.admin.display``'s tones, ``url`` the row behind it.
    """

    at: datetime
    kind: str
    title: Any
    body: Any = ""
    status: Any = ""
    tone: str = ""
    url: str = ""


TimelineSource = Callable[[Any, Any, int], list[TimelineItem]]
"""``source(member, user, limit)``: the newest ``limit`` items about ``member``, newest first. The caller has checked that ``user`` may see the member."""

timeline_sources: list[TimelineSource] = []

PaymentSource = Callable[[Any, Any, int], list[TimelineItem]]
"""``source(payment, user, limit)``: what followed from a payment, for its page. The caller has checked that ``user`` may see the payment."""

payment_sources: list[PaymentSource] = []

PaymentListener = Callable[[Any, datetime], object]
"""``listener(payment, now)``: a payment was recorded for the first time. In its transaction, the payer's account and row locked, the credit taken."""

payment_listeners: list[PaymentListener] = []

PushAccountListener = Callable[[Any, datetime], object]
"""``listener(store ids, now)``: the figures of these push accounts changed, or their day did. In the transaction that folded them in."""

push_account_listeners: list[PushAccountListener] = []


@dataclass(frozen=True)
class GrantAnswer:
    """Whether an app may use a capability for a store. ``reason`` is a stable code, ``allowed`` when it may; ``sentence`` says it in words."""

    allowed: bool
    reason: str
    sentence: Any = ""


grant_checker: Port[Callable[[str, str, str, datetime], GrantAnswer]] = Port("grant_checker")
"""``ask(app code, capability code, store code, now)``: for gateways, which know codes."""

client_grant_checker: Port[Callable[[int, str, int, datetime], GrantAnswer | None]] = Port("client_grant_checker")
"""``ask(ApiClient's pk, capability code, Store's pk, now)``: for the API. None: the client is no app's, so that grants say nothing about it.

A store that does not use the app answers ``not_enabled``, whatever else holds: to the app it is as missing as one that is not there.
"""

client_app_code: Port[Callable[[int], str]] = Port("client_app_code")
"""``ask(ApiClient's pk)``: code of the app that calls by the client; empty when it is no app's."""

client_capabilities: Port[Callable[[int, datetime], list[str]]] = Port("client_capabilities")
"""``ask(ApiClient's pk, now)``: codes of the capabilities that the client's app holds, sorted: its OAuth scopes. Empty: none, or no app's client."""
