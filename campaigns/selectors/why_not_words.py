"""The sentence to each outcome of ``why_not``: what happened, what it rests on, and what comes next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.kernel.admin.display import full_time
from campaigns.choices import AT_ONCE, MessageStatus, RuleScope, ScenarioCode, SuppressionReason
from campaigns.gateways.errors import describe_error
from campaigns.selectors.why_not import NOT_DECIDED, Candidate
from members.choices import MemberStatus


def name_outcome(candidate: Candidate) -> str:
    if candidate.outcome == NOT_DECIDED:
        return _("Not sent")
    return str(MessageStatus(candidate.outcome).label)


def name_scenario(code: str) -> str:
    return str(ScenarioCode(code).label)


def name_reason(code: str) -> str:
    return str(SuppressionReason(code).label) if code else ""


def explain(candidate: Candidate) -> str:
    """One or two sentences in the active language."""
    if candidate.outcome == NOT_DECIDED or candidate.outcome in (MessageStatus.SUPPRESSED, MessageStatus.CANCELLED, MessageStatus.MISSED):
        return _REASONS[candidate.reason](candidate) if candidate.reason in _REASONS else name_reason(candidate.reason)
    when = full_time(candidate.at) if candidate.at else ""
    if candidate.outcome == MessageStatus.SENT:
        return _("It was sent at %(time)s.") % {"time": when}
    if candidate.outcome == MessageStatus.PENDING:
        return _("It was decided at %(time)s and waits to be handed over.") % {"time": when}
    if candidate.outcome == MessageStatus.UNKNOWN:
        return _("It was handed over, but the gateway's answer never came. It may have arrived, so it counts as sent and is not repeated by itself.")
    return _("It was not sent: %(error)s") % {"error": describe_error(candidate.facts["error"]) if candidate.facts.get("error") else _("no reason given")}


def _time(candidate: Candidate, name: str) -> str:
    return full_time(datetime.fromisoformat(candidate.facts[name])) if candidate.facts.get(name) else ""


def _store_cap(candidate: Candidate) -> str:
    if candidate.scenario in AT_ONCE:
        return _("This person had %(used)d messages from this store that day, which is the limit. It does not go on another day.") % candidate.facts
    return _("This person had %(used)d messages from this store that day, which is the limit. It is decided again the next day.") % candidate.facts


def _platform_cap(candidate: Candidate) -> str:
    if candidate.scenario in AT_ONCE:
        return _("This person had %(used)d messages from all stores that day, which is the limit. It does not go on another day.") % candidate.facts
    return _("This person had %(used)d messages from all stores that day, which is the limit. It is decided again the next day.") % candidate.facts


def _stale(candidate: Candidate) -> str:
    if candidate.at is None:
        return name_reason(candidate.reason)
    return _("The payment became known only at %(time)s. Its notice goes on the day of the payment or not at all.") % {"time": full_time(candidate.at)}


def _setting_off(candidate: Candidate) -> str:
    if candidate.outcome == MessageStatus.CANCELLED:
        return _("The store switched its reminders off before it was handed over.")
    if candidate.facts.get("on_since"):
        return _("The store's reminders were switched on only at %(time)s, after this payment.") % {"time": _time(candidate, "on_since")}
    since = _time(candidate, "since")
    return _("The store's reminders are switched off since %(time)s.") % {"time": since} if since else _("The store's reminders are not switched on.")


def _not_active(candidate: Candidate) -> str:
    if candidate.facts.get("status") == "NOT_JOINED":
        return _("She or he joined only at %(time)s.") % {"time": _time(candidate, "since")}
    label = str(MemberStatus(candidate.facts["status"]).label) if "status" in candidate.facts else ""
    since = _time(candidate, "since")
    if not label:
        return _("Not an active member.")
    if since:
        return _("Not an active member: %(status)s since %(time)s.") % {"status": label, "time": since}
    return _("Not an active member: %(status)s.") % {"status": label}


def _cards_off(candidate: Candidate) -> str:
    since = _time(candidate, "since")
    return _("The member switched these cards off at %(time)s.") % {"time": since} if since else _("The member does not receive these cards.")


def _not_due(candidate: Candidate) -> str:
    return _("The last card went on %(last)s. The next one is due on %(next)s.") % {
        "last": candidate.facts["last_card_on"],
        "next": candidate.facts["next_due_on"],
    }


def _no_balance(candidate: Candidate) -> str:
    later = candidate.facts.get("recorded_later")
    if later:
        return _("The credit of %(amount)s yuan was recorded only after the decision.") % {"amount": later}
    return _("There was no credit to spend at that moment.")


def _not_run(candidate: Candidate) -> str:
    run, at = candidate.facts.get("run", ""), _time(candidate, "scheduled_at")
    sentences: dict[str, Any] = {
        "ahead": _("The day's run comes at %(time)s.") % {"time": at} if at else _("The day's run is still to come."),
        "none": _("There was no run that day: the system was not working between the send time and midnight."),
        "switched_on_later": _("Reminders were switched on at %(since)s, after that day's send time. The first run is the next day's.")
        % {"since": _time(candidate, "since")},
        "deciding": _("The day's run is deciding and has not come to this member yet."),
        "incomplete": _("The day ended before the run came to this member. It is decided again by the next day's run."),
        "stopped": _("Reminders were switched off before the run came to this member."),
        "passed": _("At the time of the run nothing was due. What changed afterwards counts for the next day's run."),
    }
    return str(sentences[run])


def _no_consent(candidate: Candidate) -> str:
    since = _time(candidate, "since")
    return _("The member does not agree to marketing since %(time)s.") % {"time": since} if since else _("The member does not agree to marketing.")


def _nothing_ending(candidate: Candidate) -> str:
    if candidate.facts.get("last_day"):
        return _("The last day of the term is %(last)s. It is told of from %(first)s on.") % {
            "last": candidate.facts["last_day"],
            "first": candidate.facts["from"],
        }
    if candidate.facts.get("days"):
        return _("No unused benefit lapses within %(days)d days.") % {"days": candidate.facts["days"]}
    return _("The term had ended before.")


def _told(candidate: Candidate) -> str:
    return _("The member was told of this on %(day)s.") % {"day": candidate.facts["on"]} if candidate.facts.get("on") else name_reason(candidate.reason)


def _too_late(candidate: Candidate) -> str:
    days = candidate.facts.get("days")
    if not days:
        return name_reason(candidate.reason)
    return _("A renewal is told of at least %(days)d days before. It is too late for that, so the term does not renew itself.") % {"days": days}


def _missed(candidate: Candidate) -> str:
    if candidate.scenario in AT_ONCE:
        return _("It was not handed over before midnight. It gave its slot back and does not go on another day.")
    return _("It was not handed over before midnight. It gave its slot back and is decided again the next day.")


def _store_closed(candidate: Candidate) -> str:
    return _("The store is closed: it sends no notices.") if candidate.scenario in AT_ONCE else _("The store is closed: it has no runs.")


def _rule_cap(candidate: Candidate) -> str:
    facts = candidate.facts
    if "allowed" not in facts:
        return name_reason(candidate.reason)
    days = facts["days"]
    window = _("that day") if days == 1 else _("in %(days)d days") % {"days": days}
    counted = {
        RuleScope.STORE: _("from this store"),
        RuleScope.PLATFORM: _("from all stores"),
        RuleScope.SCENARIO: _("of this kind from this store"),
    }[RuleScope(facts["scope"])]
    return _("Frequency rule %(rule)d allows %(allowed)d messages %(counted)s %(window)s, and this person had %(used)d. It is decided again the next day.") % {
        **facts,
        "counted": counted,
        "window": window,
    }


def _quiet_hours(candidate: Candidate) -> str:
    if candidate.facts.get("until"):
        return _("It is quiet until %(time)s. It is decided after that, the same day or the next.") % {"time": _time(candidate, "until")}
    return _("It could not be handed over before the quiet hours, which last over midnight. It is decided again the next day.")


def _held_out(candidate: Candidate) -> str:
    about = _("This person is in the hold-out group of the scenario: its members get no message, so that what the others buy can be compared.")
    return about if "on" not in candidate.facts else f"{about} ({candidate.facts['on']})"


def _too_soon(candidate: Candidate) -> str:
    return _("The days count from %(since)s. The message is due on %(due_on)s.") % candidate.facts


_REASONS: dict[str, Callable[[Candidate], str]] = {
    SuppressionReason.STORE_CAP: _store_cap,
    SuppressionReason.PLATFORM_CAP: _platform_cap,
    SuppressionReason.SETTING_OFF: _setting_off,
    SuppressionReason.NOT_ACTIVE: _not_active,
    SuppressionReason.CARDS_OFF: _cards_off,
    SuppressionReason.NOT_DUE: _not_due,
    SuppressionReason.NO_BALANCE: _no_balance,
    SuppressionReason.NOT_RUN: _not_run,
    SuppressionReason.MISSED_DAY: _missed,
    SuppressionReason.STALE: _stale,
    SuppressionReason.STORE_CLOSED: _store_closed,
    SuppressionReason.EXPIRY_FIRST: lambda _candidate: _("Of these two only one card a day goes, and the expiry reminder comes first."),
    SuppressionReason.NOTHING_EXPIRING: lambda _candidate: _("Nothing expires within 7 days, so it was the balance reminder's turn."),
    SuppressionReason.NO_CONSENT: _no_consent,
    SuppressionReason.NOTHING_ENDING: _nothing_ending,
    SuppressionReason.TOLD: _told,
    SuppressionReason.TOO_LATE: _too_late,
    SuppressionReason.RULE_CAP: _rule_cap,
    SuppressionReason.QUIET_HOURS: _quiet_hours,
    SuppressionReason.HELD_OUT: _held_out,
    SuppressionReason.TOO_SOON: _too_soon,
    SuppressionReason.HAS_ORDERED: lambda candidate: _("The member has ordered; the last time on %(on)s.") % candidate.facts,
    SuppressionReason.NO_ORDER: lambda _candidate: _("The member has no order that was not refunded in full."),
    SuppressionReason.NO_LEVEL_CHANGE: lambda candidate: _("The level did not change within %(days)d days while this message was on.") % candidate.facts,
    SuppressionReason.RENEWED: lambda _candidate: _("The next term is paid already."),
    SuppressionReason.RENEWS_ITSELF: lambda _candidate: _("The term renews automatically. The notice of the renewal takes this card's place."),
    SuppressionReason.NO_RENEWAL_CONSENT: lambda _candidate: _("The member did not agree to automatic renewal, so there is none to tell of."),
    SuppressionReason.PLAN_OVER: lambda _candidate: _("The plan is not sold any more, or the merchant is barred: the term cannot be renewed."),
}


def count_takers(candidate: Candidate) -> str:
    number = len(candidate.takers)
    return ngettext("%(number)d message took the slots", "%(number)d messages took the slots", number) % {"number": number}
