"""The table and the product speak of the same surfaces: a new one breaks the build until somebody decides who may use it."""

from __future__ import annotations

import pytest

from tests.access.surfaces import all_surfaces
from tests.access.table import TABLE


def missing_and_stale(surfaces: set[str], lines: set[str]) -> tuple[list[str], list[str]]:
    return sorted(surfaces - lines), sorted(lines - surfaces)


def test_every_surface_has_a_line_and_every_line_a_surface() -> None:
    missing, stale = missing_and_stale(all_surfaces(), set(TABLE.lines))
    assert (missing, stale) == ([], [])


def test_taking_any_line_away_is_noticed() -> None:
    surfaces, lines = all_surfaces(), set(TABLE.lines)
    for line in lines:
        assert missing_and_stale(surfaces, lines - {line}) == ([line], [])


def test_a_surface_has_one_line() -> None:
    line = next(iter(TABLE.lines.values()))
    with pytest.raises(AssertionError, match="two lines"):
        TABLE.add(line)


def test_a_line_without_roles_says_why() -> None:
    """A surface outside the consoles is not a way to leave roles out: it gives its reason."""
    for line in TABLE.lines.values():
        if not line.surface.startswith(("platform:", "merchant:", "developer:")):
            assert line.reason, line.surface
