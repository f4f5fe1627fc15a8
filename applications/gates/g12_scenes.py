"""G12: each capability has a scene and a value of its own, not one text pasted into all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.facts import Facts
from applications.gates.base import Finding, Words, gate

SHORTEST = 10


@gate(
    "G12",
    _("Scene and value of each capability"),
    {
        "scene_missing": Words(
            _("“%(capability)s” has no scene of use, or less than %(least)d characters of it."), _("Say where in the app it is used, by whom and how.")
        ),
        "value_missing": Words(
            _("“%(capability)s” has no value stated, or less than %(least)d characters of it."), _("Say what the member and the merchant gain by it.")
        ),
        "same_text": Words(
            _("The same text stands for several capabilities: %(capabilities)s."), _("Describe for each capability its own scene and its own value.")
        ),
    },
)
def scenes(facts: Facts) -> Iterator[Finding]:
    names = {asked.code: dict(asked.names) for asked in facts.capabilities}
    for part in ("scene", "value"):
        same = defaultdict(list)
        for asked in facts.content.capabilities:
            text = " ".join(getattr(asked, part).split()).casefold()
            if len(text) < SHORTEST:
                yield Finding(f"{part}_missing", {"capability": names.get(asked.capability, asked.capability), "least": SHORTEST})
            else:
                same[text].append(names.get(asked.capability, asked.capability))
        for capabilities in same.values():
            if len(capabilities) > 1:
                yield Finding("same_text", {"capabilities": capabilities})
