"""Benefits issued, the desk of promises to keep, and fees to pay back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from backoffice.kernel.admin import person, tenant_action
from backoffice.kernel.admin.display import BAD, EMPTY, chip, moment, money, row_link, status_chip
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.money import format_yuan
from backoffice.kernel.sites import merchant_site
from members.admin.credit_forms import FactsDialog
from members.admin.member_page import Figure
from members.admin.search import MEMBER_HELP, shapes_by_member
from members.admin.tabs import Tab
from members.paid.admin.merchant.base import PaidScreen, RowPage, Section, shown_day
from members.paid.benefits import describe
from members.paid.choices import BenefitKind, FulfilmentStatus, IssueStatus, RefundStatus
from members.paid.models import BenefitIssue, Fulfilment, PaidRefund
from members.paid.selectors.tones import FULFILMENT_TONES, ISSUE_TONES, REFUND_TONES
from members.paid.services.cancel import mark_refund_paid
from members.paid.services.fulfilment import mark_done
from members.paid.services.issue import use_issue

USE, KEEP, PAY = "paid.use_issue", "paid.keep_promise", "paid.pay_refund"


def name_of(member: Any) -> str:
    return f"{member.nickname} {member.member_no}".strip()


# --- issues


class UseDialog(FactsDialog):
    """With what the member used the benefit."""

    obj: BenefitIssue
    reference = forms.CharField(
        label=gettext_lazy("Used with"),
        max_length=64,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Number of the order or receipt."),
    )

    def facts(self) -> list[tuple[Any, Any]]:
        row = self.obj
        facts = [(_("Member"), name_of(row.member)), (_("Benefit"), row.benefit.title), (_("Holds until (not including)"), row.expires_on.isoformat())]
        return [*facts, (_("Coupon code"), row.code)] if row.code else facts


def can_be_used(row: Any) -> bool:
    return bool(row.status == IssueStatus.ISSUED and row.benefit.kind != BenefitKind.CUSTOM)


@admin.register(BenefitIssue, site=merchant_site)
class BenefitIssueAdmin(PaidScreen):
    """What was issued to whom, newest first."""

    big_list = True
    fields = ("code",)
    list_display = ("due", "member_link", "store_name", "benefit_title", "program_name", "status_column", "expires", "note")
    list_display_links = ("due",)
    list_filter = ("store", "status")
    list_select_related = ("store", "member", "benefit__pack__program")
    allowed_lookups = ("paid_membership_id", "benefit__key", "benefit__pack__program_id", "member_id")
    search_shapes = shapes_by_member("member")
    search_help_text = MEMBER_HELP
    actions_detail = ("use",)
    empty_text = gettext_lazy("Nothing was issued yet. Benefits are issued from the day on which somebody buys.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[BenefitIssue]:
        rows: models.QuerySet[BenefitIssue] = super().get_queryset(request)
        return rows.select_related("store", "member", "benefit__pack__program", "paid_membership")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        titles = {IssueStatus.ISSUED: _("To be used")}
        shown = (IssueStatus.ISSUED, IssueStatus.USED, IssueStatus.EXPIRED, IssueStatus.FAILED)
        return ((_("All"), ""), *((titles.get(code, code.label), f"status__exact={code}") for code in shown))

    @admin.display(description=gettext_lazy("Due"))
    def due(self, row: BenefitIssue) -> str:
        return row.due_on.isoformat()

    @admin.display(description=gettext_lazy("Benefit"))
    def benefit_title(self, row: BenefitIssue) -> str:
        return row.benefit.title

    @admin.display(description=gettext_lazy("Plan"))
    def program_name(self, row: BenefitIssue) -> str:
        return row.benefit.pack.program.name

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, row: BenefitIssue) -> str:
        return status_chip(row, ISSUE_TONES)

    @admin.display(description=gettext_lazy("Holds until (not including)"))
    def expires(self, row: BenefitIssue) -> str:
        return row.expires_on.isoformat()

    @admin.display(description=gettext_lazy("Code, use or failure"))
    def note(self, row: BenefitIssue) -> str:
        return row.used_reference or failure_text(row) or row.code or EMPTY

    @tenant_action(permission=USE, title=gettext_lazy("Mark as used"), form=UseDialog, icon="check", available=can_be_used)
    def use(self, request: HttpRequest, row: BenefitIssue, form: Any) -> str:
        use_issue(issue=row, reference=form.cleaned_data["reference"], by=person(request), now=database_now())
        return _("“%(title)s” is marked as used.") % {"title": row.benefit.title}

    def page(self, row: BenefitIssue, request: HttpRequest) -> RowPage:
        console, now = self.admin_site.name, database_now()
        facts = [
            (_("Member"), row_link(console, row.member, name_of(row.member))),
            (_("Order number"), row_link(console, row.paid_membership)),
            (_("What members read"), describe(row.benefit)),
            (_("Due"), row.due_on.isoformat()),
            (_("Issued"), moment(row.issued_at, now)),
            (_("Holds until (not including)"), row.expires_on.isoformat()),
            (_("Coupon code"), row.code or EMPTY),
            (_("Used, expired or revoked"), moment(row.ended_at, now)),
            (_("Used with"), row.used_reference or EMPTY),
        ]
        if row.status == IssueStatus.FAILED:
            facts += [(_("Why it failed"), failure_text(row)), (_("Tried again"), moment(row.retry_at, now))]
        promise = Fulfilment.objects.filter(issue=row).first()
        sections = [Section(_("Issue"), facts=facts)]
        if promise is not None:
            sections.append(Section(_("The promise"), facts=_promise_facts(promise, console)))
        under = f"{row.benefit.pack.program.name} · {row.store.name}"
        return RowPage(title=row.benefit.title, chips=[status_chip(row, ISSUE_TONES)], sentence=name_of(row.member), under=under, sections=sections)


def failure_text(row: BenefitIssue) -> str:
    if row.status != IssueStatus.FAILED:
        return ""
    return _("No coupon code is left: import more, and it is issued by itself.") if row.failure == "no_code_left" else row.failure


# --- the desk of promises


def is_late(row: Fulfilment) -> bool:
    return row.status == FulfilmentStatus.DUE and row.deliver_by < shown_day()


def deadline_chip(row: Fulfilment) -> str:
    return chip(_("Late"), BAD) if is_late(row) else status_chip(row, FULFILMENT_TONES)


def is_due(row: Any) -> bool:
    return bool(row.status == FulfilmentStatus.DUE)


class LateFilter(DropdownFilter):
    """Promises of which the last day has passed."""

    title = gettext_lazy("Late")
    parameter_name = "late"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return (("1", gettext_lazy("Late")),)

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        if self.value() != "1":
            return queryset
        return queryset.filter(status=FulfilmentStatus.DUE, deliver_by__lt=local_day(database_now()))


class DoneDialog(FactsDialog):
    """What shows that the promise was kept."""

    obj: Fulfilment
    evidence = forms.CharField(
        label=gettext_lazy("Evidence"),
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy("A parcel number, the address of a photo, what was handed over and to whom."),
    )

    def facts(self) -> list[tuple[Any, Any]]:
        row = self.obj
        wanted = row.issue.benefit.settings.get("evidence", "")
        facts = [(_("Member"), name_of(row.issue.member)), (_("Promise"), row.issue.benefit.settings.get("promise") or row.issue.benefit.title)]
        return [*facts, (_("What shows that it was kept"), wanted)] if wanted else facts


@admin.register(Fulfilment, site=merchant_site)
class FulfilmentAdmin(PaidScreen):
    """Promises of custom benefits, the most pressing first."""

    fields = ("evidence",)
    list_display = ("promise", "member_link", "store_name", "deliver_by_column", "state", "owner", "evidence_column")
    list_display_links = ("promise",)
    list_filter = ("store", "status", LateFilter)
    ordering = ("-status", "deliver_by", "pk")
    search_shapes = shapes_by_member("issue__member")
    search_help_text = MEMBER_HELP
    actions_detail = ("keep_promise",)
    empty_text = gettext_lazy("No promise is owed. Each issue of a custom benefit appears here with its last day.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Fulfilment]:
        rows: models.QuerySet[Fulfilment] = super().get_queryset(request)
        return rows.select_related("store", "issue__member", "issue__benefit__pack__program", "issue__paid_membership", "done_by")

    def member_of(self, row: Fulfilment) -> Any:
        return row.issue.member

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        tabs = ((FulfilmentStatus.DUE.label, f"status__exact={FulfilmentStatus.DUE}"), (_("Late"), "late=1"))
        return (*tabs, (FulfilmentStatus.DONE.label, f"status__exact={FulfilmentStatus.DONE}"), (_("All"), ""))

    @admin.display(description=gettext_lazy("Promise"))
    def promise(self, row: Fulfilment) -> str:
        return row.issue.benefit.title

    @admin.display(description=gettext_lazy("Deliver by"))
    def deliver_by_column(self, row: Fulfilment) -> str:
        return row.deliver_by.isoformat()

    @admin.display(description=gettext_lazy("Status"))
    def state(self, row: Fulfilment) -> str:
        return deadline_chip(row)

    @admin.display(description=gettext_lazy("Who sees to it"))
    def owner(self, row: Fulfilment) -> str:
        return row.issue.benefit.settings.get("owner") or EMPTY

    @admin.display(description=gettext_lazy("Evidence"))
    def evidence_column(self, row: Fulfilment) -> str:
        return row.evidence or EMPTY

    @tenant_action(permission=KEEP, title=gettext_lazy("Promise kept"), form=DoneDialog, icon="task_alt", available=is_due)
    def keep_promise(self, request: HttpRequest, row: Fulfilment, form: Any) -> str:
        mark_done(fulfilment=row, evidence=form.cleaned_data["evidence"], by=person(request), now=database_now())
        return _("Noted: the promise is kept.")

    def page(self, row: Fulfilment, request: HttpRequest) -> RowPage:
        benefit = row.issue.benefit
        own = benefit.settings
        labels = (("promise", _("Promise")), ("delivery", _("Delivery way")), ("owner", _("Who sees to it")), ("evidence", _("What shows that it was kept")))
        return RowPage(
            title=benefit.title,
            chips=[deadline_chip(row)],
            sentence=_("To be kept by %(day)s.") % {"day": row.deliver_by.isoformat()} if is_due(row) else "",
            under=f"{benefit.pack.program.name} · {row.store.name}",
            sections=[
                Section(_("What was promised"), facts=[(label, own.get(name) or EMPTY) for name, label in labels]),
                Section(_("To whom"), facts=_promise_facts(row, self.admin_site.name)),
            ],
        )


def _promise_facts(row: Fulfilment, console: str) -> list[tuple[Any, Any]]:
    facts = [
        (_("Member"), row_link(console, row.issue.member, name_of(row.issue.member))),
        (_("Benefit issue"), row_link(console, row.issue, row.issue.due_on.isoformat())),
        (_("Deliver by"), row.deliver_by.isoformat()),
        (_("Status"), deadline_chip(row)),
    ]
    return [*facts, (_("Done"), moment(row.done_at)), (_("Done by"), row.done_by or EMPTY), (_("Evidence"), row.evidence)] if row.done_at else facts


# --- fees to pay back


class RefundDialog(FactsDialog):
    """Under which reference the fee was paid back."""

    obj: PaidRefund
    reference = forms.CharField(
        label=gettext_lazy("Payment reference"),
        max_length=64,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("The number of the transfer at the bank or the payment service."),
    )

    def facts(self) -> list[tuple[Any, Any]]:
        row = self.obj
        return [
            (_("Member"), name_of(row.paid_membership.member)),
            (_("Order number"), row.paid_membership.order_no),
            (_("To be paid back (yuan)"), format_yuan(row.amount)),
            (_("Cause"), row.get_cause_display()),
        ]


def is_owed(row: Any) -> bool:
    return bool(row.status == RefundStatus.DUE)


@admin.register(PaidRefund, site=merchant_site)
class PaidRefundAdmin(PaidScreen):
    """Card fees to be paid back, newest first."""

    big_list = True
    fields = ("reference",)
    list_display = ("order_no", "member_link", "store_name", "amount_column", "cause", "status_column", "decided", "reference_column")
    list_display_links = ("order_no",)
    list_filter = ("store", "status", "cause", "decided_at")
    search_shapes = shapes_by_member("paid_membership__member")
    search_help_text = MEMBER_HELP
    actions_detail = ("mark_paid",)
    empty_text = gettext_lazy("Nothing is to be paid back. A refund appears here when a card is cancelled or replaced.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[PaidRefund]:
        rows: models.QuerySet[PaidRefund] = super().get_queryset(request)
        return rows.select_related("store", "paid_membership__member", "paid_membership__program", "decided_by", "paid_by")

    def member_of(self, row: PaidRefund) -> Any:
        return row.paid_membership.member

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return ((RefundStatus.DUE.label, f"status__exact={RefundStatus.DUE}"), (RefundStatus.PAID.label, f"status__exact={RefundStatus.PAID}"), (_("All"), ""))

    @admin.display(description=gettext_lazy("Order number"))
    def order_no(self, row: PaidRefund) -> str:
        return row.paid_membership.order_no

    @admin.display(description=gettext_lazy("Amount"))
    def amount_column(self, row: PaidRefund) -> str:
        return money(row.amount)

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, row: PaidRefund) -> str:
        return status_chip(row, REFUND_TONES)

    @admin.display(description=gettext_lazy("Decided"))
    def decided(self, row: PaidRefund) -> str:
        return moment(row.decided_at)

    @admin.display(description=gettext_lazy("Payment reference"))
    def reference_column(self, row: PaidRefund) -> str:
        return row.reference or EMPTY

    @tenant_action(permission=PAY, title=gettext_lazy("Mark as paid back"), form=RefundDialog, icon="check", available=is_owed)
    def mark_paid(self, request: HttpRequest, row: PaidRefund, form: Any) -> str:
        mark_refund_paid(refund=row, reference=form.cleaned_data["reference"], by=person(request), now=database_now())
        return _("%(amount)s yuan are marked as paid back.") % {"amount": format_yuan(row.amount)}

    def page(self, row: PaidRefund, request: HttpRequest) -> RowPage:
        console, bought = self.admin_site.name, row.paid_membership
        facts = [
            (_("Member"), row_link(console, bought.member, name_of(bought.member))),
            (_("Order number"), row_link(console, bought)),
            (_("Plan"), row_link(console, bought.program)),
            (_("Price paid"), format_yuan(bought.price)),
            (_("Cause"), row.get_cause_display()),
            (_("Unused whole months"), EMPTY if row.unused_months is None else row.unused_months),
            (_("Value of what was used"), format_yuan(row.used_value)),
            (_("Decided"), moment(row.decided_at)),
            (_("Paid back"), moment(row.paid_at)),
            (_("Payment reference"), row.reference or EMPTY),
        ]
        return RowPage(
            title=_("Refund of %(order)s") % {"order": bought.order_no},
            chips=[status_chip(row, REFUND_TONES)],
            sentence=_("Pay it back, then enter the reference here.") if is_owed(row) else "",
            under=row.store.name,
            figures=[Figure(_("Amount (yuan)"), format_yuan(row.amount), row.get_cause_display())],
            sections=[Section(_("Refund"), facts=facts)],
        )
