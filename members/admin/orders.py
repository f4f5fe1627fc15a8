"""Order lines: facts from files and payments, read only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import SearchShape
from backoffice.kernel.admin.display import moment, money
from backoffice.kernel.files.buttons import BulkButtons
from members.admin.bulk import OrderResource
from members.admin.credit import MemberColumns
from members.admin.search import ORDER_SHAPES
from members.admin.tabs import Tab, TabbedList
from members.models import OrderLine


class OrderLineScreen(BulkButtons, MemberColumns, TabbedList):
    """Order lines, newest first as they were recorded."""

    resource = OrderResource
    big_list = True
    list_display: tuple[str, ...] = ("order_no", "line_no", "buyer", "paid", "amount_column", "credit_column", "refund_column")
    list_filter: tuple[str, ...] = ("store",)
    list_select_related = ("store", "member")
    allowed_lookups: Sequence[str] = ("refunded_amount__gt", "credit_used__gt", "member_id")
    search_shapes: Sequence[SearchShape] = ORDER_SHAPES
    search_help_text = gettext_lazy("Order number, whole phone or nickname")
    fields = ("order_no", "line_no", "buyer", "store_name", "paid", "amount", "credit_used", "refunded_amount", "refunded", "recorded")
    readonly_fields = ("buyer", "store_name", "paid", "refunded", "recorded")
    empty_text = gettext_lazy("No orders yet. Import the orders file: “Imports”, then “New import”.")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return ((_("All"), ""), (_("Paid with credit"), "credit_used__gt=0"), (_("Refunded"), "refunded_amount__gt=0"))

    @admin.display(description=gettext_lazy("Buyer"))
    def buyer(self, line: OrderLine) -> Any:
        return self.member_link(line) if line.member_id else _("Not a member")

    @admin.display(description=gettext_lazy("Paid at"))
    def paid(self, line: OrderLine) -> str:
        return moment(line.paid_at)

    @admin.display(description=gettext_lazy("Paid amount"))
    def amount_column(self, line: OrderLine) -> str:
        return money(line.amount)

    @admin.display(description=gettext_lazy("Credit used"))
    def credit_column(self, line: OrderLine) -> str:
        return money(line.credit_used or None)

    @admin.display(description=gettext_lazy("Refunded amount"))
    def refund_column(self, line: OrderLine) -> str:
        return money(line.refunded_amount or None)

    @admin.display(description=gettext_lazy("Refunded at"))
    def refunded(self, line: OrderLine) -> str:
        return moment(line.refunded_at)

    @admin.display(description=gettext_lazy("Recorded at"))
    def recorded(self, line: OrderLine) -> str:
        return moment(line.recorded_at)
