"""G04: form and build are ones that exist."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.choices import AppBuild, AppForm
from applications.facts import Facts
from applications.gates.base import Finding, Words, gate


@gate(
    "G04",
    _("Kind of app"),
    {
        "unknown_form": Words(_("The form of the app is not stated."), _("Choose mini-program or widget.")),
        "unknown_build": Words(_("The build of the app is not stated."), _("Choose template or custom build.")),
    },
    before_writing=True,
)
def kind(facts: Facts) -> Iterator[Finding]:
    if facts.content.form not in AppForm.values:
        yield Finding("unknown_form")
    if facts.content.build not in AppBuild.values:
        yield Finding("unknown_build")
