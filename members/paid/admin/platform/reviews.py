"""What the reviews of packs and decorations share: the queue, three rulings, and on to the next one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Case, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import person
from backoffice.kernel.admin.display import full_time, moment, row_url, status_chip
from backoffice.kernel.clock import database_now
from members.admin.tabs import Tab
from members.paid.admin.platform.parts import CONSOLE, PaidPlatformScreen
from members.paid.choices import ReviewStatus
from members.paid.selectors.tones import REVIEW_TONES

RULING_KEYS = (
    ("a", "approve", gettext_lazy("approve")),
    ("c", "ask-for-changes", gettext_lazy("ask for changes")),
    ("r", "reject", gettext_lazy("reject")),
)
DONE = {
    ReviewStatus.APPROVED: gettext_lazy("Approved: %(name)s, version %(version)d."),
    ReviewStatus.REJECTED: gettext_lazy("Rejected: %(name)s, version %(version)d. The merchant reads the reason."),
    ReviewStatus.CHANGES_REQUESTED: gettext_lazy("Changes requested: %(name)s, version %(version)d. The merchant reads what to change."),
}


def is_in_review(row: Any) -> bool:
    return bool(row.status == ReviewStatus.IN_REVIEW)


class ReviewScreen(PaidPlatformScreen):
    """Versions that wait for a ruling, the oldest first; then what was ruled on."""

    list_display: tuple[str, ...] = ("program_column", "store_column", "version", "status_column", "submitted", "decided")
    list_display_links = ("program_column",)
    list_filter = ("status", "program__store")
    list_select_related = ("program__store__merchant", "submitted_by", "decided_by")
    search_fields = ("program__name", "program__store__code", "program__store__name")
    actions_detail = ("approve", "ask_for_changes", "reject")

    def store_of(self, row: Any) -> Any:
        return row.program.store

    def get_queryset(self, request: HttpRequest) -> Any:
        """Drafts are the merchant's own until they are handed in."""
        rows = super().get_queryset(request).select_related("program__store__merchant", "program__decoration", "program__pack", "submitted_by", "decided_by")
        return rows.filter(submitted_at__isnull=False)

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return (Case(When(status=ReviewStatus.IN_REVIEW, then=Value(0)), default=Value(1)), "submitted_at", "pk")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        tabs = (ReviewStatus.IN_REVIEW, ReviewStatus.CHANGES_REQUESTED, ReviewStatus.APPROVED, ReviewStatus.REJECTED)
        return (*((status.label, f"status__exact={status}") for status in tabs), (_("All"), ""))

    @admin.display(description=gettext_lazy("Program"))
    def program_column(self, row: Any) -> str:
        return row.program.name  # type: ignore[no-any-return]

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, row: Any) -> str:
        return status_chip(row, REVIEW_TONES)

    @admin.display(description=gettext_lazy("Submitted"))
    def submitted(self, row: Any) -> str:
        return moment(row.submitted_at)

    @admin.display(description=gettext_lazy("Ruled on"))
    def decided(self, row: Any) -> str:
        return moment(row.decided_at)

    def history_facts(self, row: Any) -> list[tuple[Any, Any]]:
        """Who handed it in, who ruled, why."""
        facts: list[tuple[Any, Any]] = [(_("Submitted"), f"{row.submitted_by or '—'} · {full_time(row.submitted_at)}")] if row.submitted_at else []
        if row.decided_at and not is_in_review(row):
            facts.append((_("Ruled on"), f"{row.decided_by} · {full_time(row.decided_at)}"))
        if row.reason:
            facts.append((_("Reason"), row.reason))
        return facts

    def ruled(self, request: HttpRequest, row: Any, service: Any, ruling: ReviewStatus, reason: str = "") -> HttpResponse | str:
        """Rule, then open what waits next; back to the row when nothing does."""
        service(ruling=ruling, reason=reason, by=person(request), now=database_now(), **{self.opts.model_name.removeprefix("benefit"): row})
        sentence = str(DONE[ruling]) % {"name": row.program.name, "version": row.version}
        following = self.get_queryset(request).filter(status=ReviewStatus.IN_REVIEW).exclude(pk=row.pk).order_by("submitted_at", "pk").first()
        if following is None:
            return sentence
        messages.success(request, sentence)
        return HttpResponseRedirect(row_url(CONSOLE, following))
