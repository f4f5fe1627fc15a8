"""G13: no other open application of the same app asks for the same capability."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.facts import Facts
from applications.gates.base import Finding, Words, gate


@gate(
    "G13",
    _("No open twin"),
    {
        "twin": Words(
            _("The open application %(twin)s of this app asks for “%(capability)s” too."),
            _("Wait for that one, withdraw it, or take the capability out of this one."),
        )
    },
)
def twin(facts: Facts) -> Iterator[Finding]:
    for asked in facts.capabilities:
        if asked.twin:
            yield Finding("twin", {"twin": asked.twin, "capability": dict(asked.names)})
