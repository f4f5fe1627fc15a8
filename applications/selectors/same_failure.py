"""Cases that fail in exactly one item: what can be refused together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import F

from applications.choices import CaseState, Verdict
from applications.models import Application, ChecklistVerdict

MOST_CASES = 500
"""So many cases with a failure are looked at; those that are due first."""


@dataclass(frozen=True)
class SameFailure:
    """Waiting cases whose only failed item is ``item``, what is due first on top."""

    item: str
    cases: Sequence[int]


def list_same_failures() -> list[SameFailure]:
    """One query. Waiting: in the queue, or in review (then only its reviewer's bulk refusal takes it)."""
    failed = ChecklistVerdict.objects.filter(answer=Verdict.FAIL, case__state__in=[CaseState.QUEUED, CaseState.IN_REVIEW], revision=F("case__revision"))
    rows = failed.values("case_id").annotate(items=ArrayAgg("item", distinct=True)).order_by("case__due_at", "case_id").values_list("case_id", "items")
    found: dict[str, list[int]] = {}
    for case_id, items in rows[:MOST_CASES]:
        if len(items) == 1:
            found.setdefault(items[0], []).append(case_id)
    return [SameFailure(item, cases) for item, cases in sorted(found.items(), key=lambda entry: (-len(entry[1]), entry[0]))]


def list_cases_with_reasons(numbers: Sequence[int], item: str) -> list[Any]:
    """These cases with what was written about the item: ``facts``, empty where nobody has yet."""
    cases = Application.objects.filter(pk__in=numbers).select_related("app", "developer").defer("draft").order_by("due_at", "pk")
    found = list(cases.prefetch_related("reasons"))
    for case in found:
        reasons = [row for row in case.reasons.all() if row.rule == item and row.revision_id == case.revision_id]
        case.facts = [row.fact for row in reasons]  # type: ignore[attr-defined]
    return found
