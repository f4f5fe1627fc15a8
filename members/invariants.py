"""The ledger is whole: entries, lots and accounts say the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from backoffice.kernel.invariants import invariant
from members.selectors.proof import prove_ledger


@invariant("ledger.proof", "sum of entries = what is left in the lots = balance, to the fen, for every account")
def ledger_proof(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for difference in prove_ledger(most_named=most).differences:
        facts = difference.as_json()
        yield f"{difference.what} {difference.id}", {"rule": facts["rule"], "told": facts["told"], "proved": facts["proved"]}
