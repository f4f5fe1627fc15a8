"""Forms and dialogs of the tenancy screens."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldAdminURLInputWidget

from backoffice.kernel.tenancy.choices import MerchantTierCode
from backoffice.kernel.tenancy.models import Developer, Merchant, Store, User
from backoffice.kernel.tenancy.roles import Role


class DayInput(UnfoldAdminTextInputWidget):
    """The browser's own day picker: the theme's needs scripts that a dialog does not load."""

    input_type = "date"

    def format_value(self, value: Any) -> Any:
        return value.isoformat() if hasattr(value, "isoformat") else value


class StoreForm(forms.ModelForm[Store]):
    """A store's own settings. The gateway secret goes in and never comes out."""

    gateway_url = forms.URLField(
        label=_("gateway address"),
        required=False,
        max_length=500,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget(),
        help_text=_("Where this store's messages leave; empty: the platform's file gateway."),
    )
    new_gateway_secret = forms.CharField(
        label=_("New gateway secret"),
        required=False,
        min_length=16,
        max_length=200,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 16 characters. It is stored encrypted and cannot be read back; leave empty to keep the present one."),
    )

    class Meta:
        model = Store
        fields = ("name", "category", "gateway_url", "marketing_consent_default")


class NewUserForm(forms.ModelForm[User]):
    """A new user; the seats are granted on the page that follows."""

    password = forms.CharField(
        label=_("First password"),
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 12 characters. Ask the user to change it after the first log-in."),
    )

    class Meta:
        model = User
        fields = ("username", "display_name", "email", "language", "password")


class TierDialog(BaseDialogForm):
    """Which tier, from which day."""

    tier = forms.ChoiceField(label=_("Tier"), choices=MerchantTierCode.choices, widget=UnfoldAdminSelectWidget())
    valid_from = forms.DateField(label=_("Valid from"), widget=DayInput(), help_text=_("First day on which it holds. The present tier ends there."))


class SeatDialog(BaseDialogForm):
    """A role, and where it holds."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, widget=UnfoldAdminSelectWidget())
    merchant = forms.ModelChoiceField(
        Merchant.objects.order_by("name"), label=_("Merchant"), required=False, empty_label=_("Only for merchant roles"), widget=UnfoldAdminSelectWidget()
    )
    store_codes = forms.CharField(
        label=_("Store codes"),
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Separated by commas. Empty: all stores of the merchant, also later ones."),
    )
    developer = forms.ModelChoiceField(
        Developer.objects.order_by("name"), label=_("Developer"), required=False, empty_label=_("Only for developer roles"), widget=UnfoldAdminSelectWidget()
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        codes = [code.strip() for code in (cleaned.get("store_codes") or "").replace("，", ",").split(",") if code.strip()]
        cleaned["stores"] = None
        if codes:
            stores = list(Store.objects.filter(merchant=cleaned.get("merchant"), code__in=codes))
            missing = sorted(set(codes) - {store.code for store in stores})
            if missing:
                self.add_error("store_codes", _("The merchant has no store %(codes)s.") % {"codes": ", ".join(missing)})
            cleaned["stores"] = stores
        return cleaned


class PasswordDialog(BaseDialogForm):
    """A new password for somebody who lost theirs."""

    password = forms.CharField(label=_("New password"), strip=False, widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}))


class NewStoreDialog(BaseDialogForm):
    """A store of a merchant."""

    code = forms.CharField(label=_("Store code"), max_length=64, widget=UnfoldAdminTextInputWidget())
    name = forms.CharField(label=_("Store name"), max_length=200, widget=UnfoldAdminTextInputWidget())
    category = forms.CharField(label=_("Category"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget())
