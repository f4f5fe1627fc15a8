"""The HTTP gateway: signed JSON batches to the store's address. Format: ``docs/delivery.md``."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import structlog
from django.conf import settings

from backoffice.kernel import outbound
from campaigns.gateways.base import Answer, Outcome, Result, WireMessage
from campaigns.gateways.errors import error_text

log = structlog.get_logger(__name__)

LONGEST_RETRY_AFTER = timedelta(hours=1)
LONGEST_PROVIDER_ID = 128


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Value of ``X-Signature``, for calls out and receipts in: HMAC-SHA-256 over timestamp, a dot and the raw body."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class HttpGateway:
    """One address with one secret. Stores that share both share batches."""

    url: str
    secret: str = field(repr=False)

    @property
    def name(self) -> str:
        return self.url

    @property
    def key_window(self) -> timedelta:
        return timedelta(hours=settings.GATEWAY_KEY_HOURS)

    def send(self, batch_id: str, messages: Sequence[WireMessage]) -> Answer:
        body = json.dumps({"batch_id": batch_id, "messages": list(messages)}, ensure_ascii=False, separators=(",", ":")).encode()
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Accept": "application/json",
            "User-Agent": "backoffice",
            "Idempotency-Key": batch_id,
            "X-Timestamp": timestamp,
            "X-Signature": sign(self.secret, timestamp, body),
        }
        try:
            answer = outbound.post(self.url, body=body, headers=headers, timeout=settings.GATEWAY_TIMEOUT_SECONDS)
        except outbound.AddressRefused:
            return Answer(Result(Outcome.CALL_REFUSED, error="address_refused"))
        except outbound.NotReached as error:
            log.warning("gateway.not_reached", batch_id=batch_id, error=str(error))
            return Answer(Result(Outcome.TRY_AGAIN, error="not_reached"))
        except outbound.NoAnswer as error:
            log.warning("gateway.no_answer", batch_id=batch_id, error=str(error))
            return Answer(Result(Outcome.IN_DOUBT, error="no_answer"))
        return read_answer(answer)


def read_answer(answer: outbound.Answer) -> Answer:
    """What a whole HTTP answer says. Whatever cannot be read leaves the messages in doubt."""
    status = answer.status
    if 200 <= status < 300:
        return _read_results(answer.body)
    if status == 429:
        return Answer(Result(Outcome.TRY_AGAIN, error="too_many"), retry_after=retry_after(answer.headers))
    if 400 <= status < 500:
        return Answer(Result(Outcome.CALL_REFUSED, error=error_text("call_refused", f"HTTP {status}")))
    if 300 <= status < 400:
        return Answer(Result(Outcome.TRY_AGAIN, error=error_text("redirected", f"HTTP {status}")))
    # A 502 or 504 may come from a proxy in front of a gateway that has sent everything.
    return Answer(Result(Outcome.IN_DOUBT, error=error_text("server_error", f"HTTP {status}")), retry_after=retry_after(answer.headers))


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """How long to wait, from seconds or an HTTP date; at most one hour, and nothing from what cannot be read."""
    raw = headers.get("retry-after", "").strip()
    if raw.isascii() and raw.isdigit():
        wait = timedelta(seconds=int(raw[:9]))
    else:
        try:
            until = parsedate_to_datetime(raw)
        except ValueError:
            return None
        wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - datetime.now(UTC)
    return min(max(wait, timedelta(0)), LONGEST_RETRY_AFTER)


def _read_results(body: bytes) -> Answer:
    try:
        listed = json.loads(body)["results"]
        results = [(str(entry["id"]), _result(entry)) for entry in reversed(listed)]
    except (ValueError, TypeError, KeyError, RecursionError):
        return Answer(Result(Outcome.IN_DOUBT, error="bad_answer"))
    return Answer(Result(Outcome.IN_DOUBT, error="no_result"), dict(results))


def _result(entry: Mapping[str, Any]) -> Result:
    provider_id = _storable(entry.get("provider_id"))[:LONGEST_PROVIDER_ID]
    words = _storable(entry.get("error"))
    match entry.get("status"):
        case "accepted":
            return Result(Outcome.ACCEPTED, provider_id)
        case "rejected":
            return Result(Outcome.REJECTED, provider_id, error_text("rejected", words))
        case "retry":
            return Result(Outcome.TRY_AGAIN, provider_id, error_text("retry", words))
        case _:
            return Result(Outcome.IN_DOUBT, provider_id, "bad_answer")


def _storable(words: object) -> str:
    """What the other side wrote, without signs that a database refuses: NUL and halves of surrogate pairs."""
    return "" if words is None else str(words).encode(errors="replace").decode().replace("\x00", "")
