"""Payment to gateway: from the HTTP call that tells of a payment to the line in the gateway's own log, with web, worker, beat and broker up.

``python -m benchmarks.payment_notice [--rows 100]`` (rows: payments of each part) prints a table and one line of JSON. Real processes:
gunicorn, a Celery worker, beat and a gateway, on a scratch database. Three parts: payments one after the other; a burst from 8 callers at
once; payments while reminders of ``BACKLOG`` members are handed over. Every payment is another member's and must bring exactly one notice.
The bar is p95 <= 2 s on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from benchmarks._scratch import scratch_database, url_of

STORES = 10
BACKLOG = 40_000
CALLERS = 8
PAUSE_SECONDS = 0.05
PATIENCE_SECONDS = 60
BAR_SECONDS = 2.0
ZONES = ("Asia/Shanghai", "UTC", "America/Los_Angeles")
MAKE = """
INSERT INTO tenancy_merchant (id, code, name, status, created_at) VALUES (1, 'm', 'm', 'ACTIVE', now());
INSERT INTO tenancy_store (id, merchant_id, code, name, category, status, gateway_url, marketing_consent_default, created_at)
  SELECT g, 1, 's' || g, 's' || g, '', 'OPEN', %(url)s, true, now() FROM generate_series(1, {stores}) g;
INSERT INTO campaigns_remindersetting (store_id, enabled, send_time) SELECT id, true, '23:59' FROM tenancy_store;
INSERT INTO members_person (id) SELECT g FROM generate_series(1, {members}) g;
INSERT INTO members_member (id, store_id, person_id, member_no, nickname, phone_masked, joined_at, join_channel, join_scene, growth, status,
    marketing_consent, consent_source, consent_version, consent_at, credit_cards_on, language)
  SELECT g, 1 + g %% {stores}, g, 'M' || g, '', '', now(), '', '', 0, 'ACTIVE', true, 'STORE_DEFAULT', '', now(), true, 'zh-hans'
    FROM generate_series(1, {members}) g;
INSERT INTO members_creditaccount (id, store_id, member_id, balance, held) SELECT id, store_id, id, 120, 0 FROM members_member;
INSERT INTO members_creditlot (store_id, account_id, source_no, principal_amount, bonus_amount, principal_left, bonus_left, opened_at)
  SELECT store_id, id, 'T' || id, 100, 20, 100, 20, now() - interval '1 day' FROM members_creditaccount;
INSERT INTO members_creditentry (store_id, account_id, lot_id, kind, principal_amount, bonus_amount, balance_after, idempotency_key, seq, body_hash,
    order_no, reason, happened_at)
  SELECT store_id, account_id, id, 'TOP_UP', 100, 20, 120, 'top-up-' || id, 1, '\\x00', '', '', opened_at FROM members_creditlot;
-- The payers had their card: only the backlog is due.
INSERT INTO campaigns_reminderclock (member_id, store_id, last_sent_on) SELECT id, store_id, current_date FROM members_member WHERE id <= {payers};
"""


def zone_far_from_midnight() -> str:
    """Days are counted in one zone; the notices of a run must not meet the end of one."""
    return next(zone for zone in ZONES if 1 <= datetime.now(UTC).astimezone(ZoneInfo(zone)).hour < 23)


def own_queues(broker: str) -> str:
    """The given broker, in a database that nobody else's worker reads (Redis and Valkey; RabbitMQ as it is), empty."""
    from backoffice.celery import app

    parts = urlsplit(broker)
    if parts.scheme == "redis+socket":  # the embedded one; urlunsplit would lose the empty host's slashes
        url = f"{broker.partition('?')[0]}?virtual_host=15"
    elif parts.scheme in ("redis", "rediss"):
        url = parts._replace(path="/15").geturl()
    else:
        url = broker
    with app.connection_for_write(url) as connection:
        for queue in app.amqp.queues.values():
            bound = queue.bind(connection.default_channel)
            bound.declare()
            bound.purge()
    return url


