"""G10: a template app says who its main merchants are, by at least one of group, category, type and stage."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.choices import AppBuild
from applications.facts import Facts
from applications.gates.base import Finding, Words, gate


@gate(
    "G10",
    _("Main merchants of the template"),
    {
        "audience_missing": Words(
            _("A template app says which merchants it is mainly for, and nothing is said."),
            _("Fill in at least one of group, category, type and stage of the main merchants."),
        )
    },
)
def audience(facts: Facts) -> Iterator[Finding]:
    if facts.content.build == AppBuild.TEMPLATE and not facts.content.audience:
        yield Finding("audience_missing")
