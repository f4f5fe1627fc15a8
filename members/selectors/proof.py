"""The proof that the ledger is whole: entries, lots and accounts say the same, to the fen."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import Coalesce

from backoffice.kernel.money import ZERO
from backoffice.kernel.sql import fetch_all, load_sql
from members import models
from members.models import CreditAccount, CreditEntry, CreditLot

MOST_NAMED = 100


@dataclass(frozen=True)
class LedgerDifference:
    """One broken rule: the row, the rule, what the row tells and what follows from the entries."""

    what: str
    id: int
    rule: str
    told: Decimal | None
    proved: Decimal | None

    def as_json(self) -> dict[str, Any]:
        return {"what": self.what, "id": self.id, "rule": self.rule, "told": _text(self.told), "proved": _text(self.proved)}


@dataclass(frozen=True)
class LedgerProof:
    """Result of one proof. ``difference_count`` counts all, ``differences`` names the first hundred."""

    accounts: int
    lots: int
    entries: int
    balance: Decimal
    difference_count: int
    seconds: float
    differences: list[LedgerDifference] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return self.difference_count == 0

    def as_json(self) -> dict[str, Any]:
        return {
            "accounts": self.accounts,
            "lots": self.lots,
            "entries": self.entries,
            "balance": str(self.balance),
            "difference_count": self.difference_count,
            "differences": [difference.as_json() for difference in self.differences],
            "seconds": round(self.seconds, 3),
        }


def prove_ledger(*, most_named: int = MOST_NAMED) -> LedgerProof:
    """Compare entries, lots and accounts of every store in one statement. Reads only."""
    started = time.monotonic()
    rows = fetch_all(load_sql("members", "prove_ledger"), {"limit": most_named})
    accounts = CreditAccount.objects.aggregate(count=Count("pk"), balance=Coalesce(Sum("balance"), ZERO))
    return LedgerProof(
        accounts=accounts["count"],
        lots=CreditLot.objects.count(),
        entries=CreditEntry.objects.count(),
        balance=accounts["balance"],
        difference_count=rows[0]["difference_count"] if rows else 0,
        seconds=time.monotonic() - started,
        differences=[LedgerDifference(row["what"], row["id"], row["rule"], row["told"], row["proved"]) for row in rows],
    )


def latest_proof() -> models.LedgerProof | None:
    """The newest nightly proof that came to its end, or ``None`` before the first. Whether it is of today or old is told by ``local_day``."""
    return models.LedgerProof.objects.filter(finished_at__isnull=False).order_by("-local_day").first()


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
