"""Column types of bulk files: one cleaner in Python and the same one in SQL for each kind of cell."""

from backoffice.kernel.files.columns.answers import Choice, Tags, YesNo
from backoffice.kernel.files.columns.base import ColumnError, ColumnType
from backoffice.kernel.files.columns.faults import register_cell_problems
from backoffice.kernel.files.columns.moments import ClockTime, LocalDay, LocalMoment
from backoffice.kernel.files.columns.numbers import Money, WholeNumber
from backoffice.kernel.files.columns.phones import Phone
from backoffice.kernel.files.columns.texts import Code, FreeText, Url

__all__ = [
    "STORE_CODE",
    "Choice",
    "ClockTime",
    "Code",
    "ColumnError",
    "ColumnType",
    "FreeText",
    "LocalDay",
    "LocalMoment",
    "Money",
    "Phone",
    "Tags",
    "Url",
    "WholeNumber",
    "YesNo",
]

STORE_CODE = Code(64)
"""How a store is named in every file."""

register_cell_problems()
