"""Ending a waiting message without having sent it: failed, unknown, cancelled or missed. Slots come back only on proof that it did not go."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from backoffice.kernel import clock
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.sql import load_sql
from campaigns.choices import ARRIVED, MESSAGE_TRANSITIONS, PERIODIC_CARDS, SLOT_HOLDING, MessageStatus
from campaigns.services.caps import give_back_slots

PAST_BATCH = 2_000


@dataclass
class Ended:
    """How many messages ended, by status."""

    by_status: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.by_status.total()

    def add(self, other: Ended) -> None:
        self.by_status += other.by_status


def end_messages(errors: Mapping[int, str], *, status: MessageStatus, reason: str = "", token: uuid.UUID | None = None) -> Ended:
    """Move waiting messages (id -> error) to ``status``, in the caller's transaction. With ``token`` only those still leased under it.

    A status that holds no slot gives the slots back; an unknown outcome keeps them and restarts the member's 30-day clock.
    """
    if not errors:
        return Ended()
    if status not in MESSAGE_TRANSITIONS[MessageStatus.PENDING]:
        raise ValueError(f"a waiting message does not become {status}")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE campaigns_message AS message
               SET status = %(status)s, reason = %(reason)s, error = ended.error, lease_token = NULL, lease_until = NULL, next_attempt_at = NULL
              FROM unnest(%(ids)s::bigint[], %(errors)s::text[]) AS ended(id, error)
             WHERE message.id = ended.id AND message.status = 'PENDING' AND (%(token)s::uuid IS NULL OR message.lease_token = %(token)s::uuid)
            RETURNING message.id
            """,
            {"status": status.value, "reason": reason, "ids": list(errors), "errors": list(errors.values()), "token": token},
        )
        moved = [row[0] for row in cursor.fetchall()]
    return Ended(_settle(moved, status))


@in_transaction
def end_past_days(*, now: datetime) -> Ended:
    """End what is left of earlier local days, a batch a call: never handed over = missed, decided again by the new day's run; in doubt = unknown."""
    with connection.cursor() as cursor:
        cursor.execute(load_sql("campaigns", "end_past_days"), {"local_day": clock.local_day(now), "batch": PAST_BATCH})
        rows = cursor.fetchall()
    ended = Ended()
    for status in (MessageStatus.MISSED, MessageStatus.UNKNOWN):
        ended.add(Ended(_settle([message_id for message_id, became in rows if became == status], status)))
    return ended


def note_cards_sent(message_ids: Collection[int]) -> None:
    """Restart the 30-day clock of members whose periodic card was sent or may have been. Other messages change nothing."""
    if message_ids:
        with connection.cursor() as cursor:
            cursor.execute(load_sql("campaigns", "note_cards_sent"), {"ids": list(message_ids), "periodic": list(PERIODIC_CARDS)})


def settle_reported_failures(message_ids: Collection[int]) -> int:
    """End those of unknown outcome of which a stored receipt says "failed" and none that they arrived; gives how many.

    They certainly did not arrive: their slots come back, and the clocks that they had restarted. A receipt from before a person let
    the message be tried again says nothing about the attempts since.
    """
    if not message_ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE campaigns_message AS message SET status = 'FAILED', error = 'receipt'
             WHERE message.id = ANY(%(ids)s) AND message.status = 'UNKNOWN'
               AND EXISTS (SELECT FROM campaigns_receipt AS told WHERE told.message_id = message.id AND told.event = 'failed'
                              AND told.received_at >= coalesce(message.first_attempt_at, '-infinity'))
               AND NOT EXISTS (SELECT FROM campaigns_receipt AS told WHERE told.message_id = message.id AND told.event = ANY(%(arrived)s))
            RETURNING message.id, message.member_id
            """,
            {"ids": sorted(set(message_ids)), "arrived": sorted(ARRIVED)},
        )
        moved = cursor.fetchall()
        give_back_slots([message_id for message_id, _member in moved])
        members = sorted({member for _message_id, member in moved if member is not None})
        if members:
            cursor.execute(load_sql("campaigns", "turn_clocks_back"), {"members": members, "periodic": list(PERIODIC_CARDS)})
    return len(moved)


def _settle(message_ids: Collection[int], status: MessageStatus) -> Counter[str]:
    """Slots and clocks of messages that became ``status``; how many of them have which status now."""
    if status in SLOT_HOLDING:
        note_cards_sent(message_ids)
    else:
        give_back_slots(message_ids)
    failed = settle_reported_failures(message_ids) if status == MessageStatus.UNKNOWN else 0
    return +Counter({status.value: len(message_ids) - failed, MessageStatus.FAILED.value: failed}) if failed else Counter({status.value: len(message_ids)})
