"""Frequency rules and ranks as they stand: which rules hold for a scenario, when it is quiet, who goes first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from backoffice.kernel import clock
from campaigns.choices import CREDIT_CARDS, NO_EXTRA_RULES, SCENARIO_RANKS, RuleScope
from campaigns.models import FrequencyRule, ScenarioRank


@dataclass(frozen=True)
class SlotsLeft:
    """Slots of a day that a scenario leaves to the others: of the store's two, of the ten over all stores."""

    store: int = 0
    person: int = 0


@dataclass(frozen=True)
class Ranks:
    """Scenarios, the first to go first; those that leave slots free."""

    order: list[str]
    left: dict[str, SlotsLeft] = field(default_factory=dict)

    def slots_left(self, scenario: str) -> SlotsLeft:
        return SlotsLeft() if scenario in NO_EXTRA_RULES else self.left.get(scenario, SlotsLeft())


def get_ranks() -> Ranks:
    """One query. The three credit scenarios stand first whatever is stored; a scenario without a row has the place that ships."""
    stored = {rank.scenario: rank for rank in ScenarioRank.objects.all()}
    shipped = {code.value: place for place, code in enumerate(SCENARIO_RANKS, start=1)}
    order = sorted(
        shipped, key=lambda code: (code not in CREDIT_CARDS, shipped[code] if code in CREDIT_CARDS or code not in stored else stored[code].place, shipped[code])
    )
    return Ranks(order, {code: SlotsLeft(rank.store_slots_left, rank.person_slots_left) for code, rank in stored.items()})


def list_rules(scenario: str, store_ids: Collection[int]) -> list[FrequencyRule]:
    """Extra rules with a cap that may hold for messages of ``scenario`` from these stores; none for what no rule may hold back."""
    if not scenario or scenario in NO_EXTRA_RULES or not store_ids:
        return []
    rules = FrequencyRule.objects.filter(is_active=True, is_base=False, cap__isnull=False).order_by("pk")
    return [rule for rule in rules if (rule.store_id is None or rule.store_id in store_ids) and rule.scenario in ("", scenario)]


class QuietHours:
    """Quiet hours of all stores, read once."""

    def __init__(self, rules: Iterable[FrequencyRule]) -> None:
        self._rules = [rule for rule in rules if rule.quiet_from is not None and rule.quiet_until is not None and rule.is_active]
        self._own = {(rule.store_id, rule.scenario) for rule in rules if rule.scope == RuleScope.SCENARIO and rule.store_id is not None and rule.is_active}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def ends_at(self, store_id: int, scenario: str, moment: datetime) -> datetime | None:
        """When a message may go again; ``None`` when it may go at ``moment``. Windows that touch are one."""
        windows = [] if scenario in NO_EXTRA_RULES else self._windows(store_id, scenario)
        free = moment
        for _number in range(2 * len(windows)):
            ends = [end for start, until in windows if (end := _end(start, until, free)) is not None]
            if not ends:
                break
            free = max(ends)
            if free - moment >= timedelta(days=1):
                break
        return None if free == moment else free

    def _windows(self, store_id: int, scenario: str) -> list[tuple[time, time]]:
        return [
            (rule.quiet_from, rule.quiet_until)
            for rule in self._rules
            if rule.quiet_from is not None
            and rule.quiet_until is not None
            and rule.store_id in (None, store_id)
            and rule.scenario in ("", scenario)
            and not (rule.scope == RuleScope.SCENARIO and rule.store_id is None and (store_id, scenario) in self._own)
        ]


def get_quiet_hours() -> QuietHours:
    """One query."""
    return QuietHours(FrequencyRule.objects.filter(is_active=True, is_base=False).order_by("pk"))


def _end(start: time, until: time, moment: datetime) -> datetime | None:
    """The end of the window in which ``moment`` lies; ``None`` outside. The beginning is quiet, the end is not. It may cross midnight."""
    local = clock.to_local(moment)
    at = local.time()
    if start < until:
        return clock.at_local(local.date(), until) if start <= at < until else None
    if at >= start:
        return clock.at_local(local.date() + timedelta(days=1), until)
    return clock.at_local(local.date(), until) if at < until else None


def plan_time(quiet: QuietHours, store_id: int, scenario: str, send_time: time, moment: datetime) -> datetime:
    """When the run of ``moment``'s local day is due: at its send time, or where that is quiet, when the quiet hours end. Where they last over midnight this
    is the morning of the same day: what the evening before could not be sent goes then."""
    day = clock.local_day(moment)
    planned = clock.at_local(day, send_time)
    ends = quiet.ends_at(store_id, scenario, planned) if quiet else None
    if ends is None:
        return planned
    return clock.at_local(day, clock.to_local(ends).time())


def list_own_stores(rules: Sequence[FrequencyRule]) -> list[int]:
    """Stores with a rule of their own for the scenario: the rule for all stores does not hold there."""
    return sorted({rule.store_id for rule in rules if rule.scope == RuleScope.SCENARIO and rule.store_id is not None})
