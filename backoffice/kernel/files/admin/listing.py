"""The history of imports: who handed in what, what became of its rows, what waits for whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db import models
from django.db.models import Count, Q
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.files.admin.reach import jobs_in_reach
from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.kinds import import_kinds
from backoffice.kernel.files.models import ImportJob

QUEUE_VAR = "queue"


def queue_conditions(user: Any) -> dict[str, tuple[Any, Q]]:
    """Queues in the order of the tabs: name and condition. An import whose bad rows were sent again is not waiting for that any more."""
    incomplete = Q(status=JobStatus.UPLOADED, reading__missing__0__isnull=False) | Q(status=JobStatus.REFUSED, error_code="missing_columns")
    bad = (Q(bad_count__gt=0) | Q(conflict_count__gt=0)) & Q(resends__isnull=True)
    return {
        "mine": (
            _("Waiting for me"),
            Q(uploaded_by=user) & (Q(status=JobStatus.CHECKED) | incomplete),
        ),
        "running": (_("Running"), Q(status__in=[JobStatus.UPLOADED, JobStatus.CHECKING, JobStatus.APPLYING])),
        "bad": (_("With bad rows"), bad & Q(status__in=[JobStatus.CHECKED, JobStatus.APPLIED, JobStatus.REFUSED])),
        "failed": (_("Refused or failed"), Q(status__in=[JobStatus.REFUSED, JobStatus.FAILED])),
    }


class QueueFilter(SimpleListFilter):
    """The tabs above the list. Among the other filters it is only a hidden field, so that they keep the tab."""

    template = "files/queue_filter.html"
    title = _("queue")
    parameter_name = QUEUE_VAR

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(code, title) for code, (title, _condition) in queue_conditions(request.user).items()]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        chosen = queue_conditions(request.user).get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


class KindFilter(SimpleListFilter):
    """What the file held."""

    title = _("what")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(kind.code, kind.name) for kind in sorted(import_kinds, key=lambda kind: (kind.order, kind.code))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@dataclass(frozen=True)
class Tab:
    """A saved filter with the number of rows behind it; ``code`` is empty for all rows."""

    code: str
    title: Any
    number: int
    is_here: bool


def queue_tabs(user: Any, console: str, here: str) -> list[Tab]:
    """All tabs with their counts, in one query."""
    conditions = queue_conditions(user)
    counts = jobs_in_reach(user, console).aggregate(
        all=Count("pk", distinct=True), **{code: Count("pk", filter=condition, distinct=True) for code, (_title, condition) in conditions.items()}
    )
    tabs = [Tab("", _("All"), counts["all"], here not in conditions)]
    return [*tabs, *(Tab(code, title, counts[code], code == here) for code, (title, _condition) in conditions.items())]


def render_bar(job: ImportJob, *, with_words: bool = True) -> str:
    """The stacked bar of what became of the rows, with the figures in words beside it."""
    from backoffice.kernel.files.words import shares

    return render_to_string("files/bar.html", {"shares": shares(job), "with_words": with_words, "rows": job.rows_total})
