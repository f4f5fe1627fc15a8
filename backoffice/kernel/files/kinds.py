"""Import kinds: one file of an app, one kind. The engine does the rest from what is declared here.

A kind is an instance of ``ImportKind`` that registers itself when its module is imported (``<app>/imports/<kind>.py``)::

    ORDERS = register(ImportKind(code="orders", name=_("Orders"), permission="members.import_orders", columns=(...), key=("order_no", "line_no"), ...))

What happens to a file, all of it in ONE transaction on one connection, in this order. Names are temporary tables:

1. ``import_staged``: every record as text. The engine's own.
2. ``import_checked``: one row a record, in order of the key. Columns: ``line bigint`` (line of the file where the record begins; unique),
   ``store_id bigint`` (a kind with ``has_store``), each declared column under its name with its type's ``sql_type`` (NULL: the cell is
   blank, or the file has no such column, or the cell is bad), each column of a declared ``Parts`` instead of the column itself, and
   ``is_bad boolean`` (cell rules, required cells, unknown store, key twice in the file: both rows are bad).
   A blank stays NULL: the kind's statements say what it means.
3. ``checks``: each statement is a SELECT of ``(line, column_name, code)``: row rules beyond one cell. Look only at ``NOT is_bad``
   rows. The engine writes what they return into ``import_problem`` and marks the rows bad; a code has its sentence in ``problems.py``
   (``register_problem``). All statements run before rows are marked, so one row may get several.
4. ``classify``: statements that must leave the temporary table ``import_rows`` (write ``CREATE TEMP TABLE import_rows ON COMMIT DROP AS
   SELECT ... FROM import_checked ... WHERE NOT is_bad``) with ``line``, ``action`` ('create', 'update', 'unchanged', 'conflict') and
   whatever ``apply`` needs. They may make further temporary tables (``ON COMMIT DROP``, names beginning with ``import_``).
5. ``conflicts``: a SELECT of ``(line, column_name, code)`` for the rows of ``import_rows`` whose action is 'conflict'. Empty: no conflicts.
6. ``notes``: a SELECT of ``(code, count)``: counted remarks such as ``consent_kept``.
7. Only when the file is applied: ``apply``: statements that write. They touch only rows whose action is 'create' or 'update', in order of
   their unique keys (inserts in key order are faster and cannot deadlock with each other). Before step 4 the engine has taken an advisory
   lock for (kind, store) of every store in the file, so two imports of one kind into one store never overlap; against other kinds, other
   stores and the API the tables' own constraints stand: a unique violation (23505), a deadlock (40P01) or a serialization failure (40001)
   rolls everything back and the file is staged and applied again. So write plain INSERTs, and ``ON CONFLICT DO NOTHING`` only when
   a later statement reads back who won. ``applied_at`` of the job is set and rights are read again in the same transaction.

   A step of ``classify`` or ``apply`` may be a ``When``. A step of ``apply`` may also be a function: it is called with the parameters
   below as a dictionary, in the same transaction, reads what it needs from ``import_rows`` and calls services. Only for kinds whose files
   are small, and after the statements that lock rows.

A dry run is steps 1 to 6; the transaction then commits only the figures and the problems.

Parameters of every statement: ``%(job)s`` (id), ``%(now)s`` (business time), ``%(today)s`` (its local day), ``%(zone)s`` (name of the
local time zone), ``%(by)s`` (user id or NULL), ``%(store)s`` (id of the store named outside the file, or NULL). No other clock is read.
A lone percent sign is written doubled. Long statements live in ``<app>/sql/`` and come through ``kernel.sql.load_sql``.

``control_total`` is an SQL expression over the columns of ``import_checked``, summed over all records (bad ones too, as far as they can be
read) and over the rows applied; the operator types the expected sum and it must match to the fen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from backoffice.kernel.registry import Registry

Text = Any  # a string or a lazy translation


class ColumnType(Protocol):
    """How one kind of value is read; ``columns.py`` has them. The Python cleaner and the SQL must agree on every input."""

    sql_type: str

    def clean(self, text: str) -> Any:
        """The value of a cell that is not blank (outer white space is cut already). Raises ``columns.ColumnError`` with a problem code."""

    def sql_valid(self, expr: str) -> str:
        """Boolean SQL: is the text ``expr`` (not NULL, not blank, outer white space cut) valid? Never raises, whatever the text is."""

    def sql_value(self, expr: str) -> str:
        """SQL for the value as ``sql_type``; NULL, never an error, for a blank or unreadable text. Percent signs doubled in both.

        So "not blank and value IS NULL" says that a cell is bad: where speed counts, take the value once and ask ``sql_valid`` not at all.
        """


# Text of a cell (and of the cells ``beside`` it) -> the values of the parts as COPY text, or None: the cell is bad and ``type.clean`` says why.
PartsMaker = Callable[..., tuple[str, ...] | None]


@dataclass(frozen=True)
class When:
    """A statement that runs only when the SELECT ``condition`` finds a row: rare work costs nothing, and is not planned for a million rows."""

    condition: str
    statement: str


# A statement, or for small files a function that is given the parameters of the statements.
Step = str | When | Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Parts:
    """A cell that Python turns into stored values while the file streams by, so that the text never reaches the database (a phone, a secret).

    ``columns`` are (name, SQL type) in ``import_checked``; a bytea is given as ``\\\\x`` and hexadecimal digits. ``prepare`` is called once a
    file and returns the function for the cells: keys are set up there, not per row. ``beside`` names other columns of the kind whose texts
    of the same row are passed to it as further arguments ('' when blank or not in the file): what an identity is hashed to depends on its kind.
    """

    columns: tuple[tuple[str, str], ...]
    prepare: Callable[[], PartsMaker]
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """A column of the file: ``name`` is its English header and its name in the temporary tables, ``header_zh`` the Chinese header.

    ``required``: the file must have it and no cell may be blank. ``masked``: problems show only the ends of a value.
    """

    name: str
    header_zh: str
    type: ColumnType
    required: bool = False
    aliases: tuple[str, ...] = ()
    example: str = ""
    help: Text = ""
    masked: bool = False
    parts: Parts | None = None


@dataclass(frozen=True)
class ImportKind:
    """See the module's docstring for what each phase receives and leaves.

    ``columns`` in the order of the sample file, without ``store``: with ``has_store`` the engine adds it and resolves it to ``store_id``
    within the stores that the user may write. ``platform_only``: only a platform seat may import it, never a merchant.
    ``unmasked_permission``: needed to be handed a file of somebody else when a column is masked; empty: nobody but the uploader gets it.
    ``audited``: codes of row problems -> audit event that says once a job how many there were.
    ``key`` names the columns that identify a row (inside its store): twice in one file is a fault of both rows. It may be SQL over the
    typed columns, e.g. ``("order_no", "coalesce(line_no, 1)")``. ``either`` lists groups of columns of which one must be in the file,
    e.g. ``(("member_no",), ("identity_kind", "identity_value"))``. ``about`` says in a sentence what such a file is for. ``shown_in`` is the model
    (``app.Model``) in whose list people find the rows afterwards.
    """

    code: str
    name: Text
    permission: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    classify: Sequence[str | When]
    apply: Sequence[Step]
    checks: Sequence[str] = ()
    conflicts: str = ""
    notes: str = ""
    has_store: bool = True
    platform_only: bool = False
    control_total: str = ""
    tables: tuple[str, ...] = ()
    either: tuple[tuple[str, ...], ...] = ()
    order: int = field(default=100, kw_only=True)
    about: Text = field(default="", kw_only=True)
    shown_in: str = field(default="", kw_only=True)
    unmasked_permission: str = field(default="", kw_only=True)
    audited: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    @property
    def has_control_total(self) -> bool:
        return bool(self.control_total)

    @property
    def has_masked_column(self) -> bool:
        return any(column.masked for column in self.columns)

    @property
    def file_columns(self) -> tuple[Column, ...]:
        """Declared columns with the engine's ``store`` in front where the kind has it."""
        from backoffice.kernel.files.columns import STORE_CODE

        store = Column("store", "店铺编码", STORE_CODE, aliases=("store_code", "店铺代码", "店铺编号"), example="S001")
        return (store, *self.columns) if self.has_store else self.columns

    def column(self, name: str) -> Column:
        return next(column for column in self.file_columns if column.name == name)


import_kinds: Registry[ImportKind] = Registry("import kind")


def register(kind: ImportKind) -> ImportKind:
    return import_kinds.register(kind.code, kind)
