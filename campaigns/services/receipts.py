"""What gateways report after the hand-over. Repeated, late and unknown receipts are harmless: each (message, event) counts once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from backoffice.kernel import clock
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import Store
from campaigns.choices import ARRIVED, CREDIT_CARDS, MessageStatus, ReceiptEvent
from campaigns.models import Message
from campaigns.services.ending import note_cards_sent, settle_reported_failures
from members.choices import ConsentSource
from members.models import Member
from members.services.members import record_consent, switch_credit_cards

REASON = "gateway receipt"
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class ReceiptLine:
    """One receipt as it came: ``id`` is what we sent as the message's id, ``at`` when it happened."""

    id: str
    event: str
    at: datetime
    provider_id: str = ""


@dataclass(frozen=True)
class ReceiptSummary:
    """How many were new, came before, or name no message of this store (or no event that we know)."""

    recorded: int
    repeated: int
    unknown: int


@in_transaction
def record_receipts(*, store: Store, receipts: Sequence[ReceiptLine], now: datetime) -> ReceiptSummary:
    """Record the receipts of one store's gateway and act on what they say of the message as it is now.

    One that proves arrival settles a message whose outcome was open; "failed" frees an unknown one, or one that becomes unknown later;
    "unsubscribed", when it is new, clears at once exactly the choice that the message was sent under. A message of another store
    counts as unknown.
    """
    known = [(number, line) for line in receipts if (number := _number(line.id)) is not None and line.event in ReceiptEvent.values]
    messages = {message.pk: message for message in Message.objects.filter(store=store, pk__in={number for number, _line in known})}
    ours = [(number, line) for number, line in known if number in messages]
    new = _insert(store, ours, now)
    # Those that came before count too: they may have come when there was nothing to settle yet.
    arrived = {number: line for number, line in ours if line.event in ARRIVED}
    _settle_arrived(arrived, arrived, messages, now)
    settle_reported_failures([number for number, line in ours if line.event == ReceiptEvent.FAILED])
    for message_id, event in new:
        if event == ReceiptEvent.UNSUBSCRIBED:
            _unsubscribe(messages[message_id], now)
    return ReceiptSummary(recorded=len(new), repeated=len(ours) - len(new), unknown=len(receipts) - len(ours))


def _number(raw: str) -> int | None:
    number = int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= 19 else None
    return number if number is not None and number <= LARGEST_ID else None


def _insert(store: Store, receipts: Sequence[tuple[int, ReceiptLine]], now: datetime) -> list[tuple[int, str]]:
    if not receipts:
        return []
    ordered = sorted(receipts, key=lambda receipt: (receipt[0], receipt[1].event))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO campaigns_receipt (store_id, message_id, event, happened_at, provider_id, received_at)
            SELECT %(store)s, came.message_id, came.event, came.happened_at, came.provider_id, %(now)s
              FROM unnest(%(ids)s::bigint[], %(events)s::text[], %(times)s::timestamptz[], %(provider_ids)s::text[])
                   AS came(message_id, event, happened_at, provider_id)
            ON CONFLICT (message_id, event) DO NOTHING
            RETURNING message_id, event
            """,
            {
                "store": store.pk,
                "now": now,
                "ids": [number for number, _line in ordered],
                "events": [line.event for _number, line in ordered],
                "times": [line.at for _number, line in ordered],
                "provider_ids": [line.provider_id for _number, line in ordered],
            },
        )
        return [(message_id, event) for message_id, event in cursor.fetchall()]


def _settle_arrived(message_ids: Collection[int], lines: dict[int, ReceiptLine], messages: dict[int, Message], now: datetime) -> None:
    """Messages of open outcome (unknown, or waiting with an attempt in doubt) were sent after all, on the day that holds their slot."""
    sent = []
    for message_id in sorted(set(message_ids)):
        message, line = messages[message_id], lines[message_id]
        if message.status != MessageStatus.UNKNOWN and not (message.status == MessageStatus.PENDING and message.in_doubt):
            continue
        last_instant = clock.day_end(message.local_day) - timedelta(microseconds=1)
        sent_at = max(message.decided_at, min(line.at, now, last_instant))
        open_outcome = Message.objects.filter(pk=message_id, status=MessageStatus.UNKNOWN) | Message.objects.filter(
            pk=message_id, status=MessageStatus.PENDING, in_doubt=True
        )
        changes = {"sent_at": sent_at, "provider_id": line.provider_id, "error": "", "in_doubt": False, "lease_token": None, "lease_until": None}
        if open_outcome.update(status=MessageStatus.SENT, next_attempt_at=None, **changes):
            sent.append(message_id)
    note_cards_sent(sent)


def _unsubscribe(message: Message, now: datetime) -> None:
    """The credit cards' own switch, or marketing consent: whichever the message was sent under, and only that."""
    # Locked and read now: another receipt, of this call or of one at the same time, may have cleared it a moment ago.
    member = Member.objects.select_for_update().filter(pk=message.member_id or 0).first()
    if member is None:
        return
    if message.scenario in CREDIT_CARDS:
        if member.credit_cards_on:
            switch_credit_cards(member=member, on=False, reason=REASON, by=None, now=now)
    elif member.marketing_consent:
        record_consent(member=member, agrees=False, source=ConsentSource.MEMBER, version="", by=None, now=now)