class Place:
    """The running system: where it answers, the callers' token, the gateway's log."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.environment = {**os.environ, **environment}
        self.log = folder / "gateway.jsonl"
        self.address = ""
        self.token = ""
        self._numbers = iter(range(1, 1_000_000))
        self._lock = threading.Lock()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """One of the product's commands as a process."""
        return subprocess.Popen([sys.executable, "manage.py", *arguments], env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def pay(self, part: str) -> tuple[str, float, float]:
        """Tell of one payment. Its order number, when the call began (Unix seconds), and seconds until it was answered."""
        import requests

        with self._lock:
            member = next(self._numbers)
        order_no = f"{part}-{member}".replace(" ", "-")
        body = {
            "order_no": order_no,
            "member_no": f"M{member}",
            "paid_at": datetime.now(UTC).isoformat(),
            "amount": "100.00",
            "credit_used": "30.00",
            "lines": [{"line_no": 1, "amount": "60.00"}, {"line_no": 2, "amount": "40.00"}],
        }
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": order_no}
        began = time.time()
        answer = requests.post(f"{self.address}/api/v1/stores/s{1 + member % STORES}/payments", json=body, headers=headers, timeout=30)
        took = time.time() - began
        assert answer.status_code == 201, (answer.status_code, answer.text)
        return order_no, began, took


@contextmanager
def running(url: str, payers: int) -> Iterator[Place]:
    """Everything up, and the members made."""
    from django.conf import settings
    from django.db import connection

    from backoffice.embedded.site import LOOPBACK, LocalSite, choose_port

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-payment-")))
        port, gateway_port = choose_port(None, first=8300), choose_port(None, first=8400)
        with connection.cursor() as cursor:
            numbers = {"{stores}": STORES, "{members}": payers + BACKLOG, "{payers}": payers}
            statements = MAKE
            for name, number in numbers.items():
                statements = statements.replace(name, str(number))
            cursor.execute(statements, {"url": f"http://{LOOPBACK}:{gateway_port}/messages"})
            cursor.execute("ANALYZE")
        environment = {
            "DEPLOYMENT": "local",
            "DATABASE_URL": url,
            "CELERY_BROKER_URL": own_queues(settings.CELERY_BROKER_URL),
            "OUTBOUND_ALLOW": f"{LOOPBACK}:{gateway_port}",
            "GATEWAY_SECRET": secrets.token_hex(16),
        }
        place = Place(folder, environment)
        site = LocalSite(base=settings.BASE_DIR, state=folder, port=port, env=environment, say=lambda text: print(text, file=sys.stderr))
        stack.callback(site.stop)
        site.start_companion("gateway", "backoffice.demo.gateway", "--port", str(gateway_port), "--log", place.log)
        connection.close()
        site.start_web()
        place.address = site.address
        wait_for_web(site)
        made, _errors = place.start("create_client", "benchmark", "--scope", "platform", "--json").communicate(timeout=60)
        place.token = token_of(site.address, json.loads(made))
        site.start_background()
        yield place


def wait_for_web(site: Any) -> None:
    """Until the process answers. Its pages would need collected static files, which a benchmark has no use for."""
    import requests

    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if requests.get(f"{site.address}/healthz", timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        assert time.monotonic() < deadline, site.programs["web"].last_lines()
        time.sleep(0.1)


def token_of(address: str, client: dict[str, str]) -> str:
    import requests

    form = {"grant_type": "client_credentials", "scope": "platform"}
    answer = requests.post(f"{address}/oauth/token/", data=form, auth=(client["client_id"], client["client_secret"]), timeout=30)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def arrivals(log: Path) -> dict[str, list[float]]:
    """When each order's notice reached the gateway, Unix seconds."""
    from backoffice.demo.gateway_log import read_lines

    found: dict[str, list[float]] = {}
    for line in read_lines(log, "delivered"):
        if line["scenario"] == "AFTER_PAYMENT":
            found.setdefault(line["params"]["order_no"], []).append(line["at"])
    return found


def wait_for(place: Place, orders: list[str]) -> dict[str, list[float]]:
    wait_until(lambda: set(orders) <= arrivals(place.log).keys(), f"the notices of {orders[0]} and the others")
    return arrivals(place.log)


def measure(place: Place, part: str, tell: Callable[[], list[tuple[str, float, float]]]) -> dict[str, Any]:
    told = tell()
    found = wait_for(place, [order_no for order_no, _began, _took in told])
    assert all(len(found[order_no]) == 1 for order_no, _began, _took in told), "a payment brought two notices"
    reached = [found[order_no][0] - began for order_no, began, _took in told]
    answered = [took for _order_no, _began, took in told]
    return {"part": part, "payments": len(told), "answered": spread(answered), "reached": spread(reached)}


def spread(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {"p50": round(statistics.median(ordered), 3), "p95": round(ordered[int(len(ordered) * 0.95)], 3), "max": round(ordered[-1], 3)}


def one_by_one(place: Place, part: str, number: int) -> list[tuple[str, float, float]]:
    told = []
    for _ in range(number):
        told.append(place.pay(part))
        time.sleep(PAUSE_SECONDS)
    return told


def all_at_once(place: Place, part: str, number: int) -> list[tuple[str, float, float]]:
    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(lambda _number: place.pay(part), range(number)))


def beside_reminders(place: Place, part: str, number: int) -> list[tuple[str, float, float]]:
    """While the day's reminders of the backlog are handed over: from the first of them on, without a pause. Those told after the last are left out."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("UPDATE campaigns_remindersetting SET send_time = '00:00'")
    connection.close()
    deciding = place.start("run_reminders")
    wait_until(lambda: reminders_at(place.log), "the first reminder")
    told = [place.pay(part) for _ in range(number)]
    assert deciding.wait() == 0
    wait_until(lambda: len(reminders_at(place.log)) == BACKLOG, "the last reminder")
    last = max(reminders_at(place.log))
    return [one for one in told if one[1] < last]


def reminders_at(log: Path) -> list[float]:
    from backoffice.demo.gateway_log import read_lines

    return [line["at"] for line in read_lines(log, "delivered") if line["scenario"] != "AFTER_PAYMENT"]


def wait_until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come in {PATIENCE_SECONDS} s"
        time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rows", type=int, default=100)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    os.environ["LOCAL_TIME_ZONE"] = zone_far_from_midnight()
    import django

    django.setup()
    parts = []
    with scratch_database("payment") as name, running(url_of(name), payers=3 * options.rows) as place:
        wait_for(place, [order_no for order_no, _began, _took in one_by_one(place, "warm-up", 3)])  # the worker is up now
        for part, tell in (("one by one", one_by_one), (f"{CALLERS} at once", all_at_once), ("beside reminders", beside_reminders)):
            parts.append(measure(place, part, lambda tell=tell, part=part: tell(place, part, options.rows)))  # type: ignore[misc]
            print(parts[-1], file=sys.stderr)
    print(f"{'seconds':<18}{'payments':>10}{'answered p50':>14}{'p95':>8}{'in the log p50':>16}{'p95':>8}{'max':>8}")
    for one in parts:
        answered, reached = one["answered"], one["reached"]
        print(
            f"{one['part']:<18}{one['payments']:>10}{answered['p50']:>14.3f}{answered['p95']:>8.3f}"
            f"{reached['p50']:>16.3f}{reached['p95']:>8.3f}{reached['max']:>8.3f}"
        )
    worst = max(one["reached"]["p95"] for one in parts)
    print(json.dumps({"subject": "payment_notice", "parts": parts, "worst_p95": worst, "bar": BAR_SECONDS, "holds": worst <= BAR_SECONDS}))


if __name__ == "__main__":
    main()
