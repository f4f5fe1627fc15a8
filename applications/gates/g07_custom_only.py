"""G07: a capability that is for custom builds only needs a custom build."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.choices import AppBuild, Openness
from applications.facts import Facts
from applications.gates.base import Finding, Words, gate


@gate(
    "G07",
    _("Custom builds only"),
    {
        "custom_only": Words(
            _("In the category “%(category)s” the capability “%(capability)s” is for custom builds only, and this app is a template."),
            _("It passes as a custom build for one premium merchant. Or take this capability out of the application."),
        )
    },
    before_writing=True,
)
def custom_only(facts: Facts) -> Iterator[Finding]:
    if facts.content.build != AppBuild.TEMPLATE:
        return
    for asked in facts.capabilities:
        if asked.openness == Openness.CUSTOM_ONLY:
            names = dict(facts.category_names or {})
            yield Finding("custom_only", {"capability": dict(asked.names), "category": names, "as_build": AppBuild.CUSTOM.value})
