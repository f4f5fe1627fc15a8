"""Payouts: money that goes back to payers, as a work queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import SearchShape
from backoffice.kernel.admin.display import EMPTY, count, moment, money, row_link, status_chip
from members.admin.credit import MemberColumns
from members.admin.search import MEMBER_HELP, shapes_by_member
from members.admin.tabs import Tab, TabbedList
from members.choices import PayoutStatus
from members.models import CreditPayout
from members.selectors.tones import PAYOUT_TONES


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
