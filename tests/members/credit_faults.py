"""Faults for the ledger: connections that die at a chosen statement or around COMMIT, and many callers at one moment with a log of what each was told.

The log is judged as Jepsen does: a serial order of the acts must explain every answer. The ledger gives that order itself, because the entries
of one account are numbered under its lock; acts that were refused must fit in somewhere between, at a moment at which they were under way.
"""

from __future__ import annotations

import copy
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations_with_replacement
from threading import Barrier
from typing import Any

from django.db import InterfaceError, OperationalError, connection, connections

from backoffice.kernel.errors import BusinessError
from tests.members.credit_model import Books, Refused
from tests.members.credit_world import Act, LawBroken, World, holds, outcome, same

BEFORE, AFTER, KILLED = "before", "after", "killed"
COMMIT = -1
CUT_ERRORS = (OperationalError, InterfaceError)
_OWN_MARKS = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")


class Cut:
    """Loses the connection at its ``at``-th statement (``COMMIT``: around the commit), before it arrives or after it was done.

    Inside a transaction that the test rolls back the connection must live on: there only the error is raised, and the savepoint goes.
    """

    def __init__(self, at: int, side: str, *, really: bool, kill: Callable[[int], None] | None = None) -> None:
        self.at, self.side, self.really, self.kill = at, side, really, kill
        self.seen = 0
        self.happened = False

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.happened or sql.startswith(_OWN_MARKS):
            return execute(sql, params, many, context)
        self.seen += 1
        if self.seen - 1 != self.at:
            return execute(sql, params, many, context)
        self.happened = True
        if self.side == KILLED and self.really and self.kill:
            self.kill(connection.connection.info.backend_pid)
            return execute(sql, params, many, context)
        if self.side == AFTER:
            execute(sql, params, many, context)
        return self._lose()

    def _lose(self) -> None:
        if self.really:
            connection.connection.close()
        raise OperationalError("the test cut this connection")

    @contextmanager
    def active(self) -> Iterator[None]:
        own = connections["default"]
        commit = own._commit

        def lost_around_commit() -> None:
            self.happened = True
            if self.side == AFTER:
                commit()
            self._lose()

        if self.at == COMMIT and self.really:
            own._commit = lost_around_commit
        try:
            with own.execute_wrapper(self):
                yield
        finally:
            own.__dict__.pop("_commit", None)
            if self.really:
                own.close()


@dataclass
class Told:
    """One line of the log: what a caller asked, from when to when, and what it was told (``ok``, ``refused``, ``unknown``)."""

    act: Act
    invoked: float
    returned: float
    kind: str
    answer: Any


class Hands:
    """Callers that start together, each with a connection of its own that it keeps."""

    def __init__(self, most: int = 8) -> None:
        self.most = most
        self.pool = ThreadPoolExecutor(most)

    def close(self) -> None:
        barrier = Barrier(self.most)

        def leave() -> None:
            barrier.wait()
            connections.close_all()

        for future in [self.pool.submit(leave) for _ in range(self.most)]:
            future.result()
        self.pool.shutdown()

    def alone(self, act: Callable[[], Any]) -> Any:
        """In another thread, so that a connection can die without the test's own."""
        return self.pool.submit(act).result()

    def race(self, world: World, scripts: Sequence[Sequence[Act]], cut: Cut | None = None) -> list[Told]:
        """Every script by one caller, all at once; ``cut`` meets the first one. Anything but a refusal by rule is an error of the test."""
        barrier = Barrier(len(scripts))

        def run(number: int) -> list[Told]:
            log = []
            barrier.wait()
            for act in scripts[number]:
                invoked = time.monotonic()
                try:
                    if cut and number == 0:
                        with cut.active():
                            kind, answer = "ok", world.for_real(act, act.at)
                    else:
                        kind, answer = "ok", world.for_real(act, act.at)
                except BusinessError as refused:
                    kind, answer = "refused", refused
                except CUT_ERRORS as lost:
                    if cut is None or number or not cut.happened:
                        raise
                    kind, answer = "unknown", lost
                log.append(Told(act, invoked, time.monotonic(), kind, answer))
            return log

        futures = [self.pool.submit(run, number) for number in range(len(scripts))]
        return [line for future in futures for line in future.result()]


