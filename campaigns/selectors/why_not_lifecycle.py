"""Why a member did not get a lifecycle message on a day: as ``why_not``, for the four scenarios."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from backoffice.kernel import clock
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.tenancy.choices import StoreStatus
from campaigns.choices import LIFECYCLE, SLOT_HOLDING, MessageStatus, RunStatus, ScenarioCode, SuppressionReason
from campaigns.models import LifecycleRun, LifecycleSetting, Message
from campaigns.selectors.due import EPOCH
from campaigns.selectors.frequency import get_quiet_hours, plan_time
from members.choices import MemberStatus
from members.models import Event, Fan, LevelChange, Member, PurchaseSummary

Reason = tuple[SuppressionReason, dict[str, Any]]
SPAN = 100_000
"""Occasions about one thing, as ``sql/find_lifecycle.sql`` counts them."""


def list_lifecycle_reasons(member: Member, day: date, messages: list[Message], *, now: datetime) -> list[tuple[str, list[Reason]]]:
    """(scenario, reasons) for each lifecycle scenario without a message of ``day`` that the store ever set; the first reason is the one to look at first.

    Switches are read as they were at the moment of the decision; consent, status, orders and level as they are.
    """
    settings = {setting.scenario: setting for setting in LifecycleSetting.objects.filter(store=member.store_id)}
    if not settings:
        return []
    there = {message.scenario for message in messages}
    runs = {run.scenario: run for run in LifecycleRun.objects.filter(store=member.store_id, local_day=day)}
    answers = []
    for scenario in LIFECYCLE:
        setting = settings.get(scenario)
        if setting is None or scenario in there:
            continue
        run = runs.get(scenario)
        moment = min(run.started_at or now if run else now, clock.day_end(day) - timedelta(microseconds=1))
        reasons = [*_in_general(member, setting, moment), *_of_facts(member, setting, day)]
        answers.append((scenario, reasons or [_about_run(member, setting, run, day, now)]))
    return answers


def _in_general(member: Member, setting: LifecycleSetting, moment: datetime) -> list[Reason]:
    reasons: list[Reason] = []
    if member.store.status == StoreStatus.CLOSED:
        reasons.append((SuppressionReason.STORE_CLOSED, {}))
    is_on, since = _switch_at(setting, moment)
    if not is_on:
        reasons.append((SuppressionReason.SETTING_OFF, {"since": clock.to_local(since).isoformat()} if since else {}))
    if member.status != MemberStatus.ACTIVE:
        reasons.append((SuppressionReason.NOT_ACTIVE, {"status": member.status}))
    if not member.marketing_consent:
        reasons.append((SuppressionReason.NO_CONSENT, {"since": clock.to_local(member.consent_at).isoformat()}))
    return reasons


def _switch_at(setting: LifecycleSetting, moment: datetime) -> tuple[bool, datetime | None]:
    """Whether it was on at ``moment``, and the change that made it so, when one is known."""
    events = AuditEvent.objects.filter(target_type="campaigns.lifecyclesetting", target_id=setting.pk, verb="lifecycle_setting.changed")
    last = events.filter(happened_at__lte=moment).order_by("-happened_at", "-pk").first()
    if last is not None:
        return bool(last.facts["enabled"]), last.happened_at
    following = events.order_by("happened_at", "pk").first()
    return (bool(following.facts["was_enabled"]), None) if following else (setting.enabled, None)


def _of_facts(member: Member, setting: LifecycleSetting, day: date) -> list[Reason]:
    """Why nothing was due by what is known of the member; empty when it was due."""
    if setting.scenario == ScenarioCode.LEVEL_CHANGE:
        return _of_level(member, setting, day)
    bought = PurchaseSummary.objects.filter(member=member).values_list("last_purchase_at", flat=True).first()
    if setting.scenario == ScenarioCode.FIRST_PURCHASE and bought is not None:
        return [(SuppressionReason.HAS_ORDERED, {"on": clock.local_day(bought).isoformat()})]
    if setting.scenario == ScenarioCode.REPURCHASE and bought is None:
        return [(SuppressionReason.NO_ORDER, {})]
    ref = clock.local_day(_since(member, setting.scenario, bought))
    if (day - ref).days < setting.days:
        return [(SuppressionReason.TOO_SOON, {"since": ref.isoformat(), "due_on": (ref + timedelta(days=setting.days)).isoformat()})]
    return _about_earlier(member, setting.scenario, (ref - EPOCH).days, day)


def _since(member: Member, scenario: str, bought: datetime | None) -> datetime:
    """From when the days count, as the finders in ``sql/`` do."""
    if scenario == ScenarioCode.FIRST_PURCHASE:
        return member.joined_at
    if scenario == ScenarioCode.REPURCHASE and bought is not None:
        return bought
    visit = Event.objects.filter(person=member.person_id, store=member.store_id).order_by("-occurred_at").values_list("occurred_at", flat=True).first()
    seen = Fan.objects.filter(store=member.store_id, person=member.person_id).values_list("last_seen_at", flat=True).first()
    return max(moment for moment in (member.joined_at, bought, visit, seen) if moment is not None)


def _of_level(member: Member, setting: LifecycleSetting, day: date) -> list[Reason]:
    change = LevelChange.objects.filter(member=member, changed_at__lt=clock.day_end(day)).order_by("-pk").first()
    since = clock.day_start(day - timedelta(days=setting.days))
    if change is None or change.changed_at < since or (setting.enabled_at and change.changed_at < setting.enabled_at):
        return [(SuppressionReason.NO_LEVEL_CHANGE, {"days": setting.days})]
    return _about_earlier(member, setting.scenario, change.pk, day)


def _about_earlier(member: Member, scenario: str, ref: int, day: date) -> list[Reason]:
    """The message about the same thing that went, may have gone, or was held out, before ``day``."""
    about = Message.objects.filter(store=member.store_id, scenario=scenario, person=member.person_id, local_day__lt=day)
    about = about.filter(occasion__gte=ref * SPAN, occasion__lt=(ref + 1) * SPAN)
    held_out = about.filter(reason=SuppressionReason.HELD_OUT).first()
    if held_out is not None:
        return [(SuppressionReason.HELD_OUT, {"on": held_out.local_day.isoformat()})]
    went = about.filter(status__in=SLOT_HOLDING).exclude(status=MessageStatus.PENDING, in_doubt=False).order_by("-local_day").first()
    return [(SuppressionReason.TOLD, {"on": went.local_day.isoformat()})] if went else []


def _about_run(member: Member, setting: LifecycleSetting, run: LifecycleRun | None, day: date, now: datetime) -> Reason:
    quiet = get_quiet_hours()
    at = run.scheduled_at if run else plan_time(quiet, setting.store_id, setting.scenario, setting.send_time, clock.day_start(day))
    facts = {"scheduled_at": clock.to_local(at).isoformat()}
    if run is not None and run.cursor >= member.pk:
        return SuppressionReason.NOT_RUN, {"run": "passed", **facts}
    if at <= now and (run is None or run.status in (RunStatus.WAITING, RunStatus.DECIDING)):
        ends = quiet.ends_at(setting.store_id, setting.scenario, now) if clock.local_day(now) == day else None
        if ends is not None:
            return SuppressionReason.QUIET_HOURS, {"until": clock.to_local(ends).isoformat()}
    if run is None:
        return SuppressionReason.NOT_RUN, {"run": "none" if at <= now else "ahead", **facts}
    state = {RunStatus.WAITING: "ahead", RunStatus.DECIDING: "deciding", RunStatus.INCOMPLETE: "incomplete", RunStatus.DONE: "passed"}
    return SuppressionReason.NOT_RUN, {"run": state[RunStatus(run.status)], **facts}
