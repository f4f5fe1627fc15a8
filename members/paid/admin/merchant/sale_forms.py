"""Dialogs at the till: selling, renewing, cancelling. Each says beforehand what will happen."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from backoffice.kernel.admin.display import full_time
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.money import format_yuan
from backoffice.kernel.tenancy.access import stores_of
from members.admin.credit_forms import FactsDialog
from members.models import Member
from members.paid.choices import ProgramStatus, RefundCause
from members.paid.models import PaidMembership, PaidProgram
from members.paid.selectors.numbers import get_numbers
from members.paid.selectors.refunds import refund_quote


def order_field() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Order number"),
        max_length=64,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Of the till or the shop; once a store."),
    )


def paid_field() -> forms.BooleanField:
    return forms.BooleanField(
        label=gettext_lazy("The payment is received"),
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget(),
        help_text=gettext_lazy("Otherwise the order keeps its place for a while and waits for the payment."),
    )


class ProgramChoice(forms.ModelChoiceField[PaidProgram]):
    """Plans with their store and fee."""

    def label_from_instance(self, obj: Any) -> str:
        fee = format_yuan(obj.pack.card_fee) if obj.pack else ""
        return f"{obj.store.name} · {obj.name} · {fee}"


class SellDialog(FactsDialog):
    """Which plan to which member."""

    program = ProgramChoice(queryset=PaidProgram.objects.none(), label=gettext_lazy("Plan"), widget=UnfoldAdminSelectWidget())
    member_no = forms.CharField(
        label=gettext_lazy("Member number"),
        max_length=64,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Only members of the store can buy."),
    )
    order_no = order_field()
    paid = paid_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stores = stores_of(self.request.user, "paid.sell_membership")
        live = PaidProgram.objects.filter(store__in=stores, status=ProgramStatus.LIVE).select_related("store", "pack").order_by("store__name", "-rank")
        program: Any = self.fields["program"]
        program.queryset = live

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        program, number = given.get("program"), given.get("member_no")
        if program is not None and number:
            given["member"] = Member.objects.filter(store=program.store_id, member_no=number.strip()).first()
            if given["member"] is None:
                sentence = _("%(store)s has no member with this number. Only members can buy: the person joins first.")
                self.add_error("member_no", sentence % {"store": program.store.name})
        return given


class MembershipDialog(FactsDialog):
    """Whose card it is."""

    obj: PaidMembership

    def facts(self) -> list[tuple[Any, Any]]:
        row = self.obj
        return [
            (_("Member"), f"{row.member.nickname} {row.member.member_no}".strip()),
            (_("Plan"), row.program.name),
            (_("Order number"), row.order_no),
            (_("Price paid"), format_yuan(row.price)),
        ]


class ConfirmDialog(MembershipDialog):
    def sentence(self) -> Any:
        row = self.obj
        return _("The card opens today. The order would lapse at %(time)s.") % {"time": full_time(row.pay_until)} if row.pay_until else ""


class RenewDialog(MembershipDialog):
    """A further term of the same plan."""

    order_no = order_field()
    paid = paid_field()

    def sentence(self) -> Any:
        return _("Before its end, the new term is added to the end. After it, the new term starts today.")


class ConsentDialog(MembershipDialog):
    def sentence(self) -> Any:
        days = get_numbers().renewal_notice_days
        return _("Only with the member's own yes. The member is told at least %(days)d days before each renewal, and can stop it at any time.") % {"days": days}


class CancelDialog(MembershipDialog):
    """What is paid back, before anybody confirms; or why it cannot be cancelled, and then there is nothing to press."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))
    refused = False
    refusal = ""

    def facts(self) -> list[tuple[Any, Any]]:
        facts = super().facts()
        try:
            quote = refund_quote(membership=self.obj, now=database_now())
        except BusinessError as refused:
            self.refusal, self.refused = str(refused), True
            return facts
        facts.append((_("To be paid back (yuan)"), format_yuan(quote.amount)))
        facts.append((_("Rule"), RefundCause(quote.cause).label))
        if quote.cause != RefundCause.FULL:
            share = _("%(unused)d of %(whole)d days") if quote.in_days else _("%(unused)d of %(whole)d months")
            facts.append((_("Unused"), share % {"unused": quote.unused, "whole": quote.whole}))
        if quote.used_value:
            facts.append((_("Value of what was used"), format_yuan(quote.used_value)))
        return facts

    def sentence(self) -> Any:
        return "" if self.refused else _("Benefits that were not used are taken back; used ones stay. The card ends today.")

    def alert(self) -> Any:
        return self.refusal