@dataclass
class Effect:
    """Entries of one key, and who asked for them. What made a lot lapse (``lapsed``) has a key of its own: a sweep, or what came back to it."""

    account: str
    key: str
    first_id: int
    told: list[Told]
    lapsed: int | None = None

    @property
    def invoked(self) -> float:
        return min((line.invoked for line in self.told), default=float("-inf"))

    @property
    def returned(self) -> float:
        return min((line.returned for line in self.told if line.kind == "ok"), default=float("inf"))


def explain(world: World, log: Sequence[Told], entries_before: int) -> None:
    """Find the serial order, replay it on paper and hold every answer against it; the world's books are then those of that order."""
    world.read()
    try:
        _explain(world, log, entries_before)
    except LawBroken as broken:
        lines = [f"  {line.invoked:.4f}-{line.returned:.4f} {line.act.key} {line.act.name} {line.act.args}: {line.kind} {line.answer}" for line in log]
        rows = [f"  {row}" for row in world.entries[entries_before:]]
        raise LawBroken(broken.law, "\n".join([str(broken), "log:", *lines, "booked:", *rows])) from broken


def _explain(world: World, log: Sequence[Told], entries_before: int) -> None:
    """Entries give the order of what was booked. What did something without an entry may have come anywhere between: one place must do."""
    booked = _effects(world, log, entries_before)
    silent = _silent_effects(world, log, booked)
    before, first_error = world.books, None
    for places in combinations_with_replacement(range(len(booked) + 1), len(silent)):
        order = list(booked)
        for place, effect in reversed(list(zip(places, silent, strict=True))):
            order.insert(place, effect)
        world.books = copy.deepcopy(before) if silent else before
        try:
            _judge(world, log, order)
        except (LawBroken, Refused) as error:
            first_error = first_error or error
        else:
            return
    raise first_error if isinstance(first_error, LawBroken) else LawBroken("serial", repr(first_error))


def _judge(world: World, log: Sequence[Told], effects: Sequence[Effect]) -> None:
    """Replay one order on paper, and find a moment for everybody who was refused or found nothing to do."""
    for place, earlier in enumerate(effects):
        for later in effects[place + 1 :]:
            in_order = later.account != earlier.account or later.returned >= earlier.invoked
            holds("serial", in_order, f"{later.key} was answered before {earlier.key} was asked, but booked after it")
    settled = {id(line) for effect in effects for line in effect.told}
    without = [line for line in log if id(line) not in settled and line.kind != "unknown" and line.act.name != "sweep"]
    stages: list[Books] = []
    for effect in effects:
        if without:
            stages.append(copy.deepcopy(world.books))
        _replay(world, effect)
    for line in without:
        told = _in_words(world, line)
        fits = False
        for place, stage in enumerate([*stages, world.books]):
            under_way = all(effect.returned >= line.invoked for effect in effects[place:]) and all(
                effect.invoked <= line.returned for effect in effects[:place]
            )
            if under_way and not fits:
                trial = copy.deepcopy(stage)
                fits = outcome(lambda trial=trial, line=line: world.on_paper(line.act, line.act.at, trial)) == told
        holds("serial", fits, f"no moment explains that {line.act} was told {told}")
    swept = sum(line.answer.lots for line in log if line.act.name == "sweep" and line.kind == "ok")
    unknown = any(line.kind == "unknown" for line in log if line.act.name == "sweep")
    lapsed = sum(effect.lapsed is not None for effect in effects)
    others = sum(effect.told[0].act.name in ("refund", "release", "capture", "pay") for effect in effects if effect.told) * 9
    holds("serial", unknown or swept <= lapsed <= swept + others, f"sweeps told {swept} lots, the ledger has {lapsed}")


