"""``POST /api/v1/gateway/receipts``: who may call it, what it takes, and that nothing is harmed by repeats, strangers and nonsense."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from backoffice.demo.gateway import DemoGateway
from backoffice.kernel import clock
from backoffice.kernel.tenancy.models import Store
from campaigns.gateways.http import sign
from campaigns.models import Message, Receipt
from campaigns.services.dispatch import dispatch
from tests.campaigns.delivery import store_behind, waiting_card
from tests.campaigns.reminders import TEN, store_with_reminders
from tests.factories import make_member

pytestmark = pytest.mark.django_db
URL = "/api/v1/gateway/receipts"
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def call(store: Store | str, body: Any, *, secret: str, at: float | None = None, client: Client | None = None, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    timestamp = str(int(time.time() if at is None else at))
    signed = {"X-Store": store if isinstance(store, str) else store.code, "X-Timestamp": timestamp, "X-Signature": sign(secret, timestamp, raw), **headers}
    return (client or Client()).post(URL, raw, content_type="application/json", headers=signed)


def receipts(message: Message, *events: str) -> dict[str, Any]:
    return {"receipts": [{"id": str(message.pk), "event": event, "at": AT.isoformat(), "provider_id": None} for event in events]}


@pytest.fixture
def message() -> Message:
    return waiting_card(make_member(store_with_reminders("S1")), status="SENT", sent_at=TEN)


def test_a_receipt_is_recorded(message: Message, settings: Settings) -> None:
    answer = call(message.store, receipts(message, "delivered", "opened"), secret=settings.GATEWAY_SECRET)
    assert (answer.status_code, answer.json()) == (200, {"recorded": 2, "repeated": 0, "unknown": 0})
    rows = Receipt.objects.filter(message=message).order_by("event")
    assert [(row.event, row.store_id, row.happened_at) for row in rows] == [(event, message.store_id, AT) for event in ("delivered", "opened")]


def test_repeated_receipts_change_nothing(message: Message, settings: Settings) -> None:
    for _ in range(2):
        answer = call(message.store, receipts(message, "delivered", "delivered"), secret=settings.GATEWAY_SECRET)
    assert answer.json() == {"recorded": 0, "repeated": 2, "unknown": 0}
    assert Receipt.objects.count() == 1


def test_unknown_ones_are_harmless(message: Message, settings: Settings) -> None:
    lines = [
        {"id": identity, "event": "delivered", "at": AT.isoformat(), "provider_id": "x"}
        for identity in ("999999999", "0", "-1", "abc", "", "9" * 30, "1e3", "٣")
    ]
    lines.append({"id": str(message.pk), "event": "exploded", "at": AT.isoformat()})
    answer = call(message.store, {"receipts": lines}, secret=settings.GATEWAY_SECRET)
    assert (answer.status_code, answer.json()) == (200, {"recorded": 0, "repeated": 0, "unknown": len(lines)})
    assert not Receipt.objects.exists()


def test_another_stores_message_is_unknown(message: Message, settings: Settings) -> None:
    stranger = store_with_reminders("S2")
    answer = call(stranger, receipts(message, "delivered", "unsubscribed"), secret=settings.GATEWAY_SECRET)
    assert answer.json() == {"recorded": 0, "repeated": 0, "unknown": 2}
    assert not Receipt.objects.exists()
    message.member.refresh_from_db()  # type: ignore[union-attr]
    assert message.member.credit_cards_on is True  # type: ignore[union-attr]


def test_the_stores_own_secret_signs(settings: Settings) -> None:
    message = waiting_card(make_member(store_with_reminders("S3", gateway_secret="of-its-own")), status="SENT", sent_at=TEN)
    assert call(message.store, receipts(message, "delivered"), secret=settings.GATEWAY_SECRET).status_code == 401
    assert call(message.store, receipts(message, "delivered"), secret="of-its-own").status_code == 200


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_an_old_or_future_timestamp_is_refused(message: Message, settings: Settings, seconds: int) -> None:
    answer = call(message.store, receipts(message, "delivered"), secret=settings.GATEWAY_SECRET, at=time.time() + seconds)
    assert answer.status_code == 401
    assert not Receipt.objects.exists()


@pytest.mark.parametrize("seconds", [-295, 295])
def test_a_timestamp_within_five_minutes_is_accepted(message: Message, settings: Settings, seconds: int) -> None:
    assert call(message.store, receipts(message, "delivered"), secret=settings.GATEWAY_SECRET, at=time.time() + seconds).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Signature": ""},
        {"X-Signature": "sha256=00"},
        {"X-Signature": "sha256=é"},
        {"X-Store": "no-such-store"},
        {"X-Store": ""},
        {"X-Store": "\x00"},
        {"X-Timestamp": ""},
        {"X-Timestamp": "1e9"},
        {"X-Timestamp": "9" * 400},
    ],
)
def test_a_call_that_is_not_signed_as_it_must_be(message: Message, settings: Settings, headers: dict[str, str]) -> None:
    answer = call(message.store, receipts(message, "delivered"), secret=settings.GATEWAY_SECRET, **headers)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_authenticated"
    assert not Receipt.objects.exists()


def test_the_signature_covers_the_body(message: Message, settings: Settings) -> None:
    timestamp = str(int(time.time()))
    signature = sign(settings.GATEWAY_SECRET, timestamp, b'{"receipts": []}')
    forged = json.dumps(receipts(message, "delivered")).encode()
    headers = {"X-Store": "S1", "X-Timestamp": timestamp, "X-Signature": signature}
    assert Client().post(URL, forged, content_type="application/json", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[]", 422),
        (b'{"receipts": 5}', 422),
        (b'{"receipts": [{"id": "1"}]}', 422),
        (b'{"receipts": [{"id": "1", "event": "delivered", "at": "yesterday"}]}', 422),
    ],
)
def test_a_body_that_cannot_be_read_is_a_problem_document(message: Message, settings: Settings, raw: bytes, status: int) -> None:
    answer = call(message.store, raw, secret=settings.GATEWAY_SECRET)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status


@pytest.mark.parametrize(
    "at", ["9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00", "1999-12-31T23:59:59Z", 253402300799]
)
def test_a_time_that_cannot_be_is_a_problem_document(message: Message, settings: Settings, at: Any) -> None:
    body = {"receipts": [{"id": str(message.pk), "event": "delivered", "at": at}]}
    answer = call(message.store, body, secret=settings.GATEWAY_SECRET)
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")
    assert not Receipt.objects.exists()


def test_more_than_a_day_ahead_is_refused_and_less_is_not(message: Message, settings: Settings) -> None:
    for hours, status in ((25, 422), (23, 200)):
        at = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
        body = {"receipts": [{"id": str(message.pk), "event": "delivered", "at": at}]}
        assert call(message.store, body, secret=settings.GATEWAY_SECRET).status_code == status


@pytest.mark.parametrize("offset", [23, -23])
def test_an_offset_that_no_database_knows_is_understood(message: Message, settings: Settings, offset: int) -> None:
    at = AT.astimezone(timezone(timedelta(hours=offset))).isoformat()
    body = {"receipts": [{"id": str(message.pk), "event": "delivered", "at": at}]}
    assert call(message.store, body, secret=settings.GATEWAY_SECRET).status_code == 200
    assert Receipt.objects.get().happened_at == AT


def test_a_time_without_an_offset_is_on_the_platforms_clock(message: Message, settings: Settings) -> None:
    body = {"receipts": [{"id": str(message.pk), "event": "delivered", "at": clock.to_local(AT).replace(tzinfo=None).isoformat()}]}
    assert call(message.store, body, secret=settings.GATEWAY_SECRET).status_code == 200
    assert Receipt.objects.get().happened_at == AT


def test_a_body_that_is_too_big(message: Message, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = call(message.store, receipts(message, "delivered"), secret=settings.GATEWAY_SECRET)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_big")


def test_no_session_and_no_form_token_are_asked_for(message: Message, settings: Settings) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert call(message.store, receipts(message, "delivered"), secret=settings.GATEWAY_SECRET, client=strict).status_code == 200


def test_only_posts(message: Message) -> None:
    assert Client().get(URL).status_code == 405


def test_the_demo_gateways_receipts_are_understood(gateway: DemoGateway, settings: Settings, live_server: Any) -> None:
    store = store_behind(gateway)
    message = waiting_card(make_member(store))
    dispatch(now=TEN)
    outcome = gateway.send_receipts(f"{live_server.url}{URL}", shares={"delivered": 1.0, "opened": 1.0})
    assert (outcome.failures, dict(outcome.accepted)) == ([], {"delivered": 1, "opened": 1})
    assert set(Receipt.objects.filter(message=message).values_list("event", flat=True)) == {"delivered", "opened"}


def test_the_openapi_document_names_the_call() -> None:
    document = Client().get("/api/v1/openapi.json").json()
    assert "post" in document["paths"][URL]
