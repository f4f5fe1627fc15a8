"""G01: the developer's standing allows applications."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.choices import StandingLevel
from applications.facts import Facts
from applications.gates.base import Finding, Words, gate


@gate(
    "G01",
    _("Standing"),
    {
        "barred": Words(
            _("This developer account has lost the right to apply (score %(score)d)."),
            _("Nothing new can be submitted. Grants that you have stay. Appeals against decisions that led here remain possible in their time."),
        ),
        "cooling_down": Words(
            _("This developer account pauses until %(until_at)s (score %(score)d)."),
            _("Submit again after that time. Use the pause to go through what was refused."),
        ),
    },
    before_writing=True,
)
def standing(facts: Facts) -> Iterator[Finding]:
    developer = facts.developer
    if developer.level == StandingLevel.BARRED:
        yield Finding("barred", {"score": developer.score})
    elif developer.cool_down_until is not None and developer.cool_down_until > facts.now:
        yield Finding("cooling_down", {"score": developer.score, "until_at": developer.cool_down_until.isoformat()})
