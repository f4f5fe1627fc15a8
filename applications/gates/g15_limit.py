"""G15: a developer has only so many open applications."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.facts import Facts
from applications.gates.base import Finding, Words, gate


@gate(
    "G15",
    _("Open applications"),
    {
        "too_many": Words(
            _("You have %(open)d open applications; at most %(most)d are allowed."),
            _("Wait until one of them is decided, or withdraw one. Applications are meant to be few and deliberate."),
        )
    },
    before_writing=True,
)
def limit(facts: Facts) -> Iterator[Finding]:
    if facts.developer.open_count >= facts.most_open_cases:
        yield Finding("too_many", {"open": facts.developer.open_count, "most": facts.most_open_cases})
