"""The CDNOW data set that ships with the demo (source: README.md beside this file)."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from datetime import date
from pathlib import Path

SOURCE_PATH = Path(__file__).with_name("cdnow.csv.gz")

YUAN_PER_DOLLAR = 7
"""A whole number, so that yuan amounts are exact to the fen."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """One purchase: customer number as in the source, day as in the source, amount in fen."""

    customer: str
    bought_on: date
    units: int
    amount_fen: int


def read_purchases(customers: int | None = None) -> list[Purchase]:
    """All purchases in the source's order, or those of its first ``customers`` customers."""
    purchases: list[Purchase] = []
    seen: set[str] = set()
    with gzip.open(SOURCE_PATH, "rt", encoding="ascii", newline="") as lines:
        next(lines)
        for line in lines:
            customer, day, units, dollars = line.rstrip("\r\n").split(",")
            if customer not in seen:
                if customers is not None and len(seen) == customers:
                    break
                seen.add(customer)
            whole, cents = dollars.split(".")
            purchases.append(
                Purchase(
                    customer=customer,
                    bought_on=date.fromisoformat(day),
                    units=int(units),
                    amount_fen=(int(whole) * 100 + int(cents)) * YUAN_PER_DOLLAR,
                )
            )
    return purchases