def _silent_effects(world: World, log: Sequence[Told], booked: Sequence[Effect]) -> list[Effect]:
    """Adjustments that wait for a second person, and payments of credit that was taken before; also a payment whose answer was lost, when it is there."""
    settled = {id(line) for effect in booked for line in effect.told}
    stores = {store.pk: name for name, store in world.stores.items()}
    payments = {(stores[row[0]], row[1]): (row[2], number) for number, row in enumerate(world.state["payments"])}
    found: dict[str, Effect] = {}
    places: dict[str, tuple[str, int]] = {}
    for line in log:
        if id(line) in settled or line.act.key in found:
            continue
        place = (line.act.store, line.act.args.get("order_no"))
        if line.act.name == "adjust" and line.kind == "ok":
            places[line.act.key] = "adjust", line.answer.pk
        elif line.act.name == "pay" and place in payments and _made_it(world, log, line, place, payments[place][0]):
            places[line.act.key] = "pay", payments[place][1]
        else:
            continue
        told = [other for other in log if other.act == line.act and other.kind in ("ok", line.kind)]
        found[line.act.key] = Effect(line.act.account, line.act.key, 0, told)
    return sorted(found.values(), key=lambda effect: places[effect.key])


def _made_it(world: World, log: Sequence[Told], line: Told, place: tuple[str, Any], amount: int) -> bool:
    """Whether this call recorded the payment that is there now: its answer says so, or it is new, fits, and nobody was told to have made it."""
    if line.kind == "ok":
        return bool(line.answer.created)
    claimed = any(
        other.act.name == "pay" and other.kind == "ok" and other.answer.created and (other.act.store, other.act.args["order_no"]) == place for other in log
    )
    asked = sum(each for _line, each, _used in line.act.args["lines"])
    return line.kind == "unknown" and not claimed and place not in world.books.payments and asked == amount


def _effects(world: World, log: Sequence[Told], entries_before: int) -> list[Effect]:
    """What was booked, in the order of the ledger."""
    own_key = {f"adjust:{row[0]}": row[6] for row in world.state["adjustments"]}
    by_key: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for line in log:
        # a refund that found nothing to give back leaves no key, and its twin may find something later
        if line.kind == "unknown" or (line.kind == "ok" and getattr(line.answer, "parts", True)):
            by_key[line.act.account, line.act.key].append(line)
    effects: list[Effect] = []
    last: dict[str, Effect] = {}
    for row in world.entries[entries_before:]:
        account = world.accounts[row.account]
        lapsed = world.numbers["lots"][row.lot][1] if row.key.startswith("lapse:") else None
        key = own_key.get(row.key, row.key)
        before = last.get(account)
        if before is not None and before.key == key:
            continue
        holds("serial", not any(effect.key == key and effect.account == account for effect in effects), f"entries of {key} lie apart")
        last[account] = Effect(account, key, row.id, by_key[account, key], lapsed)
        holds("serial", lapsed is not None or bool(last[account].told), f"nobody asked for {key}")
        effects.append(last[account])
    return effects


def _replay(world: World, effect: Effect) -> None:
    if effect.lapsed is not None:
        lot = world.books.accounts[effect.account].lots[effect.lapsed]
        holds("serial", lot.lapsed(world.now), f"lot {effect.account}/{lot.number} was swept before its time")
        world.books.lapse(lot)
        return
    answer = None
    for line in effect.told[:1] + effect.told:
        answer = world.on_paper(line.act, line.act.at)
    fresh = 0
    for line in effect.told:
        if line.kind == "ok":
            told = world.tell(line.act, line.answer)
            fresh += not getattr(line.answer, "replayed", not getattr(line.answer, "created", False))
            if line.act.name == "pay":
                continue
            same(f"answer to {line.act}", told, answer)
    lost = any(line.kind == "unknown" for line in effect.told)
    counted = effect.told[0].act.name != "adjust"
    holds("L6", not counted or fresh == 1 or (lost and fresh == 0), f"{effect.key} was told as new {fresh} times")


def _in_words(world: World, line: Told) -> tuple[str, Any]:
    if line.kind == "ok":
        return "ok", world.tell(line.act, line.answer)

    def refuse() -> None:
        raise line.answer

    return outcome(refuse)
