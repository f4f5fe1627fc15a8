"""What every gateway is: a place where messages leave, that says of each what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

from backoffice.kernel.secrets import lookup_hash

WireMessage = Mapping[str, Any]
"""One message as it goes over the wire; ``id`` is a string and names it in the answer."""


class Outcome(StrEnum):
    """What one call did to one message. The difference that matters: whether it has certainly not been delivered."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    """Final, and the gateway says that this key was never delivered, by this call or an earlier one."""
    CALL_REFUSED = "call_refused"
    """Final: the whole call was turned away. It says nothing about an earlier call that had no answer."""
    TRY_AGAIN = "try_again"
    """This call certainly did not deliver it; a later one may."""
    IN_DOUBT = "in_doubt"
    """No answer, or none that can be read: it may have been delivered."""


@dataclass(frozen=True)
class Result:
    """Outcome for one message. ``error`` is ``code`` or ``code: words of the gateway`` (see ``campaigns.gateways.errors``)."""

    outcome: Outcome
    provider_id: str = ""
    error: str = ""


@dataclass(frozen=True)
class Answer:
    """Results by message id; ``of_the_rest`` holds for every message that has none of its own.

    ``retry_after`` is how long the gateway asked to be left alone.
    """

    of_the_rest: Result
    results: Mapping[str, Result] = field(default_factory=dict)
    retry_after: timedelta | None = None

    def result_of(self, message_id: str) -> Result:
        return self.results.get(message_id, self.of_the_rest)

    @property
    def call_failed(self) -> bool:
        return not self.results


class Gateway(Protocol):
    """A gateway is a value: equal ones are one target, whose messages share a batch."""

    @property
    def name(self) -> str:
        """Names the gateway for good: opaque ids of people are made for it."""

    @property
    def key_window(self) -> timedelta:
        """For how long after the first call it honours an idempotency key. Beyond, a call without an answer is never repeated."""

    def send(self, batch_id: str, messages: Sequence[WireMessage]) -> Answer:
        """Hand the messages over. Never raises for what the other side does; touches no database."""


def person_reference(gateway: Gateway, person_id: int) -> str:
    """An id of a person for one gateway: the same in each of its messages, another at every other gateway, never a key of ours."""
    return lookup_hash("gateway-person", f"{gateway.name}|{person_id}").hex()[:32]


def message_key(*, store_id: int, person_id: int, scenario: str, occasion: int) -> str:
    """Idempotency key of a message: what it is about, not the row it is stored in. The same over every retry."""
    return lookup_hash("message-key", f"{store_id}|{person_id}|{scenario}|{occasion}").hex()[:40]
