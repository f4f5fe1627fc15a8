"""Amounts and whole numbers."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from backoffice.kernel.files.columns.base import ColumnError, ColumnType, Rule, first_fault
from backoffice.kernel.files.columns.characters import ERROR_CELL, EXCEL_SHORTENED, as_code, quote, sql_as_code
from backoffice.kernel.money import FEN

_FIGURE = r"(?:[0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,2})"


class _Number(ColumnType):
    pattern: str
    dressing: str  # characters around the figure that mean nothing
    rules: tuple[Rule, ...]
    otherwise: str

    def _number(self, text: str) -> Any:
        raise NotImplementedError

    def _fast_value(self, cell: str) -> Any:
        return self._number(cell)

    def _sql_fast_value(self, cell: str) -> str:
        return f"{cell}::{self.sql_type}"

    def _slow_value(self, cell: str) -> Any:
        text = as_code(cell)
        if not re.fullmatch(self.pattern, text):
            raise ColumnError(first_fault(text, self.rules) or self.otherwise)
        return self._number(text.translate({ord(char): None for char in self.dressing}))

    def _sql_slow_value(self, cell: str) -> str:
        text = sql_as_code(cell)
        return f"CASE WHEN {text} ~ {quote(self.pattern)} THEN translate({text}, {quote(self.dressing)}, '')::numeric::{self.sql_type} END"


class Money(_Number):
    """Yuan, zero or more, at most two decimals and nine digits before them. Never rounded."""

    sql_type = "numeric(14,2)"
    fast = r"^[0-9]{1,9}(?:[.][0-9]{1,2})?$"
    pattern = rf"^¥? ?{_FIGURE}(?:[.][0-9]{{1,2}})? ?元?$"
    dressing = "¥元, "
    rules = (
        (ERROR_CELL, "error_cell"),
        (EXCEL_SHORTENED, "excel_shortened"),
        (r"^¥? ?[-\u2212][ ¥]*[0-9]|^[(][0-9.,¥ ]+[)]$", "negative_amount"),
        (rf"^¥? ?{_FIGURE}[.][0-9]{{3,}} ?元?$", "too_many_decimals"),
        (r"^¥? ?[0-9,]{10,}(?:[.][0-9]*)? ?元?$", "number_too_large"),
    )
    otherwise = "not_money"

    def _number(self, text: str) -> Decimal:
        return Decimal(text).quantize(FEN)


class WholeNumber(_Number):
    """A whole number, zero or more, at most nine digits."""

    sql_type = "integer"
    fast = r"^[0-9]{1,9}$"
    pattern = rf"^{_FIGURE}(?:[.]0)?$"
    dressing = ","
    rules = (
        (ERROR_CELL, "error_cell"),
        (EXCEL_SHORTENED, "excel_shortened"),
        (r"^[-\u2212] ?[0-9]", "negative_number"),
        (rf"^{_FIGURE}[.][0-9]+$", "not_whole"),
        (r"^[0-9,]{10,}(?:[.][0-9]*)?$", "number_too_large"),
    )
    otherwise = "not_number"

    def _number(self, text: str) -> int:
        return int(text.removesuffix(".0"))
