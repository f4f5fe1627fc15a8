"""The one rule of what a gateway's result means for a message, over all of its cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from campaigns.choices import MessageStatus
from campaigns.gateways.base import Outcome, Result
from campaigns.services.claim import LEASE, Leased
from campaigns.services.record import BACKOFF, Fate, backoff, decide_fate

FIRST = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
DAY = timedelta(hours=24)
MOST = 8


def fate(
    outcome: Outcome, *, doubt: bool = False, attempt: int = 1, since_first: timedelta = timedelta(0), window: timedelta = DAY, retry_after: int | None = None
) -> Fate:
    message = Leased(1, doubt, attempt, FIRST, FIRST + since_first, {"id": "1"})
    wait = None if retry_after is None else timedelta(seconds=retry_after)
    return decide_fate(message, Result(outcome, "p-1", "words"), key_window=window, most_attempts=MOST, retry_after=wait)


@pytest.mark.parametrize("doubt", [False, True])
def test_accepted_is_sent_whatever_was_before(doubt: bool) -> None:
    assert fate(Outcome.ACCEPTED, doubt=doubt, attempt=MOST) == Fate(MessageStatus.SENT, provider_id="p-1")


@pytest.mark.parametrize("doubt", [False, True])
def test_rejected_is_proof_that_it_never_went(doubt: bool) -> None:
    assert fate(Outcome.REJECTED, doubt=doubt) == Fate(MessageStatus.FAILED, "words")


@pytest.mark.parametrize(("doubt", "status"), [(False, MessageStatus.FAILED), (True, MessageStatus.UNKNOWN)])
@pytest.mark.parametrize(("outcome", "attempt"), [(Outcome.CALL_REFUSED, 1), (Outcome.TRY_AGAIN, MOST)])
def test_the_end_without_proof(outcome: Outcome, attempt: int, doubt: bool, status: MessageStatus) -> None:
    assert fate(outcome, attempt=attempt, doubt=doubt).status is status


def test_the_last_attempt_in_doubt_is_unknown() -> None:
    assert fate(Outcome.IN_DOUBT, attempt=MOST).status is MessageStatus.UNKNOWN


@pytest.mark.parametrize(("outcome", "before", "after"), [
    (Outcome.TRY_AGAIN, False, False),
    (Outcome.TRY_AGAIN, True, True),
    (Outcome.IN_DOUBT, False, True),
    (Outcome.IN_DOUBT, True, True),
])  # fmt: skip
def test_doubt_once_there_stays(outcome: Outcome, before: bool, after: bool) -> None:
    waiting = fate(outcome, doubt=before)
    assert (waiting.status, waiting.in_doubt) == (MessageStatus.PENDING, after)


def test_pauses_grow_and_stay_at_the_last() -> None:
    pauses = [backoff(attempt) for attempt in range(1, 12)]
    assert pauses[: len(BACKOFF)] == list(BACKOFF)
    assert set(pauses[len(BACKOFF) :]) == {BACKOFF[-1]}
    assert pauses == sorted(pauses)


@pytest.mark.parametrize(("asked", "pause"), [(None, 5), (0, 5), (600, 600)])
def test_the_longer_of_our_pause_and_the_gateways(asked: int | None, pause: int) -> None:
    assert fate(Outcome.TRY_AGAIN, retry_after=asked).pause == timedelta(seconds=pause)


@pytest.mark.parametrize(("since_first", "status"), [(DAY - timedelta(seconds=6), MessageStatus.PENDING), (DAY - timedelta(seconds=5), MessageStatus.UNKNOWN)])
def test_a_repeat_that_would_come_after_the_key_window_is_not_made(since_first: timedelta, status: MessageStatus) -> None:
    assert fate(Outcome.IN_DOUBT, since_first=since_first).status is status


def test_without_doubt_the_key_window_does_not_matter() -> None:
    assert fate(Outcome.TRY_AGAIN, since_first=DAY * 3).status is MessageStatus.PENDING


def test_without_keys_nothing_in_doubt_is_repeated() -> None:
    assert fate(Outcome.IN_DOUBT, window=timedelta(0)).status is MessageStatus.UNKNOWN


def test_no_slot_comes_back_in_doubt_and_none_is_kept_on_proof() -> None:
    """FAILED gives the slot back, UNKNOWN keeps it: over every case."""
    for outcome, doubt, attempt in product(Outcome, (False, True), (1, MOST)):
        end = fate(outcome, doubt=doubt, attempt=attempt).status
        if end is MessageStatus.FAILED:
            assert outcome is Outcome.REJECTED or (not doubt and outcome is not Outcome.IN_DOUBT)
        if end is MessageStatus.UNKNOWN:
            assert outcome is not Outcome.REJECTED
            assert doubt or outcome is Outcome.IN_DOUBT


def test_a_call_and_its_record_fit_into_the_lease() -> None:
    from django.conf import settings

    assert timedelta(seconds=settings.GATEWAY_TIMEOUT_SECONDS) < LEASE <= timedelta(seconds=30)
