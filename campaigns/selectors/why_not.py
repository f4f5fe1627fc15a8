"""Why did she not get it? Every candidate message of one member on one local day, with its outcome and reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from backoffice.kernel import clock
from backoffice.kernel.money import format_yuan
from backoffice.kernel.tenancy.choices import StoreStatus
from campaigns.choices import PERIODIC_CARDS, REMINDER_INTERVAL_DAYS, RuleScope, RunStatus, ScenarioCode, SuppressionReason
from campaigns.models import Message, ReminderRun, ReminderSetting
from campaigns.selectors.past import get_balance_at, get_cards_on_at, get_last_card_before, get_setting_at, get_status_at
from campaigns.selectors.why_not_lifecycle import list_lifecycle_reasons
from campaigns.selectors.why_not_paid import list_paid_reasons
from members.choices import MemberStatus
from members.models import Member, Payment

OWN_SCOPES = (RuleScope.STORE.value, RuleScope.SCENARIO.value)
"""Rules that count this store's messages only."""

NOT_DECIDED = "NOT_DECIDED"
"""Outcome of a card for which no message was written."""


@dataclass(frozen=True)
class Taker:
    """A message that took one of the slots. Shown to who may see its store."""

    id: int
    scenario: str
    store: str
    status: str
    at: datetime


@dataclass(frozen=True)
class Candidate:
    """One message that could have gone. ``outcome`` is a message status or NOT_DECIDED; ``reason`` a stable code, empty when it went or waits.

    ``facts`` are plain values about the reason (days as ISO dates, times as ISO 8601); ``also`` names further reasons that hold as well.
    """

    scenario: str
    outcome: str
    reason: str = ""
    message_id: int | None = None
    at: datetime | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    takers: tuple[Taker, ...] = ()

    @property
    def order_no(self) -> str:
        """The order whose payment it is about; empty for other messages."""
        return str(self.facts.get("order_no") or self.facts.get("figures", {}).get("order_no", ""))


def get_why_not(member: Member, day: date, *, now: datetime, all_stores: bool) -> list[Candidate]:
    """Candidates of ``member`` in their store on ``day``: messages that exist, then the notices and periodic cards for which none does.

    ``all_stores`` is for platform roles: who else's messages took the slots of the platform cap. Others get the number only.
    """
    messages = list(Message.objects.filter(person=member.person_id, store=member.store_id, local_day=day).select_related("store").order_by("pk"))
    candidates = [candidate_of(message, all_stores=all_stores) for message in messages]
    candidates += _notices_not_owed(member, day, messages)
    candidates += [
        Candidate(scenario, NOT_DECIDED, reasons[0][0].value, facts=reasons[0][1], also=tuple(code.value for code, _facts in reasons[1:]))
        for listing in (list_paid_reasons, list_lifecycle_reasons)
        for scenario, reasons in listing(member, day, messages, now=now)
    ]
    card = next((message for message in messages if message.scenario in PERIODIC_CARDS), None)
    if card is not None:
        other = ScenarioCode.BALANCE_REMINDER if card.scenario == ScenarioCode.EXPIRY_REMINDER else ScenarioCode.EXPIRY_REMINDER
        reason = SuppressionReason.EXPIRY_FIRST if other == ScenarioCode.BALANCE_REMINDER else SuppressionReason.NOTHING_EXPIRING
        return [*candidates, Candidate(other.value, NOT_DECIDED, reason.value)]
    reasons = _reasons(member, day, now)
    (first, facts), also = reasons[0], tuple(code for code, _facts in reasons[1:])
    return [*candidates, *(Candidate(scenario, NOT_DECIDED, first, facts=facts, also=also) for scenario in PERIODIC_CARDS)]


def _notices_not_owed(member: Member, day: date, messages: list[Message]) -> list[Candidate]:
    """Payments of the day that used credit and for which no notice was stored: the store's reminders were off, or the store closed."""
    noticed = {message.occasion for message in messages if message.scenario == ScenarioCode.AFTER_PAYMENT}
    paid = Payment.objects.filter(member=member, credit_used__gt=0, paid_at__gte=clock.day_start(day), paid_at__lt=clock.day_end(day))
    return [_not_owed(member, payment) for payment in paid.exclude(pk__in=noticed).order_by("pk")]


def _not_owed(member: Member, payment: Payment) -> Candidate:
    facts: dict[str, Any] = {"order_no": payment.order_no, "used": str(payment.credit_used), **_known(paid_at=payment.paid_at)}
    off = next(
        (setting for moment in (payment.paid_at, payment.recorded_at) if not (setting := get_setting_at(member.store, moment)).enabled),
        None,
    )
    if off is None and member.store.status == StoreStatus.CLOSED:
        return Candidate(ScenarioCode.AFTER_PAYMENT.value, NOT_DECIDED, SuppressionReason.STORE_CLOSED.value, facts=facts)
    switched_on = (
        ReminderSetting.objects.filter(store=member.store_id, enabled=True, enabled_at__gt=payment.paid_at).values_list("enabled_at", flat=True).first()
    )
    facts |= _known(since=off.since if off else None, on_since=switched_on)
    return Candidate(ScenarioCode.AFTER_PAYMENT.value, NOT_DECIDED, SuppressionReason.SETTING_OFF.value, facts=facts)


