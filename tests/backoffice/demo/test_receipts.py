"""Receipts go back signed, store by store, and are tried again while nobody listens."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from backoffice.demo.gateway import DemoGateway
from backoffice.demo.gateway_log import read_lines
from backoffice.demo.receipts import ReceiptSender, choose_events, send_receipts
from tests.backoffice.demo.calling import SECRET, call, make_message, sign
from tests.backoffice.demo.test_gateway_log import make_delivery


class Receiver(HTTPServer):
    """Stands for the product: keeps every call, answers with the statuses it was told, then 200."""

    def __init__(self):
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        super().__init__(("127.0.0.1", 0), _ReceiverHandler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/v1/gateway/receipts"

    @property
    def receipts(self) -> list[dict[str, str]]:
        return [receipt for _, _, body in self.calls for receipt in json.loads(body)["receipts"]]


class _ReceiverHandler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append((self.path, dict(self.headers), body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


ALL = {"delivered": 1.0, "opened": 1.0}


def test_a_batch_is_signed_with_the_stores_own_secret(receiver):
    first, second = make_delivery(store="YS01"), make_delivery(store="HS01")
    moment = time.time()
    outcome = send_receipts([first, second], url=receiver.url, secret_of=lambda store: f"secret of {store}", shares=ALL, now=moment)
    assert outcome.accepted == {"delivered": 2, "opened": 2}
    assert outcome.failures == []
    assert [path for path, _, _ in receiver.calls] == ["/api/v1/gateway/receipts"] * 2
    for (_, headers, body), delivery in zip(receiver.calls, (first, second), strict=True):
        assert headers["X-Store"] == delivery.store
        assert headers["X-Timestamp"] == str(int(moment))
        assert headers["X-Signature"] == sign(f"secret of {delivery.store}", headers["X-Timestamp"], body)
        receipts = json.loads(body)["receipts"]
        assert [(one["id"], one["event"], one["provider_id"]) for one in receipts] == [
            (delivery.id, "delivered", delivery.provider_id),
            (delivery.id, "opened", delivery.provider_id),
        ]
        assert datetime.fromisoformat(receipts[0]["at"]).timestamp() == pytest.approx(moment)


def test_large_numbers_go_in_several_batches(receiver):
    deliveries = [make_delivery() for _ in range(450)]
    outcome = send_receipts(deliveries, url=receiver.url, secret_of=lambda _: SECRET, shares={"delivered": 1.0})
    assert [len(json.loads(body)["receipts"]) for _, _, body in receiver.calls] == [200, 200, 50]
    assert outcome.accepted == {"delivered": 450}
    assert {one["id"] for one in receiver.receipts} == {one.id for one in deliveries}


def test_who_clicked_opened_and_who_opened_was_reached():
    chosen = [choose_events(f"key {number}") for number in range(5000)]
    assert {tuple(events) for events in chosen} == {(), ("delivered",), ("delivered", "opened"), ("delivered", "opened", "clicked")}
    counts = Counter(event for events in chosen for event in events)
    assert 4700 < counts["delivered"] < 5000
    assert 1900 < counts["opened"] < 2300
    assert 400 < counts["clicked"] < 700
    assert [choose_events(f"key {number}") for number in range(5000)] == chosen


def test_failures_are_told_and_not_counted(receiver):
    receiver.statuses = [401]
    deliveries = [make_delivery(store="YS01"), make_delivery(store="HS01"), make_delivery(store="NF01")]
    outcome = send_receipts(deliveries, url=receiver.url, secret_of=lambda store: None if store == "NF01" else SECRET, shares=ALL)
    assert outcome.failures == ["YS01: HTTP 401", "NF01: no secret"]
    assert outcome.accepted == {"delivered": 1, "opened": 1}


def test_nobody_listening_is_a_failure_and_no_crash(receiver):
    closed = "http://127.0.0.1:9/api/v1/gateway/receipts"
    (failure,) = send_receipts([make_delivery()], url=closed, secret_of=lambda _: SECRET, shares=ALL).failures
    assert failure.startswith("YS01: ConnectionRefusedError")


def test_the_gateway_sends_receipts_for_its_log_on_request(receiver):
    with DemoGateway(secret=SECRET) as gateway:
        call(gateway.url, [make_message() for _ in range(5)])
        outcome = gateway.send_receipts(receiver.url, shares=ALL)
        assert outcome.accepted == {"delivered": 5, "opened": 5}
        assert [line["accepted"] for line in read_lines(gateway.log_path, "receipts")] == [{"delivered": 5, "opened": 5}]
        assert {one["id"] for one in receiver.receipts} == {one.id for one in gateway.delivered}


def wait_until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def test_a_gateway_with_a_receipts_address_sends_them_by_itself(receiver):
    with DemoGateway(secret=SECRET, receipts_url=receiver.url, receipts_delay=0.01) as gateway:
        call(gateway.url, [make_message() for _ in range(50)])
        wait_until(lambda: receiver.receipts)
        delivered = {one.id for one in gateway.delivered}
    assert {one["id"] for one in receiver.receipts} <= delivered


def test_the_sender_tries_again_while_the_product_is_down(receiver):
    receiver.statuses = [503, 503]
    sender = ReceiptSender(url=receiver.url, secret_of=lambda _: SECRET, delay=0.01)
    sender.start()
    sender.add([make_delivery(idempotency_key="key 5")])
    wait_until(lambda: sender.outcome.accepted)
    sender.stop()
    assert len(receiver.calls) == 3
    assert sender.outcome.failures == []


def test_the_sender_gives_up_after_its_attempts(receiver):
    receiver.statuses = [503] * 10
    sender = ReceiptSender(url=receiver.url, secret_of=lambda _: SECRET, delay=0.01, attempts=3)
    sender.start()
    sender.add([make_delivery(idempotency_key="key 5")])
    wait_until(lambda: sender.outcome.failures)
    sender.stop()
    assert len(receiver.calls) == 3
    assert sender.outcome.failures == ["YS01: HTTP 503"]
