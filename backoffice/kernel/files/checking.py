"""Set-based checks: texts of ``import_staged`` become typed values in ``import_checked``, bad rows are known and never applied."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from backoffice.kernel.files.columns.characters import SPACES, quote
from backoffice.kernel.files.kinds import Column, Step, When
from backoffice.kernel.files.staging import Layout

# Bits of ``fault_bits``.
BAD_CELL, BAD_STORE, TWICE, BAD_SHAPE, CLOSED_STORE = 1, 2, 4, 8, 16

# Memory for one sort or hash of an import; more only moves the work from temporary files to memory.
# Rough statistics of the temporary tables are enough to tell few rows from many.
SETTINGS = """
    SET LOCAL default_statistics_target = 10;
    SET LOCAL work_mem = '64MB';
    SET LOCAL jit = off;
    SET LOCAL statement_timeout = 0;
    SET LOCAL lock_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0
"""


def clear_tables(cursor: Any) -> None:
    """Drop what an earlier import of the same transaction left (they end with the transaction otherwise)."""
    cursor.execute(r"SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r' AND relname LIKE 'import\_%%'", [])
    for (table,) in cursor.fetchall():
        cursor.execute(f'DROP TABLE pg_temp."{table}"')


@dataclass(frozen=True)
class Counts:
    created: int
    updated: int
    unchanged: int
    conflict: int
    bad: int
    file_total: Decimal | None
    applied_total: Decimal | None
    notes: dict[str, int]


def check_cells(cursor: Any, layout: Layout) -> None:
    """``import_staged`` and ``import_store`` -> ``import_checked``."""
    cursor.execute(checked_sql(layout))
    cursor.execute("ANALYZE import_checked")
    cursor.execute("CREATE TEMP TABLE import_problem (line bigint, column_name text, code text, is_conflict boolean DEFAULT false) ON COMMIT DROP")


def checked_sql(layout: Layout) -> str:
    """The one statement that reads all cells. Values are taken once in the inner query (OFFSET 0 keeps the planner from repeating them)."""
    kind = layout.kind
    has_store = kind.has_store
    inner = ["line", "fault"]
    outer = ["v.line"]
    faults = [f"(v.fault IS NOT NULL)::int * {BAD_SHAPE}"]
    bad_cells = []
    if has_store:
        outer.append("s.id AS store_id")
        faults += [f"(s.id IS NULL)::int * {BAD_STORE}", f"coalesce(s.is_closed, false)::int * {CLOSED_STORE}"]
    present = {column.name for column, _ in layout.present}
    for column in kind.file_columns:
        is_store = has_store and column.name == "store"
        cell = f"cell_{column.name}"
        if column.parts:
            inner += [cell] * (column.name in present)
            for name, sql_type in column.parts.columns:
                if column.name in present:
                    inner.append(name)
                outer.append(f"v.{name}" if column.name in present else f"NULL::{sql_type} AS {name}")
            if column.name in present:
                bad_cells.append(f"v.{cell} IS NOT NULL" + (f" OR v.{column.parts.columns[0][0]} IS NULL" if column.required else ""))
        elif column.name in present:
            inner += [cell, f"{_value(layout, column, cell)} AS {column.name}"]
            if not is_store:
                outer.append(f"v.{column.name}")
                bad_cells.append(_is_bad(column, cell))
        elif not is_store:
            outer.append(f"NULL::{column.type.sql_type} AS {column.name}")
    if bad_cells:
        faults.append(f"({' OR '.join(bad_cells)})::int * {BAD_CELL}")
    key = ", ".join([*(["s.id"] if has_store else []), *(_key_part(layout, part) for part in kind.key)])
    is_keyed = " AND ".join(f"({_qualified(layout, part)}) IS NOT NULL" for part in kind.key)
    faults.append(f"(count(*) OVER (PARTITION BY {key}) > 1 AND {is_keyed}{' AND s.id IS NOT NULL' if has_store else ''})::int * {TWICE}")
    store_join = f"LEFT JOIN import_store s ON s.code = {_store_code('store' in present)}" if has_store else ""
    return f"""
        CREATE TEMP TABLE import_checked ON COMMIT DROP AS
        SELECT *, fault_bits <> 0 AS is_bad FROM (
            SELECT {", ".join(outer)}, {" + ".join(faults)} AS fault_bits
            FROM (SELECT {", ".join(inner)} FROM import_staged OFFSET 0) v {store_join}
        ) checked"""  # noqa: S608 - made of declared names and of the column types' own SQL


def _value(layout: Layout, column: Column, cell: str) -> str:
    """The typed value; the thorough reading only where Python found the cell odd."""
    thorough = column.type.sql_value(cell)
    if column.name not in layout.usual:
        return thorough
    bit, _ = layout.usual[column.name]
    return f"CASE WHEN {cell} IS NULL THEN NULL WHEN odd & {bit} = 0 THEN {column.type.sql_fast_value(cell)} ELSE {thorough} END"  # type: ignore[attr-defined]


def _store_code(in_file: bool) -> str:
    """A row's store: its cell, or the store named outside the file (code '' in ``import_store``) where the cell is blank."""
    if not in_file:
        return "''"
    return f"CASE WHEN v.store IS NULL AND coalesce(btrim(v.cell_store, {quote(SPACES)}), '') = '' THEN '' ELSE v.store END"


