"""Everything that a reviewer looks at while judging one case, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, JSONObject

from applications.choices import ITEM_FIELDS, CaseState, Verdict
from applications.content import Change, Content, content_of, diff, item_untouched
from applications.models import (
    ApplicantMessage,
    Application,
    ChecklistVerdict,
    Decision,
    DecisionItem,
    GateResult,
    InternalNote,
    Reason,
    RequestedCapability,
    Revision,
)
from applications.rulings import Key, Sheet
from applications.selectors.applicant import IN_EFFECT
from applications.selectors.calendar import WorkingCalendar, get_calendar
from applications.selectors.numbers import Numbers, get_numbers
from backoffice.kernel import clock
from backoffice.kernel.tenancy.models import MerchantTier

DECISIONS_READ = 50


@dataclass(frozen=True)
class Word:
    """A note among staff (``side`` empty) or a message between platform and developer. ``visible_at`` None: not to be read by the developer yet."""

    side: str
    text: str
    by: str
    at: datetime
    visible_at: datetime | None


@dataclass(frozen=True)
class Task:
    """What was asked for last time: the reason, and what of its fields changed since. Nothing changed: it was not answered."""

    reason: Reason
    changes: Sequence[Change]


@dataclass(frozen=True)
class Desk:
    """One case as the review sees it. ``case`` has ``holder_id``, ``holder_name``, ``holder_token``, ``held_until`` and ``tier``."""

    case: Any
    now: datetime
    numbers: Numbers
    calendar: WorkingCalendar
    revision: Revision | None
    previous: Revision | None
    verdicts: Mapping[Key, ChecklistVerdict]
    passed_before: frozenset[Key]
    reasons: Mapping[Key, Reason]
    old_reasons: Sequence[Reason]
    asked: Sequence[RequestedCapability]
    gate_results: Sequence[GateResult]
    words: Sequence[Word]
    decisions: Sequence[Any]

    @cached_property
    def content(self) -> Content:
        return content_of(self.revision.content if self.revision else self.case.draft)

    @cached_property
    def changes(self) -> list[Change]:
        """Against the revision before."""
        return diff(content_of(self.previous.content), self.content) if self.previous else []

    @cached_property
    def sheet(self) -> Sheet:
        answers = {key: verdict.answer for key, verdict in self.verdicts.items()}
        return Sheet([row.capability.code for row in self.asked], answers, frozenset(self.reasons))

    @property
    def own_decisions(self) -> list[Any]:
        """Rulings on this case, the newest first."""
        return [decision for decision in self.decisions if decision.case_id == self.case.pk]

    @property
    def history(self) -> list[Any]:
        """Rulings in effect on other cases of the developer, the newest first."""
        return [decision for decision in self.decisions if decision.case_id != self.case.pk]

    def is_held_by(self, user_id: int) -> bool:
        """Whether the user's claim on the case is alive."""
        case = self.case
        return bool(case.state == CaseState.IN_REVIEW and case.holder_id == user_id and case.held_until > self.now)


def desk_rows(cases: QuerySet[Application], now: datetime) -> QuerySet[Any]:
    """``cases`` with everything of the row itself that the desk needs."""
    tier = MerchantTier.objects.filter(merchant=OuterRef("merchant")).valid_on(clock.local_day(now)).values("tier")[:1]
    return cases.select_related("app__category", "developer__standing", "developer__profile__bound_merchant", "merchant", "revision").annotate(
        tier=Subquery(tier),
        live_claim=FilteredRelation("claims", condition=Q(claims__ended_at=None)),
        holder_id=F("live_claim__reviewer_id"),
        holder_name=F("live_claim__reviewer__display_name"),
        holder_login=F("live_claim__reviewer__username"),
        holder_token=F("live_claim__token"),
        held_until=F("live_claim__lease_until"),
    )


