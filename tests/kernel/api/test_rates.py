"""A client that calls too fast is told to wait; others are not in its way."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from backoffice.kernel.api import rates
from members.models import Member
from tests.factories import make_store
from tests.kernel.api.calling import Caller, problem_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of the buckets, standing still."""
    clock = [1000.0]
    monkeypatch.setattr(rates, "_buckets", {})
    monkeypatch.setattr(rates.time, "monotonic", lambda: clock[0])
    return clock


def test_five_seconds_worth_at_once_then_the_rate(settings: Settings, seconds: list[float]) -> None:
    settings.API_CALLS_PER_SECOND = 2
    store = make_store("s1")
    caller, other = Caller(store), Caller(store)

    def statuses(times: int) -> list[Any]:
        return [caller.get("/stores/s1/payouts").status_code for _ in range(times)]

    assert statuses(11) == [200] * 10 + [429]
    assert other.get("/stores/s1/payouts").status_code == 200
    seconds[0] += 1
    assert statuses(3) == [200, 200, 429]
    seconds[0] += 3600
    assert statuses(11) == [200] * 10 + [429]


def test_nothing_was_done_and_the_key_is_free(settings: Settings, seconds: list[float]) -> None:
    settings.API_CALLS_PER_SECOND = 1
    caller = Caller(make_store("s1"))
    for _ in range(5):
        caller.get("/stores/s1/payouts")
    refused = caller.put("/stores/s1/members/M1", {}, key="k1")
    assert (problem_of(refused), refused["Retry-After"]) == ((429, "too_many_calls"), "1")
    assert not Member.objects.exists()
    seconds[0] += 1
    assert caller.put("/stores/s1/members/M1", {}, key="k1").status_code == 201


def test_no_limit(settings: Settings, seconds: list[float]) -> None:
    settings.API_CALLS_PER_SECOND = 0
    caller = Caller(make_store("s1"))
    assert {caller.get("/stores/s1/payouts").status_code for _ in range(20)} == {200}
