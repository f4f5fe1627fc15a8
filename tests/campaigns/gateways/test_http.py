"""Reading a gateway's answer: nothing in it, however odd, may raise or be taken for more than it says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.utils import translation

from backoffice.kernel import outbound
from campaigns.gateways.base import Outcome
from campaigns.gateways.errors import describe_error, error_text
from campaigns.gateways.http import read_answer, retry_after, sign


def answer(status: int, body: bytes | object = b"", **headers: str) -> outbound.Answer:
    return outbound.Answer(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_the_signature_of_the_interface() -> None:
    """Worked out apart: printf '%s' '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret"""
    assert sign("secret", "1700000000", b'{"a":1}') == "sha256=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686"


def test_results_by_message() -> None:
    results = [
        {"id": "1", "status": "accepted", "provider_id": "p-1", "error": None},
        {"id": 2, "status": "rejected", "provider_id": None, "error": "no such person"},
        {"id": "3", "status": "retry"},
        {"id": "4", "status": "perhaps"},
    ]
    read = read_answer(answer(200, {"results": results}))
    assert read.result_of("1").outcome is Outcome.ACCEPTED
    assert read.result_of("1").provider_id == "p-1"
    assert (read.result_of("2").outcome, read.result_of("2").error) == (Outcome.REJECTED, "rejected: no such person")
    assert read.result_of("3").outcome is Outcome.TRY_AGAIN
    assert read.result_of("4").outcome is Outcome.IN_DOUBT
    assert (read.result_of("5").outcome, read.result_of("5").error) == (Outcome.IN_DOUBT, "no_result")
    assert not read.call_failed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"5",
        b'"x"',
        b"\xff\xfe\x00",
        b'{"results": null}',
        b'{"results": {"id": 1}}',
        b'{"results": [null]}',
        b'{"results": ["x"]}',
        b'{"results": [{"status": "accepted"}]}',
        b'{"result": []}',
        b"[" * 100000,
        b'{"results": [[1]]}',
    ],
)
def test_an_answer_that_cannot_be_read_leaves_doubt(body: bytes) -> None:
    read = read_answer(answer(200, body))
    assert (read.result_of("1").outcome, read.result_of("1").error) == (Outcome.IN_DOUBT, "bad_answer")
    assert read.call_failed


def test_words_of_the_gateway_can_be_stored() -> None:
    entry = {"id": "1", "status": "rejected", "provider_id": "p" * 400, "error": "a\x00b\ud800" + "c" * 900}
    read = read_answer(answer(200, json.dumps({"results": [entry]}).encode())).result_of("1")
    assert len(read.provider_id) == 128
    assert len(read.error) == 500
    assert "\x00" not in read.error
    read.error.encode()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (301, Outcome.TRY_AGAIN),
        (307, Outcome.TRY_AGAIN),
        (400, Outcome.CALL_REFUSED),
        (401, Outcome.CALL_REFUSED),
        (404, Outcome.CALL_REFUSED),
        (413, Outcome.CALL_REFUSED),
        (429, Outcome.TRY_AGAIN),
        (500, Outcome.IN_DOUBT),
        (502, Outcome.IN_DOUBT),
        (503, Outcome.IN_DOUBT),
        (101, Outcome.IN_DOUBT),
    ],
)
def test_statuses(status: int, outcome: Outcome) -> None:
    assert read_answer(answer(status, b"whatever")).result_of("1").outcome is outcome


@pytest.mark.parametrize(
    ("raw", "wait"),
    [("5", 5), ("0", 0), ("100000", 3600), ("", None), ("soon", None), ("-5", None), ("٣", None), ("9" * 50, 3600), ("Sun, 06 Nov 1994 08:49:37 GMT", 0)],
)
def test_retry_after(raw: str, wait: int | None) -> None:
    assert retry_after({"retry-after": raw}) == (None if wait is None else timedelta(seconds=wait))


def test_retry_after_as_a_date() -> None:
    wait = retry_after({"retry-after": format_datetime(datetime.now(UTC) + timedelta(minutes=2), usegmt=True)})
    assert wait is not None
    assert timedelta(seconds=110) < wait <= timedelta(seconds=120)


def test_errors_in_words() -> None:
    with translation.override("en"):
        assert describe_error(error_text("call_refused", "HTTP 404")) == "The gateway refused the call (HTTP 404)"
    assert describe_error("something else: x") == "something else: x"
    assert describe_error("too_many") != "too_many"