def candidate_of(message: Message, *, all_stores: bool) -> Candidate:
    """What became of one message. ``all_stores``: see ``get_why_not``."""
    facts: dict[str, Any] = {}
    takers: tuple[Taker, ...] = ()
    if message.cap_facts:
        facts = {"cap": message.cap_facts["cap"], "used": message.cap_facts["used"]}
        facts |= {name: message.cap_facts[name] for name in ("rule", "scope", "allowed", "days") if name in message.cap_facts}
        if all_stores or message.reason == SuppressionReason.STORE_CAP or facts.get("scope") in OWN_SCOPES:
            takers = _takers(message.cap_facts["taken_by"])
    if message.error:
        facts["error"] = message.error
    if message.params:
        facts["figures"] = message.params
    return Candidate(message.scenario, message.status, message.reason, message.pk, message.sent_at or message.decided_at, facts, takers=takers)


def _takers(ids: list[int]) -> tuple[Taker, ...]:
    found = Message.objects.filter(pk__in=ids).select_related("store").order_by("pk")
    return tuple(Taker(taker.pk, taker.scenario, taker.store.name, taker.status, taker.sent_at or taker.decided_at) for taker in found)


def _reasons(member: Member, day: date, now: datetime) -> list[tuple[str, dict[str, Any]]]:
    """Every reason that held at the moment of the decision, the first to look at first; at least one."""
    run = ReminderRun.objects.filter(store=member.store_id, local_day=day).first()
    moment = _moment(run, day, now)
    reasons: list[tuple[SuppressionReason, dict[str, Any]]] = []
    setting = get_setting_at(member.store, moment)
    if member.store.status == StoreStatus.CLOSED and run is None:
        reasons.append((SuppressionReason.STORE_CLOSED, {}))
    if not setting.enabled:
        reasons.append((SuppressionReason.SETTING_OFF, _known(since=setting.since)))
    status = get_status_at(member, moment)
    if not status.joined:
        reasons.append((SuppressionReason.NOT_ACTIVE, {"status": "NOT_JOINED", "since": clock.to_local(member.joined_at).isoformat()}))
    elif status.status != MemberStatus.ACTIVE:
        reasons.append(
            (SuppressionReason.NOT_ACTIVE, {"status": status.status, **_known(since=status.since), **({"why": status.reason} if status.reason else {})})
        )
    cards_on, switched_at = get_cards_on_at(member, moment)
    if not cards_on:
        reasons.append((SuppressionReason.CARDS_OFF, _known(since=switched_at)))
    balance = get_balance_at(member, moment)
    if balance <= 0:
        reasons.append((SuppressionReason.NO_BALANCE, {"balance": str(balance)}))
    last = get_last_card_before(member, day)
    if last is not None and (day - last).days < REMINDER_INTERVAL_DAYS:
        reasons.append(
            (SuppressionReason.NOT_DUE, {"last_card_on": last.isoformat(), "next_due_on": (last + timedelta(days=REMINDER_INTERVAL_DAYS)).isoformat()})
        )
    if setting.enabled:
        reasons += _about_run(run, member, day, now, setting.send_time, setting.since)
    if not reasons and get_balance_at(member, moment, as_known=True) <= 0:
        reasons.append((SuppressionReason.NO_BALANCE, {"balance": "0.00", "recorded_later": format_yuan(balance)}))
    if not reasons:
        reasons.append((SuppressionReason.NOT_RUN, {"run": "passed"}))
    return [(code.value, facts) for code, facts in reasons]


def _moment(run: ReminderRun | None, day: date, now: datetime) -> datetime:
    """When the decision was made, or would have been: of a past day without a run its last instant, of today now."""
    if run is not None:
        return run.started_at or max(run.scheduled_at, min(now, clock.day_end(day) - timedelta(microseconds=1)))
    return min(now, clock.day_end(day) - timedelta(microseconds=1))


def _about_run(
    run: ReminderRun | None, member: Member, day: date, now: datetime, send_time: Any, since: datetime | None
) -> list[tuple[SuppressionReason, dict[str, Any]]]:
    """Nothing when the run decided this member's turn."""
    if run is None:
        planned = clock.at_local(day, send_time) if send_time else None
        facts: dict[str, Any] = _known(scheduled_at=planned)
        if planned and since and since > planned and clock.local_day(since) == day:
            return [(SuppressionReason.NOT_RUN, {"run": "switched_on_later", **facts, **_known(since=since)})]
        return [(SuppressionReason.NOT_RUN, {"run": "none" if planned and planned <= now else "ahead", **facts})]
    if run.cursor >= member.pk:
        return []
    state = {RunStatus.WAITING: "ahead", RunStatus.DECIDING: "deciding", RunStatus.INCOMPLETE: "incomplete", RunStatus.DONE: "stopped"}[RunStatus(run.status)]
    return [(SuppressionReason.NOT_RUN, {"run": state, **_known(scheduled_at=run.scheduled_at)})]


def _known(**moments: datetime | None) -> dict[str, Any]:
    return {name: clock.to_local(moment).isoformat() for name, moment in moments.items() if moment is not None}
