"""Holders: paid terms with their issues and refunds; selling, renewing and cancelling at the console."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from unfold.contrib.filters.admin import DropdownFilter

from backoffice.kernel.admin import SearchShape, person, tenant_action
from backoffice.kernel.admin.display import EMPTY, GOOD, PLAIN, WARN, chip, full_time, list_url, moment, money, row_link, row_url, status_chip
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.money import format_yuan
from backoffice.kernel.sites import merchant_site
from members.admin.member_page import Figure
from members.admin.search import NICKNAME_FROM, WHOLE_PHONE, shapes_by_member
from members.admin.tabs import Tab
from members.paid.admin.merchant.base import PaidScreen, RowPage, Section, Table, shown_day
from members.paid.admin.merchant.sale_forms import CancelDialog, ConfirmDialog, ConsentDialog, RenewDialog, SellDialog
from members.paid.choices import MembershipSource, MembershipStatus
from members.paid.models import BenefitIssue, PaidMembership, PaidRefund
from members.paid.selectors.figures import ending_soon, terms_of
from members.paid.selectors.numbers import get_numbers
from members.paid.selectors.tones import ISSUE_TONES, MEMBERSHIP_TONES, REFUND_TONES
from members.paid.selectors.validity import holding_on
from members.paid.services.auto_renew import set_consent
from members.paid.services.cancel import cancel
from members.paid.services.purchases import buy, confirm_payment, renew
from members.selectors.members import is_number_like, is_whole_phone

SELL, CANCEL = "paid.sell_membership", "paid.cancel_membership"
ISSUES_SHOWN = 60


def _by_number(rows: models.QuerySet[Any], term: str) -> models.QuerySet[Any]:
    return rows.filter(models.Q(order_no=term) | models.Q(member__member_no=term))


_PHONE, _NUMBER, _NICKNAME = shapes_by_member("member")
SHAPES: Sequence[SearchShape] = (
    SearchShape(WHOLE_PHONE, is_whole_phone, _PHONE.apply),
    SearchShape(gettext_lazy("the whole order or member number"), is_number_like, _by_number),
    SearchShape(NICKNAME_FROM, bool, _NICKNAME.apply),
)


class TermFilter(DropdownFilter):
    """Terms by how their dates stand today; a figure's link names a month, such as ``churned-2026-11``."""

    title = gettext_lazy("Term")
    parameter_name = "term"
    SPANS = (
        ("active", gettext_lazy("Hold today")),
        ("ending", gettext_lazy("End soon, nothing follows")),
        ("ended", gettext_lazy("Ended")),
        ("waiting", gettext_lazy("Waiting for payment")),
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return self.SPANS

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        code = self.value()
        if not code:
            return queryset
        today = local_day(database_now())
        if code == "active":
            return queryset.filter(holding_on(today))
        if code == "ending":
            return ending_soon(queryset, today, get_numbers().ending_soon_days)
        if code == "ended":
            return queryset.filter(ends_on__lte=today)
        if code == "waiting":
            return queryset.filter(status=MembershipStatus.PENDING)
        found = terms_of(queryset, code, today)
        return queryset.none() if found is None else found


def term_text(row: PaidMembership) -> str:
    """First and last day of a term; the last one included, as people say it."""
    if row.starts_on is None or row.ends_on is None:
        return EMPTY
    if row.ends_on <= row.starts_on:
        return _("%(day)s, called off") % {"day": row.starts_on.isoformat()}
    return _("%(first)s to %(last)s") % {"first": row.starts_on.isoformat(), "last": (row.ends_on - timedelta(days=1)).isoformat()}


def term_chip(row: PaidMembership) -> str:
    """How the dates stand today: what was bought is valid by date."""
    today = shown_day()
    if row.starts_on is None or row.ends_on is None:
        return status_chip(row, MEMBERSHIP_TONES)
    if row.starts_on <= today < row.ends_on:
        soon = row.ends_on - today <= timedelta(days=7)
        return chip(_("Ends soon") if soon else pgettext("paid term", "Holds"), WARN if soon else GOOD)
    return chip(_("Begins later"), PLAIN) if today < row.starts_on < row.ends_on else chip(_("Ended"), PLAIN)


def is_pending(row: Any) -> bool:
    return bool(row.status == MembershipStatus.PENDING)


def is_running(row: Any) -> bool:
    """Paid, and not over yet."""
    return bool(row.status == MembershipStatus.ACTIVE and row.ends_on is not None and row.ends_on > shown_day())


def is_paid(row: Any) -> bool:
    return bool(row.status == MembershipStatus.ACTIVE)


def has_consent(row: Any) -> bool:
    return is_running(row) and row.auto_renew_consent_at is not None


def has_no_consent(row: Any) -> bool:
    return is_running(row) and row.auto_renew_consent_at is None


@admin.register(PaidMembership, site=merchant_site)
class PaidMembershipAdmin(PaidScreen):
    """Purchases, newest first: one row is one paid term."""

    big_list = True
    fields = ("order_no",)
    list_display = ("order_no", "member_link", "store_name", "program_name", "term_column", "holds", "status_column", "price_column", "renews")
    list_display_links = ("order_no",)
    list_filter = ("store", "program", TermFilter, "status", "source")
    list_select_related = ("store", "member", "program")
    allowed_lookups = ("member_id",)
    search_shapes = SHAPES
    search_help_text = gettext_lazy("Order number, member number, whole phone or nickname")
    actions_list = ("sell",)
    actions_detail = ("confirm_payment", "renew", "consent_on", "consent_off", "cancel")
    stopped_by_bar = ("sell", "confirm_payment", "renew", "consent_on")
    empty_text = gettext_lazy("Nobody has bought yet. Sell here, through the API, or import terms that were sold elsewhere.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[PaidMembership]:
        rows: models.QuerySet[PaidMembership] = super().get_queryset(request)
        return rows.select_related("store", "member", "program", "pack")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return ((_("All"), ""), *((title, f"term={code}") for code, title in TermFilter.SPANS))

    @admin.display(description=gettext_lazy("Plan"))
    def program_name(self, row: PaidMembership) -> str:
        return row.program.name

    @admin.display(description=gettext_lazy("Term"))
    def term_column(self, row: PaidMembership) -> str:
        return term_text(row)

    @admin.display(description=gettext_lazy("Today"))
    def holds(self, row: PaidMembership) -> str:
        return term_chip(row)

    @admin.display(description=gettext_lazy("Purchase"))
    def status_column(self, row: PaidMembership) -> str:
        return status_chip(row, MEMBERSHIP_TONES)

    @admin.display(description=gettext_lazy("Price paid"))
    def price_column(self, row: PaidMembership) -> str:
        return money(row.price)

    @admin.display(description=gettext_lazy("Automatic renewal"))
    def renews(self, row: PaidMembership) -> str:
        return chip(_("Agreed"), GOOD) if has_consent(row) else EMPTY

    # --- acts

    @tenant_action(permission=SELL, title=gettext_lazy("Sell a card"), submit=gettext_lazy("Sell"), form=SellDialog, icon="add_card", on_list=True)
    def sell(self, request: HttpRequest, form: Any) -> HttpResponse:
        given, now = form.cleaned_data, database_now()
        row = buy(
            store=given["program"].store,
            member=given["member"],
            program=given["program"],
            order_no=given["order_no"],
            source=MembershipSource.CONSOLE,
            paid_at=now if given["paid"] else None,
            by=person(request),
            now=now,
        )
        return HttpResponseRedirect(row_url(self.admin_site.name, row))

    @tenant_action(permission=SELL, title=gettext_lazy("Payment received"), form=ConfirmDialog, icon="check", available=is_pending)
    def confirm_payment(self, request: HttpRequest, row: PaidMembership, form: Any) -> str:
        now = database_now()
        confirm_payment(membership=row, paid_at=now, by=person(request), now=now)
        return _("Paid. The card is open, and what it gives at once is there.")

    @tenant_action(permission=SELL, title=gettext_lazy("Renew"), form=RenewDialog, icon="autorenew", available=is_paid)
    def renew(self, request: HttpRequest, row: PaidMembership, form: Any) -> HttpResponse:
        given, now = form.cleaned_data, database_now()
        renewed = renew(
            store=row.store,
            member=row.member,
            program=row.program,
            order_no=given["order_no"],
            source=MembershipSource.CONSOLE,
            paid_at=now if given["paid"] else None,
            by=person(request),
            now=now,
        )
        return HttpResponseRedirect(row_url(self.admin_site.name, renewed))

    @tenant_action(permission=SELL, title=gettext_lazy("Agrees to automatic renewal"), form=ConsentDialog, icon="event_repeat", available=has_no_consent)
    def consent_on(self, request: HttpRequest, row: PaidMembership, form: Any) -> str:
        set_consent(membership=row, on=True, by=person(request), now=database_now())
        return _("Noted: the member agrees to automatic renewal.")

    @tenant_action(permission=SELL, title=gettext_lazy("Stop automatic renewal"), icon="event_busy", available=has_consent)
    def consent_off(self, request: HttpRequest, row: PaidMembership, form: Any) -> str:
        set_consent(membership=row, on=False, by=person(request), now=database_now())
        return _("Automatic renewal is off.")

    @tenant_action(permission=CANCEL, title=gettext_lazy("Cancel"), submit=gettext_lazy("Cancel the card"), form=CancelDialog, icon="cancel", danger=True,
                   available=is_running)  # fmt: skip
    def cancel(self, request: HttpRequest, row: PaidMembership, form: Any) -> str:
        refund = cancel(membership=row, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        if refund is None:
            return _("The card is cancelled. Nothing is to be paid back.")
        return _("The card is cancelled. %(amount)s yuan are to be paid back: see “Refunds”.") % {"amount": format_yuan(refund.amount)}

    # --- the page

    def page(self, row: PaidMembership, request: HttpRequest) -> RowPage:
        console, now = self.admin_site.name, database_now()
        issues = list(BenefitIssue.objects.filter(paid_membership=row).select_related("benefit").order_by("-due_on", "-pk")[: ISSUES_SHOWN + 1])
        refund = PaidRefund.objects.filter(paid_membership=row).first()
        others = list(PaidMembership.objects.filter(member=row.member_id).exclude(pk=row.pk).select_related("program").order_by("-pk")[:20])
        return RowPage(
            title=row.order_no,
            chips=[term_chip(row), status_chip(row, MEMBERSHIP_TONES)],
            sentence=_sentence(row),
            under=" · ".join(str(part) for part in (row.program.name, row.store.name, row.get_source_display())),
            figures=_figures(row),
            sections=[
                Section(_("Purchase"), facts=_facts(row, console)),
                *([Section(_("Refund"), facts=_refund_facts(refund, console))] if refund else []),
                Section(
                    _("Benefits issued"),
                    table=Table(
                        (_("Due"), _("Benefit"), _("Status"), _("Holds until (not including)"), _("Used with")),
                        [_issue_cells(issue, console) for issue in issues[:ISSUES_SHOWN]],
                        empty=_("Nothing was issued yet."),
                        more_url=list_url(console, BenefitIssue, f"paid_membership_id={row.pk}") if len(issues) > ISSUES_SHOWN else "",
                    ),
                ),
                Section(
                    _("Other purchases of this member"),
                    table=Table(
                        (_("Order number"), _("Plan"), _("Term"), _("Purchase")),
                        [[row_link(console, other), other.program.name, term_text(other), status_chip(other, MEMBERSHIP_TONES)] for other in others],
                        empty=_("This is the only one."),
                    ),
                ),
                *([Section(_("Why it ended"), facts=[(_("Time"), moment(row.ended_at, now))], text=row.end_reason)] if row.ended_at else []),
            ],
        )


def _sentence(row: PaidMembership) -> str:
    if is_pending(row):
        return _("The order waits for its payment and keeps its place in the stock until %(time)s.") % {"time": _clock(row.pay_until)}
    if is_running(row) and row.next_issue_on is not None:
        return _("The next benefit is issued on %(day)s.") % {"day": row.next_issue_on.isoformat()}
    return ""


def _clock(at: Any) -> str:
    return full_time(at) if at else EMPTY


def _figures(row: PaidMembership) -> list[Figure]:
    return [
        Figure(_("Price paid"), format_yuan(row.price), ""),
        Figure(_("Term"), term_text(row), _("Bought until %(day)s") % {"day": _last(row.bought_until)} if row.bought_until != row.ends_on else ""),
    ]


def _last(day: Any) -> str:
    return (day - timedelta(days=1)).isoformat() if day else EMPTY


def _facts(row: PaidMembership, console: str) -> list[tuple[Any, Any]]:
    member = row.member
    return [
        (_("Member"), row_link(console, member, f"{member.nickname} {member.member_no}".strip())),
        (_("Plan"), row_link(console, row.program)),
        (_("Benefit pack"), _("version %(n)d: what was bought stays what the member has") % {"n": row.pack.version}),
        (_("Ordered"), moment(row.created_at)),
        (_("Paid at"), moment(row.opened_at)),
        (_("Automatic renewal"), _("agreed %(time)s") % {"time": _clock(row.auto_renew_consent_at)} if row.auto_renew_consent_at else _("not agreed")),
    ]


def _refund_facts(refund: PaidRefund, console: str) -> list[tuple[Any, Any]]:
    return [
        (_("Amount"), row_link(console, refund, format_yuan(refund.amount))),
        (_("Cause"), refund.get_cause_display()),
        (_("Status"), status_chip(refund, REFUND_TONES)),
        (_("Unused whole months"), EMPTY if refund.unused_months is None else refund.unused_months),
        (_("Value of what was used"), format_yuan(refund.used_value)),
    ]


def _issue_cells(issue: BenefitIssue, console: str) -> list[Any]:
    name, note = row_link(console, issue, issue.due_on.isoformat()), issue.used_reference or issue.code or EMPTY
    return [name, issue.benefit.title, status_chip(issue, ISSUE_TONES), issue.expires_on.isoformat(), note]
