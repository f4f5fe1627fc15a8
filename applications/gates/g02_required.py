"""G02: what every application states is there."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.facts import Facts
from applications.gates.base import Finding, Words, gate

REQUIRED = ("contact_name", "contact_dingtalk", "category", "capabilities")


@gate(
    "G02",
    _("Required fields"),
    {"missing": Words(_("Not filled in: %(fields)s."), _("Fill in these fields and submit again."))},
)
def required(facts: Facts) -> Iterator[Finding]:
    missing = [name for name in REQUIRED if not getattr(facts.content, name)]
    if missing:
        yield Finding("missing", {"fields": missing})
