"""What one message's page shows: what became of it and why, the card, the facts, and what came back."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from backoffice.kernel.admin.display import EMPTY, full_time, row_url, status_chip
from backoffice.kernel.tenancy.choices import Language
from backoffice.kernel.tenancy.roles import Console
from campaigns.choices import MessageStatus, ReceiptEvent, ScenarioCode
from campaigns.gateways.errors import describe_error
from campaigns.models import Message, Receipt
from campaigns.selectors.messages import MESSAGE_TONES, get_card_text
from campaigns.selectors.why_not import Taker, candidate_of
from campaigns.selectors.why_not_words import explain


def message_page(screen: Any, message: Message, *, shows_member: bool) -> dict[str, Any]:
    """Context of the page. In the merchant console the platform's cap is told by its number only; without ``shows_member`` nothing
    says whom the message was for."""
    console = screen.admin_site.name
    candidate = candidate_of(message, all_stores=console == Console.PLATFORM)
    return {
        "message": message,
        "status": status_chip(message, MESSAGE_TONES),
        "sentence": explain(candidate),
        "member": message.member if shows_member else None,
        "member_url": row_url(console, message.member) if message.member and shows_member else "",
        "card": get_card_text(message),
        "facts": [*_facts(message, shows_member=shows_member), *_delivery(message)],
        "takers": [_taker(taker) for taker in candidate.takers],
        "receipts": _receipts(message),
        "was_handed_over": message.attempt_count > 0,
    }


def _facts(message: Message, *, shows_member: bool) -> list[tuple[Any, Any]]:
    member = f"{message.member.nickname} {message.member.member_no}".strip() if message.member else _("Not a member")
    return [
        (_("Scenario"), message.get_scenario_display()),
        (_("Store"), message.store.name),
        *([(_("Member"), member)] if shows_member else []),
        *([(_("Order"), message.params["order_no"])] if shows_member and message.params.get("order_no") else []),
        (_("Local day"), message.local_day.isoformat()),
        (_("Language"), Language(message.language).label),
        (_("Decided"), full_time(message.decided_at)),
    ]


def _delivery(message: Message) -> list[tuple[Any, Any]]:
    if message.status == MessageStatus.SUPPRESSED:
        return []
    facts = [
        (_("Sent at"), full_time(message.sent_at) if message.sent_at else EMPTY),
        (_("Attempts"), str(message.attempt_count)),
        (_("Gateway's number"), message.provider_id or EMPTY),
    ]
    if message.status == MessageStatus.PENDING and message.next_attempt_at:
        facts.append((_("Next attempt"), full_time(message.next_attempt_at)))
    if message.error:
        facts.append((_("Error"), describe_error(message.error)))
    return facts


def _taker(taker: Taker) -> dict[str, Any]:
    return {"scenario": ScenarioCode(taker.scenario).label, "store": taker.store, "status": MessageStatus(taker.status).label, "at": full_time(taker.at)}


def _receipts(message: Message) -> list[dict[str, Any]]:
    rows = Receipt.objects.filter(message=message).order_by("happened_at", "pk")
    return [{"event": ReceiptEvent(row.event).label, "at": full_time(row.happened_at), "received": full_time(row.received_at)} for row in rows]
