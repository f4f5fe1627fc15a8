"""Payouts: money that goes back to payers, as a work queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.kernel.admin import SearchShape, tenant_action, tenant_bulk_action
from backoffice.kernel.admin.display import EMPTY, count, moment, money, row_link, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.money import ZERO, format_yuan
from members.admin.acting import acting_user
from members.admin.credit import MemberColumns
from members.admin.credit_forms import FailedDialog, PaidDialog, PaidTogetherForm, PayoutDialog
from members.admin.search import MEMBER_HELP, shapes_by_member
from members.admin.tabs import Tab, TabbedList
from members.choices import PayoutStatus
from members.models import CreditPayout
from members.selectors.tones import PAYOUT_TONES
from members.services.credit.payouts import mark_failed, mark_paid, retry_payout

SETTLE = "members.settle_payout"
MOST_TOGETHER = 500


def _is_unpaid(payout: Any) -> bool:
    return bool(payout.status != PayoutStatus.PAID)


def _waits(payout: Any) -> bool:
    return bool(payout.status == PayoutStatus.WAITING)


def _failed(payout: Any) -> bool:
    return bool(payout.status == PayoutStatus.RETURN_FAILED)


class CreditPayoutScreen(MemberColumns, TabbedList):
    """Payouts, newest first. What waits is paid by whoever moves real money, and told here."""

    big_list = True
    list_display: tuple[str, ...] = (
        "created", "member_link", "store_name", "amount_column", "cause_column", "status_column", "attempts", "lot_column", "note",
    )  # fmt: skip
    list_display_links = ("created",)
    list_filter: tuple[Any, ...] = ("store", "status", "cause", "created_at")
    list_select_related = ("store", "account__member", "lot")
    allowed_lookups: Sequence[str] = ("account_id",)
    search_shapes: Sequence[SearchShape] = shapes_by_member("account__member")
    search_help_text = MEMBER_HELP
    fieldsets = (
        (None, {"fields": ("amount", "status_column", "cause", "member_link", "store_name", "account_column", "lot_column", "entry_column")}),
        (gettext_lazy("Payment"), {"fields": ("reference", "error", "attempts", "created", "settled")}),
    )
    readonly_fields = ("status_column", "member_link", "store_name", "account_column", "lot_column", "entry_column", "attempts", "created", "settled")
    empty_text = gettext_lazy("Nothing is to be paid back. A payout appears here when credit lapses with principal left, or a top-up is refunded.")

    actions: Any = ("mark_chosen_paid",)
    actions_detail = ("mark_paid", "mark_failed", "try_again")
    admin_site: Any
    opts: Any

    def member_of(self, row: CreditPayout) -> Any:
        return row.account.member

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (
            (_("All"), ""),
            (_("To pay"), f"status__exact={PayoutStatus.WAITING}"),
            (_("Failed"), f"status__exact={PayoutStatus.RETURN_FAILED}"),
            (_("Paid"), f"status__exact={PayoutStatus.PAID}"),
        )

    @admin.display(description=gettext_lazy("Queued"))
    def created(self, payout: CreditPayout) -> str:
        return moment(payout.created_at)

    @admin.display(description=gettext_lazy("Amount"))
    def amount_column(self, payout: CreditPayout) -> str:
        return money(payout.amount)

    @admin.display(description=gettext_lazy("Cause"))
    def cause_column(self, payout: CreditPayout) -> str:
        return str(payout.get_cause_display())

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, payout: CreditPayout) -> str:
        return status_chip(payout, PAYOUT_TONES)

    @admin.display(description=gettext_lazy("Payment attempts"))
    def attempts(self, payout: CreditPayout) -> str:
        return count(payout.attempt_count)

    @admin.display(description=gettext_lazy("Credit lot"))
    def lot_column(self, payout: CreditPayout) -> str:
        return row_link(self.admin_site.name, payout.lot)

    @admin.display(description=gettext_lazy("Reference or error"))
    def note(self, payout: CreditPayout) -> str:
        return (payout.error if payout.status == PayoutStatus.RETURN_FAILED else payout.reference) or EMPTY

    @admin.display(description=gettext_lazy("Credit account"))
    def account_column(self, payout: CreditPayout) -> str:
        return row_link(self.admin_site.name, payout.account)

    @admin.display(description=gettext_lazy("Credit entry"))
    def entry_column(self, payout: CreditPayout) -> str:
        return row_link(self.admin_site.name, payout.entry)

    @admin.display(description=gettext_lazy("Settled"))
    def settled(self, payout: CreditPayout) -> str:
        return moment(payout.settled_at)

    @tenant_action(permission=SETTLE, title=gettext_lazy("Mark as paid"), form=PaidDialog, icon="check", available=_is_unpaid)
    def mark_paid(self, request: HttpRequest, payout: CreditPayout, form: Any) -> str:
        mark_paid(payout=payout, reference=form.cleaned_data["reference"], by=acting_user(request), now=database_now())
        return _("%(amount)s yuan are marked as paid back.") % {"amount": format_yuan(payout.amount)}

    @tenant_action(permission=SETTLE, title=gettext_lazy("Mark as failed"), form=FailedDialog, icon="error", danger=True, available=_waits)
    def mark_failed(self, request: HttpRequest, payout: CreditPayout, form: Any) -> str:
        mark_failed(payout=payout, error=form.cleaned_data["error"], by=acting_user(request), now=database_now())
        return _("The payout stands under “Failed” now, and its top-up shows it.")

    @tenant_action(
        permission=SETTLE,
        title=gettext_lazy("Try again"),
        form=PayoutDialog,
        icon="replay",
        available=_failed,
        description=gettext_lazy("It goes back under “To pay”. Have the payer's account corrected first."),
    )
    def try_again(self, request: HttpRequest, payout: CreditPayout, form: Any) -> str:
        retry_payout(payout=payout, by=acting_user(request), now=database_now())
        return _("It waits to be paid again.")

    @tenant_bulk_action(permission=SETTLE, title=gettext_lazy("Mark the chosen payouts as paid"))
    def mark_chosen_paid(self, request: HttpRequest, payouts: models.QuerySet[CreditPayout]) -> HttpResponse | None:
        """First a page that lists what is chosen and asks for the reference; the second request names every row that was shown."""
        chosen = list(payouts.exclude(status=PayoutStatus.PAID).select_related("account__member", "store").order_by("pk")[: MOST_TOGETHER + 1])
        if not chosen or len(chosen) > MOST_TOGETHER:
            texts = {True: _("All of these are paid already."), False: _("Mark at most %(most)s at a time.") % {"most": MOST_TOGETHER}}
            messages.error(request, texts[not chosen])
            return None
        form = PaidTogetherForm(request.POST if "reference" in request.POST else None)
        if not form.is_valid():
            request.current_app = self.admin_site.name
            title = _("Mark the chosen payouts as paid")
            context = {
                "title": title,
                "opts": self.opts,
                "form": form,
                "payouts": [(payout, format_yuan(payout.amount)) for payout in chosen],
                "back_url": request.get_full_path(),
            }
            context["total"] = format_yuan(sum((payout.amount for payout in chosen), ZERO))
            return render(request, "members/pay_together.html", {**self.admin_site.each_context(request), **context})
        paid, refused = 0, ""
        for payout in chosen:
            try:
                mark_paid(payout=payout, reference=form.cleaned_data["reference"], by=acting_user(request), now=database_now())
            except BusinessError as error:
                refused = str(error)
            else:
                paid += 1
        if refused:
            messages.error(request, refused)
        messages.success(request, ngettext("%(n)d payout is marked as paid.", "%(n)d payouts are marked as paid.", paid) % {"n": paid})
        return None
