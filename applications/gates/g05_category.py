"""G05: the category is in the opening table. One that is not can be neither applied for nor approved."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.facts import Facts
from applications.gates.base import Finding, Words, gate


@gate(
    "G05",
    _("Category"),
    {
        "no_table": Words(_("No opening table is in force."), _("Wait until the platform has published one.")),
        "unknown_category": Words(_("There is no category “%(category)s”."), _("Choose a category from the list.")),
        "not_in_table": Words(
            _("The category “%(category)s” is not in the opening table (version %(table)s)."),
            _("Nothing can be applied for in this category. Choose the category that the app really belongs to, or wait until it is opened."),
        ),
    },
    before_writing=True,
)
def category(facts: Facts) -> Iterator[Finding]:
    if not facts.content.category:
        return  # G02 says so
    if not facts.table:
        yield Finding("no_table")
    elif facts.category_names is None:
        yield Finding("unknown_category", {"category": facts.content.category})
    elif not facts.is_category_in_table:
        yield Finding("not_in_table", {"category": dict(facts.category_names), "table": facts.table})
