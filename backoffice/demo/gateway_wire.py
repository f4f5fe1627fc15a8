"""What a batch looks like on the wire, and whether a call is one: signature, time, shape."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable, Mapping
from email.message import Message as _EmailMessage

from backoffice.demo.faults import Message

MAX_BATCH = 500
MAX_BODY_BYTES = 16 * 1024 * 1024
TIMESTAMP_TOLERANCE_SECONDS = 300

MESSAGE_FIELDS = frozenset(
    {
        "id",
        "idempotency_key",
        "scenario",
        "store",
        "member_no",
        "person",
        "local_day",
        "decided_at",
        "language",
        "title",
        "body",
        "params",
        "target_url",
    }
)
"""Exactly these: a missing one breaks a real gateway, a further one may be somebody's phone."""

Headers = _EmailMessage
"""Headers of a call, found in any case."""
SecretOf = Callable[[str], str | None]
Secrets = str | Mapping[str, str] | SecretOf


class BatchRefusedError(Exception):
    """A batch that is turned away as a whole, with the HTTP status and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def secret_resolver(secrets: Secrets) -> SecretOf:
    """One secret for all stores, a map by store code ("" is the default), or a function."""
    if isinstance(secrets, str):
        return lambda _store: secrets
    if isinstance(secrets, Mapping):
        by_store = dict(secrets)
        return lambda store: by_store.get(store, by_store.get(""))
    return secrets


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Value of ``X-Signature`` in both directions; ``timestamp`` as in ``X-Timestamp``."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def read_batch(headers: Headers, body: bytes, *, secret_of: SecretOf, max_batch: int = MAX_BATCH) -> tuple[str, list[Message]]:
    """Batch id and messages of a call; raises BatchRefusedError with the status to answer."""
    try:
        batch = json.loads(body)
        batch_id, messages = batch["batch_id"], batch["messages"]
        stores = {message["store"] for message in messages}
    except (ValueError, TypeError, KeyError) as error:
        raise BatchRefusedError(400, "the body is no batch") from error
    _check_signature(headers, body, stores, secret_of)
    if not messages or len(messages) > max_batch:
        raise BatchRefusedError(413, f"a batch holds 1 to {max_batch} messages")
    if headers.get("Idempotency-Key") != batch_id:
        raise BatchRefusedError(400, "Idempotency-Key is not the batch_id")
    for message in messages:
        if message.keys() != MESSAGE_FIELDS:
            raise BatchRefusedError(422, f"message fields differ: {sorted(message.keys() ^ MESSAGE_FIELDS)}")
    return batch_id, messages


def _check_signature(headers: Headers, body: bytes, stores: Iterable[str], secret_of: SecretOf) -> None:
    timestamp = headers.get("X-Timestamp") or ""
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(time.time() - int(timestamp)) > TIMESTAMP_TOLERANCE_SECONDS:
        raise BatchRefusedError(401, "X-Timestamp is missing or not of now")
    secrets = {secret_of(store) for store in stores}
    if len(secrets) != 1:
        raise BatchRefusedError(401, "the messages of one batch sign with different secrets, or there are none")
    secret = secrets.pop()
    if secret is None or not hmac.compare_digest(sign(secret, timestamp, body), headers.get("X-Signature") or ""):
        raise BatchRefusedError(401, "X-Signature does not fit")
