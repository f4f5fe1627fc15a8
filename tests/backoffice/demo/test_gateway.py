"""The demo's gateway delivers once, checks what it gets, and fails exactly as it is told."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from backoffice.demo.faults import FaultKind
from backoffice.demo.gateway import DemoGateway, read_log
from backoffice.demo.gateway_log import read_lines
from tests.backoffice.demo.calling import SECRET, call, make_message, request, sign

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def gateway(tmp_path):
    with DemoGateway(secret=SECRET, log_path=tmp_path / "gateway.jsonl") as running:
        yield running


def keys(gateway) -> list[str]:
    return [delivery.key for delivery in gateway.delivered]


def test_a_signed_batch_is_delivered_and_logged_before_the_answer(gateway):
    first, second = make_message(), make_message(member_no=None, scenario="AFTER_PAYMENT")
    status, answer, _ = call(gateway.url, [first, second], batch_id="batch-a")
    assert status == 200
    assert [(one["id"], one["status"], one["error"]) for one in answer["results"]] == [
        (first["id"], "accepted", None),
        (second["id"], "accepted", None),
    ]
    deliveries = gateway.delivered
    assert [one.provider_id for one in deliveries] == [one["provider_id"] for one in answer["results"]]
    assert len({one.provider_id for one in deliveries}) == 2
    for message, delivery in zip((first, second), deliveries, strict=True):
        assert delivery.key == message["idempotency_key"]
        assert delivery.batch_id == "batch-a"
        for name in message.keys() - {"idempotency_key"}:
            assert getattr(delivery, name) == message[name]


def test_a_known_key_gets_its_first_answer_and_is_logged_as_a_repeat(gateway):
    message = make_message()
    _, first, _ = call(gateway.url, [message])
    status, again, _ = call(gateway.url, [message, make_message()])
    assert status == 200
    assert again["results"][0] == first["results"][0]
    assert len(keys(gateway)) == 2
    assert [line["idempotency_key"] for line in read_lines(gateway.log_path, "repeat")] == [message["idempotency_key"]]
    assert gateway.stats == {"calls": 2, "delivered": 2, "repeats": 1, "key_conflicts": 0, "faults": 0}


def test_the_same_key_twice_in_one_batch_is_one_delivery(gateway):
    message = make_message()
    _, answer, _ = call(gateway.url, [message, message])
    assert [one["status"] for one in answer["results"]] == ["accepted", "accepted"]
    assert keys(gateway) == [message["idempotency_key"]]


@pytest.mark.parametrize("field", ["person", "store", "scenario"])
def test_a_known_key_for_somebody_else_is_refused_and_a_breach(gateway, field):
    message = make_message()
    call(gateway.url, [message])
    _, answer, _ = call(gateway.url, [{**message, field: "another"}])
    assert (answer["results"][0]["status"], answer["results"][0]["error"]) == ("rejected", "key_conflict")
    assert len(keys(gateway)) == 1
    assert [(one.rule, one.keys) for one in gateway.breaches()] == [("key_conflict", (message["idempotency_key"],))]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Signature": ""}, 401),
        ({"X-Signature": "sha256=" + "0" * 64}, 401),
        ({"X-Timestamp": ""}, 401),
        ({"X-Timestamp": "1"}, 401),
        ({"X-Timestamp": "soon"}, 401),
        ({"Idempotency-Key": "another-batch"}, 400),
        ({"Idempotency-Key": ""}, 400),
    ],
)
def test_a_call_with_wrong_headers_is_turned_away(gateway, headers, status):
    assert call(gateway.url, [make_message()], headers=headers)[0] == status
    assert keys(gateway) == []
    assert gateway.stats == {"turned_away": 1}
    assert [line["status"] for line in read_lines(gateway.log_path, "turned_away")] == [status]


@pytest.mark.parametrize("offset", [-290, 290])
def test_a_clock_a_little_off_is_no_reason(gateway, offset):
    body = json.dumps({"batch_id": "b", "messages": [make_message()]}).encode()
    timestamp = str(int(time.time()) + offset)
    headers = {"X-Timestamp": timestamp, "X-Signature": sign(SECRET, timestamp, body), "Idempotency-Key": "b"}
    assert request("POST", gateway.url, body, headers)[0] == 200


def test_the_signature_covers_the_very_bytes(gateway):
    body = json.dumps({"batch_id": "b", "messages": [make_message()]}).encode()
    timestamp = str(int(time.time()))
    headers = {"X-Timestamp": timestamp, "X-Signature": sign(SECRET, timestamp, body), "Idempotency-Key": "b"}
    assert request("POST", gateway.url, body + b" ", headers)[0] == 401
    assert request("POST", gateway.url, body, headers)[0] == 200


@pytest.mark.parametrize("change", ["missing", "further"])
def test_a_message_with_other_fields_than_specified_is_turned_away(gateway, change):
    message = make_message()
    if change == "missing":
        del message["target_url"]
    else:
        message["phone"] = "15412345678"
    status, answer, _ = call(gateway.url, [make_message(), message])
    assert status == 422
    assert ("target_url" if change == "missing" else "phone") in answer["error"]
    assert keys(gateway) == []


def test_a_batch_has_a_largest_size(tmp_path):
    with DemoGateway(secret=SECRET, max_batch=3) as gateway:
        assert call(gateway.url, [make_message() for _ in range(4)])[0] == 413
        assert call(gateway.url, [make_message() for _ in range(3)])[0] == 200
        assert len(gateway.delivered) == 3


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"batch_id": "b", "messages": 7}', b"\xff", b'{"batch_id": "b", "messages": [1]}'])
def test_what_is_no_batch_is_turned_away(gateway, body):
    assert request("POST", gateway.url, body)[0] == 400


def test_each_store_has_its_secret_and_the_others_the_default():
    with DemoGateway(secret={"": "default", "YS01": "own"}) as gateway:
        own, other = make_message(store="YS01"), make_message(store="HS01")
        assert call(gateway.url, [own], secret="default")[0] == 401
        assert call(gateway.url, [own], secret="own")[0] == 200
        assert call(gateway.url, [other], secret="own")[0] == 401
        assert call(gateway.url, [other], secret="default")[0] == 200
        assert call(gateway.url, [make_message(store="YS01"), make_message(store="HS01")], secret="own")[0] == 401
        assert len(gateway.delivered) == 2


def test_a_store_without_a_secret_is_turned_away():
    with DemoGateway(secret=lambda store: "own" if store == "YS01" else None) as gateway:
        assert call(gateway.url, [make_message(store="HS01")], secret="own")[0] == 401
        assert call(gateway.url, [make_message(store="YS01")], secret="own")[0] == 200


def test_many_threads_with_the_same_keys_deliver_each_once(gateway):
    messages = [make_message() for _ in range(200)]
    statuses = []

    def send():
        statuses.append(call(gateway.url, messages)[0])

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8
    assert sorted(keys(gateway)) == sorted(message["idempotency_key"] for message in messages)
    assert gateway.stats["repeats"] == 7 * 200


# Scripted faults


@pytest.mark.parametrize(
    ("kind", "options", "status", "delivered"),
    [
        (FaultKind.SERVER_ERROR, {}, 500, 0),
        (FaultKind.SERVER_ERROR, {"status": 503, "delivers": True}, 503, 1),
        (FaultKind.BAD_GATEWAY, {}, 502, 1),
        (FaultKind.TOO_MANY, {"retry_after": "7"}, 429, 0),
        (FaultKind.CLIENT_ERROR, {}, 400, 0),
        (FaultKind.CLIENT_ERROR, {"status": 403}, 403, 0),
        (FaultKind.REDIRECT, {}, 302, 0),
        (FaultKind.DELAY, {"seconds": 0.05}, 200, 1),
        (FaultKind.DRIP, {"seconds": 0.05}, 200, 1),
        (FaultKind.WRONG_JSON, {}, 200, 1),
        (FaultKind.REJECT, {}, 200, 0),
        (FaultKind.RETRY, {}, 200, 0),
        (FaultKind.MISSING_RESULTS, {}, 200, 1),
    ],
)
def test_a_fault_answers_and_delivers_as_its_kind_says_and_then_is_over(gateway, kind, options, status, delivered):
    gateway.fail_next(kind, **options)
    message = make_message()
    answered, _, _ = call(gateway.url, [message])
    assert answered == status
    assert len(keys(gateway)) == delivered
    assert [(line["fault"], line["status"]) for line in read_lines(gateway.log_path, "call")] == [(kind.value, status)]

    answered, answer, _ = call(gateway.url, [message])
    assert answered == 200
    assert answer["results"][0]["status"] == "accepted"
    assert keys(gateway) == [message["idempotency_key"]], "the repeat delivers what is missing and nothing twice"


@pytest.mark.parametrize(("kind", "delivered"), [(FaultKind.TIMEOUT, 0), (FaultKind.TIMEOUT_DELIVERED, 1)])
def test_a_timeout_gives_no_answer(gateway, kind, delivered):
    gateway.fail_next(kind, seconds=60)
    message = make_message()
    with pytest.raises(TimeoutError):
        call(gateway.url, [message], timeout=0.3)
    assert len(keys(gateway)) == delivered
    assert call(gateway.url, [message])[0] == 200
    assert len(keys(gateway)) == 1


def test_a_reset_closes_without_an_answer(gateway):
    gateway.fail_next(FaultKind.RESET)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        call(gateway.url, [make_message()])
    assert keys(gateway) == []


def test_a_cut_answer_breaks_off_in_the_middle_although_delivered(gateway):
    gateway.fail_next(FaultKind.CUT)
    with pytest.raises(http.client.IncompleteRead) as broken:
        call(gateway.url, [make_message()])
    assert broken.value.partial.startswith(b'{"results"')
    assert broken.value.expected > 0
    assert len(keys(gateway)) == 1


def test_too_many_says_when_to_come_back(gateway):
    gateway.fail_next(FaultKind.TOO_MANY, retry_after="7")
    assert call(gateway.url, [make_message()])[2]["Retry-After"] == "7"


def test_a_client_that_follows_the_redirect_is_found_out(gateway):
    gateway.fail_next(FaultKind.REDIRECT)
    message = make_message()
    _, _, headers = call(gateway.url, [message])
    assert headers["Location"].startswith(f"http://{gateway.netloc}/")
    assert call(headers["Location"], [message])[0] == 400
    assert [line["reason"] for line in read_lines(gateway.log_path, "turned_away")] == ["the redirect was followed"]
    assert keys(gateway) == []


@pytest.mark.parametrize(("kind", "status"), [(FaultKind.REJECT, "rejected"), (FaultKind.RETRY, "retry")])
def test_single_messages_are_refused_while_others_go(gateway, kind, status):
    gateway.fail_next(kind, every=3, error="no_such_person")
    messages = [make_message() for _ in range(7)]
    _, answer, _ = call(gateway.url, messages)
    assert [one["status"] for one in answer["results"]] == [status, "accepted", "accepted"] * 2 + [status]
    assert {one["error"] for one in answer["results"] if one["status"] == status} == {"no_such_person"}
    assert keys(gateway) == [message["idempotency_key"] for place, message in enumerate(messages) if place % 3]


def test_messages_for_a_fault_can_be_chosen_by_what_they_are(gateway):
    gateway.fail_next(FaultKind.REJECT, only=lambda message: message["scenario"] == "EXPIRY_REMINDER")
    call(gateway.url, [make_message(), make_message(scenario="EXPIRY_REMINDER"), make_message()])
    assert [delivery.scenario for delivery in gateway.delivered] == ["BALANCE_REMINDER"] * 2


def test_results_can_be_missing_although_delivered(gateway):
    gateway.fail_next(FaultKind.MISSING_RESULTS, every=2)
    messages = [make_message() for _ in range(4)]
    _, answer, _ = call(gateway.url, messages)
    assert [one["id"] for one in answer["results"]] == [messages[1]["id"], messages[3]["id"]]
    assert len(keys(gateway)) == 4


def test_wrong_json_can_be_anything(gateway):
    gateway.fail_next(FaultKind.WRONG_JSON, body="<html>")
    assert call(gateway.url, [make_message()])[:2] == (200, b"<html>")


def test_faults_come_in_order_as_often_as_said(gateway):
    gateway.fail_next(FaultKind.SERVER_ERROR, times=2)
    gateway.fail_next(FaultKind.TOO_MANY)
    assert [call(gateway.url, [make_message()])[0] for _ in range(4)] == [500, 500, 429, 200]


def test_a_fault_without_end_lasts_until_cleared(gateway):
    gateway.fail_next(FaultKind.SERVER_ERROR, times=None)
    assert [call(gateway.url, [make_message()])[0] for _ in range(3)] == [500, 500, 500]
    gateway.clear_faults()
    assert call(gateway.url, [make_message()])[0] == 200


def test_a_call_that_is_turned_away_uses_up_no_fault(gateway):
    gateway.fail_next(FaultKind.SERVER_ERROR)
    assert call(gateway.url, [make_message()], secret="wrong")[0] == 401
    assert call(gateway.url, [make_message()])[0] == 500


@pytest.mark.parametrize("options", [{"times": 0}, {"every": 0}])
def test_a_fault_that_can_never_happen_is_refused(gateway, options):
    with pytest.raises(ValueError, match="every >= 1"):
        gateway.fail_next(FaultKind.REJECT, **options)


def test_stopping_ends_waits_and_open_connections():
    gateway = DemoGateway(secret=SECRET).start()
    gateway.fail_next(FaultKind.TIMEOUT, seconds=3600)
    idle = http.client.HTTPConnection(*gateway.netloc.split(":"), timeout=10)
    idle.request("GET", "/_control/stats")
    idle.getresponse().read()
    outcome = []

    def wait_for_answer():
        try:
            call(gateway.url, [make_message()], timeout=60)
        except (http.client.HTTPException, ConnectionError) as error:
            outcome.append(error)

    waiting = threading.Thread(target=wait_for_answer)
    waiting.start()
    while not gateway.stats.get("faults"):
        time.sleep(0.01)
    gateway.stop()
    waiting.join(30)
    idle.close()
    assert not waiting.is_alive()
    assert len(outcome) == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("gateway", "receipts"))]


def test_wait_for_tells_whether_enough_came(gateway):
    call(gateway.url, [make_message(), make_message()])
    assert gateway.wait_for(2)
    assert not gateway.wait_for(3, seconds=0.05)


# The control endpoint


def control(gateway, name: str) -> str:
    return f"http://{gateway.netloc}/_control/{name}"


def test_faults_can_be_scripted_from_another_process(gateway):
    status, answer, _ = request("POST", control(gateway, "faults"), b'{"kind": "server_error", "times": 2, "status": 503}')
    assert (status, answer) == (200, {"waiting": 1})
    assert call(gateway.url, [make_message()])[0] == 503
    assert request("DELETE", control(gateway, "faults"))[0] == 200
    assert call(gateway.url, [make_message()])[0] == 200
    assert request("GET", control(gateway, "stats"))[1] == gateway.stats


@pytest.mark.parametrize("body", [b'{"kind": "explode"}', b"{}", b'{"kind": "delay", "colour": "red"}', b"[]", b"no", b'{"kind": "delay", "times": 0}'])
def test_a_fault_that_is_none_is_refused(gateway, body):
    status, answer, _ = request("POST", control(gateway, "faults"), body)
    assert status == 400
    assert answer["error"]
    assert len(gateway.faults) == 0


@pytest.mark.parametrize(("method", "path"), [("GET", "/messages"), ("GET", "/_control/faults"), ("DELETE", "/_control/stats")])
def test_other_addresses_are_not_found(gateway, method, path):
    assert request(method, f"http://{gateway.netloc}{path}")[0] == 404


# As a process of its own


def start_process(log: Path, *arguments: str, secret: str = SECRET) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "backoffice.demo.gateway", "--log", str(log), *arguments],
        cwd=ROOT,
        env={**os.environ, "GATEWAY_SECRET": secret},
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, json.loads(process.stdout.readline())["url"]


def end_process(process: subprocess.Popen[str], number: signal.Signals) -> int:
    process.send_signal(number)
    code = process.wait(30)
    process.stdout.close()
    return code


def test_a_killed_gateway_knows_its_keys_again(tmp_path):
    log = tmp_path / "gateway.jsonl"
    first, second = make_message(), make_message()
    process, url = start_process(log)
    try:
        _, before, _ = call(url, [first])
    finally:
        assert end_process(process, signal.SIGKILL) == -signal.SIGKILL
    with log.open("ab") as torn:
        torn.write(b'{"event":"delivered","at":1,"idempotency')

    process, url = start_process(log)
    try:
        _, after, _ = call(url, [first, second])
    finally:
        assert end_process(process, signal.SIGTERM) == 0
    assert after["results"][0] == before["results"][0]
    assert [delivery.key for delivery in read_log(log)] == [first["idempotency_key"], second["idempotency_key"]]
    assert all(json.loads(line) for line in log.read_text().splitlines()), "the torn line is gone"


def test_the_process_takes_the_secrets_file_and_listens_on_loopback_only(tmp_path):
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({"default": "", "stores": {"YS01": "own"}}))
    process, url = start_process(tmp_path / "log.jsonl", "--secrets", str(secrets))
    try:
        assert url.startswith("http://127.0.0.1:")
        assert call(url, [make_message(store="YS01")], secret="own")[0] == 200
        assert call(url, [make_message(store="HS01")], secret=SECRET)[0] == 200
    finally:
        assert end_process(process, signal.SIGINT) == 0


def test_the_process_refuses_to_start_without_a_secret(tmp_path):
    finished = subprocess.run(
        [sys.executable, "-m", "backoffice.demo.gateway", "--log", str(tmp_path / "log")],
        cwd=ROOT,
        env={**os.environ, "GATEWAY_SECRET": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.returncode == 2
    assert "GATEWAY_SECRET" in finished.stderr
