"""Phone numbers."""

from __future__ import annotations

import re

from backoffice.kernel.files.columns.base import ColumnError, ColumnType, Rule, first_fault
from backoffice.kernel.files.columns.characters import ERROR_CELL, EXCEL_SHORTENED, as_code, quote, sql_as_code


class Phone(ColumnType):
    """A mainland mobile number, kept as its 11 digits. Country code, spaces and dashes are understood; missing digits never guessed."""

    fast = "^1[3-9][0-9]{9}$"
    SEPARATORS = " -()\u2010\u2011\u2012\u2013\u2014\u2212"
    PATTERN = r"^(?:[+]86|0086|86)?1[3-9][0-9]{9}(?:[.]0)?$"  # ".0": a number cell that a program wrote as a fraction
    rules: tuple[Rule, ...] = ((ERROR_CELL, "error_cell"), (EXCEL_SHORTENED, "excel_shortened"))

    def _fast_value(self, cell: str) -> str:
        return cell

    def _sql_fast_value(self, cell: str) -> str:
        return cell

    def _slow_value(self, cell: str) -> str:
        text = as_code(cell).translate({ord(char): None for char in self.SEPARATORS})
        if not re.fullmatch(self.PATTERN, text):
            raise ColumnError(first_fault(text, self.rules) or "not_phone")
        return text.removesuffix(".0")[-11:]

    def _sql_slow_value(self, cell: str) -> str:
        text = f"translate({sql_as_code(cell)}, {quote(self.SEPARATORS)}, '')"
        return f"CASE WHEN {text} ~ {quote(self.PATTERN)} THEN right(split_part({text}, '.', 1), 11) END"
