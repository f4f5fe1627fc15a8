"""The words of a card: a store's own text or the one that ships, filled with the stored figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from backoffice.kernel.tenancy.choices import Language
from campaigns.models import MessageTemplate
from campaigns.scenarios.base import SCENARIOS, Text
from campaigns.scenarios.placeholders import fill


class CardTexts:
    """Texts of some stores, read once: one query however many cards are rendered."""

    def __init__(self, store_ids: Iterable[int]) -> None:
        own = MessageTemplate.objects.filter(store_id__in=set(store_ids)).values_list("store_id", "scenario", "language", "title", "body")
        self._own = {(store, scenario, language): Text(title, body) for store, scenario, language, title, body in own}

    def get(self, *, store_id: int, scenario: str, language: str) -> Text:
        """The store's text in that language; without one the text that ships in that language."""
        return self._own.get((store_id, scenario, language)) or SCENARIOS.get(scenario).texts[Language(language)]

    def render(self, *, store_id: int, store_name: str, scenario: str, language: str, params: Mapping[str, Any]) -> Text:
        """Title and text as the member reads them. ``params`` are the figures stored with the message."""
        return render_text(
            self.get(store_id=store_id, scenario=scenario, language=language), scenario=scenario, store_name=store_name, language=language, params=params
        )


def render_text(text: Text, *, scenario: str, store_name: str, language: str, params: Mapping[str, Any]) -> Text:
    values = {**SCENARIOS.get(scenario).values(params, language), "store": store_name}
    return Text(fill(text.title, values), fill(text.body, values))
