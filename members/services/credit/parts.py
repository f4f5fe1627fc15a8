"""What a movement did, entry by entry, in positive yuan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from backoffice.kernel.money import ZERO


@dataclass(frozen=True)
class SpendPart:
    """What moved between one lot and one line of the order (``line_no`` ``None``: no lines), in positive yuan."""

    entry_id: int
    lot_id: int
    line_no: int | None
    principal: Decimal
    bonus: Decimal
    balance_after: Decimal

    @property
    def amount(self) -> Decimal:
        return self.principal + self.bonus


def principal_of(parts: Sequence[SpendPart]) -> Decimal:
    return sum((part.principal for part in parts), ZERO)


def bonus_of(parts: Sequence[SpendPart]) -> Decimal:
    return sum((part.bonus for part in parts), ZERO)
