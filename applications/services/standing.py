"""Strikes, standing and bars: what non-compliant applications cost, and how a mistake is repaired."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q, Sum
from django.utils.translation import gettext_lazy as _

from applications.choices import (
    BAR_TRANSITIONS,
    NAMED_BANS,
    OPEN_BARS,
    STRIKE_TRANSITIONS,
    AppealStatus,
    BarStatus,
    Item,
    NoticeKind,
    RunOutcome,
    StandingLevel,
    StrikeKind,
    StrikeStatus,
    Verdict,
)
from applications.models import Bar, ChecklistVerdict, Decision, DeveloperStanding, GateRun, Strike
from applications.selectors.numbers import Numbers, get_numbers
from applications.services.locks import lock_developer
from applications.services.notices import tell_developer
from applications.services.rights import require
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import Developer, User

PROPOSE_BAR = "applications.propose_bar"
CONFIRM_BAR = "applications.confirm_bar"


class BarRefused(BusinessError):
    """A bar cannot be proposed, confirmed or ended like this; nothing was changed."""

    code = "bar_refused"


def strike_kind(revision_id: int) -> str | None:
    """What a refusal of the revision counts as: the heaviest of F1, N1, N2 and B1 among its failed items, one strike an application.

    A named ban stands for B1, which does not count beside it. What was missed earlier cannot strike.
    """
    failed = set(ChecklistVerdict.objects.filter(revision_id=revision_id, answer=Verdict.FAIL, missed_earlier=False).values_list("item", flat=True))
    kinds = {Item.F1.value: StrikeKind.F1, Item.N1.value: StrikeKind.N1, Item.N2.value: StrikeKind.N2}
    if not failed & set(NAMED_BANS):
        kinds[Item.B1.value] = StrikeKind.B1
    found = [kind for item, kind in kinds.items() if item in failed]
    numbers = get_numbers()
    return max(found, key=lambda kind: weight_of(kind, numbers)).value if found else None


def points_at_stake(revision_id: int) -> int:
    """What a refusal would cost as the checklist stands: for the reviewer's preview."""
    kind = strike_kind(revision_id)
    return weight_of(kind, get_numbers()) if kind else 0


def weight_of(kind: str, numbers: Numbers) -> int:
    weight: int = getattr(numbers, f"weight_{kind.lower()}")
    return weight


def strike_for_refusal(decision: Decision, developer: Developer, now: datetime) -> Strike | None:
    """The provisional strike of a refusal that has just taken effect, if it deserves one. The caller holds the developer's lock."""
    kind = strike_kind(decision.revision_id)
    numbers = get_numbers()
    if kind is None or not weight_of(kind, numbers):
        return None
    return _strike(developer.pk, kind, numbers, now, decision=decision)


def strike_for_gate_stops(developer_id: int, now: datetime) -> Strike | None:
    """Every 10th submission stopped within 30 days is one strike. Called after a stop was written, under the developer's lock.

    Stops that made a strike are not counted again: the counter on the standing says how many stops of all time have been used up.
    """
    numbers = get_numbers()
    standing = lock_developer(developer_id)
    stops = GateRun.objects.filter(developer_id=developer_id, outcome=RunOutcome.STOPPED)
    recent = stops.filter(run_at__gt=now - timedelta(days=numbers.gate_stop_days), pk__gt=standing.gate_stops_struck).order_by("pk")
    found = list(recent.values_list("pk", flat=True)[: numbers.gate_stop_count])
    if len(found) < numbers.gate_stop_count:
        return None
    DeveloperStanding.objects.filter(pk=developer_id).update(gate_stops_struck=found[-1])
    if not numbers.weight_gate_stops:
        return None
    return _strike(developer_id, StrikeKind.GATE_STOPS, numbers, now, stop_serial=found[-1])


def _strike(developer_id: int, kind: str, numbers: Numbers, now: datetime, *, decision: Decision | None = None, stop_serial: int | None = None) -> Strike:
    until = now + timedelta(days=numbers.appeal_days)
    strike = Strike.objects.create(
        developer_id=developer_id,
        decision=decision,
        kind=kind,
        weight=weight_of(kind, numbers),
        stop_serial=stop_serial,
        struck_at=now,
        provisional_until=until,
        expires_at=until + timedelta(days=numbers.strike_days),
    )
    record_event("strike.given", target=strike, by=None, now=now, kind=kind, weight=strike.weight)
    return strike


