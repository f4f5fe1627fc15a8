"""A gateway for the demo and the tests: takes signed batches, commits scripted faults, keeps a log.

In a test::

    with DemoGateway(secret="...", log_path=tmp_path / "gateway.jsonl") as gateway:
        gateway.fail_next(FaultKind.TIMEOUT_DELIVERED, seconds=5)
        ...  # point a store at gateway.url, allow gateway.netloc in OUTBOUND_ALLOW
        assert not gateway.breaches()

As a process: ``python -m backoffice.demo.gateway --port 8025 --log FILE --secrets FILE``. It listens
on the loopback interface only. ``POST /_control/faults`` takes a fault as JSON, ``DELETE`` clears
them, ``GET /_control/stats`` counts.

A message is delivered when its idempotency key is seen for the first time: its line is in the log
before the answer leaves. A known key is answered as the first time and logged as a repeat. A gateway
that starts on an existing log knows the keys in it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from backoffice.demo.faults import Fault, FaultKind, FaultScript, Message
from backoffice.demo.gateway_http import GatewayServer
from backoffice.demo.gateway_log import (
    Breach,
    Delivery,
    LogSummary,
    breaches,
    read_lines,
    read_log,
    summarise,
    to_delivery,
)
from backoffice.demo.gateway_wire import MAX_BATCH, BatchRefusedError, Headers, Secrets, read_batch, secret_resolver
from backoffice.demo.receipts import DEFAULT_SHARES, ReceiptOutcome, ReceiptSender, send_receipts

__all__ = ["Breach", "Delivery", "DemoGateway", "Fault", "FaultKind", "LogSummary", "breaches", "read_log", "summarise"]

LOOPBACK = "127.0.0.1"


@dataclass(slots=True)
class _Known:
    """What the gateway remembers of a key: whom it was for, and the answer it gave."""

    recipient: tuple[str, str, str]
    provider_id: str


class DemoGateway:
    """The gateway as an object; ``start`` and ``stop`` it, or use it in a ``with`` statement.

    ``log_path`` None takes a temporary file that goes when the gateway stops. ``receipts_url``: the
    whole address to which receipts go back, ``receipts_delay`` seconds after each delivery.
    """

    def __init__(
        self,
        *,
        secret: Secrets,
        log_path: Path | None = None,
        port: int = 0,
        max_batch: int = MAX_BATCH,
        receipts_url: str = "",
        receipts_delay: float = 2.0,
    ) -> None:
        self.secret_of = secret_resolver(secret)
        self.max_batch = max_batch
        self.faults = FaultScript()
        self.released = threading.Event()
        """Set when the gateway stops: ends every scripted waiting."""
        self._own_log = log_path is None
        if log_path is None:
            descriptor, name = tempfile.mkstemp(prefix="gateway-", suffix=".jsonl")
            os.close(descriptor)
            log_path = Path(name)
        self.log_path = log_path
        self._known: dict[str, _Known] = {}
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._log_descriptor = -1
        self._server = GatewayServer((LOOPBACK, port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="gateway", daemon=True)
        self._receipts = ReceiptSender(url=receipts_url, secret_of=self.secret_of, delay=receipts_delay) if receipts_url else None

    @property
    def netloc(self) -> str:
        """host:port, as ``OUTBOUND_ALLOW`` takes it."""
        return f"{LOOPBACK}:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The gateway URL for a store."""
        return f"http://{self.netloc}/messages"

    @property
    def delivered(self) -> list[Delivery]:
        """Everything delivered so far, read from the log."""
        return read_log(self.log_path)

    @property
    def stats(self) -> dict[str, int]:
        """Counts since the start: calls, delivered, repeats, key_conflicts, turned_away, faults."""
        with self._lock:
            return dict(self._counts)

    def start(self) -> Self:
        self._open_log()
        self._thread.start()
        if self._receipts:
            self._receipts.start()
        return self

    def stop(self) -> None:
        """Close every connection, end scripted waits, and wait for all threads."""
        self.released.set()
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()
        if self._receipts:
            self._receipts.stop()
        os.close(self._log_descriptor)
        if self._own_log:
            self.log_path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def fail_next(self, kind: FaultKind | str, times: int | None = 1, **options: Any) -> None:
        """Commit a fault on the next ``times`` calls (None: until cleared); options as in ``Fault``."""
        self.faults.add(Fault(FaultKind(kind), times, **options))

    def clear_faults(self) -> None:
        self.faults.clear()

    def breaches(self, *, person_of: Callable[[Delivery], Any] | None = None) -> list[Breach]:
        return breaches(self.log_path, person_of=person_of)

    def summary(self) -> LogSummary:
        return summarise(self.log_path)

    def send_receipts(self, url: str, *, shares: Mapping[str, float] = DEFAULT_SHARES, now: float | None = None) -> ReceiptOutcome:
        """Send receipts for everything delivered so far; the log gets one line with the counts."""
        outcome = send_receipts(self.delivered, url=url, secret_of=self.secret_of, shares=shares, now=now)
        with self._lock:
            self._write([{"event": "receipts", "at": time.time(), "accepted": dict(outcome.accepted), "failures": outcome.failures}])
        return outcome

    def wait_for(self, delivered: int, seconds: float = 10.0) -> bool:
        """Wait until so many messages were delivered since the start; False if they did not come."""
        deadline = time.monotonic() + seconds
        while self.stats.get("delivered", 0) < delivered:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    # From here on: called by the request threads.

    def check_batch(self, headers: Headers, body: bytes) -> tuple[str, list[Message]]:
        """Batch id and messages of a call, or BatchRefusedError; nothing is delivered here."""
        return read_batch(headers, body, secret_of=self.secret_of, max_batch=self.max_batch)

    def deliver(self, batch_id: str, messages: list[Message], fault: Fault | None) -> list[dict[str, str | None]]:
        """Deliver what is new, log it, and return the results in the order of the batch."""
        now = time.time()
        refused_status = {FaultKind.REJECT: "rejected", FaultKind.RETRY: "retry"}.get(fault.kind) if fault else None
        results: list[dict[str, str | None]] = []
        lines: list[dict[str, Any]] = []
        new: list[dict[str, Any]] = []
        repeats = conflicts = 0
        with self._lock:
            for place, message in enumerate(messages):
                key = message["idempotency_key"]
                recipient = (message["store"], message["person"], message["scenario"])
                known = self._known.get(key)
                if known is None:
                    if refused_status and fault and fault.hits(place, message):
                        results.append({"id": message["id"], "status": refused_status, "provider_id": None, "error": fault.error})
                        continue
                    known = self._known[key] = _Known(recipient, f"demo-{len(self._known) + 1}")
                    new.append({"event": "delivered", "at": now, "batch_id": batch_id, "provider_id": known.provider_id, **message})
                elif known.recipient != recipient:
                    conflicts += 1
                    lines.append({"event": "key_conflict", "at": now, "batch_id": batch_id, **message})
                    results.append({"id": message["id"], "status": "rejected", "provider_id": None, "error": "key_conflict"})
                    continue
                else:
                    repeats += 1
                    lines.append({"event": "repeat", "at": now, "batch_id": batch_id, "id": message["id"], "idempotency_key": key})
                results.append({"id": message["id"], "status": "accepted", "provider_id": known.provider_id, "error": None})
            self._write([*new, *lines])
            self._counts.update(delivered=len(new), repeats=repeats, key_conflicts=conflicts)
        if new and self._receipts:
            self._receipts.add([to_delivery(line) for line in new])
        return results

    def note_call(self, batch_id: str, messages: int, status: int, fault: Fault | None) -> None:
        with self._lock:
            self._counts.update(calls=1, faults=1 if fault else 0)
            self._write(
                [{"event": "call", "at": time.time(), "batch_id": batch_id, "messages": messages, "status": status, "fault": fault.kind if fault else None}]
            )

    def note_refusal(self, refusal: BatchRefusedError) -> None:
        with self._lock:
            self._counts.update(turned_away=1)
            self._write([{"event": "turned_away", "at": time.time(), "status": refusal.status, "reason": refusal.reason}])

    def _open_log(self) -> None:
        """Open the log for appending; cut off a torn last line and learn the keys that are in it."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._log_descriptor = os.open(self.log_path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        content_end = 0
        with self.log_path.open("rb") as log:
            for line in log:
                if line.endswith(b"\n"):
                    content_end += len(line)
        os.ftruncate(self._log_descriptor, content_end)
        for entry in read_lines(self.log_path, "delivered"):
            recipient = (entry["store"], entry["person"], entry["scenario"])
            self._known[entry["idempotency_key"]] = _Known(recipient, entry["provider_id"])

    def _write(self, lines: list[dict[str, Any]]) -> None:
        """Append the lines with one call to the kernel: they outlive a killed gateway, not a power cut."""
        content = "".join([json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines]).encode()
        while content:
            content = content[os.write(self._log_descriptor, content) :]


def _read_secrets(path: Path | None, default: str) -> dict[str, str]:
    """The secrets file is {"default": secret, "stores": {code: secret}}; as ``secret_resolver`` takes it."""
    if path is None:
        return {"": default} if default else {}
    wire = json.loads(path.read_text(encoding="utf-8"))
    fallback = wire.get("default") or default
    return {**({"": fallback} if fallback else {}), **wire.get("stores", {})}


def main(arguments: list[str] | None = None) -> int:
    """Run the gateway until SIGTERM or SIGINT; one line of JSON on standard output says where it is."""
    parser = argparse.ArgumentParser(prog="python -m backoffice.demo.gateway", description=str(__doc__).splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--log", type=Path, required=True, help="file of JSON lines, appended to")
    parser.add_argument("--secrets", type=Path, help='JSON file {"default": secret, "stores": {code: secret}}')
    parser.add_argument("--receipts-url", default="", help="where receipts go back to; none are sent without it")
    parser.add_argument("--receipts-delay", type=float, default=2.0, help="seconds from a delivery to its receipts")
    options = parser.parse_args(arguments)
    secrets = _read_secrets(options.secrets, os.environ.get("GATEWAY_SECRET", ""))
    if not secrets:
        parser.error("no secret: give --secrets or set GATEWAY_SECRET")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with DemoGateway(
        secret=secrets,
        log_path=options.log,
        port=options.port,
        receipts_url=options.receipts_url,
        receipts_delay=options.receipts_delay,
    ) as gateway:
        print(json.dumps({"url": gateway.url, "pid": os.getpid()}), flush=True)
        stopping.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
