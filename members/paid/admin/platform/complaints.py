"""Complaints of all stores: taken up, answered, ruled on; and the sanction, with what it stops shown before anything is typed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Case, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from backoffice.kernel.admin import person, tenant_action
from backoffice.kernel.admin.display import BAD, EMPTY, WARN, chip, full_time, moment, row_link, row_url, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import platform_site
from members.admin.tabs import Tab
from members.paid.admin.merchant.base import RowPage, Section, Table
from members.paid.admin.platform.packs import custom_facts
from members.paid.admin.platform.parts import CONSOLE, PaidDialog, PaidPlatformScreen, QueueFilter, by_at, due_chip, link_if_allowed
from members.paid.benefits import describe
from members.paid.choices import OPEN_COMPLAINTS, BenefitKind, ComplaintStatus
from members.paid.models import BenefitIssue, Complaint
from members.paid.selectors.numbers import get_numbers
from members.paid.selectors.tones import COMPLAINT_TONES, FULFILMENT_TONES, ISSUE_TONES
from members.paid.services.complaints import accept_complaint, dismiss_complaint, rule
from members.paid.services.sanctions import foresee_sanction, impose_sanction

RULE, SANCTION = "paid.rule_complaint", "paid.impose_sanction"
NEW, TO_RULE, WAITING = "new", "to_rule", "waiting"
ISSUES_SHOWN = 12


def needs_ruling(now: Any) -> Any:
    """Answered, or past the time for an answer: member operations decides."""
    return Q(status=ComplaintStatus.REPLIED) | Q(status=ComplaintStatus.ACCEPTED, reply_by__lt=now)


def in_queue(rows: QuerySet[Complaint], queue: str | None, now: Any) -> QuerySet[Complaint]:
    if queue == NEW:
        return rows.filter(status=ComplaintStatus.FILED)
    if queue == TO_RULE:
        return rows.filter(needs_ruling(now))
    return rows.filter(status=ComplaintStatus.ACCEPTED, reply_by__gte=now) if queue == WAITING else rows


class ComplaintQueue(QueueFilter):
    queues = ((NEW, gettext_lazy("New")), (TO_RULE, gettext_lazy("To be ruled on")), (WAITING, gettext_lazy("Waiting for the merchant")))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return in_queue(queryset, self.value(), database_now())


class ComplaintFacts(PaidDialog):
    """Who complains about what."""

    def facts(self) -> list[tuple[Any, Any]]:
        row: Complaint = self.obj
        about = row.benefit.title if row.benefit else row.program.name
        return [(_("Store"), row.store.name), (_("Member"), row.member.member_no), (_("About"), about)]


class AcceptDialog(ComplaintFacts):
    def sentence(self) -> Any:
        return _("The merchant has %(days)d days to answer. It sees the text and the evidence.") % {"days": get_numbers().reply_days}


class VerdictDialog(ComplaintFacts):
    """With the words that both sides read."""

    verdict = forms.CharField(
        label=pgettext_lazy("complaint", "Verdict"),
        max_length=4000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=gettext_lazy("Both sides read it."),
    )


class SanctionDialog(VerdictDialog):
    """What stops and what goes on, in figures and by name; then the verdict, and the merchant's code typed as it is shown."""

    typed_merchant_code = forms.CharField(
        label=gettext_lazy("Merchant code, to confirm"), max_length=64, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
    )

    def render_before_template(self) -> str:
        if self.obj is None:
            return ""
        effects = foresee_sanction(complaint=self.obj, by=person(self.request), now=database_now())
        return render_to_string("paid/platform/effects.html", {"effects": effects, "complaint": self.obj, "appeal_days": get_numbers().appeal_days})


def _is_filed(row: Complaint) -> bool:
    return row.status == ComplaintStatus.FILED


def _can_be_ruled_on(row: Complaint) -> bool:
    late = row.status == ComplaintStatus.ACCEPTED and row.reply_by is not None and row.reply_by < timezone.now()
    return row.status == ComplaintStatus.REPLIED or late


