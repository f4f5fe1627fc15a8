"""django-hordak's transfers a second: the peer of ``benchmarks/spend.py``, in a process of its own because it wants its own settings.

``python -m benchmarks._hordak DATABASE_URL --seconds 5 --connections 8`` prints one number. The database must be empty; it is migrated here.
A transfer is hordak's own ``transfer_to``: one transaction with two legs. It has no lots, no expiry and no idempotency key: less work than a spend.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import time
from typing import Any

ACCOUNTS = 500


def start(url: str) -> None:
    import dj_database_url
    import django
    from django.conf import settings

    settings.configure(
        DATABASES={"default": dj_database_url.parse(url)},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"],
        SECRET_KEY="benchmark",  # noqa: S106 - nothing is signed
        USE_TZ=True,
        DEFAULT_CURRENCY="CNY",
        HORDAK_CURRENCIES=["CNY"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()


def _transfers(url: str, seconds: int, begin: Any) -> int:
    start(url)
    from django.db import transaction
    from hordak.models import Account
    from moneyed import Money

    *members, shop = list(Account.objects.order_by("pk"))
    amount = Money(37, "CNY")
    begin.wait()
    made, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        with transaction.atomic():
            random.choice(members).transfer_to(shop, amount)  # noqa: S311
        made += 1
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    start(options.url)
    from django.core.management import call_command
    from django.db import connection
    from hordak.models import Account, AccountType

    call_command("migrate", verbosity=0)
    if not Account.objects.exists():
        for number in range(ACCOUNTS + 1):
            Account.objects.create(name=f"Account {number}", code=str(number), type=AccountType.liability, currencies=["CNY"])
    connection.close()
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(options.connections) as pool:
        begin = manager.Barrier(options.connections)
        made = pool.starmap(_transfers, [(options.url, options.seconds, begin)] * options.connections, chunksize=1)
    print(sum(made) / options.seconds)


if __name__ == "__main__":
    main()
