"""Dialogs of the members' screens."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from backoffice.kernel.admin import ReasonForm
from backoffice.kernel.money import ZERO, format_yuan
from members.choices import MEMBER_TRANSITIONS, ConsentSource, MemberStatus
from members.models import Member
from members.services.phones import SHORTEST_REASON


class StatusDialog(ReasonForm):
    """To which status, why, and the balance where somebody leaves with credit."""

    to = forms.ChoiceField(label=_("New status"), choices=MemberStatus.choices, widget=UnfoldAdminSelectWidget())
    confirmed_with_balance = forms.DecimalField(
        label=_("Balance, to confirm"), required=False, max_digits=14, decimal_places=2, widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})
    )
    _obj: Member | None = None

    @property
    def obj(self) -> Member | None:
        return self._obj

    @obj.setter
    def obj(self, member: Member) -> None:
        """The member is known after the form is made: only reachable states are offered, and only who has credit is asked for it."""
        self._obj = member
        reachable = MEMBER_TRANSITIONS[member.status]
        self.fields["to"].choices = [(code, label) for code, label in MemberStatus.choices if code in reachable]
        account = getattr(member, "credit_account", None)
        owned = account.balance + account.held if account else ZERO
        if not owned:
            del self.fields["confirmed_with_balance"]
        else:
            self.fields["confirmed_with_balance"].help_text = _(
                "Only when the member leaves or the account is closed: they have %(balance)s yuan, which stay theirs. Enter this figure to confirm."
            ) % {"balance": format_yuan(owned)}


class ConsentDialog(BaseDialogForm):
    """What the member said about marketing, and how it is known."""

    agrees = forms.TypedChoiceField(
        label=_("The member"),
        choices=(("1", _("agrees to marketing")), ("0", _("does not agree to marketing"))),
        coerce=lambda value: value == "1",
        widget=UnfoldAdminSelectWidget(),
    )
    source = forms.ChoiceField(
        label=_("Known from"),
        choices=[(choice.value, choice.label) for choice in (ConsentSource.MEMBER, ConsentSource.CONSOLE)],
        widget=UnfoldAdminSelectWidget(),
    )
    version = forms.CharField(label=_("Version of the terms"), required=False, max_length=32, widget=UnfoldAdminTextInputWidget())


class PhoneDialog(BaseDialogForm):
    """A new phone number."""

    phone = forms.CharField(label=_("New phone"), max_length=30, widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "tel", "autocomplete": "off"}))


class RevealDialog(BaseDialogForm):
    """Why the phone is needed in full."""

    reason = forms.CharField(label=_("Reason"), min_length=SHORTEST_REASON, max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))