@admin.register(Complaint, site=platform_site)
class ComplaintAdmin(PaidPlatformScreen):
    """Open ones first, the oldest on top."""

    list_display = ("text_column", "store_column", "member_column", "about_column", "status_column", "due_column", "filed_column")
    list_display_links = ("text_column",)
    list_filter = (ComplaintQueue, "status", "store")
    list_select_related = ("store__merchant", "member", "program", "benefit")
    actions_detail = ("accept", "dismiss", "honoured", "not_proven", "sanction")
    empty_text = gettext_lazy("No member has complained. Complaints come from the shops' systems, or are written down on a member's purchase.")
    keys = (
        ("t", "accept", gettext_lazy("take up")),
        ("x", "dismiss", gettext_lazy("do not take up")),
        ("h", "honoured", gettext_lazy("honoured by the merchant")),
        ("n", "not-proven", gettext_lazy("not proven")),
        ("p", "sanction", gettext_lazy("proven: see what the sanction stops")),
    )

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        queues = tuple((label, f"queue={queue}") for queue, label in ComplaintQueue.queues)
        closed = (ComplaintStatus.PROVEN, ComplaintStatus.HONOURED, ComplaintStatus.NOT_PROVEN, ComplaintStatus.DISMISSED)
        return (*queues, *((status.label, f"status__exact={status}") for status in closed), (_("All"), ""))

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return (Case(When(status__in=OPEN_COMPLAINTS, then=Value(0)), default=Value(1)), "filed_at", "pk")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("store__merchant", "member", "program", "benefit", "issue", "replied_by", "decided_by", "filed_by")

    @admin.display(description=gettext_lazy("Complaint"))
    def text_column(self, row: Complaint) -> str:
        return row.text[:60]

    @admin.display(description=gettext_lazy("Member"))
    def member_column(self, row: Complaint) -> str:
        return row.member.member_no

    @admin.display(description=gettext_lazy("About"))
    def about_column(self, row: Complaint) -> str:
        return f"{row.program.name} · {row.benefit.title}" if row.benefit else row.program.name

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, row: Complaint) -> str:
        return status_chip(row, COMPLAINT_TONES)

    @admin.display(description=gettext_lazy("Reply until"))
    def due_column(self, row: Complaint) -> str:
        return due_chip(row.reply_by, timezone.now()) if row.status == ComplaintStatus.ACCEPTED else EMPTY

    @admin.display(description=gettext_lazy("Filed"))
    def filed_column(self, row: Complaint) -> str:
        return moment(row.filed_at)

    # --- the page

    def page(self, row: Any, request: HttpRequest) -> RowPage:
        case: Complaint = row
        sections = [
            Section(
                _("What the member says"),
                text=case.text,
                facts=[
                    (_("Store"), row_link(CONSOLE, case.store, f"{case.store.name} ({case.store.code})")),
                    (_("Merchant"), row_link(CONSOLE, case.store.merchant)),
                    (_("Member"), link_if_allowed(request, "members.view_member", case.member)),
                    (_("Program"), row_link(CONSOLE, case.program)),
                    (_("Filed"), by_at(case.filed_by, case.filed_at)),
                    (_("Evidence"), case.evidence or EMPTY),
                ],
            ),
            *self._promise(case),
            Section(_("What the member got of it"), table=_issues(case)),
            self._reply(case),
        ]
        if case.decided_at:
            sanction = getattr(case, "sanction", None)
            links = [(_("The sanction"), row_url(CONSOLE, sanction))] if sanction else []
            facts = [(_("Decided"), by_at(case.decided_by, case.decided_at))]
            sections.append(Section(pgettext("complaint", "Verdict"), text=case.verdict, facts=facts, links=links))
        due = due_chip(case.reply_by, database_now()) if case.status == ComplaintStatus.ACCEPTED else ""
        return RowPage(
            title=case.benefit.title if case.benefit else case.program.name,
            chips=(status_chip(case, COMPLAINT_TONES), due),
            sentence=_next_step(case),
            under=case.store.name,
            sections=sections,
        )

    def _promise(self, case: Complaint) -> list[Section]:
        if case.benefit is None:
            return []
        facts: list[tuple[Any, Any]] = [(_("Benefit"), case.benefit.title), (_("What and when"), describe(case.benefit))]
        if case.benefit.kind == BenefitKind.CUSTOM:
            facts += custom_facts(case.benefit)
        return [Section(_("What was promised"), facts=facts)]

    def _reply(self, case: Complaint) -> Section:
        if case.reply:
            return Section(_("What the merchant says"), text=case.reply, facts=[(_("Replied"), by_at(case.replied_by, case.replied_at))])
        return Section(_("What the merchant says"), text=_("Nothing yet."))

    # --- acts

    @tenant_action(permission=RULE, title=gettext_lazy("Take up"), form=AcceptDialog, icon="forward_to_inbox", available=_is_filed)
    def accept(self, request: HttpRequest, row: Complaint, form: Any) -> str:
        accept_complaint(complaint=row, by=person(request), now=database_now())
        return _("Taken up. The merchant answers until %(time)s.") % {"time": by_at(None, row.reply_by)}

    @tenant_action(permission=RULE, title=gettext_lazy("Do not take up"), form=VerdictDialog, icon="close", available=_is_filed)
    def dismiss(self, request: HttpRequest, row: Complaint, form: Any) -> str:
        dismiss_complaint(complaint=row, verdict=form.cleaned_data["verdict"], by=person(request), now=database_now())
        return _("Not taken up.")

    @tenant_action(permission=RULE, title=gettext_lazy("Honoured by the merchant"), form=VerdictDialog, icon="handshake", available=_can_be_ruled_on)
    def honoured(self, request: HttpRequest, row: Complaint, form: Any) -> str:
        rule(complaint=row, status=ComplaintStatus.HONOURED, verdict=form.cleaned_data["verdict"], by=person(request), now=database_now())
        return _("Closed: the merchant made it good.")

    @tenant_action(permission=RULE, title=gettext_lazy("Not proven"), form=VerdictDialog, icon="help_center", available=_can_be_ruled_on)
    def not_proven(self, request: HttpRequest, row: Complaint, form: Any) -> str:
        rule(complaint=row, status=ComplaintStatus.NOT_PROVEN, verdict=form.cleaned_data["verdict"], by=person(request), now=database_now())
        return _("Closed: not proven.")

    @tenant_action(
        permission=SANCTION,
        title=gettext_lazy("Proven, not honoured: sanction the merchant"),
        submit=gettext_lazy("Revoke and bar"),
        form=SanctionDialog,
        icon="gavel",
        danger=True,
        available=_can_be_ruled_on,
    )
    def sanction(self, request: HttpRequest, row: Complaint, form: Any) -> str:
        given = form.cleaned_data
        done = impose_sanction(
            complaint=row, verdict=given["verdict"], typed_merchant_code=given["typed_merchant_code"], by=person(request), now=database_now()
        )
        return _("%(merchant)s is sanctioned: %(programs)d programs are revoked, both entry points show none of them any more.") % {
            "merchant": done.merchant.name,
            "programs": done.effects.get("programs", 0),
        }

    sanction.dialog = None  # a page of its own: what it stops does not fit a dialog


