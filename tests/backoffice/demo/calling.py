"""Calls the demo's gateway as the product does, with a signature worked out here."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import itertools
import json
import time
from typing import Any
from urllib.parse import urlsplit

SECRET = "a secret of the tests"
_serial = itertools.count(1)


def make_message(**fields: Any) -> dict[str, Any]:
    """One message as specified; every one has another key, id, person and member unless given."""
    number = next(_serial)
    return {
        "id": f"message-{number}",
        "idempotency_key": f"key-{number}",
        "scenario": "BALANCE_REMINDER",
        "store": "YS01",
        "member_no": f"YS01{number:05d}",
        "person": f"person-{number}",
        "local_day": "2026-11-23",
        "decided_at": "2026-11-23T06:20:00+00:00",
        "language": "zh-hans",
        "title": "购物金余额提醒",
        "body": "您的购物金余额为 65.00 元",
        "params": {"balance": "65.00"},
        "target_url": None,
        **fields,
    }


def sign(secret: str, timestamp: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def call(
    url: str,
    messages: list[dict[str, Any]],
    *,
    secret: str = SECRET,
    batch_id: str = "",
    timeout: float = 10.0,
    headers: dict[str, str] | None = None,
) -> tuple[int, Any, http.client.HTTPMessage]:
    """Send one batch on a connection of its own: status, body from JSON (or bytes), headers.

    ``headers`` replace those that belong to the call; a blank one is left out.
    """
    batch_id = batch_id or f"batch-{next(_serial)}"
    body = json.dumps({"batch_id": batch_id, "messages": messages}).encode()
    timestamp = str(int(time.time()))
    sent = {
        "Content-Type": "application/json",
        "X-Timestamp": timestamp,
        "X-Signature": sign(secret, timestamp, body),
        "Idempotency-Key": batch_id,
        **(headers or {}),
    }
    return request("POST", url, body, {name: value for name, value in sent.items() if value}, timeout=timeout)


def request(method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None, *, timeout: float = 10.0):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request(method, parts.path, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    try:
        return answer.status, json.loads(content), answer.headers
    except ValueError:
        return answer.status, content, answer.headers
