"""Credit accounts with their page, lots, and the entries of the ledger. All read only: money moves through services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from backoffice.kernel.admin import SearchShape, tenant_action
from backoffice.kernel.admin.display import EMPTY, moment, money, row_link, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.files.buttons import BulkButtons
from backoffice.kernel.money import ZERO, format_yuan
from members.admin.account_page import account_page
from members.admin.acting import acting_user
from members.admin.bulk import CreditResource
from members.admin.credit_forms import AdjustDialog, RefundTopUpDialog
from members.admin.liability import liability_urls, lots_of_month
from members.admin.lot_page import lot_page
from members.admin.rows import actor_name, belongs_to, lapse_chip, order_text, return_failed_chip, signed, sums_given_back, told
from members.admin.search import LOT_SHAPES, MEMBER_HELP, shapes_by_member
from members.admin.tabs import Tab, TabbedList
from members.admin.words import unbroken
from members.choices import AdjustmentStatus, EntryKind
from members.models import CreditAccount, CreditAdjustment, CreditEntry, CreditLot
from members.selectors.beside import with_return_failed
from members.selectors.credit import lapsing
from members.selectors.tones import ENTRY_TONES, MEMBER_TONES
from members.services.credit.adjustments import request_adjustment
from members.services.credit.top_up_refund import refund_top_up

NO_CREDIT = gettext_lazy("No credit yet. Import the credit file first: “Imports”, then “New import”.")


ADJUST = "members.adjust_credit"


def _has_something_left(lot: Any) -> bool:
    return bool(lot.principal_left + lot.bonus_left)


def adjust_sentence(adjustment: CreditAdjustment) -> str:
    """What became of a request to adjust."""
    amount = told(adjustment.principal_amount + adjustment.bonus_amount)
    if adjustment.status == AdjustmentStatus.REQUESTED:
        return _("Adjustment of %(amount)s yuan: it waits for a second person, and nothing has moved yet.") % {"amount": amount}
    return _("Adjusted by %(amount)s yuan.") % {"amount": amount}


class MemberColumns:
    """The member of a row that leads to one through ``member_of``."""

    admin_site: Any

    def member_of(self, row: Any) -> Any:
        return row.member

    @admin.display(description=gettext_lazy("Member"))
    def member_link(self, row: Any) -> str:
        member = self.member_of(row)
        return row_link(self.admin_site.name, member, unbroken(f"{member.nickname} {member.member_no}".strip()))

    @admin.display(description=gettext_lazy("Store"))
    def store_name(self, row: Any) -> str:
        return unbroken(row.store.name)


class CreditAccountScreen(MemberColumns, TabbedList):
    """Accounts by member; the page shows what can be spent, what lapses when, and every entry."""

    big_list = True
    list_display: tuple[str, ...] = ("member_no", "member_link", "member_status", "balance_column", "held_column", "created")
    list_filter: tuple[str, ...] = ("store",)
    allowed_lookups: Sequence[str] = ("balance__gt", "held__gt")
    search_shapes: Sequence[SearchShape] = shapes_by_member("member")
    search_help_text = MEMBER_HELP
    fields = ("balance", "held")
    change_form_template = "members/credit_account_page.html"
    actions_detail = ("adjust",)
    empty_text = NO_CREDIT

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[CreditAccount]:
        rows: models.QuerySet[CreditAccount] = super().get_queryset(request)  # type: ignore[misc]
        return rows.select_related("store", "member")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return ((_("All"), ""), (_("With balance"), "balance__gt=0"), (_("With held credit"), "held__gt=0"))

    @admin.display(description=gettext_lazy("Member number"))
    def member_no(self, account: CreditAccount) -> str:
        return account.member.member_no

    @admin.display(description=gettext_lazy("Status"))
    def member_status(self, account: CreditAccount) -> str:
        return status_chip(account.member, MEMBER_TONES)

    @admin.display(description=gettext_lazy("Balance"))
    def balance_column(self, account: CreditAccount) -> str:
        return money(account.balance)

    @admin.display(description=gettext_lazy("Held"))
    def held_column(self, account: CreditAccount) -> str:
        return money(account.held)

    @admin.display(description=gettext_lazy("Opened"))
    def created(self, account: CreditAccount) -> str:
        return moment(account.created_at)

    @tenant_action(permission=ADJUST, title=gettext_lazy("Adjust credit"), form=AdjustDialog, icon="tune")
    def adjust(self, request: HttpRequest, account: CreditAccount, form: Any) -> str:
        return adjust_sentence(request_adjustment(account=account, by=acting_user(request), now=database_now(), **form.wish()))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        account = kwargs.get("obj")
        if account is not None:
            title = _("Credit of %(member)s") % {"member": account.member.nickname or account.member.member_no}
            context |= {"title": title, "subtitle": None, "page": account_page(self, request, account, database_now())}
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return answer


class LapsesFilter(DropdownFilter):
    """Lots with something left, by when they lapse in local days."""

    title = gettext_lazy("Lapses")
    parameter_name = "lapses"
    SPANS = (
        ("week", gettext_lazy("Lapses within 7 days")),
        ("days_30", gettext_lazy("Lapses within 30 days")),
        ("this_month", gettext_lazy("Lapses this month")),
        ("next_month", gettext_lazy("Lapses next month")),
        ("never", gettext_lazy("Never lapses")),
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return self.SPANS

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        if not self.value():
            return queryset
        now = database_now()
        month = lots_of_month(self.value(), now)
        return queryset.filter(lapsing(self.value(), now) if month is None else month)


class CreditLotScreen(BulkButtons, MemberColumns, TabbedList):
    """Top-ups: what was paid and given, what is left, when it lapses."""

    resource = CreditResource
    big_list = True
    list_display: tuple[str, ...] = ("source_no", "member_link", "principal_column", "bonus_column", "left_column", "opened", "expires", "payout_column")
    list_filter: tuple[Any, ...] = ("store", LapsesFilter)
    list_select_related = ("store", "account__member")
    allowed_lookups: Sequence[str] = ("account_id",)
    search_shapes: Sequence[SearchShape] = LOT_SHAPES
    search_help_text = gettext_lazy("Top-up number, whole phone or nickname")
    fields = ("source_no",)
    change_form_template = "members/credit_lot_page.html"
    actions_detail = ("refund_top_up",)
    empty_text = NO_CREDIT

    def member_of(self, row: CreditLot) -> Any:
        return row.account.member

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        lots: models.QuerySet[Any] = super().get_queryset(request)
        return with_return_failed(lots)

    def get_urls(self) -> list[URLPattern]:
        return [*liability_urls(self), *super().get_urls()]

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return ((_("All"), ""), *((title, f"lapses={code}") for code, title in LapsesFilter.SPANS))

    @admin.display(description=gettext_lazy("Principal"))
    def principal_column(self, lot: CreditLot) -> str:
        return money(lot.principal_amount)

    @admin.display(description=gettext_lazy("Bonus"))
    def bonus_column(self, lot: CreditLot) -> str:
        return money(lot.bonus_amount)

    @admin.display(description=gettext_lazy("Remaining"))
    def left_column(self, lot: CreditLot) -> str:
        return money(lot.principal_left + lot.bonus_left)

    @admin.display(description=gettext_lazy("Topped up"))
    def opened(self, lot: CreditLot) -> str:
        return moment(lot.opened_at)

    @admin.display(description=gettext_lazy("Lapses"))
    def expires(self, lot: CreditLot) -> str:
        return lapse_chip(lot, timezone.now())

    @admin.display(description=gettext_lazy("Paying back"))
    def payout_column(self, lot: CreditLot) -> str:
        return return_failed_chip(lot) or EMPTY

    @tenant_action(
        permission="members.refund_top_up",
        title=gettext_lazy("Refund top-up"),
        form=RefundTopUpDialog,
        icon="undo",
        danger=True,
        available=_has_something_left,
        description=gettext_lazy("The member gives the top-up back: everything that is left of it leaves the account. It works once."),
    )
    def refund_top_up(self, request: HttpRequest, lot: CreditLot, form: Any) -> str:
        refund = refund_top_up(
            store_id=lot.store_id, source_no=lot.source_no, idempotency_key=form.idempotency_key(), by=acting_user(request), now=database_now()
        )
        return _("%(paid)s yuan wait to be paid back under “Payouts”; %(void)s yuan are void.") % {
            "paid": format_yuan(refund.paid_back),
            "void": format_yuan(refund.voided),
        }

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        lot = kwargs.get("obj")
        if lot is not None:
            context |= {"title": str(lot), "subtitle": None, "page": lot_page(self, lot, database_now())}
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return answer


class CreditEntryScreen(MemberColumns, TabbedList):
    """The ledger itself, newest first."""

    big_list = True
    list_display: tuple[str, ...] = (
        "happened",
        "member_link",
        "kind_chip",
        "principal_column",
        "bonus_column",
        "after_column",
        "lot_column",
        "order_column",
        "actor_column",
    )
    list_display_links = ("happened",)
    list_filter: tuple[str, ...] = ("store", "kind")
    list_select_related = ("store", "account__member", "lot", "actor", "payout")
    allowed_lookups: Sequence[str] = ("account_id",)
    search_shapes: Sequence[SearchShape] = shapes_by_member("account__member")
    search_help_text = MEMBER_HELP
    fields = (
        "happened", "member_link", "store_name", "account_column", "kind_chip", "principal_column", "bonus_column", "after_column", "lot_column",
        "order_column", "belongs_column", "actor_column", "reason", "recorded", "idempotency_key", "seq",
    )  # fmt: skip
    readonly_fields = (
        "happened", "member_link", "store_name", "account_column", "kind_chip", "principal_column", "bonus_column", "after_column", "lot_column",
        "order_column", "belongs_column", "actor_column", "recorded",
    )  # fmt: skip
    empty_text = NO_CREDIT

    def member_of(self, row: CreditEntry) -> Any:
        return row.account.member

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        entries: models.QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        return entries.prefetch_related("actor__seats")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        shown = (EntryKind.TOP_UP, EntryKind.SPEND, EntryKind.REFUND, EntryKind.LAPSE, EntryKind.PAYOUT, EntryKind.ADJUST)
        return ((_("All"), ""), *((kind.label, f"kind__exact={kind.value}") for kind in shown))

    @admin.display(description=gettext_lazy("Time"))
    def happened(self, entry: CreditEntry) -> str:
        return moment(entry.happened_at)

    @admin.display(description=gettext_lazy("Recorded at"))
    def recorded(self, entry: CreditEntry) -> str:
        return moment(entry.recorded_at)

    @admin.display(description=gettext_lazy("Kind"))
    def kind_chip(self, entry: CreditEntry) -> str:
        return status_chip(entry, ENTRY_TONES, "kind")

    @admin.display(description=gettext_lazy("Principal"))
    def principal_column(self, entry: CreditEntry) -> str:
        return signed(entry.principal_amount)

    @admin.display(description=gettext_lazy("Bonus"))
    def bonus_column(self, entry: CreditEntry) -> str:
        return signed(entry.bonus_amount)

    @admin.display(description=gettext_lazy("Balance after"))
    def after_column(self, entry: CreditEntry) -> str:
        return money(entry.balance_after)

    @admin.display(description=gettext_lazy("Credit lot"))
    def lot_column(self, entry: CreditEntry) -> str:
        return row_link(self.admin_site.name, entry.lot)

    @admin.display(description=gettext_lazy("Credit account"))
    def account_column(self, entry: CreditEntry) -> str:
        return row_link(self.admin_site.name, entry.account)

    @admin.display(description=gettext_lazy("Order / line"))
    def order_column(self, entry: CreditEntry) -> str:
        return order_text(entry.order_no, entry.line_no)

    @admin.display(description=gettext_lazy("Belongs to"))
    def belongs_column(self, entry: CreditEntry) -> str:
        return belongs_to(entry, sums_given_back([entry]).get(entry.pk, ZERO), self.admin_site.name)

    @admin.display(description=gettext_lazy("By"))
    def actor_column(self, entry: CreditEntry) -> str:
        return actor_name(entry.actor, self.admin_site.name)
