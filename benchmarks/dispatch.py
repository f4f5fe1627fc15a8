"""Hand-over: claim, POST to a local gateway, record, by one and two worker processes, beside the same with a sender that calls nobody.

``python -m benchmarks.dispatch [--rows 200000] [--rounds 3]`` prints a table and one line of JSON. ``rows`` are members; about a third of them
have a card waiting. The gateway is a process of its own that reads each batch and accepts it. ``latency`` rows: it waits 20 ms first, as a
gateway across a network does.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.reminders import TODAY, decide_with, execute, make_situation, scratch_databases

FORK = multiprocessing.get_context("fork")
LATENCY_SECONDS = 0.02


def serve(port: Any, latency: Any) -> None:
    """The gateway: accepts every message of every batch."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            batch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(latency.value)
            results = [{"id": one["id"], "status": "accepted", "provider_id": one["idempotency_key"], "error": None} for one in batch["messages"]]
            body = json.dumps({"results": results}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the name is the base class's
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.value = server.server_address[1]
    server.serve_forever()


def work(start: Any, moment: datetime, null_sender: bool, sent: Any) -> None:
    """One worker process; all begin together."""
    from django.db import connection

    from campaigns.gateways.base import Answer, Outcome, Result
    from campaigns.gateways.http import HttpGateway
    from campaigns.services.dispatch import dispatch

    connection.ensure_connection()
    if null_sender:
        HttpGateway.send = lambda _gateway, _batch_id, messages: Answer(  # type: ignore[method-assign]
            Result(Outcome.IN_DOUBT), {one["id"]: Result(Outcome.ACCEPTED, one["idempotency_key"]) for one in messages}
        )
    start.wait()
    report = dispatch(now=moment)
    with sent.get_lock():
        sent.value += report.sent
    connection.close()


def hand_over(workers: int, moment: datetime, *, null_sender: bool = False) -> tuple[float, int]:
    """Seconds for everything that waits, and how many messages that was."""
    from django.db import connection

    connection.close()
    start, sent = FORK.Barrier(workers + 1), FORK.Value("l", 0)
    processes = [FORK.Process(target=work, args=(start, moment, null_sender, sent)) for _ in range(workers)]
    for process in processes:
        process.start()
    start.wait()
    began = time.perf_counter()
    for process in processes:
        process.join()
    took = time.perf_counter() - began
    assert all(process.exitcode == 0 for process in processes)
    return took, sent.value


def check(expected: int, sent: int) -> None:
    (recorded,) = execute(
        "SELECT count(*) FROM campaigns_message WHERE status = 'SENT' AND first_attempt_at IS NOT NULL AND local_day = %(day)s", {"day": TODAY}
    )[0]
    assert sent == recorded == expected, f"{sent} counted, {recorded} recorded, {expected} waited"


def measure(rows: int, rounds: int, place: str, latency: Any) -> dict[str, Any]:
    from backoffice.kernel import clock

    moment = datetime(2026, 11, 22, 10, 0, tzinfo=clock.local_zone())
    ways = {
        "one": (1, False, 0.0),
        "null": (1, True, 0.0),
        "two": (2, False, 0.0),
        "one, latency": (1, False, LATENCY_SECONDS),
        "two, latency": (2, False, LATENCY_SECONDS),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    with scratch_databases() as use:
        began = time.perf_counter()
        make_situation(rows, moment)
        decide_with(1, moment)
        execute("UPDATE tenancy_store SET gateway_url = %(url)s", {"url": f"http://{place}/"})
        (waiting,) = execute("SELECT count(*) FROM campaigns_message WHERE status = 'PENDING' AND local_day = %(day)s", {"day": TODAY})[0]
        execute("VACUUM (ANALYZE)")
        print(f"{waiting} waiting messages of {rows} members made in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        for _ in range(rounds):
            for name, (workers, null_sender, wait) in ways.items():
                use(name.replace(", ", "_"))
                latency.value = wait
                took, sent = hand_over(workers, moment, null_sender=null_sender)
                check(waiting, sent)
                seconds[name].append(took)
            print({name: round(values[-1], 2) for name, values in seconds.items()}, file=sys.stderr)
    rate = {name: waiting / statistics.median(values) for name, values in seconds.items()}
    return {
        "subject": "dispatch",
        "messages": waiting,
        "per_second": {name: round(value) for name, value in rate.items()},
        "one_to_null_sender": round(rate["one"] / rate["null"], 3),
        "two_to_one": round(rate["two"] / rate["one"], 3),
        "two_to_one_at_20_ms": round(rate["two, latency"] / rate["one, latency"], 3),
        "rounds": rounds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    port, latency = FORK.Value("i", 0), FORK.Value("d", 0.0)
    gateway = FORK.Process(target=serve, args=(port, latency), daemon=True)
    gateway.start()
    while not port.value:
        time.sleep(0.01)
    place = f"127.0.0.1:{port.value}"
    os.environ["OUTBOUND_ALLOW"] = place
    import django

    django.setup()
    try:
        result = measure(options.rows, options.rounds, place, latency)
    finally:
        gateway.terminate()
    print(f"{'way':<28}{'messages/s':>12}{'x null sender':>16}")
    for name, rate in result["per_second"].items():
        print(f"{name:<28}{rate:>12,}{rate / result['per_second']['null']:>16.3f}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
