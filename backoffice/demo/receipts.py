"""Signed receipts that the demo's gateway sends back: delivered, opened, clicked."""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from backoffice.demo.gateway_log import Delivery
from backoffice.demo.gateway_wire import SecretOf, sign

BATCH_SIZE = 200
TIMEOUT_SECONDS = 10.0

DEFAULT_SHARES: Mapping[str, float] = {"delivered": 0.97, "opened": 0.42, "clicked": 0.11}
"""Share of the deliveries that get each receipt; who clicked also opened, who opened was reached."""


@dataclass(slots=True)
class ReceiptOutcome:
    """What was sent back: accepted receipts by event, and one line for each batch that failed."""

    accepted: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def choose_events(key: str, shares: Mapping[str, float] = DEFAULT_SHARES) -> list[str]:
    """Which receipts a message gets; the same key always gets the same."""
    dice = zlib.crc32(key.encode()) / 2**32
    return [event for event, share in shares.items() if dice < share]


def send_receipts(
    deliveries: Iterable[Delivery],
    *,
    url: str,
    secret_of: SecretOf,
    shares: Mapping[str, float] = DEFAULT_SHARES,
    now: float | None = None,
) -> ReceiptOutcome:
    """Send the chosen receipts of the deliveries, store by store.

    ``url`` is the whole address of the receiving endpoint. ``now`` (Unix seconds) is the moment that
    the receipts and the signature carry; default the real clock. A refused or failed batch is
    recorded and not tried again.
    """
    moment = time.time() if now is None else now
    at = datetime.fromtimestamp(moment, UTC).isoformat()
    by_store: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for one in deliveries:
        for event in choose_events(one.key, shares):
            by_store[one.store].append({"id": one.id, "event": event, "at": at, "provider_id": one.provider_id})
    outcome = ReceiptOutcome()
    for store, receipts in by_store.items():
        secret = secret_of(store)
        if secret is None:
            outcome.failures.append(f"{store}: no secret")
            continue
        for start in range(0, len(receipts), BATCH_SIZE):
            part = receipts[start : start + BATCH_SIZE]
            problem = _post(url, store, secret, part, moment)
            if problem:
                outcome.failures.append(f"{store}: {problem}")
            else:
                outcome.accepted.update(receipt["event"] for receipt in part)
    return outcome


def _post(url: str, store: str, secret: str, receipts: list[dict[str, str]], moment: float) -> str:
    """Send one batch; the answer is empty when it was accepted, otherwise what went wrong."""
    parts = urlsplit(url)
    body = json.dumps({"receipts": receipts}).encode()
    timestamp = str(int(moment))
    headers = {
        "Content-Type": "application/json",
        "X-Store": store,
        "X-Timestamp": timestamp,
        "X-Signature": sign(secret, timestamp, body),
    }
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", parts.path, body, headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    else:
        return "" if answer.status // 100 == 2 else f"HTTP {answer.status}"
    finally:
        connection.close()


class ReceiptSender(threading.Thread):
    """Sends receipts in the background, ``delay`` seconds after the delivery, as phones do.

    A batch that fails because nobody listens yet is tried again after one more delay, up to
    ``attempts`` times.
    """

    def __init__(self, *, url: str, secret_of: SecretOf, delay: float = 2.0, attempts: int = 30) -> None:
        super().__init__(name="receipts", daemon=True)
        self.url, self.secret_of, self.delay, self.attempts = url, secret_of, delay, attempts
        self.outcome = ReceiptOutcome()
        self._waiting: queue.Queue[tuple[float, int, list[Delivery]] | None] = queue.Queue()
        self._stopping = threading.Event()

    def add(self, deliveries: list[Delivery]) -> None:
        self._waiting.put((time.monotonic() + self.delay, 1, deliveries))

    def run(self) -> None:
        while (entry := self._waiting.get()) is not None:
            due, attempt, deliveries = entry
            if self._stopping.wait(max(0.0, due - time.monotonic())):
                return
            outcome = send_receipts(deliveries, url=self.url, secret_of=self.secret_of)
            self.outcome.accepted.update(outcome.accepted)
            if outcome.failures and attempt < self.attempts:
                # Receipts that were accepted come twice then; repeated ones are harmless.
                self._waiting.put((time.monotonic() + self.delay, attempt + 1, deliveries))
            else:
                self.outcome.failures += outcome.failures

    def stop(self) -> None:
        """Stop at once; what is still waiting is dropped."""
        self._stopping.set()
        self._waiting.put(None)
        self.join()
