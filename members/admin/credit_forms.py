"""Dialogs that move credit. Each says beforehand, in figures, what will happen."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from backoffice.kernel.admin.display import full_time
from backoffice.kernel.clock import database_now, day_end
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.money import ZERO, format_yuan
from backoffice.kernel.tenancy.admin.forms import DayInput
from members.admin.rows import actor_name, split_text, told
from members.choices import EntryKind
from members.models import CreditAccount, CreditAdjustment, CreditEntry, CreditHold, CreditLot, CreditPayout, Member
from members.selectors.credit import list_spendable_lots
from members.selectors.policy import policy_of
from members.services.credit import AmountRefused, yuan
from members.services.credit.adjustments import adjustable_alone
from members.services.credit.top_up_refund import preview_top_up_refund

ADD, TAKE = "ADD", "TAKE"
LOTS_OFFERED = 50
TYPED = re.compile(r"-?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:[.][0-9]*)?")


class YuanField(forms.Field):
    """An amount as people type it: ``1,234.5``, ``¥5``; empty is nothing. Neither ``1,5`` nor ``1e3`` is one."""

    def __init__(self, *, attrs: dict[str, str] | None = None, **kwargs: Any) -> None:
        attrs = {"inputmode": "decimal", "autocomplete": "off", "maxlength": "20", **(attrs or {})}
        super().__init__(required=False, widget=UnfoldAdminTextInputWidget(attrs=attrs), **kwargs)

    def to_python(self, value: Any) -> Decimal:
        text = unicodedata.normalize("NFKC", str(value or "")).strip().lstrip("¥")
        if not text:
            return ZERO
        try:
            return yuan(text.replace(",", "") if TYPED.fullmatch(text) else "", least=ZERO)
        except AmountRefused as refused:
            raise ValidationError(str(refused)) from refused


class FactsDialog(BaseDialogForm):
    """A dialog that begins with facts about its row: labels with values, then a sentence. ``obj`` is set before anything is shown."""

    obj: Any = None

    def facts(self) -> list[tuple[Any, Any]]:
        return []

    def sentence(self) -> Any:
        return ""

    def alert(self) -> Any:
        return ""

    def render_before_template(self) -> str:
        if self.obj is None:
            return ""
        return render_to_string("members/dialog_facts.html", {"facts": self.facts(), "sentence": self.sentence(), "alert": self.alert()})


class OnceDialog(FactsDialog):
    """With a key of its own, so that pressing the button twice acts once."""

    key = forms.CharField(max_length=64, initial=lambda: uuid4().hex, widget=forms.HiddenInput)

    def idempotency_key(self) -> str:
        return f"console:{self.request.user.pk}:{self.cleaned_data['key']}"


class AdjustDialog(OnceDialog):
    """Add to or take from a member's credit, with a reason."""

    direction = forms.ChoiceField(
        label=gettext_lazy("What is to be done"),
        choices=((ADD, gettext_lazy("Add credit")), (TAKE, gettext_lazy("Take credit away"))),
        widget=UnfoldAdminSelectWidget(),
    )
    principal = YuanField(label=gettext_lazy("Principal (yuan)"), attrs={"data-adjusts": "1"})
    bonus = YuanField(label=gettext_lazy("Bonus (yuan)"), attrs={"data-adjusts": "1"})
    expires_on = forms.DateField(
        label=gettext_lazy("Last day"),
        required=False,
        widget=DayInput(attrs={"data-shown-when": f"direction={ADD}"}),
        help_text=gettext_lazy("The last day on which it can be spent. Empty: it never lapses."),
    )
    lot = forms.ChoiceField(
        label=gettext_lazy("Taken from"),
        required=False,
        widget=UnfoldAdminSelectWidget(attrs={"data-shown-when": f"direction={TAKE}"}),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=gettext_lazy("It stands beside the entry for good."),
    )

    _obj: CreditAccount | Member | None = None

    @property
    def obj(self) -> Any:
        return self._obj

    @obj.setter
    def obj(self, row: CreditAccount | Member) -> None:
        """The row is known after the form is made: an account, or a member who has none yet."""
        self._obj = row
        lots = list(list_spendable_lots(row, database_now())[:LOTS_OFFERED]) if isinstance(row, CreditAccount) else []
        if not lots:
            self.fields["direction"].choices = [(ADD, _("Add credit"))]
            del self.fields["lot"]
            return
        self.lots = {str(lot.pk): lot for lot in lots}
        self.fields["lot"].choices = [("", _("Whatever would be spent first")), *((pk, _lot_name(lot)) for pk, lot in self.lots.items())]

    def render_before_template(self) -> str:
        row = self._obj
        if row is None:
            return ""
        now = database_now()
        if isinstance(row, CreditAccount):
            limit, alone = policy_of(row.store_id).adjustment_limit, adjustable_alone(account=row, by=self.request.user, now=now)
        else:
            limit = alone = policy_of(row.store_id).adjustment_limit
        return render_to_string(
            "members/adjust_before.html",
            {"limit": format_yuan(limit), "alone": format_yuan(alone), "alone_number": str(alone), "used": format_yuan(limit - alone) if alone < limit else ""},
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not cleaned["principal"] + cleaned["bonus"]:
            self.add_error("principal", _("Enter an amount of principal, of bonus, or of both."))
        return cleaned

    def wish(self) -> dict[str, Any]:
        """What ``request_adjustment`` is asked for: signed amounts, and only what fits the direction."""
        given = self.cleaned_data
        adds = given["direction"] == ADD
        sign = 1 if adds else -1
        last_day: date | None = given["expires_on"] if adds else None
        return {
            "principal": sign * given["principal"],
            "bonus": sign * given["bonus"],
            "expires_at": day_end(last_day) if last_day else None,
            "lot": None if adds else self.lots.get(given.get("lot") or ""),
            "reason": given["reason"],
            "idempotency_key": self.idempotency_key(),
        }


def _lot_name(lot: CreditLot) -> str:
    lapses = full_time(lot.expires_at) if lot.expires_at else _("Never lapses")
    return f"{lot.source_no} · {split_text(lot.principal_left, lot.bonus_left)} · {lapses}"


class ReleaseDialog(FactsDialog):
    """What goes back to which lot."""

    obj: CreditHold

    def facts(self) -> list[tuple[Any, Any]]:
        held: dict[int, tuple[CreditLot, Decimal, Decimal]] = {}
        for entry in CreditEntry.objects.filter(hold=self.obj, kind=EntryKind.HOLD).select_related("lot").order_by("pk"):
            _lot, principal, bonus = held.get(entry.lot_id, (entry.lot, ZERO, ZERO))
            held[entry.lot_id] = (entry.lot, principal - entry.principal_amount, bonus - entry.bonus_amount)
        self.lapsed = [lot for lot, _principal, _bonus in held.values() if lot.expires_at is not None and lot.expires_at <= database_now()]
        lots = [(_("Back to %(lot)s") % {"lot": lot.source_no}, split_text(principal, bonus)) for lot, principal, bonus in held.values()]
        return [(_("Order number"), self.obj.order_no), (_("Held since"), full_time(self.obj.held_at)), (_("Held amount"), format_yuan(self.obj.amount)), *lots]

    def sentence(self) -> Any:
        return _("The order can no longer be paid with this credit; the member can spend it again at once.")

    def alert(self) -> Any:
        if not self.lapsed:
            return ""
        policy = policy_of(self.obj.store_id)
        names = ", ".join(lot.source_no for lot in self.lapsed)
        return _("%(lots)s lapsed meanwhile. The store's policy: %(rule)s.") % {"lots": names, "rule": policy.get_refund_after_lapse_display()}


class RefundTopUpDialog(OnceDialog):
    """Exactly what is paid back and what is void, before anybody confirms; or why it cannot be done, and then there is nothing to press."""

    obj: CreditLot
    refused = False
    refusal = ""
    rule = ""

    def facts(self) -> list[tuple[Any, Any]]:
        lot = self.obj
        left = [(_("Paid and given"), split_text(lot.principal_amount, lot.bonus_amount)), (_("Left of it"), split_text(lot.principal_left, lot.bonus_left))]
        try:
            preview = preview_top_up_refund(lot=lot, now=database_now())
        except BusinessError as refused:
            self.refusal, self.refused = str(refused), True
            return left
        self.rule = preview.policy.get_top_up_refund_display()
        void = split_text(preview.void_principal, preview.void_bonus) if preview.void_principal + preview.void_bonus else format_yuan(ZERO)
        return [*left, (_("Paid back to the payer (yuan)"), format_yuan(preview.paid_back)), (_("Void"), void)]

    def sentence(self) -> Any:
        return _("The store's policy: %(rule)s.") % {"rule": self.rule} if self.rule else ""

    def alert(self) -> Any:
        return self.refusal


class AdjustmentFactsDialog(FactsDialog):
    """What a second person decides about."""

    obj: CreditAdjustment

    def facts(self) -> list[tuple[Any, Any]]:
        adjustment = self.obj
        member = adjustment.account.member
        console = self.request.resolver_match.namespace
        return [
            (_("Member"), f"{member.nickname} {member.member_no}".strip()),
            (_("Amount"), told(adjustment.principal_amount + adjustment.bonus_amount)),
            (_("Principal / bonus"), f"{told(adjustment.principal_amount)} / {told(adjustment.bonus_amount)}"),
            (_("Balance now"), format_yuan(adjustment.account.balance)),
            (_("Reason"), adjustment.reason),
            (_("Asked for by"), actor_name(adjustment.requested_by, console)),
        ]


class RefuseDialog(AdjustmentFactsDialog):
    """Why an adjustment is refused."""

    reason = forms.CharField(label=gettext_lazy("Reason of the decision"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))


class PayoutDialog(FactsDialog):
    """Whose money it is and how much."""

    obj: CreditPayout

    def facts(self) -> list[tuple[Any, Any]]:
        member = self.obj.account.member
        facts = [
            (_("Member"), f"{member.nickname} {member.member_no}".strip()),
            (_("Amount"), format_yuan(self.obj.amount)),
            (_("Cause"), self.obj.get_cause_display()),
            (_("Top-up number"), self.obj.lot.source_no),
        ]
        return [*facts, (_("Last failure"), self.obj.error)] if self.obj.error else facts


class PaidDialog(PayoutDialog):
    """Under which reference it was paid."""

    reference = forms.CharField(
        label=gettext_lazy("Payment reference"),
        max_length=128,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("The number of the transfer at the bank or the payment service."),
    )


class FailedDialog(PayoutDialog):
    """Why it did not arrive."""

    error = forms.CharField(
        label=gettext_lazy("What went wrong"),
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=gettext_lazy("As the bank or the payment service said it: the account is closed, the name does not match."),
    )


class PaidTogetherForm(forms.Form):
    """One reference for several payouts: the number of the batch at the bank."""

    reference = forms.CharField(
        label=gettext_lazy("Payment reference"),
        max_length=128,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("The number of the batch at the bank or the payment service. All chosen payouts get it."),
    )
