"""A task that is sent beside the caller: whatever the broker does, the caller goes on at once."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from backoffice.celery import app
from backoffice.kernel import wake

TASK, QUEUE = "campaigns.hand_over_notices", "notices"


@pytest.fixture
def deaf_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        real = app.connection_for_write
        address = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        monkeypatch.setattr(app, "connection_for_write", lambda **limits: real(address, **limits))
        monkeypatch.setattr(wake, "BESIDE_SECONDS", 0.3)
        yield


def wait_for_threads() -> None:
    for thread in threading.enumerate():
        if thread.name == "wake-up":
            thread.join(10)


def test_a_broker_that_says_nothing_keeps_nobody_waiting(deaf_broker: None, caplog: pytest.LogCaptureFixture) -> None:
    began = time.perf_counter()
    for _ in range(20):
        wake.publish_beside(TASK, [1], queue=QUEUE)
    assert time.perf_counter() - began < 0.2
    assert sum(thread.name == "wake-up" for thread in threading.enumerate()) <= wake.MOST_BESIDE
    wait_for_threads()
    assert "wake_up_failed" in caplog.text
    assert "wake_up_dropped" in caplog.text
    assert wake._free._value == wake.MOST_BESIDE, "every thread gave its place back"


def test_it_arrives_in_its_queue_with_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(app, "send_task", lambda task, arguments, **options: sent.append((task, arguments, options["queue"], options["expires"])))
    wake.publish_beside(TASK, [7], queue=QUEUE, expires=60)
    wait_for_threads()
    assert sent == [(TASK, [7], QUEUE, 60)]


def test_the_real_broker_takes_it() -> None:
    queue = f"{QUEUE}"
    with app.connection_for_read() as connection:
        connection.default_channel.queue_purge(queue)
        wake.publish_beside(TASK, [7], queue=QUEUE, expires=60)
        wait_for_threads()
        message = connection.SimpleQueue(queue).get(timeout=5)
        message.ack()
    assert message.headers["task"] == TASK
    assert message.payload[0] == [7]