def void_strike_of(decision: Decision, *, reason: str, by: User | None, now: datetime) -> None:
    """Take back the strike of a decision, if it has one, and what followed from it. The caller holds the developer's lock."""
    strike = Strike.objects.filter(decision=decision).exclude(status=StrikeStatus.VOID).first()
    if strike is None:
        return
    transition(strike, StrikeStatus.VOID, table=STRIKE_TRANSITIONS, void_reason=reason[:500])
    record_event("strike.voided", target=strike, by=by, now=now, reason=reason[:500])
    recompute_standing(strike.developer_id, now, repairing=True)


@in_transaction
def count_strikes_of(developer_id: int, *, now: datetime) -> int:
    """Let the developer's strikes begin to count, and cease to, as their times say; how many changed. A strike under an open appeal waits."""
    lock_developer(developer_id)
    numbers = get_numbers()
    ripe = Strike.objects.filter(developer_id=developer_id, status=StrikeStatus.PROVISIONAL, provisional_until__lte=now)
    changed = 0
    for strike in ripe.exclude(decision__appeal__status=AppealStatus.OPEN).select_related("decision__appeal"):
        appeal = getattr(strike.decision, "appeal", None) if strike.decision else None
        since = max(strike.provisional_until, appeal.decided_at) if appeal and appeal.decided_at else strike.provisional_until
        transition(strike, StrikeStatus.COUNTING, table=STRIKE_TRANSITIONS, expires_at=since + timedelta(days=numbers.strike_days))
        record_event("strike.counted", target=strike, by=None, now=now)
        changed += 1
    changed += Strike.objects.filter(developer_id=developer_id, status=StrikeStatus.COUNTING, expires_at__lte=now).update(status=StrikeStatus.EXPIRED)
    recompute_standing(developer_id, now)
    return changed


def list_developers_to_count(now: datetime) -> list[int]:
    """Developers whose strikes or cool-down change by time alone."""
    due = Q(status=StrikeStatus.PROVISIONAL, provisional_until__lte=now) | Q(status=StrikeStatus.COUNTING, expires_at__lte=now)
    strikes = Strike.objects.filter(due).exclude(status=StrikeStatus.PROVISIONAL, decision__appeal__status=AppealStatus.OPEN)
    cooled = DeveloperStanding.objects.filter(level=StandingLevel.COOL_DOWN, cool_down_until__lte=now)
    return sorted({*strikes.values_list("developer_id", flat=True), *cooled.values_list("pk", flat=True)})


def recompute_standing(developer_id: int, now: datetime, *, repairing: bool = False) -> DeveloperStanding:
    """Score and level anew from the counting strikes and the bar.

    A rise to the cool-down score starts a pause; to the bar score suggests a bar. ``repairing``: a strike was taken back, so that a pause or a bar that
    rested on it ends too.
    """
    standing = lock_developer(developer_id)
    numbers = get_numbers()
    score: int = Strike.objects.filter(developer_id=developer_id, status=StrikeStatus.COUNTING).aggregate(score=Sum("weight"))["score"] or 0
    rose, until = score > standing.score, standing.cool_down_until
    if rose and score >= numbers.cool_down_score:
        until = now + timedelta(days=numbers.cool_down_days)
    elif repairing and score < numbers.cool_down_score:
        until = None
    if rose and score >= numbers.bar_score and not Bar.objects.filter(developer_id=developer_id, status__in=OPEN_BARS).exists():
        suggested = Bar.objects.create(developer_id=developer_id, status=BarStatus.SUGGESTED, is_by_score=True, opened_at=now)
        record_event("bar.suggested", target=suggested, by=None, now=now, score=score)
    if repairing and score < numbers.bar_score:
        _end_bar_by_score(developer_id, now)
    barred = Bar.objects.filter(developer_id=developer_id, status=BarStatus.CONFIRMED).exists()
    level = _level(score, until, numbers, now, barred=barred)
    if (level, score, until) != (standing.level, standing.score, standing.cool_down_until):
        before = standing.level
        DeveloperStanding.objects.filter(pk=developer_id).update(level=level, score=score, cool_down_until=until, changed_at=now)
        standing.level, standing.score, standing.cool_down_until, standing.changed_at = level, score, until, now
        event = record_event("standing.changed", target=standing, by=None, now=now, before=before, level=level, score=score)
        if before != level:
            developer = Developer.objects.get(pk=developer_id)
            params: dict[str, Any] = {"level": level, "score": score, "bar_score": numbers.bar_score, "until_at": until.isoformat() if until else ""}
            tell_developer(NoticeKind.STANDING, developer=developer, key=f"standing:{event.pk}", now=now, **params)
    return standing


