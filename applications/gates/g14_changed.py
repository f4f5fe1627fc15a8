"""G14: something changed since the last refusal."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.facts import Facts
from applications.gates.base import Finding, Words, gate


@gate(
    "G14",
    _("Changed since the last refusal"),
    {
        "unchanged": Words(
            _("Application %(refused)s of this app was refused with exactly this content."),
            _("Change what the refusal named, then submit. If you think that the refusal was wrong, appeal against it."),
        )
    },
)
def changed(facts: Facts) -> Iterator[Finding]:
    if facts.refused_as:
        yield Finding("unchanged", {"refused": facts.refused_as})
