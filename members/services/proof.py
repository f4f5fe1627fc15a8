"""The nightly proof: once a local day the whole ledger is compared, and the result is kept."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.db import transaction

from backoffice.kernel import clock
from members.models import LedgerProof
from members.selectors.proof import prove_ledger

PROVED_FROM = time(3)
"""On the platform's clock: when little is spent, and the day before is over everywhere."""


def prove_night(*, now: datetime) -> LedgerProof | None:
    """Prove the ledger when the local day of ``now`` has no finished proof yet and it is three in the morning or later; else ``None``.

    Two at once make one row: whoever holds its lock proves, the other one leaves. A proof that crashed lets go of the lock and is
    done again by the next call.
    """
    day = clock.local_day(now)
    if clock.to_local(now).time() < PROVED_FROM or LedgerProof.objects.filter(local_day=day, finished_at__isnull=False).exists():
        return None
    LedgerProof.objects.bulk_create([LedgerProof(local_day=day, started_at=now)], ignore_conflicts=True)
    with transaction.atomic():
        row = LedgerProof.objects.select_for_update(skip_locked=True).filter(local_day=day, finished_at__isnull=True).first()
        if row is None:
            return None
        proof = prove_ledger()
        row.started_at, row.finished_at = now, now + timedelta(seconds=proof.seconds)
        row.account_count, row.entry_count, row.balance = proof.accounts, proof.entries, proof.balance
        row.difference_count, row.differences = proof.difference_count, [difference.as_json() for difference in proof.differences]
        row.save()
    return row
