"""Cells that pick from known words: yes or no, one of several, several labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from backoffice.kernel.files.columns.base import ColumnError, ColumnType, Rule, first_fault, sql_any_fault
from backoffice.kernel.files.columns.characters import (
    BIDI_CLASS,
    CONTROL,
    ERROR_CELL,
    SPACE_CLASS,
    as_code,
    as_text,
    ascii_lower,
    quote,
    sql_as_code,
    sql_as_text,
    sql_visible,
)


class _Words(ColumnType):
    """One of known words; case of A to Z does not matter."""

    words: Mapping[str, Any]
    fault: str

    def _fast_value(self, cell: str) -> Any:
        raise NotImplementedError

    def _sql_fast_value(self, cell: str) -> str:
        raise NotImplementedError

    def _sql_constant(self, value: Any) -> str:
        return quote(str(value))

    def _slow_value(self, cell: str) -> Any:
        word = ascii_lower(as_code(cell))
        if word not in self.words:
            raise ColumnError("error_cell" if re.search(ERROR_CELL, word.upper()) else self.fault)
        return self.words[word]

    def sql_value(self, cell: str) -> str:
        return f"CASE {self._sql_cases(cell)} WHEN {cell} = '' OR NOT {sql_visible(cell)} THEN NULL ELSE {self._sql_slow_value(cell)} END"

    def _sql_cases(self, word: str) -> str:
        return " ".join(f"WHEN {word} = {quote(known)} THEN {self._sql_constant(value)}" for known, value in self.words.items())

    def _sql_slow_value(self, cell: str) -> str:
        word = f'lower({sql_as_code(cell)} COLLATE "C")'
        return f"CASE {self._sql_cases(word)} END"


class YesNo(_Words):
    """Yes or no from a fixed list of words; anything else is a fault, never a guess."""

    sql_type = "boolean"
    words: Mapping[str, Any] = {"1": True, "0": False, "是": True, "否": False, "yes": True, "no": False, "y": True, "n": False, "true": True, "false": False}
    fault = "not_yes_no"

    def _sql_constant(self, value: Any) -> str:
        return "TRUE" if value else "FALSE"


class Choice(_Words):
    """One of several codes, written as the code or as a label in either language. ``words``: what may be written -> code."""

    fault = "not_a_choice"

    def __init__(self, words: Mapping[str, str]) -> None:
        self.words = {ascii_lower(as_code(word)): code for word, code in words.items()}


class Tags(ColumnType):
    """Several labels with semicolons between them. The value is an array of texts; a label written twice stands in it twice."""

    sql_type = "text[]"
    MOST = 50
    MAX_LENGTH = 64
    fast = f"^[0-9A-Za-z\\u4e00-\\u9fff]{{1,{MAX_LENGTH}}}$"
    # a separator with the space and further separators around it
    SPLIT = f"{SPACE_CLASS}*[;\\uff1b](?:{SPACE_CLASS}|[;\\uff1b])*"
    rules: tuple[Rule, ...] = (
        (ERROR_CELL, "error_cell"),
        (CONTROL, "control_character"),
        (BIDI_CLASS, "bidi_control"),
        (f"[^;]{{{MAX_LENGTH + 1}}}", "too_long"),
        (f"^(?:[^;]*;){{{MOST}}}", "too_many_tags"),
    )

    def _fast_value(self, cell: str) -> list[str]:
        return [cell]

    def _sql_fast_value(self, cell: str) -> str:
        return f"string_to_array({cell}, ';')"  # NULL for no cell, which ARRAY[...] is not

    def _slow_value(self, cell: str) -> list[str]:
        text = re.sub(self.SPLIT, ";", as_text(cell)).strip(";")
        code = first_fault(text, self.rules)
        if code:
            raise ColumnError(code)
        return text.split(";") if text else []

    def _sql_slow_value(self, cell: str) -> str:
        text = f"btrim(regexp_replace({sql_as_text(cell)}, {quote(self.SPLIT)}, ';', 'g'), ';')"
        return f"CASE WHEN {sql_any_fault(text, self.rules)} THEN NULL ELSE string_to_array({text}, ';') END"
