"""G03: a developer who is not onboarded yet hands in company introduction and past cases."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.facts import Facts
from applications.gates.base import Finding, Words, gate


@gate(
    "G03",
    _("First-time papers"),
    {
        "papers_missing": Words(
            _("You are not onboarded yet, and this is missing: %(fields)s."),
            _("Add your company introduction and past cases to the application. You hand them in only this first time."),
        )
    },
)
def papers(facts: Facts) -> Iterator[Finding]:
    if facts.developer.is_onboarded:
        return
    there = {
        "company_intro": facts.content.company_intro or facts.developer.has_intro,
        "past_cases": facts.content.past_cases or facts.developer.has_past_cases,
    }
    missing = [name for name, is_there in there.items() if not is_there]
    if missing:
        yield Finding("papers_missing", {"fields": missing})
