"""A month's issues of paid memberships: the issue engine, beside a bare INSERT ... SELECT of the same rows into the same table.

``python -m benchmarks.benefits [--rows 200000] [--rounds 3]`` prints a table and one line of JSON, and exits with 1 below the bar. Every measurement
starts from a fresh copy of one situation (CREATE DATABASE ... TEMPLATE): so many paid memberships of 20 stores, opened on any day of the last year,
their earlier issues in the table. What is measured is one run of the engine that finds a month of every membership due: choosing, issuing, and the next
day of each. The bare statement has the finished rows in a table and does nothing but insert them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

from benchmarks._scratch import administer, scratch_database

BAR = 0.3
STORES = 20
TODAY = date(2026, 11, 22)
MAKE = Path(__file__).with_name("benefits.sql")
COLUMNS = "store_id, paid_membership_id, member_id, benefit_id, period, due_on, issued_at, expires_on, status, code, used_reference, failure, retry_at"


def execute(sql: str, params: dict[str, Any] | None = None) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def make_situation(rows: int) -> None:
    from backoffice.kernel.tenancy.models import User

    reviewer = User.objects.create(username="reviewer")
    for statement in MAKE.read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            execute(statement, {"rows": rows, "stores": STORES, "today": TODAY, "user": reviewer.pk})
    for table in ("tenancy_store", "members_member", "paid_paidmembership"):
        execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")  # noqa: S608


@contextmanager
def copy_of(base: str) -> Iterator[None]:
    """A fresh copy of the situation behind Django's connection."""
    from django.db import connection

    name = f"{base}_copy"
    administer(f'CREATE DATABASE "{name}" TEMPLATE "{base}" STRATEGY file_copy')
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = base
        administer(f'DROP DATABASE "{name}" WITH (FORCE)')


def run_engine(moment: datetime) -> tuple[float, int]:
    """Seconds, and issues written. Checked afterwards: nothing missing, nothing twice, nothing outside a term."""
    from backoffice.kernel.invariants import find_breaches
    from members.paid.services.issue import issue_due

    before = execute("SELECT count(*) FROM paid_benefitissue")[0][0]
    began = time.perf_counter()
    report = issue_due(now=moment)
    took = time.perf_counter() - began
    assert execute("SELECT count(*) FROM paid_benefitissue")[0][0] - before == report.issued
    breaches = [breach for breach in find_breaches() if breach.invariant.startswith("paid.issues")]
    assert not breaches, breaches[:3]
    return took, report.issued


def keep_wanted(moment: datetime) -> None:
    """Run once on the situation itself: the rows of the run stand in a table of their own, and everything is as before again."""
    from members.paid.services.issue import issue_due

    execute("CREATE TABLE kept AS SELECT id, next_issue_on FROM paid_paidmembership")
    highest = execute("SELECT max(id) FROM paid_benefitissue")[0][0]
    issue_due(now=moment)
    execute(f"CREATE TABLE wanted AS SELECT {COLUMNS} FROM paid_benefitissue WHERE id > %(highest)s ORDER BY random()", {"highest": highest})  # noqa: S608
    execute("DELETE FROM paid_benefitissue WHERE id > %(highest)s", {"highest": highest})
    execute("UPDATE paid_paidmembership m SET next_issue_on = kept.next_issue_on FROM kept WHERE kept.id = m.id")
    execute("DROP TABLE kept")
    execute("VACUUM FULL paid_benefitissue")
    execute("VACUUM FULL paid_paidmembership")
    execute("VACUUM (ANALYZE)")
    execute("CHECKPOINT")


def bare_insert() -> float:
    began = time.perf_counter()
    execute(f"INSERT INTO paid_benefitissue ({COLUMNS}) SELECT {COLUMNS} FROM wanted")  # noqa: S608
    return time.perf_counter() - began


def measure(rows: int, rounds: int) -> dict[str, Any]:
    from backoffice.kernel import clock

    moment = clock.at_local(TODAY + timedelta(days=3), clock_time(3))  # so that every membership has a day due
    ours: list[float] = []
    bare: list[float] = []
    issued = 0
    with scratch_database("benefits") as base:
        make_situation(rows)
        keep_wanted(moment)
        for _round in range(rounds):
            with copy_of(base):
                bare.append(bare_insert())
            with copy_of(base):
                took, issued = run_engine(moment)
                ours.append(took)
    ratios = [limit / took for limit, took in zip(bare, ours, strict=True)]
    return {"rows": rows, "issued": issued, "engine_seconds": ours, "bare_seconds": bare, "ratio": statistics.median(ratios)}


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000, help="paid memberships")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    os.environ.setdefault("DEPLOYMENT", "local")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    import django

    django.setup()
    result = measure(options.rows, options.rounds)
    engine, bare = statistics.median(result["engine_seconds"]), statistics.median(result["bare_seconds"])
    print(f"{'':24} {'seconds':>8} {'issues/s':>10}")
    print(f"{'issue engine':24} {engine:8.2f} {result['issued'] / engine:10,.0f}")
    print(f"{'bare INSERT ... SELECT':24} {bare:8.2f} {result['issued'] / bare:10,.0f}")
    print(f"ratio {result['ratio']:.2f}   (bar {BAR})")
    print(json.dumps({"benchmark": "benefits", **result}))
    return 0 if result["ratio"] >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
