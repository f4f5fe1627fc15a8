"""The business numbers in force."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta

from applications.choices import NUMBERS
from applications.models import RuleNumber


@dataclass(frozen=True)
class Numbers:
    """Every number of ``choices.NUMBERS``, by its code."""

    review_days: int
    appeal_review_days: int
    lease_minutes: int
    most_rounds: int
    answer_days: int
    confirm_days: int
    most_open_cases: int
    undo_seconds: int
    grant_days: int
    tier_grace_days: int
    appeal_days: int
    strike_days: int
    weight_b1: int
    weight_n1: int
    weight_n2: int
    weight_f1: int
    weight_gate_stops: int
    gate_stop_count: int
    gate_stop_days: int
    warn_score: int
    cool_down_score: int
    cool_down_days: int
    bar_score: int

    @property
    def review_time(self) -> timedelta:
        """Working time in which a case is reviewed."""
        return timedelta(days=self.review_days)


def get_numbers() -> Numbers:
    """One query. A number that nobody changed has its default."""
    changed = dict(RuleNumber.objects.values_list("code", "value"))
    return Numbers(**{field.name: changed.get(field.name, NUMBERS[field.name].default) for field in fields(Numbers)})
