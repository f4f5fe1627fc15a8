"""What was true of a member and a store at an earlier moment, from facts that are only ever added: audit events, status changes, ledger entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django.db.models import F, Max, Q, Sum

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.money import ZERO
from backoffice.kernel.tenancy.models import Store
from campaigns.choices import PERIODIC_CARDS, MessageStatus
from campaigns.models import Message, ReminderClock, ReminderSetting
from members.choices import MemberStatus
from members.models import CreditEntry, Member


@dataclass(frozen=True)
class PastSetting:
    """A store's reminder switch at a moment; ``since`` is the change that made it so, when one is known."""

    enabled: bool
    send_time: time | None
    since: datetime | None


@dataclass(frozen=True)
class PastStatus:
    """A member's status at a moment, since when, and why. ``joined`` is false before they joined."""

    status: str
    since: datetime | None
    reason: str
    joined: bool


def get_setting_at(store: Store, moment: datetime) -> PastSetting:
    setting = ReminderSetting.objects.filter(store=store).first()
    if setting is None:
        return PastSetting(False, None, None)
    events = AuditEvent.objects.filter(target_type="campaigns.remindersetting", target_id=setting.pk, verb="reminder_setting.changed")
    last = events.filter(happened_at__lte=moment).order_by("-happened_at", "-pk").first()
    if last is not None:
        return PastSetting(bool(last.facts["enabled"]), time.fromisoformat(last.facts["send_time"]), last.happened_at)
    following = events.order_by("happened_at", "pk").first()
    if following is not None:
        return PastSetting(bool(following.facts["was_enabled"]), time.fromisoformat(following.facts["was_send_time"]), None)
    began = setting.enabled_at
    return PastSetting(setting.enabled and (began is None or began <= moment), setting.send_time, began)


def get_status_at(member: Member, moment: datetime) -> PastStatus:
    changes = member.status_changes.order_by("happened_at", "pk")
    following = changes.filter(happened_at__gt=moment).first()
    last = changes.filter(happened_at__lte=moment).last()
    status = following.from_status if following else member.status
    if last is not None:
        return PastStatus(status, last.happened_at, last.reason, member.joined_at <= moment)
    return PastStatus(status, member.joined_at if status == MemberStatus.ACTIVE else None, "", member.joined_at <= moment)


def get_cards_on_at(member: Member, moment: datetime) -> tuple[bool, datetime | None]:
    """Whether the member received credit cards at that moment, and since when it was so, if it was ever switched."""
    events = AuditEvent.objects.filter(target_type="members.member", target_id=member.pk, verb="credit_cards.switched")
    last = events.filter(happened_at__lte=moment).order_by("-happened_at", "-pk").first()
    if last is not None:
        return bool(last.facts["on"]), last.happened_at
    following = events.order_by("happened_at", "pk").first()
    return (not following.facts["on"] if following else member.credit_cards_on), None


def get_balance_at(member: Member, moment: datetime, *, as_known: bool = False) -> Decimal:
    """Yuan that could be spent at ``moment``: entries of lots that had not lapsed. ``as_known``: only what the system had recorded by then."""
    known: dict[str, Any] = {"recorded_at__lte": moment} if as_known else {}
    entries = CreditEntry.objects.filter(account__member=member, happened_at__lte=moment, **known)
    live = entries.filter(Q(lot__expires_at=None) | Q(lot__expires_at__gt=moment))
    total = live.aggregate(total=Sum(F("principal_amount") + F("bonus_amount")))["total"]
    return total or ZERO


def get_last_card_before(member: Member, day: date) -> date | None:
    """Local day of the last periodic card before ``day`` that went to the member or may have gone."""
    went = Message.objects.filter(
        person=member.person_id, store=member.store_id, scenario__in=PERIODIC_CARDS, status__in=[MessageStatus.SENT, MessageStatus.UNKNOWN], local_day__lt=day
    ).aggregate(last=Max("local_day"))["last"]
    told = ReminderClock.objects.filter(member=member, last_sent_on__lt=day).values_list("last_sent_on", flat=True).first()
    return max((known for known in (went, told) if known), default=None)
