"""Figures of push accounts: upkeep after a change of 0.1 % at two sizes, returning fans against a scan of order lines, ingest with and without upkeep.

``python -m benchmarks.push_figures [--rows 10000000] [--rounds 3]`` prints a table and one line of JSON, and exits with 1 below a bar. ``--rows`` are order
lines; a tenth as many people, half of them fans, in 20 stores. Two situations are made, of a tenth of the rows and of all. In both the SAME number of people
(0.1 % of the smaller one) buys, visits, unfollows, and the figures are refreshed: what it costs must follow what changed, not what there is. The bars: the
larger at most 2 x the smaller; look-up >= 100 x the scan; ingest with upkeep >= 0.4 x ingest without: the same file of orders through the importer, with the
statements that keep buyers and fans and without them. Each measurement is the median of its rounds; all but the ingest is rolled back.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks._scratch import scratch_database

STORES = 20
NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
GROWTH_BAR, LOOKUP_BAR, INGEST_BAR = 2.0, 100.0, 0.4
MAKE = """
INSERT INTO tenancy_merchant (id, code, name, status, created_at) VALUES (1, 'bench', 'bench', 'ACTIVE', now());
INSERT INTO tenancy_store (id, merchant_id, code, name, category, status, gateway_url, marketing_consent_default, created_at)
  SELECT g, 1, 's' || g, 's' || g, '', 'OPEN', '', true, now() FROM generate_series(1, {stores}) g;
INSERT INTO members_person (id) SELECT g FROM generate_series(1, {people}) g;
INSERT INTO members_member (store_id, person_id, member_no, nickname, phone_masked, joined_at, join_channel, join_scene, growth, status,
    marketing_consent, consent_source, consent_version, consent_at, credit_cards_on, language, created_at, updated_at)
  SELECT 1 + (p - 1) %% {stores}, p, 'm' || p, '', '', now(), '', '', 0, 'ACTIVE', true, 'STORE_DEFAULT', '', now(), true, 'zh-hans', now(), now()
  FROM generate_series(1, {people}) p;
INSERT INTO members_orderline (store_id, order_no, line_no, person_id, paid_at, amount, credit_used, refunded_amount)
  SELECT 1 + p %% {stores}, 'o' || g, 1, 1 + p, '{now}'::timestamptz - (random() * 700) * interval '1 day', 10, 0, CASE WHEN g %% 50 = 0 THEN 10 ELSE 0 END
  FROM (SELECT g, (g * 7919::bigint) %% {people} AS p FROM generate_series(1, {rows}) g) made;
INSERT INTO members_fan (store_id, person_id, followed_at, subscribed_at, last_seen_at)
  SELECT 1 + (p - 1) %% {stores}, p, '{now}'::timestamptz - interval '30 days', CASE WHEN p %% 6 = 0 THEN '{now}'::timestamptz - interval '29 days' END,
         '{now}'::timestamptz - (p %% 40) * interval '1 day'
  FROM generate_series(1, {people}, 2) p
"""
INGEST = (
    "INSERT INTO members_orderline (store_id, order_no, line_no, person_id, paid_at, amount, credit_used, refunded_amount) "
    "SELECT 1 + (p - 1) %% {stores}, 'new' || p, 1, p, %(at)s, 10, 0, 0 FROM generate_series(%(first)s::bigint, %(last)s::bigint) p"
)
TOUCHED = "(SELECT 1 + (p - 1) %% {stores} AS store_id, p AS person_id FROM generate_series(%(first)s::bigint, %(last)s::bigint) p)"
SCAN = """
SELECT count(*) FROM (
    SELECT person_id FROM members_orderline
    WHERE store_id = 1 AND refunded_amount < amount AND paid_at >= %(since)s
    GROUP BY person_id HAVING count(DISTINCT (paid_at AT TIME ZONE 'Asia/Shanghai')::date) >= 2) returning_customers
