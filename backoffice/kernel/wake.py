"""Sending a task past the broker's moods: bounded in time, or beside the caller. A task only says "there is work", so a lost one costs a few seconds."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from celery import Celery, current_app

log = structlog.get_logger(__name__)

BESIDE_SECONDS = 2.0
"""So long a thread of its own may wait for a broker that does not answer."""
MOST_BESIDE = 4
"""Threads that send at the same time. When all of them wait for a broker, further tasks are not sent."""

_free = threading.BoundedSemaphore(MOST_BESIDE)


@contextmanager
def impatient_broker(app: Celery, seconds: float) -> Iterator[Any]:
    """A connection to the broker that gives up after ``seconds`` and is never tried again."""
    limits = {"socket_timeout": seconds, "socket_connect_timeout": seconds, "max_retries": 0}
    with app.connection_for_write(connect_timeout=seconds, transport_options=limits) as connection:
        yield connection


def publish_beside(task: str, arguments: Sequence[Any], *, queue: str, expires: float | None = None) -> None:
    """Send ``task`` (its name) from a thread of its own: the caller waits for nothing, and whatever goes wrong is a line in the log.

    ``expires``: seconds after which a worker drops the task unread.
    """
    if not _free.acquire(blocking=False):
        log.warning("wake_up_dropped", task=task)
        return
    threading.Thread(target=_publish, args=(task, list(arguments), queue, expires), name="wake-up").start()


def _publish(task: str, arguments: list[Any], queue: str, expires: float | None) -> None:
    try:
        with impatient_broker(current_app, BESIDE_SECONDS) as connection:
            current_app.send_task(task, arguments, queue=queue, expires=expires, connection=connection, retry=False, ignore_result=True)
    except Exception as error:  # noqa: BLE001 - whatever a broker's client raises: the tick does without
        log.warning("wake_up_failed", task=task, error=type(error).__name__)
    finally:
        _free.release()
