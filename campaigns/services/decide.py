"""Deciding one chunk of the day's reminders: who is due, with which figures, under both caps. One transaction, a handful of statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from backoffice.kernel import clock
from backoffice.kernel.crash import crash_point
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.sql import fetch_all, load_sql
from backoffice.kernel.tenancy.choices import StoreStatus
from campaigns.choices import PERSON_DAY_CAP, STORE_DAY_CAP, RunStatus, ScenarioCode, SuppressionReason
from campaigns.models import ReminderRun, ReminderSetting
from campaigns.selectors.due import LAST_MEMBER, Span, due_parameters
from campaigns.selectors.frequency import get_ranks
from campaigns.services.frequency import hold_to_rules

CHUNK_ACCOUNTS = 10_000
"""Credit accounts looked at in one transaction: some 200 to 300 ms."""
CHUNK_STORES = 100


@dataclass
class Decided:
    """What was decided: cards by scenario, cards held back by reason, and the stores touched."""

    stores: set[int] = field(default_factory=set)
    decided: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)

    @property
    def due(self) -> int:
        return self.decided.total() + self.suppressed.total()

    def add(self, other: Decided) -> None:
        self.stores |= other.stores
        self.decided += other.decided
        self.suppressed += other.suppressed


@dataclass(frozen=True)
class Chunk:
    """``accounts`` members with credit, ``after < id <= upto``, of a claimed run; ``last`` when nothing comes behind them."""

    run_id: int
    store_id: int
    after: int
    upto: int
    accounts: int
    last: bool


@in_transaction
def decide_chunk(*, now: datetime, store_ids: Sequence[int] | None = None) -> Decided | None:
    """Decide the next members of the runs that are due at ``now``; ``None`` when no open run is left that nobody else is deciding.

    Everything happens in this transaction: slots, messages, the runs' cursors and counts. Whoever dies here leaves nothing behind, and
    the next call decides the same members again. Safe with any number of callers at once: a run is claimed with SKIP LOCKED.
    """
    day = clock.local_day(now)
    chunks = _claim_chunks(day=day, now=now, store_ids=store_ids)
    if not chunks:
        return None
    decided = Decided(stores={chunk.store_id for chunk in chunks})
    sending = _stores_that_send([chunk.store_id for chunk in chunks])
    chunks = [chunk if chunk.store_id in sending else replace(chunk, last=True) for chunk in chunks]
    with_members = [chunk for chunk in chunks if chunk.store_id in sending and chunk.accounts]
    by_store: dict[int, Decided] = {}
    if with_members:
        by_store = _decide_members(with_members, day=day, now=now)
    crash_point("reminders.before_cursor")
    for chunk in chunks:
        part = by_store.get(chunk.store_id, Decided())
        _move_run(chunk, part, now=now)
        decided.add(part)
    crash_point("reminders.before_commit")
    return decided


def _claim_chunks(*, day: date, now: datetime, store_ids: Sequence[int] | None) -> list[Chunk]:
    """Lock open runs, small stores together, until the chunk is full."""
    chunks: list[Chunk] = []
    room = CHUNK_ACCOUNTS
    while room > 0 and len(chunks) < CHUNK_STORES:
        rows = fetch_all(
            load_sql("campaigns", "claim_run"),
            {
                "local_day": day,
                "now": now,
                "not_runs": [chunk.run_id for chunk in chunks],
                "stores": None if store_ids is None else list(store_ids),
                "room": room,
            },
        )
        if not rows:
            break
        (row,) = rows
        last = row["accounts"] < room
        chunks.append(Chunk(row["id"], row["store_id"], row["cursor"], LAST_MEMBER if last else row["upto"], row["accounts"], last))
        room -= row["accounts"]
    return chunks


def _stores_that_send(store_ids: Sequence[int]) -> set[int]:
    """Asked after the runs are locked: who switches off waits for that lock before cancelling, so that nothing slips through."""
    return set(ReminderSetting.objects.filter(store_id__in=store_ids, enabled=True, store__status=StoreStatus.OPEN).values_list("store_id", flat=True))


def _decide_members(chunks: Sequence[Chunk], *, day: date, now: datetime) -> dict[int, Decided]:
    spans = [Span(chunk.store_id, chunk.after, chunk.upto) for chunk in chunks]
    return decide_cards(load_sql("campaigns", "find_due_cards"), due_parameters(spans, day=day, now=now))


def decide_cards(find: str, finding: dict[str, Any], *, scenario: str = "") -> dict[int, Decided]:
    """Take the slots of both caps for the cards that ``find`` gives and write their messages, in the caller's transaction; by store.

    ``scenario`` names the one scenario of these cards: extra frequency rules hold them back, and the slots that it leaves free stay free. Without it,
    and for what ``NO_EXTRA_RULES`` names, the base caps are all.

    ``find`` selects (store_id, person_id, member_id, language, last_sent_on, scenario, occasion, params), at most one card a person and store, none
    whose message is there already. ``finding``: its parameters, among them ``local_day``, ``now`` and ``slot_holding``.
    """
    ranks = get_ranks()
    left = ranks.slots_left(scenario)
    params = {**finding, "scenarios": ranks.order, "store_cap": STORE_DAY_CAP - left.store, "person_cap": PERSON_DAY_CAP - left.person}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(f"CREATE TEMPORARY TABLE due_card ON COMMIT DROP AS {find}", params)
        cursor.execute("CREATE TEMPORARY TABLE held_back ON COMMIT DROP AS SELECT *, ''::text AS reason FROM due_card WITH NO DATA")
        crash_point("reminders.before_decision")
        rows = fetch_all(load_sql("campaigns", "decide_due_cards"), params)
        crash_point("reminders.after_decision")
        if any(row["reason"] for row in rows):
            cursor.execute(load_sql("campaigns", "write_held_back"), params)
            cursor.execute(load_sql("campaigns", "return_store_slots"), params)
        stopped = hold_to_rules(scenario, {row["store_id"] for row in rows if not row["reason"]}, finding)
        cursor.execute("DROP TABLE due_card, held_back")
    by_store: dict[int, Decided] = {}
    for row in rows:
        part = by_store.setdefault(row["store_id"], Decided())
        if row["reason"]:
            part.suppressed[row["reason"]] += row["cards"]
        else:
            part.decided[row["scenario"]] += row["cards"]
    for store_id, cards in stopped.items():
        by_store[store_id].decided[scenario] -= cards
        by_store[store_id].suppressed[SuppressionReason.RULE_CAP.value] += cards
    return by_store


def _move_run(chunk: Chunk, part: Decided, *, now: datetime) -> None:
    ReminderRun.objects.filter(pk=chunk.run_id).update(
        status=RunStatus.DONE if chunk.last else RunStatus.DECIDING,
        started_at=Coalesce("started_at", Value(now)),
        finished_at=now if chunk.last else None,
        cursor=chunk.upto,
        due_count=F("due_count") + part.due,
        balance_count=F("balance_count") + part.decided[ScenarioCode.BALANCE_REMINDER],
        expiry_count=F("expiry_count") + part.decided[ScenarioCode.EXPIRY_REMINDER],
        store_cap_count=F("store_cap_count") + part.suppressed[SuppressionReason.STORE_CAP],
        platform_cap_count=F("platform_cap_count") + part.suppressed[SuppressionReason.PLATFORM_CAP],
    )
