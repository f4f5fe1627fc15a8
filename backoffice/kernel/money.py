"""Yuan with two decimals, exact: ``Decimal`` in Python, ``numeric(14, 2)`` in the database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models

FEN = Decimal("0.01")
ZERO = Decimal("0.00")


class MoneyField(models.DecimalField[Any, Any]):
    """An amount in yuan."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_digits"] = 14
        kwargs["decimal_places"] = 2
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_digits"], kwargs["decimal_places"]
        return name, path, args, kwargs


def format_yuan(amount: Decimal) -> str:
    """``1234.5`` -> ``1,234.50``."""
    return f"{amount:,.2f}"
