"""Waking a worker for a store's notices as soon as they are committed, one task at a time however many payments there are.

A wake-up is only that: what waits stands in the messages, and the dispatch tick finds it a few seconds later without any (ADR 0049).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from backoffice.kernel.sql import load_sql
from backoffice.kernel.wake import publish_beside

TASK = "campaigns.hand_over_notices"
QUEUE = "notices"
PATIENCE = timedelta(seconds=60)
"""After so long a wake-up that no worker answered is taken for lost, and the task for it has expired."""


def wake_on_commit(store_id: int) -> None:
    """Wake a worker for ``store_id`` once the caller's transaction is committed. It neither fails the caller nor waits for the broker."""

    def committed() -> None:  # no partial: Django names the function when it logs that it failed
        wake(store_id)

    transaction.on_commit(committed, robust=True)


def wake(store_id: int) -> bool:
    """Send the task, unless one is on its way that has not begun: it will find everything that is committed by now. Whether it was sent."""
    if not _ask(store_id):
        return False
    publish_beside(TASK, [store_id], queue=QUEUE, expires=PATIENCE.total_seconds())
    return True


def begin(store_id: int) -> None:
    """Said by the task before it looks at any message: who commits from here on sends a new one."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE campaigns_wakeup SET asked_at = NULL WHERE store_id = %s AND asked_at IS NOT NULL", [store_id])


def _ask(store_id: int) -> bool:
    params: dict[str, Any] = {"store": store_id, "patience": PATIENCE}
    with connection.cursor() as cursor:
        cursor.execute(load_sql("campaigns", "ask_for_wakeup"), params)
        return int(cursor.rowcount) == 1