def _level(score: int, until: datetime | None, numbers: Numbers, now: datetime, *, barred: bool) -> str:
    if barred:
        return StandingLevel.BARRED.value
    if until is not None and until > now:
        return StandingLevel.COOL_DOWN.value
    return (StandingLevel.WARNED if score >= numbers.warn_score else StandingLevel.GOOD).value


def _end_bar_by_score(developer_id: int, now: datetime) -> None:
    for bar in Bar.objects.filter(developer_id=developer_id, status__in=OPEN_BARS, is_by_score=True):
        target = BarStatus.LIFTED if bar.status == BarStatus.CONFIRMED else BarStatus.DISMISSED
        reason = "STRIKES_VOID"  # a code: nobody wrote it
        transition(bar, target, table=BAR_TRANSITIONS, ended_at=now, end_reason=reason)
        record_event("bar.ended", target=bar, by=None, now=now, reason=reason)


@in_transaction
def propose_bar(*, developer: Developer, reason: str, by: User, now: datetime) -> Bar:
    """Put a bar forward, of one's own or taking up a suggestion of the score. Nothing happens until another person confirms it."""
    require(by, PROPOSE_BAR)
    if not reason.strip():
        raise BarRefused(_("Say why."), code="reason_missing")
    lock_developer(developer.pk)
    bar = Bar.objects.filter(developer=developer, status__in=OPEN_BARS).first()
    if bar is None:
        bar = Bar.objects.create(developer=developer, status=BarStatus.PROPOSED, reason=reason.strip()[:500], opened_at=now, proposed_by=by, proposed_at=now)
    elif bar.status == BarStatus.SUGGESTED:
        transition(bar, BarStatus.PROPOSED, table=BAR_TRANSITIONS, reason=reason.strip()[:500], proposed_by=by, proposed_at=now)
    else:
        raise BarRefused(_("There is a bar for this developer already."), code="bar_open")
    record_event("bar.proposed", target=bar, by=by, now=now, reason=reason.strip()[:500])
    return bar


@in_transaction
def confirm_bar(*, bar: Bar, by: User, now: datetime) -> None:
    """The second person. From now on the developer submits nothing; cases in review are finished and grants stay."""
    require(by, CONFIRM_BAR)
    lock_developer(bar.developer_id)
    stored = Bar.objects.get(pk=bar.pk)
    if stored.proposed_by_id == by.pk:
        raise BarRefused(_("Another person than the one who proposed it has to confirm a bar."), code="same_person")
    transition(stored, BarStatus.CONFIRMED, table=BAR_TRANSITIONS, confirmed_by=by, confirmed_at=now)
    record_event("bar.confirmed", target=stored, by=by, now=now)
    recompute_standing(bar.developer_id, now)


@in_transaction
def dismiss_bar(*, bar: Bar, reason: str, by: User, now: datetime) -> None:
    """A suggested or proposed bar does not come about."""
    _end_bar(bar, BarStatus.DISMISSED, reason, by, now)


@in_transaction
def lift_bar(*, bar: Bar, reason: str, by: User, now: datetime) -> None:
    """The developer may apply again."""
    _end_bar(bar, BarStatus.LIFTED, reason, by, now)


def _end_bar(bar: Bar, target: str, reason: str, by: User, now: datetime) -> None:
    require(by, CONFIRM_BAR)
    if not reason.strip():
        raise BarRefused(_("Say why."), code="reason_missing")
    lock_developer(bar.developer_id)
    transition(bar, target, table=BAR_TRANSITIONS, ended_by=by, ended_at=now, end_reason=reason.strip()[:500])
    record_event("bar.ended", target=bar, by=by, now=now, reason=reason.strip()[:500])
    recompute_standing(bar.developer_id, now)


def count_gate_stops(developer_id: int, now: datetime) -> int:
    """Submissions stopped in the last 30 days that have not made a strike yet."""
    days = get_numbers().gate_stop_days
    stops = GateRun.objects.filter(developer_id=developer_id, outcome=RunOutcome.STOPPED, run_at__gt=now - timedelta(days=days))
    used = DeveloperStanding.objects.filter(pk=developer_id).annotate(used=F("gate_stops_struck")).values_list("used", flat=True).first()
    return stops.filter(pk__gt=used or 0).count()
