"""Why a member did not get a card about paid membership on a day: as ``why_not``, for the three scenarios of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from backoffice.kernel import clock
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.tenancy.choices import StoreStatus
from backoffice.kernel.tenancy.selectors.bars import get_bar_of_store
from campaigns.choices import (
    CONSENT_CARDS,
    PAID_CARDS,
    REDEEMED_BENEFITS,
    RENEWAL_SPARE_DAYS,
    SLOT_HOLDING,
    MessageStatus,
    RunStatus,
    ScenarioCode,
    SuppressionReason,
)
from campaigns.models import Message, PaidReminderRun, PaidReminderSetting
from campaigns.selectors.due import occasion_of_end
from members.choices import MemberStatus
from members.models import Member
from members.paid.choices import PAID_STATES, MembershipStatus, ProgramStatus
from members.paid.models import BenefitIssue, PaidMembership
from members.paid.selectors.numbers import Numbers, get_numbers

Reason = tuple[SuppressionReason, dict[str, Any]]
ENDING, BENEFIT, RENEWAL = ScenarioCode.PAID_ENDING.value, ScenarioCode.BENEFIT_ENDING.value, ScenarioCode.PAID_RENEWAL.value


def list_paid_reasons(member: Member, day: date, messages: list[Message], *, now: datetime) -> list[tuple[str, list[Reason]]]:
    """(scenario, reasons) for each card about paid membership without a message of ``day``; empty for who held no paid term that day.

    The first reason is the one to look at first. Switches are read as they were at the moment of the decision; consent and terms as they are.
    """
    term = (
        PaidMembership.objects.filter(member=member, status__in=PAID_STATES, starts_on__lte=day, bought_until__gt=day)
        .select_related("program", "store")
        .order_by("-starts_on", "-pk")
        .first()
    )
    if term is None:
        return []
    there = {message.scenario for message in messages}
    run = PaidReminderRun.objects.filter(store=member.store_id, local_day=day).first()
    moment = min(run.finished_at or now if run else now, clock.day_end(day) - timedelta(microseconds=1))
    numbers = get_numbers()
    answers = []
    for scenario in PAID_CARDS:
        if scenario not in there:
            reasons = [*_in_general(member, scenario, moment), *_of_term(term, scenario, day, numbers)]
            answers.append((scenario, reasons or [_about_run(run, term.store_id, day, now)]))
    return answers


def _in_general(member: Member, scenario: str, moment: datetime) -> list[Reason]:
    reasons: list[Reason] = []
    if member.store.status == StoreStatus.CLOSED:
        reasons.append((SuppressionReason.STORE_CLOSED, {}))
    switch = {ENDING: "ending_on", BENEFIT: "benefits_on"}.get(scenario)
    if switch:
        is_on, since = _switch_at(member.store_id, switch, moment)
        if not is_on:
            reasons.append((SuppressionReason.SETTING_OFF, {"since": clock.to_local(since).isoformat()} if since else {}))
    if member.status != MemberStatus.ACTIVE:
        reasons.append((SuppressionReason.NOT_ACTIVE, {"status": member.status}))
    if scenario in CONSENT_CARDS and not member.marketing_consent:
        reasons.append((SuppressionReason.NO_CONSENT, {"since": clock.to_local(member.consent_at).isoformat()}))
    return reasons


def _switch_at(store_id: int, switch: str, moment: datetime) -> tuple[bool, datetime | None]:
    """Whether the switch was on at ``moment``, and the change that made it so, when one is known."""
    setting = PaidReminderSetting.objects.filter(store=store_id).first()
    if setting is None:
        return False, None
    events = AuditEvent.objects.filter(target_type="campaigns.paidremindersetting", target_id=setting.pk, verb="paid_reminder_setting.changed")
    last = events.filter(happened_at__lte=moment).order_by("-happened_at", "-pk").first()
    if last is not None:
        return bool(last.facts[switch]), last.happened_at
    following = events.order_by("happened_at", "pk").first()
    return (bool(following.facts[f"was_{switch}"]), None) if following else (bool(getattr(setting, switch)), None)


def _of_term(term: PaidMembership, scenario: str, day: date, numbers: Numbers) -> list[Reason]:
    if scenario == BENEFIT:
        return _of_benefits(term, day, numbers)
    if term.ends_on is None:
        return []
    left = (term.ends_on - day).days
    if term.status != MembershipStatus.ACTIVE and left <= 0:
        return [(SuppressionReason.NOTHING_ENDING, {"ended": term.status})]
    reasons: list[Reason] = []
    agreed = term.auto_renew_consent_at is not None
    if scenario == RENEWAL and not agreed:
        return [(SuppressionReason.NO_RENEWAL_CONSENT, {})]
    told = _told(term, scenario, term.ends_on, day)
    if told:
        return [(SuppressionReason.TOLD, {"on": told.isoformat()})]
    first = numbers.ending_soon_days if scenario == ENDING else numbers.renewal_notice_days + RENEWAL_SPARE_DAYS
    if left > first:
        reasons.append((SuppressionReason.NOTHING_ENDING, {"last_day": _last_day(term.ends_on), "from": (term.ends_on - timedelta(days=first)).isoformat()}))
    if PaidMembership.objects.filter(member=term.member_id, starts_on__gte=term.ends_on, status=MembershipStatus.ACTIVE).exclude(pk=term.pk).exists():
        reasons.append((SuppressionReason.RENEWED, {}))
    if term.program.status != ProgramStatus.LIVE or get_bar_of_store(term.store_id) is not None:
        reasons.append((SuppressionReason.PLAN_OVER, {}))
    if scenario == ENDING and agreed and (term.renewal_notice_at is not None or left >= numbers.renewal_notice_days):
        reasons.append((SuppressionReason.RENEWS_ITSELF, {}))
    if scenario == RENEWAL and left < numbers.renewal_notice_days:
        reasons.append((SuppressionReason.TOO_LATE, {"days": numbers.renewal_notice_days}))
    return reasons


def _of_benefits(term: PaidMembership, day: date, numbers: Numbers) -> list[Reason]:
    lapsing = BenefitIssue.objects.filter(
        paid_membership__member=term.member_id,
        benefit__kind__in=REDEEMED_BENEFITS,
        issued_at__lt=clock.day_end(day),
        expires_on__gt=day,
        expires_on__lte=day + timedelta(days=numbers.benefit_ending_days),
    ).exclude(ended_at__lt=clock.day_start(day))
    ends = sorted(set(lapsing.values_list("paid_membership_id", "expires_on")))
    if not ends:
        return [(SuppressionReason.NOTHING_ENDING, {"days": numbers.benefit_ending_days})]
    earlier = [_told(term, BENEFIT, expires_on, day, membership_id=membership_id) for membership_id, expires_on in ends]
    told = [on for on in earlier if on is not None]
    return [(SuppressionReason.TOLD, {"on": max(told).isoformat()})] if told and len(told) == len(ends) else []


def _told(term: PaidMembership, scenario: str, ends_on: date, day: date, *, membership_id: int | None = None) -> date | None:
    """Local day before ``day`` of the card about that end that went or may have gone."""
    first = occasion_of_end(membership_id or term.pk, ends_on, ends_on)
    cards = Message.objects.filter(store=term.store_id, scenario=scenario, occasion__gte=first, occasion__lte=first + 999, local_day__lt=day)
    went = cards.filter(status__in=SLOT_HOLDING).exclude(status=MessageStatus.PENDING, in_doubt=False)
    return went.order_by("-local_day").values_list("local_day", flat=True).first()


def _last_day(ends_on: date) -> str:
    return (ends_on - timedelta(days=1)).isoformat()


def _about_run(run: PaidReminderRun | None, store_id: int, day: date, now: datetime) -> Reason:
    setting = PaidReminderSetting.objects.filter(store=store_id).first()
    send_time = setting.send_time if setting else PaidReminderSetting._meta.get_field("send_time").default
    at = run.scheduled_at if run else clock.at_local(day, send_time)
    facts = {"scheduled_at": clock.to_local(at).isoformat()}
    if run is None:
        return SuppressionReason.NOT_RUN, {"run": "none" if at <= now else "ahead", **facts}
    state = {RunStatus.WAITING: "ahead", RunStatus.DECIDING: "deciding", RunStatus.INCOMPLETE: "incomplete", RunStatus.DONE: "passed"}
    return SuppressionReason.NOT_RUN, {"run": state[RunStatus(run.status)], **facts}
