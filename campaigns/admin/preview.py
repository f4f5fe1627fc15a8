"""Cards as the member will see them, for the screens where somebody decides about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse

from backoffice.kernel.tenancy.choices import Language
from backoffice.kernel.tenancy.models import Store
from campaigns.choices import ScenarioCode
from campaigns.models import MessageTemplate
from campaigns.scenarios.base import SCENARIOS, Scenario
from campaigns.scenarios.cards import CardTexts
from campaigns.selectors.due import DueCard


@dataclass(frozen=True)
class PreviewCard:
    """One card in one language. ``url`` is where its words are changed, empty when this user may not."""

    language: str
    language_name: str
    title: str
    body: str
    is_own: bool
    url: str


@dataclass(frozen=True)
class Preview:
    """A scenario's card in every language, with the figures of ``due`` or, without one, with sample figures."""

    scenario: str
    name: str
    due: DueCard | None
    count: int
    cards: list[PreviewCard]


class ServiceChecks:
    """A form whose service checks with sentences of its own what the model's constraints hold."""

    _meta: Any

    def _get_validation_exclusions(self) -> set[str]:
        return {field.name for field in self._meta.model._meta.fields}


def only_choose(field: Any) -> None:
    """A choice of rows without the admin's buttons for adding and changing them."""
    if field is not None and hasattr(field.widget, "widget"):
        choices, field.widget = field.choices, field.widget.widget
        field.widget.choices = choices


def make_previews(store: Store, examples: list[DueCard], counts: Mapping[str, int], *, console: str, may_edit: bool) -> list[Preview]:
    """The credit cards of ``store``: the periodic ones, the one that goes first in front, then the notice after payment with sample figures."""
    texts = CardTexts([store.pk])
    own = {(row.scenario, row.language): row.pk for row in MessageTemplate.objects.filter(store=store)}
    previews = []
    for scenario in map(SCENARIOS.get, (ScenarioCode.EXPIRY_REMINDER, ScenarioCode.BALANCE_REMINDER, ScenarioCode.AFTER_PAYMENT)):
        due = next((card for card in examples if card.scenario == scenario.code), None)
        cards = [_card(store, scenario, language, texts, due, own, console if may_edit else "") for language in scenario.texts]
        previews.append(Preview(scenario.code.value, str(scenario.code.label), due, counts.get(scenario.code.value, 0), cards))
    return sorted(previews, key=lambda preview: preview.due is None)


def _card(
    store: Store, scenario: Scenario, language: Language, texts: CardTexts, due: DueCard | None, own: Mapping[tuple[str, str], int], console: str
) -> PreviewCard:
    params: Mapping[str, Any] = due.params if due else scenario.sample
    text = texts.render(store_id=store.pk, store_name=store.name, scenario=scenario.code.value, language=language, params=params)
    template = own.get((scenario.code.value, language.value))
    return PreviewCard(
        language.value, str(language.label), text.title, text.body, template is not None, _text_url(console, store, scenario, language, template)
    )


def _text_url(console: str, store: Store, scenario: Scenario, language: Language, template: int | None) -> str:
    if not console:
        return ""
    try:
        if template:
            return reverse(f"{console}:campaigns_messagetemplate_change", args=[template])
        return f"{reverse(f'{console}:campaigns_messagetemplate_add')}?store={store.pk}&scenario={scenario.code.value}&language={language.value}"
    except NoReverseMatch:
        return ""
