"""One version of the opening table as a matrix, and the differences of two versions. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from applications.admin.parts import CASE_TONES, GRANT_TONES, OPENNESS_TONES
from applications.choices import CaseState, Openness, PolicyStatus
from applications.models import Capability, Category, PolicyVersion
from applications.selectors.policies import Flips, get_policy_in_force, list_cell_changes, list_flips, table_of
from backoffice.kernel.admin.display import chip, row_link, status_chip

NOT_LISTED = ""
ROWS_SHOWN = 50


@dataclass(frozen=True)
class Cell:
    """One cell: what it says (empty: not listed), what somebody has typed instead, and what the compared version says when that differs."""

    name: str
    value: str
    typed: str
    shown: str
    was: str
    label: str


@dataclass(frozen=True)
class Row:
    category: Category
    cells: Sequence[Cell]


def openness_label(value: str) -> str:
    """The word for a stored openness; empty: the cell is not there, which closes it."""
    return str(Openness(value).label) if value else _("Not listed: closed")


def openness_chip(value: str) -> str:
    return chip(openness_label(value), OPENNESS_TONES.get(value, ""))


def compared_with(version: PolicyVersion, asked: str = "") -> PolicyVersion | None:
    """The version that ``version`` is held against: the one asked for; for a draft the one in force; else the one before it."""
    others = PolicyVersion.objects.exclude(pk=version.pk)
    if asked:
        return others.filter(pk=int(asked)).first() if asked.isascii() and asked.isdigit() and len(asked) <= 18 else None
    if version.status == PolicyStatus.DRAFT:
        return get_policy_in_force()
    return others.exclude(status=PolicyStatus.DRAFT).filter(number__lt=version.number).order_by("-number").first()


def cell_name(category: Category, capability: Capability) -> str:
    return f"cell-{category.pk}-{capability.pk}"


def matrix_page(version: PolicyVersion, *, term: str = "", openness: str = "", typed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Rows and columns of a version. ``term`` keeps rows and columns with this in name or code, ``openness`` rows with such a cell. Seven queries."""
    before = compared_with(version)
    table, old = table_of(version), table_of(before)
    capabilities = [row for row in Capability.objects.order_by("code") if row.is_active or any(code == row.code for _row, code in table.cells)]
    categories = [row for row in Category.objects.order_by("code") if row.is_active or table.has_category(row.code)]
    wanted = term.casefold()
    columns = [row for row in capabilities if _matches(row, wanted)] if wanted else capabilities
    rows = [row for row in categories if _matches(row, wanted)] if wanted else categories
    # A term that names only columns, or only rows, keeps all of the other side.
    columns, rows = columns or (capabilities if rows else []), rows or (categories if columns else [])
    shown = []
    for category in rows:
        cells = []
        for capability in columns:
            key = (category.code, capability.code)
            value, name = table.cells.get(key, NOT_LISTED), cell_name(category, capability)
            differs = before is not None and table.openness(*key) != old.openness(*key)
            was = openness_label(old.cells.get(key, NOT_LISTED)) if differs else ""
            label = _("%(category)s, %(capability)s") % {"category": category, "capability": capability}
            cells.append(Cell(name, value, (typed or {}).get(name, value), openness_chip(value), was, label))
        if not openness or any(cell.value == openness or (openness == Openness.CLOSED and not cell.value) for cell in cells):
            shown.append(Row(category, cells))
    changes = list_cell_changes(before, version)
    return {
        "columns": columns,
        "rows": shown,
        "all_rows": len(categories),
        "before": before,
        "changed": len(changes),
        "term": term,
        "openness": openness,
        "choices": [*((code, label) for code, label in Openness.choices), (NOT_LISTED, _("Not listed: closed"))],
    }


def _matches(row: Category | Capability, wanted: str) -> bool:
    return wanted in row.code.casefold() or wanted in row.name.casefold() or wanted in row.name_en.casefold()


def diff_page(version: PolicyVersion, against: PolicyVersion | None) -> dict[str, Any]:
    """Cells that differ, and, for a draft held against the table in force, whom publishing it would turn round."""
    categories = {row.code: row for row in Category.objects.all()}
    capabilities = {row.code: row for row in Capability.objects.all()}
    old, new = table_of(against), table_of(version)
    changes = [
        {
            "category": categories.get(change.category, change.category),
            "capability": capabilities.get(change.capability, change.capability),
            "before": openness_chip(old.cells.get((change.category, change.capability), NOT_LISTED)),
            "after": openness_chip(new.cells.get((change.category, change.capability), NOT_LISTED)),
        }
        for change in list_cell_changes(against, version)
    ]
    will_replace = version.status == PolicyStatus.DRAFT and (against is None or against.status == PolicyStatus.PUBLISHED)
    return {"changes": changes, "flips": flip_parts(list_flips(against, version)) if will_replace else None}


def flip_parts(flips: Flips) -> list[dict[str, Any]]:
    """The three lists of what a draft would turn round, each with its sentence and at most ``ROWS_SHOWN`` rows."""
    return [
        {
            "title": _("Open applications that would no longer be possible"),
            "note": _("They are refused or sent back at the decision, with the fact and what to change."),
            "number": len(flips.cases_closed),
            "rows": [_case_row(case) for case in flips.cases_closed[:ROWS_SHOWN]],
        },
        {
            "title": _("Open applications that would become possible"),
            "note": _("Nothing has to be done: they are judged by the new table."),
            "number": len(flips.cases_opened),
            "rows": [_case_row(case) for case in flips.cases_opened[:ROWS_SHOWN]],
        },
        {
            "title": _("Grants that the table would no longer allow"),
            "note": _("They work on, and each is put up for re-review."),
            "number": len(flips.grants_closed),
            "rows": [(row_link("platform", grant), status_chip(grant, GRANT_TONES)) for grant in flips.grants_closed[:ROWS_SHOWN]],
        },
    ]


def _case_row(case: Any) -> tuple[Any, Any]:
    return row_link("platform", case, f"{case.number} {case.app.name}"), chip(CaseState(case.state).label, CASE_TONES.get(case.state, ""))


def flip_sentence(flips: Flips) -> str:
    """What publishing turns round, in one line."""
    closed, opened, grants = len(flips.cases_closed), len(flips.cases_opened), len(flips.grants_closed)
    parts = [
        ngettext("%(n)d open application becomes impossible", "%(n)d open applications become impossible", closed) % {"n": closed},
        ngettext("%(n)d open application becomes possible", "%(n)d open applications become possible", opened) % {"n": opened},
        ngettext("%(n)d grant is put up for re-review", "%(n)d grants are put up for re-review", grants) % {"n": grants},
    ]
    return _("; ").join(parts)
