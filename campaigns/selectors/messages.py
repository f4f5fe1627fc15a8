"""Messages as people look for them: by member, and on the member's line of time."""

from __future__ import annotations

from typing import Any

from django.db import models

from backoffice.kernel.admin.display import BAD, BUSY, GOOD, PLAIN, WARN, row_url
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.ports import TimelineItem
from backoffice.kernel.tenancy.access import allows
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.roles import Console
from campaigns.choices import MessageStatus, ScenarioCode
from campaigns.models import Message
from campaigns.scenarios.base import Text
from campaigns.scenarios.cards import CardTexts
from campaigns.selectors.why_not import candidate_of
from campaigns.selectors.why_not_words import explain
from members.models import Member, Payment
from members.selectors.members import list_members_like

MESSAGE_TONES: dict[str, str] = {
    MessageStatus.PENDING: BUSY,
    MessageStatus.SENT: GOOD,
    MessageStatus.FAILED: BAD,
    MessageStatus.UNKNOWN: WARN,
    MessageStatus.SUPPRESSED: WARN,
    MessageStatus.MISSED: WARN,
    MessageStatus.CANCELLED: PLAIN,
}
MOST_MEMBERS_FOUND = 200
VIEW = "campaigns.view_message"


def of_members_like(messages: models.QuerySet[Message], term: str, stores: models.QuerySet[Store] | None = None) -> models.QuerySet[Message]:
    """Messages to members found by the shape of ``term``, of ``stores`` only (``None``: of all). The person narrows by the index; only
    the found member's own messages stay, so that a phone known to one store finds nothing in another."""
    members = list_members_like(term)
    if stores is not None:  # before the cut: members out of reach must not take the places of those within
        members = members.filter(store__in=stores.values("pk"))
    found = list(members.values_list("person_id", "pk")[:MOST_MEMBERS_FOUND])
    return messages.filter(person_id__in=[person for person, _member in found], member_id__in=[member for _person, member in found])


def get_card_text(message: Message, texts: CardTexts | None = None) -> Text | None:
    """Title and text of a message in the store's present words with the stored figures; ``None`` when they cannot be filled in."""
    texts = texts or CardTexts([message.store_id])
    try:
        return texts.render(
            store_id=message.store_id, store_name=message.store.name, scenario=message.scenario, language=message.language, params=message.params
        )
    except (BusinessError, LookupError, ValueError, TypeError, ArithmeticError):
        return None


def list_message_items(member: Member, user: User, limit: int) -> list[TimelineItem]:
    """The newest messages to ``member``, sent and held back, for the member's timeline. Nothing for who may not see messages."""
    if not allows(user, VIEW):
        return []
    console = Console.PLATFORM if allows(user, VIEW, console=Console.PLATFORM) else Console.MERCHANT
    messages = Message.objects.filter(person_id=member.person_id, store_id=member.store_id).select_related("store").order_by("-local_day", "-pk")[:limit]
    texts = CardTexts([member.store_id])
    return [_item(message, texts, console.value) for message in messages]


def list_payment_items(payment: Payment, user: User, limit: int) -> list[TimelineItem]:
    """The notice that followed a payment, sent or held back, for the payment's page. Nothing for who may not see messages."""
    if not allows(user, VIEW):
        return []
    console = Console.PLATFORM if allows(user, VIEW, console=Console.PLATFORM) else Console.MERCHANT
    notices = Message.objects.filter(store_id=payment.store_id, scenario=ScenarioCode.AFTER_PAYMENT, occasion=payment.pk)
    texts = CardTexts([payment.store_id])
    return [_item(message, texts, console.value) for message in notices.select_related("store").order_by("-pk")[:limit]]


def _item(message: Message, texts: CardTexts, console: str) -> TimelineItem:
    text: Any = None
    if message.status == MessageStatus.SENT:
        text = get_card_text(message, texts)
    return TimelineItem(
        at=message.sent_at or message.decided_at,
        kind="message" if message.status in (MessageStatus.SENT, MessageStatus.PENDING, MessageStatus.UNKNOWN) else "message_held_back",
        title=message.get_scenario_display(),
        body=text.body if text else explain(candidate_of(message, all_stores=False)),
        status=message.get_status_display(),
        tone=MESSAGE_TONES[message.status],
        url=row_url(console, message),
    )
