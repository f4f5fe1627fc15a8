"""A store's own words for a card."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.choices import Language
from backoffice.kernel.tenancy.models import Store, User
from campaigns.models import MessageTemplate
from campaigns.scenarios.base import SCENARIOS
from campaigns.scenarios.placeholders import TextRefused, check_text


def check_card_text(*, scenario: str, title: str, body: str) -> None:
    """Raises ``TextRefused`` with a sentence and the ``field`` at fault when a text could not be filled in."""
    if scenario not in SCENARIOS:
        raise BusinessError(_("This kind of message has no texts of its own yet."), code="scenario_unknown", field="scenario")
    for field, text in (("title", title), ("body", body)):
        try:
            check_text(text, allowed=SCENARIOS.get(scenario).placeholders)
        except TextRefused as refusal:
            refusal.facts["field"] = field
            raise


@in_transaction
def save_card_text(*, store: Store, scenario: str, language: str, title: str, body: str, by: User | None, now: datetime) -> MessageTemplate:
    """Keep a store's own text; it is used for cards handed over from now on. Cards already handed over are not changed."""
    check_card_text(scenario=scenario, title=title, body=body)
    before = MessageTemplate.objects.filter(store=store, scenario=scenario, language=Language(language)).first()
    saved, _created = MessageTemplate.objects.update_or_create(
        store=store, scenario=scenario, language=Language(language), defaults={"title": title, "body": body}
    )
    record_event(
        "message_text.saved",
        target=saved,
        store=store,
        by=by,
        now=now,
        scenario=scenario,
        language=language,
        title=title,
        body=body,
        was_title=before.title if before else None,
        was_body=before.body if before else None,
    )
    return saved


@in_transaction
def drop_card_text(*, template: MessageTemplate, by: User | None, now: datetime) -> None:
    """Go back to the text that ships."""
    record_event(
        "message_text.dropped",
        target=template,
        store=template.store_id,
        by=by,
        now=now,
        scenario=template.scenario,
        language=template.language,
        was_title=template.title,
        was_body=template.body,
    )
    MessageTemplate.objects.filter(pk=template.pk).delete()
