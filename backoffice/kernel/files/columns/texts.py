"""Codes, words and addresses."""

from __future__ import annotations

import re

from backoffice.kernel.files.columns.base import ColumnError, ColumnType, Rule, first_fault, sql_any_fault
from backoffice.kernel.files.columns.characters import (
    BIDI_CLASS,
    CONTROL,
    ERROR_CELL,
    EXCEL_SHORTENED,
    FOREIGN_DIGIT,
    as_code,
    as_text,
    quote,
    sql_as_code,
    sql_as_text,
)


class _Text(ColumnType):
    """A text that is refused by rules and by length (in characters), otherwise taken."""

    rules: tuple[Rule, ...] = ()
    as_codes = False

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length

    def _fast_value(self, cell: str) -> str:
        return cell

    def _sql_fast_value(self, cell: str) -> str:
        return cell

    def _slow_value(self, cell: str) -> str:
        text = as_code(cell) if self.as_codes else as_text(cell)
        code = first_fault(text, self.rules) or ("too_long" if len(text) > self.max_length else None)
        if code:
            raise ColumnError(code)
        return text

    def _sql_slow_value(self, cell: str) -> str:
        text = sql_as_code(cell) if self.as_codes else sql_as_text(cell)
        return f"CASE WHEN length({text}) > {self.max_length} OR {sql_any_fault(text, self.rules)} THEN NULL ELSE {text} END"


class Code(_Text):
    """A number or code by which something is found (member number, order number). Never a figure: leading zeros stay."""

    as_codes = True
    rules = (
        (ERROR_CELL, "error_cell"),
        (CONTROL, "control_character"),
        (EXCEL_SHORTENED, "excel_shortened"),
        (FOREIGN_DIGIT, "foreign_digits"),
    )

    def __init__(self, max_length: int = 64) -> None:
        super().__init__(max_length)
        self.fast = f"^[0-9A-Za-z_.-]{{1,{max_length}}}$"


class FreeText(_Text):
    """Words of people: names, categories. Kept as written, without surrounding space."""

    rules = ((ERROR_CELL, "error_cell"), (CONTROL, "control_character"), (BIDI_CLASS, "bidi_control"))

    def __init__(self, max_length: int = 100) -> None:
        super().__init__(max_length)
        self.fast = f"^[0-9A-Za-z\\u4e00-\\u9fff]{{1,{min(max_length, 100)}}}$"


class Url(_Text):
    """An http or https address of ASCII characters without user name. Where it may lead is checked by who uses it."""

    PATTERN = r"^https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:[/?][!-~]*)?$"

    def __init__(self, max_length: int = 500) -> None:
        super().__init__(max_length)

    def _fast_value(self, cell: str) -> str:
        raise NotImplementedError

    def _slow_value(self, cell: str) -> str:
        text = as_text(cell)
        if not re.fullmatch(self.PATTERN, text):
            raise ColumnError("not_url")
        if len(text) > self.max_length:
            raise ColumnError("too_long")
        return text

    def _sql_slow_value(self, cell: str) -> str:
        text = sql_as_text(cell)
        return f"CASE WHEN length({text}) <= {self.max_length} AND {text} ~ {quote(self.PATTERN)} THEN {text} END"
