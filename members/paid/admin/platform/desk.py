"""The desk of promises: what custom benefits owe in all stores, due, late, done, complained about. Staff watch; merchants keep."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.kernel.admin.display import BAD, EMPTY, chip, full_time, row_link, status_chip
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.sites import platform_site
from members.admin.tabs import Tab
from members.paid.admin.merchant.base import RowPage, Section, Table
from members.paid.admin.platform.packs import custom_facts
from members.paid.admin.platform.parts import CONSOLE, PaidPlatformScreen, QueueFilter, due_chip, link_if_allowed
from members.paid.choices import OPEN_COMPLAINTS, FulfilmentStatus
from members.paid.models import Complaint, Fulfilment
from members.paid.selectors.tones import COMPLAINT_TONES, FULFILMENT_TONES

DUE, LATE, DONE, COMPLAINED = "due", "late", "done", "complained"


def complaints_about(open_only: bool = True) -> Exists:
    """Whether a fulfilment's member complains about its issue, or about its benefit without naming an issue."""
    about = Q(issue=OuterRef("pk")) | Q(issue=None, member=OuterRef("issue__member"), benefit=OuterRef("issue__benefit"))
    return Exists(Complaint.objects.filter(about, **({"status__in": OPEN_COMPLAINTS} if open_only else {})))


def in_queue(rows: QuerySet[Fulfilment], queue: str | None, today: date) -> QuerySet[Fulfilment]:
    """``late``: the last day has passed; ``due``: it has not. ``complained``: an open complaint is about it."""
    if queue == DUE:
        return rows.filter(status=FulfilmentStatus.DUE, deliver_by__gte=today)
    if queue == LATE:
        return rows.filter(status=FulfilmentStatus.DUE, deliver_by__lt=today)
    if queue == DONE:
        return rows.filter(status=FulfilmentStatus.DONE)
    return rows.filter(complaints_about()) if queue == COMPLAINED else rows


class DeskFilter(QueueFilter):
    queues = (
        (DUE, pgettext_lazy("promise", "Due")),
        (LATE, gettext_lazy("Late")),
        (DONE, gettext_lazy("Done")),
        (COMPLAINED, gettext_lazy("Complained about")),
    )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return in_queue(queryset, self.value(), local_day(database_now()))


@admin.register(Fulfilment, site=platform_site)
class FulfilmentAdmin(PaidPlatformScreen):
    """What is due first on top."""

    list_display = ("benefit_column", "store_column", "member_column", "owner_column", "due_column", "status_column", "complaint_column")
    list_display_links = ("benefit_column",)
    list_filter = (DeskFilter, "store", "status")
    list_select_related = ("store", "issue__benefit__pack__program", "issue__member")
    empty_text = gettext_lazy("No promise of a custom benefit is owed yet. They appear here with the first issue of one.")

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return (Case(When(status=FulfilmentStatus.DUE, then=Value(0)), default=Value(1)), "deliver_by", "pk")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (*((label, f"queue={queue}") for queue, label in DeskFilter.queues), (_("All"), ""))

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("store__merchant", "issue__benefit__pack__program", "issue__member", "done_by")
        return rows.annotate(is_complained=complaints_about())

    @admin.display(description=gettext_lazy("Promise"))
    def benefit_column(self, row: Fulfilment) -> str:
        return row.issue.benefit.title

    @admin.display(description=gettext_lazy("Member"))
    def member_column(self, row: Fulfilment) -> str:
        return row.issue.member.member_no

    @admin.display(description=gettext_lazy("Who sees to it"))
    def owner_column(self, row: Fulfilment) -> str:
        return str(row.issue.benefit.settings.get("owner") or EMPTY)

    @admin.display(description=gettext_lazy("Deliver by"))
    def due_column(self, row: Fulfilment) -> str:
        return due_chip(row.deliver_by, local_day(timezone.now())) if row.status == FulfilmentStatus.DUE else row.deliver_by.isoformat()

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, row: Fulfilment) -> str:
        return status_chip(row, FULFILMENT_TONES)

    @admin.display(description=gettext_lazy("Complaint"))
    def complaint_column(self, row: Any) -> str:
        return chip(_("Complained about"), BAD) if row.is_complained else EMPTY

    def page(self, row: Any, request: HttpRequest) -> RowPage:
        owed: Fulfilment = row
        issue, benefit = owed.issue, owed.issue.benefit
        about = Complaint.objects.filter(Q(issue=issue) | Q(issue=None, member=issue.member_id, benefit=benefit)).order_by("-pk")
        evidence = [(_("Done"), full_time(owed.done_at)), (_("By"), owed.done_by or EMPTY), (_("Evidence"), owed.evidence)] if owed.done_at else []
        return RowPage(
            title=benefit.title,
            chips=(status_chip(owed, FULFILMENT_TONES), due_chip(owed.deliver_by, local_day(database_now())) if owed.status == FulfilmentStatus.DUE else ""),
            under=owed.store.name,
            sections=[
                Section(
                    _("What is owed"),
                    facts=[
                        (_("Member"), link_if_allowed(request, "members.view_member", issue.member)),
                        (_("Store"), row_link(CONSOLE, owed.store)),
                        (_("Program"), row_link(CONSOLE, benefit.pack.program)),
                        *custom_facts(benefit),
                        (_("Issued"), issue.due_on),
                        (_("Deliver by"), owed.deliver_by),
                        *evidence,
                    ],
                ),
                Section(
                    _("Complaints"),
                    table=Table(
                        [_("Complaint"), _("Status")],
                        [[row_link(CONSOLE, complaint, complaint.text[:60]), status_chip(complaint, COMPLAINT_TONES)] for complaint in about],
                        empty=_("None."),
                    ),
                ),
            ],
        )
