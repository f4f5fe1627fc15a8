"""Every column type reads every cell of the catalogue the same way in Python and in SQL."""
# ruff: noqa: S608

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.kernel.files.columns import ColumnError
from backoffice.kernel.files.columns.base import ColumnType
from backoffice.kernel.files.problems import problems
from tests.kernel.files.columns.catalogue import EXPECTED, SAMPLES, TYPES, Fault

pytestmark = pytest.mark.django_db


def read_in_python(column: ColumnType, cell: str) -> Any:
    try:
        return column.clean(cell)
    except ColumnError as error:
        return Fault(problems.get(error.code).code)  # a code without a sentence is an error here


def read_in_sql(column: ColumnType, cells: list[str]) -> list[tuple[Any, ...]]:
    """(value, valid) of each cell, from one statement over a table of them."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE IF NOT EXISTS cells (line int, c text)")
        cursor.execute("TRUNCATE cells")
        cursor.executemany("INSERT INTO cells VALUES (%s, %s)", list(enumerate(cells)))
        cursor.execute(
            f"SELECT {column.sql_value('c')}, {column.sql_valid('c')} FROM cells WHERE %(all)s ORDER BY line",
            {"all": True},  # with parameters psycopg reads percent signs, as it does in an import
        )
        return cursor.fetchall()


def assert_same(column: ColumnType, cells: list[str]) -> None:
    for cell, (value, valid) in zip(cells, read_in_sql(column, cells), strict=True):
        expected = read_in_python(column, cell)
        if isinstance(expected, Fault):
            assert (value, valid) == (None, False), f"{cell!r}: Python says {expected}, SQL read {value!r}"
        else:
            assert (value, valid) == (expected, True), f"{cell!r}: Python read {expected!r}, SQL {value!r} valid={valid}"
            if isinstance(value, datetime):
                assert value.utcoffset() is not None


@pytest.mark.parametrize("name", TYPES)
def test_python_and_sql_agree_on_the_whole_catalogue(name: str) -> None:
    assert_same(TYPES[name], [cell for cell in SAMPLES if "\x00" not in cell])


@pytest.mark.parametrize("name", TYPES)
def test_cells_of_the_catalogue_are_read_as_written_there(name: str) -> None:
    read = {cell: read_in_python(TYPES[name], cell) for cell in EXPECTED[name]}
    assert read == EXPECTED[name]
    assert {cell: type(value) for cell, value in read.items()} == {cell: type(value) for cell, value in EXPECTED[name].items()}


ALPHABET = st.sampled_from("0123456789.,-/: ;'¥元年月日TZ+Ee'#１，－：；\u3000\xa0\u200b\u200d\u202e\t\n٣中aM")


@pytest.mark.parametrize("name", TYPES)
@settings(max_examples=12, deadline=None)
@given(cells=st.lists(st.text(ALPHABET, max_size=22), min_size=30, max_size=30))
def test_python_and_sql_agree_on_made_up_cells(name: str, cells: list[str]) -> None:
    assert_same(TYPES[name], cells)


@pytest.mark.parametrize("name", TYPES)
@settings(max_examples=12, deadline=None)
@given(damage=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 30), st.text(ALPHABET, max_size=2), st.integers(0, 2)), min_size=40, max_size=40))
def test_python_and_sql_agree_on_damaged_cells(name: str, damage: list[tuple[int, int, str, int]]) -> None:
    """Good cells with something cut out and something put in, close to what is right."""
    sources = [cell for cell in EXPECTED[name] if cell and "\x00" not in cell]
    cells = []
    for pick, at, put, cut in damage:
        source = sources[pick % len(sources)]
        place = at % (len(source) + 1)
        cells.append(source[:place] + put + source[place + cut :])
    assert_same(TYPES[name], cells)
