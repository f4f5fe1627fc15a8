"""Replaying a case's events gives its stored state, to the column."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from applications.choices import ACTS, CaseState
from applications.models import LIVES_IN_EVENTS, Application, CaseEvent


def encoded(value: Any) -> Any:
    """A column's value as events keep it: times as UTC text, durations as seconds."""
    if isinstance(value, datetime):
        return value.timestamp()
    return value.total_seconds() if isinstance(value, timedelta) else value


def replay(events: Iterable[CaseEvent]) -> dict[str, Any]:
    """The columns of ``LIVES_IN_EVENTS`` and the version, encoded, as the events say. Raises ``ValueError`` on a gap or an act that the table does not know."""
    empty = Application()
    state: dict[str, Any] = {name: encoded(getattr(empty, name)) for name in LIVES_IN_EVENTS}
    state |= {"state": CaseState.DRAFT.value, "version": 0}
    for event in events:
        rule = ACTS[event.act]
        if event.seq != state["version"] + 1 or event.from_state != state["state"]:
            raise ValueError(f"step {event.seq} of case {event.case_id} does not follow on step {state['version']}")
        if event.from_state not in rule.sources or event.to_state not in rule.targets:
            raise ValueError(f"step {event.seq} of case {event.case_id}: {event.act} does not lead from {event.from_state} to {event.to_state}")
        state |= event.changes
        state |= {"state": event.to_state, "version": event.seq}
    return state


def stored(case: Application) -> dict[str, Any]:
    """The same columns as the row has them."""
    return {name: encoded(getattr(case, name)) for name in (*LIVES_IN_EVENTS, "version")}


def list_replay_differences(case: Application, events: Iterable[CaseEvent] | None = None) -> dict[str, tuple[Any, Any]]:
    """Columns in which the row differs from its replayed events: name -> (stored, replayed). Empty when all is well."""
    try:
        told = replay(case.events.order_by("seq") if events is None else events)
    except ValueError as error:
        return {"events": ("", str(error))}
    has = stored(case)
    return {name: (has[name], told[name]) for name in has if has[name] != told[name]}
