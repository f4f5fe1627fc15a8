"""Reminder decision: ours with one and two runners, beside a bare INSERT ... SELECT of the same rows into the same table, and an ORM loop.

``python -m benchmarks.reminders [--rows 1000000] [--rounds 3]`` prints a table and one line of JSON. The situation is made once, in a scratch
database; each measurement starts from a fresh copy of it (CREATE DATABASE ... TEMPLATE), so that none works on another's dead rows.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

TODAY = date(2026, 11, 22)
COLUMNS = (
    "store_id, person_id, member_id, scenario, occasion, local_day, status, reason, language, params, cap_facts, decided_at, "
    "attempt_count, in_doubt, provider_id, error"
)
MAKE = Path(__file__).with_name("reminders.sql")


@contextmanager
def scratch_databases() -> Iterator[Callable[[str | None], None]]:
    """Yields ``use(name)``: fresh copy of the situation (or the situation itself for ``None``) behind Django's connection."""
    from django.db import connection

    original = connection.settings_dict["NAME"]
    base = f"bench_reminders_{os.getpid()}"
    copies: set[str] = set()

    def administer(*statements: str) -> None:
        connection.close()
        connection.settings_dict["NAME"] = "postgres"
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.close()

    def use(copy: str | None) -> None:
        if copy is None:
            connection.close()
            connection.settings_dict["NAME"] = base
            return
        name = f"{base}_{copy}"
        administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}" TEMPLATE "{base}" STRATEGY file_copy')
        copies.add(name)
        connection.settings_dict["NAME"] = name

    administer(f'CREATE DATABASE "{base}"')
    try:
        use(None)
        yield use
    finally:
        administer(*(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in (*copies, base)))
        connection.settings_dict["NAME"] = original


