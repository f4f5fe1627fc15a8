"""G06: each capability is open in the category. One that the table does not list is closed."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.choices import Openness
from applications.facts import Facts
from applications.gates.base import Finding, Words, gate


@gate(
    "G06",
    _("Capability open in the category"),
    {
        "unknown_capability": Words(_("There is no capability “%(capability)s”."), _("Take it out of the application.")),
        "closed": Words(
            _("“%(capability)s” is not open in the category “%(category)s” (opening table, version %(table)s)."),
            _("Take this capability out of the application, or wait until it is opened for the category."),
        ),
    },
    before_writing=True,
)
def cell(facts: Facts) -> Iterator[Finding]:
    for asked in facts.capabilities:
        if not asked.is_known:
            yield Finding("unknown_capability", {"capability": asked.code})
        elif facts.is_category_in_table and asked.openness == Openness.CLOSED:
            names = dict(facts.category_names or {})
            yield Finding("closed", {"capability": dict(asked.names), "category": names, "table": facts.table})