def _is_bad(column: Column, cell: str) -> str:
    """A value is missing although the cell is not blank, or although it is required."""
    if column.required:
        return f"v.{column.name} IS NULL"
    return f"(v.{column.name} IS NULL AND v.{cell} IS NOT NULL AND btrim(v.{cell}, {quote(SPACES)}) <> '')"


def _qualified(layout: Layout, part: str) -> str:
    """A key column that the file does not have is NULL in ``import_checked`` and has no column in the inner query."""
    names = {column.name for column in layout.kind.file_columns}
    present = {column.name for column, _ in layout.present}
    if part in names:
        column = layout.kind.column(part)
        return f"v.{part}" if part in present else f"NULL::{column.type.sql_type}"
    for name in sorted(names - present, key=len, reverse=True):
        part = part.replace(name, f"NULL::{layout.kind.column(name).type.sql_type}")
    return part


def _key_part(layout: Layout, part: str) -> str:
    sql = _qualified(layout, part)
    is_text = any(column.name == part and column.type.sql_type == "text" for column in layout.kind.file_columns)
    return f'{sql} COLLATE "C"' if is_text else f"({sql})"


def run_checks(cursor: Any, layout: Layout, params: dict[str, Any]) -> None:
    """The kind's row checks; rows they name become bad."""
    for check in layout.kind.checks:
        cursor.execute(f"INSERT INTO import_problem (line, column_name, code) {check}", params)
    cursor.execute("UPDATE import_checked c SET is_bad = true FROM import_problem p WHERE p.line = c.line AND NOT c.is_bad")


def run_step(cursor: Any, step: Step, params: dict[str, Any]) -> None:
    """A statement, a statement with a condition, or a function."""
    if isinstance(step, When):
        cursor.execute(f"SELECT EXISTS ({step.condition})", params)
        if cursor.fetchone()[0]:
            cursor.execute(step.statement, params)
    elif callable(step):
        step(params)
    else:
        cursor.execute(step, params)


def classify(cursor: Any, layout: Layout, params: dict[str, Any]) -> None:
    """The kind decides what each good row would do, and which ones people must decide."""
    for statement in layout.kind.classify:
        run_step(cursor, statement, params)
    cursor.execute("ANALYZE import_rows")
    if layout.kind.conflicts:
        cursor.execute(f"INSERT INTO import_problem (line, column_name, code, is_conflict) SELECT *, true FROM ({layout.kind.conflicts}) found", params)  # noqa: S608


def refresh_statistics(cursor: Any, tables: tuple[str, ...]) -> None:
    """ANALYZE those of ``tables`` that changed much since the last time: right after a first load the planner takes them for empty.

    Outside a transaction: the lock of ANALYZE would otherwise be kept until the end of the import.
    """
    if not tables:
        return
    cursor.execute(
        "SELECT relname FROM pg_stat_user_tables WHERE relname = ANY(%s) AND schemaname = current_schema() AND n_mod_since_analyze > 1000 + n_live_tup / 5",
        [list(tables)],
    )
    for (table,) in cursor.fetchall():
        cursor.execute(f'ANALYZE "{table}"')


def count(cursor: Any, layout: Layout, params: dict[str, Any]) -> Counts:
    cursor.execute("SELECT action, count(*) FROM import_rows GROUP BY action")
    actions = dict(cursor.fetchall())
    cursor.execute("SELECT count(*) FROM import_checked WHERE is_bad")
    bad = cursor.fetchone()[0]
    file_total = applied_total = None
    if layout.kind.control_total:
        total = layout.kind.control_total
        cursor.execute(f"SELECT coalesce(sum({total}), 0) FROM import_checked")  # noqa: S608
        file_total = cursor.fetchone()[0]
        cursor.execute(
            f"SELECT coalesce(sum({total}), 0) FROM import_checked WHERE line IN (SELECT line FROM import_rows WHERE action IN ('create', 'update'))"  # noqa: S608
        )
        applied_total = cursor.fetchone()[0]
    notes: dict[str, int] = {}
    if layout.kind.notes:
        cursor.execute(layout.kind.notes, params)
        notes = {code: number for code, number in cursor.fetchall() if number}
    return Counts(
        actions.get("create", 0), actions.get("update", 0), actions.get("unchanged", 0), actions.get("conflict", 0), bad, file_total, applied_total, notes
    )
