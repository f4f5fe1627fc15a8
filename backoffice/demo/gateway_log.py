"""The gateway's own log, read as a judge: what was delivered, and whether a rule was broken.

The log is a file of JSON lines that is only appended to. ``event`` says what a line is: "delivered"
(a message left the gateway), "repeat" (its key came again and the first answer was given again),
"key_conflict" (a known key came with another person, store or scenario), "call" (one answered
batch), "turned_away" (a batch refused as a whole) and "receipts" (sent back to the product).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

STORE_DAY_CAP = 2
PLATFORM_DAY_CAP = 10
PERIODIC_CARDS = frozenset({"BALANCE_REMINDER", "EXPIRY_REMINDER"})
PERIODIC_GAP_DAYS = 30
NOTICE = "AFTER_PAYMENT"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivered message; ``at`` in Unix seconds, ``local_day`` "YYYY-MM-DD" as sent."""

    key: str
    id: str
    batch_id: str
    provider_id: str
    at: float
    scenario: str
    store: str
    member_no: str | None
    person: str
    local_day: str
    decided_at: str
    language: str
    title: str
    body: str
    params: dict[str, Any] = field(hash=False)
    target_url: str | None = None


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken rule: which one, whom it concerns, how many messages, and their keys."""

    rule: str
    person: Hashable
    store: str | None
    local_day: str
    count: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogSummary:
    """Counts over one log; ``most_a_day`` is the most that any person got on one local day."""

    delivered: int
    people: int
    by_scenario: dict[str, int]
    by_store: dict[str, int]
    by_local_day: dict[str, int]
    most_a_day: int
    most_a_day_in_a_store: int
    repeats: int = 0
    key_conflicts: int = 0
    calls: int = 0
    turned_away: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read_lines(path: Path, event: str = "") -> Iterator[dict[str, Any]]:
    """The whole lines of a log, or those of one event.

    A last line that a killed gateway left unfinished is no line; a log that is not there is empty.
    """
    if not path.exists():
        return
    # The gateway writes the event first, so that lines of other events need no parsing.
    beginning = f'{{"event":"{event}",'.encode() if event else b"{"
    with path.open("rb") as log:
        for line in log:
            if line.endswith(b"\n") and line.startswith(beginning):
                yield json.loads(line)


def read_log(path: Path) -> list[Delivery]:
    """Everything that the gateway delivered, in the order in which it did."""
    return [to_delivery(line) for line in read_lines(path, "delivered")]


def to_delivery(line: dict[str, Any]) -> Delivery:
    return Delivery(
        key=line["idempotency_key"],
        id=line["id"],
        batch_id=line["batch_id"],
        provider_id=line["provider_id"],
        at=line["at"],
        scenario=line["scenario"],
        store=line["store"],
        member_no=line["member_no"],
        person=line["person"],
        local_day=line["local_day"],
        decided_at=line["decided_at"],
        language=line["language"],
        title=line["title"],
        body=line["body"],
        params=line["params"],
        target_url=line["target_url"],
    )


def summarise(log: Path | Iterable[Delivery], *, person_of: Callable[[Delivery], Hashable] | None = None) -> LogSummary:
    """Figures of a log file, or of deliveries (then the counts of other lines are 0)."""
    person_of = person_of or _person
    other = Counter(line["event"] for line in read_lines(log)) if isinstance(log, Path) else Counter()
    deliveries = read_log(log) if isinstance(log, Path) else list(log)
    person_days = Counter((person_of(one), one.local_day) for one in deliveries)
    store_days = Counter((person_of(one), one.local_day, one.store) for one in deliveries)
    return LogSummary(
        delivered=len(deliveries),
        people=len({person for person, _ in person_days}),
        by_scenario=_counts(one.scenario for one in deliveries),
        by_store=_counts(one.store for one in deliveries),
        by_local_day=_counts(one.local_day for one in deliveries),
        most_a_day=max(person_days.values(), default=0),
        most_a_day_in_a_store=max(store_days.values(), default=0),
        repeats=other["repeat"],
        key_conflicts=other["key_conflict"],
        calls=other["call"],
        turned_away=other["turned_away"],
    )


def breaches(
    log: Path | Iterable[Delivery],
    *,
    person_of: Callable[[Delivery], Hashable] | None = None,
    day_of: Callable[[Delivery], str] | None = None,
) -> list[Breach]:
    """Every rule that the deliveries break; an empty list is the only good answer.

    ``person_of`` says who a delivery reached: by default the opaque ``person`` of the payload, which
    names one person at one gateway address; give a resolver where people were merged since or
    several addresses share a log. ``day_of`` gives another local day than the one that was sent,
    for example that of the arrival.
    """
    who, when = person_of or _person, day_of or _local_day
    deliveries = read_log(log) if isinstance(log, Path) else list(log)
    found = [
        *_too_many(deliveries, "store_cap", STORE_DAY_CAP, lambda one: (who(one), one.store, when(one))),
        *_too_many(deliveries, "platform_cap", PLATFORM_DAY_CAP, lambda one: (who(one), None, when(one))),
        *_too_many(deliveries, "key_twice", 1, lambda one: (one.key, None, "")),
        *_too_many(deliveries, "id_twice", 1, lambda one: (one.id, None, "")),
    ]
    periodic = [one for one in deliveries if one.scenario in PERIODIC_CARDS]
    found += _too_many(periodic, "two_periodic_cards", 1, lambda one: (who(one), one.store, when(one)))
    found += _too_soon(periodic, who, when)
    notices = [one for one in deliveries if one.scenario == NOTICE and "order_no" in one.params]
    found += _too_many(notices, "notice_twice", 1, lambda one: ((who(one), one.params["order_no"]), one.store, ""))
    found += [Breach("notice_late", who(one), one.store, when(one), 1, (one.key,)) for one in notices if _day_of_decision(one) != one.local_day]
    if isinstance(log, Path):
        found += [
            Breach("key_conflict", line["person"], line["store"], line["local_day"], 1, (line["idempotency_key"],)) for line in read_lines(log, "key_conflict")
        ]
    return found


def _too_many(deliveries: Iterable[Delivery], rule: str, cap: int, group_of: Callable[[Delivery], tuple[Hashable, str | None, str]]) -> list[Breach]:
    groups: defaultdict[tuple[Hashable, str | None, str], list[str]] = defaultdict(list)
    for one in deliveries:
        groups[group_of(one)].append(one.key)
    return [Breach(rule, person, store, day, len(keys), tuple(keys)) for (person, store, day), keys in groups.items() if len(keys) > cap]


def _too_soon(periodic: Iterable[Delivery], who: Callable[[Delivery], Hashable], when: Callable[[Delivery], str]) -> list[Breach]:
    """Periodic cards of one person and store on different days less than 30 days apart."""
    days: defaultdict[tuple[Hashable, str], dict[date, str]] = defaultdict(dict)
    for one in periodic:
        days[who(one), one.store].setdefault(date.fromisoformat(when(one)), one.key)
    found = []
    for (person, store), keys in days.items():
        ordered = sorted(keys)
        for earlier, later in pairwise(ordered):
            if (later - earlier).days < PERIODIC_GAP_DAYS:
                found.append(Breach("card_too_soon", person, store, later.isoformat(), 2, (keys[earlier], keys[later])))
    return found


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _person(one: Delivery) -> str:
    return one.person


def _local_day(one: Delivery) -> str:
    return one.local_day


def _day_of_decision(one: Delivery) -> str:
    """``decided_at`` is written on the platform's clock. A notice is decided with its payment, and goes on that day or not at all."""
    return one.decided_at[:10]
