"""The notice after a payment, decided in the payment's own transaction: the balance left, once a payment, only on its day."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from backoffice.kernel import clock
from backoffice.kernel.crash import crash_point
from backoffice.kernel.tenancy.choices import StoreStatus
from campaigns.choices import MessageStatus, ScenarioCode, SuppressionReason
from campaigns.models import Message, ReminderSetting
from campaigns.services.caps import describe_cap, take_slots
from campaigns.services.wake import wake_on_commit
from members.choices import MemberStatus
from members.models import CreditAccount, Payment
from members.selectors.credit import get_figures


def note_payment(payment: Payment, now: datetime) -> Message | None:
    """Decide the notice of a payment that was recorded a moment ago; ``None`` when none is due, so that nothing is stored.

    Called once a payment (``kernel.ports.payment_listeners``), with the payer's account and member locked and the credit taken. A store whose
    reminders are off, or were when it was paid, owes no notice. One that may not go is stored with its reason. Counters are locked after
    the account, as everywhere. Called again for a payment it changes nothing.
    """
    if not payment.credit_used or not _store_sends(payment):
        return None
    about: dict[str, Any] = {
        "store_id": payment.store_id,
        "person_id": payment.person_id,
        "scenario": ScenarioCode.AFTER_PAYMENT,
        "occasion": payment.pk,
    }
    if Message.objects.filter(**about).exists():
        return None
    day = clock.local_day(payment.paid_at)
    reason = _reason_against(payment, now)
    met = None
    if reason is None:
        reason = met = take_slots(store_id=payment.store_id, person_id=payment.person_id, local_day=day)
        crash_point("notice.after_slots")
    message = Message.objects.create(
        **about,
        member_id=payment.member_id,
        local_day=day,
        status=MessageStatus.PENDING if reason is None else MessageStatus.SUPPRESSED,
        reason=reason or "",
        language=payment.member.language,
        params=_figures(payment, now),
        cap_facts=describe_cap(met, store_id=payment.store_id, person_id=payment.person_id, local_day=day) if met else None,
        decided_at=now,
    )
    if reason is None:
        wake_on_commit(payment.store_id)
    return message


def _store_sends(payment: Payment) -> bool:
    """Whether the store is open and its reminders are on, and were when it was paid: switching on counts from the next payment."""
    on = ReminderSetting.objects.filter(store=payment.store_id, enabled=True, store__status=StoreStatus.OPEN).values_list("enabled_at", flat=True)
    return any(since is None or since <= payment.paid_at for since in on)


def _reason_against(payment: Payment, now: datetime) -> SuppressionReason | None:
    if clock.local_day(payment.paid_at) != clock.local_day(now):
        return SuppressionReason.STALE
    if payment.member.status != MemberStatus.ACTIVE:
        return SuppressionReason.NOT_ACTIVE
    if not payment.member.credit_cards_on:
        return SuppressionReason.CARDS_OFF
    return None


def _figures(payment: Payment, now: datetime) -> dict[str, str]:
    """What can be spent now that the payment has taken its part, as text in yuan."""
    figures = get_figures(CreditAccount.objects.get(member=payment.member_id), now)
    return {
        "balance": str(figures.spendable),
        "principal": str(figures.principal),
        "bonus": str(figures.bonus),
        "used": str(payment.credit_used),
        "order_no": payment.order_no,
    }