def execute(sql: str, params: dict[str, Any] | None = None) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def make_situation(members: int, moment: datetime) -> None:
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    statements = MAKE.read_text(encoding="utf-8")
    with connection.cursor() as cursor:
        for statement in statements.split(";\n"):
            if statement.strip():
                cursor.execute(
                    statement,
                    {
                        "members": members,
                        "stores": max(5, members // 5000),
                        "people": max(10, members * 6 // 10),
                        "today": TODAY,
                        "now": moment,
                        "zone": settings.TIME_ZONE,
                    },
                )
    execute("VACUUM (ANALYZE)")
    execute("CHECKPOINT")


def decide_with(runners: int, moment: datetime) -> tuple[float, list[float]]:
    """Seconds for everything that is due, and the seconds of each transaction."""
    from django.db import connection

    from campaigns.services.decide import decide_chunk
    from campaigns.services.runs import open_runs

    open_runs(now=moment)
    transactions: list[float] = []

    def work() -> None:
        try:
            while True:
                began = time.perf_counter()
                if decide_chunk(now=moment) is None:
                    return
                transactions.append(time.perf_counter() - began)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(runners)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began, transactions


def bare_insert() -> float:
    began = time.perf_counter()
    execute(f"INSERT INTO campaigns_message ({COLUMNS}) SELECT {COLUMNS} FROM wanted")  # noqa: S608
    return time.perf_counter() - began


def orm_loop(sample: int, moment: datetime) -> tuple[float, int]:
    """Seconds and messages of the obvious way: one member at a time, with the same rules and the same tables."""
    from django.db import transaction

    from backoffice.kernel import clock
    from campaigns.models import Message, PersonDayCounter, ReminderClock, StoreDayCounter
    from members.models import CreditLot, Member

    messages = 0
    window_end = clock.day_end(TODAY + timedelta(days=7))
    chosen = list(Member.objects.active().filter(credit_cards_on=True, credit_account__balance__gt=0).order_by("pk")[:sample])
    began = time.perf_counter()
    for member in chosen:
        last = ReminderClock.objects.filter(member=member).first()
        if last and last.last_sent_on > TODAY - timedelta(days=30):
            continue
        with transaction.atomic():
            lots = [lot for lot in CreditLot.objects.filter(account__member=member) if lot.expires_at is None or lot.expires_at > moment]
            balance = sum((lot.principal_left + lot.bonus_left for lot in lots), Decimal(0))
            if (
                not balance
                or Message.objects.filter(
                    store=member.store_id, person=member.person_id, local_day=TODAY, scenario__in=("BALANCE_REMINDER", "EXPIRY_REMINDER")
                ).exists()
            ):
                continue
            expiring = sum((lot.principal_left + lot.bonus_left for lot in lots if lot.expires_at and lot.expires_at <= window_end), Decimal(0))
            StoreDayCounter.objects.get_or_create(store_id=member.store_id, person_id=member.person_id, local_day=TODAY, defaults={"used": 0})
            counter = StoreDayCounter.objects.select_for_update().get(store_id=member.store_id, person_id=member.person_id, local_day=TODAY)
            PersonDayCounter.objects.get_or_create(person_id=member.person_id, local_day=TODAY, defaults={"used": 0})
            overall = PersonDayCounter.objects.select_for_update().get(person_id=member.person_id, local_day=TODAY)
            free = counter.used < 2 and overall.used < 10
            if free:
                counter.used += 1
                counter.save()
                overall.used += 1
                overall.save()
            Message.objects.create(
                store_id=member.store_id,
                person_id=member.person_id,
                member=member,
                scenario="EXPIRY_REMINDER" if expiring else "BALANCE_REMINDER",
                occasion=20261122,
                local_day=TODAY,
                status="PENDING" if free else "SUPPRESSED",
                reason="" if free else "store_cap",
                decided_at=moment,
                params={"balance": str(balance), "expiring": str(expiring)},
            )
            messages += 1
    return time.perf_counter() - began, messages


def check(expected: int) -> None:
    """No cap broken, counters equal the messages that hold a slot, nothing twice, nothing missing."""
    from backoffice.kernel.invariants import find_breaches

    (count,) = execute("SELECT count(*) FROM campaigns_message WHERE occasion = 20261122")[0]
    assert count == expected, f"{count} messages instead of {expected}"
    breaches = [breach for breach in find_breaches() if breach.invariant.startswith("caps.")]
    assert not breaches, breaches[:3]


def measure(rows: int, rounds: int) -> dict[str, Any]:
    from backoffice.kernel import clock

    moment = datetime(2026, 11, 22, 10, 0, tzinfo=clock.local_zone())
    with scratch_databases() as use:
        began = time.perf_counter()
        make_situation(rows, moment)
        print(f"situation of {rows} members made in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        # The rows to insert bare are those that ours writes; kept in the situation itself, in random order.
        decide_with(1, moment)
        execute(f"CREATE TABLE wanted AS SELECT {COLUMNS} FROM campaigns_message WHERE occasion = 20261122 ORDER BY random()")  # noqa: S608
        (messages,) = execute("SELECT count(*) FROM wanted")[0]
        kept = execute("SELECT count(*) FROM wanted WHERE status = 'PENDING'")[0][0]
        execute("DELETE FROM campaigns_message WHERE occasion = 20261122")
        execute("DELETE FROM campaigns_reminderrun")
        for table, key in (("storedaycounter", "store_id, person_id"), ("persondaycounter", "person_id")):
            execute(f"TRUNCATE campaigns_{table}")
            execute(
                f"INSERT INTO campaigns_{table} ({key}, local_day, used, granted) SELECT {key}, local_day, count(*), 0 FROM campaigns_message "  # noqa: S608
                f"WHERE status IN ('PENDING', 'SENT', 'UNKNOWN') GROUP BY {key}, local_day ORDER BY local_day, {key}",
            )
        execute("VACUUM (FULL, ANALYZE) campaigns_message")
        execute("VACUUM (ANALYZE)")
        seconds: dict[str, list[float]] = {"one": [], "two": [], "bare": []}
        transactions: list[float] = []
        for _ in range(rounds):
            use("one")
            took, times = decide_with(1, moment)
            transactions += times
            seconds["one"].append(took)
            check(messages)
            use("bare")
            seconds["bare"].append(bare_insert())
            use("two")
            seconds["two"].append(decide_with(2, moment)[0])
            check(messages)
            print({name: round(values[-1], 2) for name, values in seconds.items()}, file=sys.stderr)
        use("orm")
        loop_seconds, loop_messages = orm_loop(min(rows, 3000), moment)
    rate = {name: messages / statistics.median(values) for name, values in seconds.items()}
    loop_rate = loop_messages / loop_seconds
    return {
        "subject": "reminders",
        "members": rows,
        "messages": messages,
        "to_send": kept,
        "per_second": {name: round(value) for name, value in rate.items()} | {"orm_loop": round(loop_rate)},
        "one_runner_to_bare_insert": round(rate["one"] / rate["bare"], 3),
        "two_runners_to_bare_insert": round(rate["two"] / rate["bare"], 3),
        "one_runner_to_orm_loop": round(rate["one"] / loop_rate),
        "transaction_ms": {"median": round(statistics.median(transactions) * 1000), "most": round(max(transactions) * 1000)},
        "rounds": rounds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    import django

    django.setup()
    result = measure(options.rows, options.rounds)
    print(f"{'way':<28}{'messages/s':>12}{'x bare INSERT':>16}")
    for name, label in (("bare", "bare INSERT ... SELECT"), ("one", "decision, one runner"), ("two", "decision, two runners"), ("orm_loop", "ORM loop")):
        print(f"{label:<28}{result['per_second'][name]:>12,}{result['per_second'][name] / result['per_second']['bare']:>16.3f}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
