"""What a column type is: how a cell of a file becomes a value, in Python and, set-based, in SQL."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Any

from backoffice.kernel.files.columns.characters import SPACES, quote, sql_visible, visible


class ColumnError(ValueError):
    """A cell cannot be read. ``code`` has its sentence in ``problems.py`` or ``columns/faults.py``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ColumnType(ABC):
    """One kind of cell. ``clean`` and ``sql_value`` agree on every text; a contract test holds them together.

    The SQL works on a text column (or any cheap expression) ``cell`` of a staging table and needs no parameters. Percent signs in it are
    doubled. A cell is first held against ``fast``, a pattern of what files usually hold, so that the thorough and slower reading is done
    for unusual cells only.
    """

    sql_type = "text"
    fast: str | None = None
    """Pattern of cells that are right as they stand; understood alike by Python and PostgreSQL, anchored at both ends."""

    def clean(self, cell: str | None) -> Any:
        """Value of a cell; None for a blank one (nothing but white space). Raises ``ColumnError`` for one that cannot be read."""
        if cell is None or not cell.strip(SPACES):
            return None
        if "\x00" in cell or not visible(cell):
            raise ColumnError("control_character")
        if self.fast and re.fullmatch(self.fast, cell):
            return self._fast_value(cell)
        return self._slow_value(cell)

    def sql_value(self, cell: str) -> str:
        """Value of the cell as ``sql_type``. NULL for a blank or unreadable cell; never raises."""
        fast = f"WHEN {cell} ~ {quote(self.fast)} THEN {self._sql_fast_value(cell)} " if self.fast else ""
        return f"CASE {fast}WHEN {cell} = '' OR NOT {sql_visible(cell)} THEN NULL ELSE {self._sql_slow_value(cell)} END"

    def sql_fast_value(self, cell: str) -> str:
        """Value of a cell of which somebody has found out already that it matches ``fast``, or is NULL. It may raise for any other."""
        return self._sql_fast_value(cell)

    def sql_valid(self, cell: str) -> str:
        """Boolean: does the cell hold a value or nothing at all? Dearer than asking whether a value taken before is NULL."""
        return f"(coalesce(btrim({cell}, {quote(SPACES)}), '') = '' OR ({self.sql_value(cell)}) IS NOT NULL)"

    @abstractmethod
    def _fast_value(self, cell: str) -> Any: ...

    @abstractmethod
    def _sql_fast_value(self, cell: str) -> str: ...

    @abstractmethod
    def _slow_value(self, cell: str) -> Any: ...

    @abstractmethod
    def _sql_slow_value(self, cell: str) -> str: ...


Rule = tuple[str, str]
"""A pattern and the problem code of a text that matches it."""


def first_fault(text: str, rules: tuple[Rule, ...]) -> str | None:
    """Problem code of the first rule whose pattern is found in ``text``."""
    return next((code for pattern, code in rules if re.search(pattern, text)), None)


def sql_any_fault(text: str, rules: tuple[Rule, ...]) -> str:
    """Boolean SQL: is there such a rule?"""
    return "(" + " OR ".join(f"{text} ~ {quote(pattern)}" for pattern, _ in rules) + ")"
