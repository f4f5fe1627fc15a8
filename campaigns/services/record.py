"""Recording what a gateway answered. Only messages still leased under the claim's token are touched: a worker that slept is too late."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection

from backoffice.kernel.crash import crash_point
from backoffice.kernel.locks import in_transaction
from campaigns.choices import MessageStatus
from campaigns.gateways.base import Answer, Outcome, Result
from campaigns.services.claim import Claim, Leased
from campaigns.services.ending import end_messages, note_cards_sent

BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600))
"""Pause after the first, second, ... attempt; the last holds for all further ones. Real clock."""
JITTER = 0.2


@dataclass(frozen=True)
class Fate:
    """What becomes of a message: its status, and when it keeps waiting, for how long and whether in doubt."""

    status: MessageStatus
    error: str = ""
    provider_id: str = ""
    pause: timedelta = timedelta(0)
    in_doubt: bool = False


def backoff(attempt_count: int) -> timedelta:
    return BACKOFF[min(attempt_count, len(BACKOFF)) - 1]


def decide_fate(
    message: Leased, result: Result, *, key_window: timedelta, most_attempts: int, retry_after: timedelta | None = None, stretch: float = 1.0
) -> Fate:
    """The one rule of what a result means.

    A definite refusal of this call does not undo the doubt of an earlier one; only "rejected" does, since the gateway knows its keys.
    ``stretch`` multiplies the pause, so that batches that failed together do not come back together.
    """
    doubt = message.was_in_doubt or result.outcome is Outcome.IN_DOUBT
    match result.outcome:
        case Outcome.ACCEPTED:
            return Fate(MessageStatus.SENT, provider_id=result.provider_id)
        case Outcome.REJECTED:
            return Fate(MessageStatus.FAILED, result.error)
        case Outcome.CALL_REFUSED:
            return Fate(MessageStatus.UNKNOWN if doubt else MessageStatus.FAILED, result.error)
    if message.attempt_count >= most_attempts:
        return Fate(MessageStatus.UNKNOWN if doubt else MessageStatus.FAILED, result.error)
    pause = max(backoff(message.attempt_count) * stretch, retry_after or timedelta(0))
    if doubt and message.claimed_at + pause - message.first_attempt_at >= key_window:
        return Fate(MessageStatus.UNKNOWN, "key_window")
    return Fate(MessageStatus.PENDING, result.error, pause=pause, in_doubt=doubt)


@in_transaction
def record_answer(*, claim: Claim, answer: Answer) -> Counter[str]:
    """Write the fates of a claim's messages; how many went to which status (PENDING: to be tried again)."""
    stretch = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, guards nothing
    no_text = Result(Outcome.CALL_REFUSED, error="no_text")
    fates = {
        message.id: decide_fate(
            message,
            answer.result_of(str(message.id)) if message.wire is not None else no_text,
            key_window=claim.target.gateway.key_window,
            most_attempts=settings.GATEWAY_MAX_ATTEMPTS,
            retry_after=answer.retry_after,
            stretch=stretch,
        )
        for message in claim.messages
    }
    counts = Counter({MessageStatus.SENT.value: _record_sent(claim, _of(fates, MessageStatus.SENT))})
    counts[MessageStatus.PENDING.value] = _postpone(claim, _of(fates, MessageStatus.PENDING))
    for status in (MessageStatus.FAILED, MessageStatus.UNKNOWN):
        errors = {message_id: fate.error for message_id, fate in _of(fates, status).items()}
        counts += end_messages(errors, status=status, token=claim.token).by_status
    crash_point("dispatch.in_record")
    return +counts


def _of(fates: Mapping[int, Fate], status: MessageStatus) -> dict[int, Fate]:
    return {message_id: fate for message_id, fate in fates.items() if fate.status is status}


def _record_sent(claim: Claim, fates: Mapping[int, Fate]) -> int:
    if not fates:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE campaigns_message AS message
               SET status = 'SENT', sent_at = %(moment)s, provider_id = answer.provider_id, error = '', in_doubt = FALSE,
                   lease_token = NULL, lease_until = NULL
              FROM unnest(%(ids)s::bigint[], %(provider_ids)s::text[]) AS answer(id, provider_id)
             WHERE message.id = answer.id AND message.lease_token = %(token)s AND message.status = 'PENDING'
            RETURNING message.id
            """,
            {"moment": claim.moment, "token": claim.token, "ids": list(fates), "provider_ids": [fate.provider_id for fate in fates.values()]},
        )
        sent = [row[0] for row in cursor.fetchall()]
    note_cards_sent(sent)
    return len(sent)


def _postpone(claim: Claim, fates: Mapping[int, Fate]) -> int:
    if not fates:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE campaigns_message AS message
               SET next_attempt_at = clock_timestamp() + answer.pause, in_doubt = answer.in_doubt, error = answer.error,
                   lease_token = NULL, lease_until = NULL
              FROM unnest(%(ids)s::bigint[], %(pauses)s::interval[], %(doubts)s::boolean[], %(errors)s::text[])
                   AS answer(id, pause, in_doubt, error)
             WHERE message.id = answer.id AND message.lease_token = %(token)s AND message.status = 'PENDING'
            """,
            {
                "token": claim.token,
                "ids": list(fates),
                "pauses": [fate.pause for fate in fates.values()],
                "doubts": [fate.in_doubt for fate in fates.values()],
                "errors": [fate.error for fate in fates.values()],
            },
        )
        return int(cursor.rowcount)
