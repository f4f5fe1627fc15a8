"""What a scenario is, and the registry in which each file of this package enters its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from backoffice.kernel.registry import Registry
from backoffice.kernel.tenancy.choices import Language
from campaigns.choices import ScenarioCode


@dataclass(frozen=True)
class Text:
    """Title and text of a card in one language, with ``{placeholders}``."""

    title: str
    body: str


@dataclass(frozen=True)
class Scenario:
    """A kind of message.

    ``texts`` holds the words that ship, by language. ``placeholders`` maps each name that a text may use to what it stands for.
    ``values`` turns the stored figures into the placeholders' words in a language; the store's name is added by the caller.
    ``sample`` is a set of figures for previews and for the contract test.
    """

    code: ScenarioCode
    texts: Mapping[Language, Text]
    placeholders: Mapping[str, str | Promise]
    values: Callable[[Mapping[str, Any], str], dict[str, str]]
    sample: Mapping[str, Any]
    periodic: bool = False


SCENARIOS: Registry[Scenario] = Registry("scenario")


def register(scenario: Scenario) -> Scenario:
    """Enter a scenario. Its texts are checked here, so that a wrong placeholder is a start-up error."""
    from campaigns.scenarios.placeholders import check_text

    for text in scenario.texts.values():
        check_text(text.title, allowed=scenario.placeholders)
        check_text(text.body, allowed=scenario.placeholders)
    return SCENARIOS.register(scenario.code.value, scenario)
