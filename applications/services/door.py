"""The one door through which a case changes: lock it, check state, right, version and claim, then write event and columns together.

Every service on a case is ``enter`` ... ``leave``. The database refuses a change of state that came another way.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from applications.choices import ACTS, CLOSED_STATES, DECIDED_STATES, PLATFORM_STATES, CaseAct, CaseState
from applications.models import Application, CaseEvent, Claim, RequestedCapability
from applications.selectors.calendar import WorkingCalendar, get_calendar
from applications.selectors.numbers import get_numbers
from applications.selectors.replay import encoded
from applications.services.locks import lock_case, lock_developer
from applications.services.notices import tell_of_state
from applications.services.rights import require_act
from backoffice.kernel.errors import BusinessError, ConfigurationError, NotFound, StateConflict
from backoffice.kernel.tenancy.models import User


class CaseRefused(BusinessError):
    """A rule of the application process says no; nothing was changed."""

    code = "case_refused"


class ClaimLost(StateConflict):
    """The reviewer's claim has run out or somebody else has claimed the case since. Nothing was changed."""

    code = "claim_lost"


def enter(
    case_id: int, act: str, *, by: User | None, now: datetime, version: int | None = None, token: int | None = None, developer: bool = False
) -> Application:
    """The case, locked, when ``by`` may do ``act`` on it now.

    ``version``: what the caller last saw, refused when something happened since. ``token``: of the caller's claim, for acts that need one.
    ``developer``: lock the developer's standing first (whatever counts strikes, stops or open cases). Raises ``NotFound``, ``NotAllowed``,
    ``StateConflict`` or ``ClaimLost``; nothing is changed then.
    """
    rule = ACTS[act]
    if developer:
        owner = Application.objects.filter(pk=case_id).values_list("developer_id", flat=True).first()
        if owner is not None:
            lock_developer(owner)
    case = lock_case(case_id)
    if case is None:
        raise NotFound(_("There is no such application."))
    require_act(by, rule.permission, case)
    if case.state not in rule.sources or (version is not None and version != case.version):
        raise StateConflict(_("This application has moved on meanwhile. Load the page again and look before you act."))
    if rule.needs_claim:
        require_claim(case, by=by, token=token, now=now)
    return case


def require_claim(case: Application, *, by: User | None, token: int | None, now: datetime) -> Claim:
    """The live claim of ``by`` with this token. Raises ``ClaimLost``."""
    claim = live_claim(case)
    if claim is None or by is None or claim.reviewer_id != by.pk or claim.token != token or claim.lease_until <= now:
        raise ClaimLost(_("You no longer hold this application. Claim it again, and look at what others did meanwhile."))
    return claim


def live_claim(case: Application) -> Claim | None:
    return Claim.objects.filter(case=case, ended_at=None).first()


def end_claim(case: Application, now: datetime) -> None:
    Claim.objects.filter(case=case, ended_at=None).update(ended_at=now)


def leave(case: Application, act: str, to: str, *, by: User | None, now: datetime, facts: dict[str, Any] | None = None, **changes: Any) -> CaseEvent:
    """Write what ``act`` did: the event, and with it the state and ``changes`` (of ``LIVES_IN_EVENTS``). The case must have come through ``enter``.

    The working-day clock starts, stops and goes on by itself; a closed case gives up its claim and its place for each capability.
    """
    if to not in ACTS[act].targets:
        raise ConfigurationError(f"{act} does not lead to {to}")
    before = case.state
    changes |= _clock_changes(case, to, now)
    if to in CLOSED_STATES:
        changes |= {"closed_at": case.closed_at or now, "answer_by": None}
        if to in DECIDED_STATES and case.is_late is None and case.due_at is not None:
            changes["is_late"] = now > case.due_at
    changes = {name: value for name, value in changes.items() if getattr(case, name) != value}
    event = CaseEvent.objects.create(
        case=case,
        seq=case.version + 1,
        act=act,
        from_state=before,
        to_state=to,
        actor=by,
        changes={name: encoded(value) for name, value in changes.items()},
        facts=facts or {},
        happened_at=now,
    )
    Application.objects.filter(pk=case.pk).update(state=to, version=event.seq, **changes)
    case.state, case.version = to, event.seq
    for name, value in changes.items():
        setattr(case, name, value)
    if to != CaseState.IN_REVIEW:
        end_claim(case, now)
    if to in CLOSED_STATES or to == CaseState.DRAFT:
        RequestedCapability.objects.filter(case=case, holds_place=True).update(holds_place=False)
    if to != before:
        tell_of_state(case, before, now)
    return event


def _clock_changes(case: Application, to: str, now: datetime) -> dict[str, Any]:
    """Working time counts while the case is with the platform; the due date follows from what is left of the allowance."""
    started = case.clock_started_at
    if started is None and to in PLATFORM_STATES:
        return {"clock_started_at": now, "due_at": due_date(get_calendar(), now, get_numbers().review_time - case.clock_used)}
    if started is not None and to not in PLATFORM_STATES:
        return {"clock_started_at": None, "clock_used": case.clock_used + get_calendar().between(started, now)}
    return {}


def due_date(calendar: WorkingCalendar, started: datetime, left: timedelta) -> datetime:
    """When the review has to be over, if the clock runs from ``started`` and ``left`` of the working time is left."""
    return calendar.add(started, max(timedelta(0), left))


def open_case(case: Application, *, by: User | None, now: datetime) -> None:
    """The first event of a case just made."""
    require_act(by, ACTS[CaseAct.OPEN].permission, case)
    leave(case, CaseAct.OPEN, CaseState.DRAFT, by=by, now=now)