def get_desk(case: Any, now: datetime) -> Desk:
    """Nine queries for ``case``, a row of ``desk_rows``."""
    revisions = {row.pk: row for row in Revision.objects.filter(case=case).select_related("policy").order_by("number")}
    revision = revisions.get(case.revision_id)
    earlier = [row for row in revisions.values() if revision is not None and row.number < revision.number]
    previous = earlier[-1] if earlier else None
    verdicts = list(ChecklistVerdict.objects.filter(case=case).select_related("capability", "judged_by").order_by("revision__number"))
    reasons = list(Reason.objects.filter(case=case).select_related("capability").order_by("revision__number", "pk"))
    asked = list(RequestedCapability.objects.filter(revision=revision).select_related("capability").order_by("pk")) if revision else []
    return Desk(
        case=case,
        now=now,
        numbers=get_numbers(),
        calendar=get_calendar(),
        revision=revision,
        previous=previous,
        verdicts={_key(row.item, row): row for row in verdicts if row.revision_id == case.revision_id},
        passed_before=_passed_before(verdicts, revisions, revision),
        reasons={_key(row.rule, row): row for row in reasons if row.revision_id == case.revision_id},
        old_reasons=[row for row in reasons if previous is not None and row.revision_id == previous.pk],
        asked=asked,
        gate_results=list(GateResult.objects.filter(run__revision=revision).order_by("run_id", "seq")) if revision else [],
        words=_words(case),
        decisions=_decisions(case),
    )


def _key(item: str, row: Any) -> Key:
    return item, row.capability.code if row.capability else ""


def _passed_before(verdicts: Sequence[ChecklistVerdict], revisions: Mapping[int, Revision], current: Revision | None) -> frozenset[Key]:
    """Items that the newest earlier revision in which they were judged passed, on content that is the same now."""
    if current is None:
        return frozenset()
    last: dict[Key, ChecklistVerdict] = {_key(row.item, row): row for row in verdicts if revisions[row.revision_id].number < current.number}
    new = content_of(current.content)
    return frozenset(
        key for key, row in last.items() if row.answer == Verdict.PASS and item_untouched(content_of(revisions[row.revision_id].content), new, *key)
    )


def _words(case: Application) -> list[Word]:
    """Notes and messages, the oldest first. One query over the two tables."""
    columns = ("side_of", "text", "written_by__display_name", "written_by__username", "written_at", "shown_at")
    nothing = Cast(Value(None), output_field=ApplicantMessage._meta.get_field("visible_at"))
    notes = InternalNote.objects.filter(case=case).annotate(side_of=Value("", output_field=CharField()), shown_at=nothing).values_list(*columns)
    messages = ApplicantMessage.objects.filter(case=case).annotate(side_of=F("side"), shown_at=F("visible_at")).values_list(*columns)
    return [Word(side, text, name or login or "", at, shown) for side, text, name, login, at, shown in notes.union(messages, all=True).order_by("written_at")]


def _decisions(case: Application) -> list[Any]:
    """Rulings on the case in whatever status, and what took effect on other cases of the developer; each with ``rulings``."""
    items = DecisionItem.objects.filter(decision=OuterRef("pk")).order_by("capability__code")
    names = JSONObject(code="capability__code", name="capability__name", name_en="capability__name_en", ruling="ruling")
    found = Decision.objects.filter(Q(case=case) | Q(case__developer=case.developer_id, status__in=IN_EFFECT))
    related = found.select_related("case__app", "proposed_by", "released_by").defer("case__draft")
    return list(related.annotate(rulings=ArraySubquery(items.values(json=names))).order_by("-pk")[:DECISIONS_READ])


def list_tasks(desk: Desk) -> list[Task]:
    """What the last request for changes asked for, each with what the developer changed in the fields that its item is judged by."""
    return [Task(reason, [change for change in desk.changes if _concerns(reason, change)]) for reason in desk.old_reasons]


def _concerns(reason: Reason, change: Change) -> bool:
    if reason.capability is not None:
        return change.field.startswith((f"capabilities.{reason.capability.code}", "demo_"))
    fields = ITEM_FIELDS.get(reason.rule, ("*",))
    return fields == ("*",) or change.field.split(".")[0] in fields
