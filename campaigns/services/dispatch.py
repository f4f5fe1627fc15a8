"""Handing waiting messages over to their gateways: claim, call outside any transaction, record. Any number of workers at once."""

from __future__ import annotations

import time
from collections import Counter, deque
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
    """Hand over everything that can be claimed now.

    ``now`` fixes the business time; without it the database's clock is read anew for each claim. ``limit`` is the most messages to
    hand over, ``seconds`` the time after which nothing more is claimed. With ``wait_for_others`` it returns only when no message of
    today is under another worker's lease either: what a killed worker held is claimed when its lease ends.
    """
    return _Run(now, limit, seconds).work(wait_for_others)


@dataclass
class _Run:
    now: datetime | None
    limit: int | None
    seconds: float | None
    report: DispatchReport = field(default_factory=DispatchReport)
    claimed: int = 0
    started: float = field(default_factory=time.monotonic)
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
        stores = Store.objects.filter(pk__in=waiting).order_by("pk")
        return [target for target in group_by_gateway(stores) if target.gateway not in self.resting]

    def _others_hold(self) -> float | None:
        """Seconds until something that another worker has in hand can be claimed; None when nothing of today is in other hands."""
        moment = self._moment()
        stores = [store for target in self._targets() for store in target.stores]
        return seconds_until_claimable(stores, moment) if stores and may_claim(moment) else None

    def _pass_over(self, targets: list[Target], pool: ThreadPoolExecutor) -> bool:
        """Hand over until no target has anything left to claim, gateways taking turns. False when there was nothing at all."""
        turn = deque(targets)
        worked = False
        while turn or self.in_flight:
            while turn and len(self.in_flight) < CALLS_AT_ONCE and (target := self._next(turn)) is not None:
                claim = self._claim(target)
                if claim is None or claim.is_empty:
                    turn.remove(target)
                    continue
                worked = True
                self.report.add(claim.ended.by_status)
                if claim.messages:
                    crash_point("dispatch.after_claim")
                    self.in_flight[pool.submit(_call, claim)] = claim
            if self.in_flight:
                done, _pending = wait(self.in_flight, return_when=FIRST_COMPLETED)
                for future in done:
                    self._record(self.in_flight.pop(future), future.result())
        return worked

    def _next(self, turn: deque[Target]) -> Target | None:
        """The next gateway that may be called, moved to the end of the turn; None when all of them are busy."""
        busy = Counter(claim.target.gateway for claim in self.in_flight.values())
        for target in list(turn):
            if target.gateway in self.resting:
                turn.remove(target)
            elif busy[target.gateway] < CALLS_A_GATEWAY:
                turn.remove(target)
                turn.append(target)
                return target
        return None

    def _claim(self, target: Target) -> Claim | None:
        read_at = time.time()
        moment = self._moment()
        if self._is_over() or not may_claim(moment):
            return None
        claim = claim_messages(target=target, now=moment, limit=self._room())
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
