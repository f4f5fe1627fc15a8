"""Receipts of gateways: ``POST /api/v1/gateway/receipts``, signed like our own calls."""

from __future__ import annotations

import hmac
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema
from ninja.security import APIKeyHeader
from pydantic import field_validator

from backoffice.kernel import clock
from backoffice.kernel.api.fields import shown
from backoffice.kernel.api.problems import PROBLEM_RESPONSES
from backoffice.kernel.tenancy.models import Store
from campaigns.gateways.chosen import secret_of
from campaigns.gateways.http import sign
from campaigns.services.receipts import ReceiptLine, record_receipts

TOLERANCE_SECONDS = 300
MOST_RECEIPTS = 5_000
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)

router = Router(tags=["gateway"])


class GatewaySignature(APIKeyHeader):
    """``X-Signature`` over ``X-Timestamp`` and the raw body, by the secret of the store in ``X-Store``. Gives the store.

    A wrong store, time or signature are refused alike: nobody learns which stores there are.
    """

    param_name = "X-Signature"

    def authenticate(self, request: HttpRequest, key: str | None) -> Store | None:
        timestamp = request.headers.get("X-Timestamp", "")
        if not key or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            return None
        code = request.headers.get("X-Store", "")
        store = Store.objects.filter(code=code).first() if "\x00" not in code else None
        expected = sign(secret_of(store) if store else "no such store", timestamp, request.body)
        fits = hmac.compare_digest(expected.encode(), key.encode())
        in_time = abs(time.time() - int(timestamp)) <= TOLERANCE_SECONDS
        return store if fits and in_time else None


class ReceiptIn(Schema):
    """One receipt. An ``event`` that we do not know is counted as unknown, not refused."""

    id: str = Field(max_length=64, description="the message's id, as we sent it")
    event: str = Field(max_length=32, description="delivered, opened, clicked, unsubscribed or failed")
    at: datetime = Field(description="when it happened, from the year 2000 to a day from now; without an offset on the platform's clock")
    provider_id: str = Field("", max_length=128, description="the gateway's own number")

    @field_validator("provider_id", mode="before")
    @classmethod
    def nothing_is_empty(cls, value: Any) -> Any:
        return "" if value is None else value

    @field_validator("at")
    @classmethod
    def plausible(cls, moment: datetime) -> datetime:
        """In UTC: a database and a screen cannot show every moment and offset that can be written down."""
        try:
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=clock.local_zone())).astimezone(UTC)
        except OverflowError:
            raise ValueError("this time is out of range") from None
        if not EARLIEST <= moment <= datetime.now(UTC) + AHEAD:
            raise ValueError("this time is before the year 2000 or more than a day ahead")
        return moment

    @field_validator("id", "provider_id")
    @classmethod
    def storable(cls, value: str) -> str:
        return value.replace("\x00", "")


class ReceiptsIn(Schema):
    """What became of messages, as a gateway tells it."""

    model_config = shown({"receipts": [{"id": "7", "event": "delivered", "at": "2026-11-22T10:01:00+08:00", "provider_id": "p-1"}]})

    receipts: list[ReceiptIn] = Field(max_length=MOST_RECEIPTS)


class ReceiptsOut(Schema):
    """How many receipts were what."""

    model_config = shown({"recorded": 1, "repeated": 0, "unknown": 0})

    recorded: int = Field(description="new ones")
    repeated: int = Field(description="came before")
    unknown: int = Field(description="name no message of this store, or no known event")


@router.post(
    "/gateway/receipts", auth=GatewaySignature(), response={200: ReceiptsOut, **PROBLEM_RESPONSES}, summary="What became of messages after the hand-over"
)
def receive_receipts(request: HttpRequest, payload: ReceiptsIn) -> Any:
    """Repeated, late and unknown receipts are harmless; the answer counts them."""
    lines = [ReceiptLine(line.id, line.event, line.at, line.provider_id) for line in payload.receipts]
    return record_receipts(store=request.auth, receipts=lines, now=clock.database_now())  # type: ignore[attr-defined]
