"""The opening table in force, and what a draft of it would change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from applications.choices import LIVE_GRANTS, SUBMITTED_STATES, AppBuild, Openness, PolicyStatus
from applications.models import Application, Grant, PolicyCell, PolicyVersion, RequestedCapability


@dataclass(frozen=True)
class Table:
    """One version as a look-up by category code and capability code. ``version`` None: no table is in force, so that everything is closed."""

    version: PolicyVersion | None
    cells: dict[tuple[str, str], str] = field(default_factory=dict)

    def openness(self, category: str, capability: str) -> str:
        return self.cells.get((category, capability), Openness.CLOSED.value)

    def has_category(self, category: str) -> bool:
        return any(row == category for row, _column in self.cells)

    def allows(self, category: str, capability: str, build: str) -> bool:
        openness = self.openness(category, capability)
        return openness == Openness.OPEN or (openness == Openness.CUSTOM_ONLY and build == AppBuild.CUSTOM)


def table_of(version: PolicyVersion | None, categories: Iterable[str] | None = None) -> Table:
    """All cells of a version, or only those of ``categories``."""
    if version is None:
        return Table(None)
    cells = PolicyCell.objects.filter(policy=version)
    if categories is not None:
        cells = cells.filter(category__code__in=list(categories))
    return Table(version, {(row, column): openness for row, column, openness in cells.values_list("category__code", "capability__code", "openness")})


def get_policy_in_force() -> PolicyVersion | None:
    return PolicyVersion.objects.filter(status=PolicyStatus.PUBLISHED).first()


@dataclass(frozen=True)
class CellChange:
    """One cell that two versions see differently."""

    category: str
    capability: str
    before: str
    after: str


def list_cell_changes(before: PolicyVersion | None, after: PolicyVersion) -> list[CellChange]:
    """Cells that differ, by category and capability code. A missing cell counts as closed."""
    old, new = table_of(before), table_of(after)
    keys = sorted({*old.cells, *new.cells})
    return [CellChange(*key, old.openness(*key), new.openness(*key)) for key in keys if old.openness(*key) != new.openness(*key)]


@dataclass(frozen=True)
class Flips:
    """What publishing a draft would turn round: open cases and live grants that are allowed now and would not be, or the other way."""

    cases_closed: list[Application]
    cases_opened: list[Application]
    grants_closed: list[Grant]


def list_flips(before: PolicyVersion | None, after: PolicyVersion) -> Flips:
    """Compared over open cases' current revisions and live grants in the cells that differ, in a fixed number of queries."""
    old, new = table_of(before), table_of(after)
    differ = [key for key in {*old.cells, *new.cells} if old.openness(*key) != new.openness(*key)]
    rows, columns = {row for row, _column in differ}, {column for _row, column in differ}
    closed: dict[int, Application] = {}
    opened: dict[int, Application] = {}
    asked = RequestedCapability.objects.filter(holds_place=True, case__state__in=SUBMITTED_STATES)
    asked = asked.filter(capability__code__in=columns, case__app__category__code__in=rows)
    for row in asked.select_related("case__app__category", "capability").order_by("case_id", "capability_id"):
        app = row.case.app
        was, will = (table.allows(app.category.code, row.capability.code, app.build) for table in (old, new))
        if was and not will:
            closed[row.case_id] = row.case
        elif will and not was:
            opened[row.case_id] = row.case
    live = Grant.objects.filter(status__in=LIVE_GRANTS, capability__code__in=columns, app__category__code__in=rows)
    grants = [
        grant
        for grant in live.select_related("app__category", "capability").order_by("pk")
        if old.allows(grant.app.category.code, grant.capability.code, grant.build)
        and not new.allows(grant.app.category.code, grant.capability.code, grant.build)
    ]
    return Flips(list(closed.values()), list(opened.values()), grants)
