"""Events that a store's systems record: facts by (store, event number), a thousand at a time."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import BusinessError
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.secrets import lookup_hash
from backoffice.kernel.sql import load_sql
from backoffice.kernel.tenancy.models import Store
from members.models import Event, Identity, IdentityKind, Member, Person
from members.selectors.people import IdentityRefused, mask_identity, normalise_identity
from members.services.fans import note_fan_events

MOST_EVENTS = 1_000
LONGEST_PROPERTIES = 8_192
CLOCKS_DIFFER_BY = timedelta(days=1)

IdentityKey = tuple[str, bytes]
"""Kind and keyed hash of an identity."""


@dataclass(frozen=True)
class EventLine:
    """One event as told. Who did it: a member number of the store, else an identity (kind, value). ``properties`` is a JSON object."""

    event_id: str
    name: str
    occurred_at: datetime
    member_no: str | None = None
    identity: tuple[str, str] | None = None
    source: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EventCounts:
    """How many were new, known with the same content, and known with another content. These last are left as they are; ``conflicts`` names them."""

    created: int = 0
    repeated: int = 0
    conflict: int = 0
    conflicts: tuple[str, ...] = ()


class EventsRefused(BusinessError):
    """Some of the events cannot be; nothing was recorded. ``problems`` lists (index, event number, code)."""

    code = "events_refused"

    def __init__(self, problems: Sequence[tuple[int, str, str]]) -> None:
        self.problems = list(problems)
        super().__init__(_("Some events cannot be recorded, so none was. Each of them is named with what is wrong."), problems=self.problems)


@in_transaction
def record_events(*, store: Store, events: Sequence[EventLine], now: datetime) -> EventCounts:
    """Record up to 1,000 events of one store. The same event again changes nothing; with another content it is counted as a conflict.

    Events of followers (``FanEvent``) bring the push account's fans up to date in the same transaction.
    A member number must be known. A person named by an identity is found by it, or made. The number of statements does not depend on the
    number of events, and two calls at once record each event once. Raises ``EventsRefused``, or ``BusinessError`` for too many.
    """
    if len(events) > MOST_EVENTS:
        raise BusinessError(_("At most %(most)s events a call.") % {"most": MOST_EVENTS}, code="too_many_events")
    if not events:
        return EventCounts()
    kinds = set(IdentityKind.objects.values_list("code", flat=True))
    members = {member.member_no: member for member in Member.objects.filter(store=store, member_no__in={event.member_no for event in events} - {None})}
    problems = [
        (index, event.event_id[:64], code) for index, event in enumerate(events) if (code := _problem_of(event, members.keys(), kinds, now)) is not None
    ]
    if problems:
        raise EventsRefused(problems)
    people = _people(events, now)
    joined = {member.person_id: member.pk for member in Member.objects.filter(store=store, person__in=set(people.values()))}
    rows: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        rows[event.event_id].append(_row(store, event, members, people, joined))
    created = _insert([same[0] for _event_id, same in sorted(rows.items())])
    stored = {event.event_id: event for event in Event.objects.filter(store=store, event_id__in=rows)}
    note_fan_events(stored.values())
    conflicts = [event_id for event_id, same in rows.items() for event in same if _content(event) != _content(stored[event_id])]
    return EventCounts(created, len(events) - created - len(conflicts), len(conflicts), tuple(sorted(set(conflicts))))


def _problem_of(event: EventLine, member_nos: Iterable[str], kinds: set[str], now: datetime) -> str | None:
    """What is wrong with the event by itself: a stable code, None when nothing is."""
    for name, text, longest in (("event_id", event.event_id, 64), ("name", event.name, 64), ("source", event.source or "-", 32)):
        if not text or len(text) > longest or "\x00" in text:
            return f"{name}_invalid"
    if event.occurred_at > now + CLOCKS_DIFFER_BY:
        return "in_the_future"
    if not _is_storable(event.properties):
        return "properties_invalid"
    if event.member_no is not None:
        return None if event.member_no in member_nos else "unknown_member"
    return "person_missing" if event.identity is None else _problem_of_identity(event.identity, kinds)


def _is_storable(properties: Mapping[str, Any]) -> bool:
    try:
        written = json.dumps(dict(properties), allow_nan=False)
    except (TypeError, ValueError):
        return False
    return len(written) <= LONGEST_PROPERTIES and "\\u0000" not in written


def _problem_of_identity(identity: tuple[str, str], kinds: set[str]) -> str | None:
    if identity[0] not in kinds:
        return "unknown_identity_kind"
    try:
        normalise_identity(*identity)
    except IdentityRefused:
        return "identity_invalid"
    return None


def _key_of(identity: tuple[str, str]) -> IdentityKey:
    kind, value = identity
    return kind, lookup_hash(kind, normalise_identity(kind, value))


def _people(events: Sequence[EventLine], now: datetime) -> dict[IdentityKey, int]:
    """The person behind each identity that is named without a member number; those nobody knows yet are made."""
    named = {event.identity for event in events if event.member_no is None and event.identity is not None}
    masks = {_key_of(identity): mask_identity(identity[0], normalise_identity(*identity)) for identity in named}
    found = _live(masks)
    missing = sorted(masks.keys() - found.keys())
    if not missing:
        return found
    made = dict(zip(missing, Person.objects.bulk_create([Person() for _key in missing]), strict=True))
    Identity.objects.bulk_create(
        [Identity(kind_id=key[0], value_hash=key[1], value_masked=masks[key], person=person, seen_at=now) for key, person in made.items()],
        ignore_conflicts=True,
    )
    found = _live(masks)
    # Somebody else met the same identity at the same moment: theirs counts, and ours stands for nobody.
    idle = [person.pk for key, person in made.items() if found[key] != person.pk]
    if idle:
        Person.objects.filter(pk__in=idle)._raw_delete(using=connection.alias)
    return found


def _live(keys: Iterable[IdentityKey]) -> dict[IdentityKey, int]:
    wanted = set(keys)
    rows = Identity.objects.filter(kind__in={kind for kind, _hash in wanted}, value_hash__in={value_hash for _kind, value_hash in wanted}, ended_at=None)
    people = rows.annotate(lives_as=Coalesce("person__merged_into_id", F("person_id"))).values_list("kind_id", "value_hash", "lives_as")
    return {(kind, bytes(value_hash)): person for kind, value_hash, person in people if (kind, bytes(value_hash)) in wanted}


def _row(store: Store, event: EventLine, members: Mapping[str, Member], people: Mapping[IdentityKey, int], joined: Mapping[int, int]) -> Event:
    if event.member_no is not None:
        member_id, person_id = members[event.member_no].pk, members[event.member_no].person_id
    else:
        assert event.identity is not None  # noqa: S101 - _problem_of has looked
        person_id = people[_key_of(event.identity)]
        member_id = joined.get(person_id, 0)
    return Event(
        store=store,
        event_id=event.event_id,
        person_id=person_id,
        member_id=member_id or None,
        name=event.name,
        occurred_at=event.occurred_at,
        source=event.source,
        properties=dict(event.properties),
    )


def _content(event: Event) -> tuple[Any, ...]:
    """What makes two tellings of one event the same. Who it was counts, when they joined does not."""
    return event.person_id, event.name, event.occurred_at, event.source, event.properties


def _insert(events: Sequence[Event]) -> int:
    """Insert those that are new, in order of their key; how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("members", "record_events"),
            {
                "store": events[0].store_id,
                "event_ids": [event.event_id for event in events],
                "people": [event.person_id for event in events],
                "members": [event.member_id for event in events],
                "names": [event.name for event in events],
                "times": [event.occurred_at for event in events],
                "sources": [event.source for event in events],
                "properties": [json.dumps(event.properties, ensure_ascii=False) for event in events],
            },
        )
        return int(cursor.rowcount)
