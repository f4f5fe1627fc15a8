"""Payments that the stores' systems told of: lines, the credit used of which lot, refunds, and the notice that followed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import SearchShape
from backoffice.kernel.admin.display import EMPTY, chip, full_time, moment, money, row_link, row_url, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.money import ZERO, format_yuan
from backoffice.kernel.ports import payment_sources
from members.admin.credit import MemberColumns
from members.admin.member_page import Figure
from members.admin.rows import TAKING, given_back_text, order_text, sums_given_back, taken_by
from members.admin.search import ORDER_SHAPES
from members.admin.tabs import Tab, TabbedList
from members.choices import EntryKind
from members.models import CreditAccount, CreditEntry, CreditHold, OrderLine, Payment, PaymentRefund
from members.selectors.tones import ENTRY_TONES

NOTICES_SHOWN = 20


class PaymentScreen(MemberColumns, TabbedList):
    """Payments, newest first."""

    big_list = True
    list_display: tuple[str, ...] = ("order_no", "member_link", "store_name", "paid", "amount_column", "credit_column", "refund_column", "given_back_column")
    list_filter: tuple[Any, ...] = ("store", "paid_at")
    list_select_related = ("store", "member")
    allowed_lookups: Sequence[str] = ("credit_used__gt", "refunded_amount__gt", "member_id")
    search_shapes: Sequence[SearchShape] = ORDER_SHAPES
    search_help_text = gettext_lazy("Order number, whole phone or nickname")
    fields = ("order_no",)
    change_form_template = "members/payment_page.html"
    empty_text = gettext_lazy("No payments yet. A store's own systems report each payment over the API; orders from files are under “Orders”.")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return ((_("All"), ""), (_("Paid with credit"), "credit_used__gt=0"), (_("Refunded"), "refunded_amount__gt=0"))

    @admin.display(description=gettext_lazy("Paid at"))
    def paid(self, payment: Payment) -> str:
        return moment(payment.paid_at)

    @admin.display(description=gettext_lazy("Paid amount"))
    def amount_column(self, payment: Payment) -> str:
        return money(payment.amount)

    @admin.display(description=gettext_lazy("Credit used"))
    def credit_column(self, payment: Payment) -> str:
        return money(payment.credit_used or None)

    @admin.display(description=gettext_lazy("Refunded amount"))
    def refund_column(self, payment: Payment) -> str:
        return money(payment.refunded_amount or None)

    @admin.display(description=gettext_lazy("Credit given back"))
    def given_back_column(self, payment: Payment) -> str:
        return money(payment.credit_refunded or None)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        payment = kwargs.get("obj")
        if payment is not None:
            context |= {"title": str(payment), "subtitle": None, "page": payment_page(self, request, payment)}
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return answer


def payment_page(screen: Any, request: HttpRequest, payment: Payment) -> dict[str, Any]:
    """Context of one payment's page. A fixed number of queries, whatever the number of lines and lots."""
    console, now = screen.admin_site.name, database_now()
    account = CreditAccount.objects.filter(member_id=payment.member_id).first()
    taking = CreditEntry.objects.filter(account=account, order_no=payment.order_no, kind__in=TAKING).select_related("lot").order_by("pk")
    entries = list(taking) if account and payment.credit_used else []
    given_back = sums_given_back(entries)
    lines = OrderLine.objects.filter(store_id=payment.store_id, order_no=payment.order_no).order_by("line_no")
    refunds = PaymentRefund.objects.filter(payment=payment).order_by("pk")
    in_money = _("of it in money: %(amount)s") % {"amount": format_yuan(payment.amount - payment.credit_used)}
    return {
        "payment": payment,
        "state": _state(payment),
        "member": payment.member,
        "member_url": row_url(console, payment.member),
        "account_url": row_url(console, account) if account else "",
        "hold": row_link(console, CreditHold(pk=payment.hold_id), _("Hold #%(number)s") % {"number": payment.hold_id}) if payment.hold_id else "",
        "store_name": payment.store.name,
        "paid_at": full_time(payment.paid_at),
        "figures": [
            Figure(_("Paid amount"), format_yuan(payment.amount), in_money),
            Figure(_("Credit used"), format_yuan(payment.credit_used)),
            Figure(_("Refunded amount"), format_yuan(payment.refunded_amount) if payment.refunded_amount else EMPTY),
            Figure(_("Credit given back"), format_yuan(payment.credit_refunded) if payment.credit_refunded else EMPTY),
        ],
        "lines": [(line.line_no, format_yuan(line.amount), _amount(line.credit_used), _amount(line.refunded_amount)) for line in lines],
        "credit": [_credit_row(entry, given_back.get(entry.pk, ZERO), console) for entry in entries],
        "refunds": [_refund_row(refund, now) for refund in refunds],
        "notices": [
            {"title": item.title, "body": item.body, "chip": chip(item.status, item.tone) if item.status else "", "url": item.url, "when": moment(item.at, now)}
            for source in payment_sources
            for item in source(payment, request.user, NOTICES_SHOWN)
        ],
        "told_of_notices": bool(payment_sources),
    }


def _state(payment: Payment) -> str:
    if not payment.refunded_amount:
        return ""
    return chip(_("Refunded") if payment.refunded_amount == payment.amount else _("Partly refunded"), "warning")


def _amount(amount: Decimal) -> str:
    return format_yuan(amount) if amount else EMPTY


def _credit_row(entry: CreditEntry, given_back: Decimal, console: str) -> dict[str, Any]:
    captured = entry.kind == EntryKind.CAPTURE
    principal = (entry.captured_principal or ZERO) if captured else -entry.principal_amount
    bonus = (entry.captured_bonus or ZERO) if captured else -entry.bonus_amount
    return {
        "order": order_text(entry.order_no, entry.line_no),
        "lot": row_link(console, entry.lot),
        "kind": row_link(console, entry, status_chip(entry, ENTRY_TONES, "kind")),
        "principal": format_yuan(principal),
        "bonus": format_yuan(bonus),
        "amount": format_yuan(taken_by(entry)),
        "given_back": given_back_text(entry, given_back) or EMPTY,
    }


def _refund_row(refund: PaymentRefund, now: Any) -> dict[str, Any]:
    lines = ", ".join(_("line %(line)s: %(amount)s") % {"line": part.get("line_no", ""), "amount": part.get("amount", "")} for part in refund.lines)
    return {"when": moment(refund.refunded_at, now), "amount": format_yuan(refund.amount), "credit": _amount(refund.credit), "lines": lines or EMPTY}
