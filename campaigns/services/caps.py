"""Slots of the base fatigue caps: taken when a message is decided, given back only when it certainly did not go.

Counters are always locked store counter before person counter, each kind in the order of its key: two callers never wait for each other in a
circle. The CHECK constraints on the counters are the last wall. Every function here runs in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from django.db import connection

from backoffice.kernel.sql import load_sql
from campaigns.choices import PERSON_DAY_CAP, SLOT_HOLDING, STORE_DAY_CAP, SuppressionReason
from campaigns.models import Message


def give_back_slots(message_ids: Collection[int]) -> int:
    """Give back both slots of messages that the caller moved out of ``SLOT_HOLDING`` earlier in this transaction.

    ``message_ids`` are the rows which that conditional update returned: this is what makes a slot be given back once. Messages that still
    hold their slots are left alone. Returns how many messages gave back.
    """
    if not message_ids:
        return 0
    params: dict[str, Any] = {"ids": list(message_ids), "slot_holding": list(SLOT_HOLDING)}
    with connection.cursor() as cursor:
        for step in ("lock_store_counters", "give_back_store_slots", "lock_person_counters", "give_back_person_slots"):
            cursor.execute(load_sql("campaigns", step), params)
        cursor.execute("SELECT count(*) FROM campaigns_message WHERE id = ANY(%(ids)s) AND status <> ALL(%(slot_holding)s)", params)
        row = cursor.fetchone()
    return int(row[0])


def take_slots(*, store_id: int, person_id: int, local_day: date) -> SuppressionReason | None:
    """Take one slot of both caps for one message; ``None`` when taken, else the cap that was met (nothing is taken then)."""
    key: dict[str, Any] = {"store": store_id, "person": person_id, "day": local_day, "store_cap": STORE_DAY_CAP, "person_cap": PERSON_DAY_CAP}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO campaigns_storedaycounter AS counter (store_id, person_id, local_day, used, granted) VALUES (%(store)s, %(person)s, %(day)s, 1, 1)
            ON CONFLICT (store_id, person_id, local_day) DO UPDATE SET used = counter.used + 1, granted = 1 WHERE counter.used < %(store_cap)s
            """,
            key,
        )
        if cursor.rowcount == 0:
            return SuppressionReason.STORE_CAP
        cursor.execute(
            """
            INSERT INTO campaigns_persondaycounter AS counter (person_id, local_day, used, granted) VALUES (%(person)s, %(day)s, 1, 1)
            ON CONFLICT (person_id, local_day) DO UPDATE SET used = counter.used + 1, granted = 1 WHERE counter.used < %(person_cap)s
            """,
            key,
        )
        if cursor.rowcount == 0:
            cursor.execute(
                "UPDATE campaigns_storedaycounter SET used = used - 1 WHERE store_id = %(store)s AND person_id = %(person)s AND local_day = %(day)s", key
            )
            return SuppressionReason.PLATFORM_CAP
    return None


def describe_cap(met: SuppressionReason, *, store_id: int, person_id: int, local_day: date) -> dict[str, Any]:
    """What is stored with one message that met a cap: which, how many slots it has, and the messages that took them.

    As ``sql/write_held_back.sql`` does for many. Asked after ``take_slots`` refused: the counter is locked, so the takers stay.
    """
    takers = Message.objects.filter(person_id=person_id, local_day=local_day, status__in=SLOT_HOLDING)
    if met == SuppressionReason.STORE_CAP:
        takers = takers.filter(store_id=store_id)
    used = STORE_DAY_CAP if met == SuppressionReason.STORE_CAP else PERSON_DAY_CAP
    return {"cap": met.value, "used": used, "taken_by": list(takers.order_by("pk").values_list("pk", flat=True))}
