"""Complaints about promises of the merchant's stores, and the merchant's reply."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

from backoffice.kernel.admin import person, tenant_action
from backoffice.kernel.admin.display import EMPTY, full_time, moment, row_link, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import merchant_site
from members.admin.credit_forms import FactsDialog
from members.admin.search import MEMBER_HELP, shapes_by_member
from members.admin.tabs import Tab
from members.paid.admin.merchant.base import PaidScreen, RowPage, Section
from members.paid.admin.merchant.issues import name_of
from members.paid.choices import ComplaintStatus
from members.paid.models import Complaint
from members.paid.selectors.tones import COMPLAINT_TONES
from members.paid.services.complaints import reply

REPLY = "paid.reply_complaint"
WAITING = f"status__exact={ComplaintStatus.ACCEPTED}"


class ReplyDialog(FactsDialog):
    """The merchant's side of it."""

    obj: Complaint
    text = forms.CharField(
        label=gettext_lazy("Your reply"),
        max_length=4000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}),
        help_text=gettext_lazy("What was promised, what was done and when, and what shows it. It can be sent once."),
    )

    def facts(self) -> list[tuple[Any, Any]]:
        row = self.obj
        facts = [(_("Member"), name_of(row.member)), (_("Plan"), row.program.name), (_("Complaint"), row.text)]
        return [*facts, (_("Reply until"), full_time(row.reply_by))] if row.reply_by else facts

    def sentence(self) -> Any:
        return _("Member operations decides on it. A false promise that is proven and not honoured ends paid membership for all your stores.")


def can_reply(row: Any) -> bool:
    return bool(row.status == ComplaintStatus.ACCEPTED and row.reply_by is not None and row.reply_by > database_now())


@admin.register(Complaint, site=merchant_site)
class ComplaintAdmin(PaidScreen):
    """Newest first; what waits for a reply has its own tab."""

    big_list = True
    fields = ("text",)
    list_display = ("number", "member_link", "store_name", "program_name", "benefit_title", "status_column", "filed", "reply_by_column")
    list_display_links = ("number",)
    list_filter = ("store", "status")
    search_shapes = shapes_by_member("member")
    search_help_text = MEMBER_HELP
    actions_detail = ("reply",)
    empty_text = gettext_lazy("Nobody has complained.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Complaint]:
        rows: models.QuerySet[Complaint] = super().get_queryset(request)
        return rows.select_related("store", "member", "program", "benefit", "issue")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return ((_("Waiting for your reply"), WAITING), (_("All"), ""))

    @admin.display(description=gettext_lazy("Complaint"))
    def number(self, row: Complaint) -> str:
        return f"#{row.pk}"

    @admin.display(description=gettext_lazy("Plan"))
    def program_name(self, row: Complaint) -> str:
        return row.program.name

    @admin.display(description=gettext_lazy("Benefit"))
    def benefit_title(self, row: Complaint) -> str:
        return row.benefit.title if row.benefit else EMPTY

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, row: Complaint) -> str:
        return status_chip(row, COMPLAINT_TONES)

    @admin.display(description=gettext_lazy("Filed"))
    def filed(self, row: Complaint) -> str:
        return moment(row.filed_at)

    @admin.display(description=gettext_lazy("Reply until"))
    def reply_by_column(self, row: Complaint) -> str:
        return moment(row.reply_by) if row.status == ComplaintStatus.ACCEPTED else EMPTY

    @tenant_action(permission=REPLY, title=gettext_lazy("Reply"), form=ReplyDialog, icon="reply", available=can_reply)
    def reply(self, request: HttpRequest, row: Complaint, form: Any) -> str:
        reply(complaint=row, text=form.cleaned_data["text"], by=person(request), now=database_now())
        return _("Your reply is with member operations.")

    def page(self, row: Complaint, request: HttpRequest) -> RowPage:
        console, now = self.admin_site.name, database_now()
        facts = [
            (_("Member"), row_link(console, row.member, name_of(row.member))),
            (_("Plan"), row_link(console, row.program)),
            (_("Benefit"), row.benefit.title if row.benefit else EMPTY),
            (_("Benefit issue"), row_link(console, row.issue, row.issue.due_on.isoformat()) if row.issue else EMPTY),
            (_("Filed"), moment(row.filed_at, now)),
            (_("Taken up"), moment(row.accepted_at, now)),
            (_("Evidence"), row.evidence or EMPTY),
        ]
        sections = [Section(_("What was promised and not kept"), text=row.text), Section(_("Complaint"), facts=facts)]
        if row.reply:
            sections.append(Section(_("Your reply"), facts=[(_("Replied"), moment(row.replied_at, now))], text=row.reply))
        if row.verdict:
            sections.append(Section(_("Verdict"), facts=[(_("Decided"), moment(row.decided_at, now))], text=row.verdict))
        waits = row.status == ComplaintStatus.ACCEPTED
        return RowPage(
            title=_("Complaint #%(n)d") % {"n": row.pk},
            chips=[status_chip(row, COMPLAINT_TONES)],
            alert=_reply_alert(row) if waits else "",
            under=f"{row.program.name} · {row.store.name}",
            sections=sections,
        )


def _reply_alert(row: Complaint) -> str:
    if can_reply(row):
        return _("Reply until %(time)s. Without a reply, member operations decides on what it has.") % {"time": full_time(row.reply_by)} if row.reply_by else ""
    return _("The time for a reply is over; member operations decides on what it has.")
