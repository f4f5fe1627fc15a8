"""Dialogs of the API clients' screens."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from backoffice.kernel.admin.scoping import reach
from backoffice.kernel.api.services.clients import LONGEST_NAME
from backoffice.kernel.tenancy.models import Store
from backoffice.kernel.tenancy.roles import Console


class NewClientDialog(BaseDialogForm):
    """A client of stores within the reach of who makes it. A code out of reach is refused as one that nobody has."""

    console = Console.MERCHANT.value

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"] = forms.CharField(
            label=_("Name"), max_length=LONGEST_NAME, widget=UnfoldAdminTextInputWidget(), help_text=_("Which system this is, such as “Till in Hangzhou”.")
        )
        self.fields["store_codes"] = forms.CharField(
            label=_("Store codes"), required=False, widget=UnfoldAdminTextInputWidget(), help_text=_("Which stores it reaches, separated by commas.")
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        codes = {code.strip() for code in (cleaned.get("store_codes") or "").replace("，", ",").split(",") if code.strip()}
        mine = reach(self.request.user, self.console, Store.objects.all(), "api.add_apiclient")
        found = {store.code: store for store in mine.filter(code__in=codes)}
        missing = sorted(codes - found.keys())
        if missing:
            self.add_error("store_codes", _("There is no store %(codes)s.") % {"codes": ", ".join(missing)})
        cleaned["stores"] = list(found.values())
        return cleaned


class NewPlatformClientDialog(NewClientDialog):
    """A client of all stores, or of the stores that are named."""

    console = Console.PLATFORM.value

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["is_platform"] = forms.BooleanField(
            label=_("All stores"),
            required=False,
            widget=UnfoldBooleanSwitchWidget(),
            help_text=_("A system of the platform: also stores to come. Then name no store."),
        )