def _next_step(case: Complaint) -> str:
    if case.status == ComplaintStatus.FILED:
        return _("Take it up to hear the merchant, or say why it is not taken up.")
    if case.status == ComplaintStatus.ACCEPTED and not _can_be_ruled_on(case):
        return _("The merchant answers next, until %(time)s.") % {"time": full_time(case.reply_by)} if case.reply_by else ""
    if case.status == ComplaintStatus.ACCEPTED:
        return _("The merchant did not answer in time. Rule on what there is.")
    return _("The merchant has answered. Rule on it.") if case.status == ComplaintStatus.REPLIED else ""


def _issues(case: Complaint) -> Table:
    """Issues of the benefit (of the program, without one) to the member, and whether their promise was kept."""
    issues = BenefitIssue.objects.filter(member=case.member_id, paid_membership__program=case.program_id).select_related("benefit", "fulfilment")
    if case.benefit is not None:
        issues = issues.filter(benefit__key=case.benefit.key)
    rows = []
    for issue in issues.order_by("-due_on", "-pk")[:ISSUES_SHOWN]:
        owed = getattr(issue, "fulfilment", None)
        mark = chip(_("Complained about"), BAD) if issue.pk == case.issue_id else ""
        promise = status_chip(owed, FULFILMENT_TONES) if owed else EMPTY
        late = chip(_("late"), WARN) if owed and owed.status == "DUE" and owed.deliver_by < timezone.localdate() else ""
        evidence = (row_link(CONSOLE, owed, owed.evidence) if owed.evidence else EMPTY) if owed else EMPTY
        rows.append([issue.benefit.title, issue.due_on, status_chip(issue, ISSUE_TONES), promise, late or mark or EMPTY, evidence])
    return Table([_("Benefit"), _("Issued on"), _("Status"), _("Promise"), _("Note"), _("Evidence")], rows, empty=_("Nothing was issued."))
