"""What was submitted, revision by revision, with what changed between two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from applications.choices import AppBuild, AppForm, DemoCover
from applications.content import FIELD_LABELS, Content, content_of, diff
from applications.models import Application, Capability, Category, DemoFile


@dataclass(frozen=True)
class ChangeRow:
    """One difference in words."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class RevisionRow:
    """One submission, with its differences from the one before it."""

    number: int
    at: Any
    changes: Sequence[ChangeRow]
    is_first: bool


@dataclass(frozen=True)
class Names:
    """Names by code for one page, read at once."""

    capabilities: Mapping[str, str]
    categories: Mapping[str, str]
    files: Mapping[int, str]

    def shown(self, name: str, value: str) -> str:
        """A stored value as people read it."""
        if name == "form" and value in AppForm.values:
            return str(AppForm(value).label)
        if name == "build" and value in AppBuild.values:
            return str(AppBuild(value).label)
        if name == "category":
            return self.categories.get(value, value)
        if name == "demo_file":
            return self.files.get(int(value), value) if value.isdigit() else value
        if name == "demo_covers":
            return pgettext("between the items of a list", ", ").join(str(DemoCover(code).label) for code in value.split(", ") if code in DemoCover.values)
        return value


def get_names(case: Application) -> Names:
    """Three queries, whatever the number of revisions."""
    return Names(
        {row.code: str(row) for row in Capability.objects.all()},
        {row.code: str(row) for row in Category.objects.all()},
        dict(DemoFile.objects.filter(developer=case.developer_id).values_list("pk", "file_name")),
    )


def field_label(field: str, names: Names | None = None) -> str:
    """Label of a field of ``content.diff``: of the form, or of one capability's scene or value."""
    name, _dot, rest = field.partition(".")
    if name != "capabilities" or not rest:
        return str(FIELD_LABELS.get(name, name))
    code, part = (rest.removesuffix(".scene"), _("Scene")) if rest.endswith(".scene") else (rest.removesuffix(".value"), pgettext("application", "Value"))
    shown = names.capabilities.get(code, code) if names else code
    return f"{shown} · {part}" if rest.endswith((".scene", ".value")) else shown


def list_revisions(case: Application, names: Names) -> list[RevisionRow]:
    """The newest first."""
    rows: list[RevisionRow] = []
    before: Content | None = None
    for revision in case.revisions.order_by("number"):
        content = content_of(revision.content)
        changes = [_row(change, names) for change in diff(before, content)] if before is not None else []
        rows.append(RevisionRow(revision.number, revision.submitted_at, changes, before is None))
        before = content
    return rows[::-1]


def _row(change: Any, names: Names) -> ChangeRow:
    name = change.field.partition(".")[0]
    if name == "capabilities" and change.field.count(".") >= 1 and (change.before is None or change.after is None):
        told = (_("not asked for"), _("asked for"))
        return ChangeRow(field_label(change.field, names), *(told if change.before is None else told[::-1]))
    return ChangeRow(field_label(change.field, names), names.shown(name, change.before or "") or "—", names.shown(name, change.after or "") or "—")
