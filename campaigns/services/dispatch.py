"""Handing waiting messages over to their gateways: claim, call outside any transaction, record. Any number of workers at once."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import Count

from backoffice.kernel import clock
from backoffice.kernel.crash import crash_point
from backoffice.kernel.sql import fetch_all, load_sql
from backoffice.kernel.tenancy.models import Store
from campaigns.choices import MessageStatus
from campaigns.gateways.base import Answer, Gateway, Outcome, Result
from campaigns.gateways.chosen import Target, gateway_of, group_by_gateway
from campaigns.models import Message
from campaigns.services.claim import Claim, claim_messages, may_claim, seconds_until_claimable
from campaigns.services.ending import end_past_days
from campaigns.services.record import record_answer

log = structlog.get_logger(__name__)

CALLS_AT_ONCE = 4
CALLS_A_GATEWAY = 2
"""Two: the next batch is claimed, and on its way, while the answer to the last one is awaited."""
FAILURES_IN_A_ROW = 3
"""After so many calls without a single result a gateway is left alone for the rest of the run."""
POLL_SECONDS = 0.5
LOOK_SECONDS = 1.0
"""So often a run that hands over other messages looks whether notices came in meanwhile: these go first."""
NOTHING_SENT = Answer(Result(Outcome.TRY_AGAIN))
TOO_LATE = Answer(Result(Outcome.TRY_AGAIN, error="not_reached"))


@dataclass
class DispatchReport:
    """What one run did. ``retried`` messages wait for their next attempt; ``waiting`` is what is left of today, for whatever reason,
    of which ``without_gateway`` belong to stores that have none."""

    sent: int = 0
    failed: int = 0
    retried: int = 0
    unknown: int = 0
    missed: int = 0
    cancelled: int = 0
    waiting: int = 0
    without_gateway: int = 0
    seconds: float = 0.0

    def add(self, by_status: Counter[str]) -> None:
        self.sent += by_status[MessageStatus.SENT]
        self.failed += by_status[MessageStatus.FAILED]
        self.retried += by_status[MessageStatus.PENDING]
        self.unknown += by_status[MessageStatus.UNKNOWN]
        self.missed += by_status[MessageStatus.MISSED]
        self.cancelled += by_status[MessageStatus.CANCELLED]


def dispatch(*, now: datetime | None = None, limit: int | None = None, seconds: float | None = None, wait_for_others: bool = True) -> DispatchReport:
    """Hand over everything that can be claimed now, notices first.

    ``now`` fixes the business time; without it the database's clock is read anew for each claim. ``limit`` is the most messages to
    hand over, ``seconds`` the time after which nothing more is claimed. With ``wait_for_others`` it returns only when no message of
    today is under another worker's lease either: what a killed worker held is claimed when its lease ends.
    """
    return _Run(now, limit, seconds).work(wait_for_others)


def dispatch_notices(*, store_ids: Collection[int], now: datetime | None = None, seconds: float | None = None) -> DispatchReport:
    """Hand over the notices of some stores that can be claimed now, and nothing else. ``waiting`` is not counted.

    What it leaves, because another worker holds it or its next attempt is not due, is the next ``dispatch``'s.
    """
    return _Run(now, None, seconds, frozenset(store_ids)).hand_over_notices()


@dataclass(frozen=True)
class _Turn:
    """What is handed over to one gateway: notices only, or everything in the order of its number."""

    target: Target
    notices: bool = False


@dataclass
class _Run:
    now: datetime | None
    limit: int | None
    seconds: float | None
    notices_of: frozenset[int] | None = None
    """Stores whose notices alone are handed over; None: a run over everything."""
    report: DispatchReport = field(default_factory=DispatchReport)
    claimed: int = 0
    started: float = field(default_factory=time.monotonic)
    looked: float = 0.0
    in_flight: dict[Future[Answer], Claim] = field(default_factory=dict)
    failures: Counter[Gateway] = field(default_factory=Counter)
    resting: set[Gateway] = field(default_factory=set)

    def work(self, wait_for_others: bool) -> DispatchReport:
        with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="gateway") as pool:
            while True:
                self._end_past_days()
                worked = self._pass_over(self._targets(), pool)
                if self._is_over():
                    break
                if worked:
                    continue
                remaining = self._others_hold() if wait_for_others else None
                if remaining is None:
                    break
                time.sleep(min(remaining + 0.01, POLL_SECONDS))
        self._count_waiting()
        return self._reported()

    def hand_over_notices(self) -> DispatchReport:
        with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="gateway") as pool:
            while self._pass_over([], pool) and not self._is_over():
                self.looked = 0.0
        return self._reported()

    def _reported(self) -> DispatchReport:
        self.report.seconds = round(time.monotonic() - self.started, 3)
        return self.report

    def _moment(self) -> datetime:
        return self.now or clock.database_now()

    def _is_over(self) -> bool:
        return self._room() == 0 or (self.seconds is not None and time.monotonic() - self.started >= self.seconds)

    def _room(self) -> int:
        """Most messages of the next claim."""
        most: int = settings.GATEWAY_BATCH_SIZE
        return most if self.limit is None else max(0, min(most, self.limit - self.claimed))

    def _end_past_days(self) -> None:
        while (ended := end_past_days(now=self._moment())).total:
            self.report.add(ended.by_status)

    def _targets(self) -> list[Target]:
        waiting = [row["store_id"] for row in fetch_all(load_sql("campaigns", "stores_with_waiting"))]
        return self._targets_of(waiting)

    def _targets_of(self, store_ids: Collection[int]) -> list[Target]:
        stores = Store.objects.filter(pk__in=store_ids).order_by("pk")
        return [target for target in group_by_gateway(stores) if target.gateway not in self.resting]

    def _others_hold(self) -> float | None:
        """Seconds until something that another worker has in hand can be claimed; None when nothing of today is in other hands."""
        moment = self._moment()
        stores = [store for target in self._targets() for store in target.stores]
        return seconds_until_claimable(stores, moment) if stores and may_claim(moment) else None

    def _pass_over(self, targets: list[Target], pool: ThreadPoolExecutor) -> bool:
        """Hand over until no target has anything left to claim, gateways taking turns. False when there was nothing at all."""
        turns = deque(_Turn(target) for target in targets)
        worked = False
        self._look_for_notices(turns)
        while turns or self.in_flight:
            while turns and len(self.in_flight) < CALLS_AT_ONCE and (turn := self._next(turns)) is not None:
                claim = self._claim(turn)
                if claim is None or claim.is_empty:
                    turns.remove(turn)
                    continue
                worked = True
                self.report.add(claim.ended.by_status)
                if claim.messages:
                    crash_point("dispatch.after_claim")
                    self.in_flight[pool.submit(_call, claim)] = claim
            if self.in_flight:
                done, _pending = wait(self.in_flight, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    self._record(self.in_flight.pop(future), future.result())
            self._look_for_notices(turns)
        return worked

    def _look_for_notices(self, turns: deque[_Turn]) -> None:
        """Once in a while: whoever has notices waiting gets a turn for them, before all others."""
        if time.monotonic() - self.looked < LOOK_SECONDS or self._is_over():
            return
        self.looked = time.monotonic()
        params = {"local_day": clock.local_day(self._moment()), "stores": None if self.notices_of is None else list(self.notices_of)}
        found = [row["store_id"] for row in fetch_all(load_sql("campaigns", "stores_with_notices"), params)]
        if found:
            known = {turn.target.gateway for turn in turns if turn.notices}
            turns.extendleft(_Turn(target, notices=True) for target in self._targets_of(found) if target.gateway not in known)

    def _next(self, turns: deque[_Turn]) -> _Turn | None:
        """The next gateway that may be called; it goes to the end unless it is for notices. None when all of them are busy."""
        busy = Counter(claim.target.gateway for claim in self.in_flight.values())
        for turn in list(turns):
            if turn.target.gateway in self.resting:
                turns.remove(turn)
            elif busy[turn.target.gateway] < CALLS_A_GATEWAY:
                if not turn.notices:
                    turns.remove(turn)
                    turns.append(turn)
                return turn
        return None

    def _claim(self, turn: _Turn) -> Claim | None:
        read_at = time.time()
        moment = self._moment()
        if self._is_over() or not may_claim(moment):
            return None
        claim = claim_messages(target=turn.target, now=moment, limit=self._room(), notices=turn.notices)
        claim.read_at = None if self.now else read_at
        self.claimed += len(claim.messages)
        return claim

    def _record(self, claim: Claim, answer: Answer) -> None:
        crash_point("dispatch.after_post")
        recorded = record_answer(claim=claim, answer=answer)
        self.report.add(recorded)
        if recorded.total() < len(claim.messages):
            log.warning("dispatch.lease_lost", batch_id=str(claim.token), messages=len(claim.messages) - recorded.total())
        gateway = claim.target.gateway
        self.failures[gateway] = self.failures[gateway] + 1 if answer.call_failed else 0
        if answer.call_failed:
            log.warning("dispatch.call_failed", batch_id=str(claim.token), stores=len(claim.target.stores), error=answer.of_the_rest.error)
        if self.failures[gateway] >= FAILURES_IN_A_ROW or (answer.call_failed and answer.retry_after):
            self.resting.add(gateway)

    def _count_waiting(self) -> None:
        today = Message.objects.filter(status=MessageStatus.PENDING, local_day=clock.local_day(self._moment()))
        waiting = Counter(dict(today.values_list("store_id").annotate(number=Count("pk"))))
        bare = [store.pk for store in Store.objects.filter(pk__in=list(waiting)) if gateway_of(store) is None]
        self.report.waiting, self.report.without_gateway = waiting.total(), sum(waiting[store] for store in bare)


def _call(claim: Claim) -> Answer:
    """Runs in a thread of its own and touches no database."""
    if not claim.wire:
        return NOTHING_SENT
    if _is_past(claim):
        return TOO_LATE
    return claim.target.gateway.send(str(claim.token), claim.wire)


def _is_past(claim: Claim) -> bool:
    """Whether so much time went by since the claim that a call could still run when its day is over: a stopped process, a slow database.

    By how far this process's clock moved on, not by what it shows: it need not agree with the database's.
    """
    if claim.read_at is None:
        return False
    moment = claim.moment + timedelta(seconds=time.time() - claim.read_at)
    return clock.local_day(moment) != clock.local_day(claim.moment) or not may_claim(moment)