WHERE person_id IN (SELECT person_id FROM members_fan WHERE store_id = 1 AND fan_since IS NOT NULL)
"""


class Undo(Exception):
    """Ends a measurement; what it wrote is rolled back."""


def execute(sql: str, params: dict[str, Any] | None = None) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, params or {})
        return cursor.fetchall() if cursor.description else []


def seconds(act: Callable[[], object], rounds: int) -> float:
    """Median of so many runs, each rolled back."""
    from django.db import transaction

    times = []
    for _round in range(rounds):
        try:
            with transaction.atomic():
                started = time.perf_counter()
                act()
                times.append(time.perf_counter() - started)
                raise Undo
        except Undo:
            pass
    return statistics.median(times)


def make_situation(rows: int) -> int:
    """Orders, fans and their figures, folded in; the number of people."""
    from members.services.purchases import recount_buyers
    from members.services.push_accounts import fold_figures

    people = max(rows // 10, 1_000)
    text = MAKE.format(stores=STORES, people=people, rows=rows, now=NOW.isoformat())
    for statement in text.split(";\n"):
        execute(statement)
    execute("ANALYZE members_orderline")
    recount_buyers(store_ids=range(1, STORES + 1))
    execute("UPDATE members_fan SET seen_on = (last_seen_at AT TIME ZONE 'Asia/Shanghai')::date WHERE last_seen_at > fan_since")
    while fold_figures(now=NOW).more:
        pass
    for table in ("members_orderline", "members_buyer", "members_fan", "members_pushaccountday"):
        execute(f"VACUUM ANALYZE {table}")
    return people


def run_upkeep(first: int, last: int) -> None:
    from django.conf import settings

    from members.services.purchases import buyers_sql

    params = {"first": first, "last": last, "zone": settings.TIME_ZONE}
    for statement in buyers_sql(TOUCHED.format(stores=STORES)):
        execute(statement, params)


def ingest(first: int, last: int) -> None:
    execute(INGEST.format(stores=STORES), {"first": first, "last": last, "at": NOW - timedelta(hours=1)})


def change(changed: int) -> None:
    """So many people buy again, as many are seen, a tenth of them unfollow; then the figures are refreshed and read."""
    from members.selectors.fans import list_account_figures
    from members.services.push_accounts import fold_figures

    ingest(1, changed)
    run_upkeep(1, changed)
    # By the pair of columns that the unique index has, as the product's statements ask.
    pairs = "FROM generate_series(1, %(most)s, 2) p WHERE store_id = 1 + (p - 1) %% 20 AND person_id = p"
    execute(f"UPDATE members_fan SET last_seen_at = %(at)s, seen_on = %(day)s {pairs}", {"at": NOW, "day": "2026-11-22", "most": 2 * changed})  # noqa: S608
    execute(f"UPDATE members_fan SET unfollowed_at = %(at)s {pairs}", {"at": NOW, "most": max(1, changed // 5)})  # noqa: S608
    while fold_figures(now=NOW).more:
        pass
    list_account_figures(range(1, STORES + 1), NOW)


def import_orders(name: str, most: int) -> float:
    """Seconds that a file with an order of each of so many members takes."""
    from backoffice.kernel.files.services import apply_job, create_job

    lines = [f"s{1 + (person - 1) % STORES},{name}{person},m{person},2026-11-20 10:00,10" for person in range(1, most + 1)]
    content = io.BytesIO("\n".join(["store,order_no,member_no,paid_at,amount", *lines]).encode())
    job = create_job(kind="orders", content=content, file_name=f"{name}.csv", store=None, console="command", by=None, now=NOW, on_bad_rows="abort")
    started = time.perf_counter()
    job = apply_job(job=job, now=NOW)
    took = time.perf_counter() - started
    assert (job.status, job.created_count) == ("APPLIED", most), job.status
    return took


def measure_ingest(most: int, rounds: int) -> tuple[float, float]:
    """Seconds without the statements that keep buyers and fans, and with them: files of the same shape in turn."""
    from members.imports.orders import ORDERS

    kept, bare = [], []
    whole = ORDERS.apply
    less = tuple(step for step in whole if not (isinstance(step, str) and "members_buyer" in step))
    assert len(whole) - len(less) == 2
    for turn in range(rounds + 1):
        object.__setattr__(ORDERS, "apply", less)
        without = import_orders(f"b{turn}x", most)
        object.__setattr__(ORDERS, "apply", whole)
        including = import_orders(f"k{turn}x", most)
        if turn:  # the first warms both up
            bare.append(without)
            kept.append(including)
    return statistics.median(bare), statistics.median(kept)


def measure(rows: int, changed: int, rounds: int, *, whole: bool) -> dict[str, float]:
    """Seconds of each subject in one situation of ``rows`` order lines; ``whole``: the scan and the ingest too."""
    from members.selectors.fans import get_account_figures

    with scratch_database("push_figures"):
        people = make_situation(rows)
        found = {"rows": float(rows), "refresh": seconds(lambda: change(changed), rounds)}
        if whole:
            since = {"since": NOW - timedelta(days=179, hours=12)}
            assert execute(SCAN, since)[0][0] == get_account_figures(1, NOW).returning_fans, "the figures and the scan find another number"
            found["scan"], found["lookup"] = seconds(lambda: execute(SCAN, since), rounds), seconds(lambda: get_account_figures(1, NOW), rounds)
            found["ingest"], found["ingest_kept"] = measure_ingest(min(people, 50_000), rounds)
        return found


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    small_rows = max(options.rows // 10, 10_000)
    changed = max(small_rows // 10 // 1_000, 10)
    small = measure(small_rows, changed, options.rounds, whole=False)
    large = measure(options.rows, changed, options.rounds, whole=True)
    growth, lookup, kept = large["refresh"] / small["refresh"], large["scan"] / large["lookup"], large["ingest"] / large["ingest_kept"]
    print(f"{'refresh after ' + str(changed) + ' people changed':<44}{small['refresh'] * 1000:>10.1f} ms of {small_rows:,} lines")
    print(f"{'the same':<44}{large['refresh'] * 1000:>10.1f} ms of {options.rows:,} lines = {growth:.2f} x (bar: {GROWTH_BAR})")
    print(f"{'all figures of a store, looked up':<44}{large['lookup'] * 1000:>10.2f} ms")
    print(f"{'its returning fans by a scan of its order lines':<44}{large['scan'] * 1000:>10.1f} ms = {lookup:.0f} x (bar: {LOOKUP_BAR:.0f})")
    print(f"{'order ingest with upkeep':<44}{kept:>10.2f} x without (bar: {INGEST_BAR})")
    holds = growth <= GROWTH_BAR and lookup >= LOOKUP_BAR and kept >= INGEST_BAR
    print(json.dumps({"bench": "push_figures", "rows": options.rows, "growth": growth, "lookup": lookup, "ingest": kept, "holds": holds}))
    return 0 if holds else 1


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    os.environ.setdefault("DEPLOYMENT", "local")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    import django

    django.setup()
    sys.exit(main())
