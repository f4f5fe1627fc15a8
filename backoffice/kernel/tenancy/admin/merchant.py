"""Merchant console: the stores that the user's seats cover."""

from __future__ import annotations

from django.contrib import admin
from django.db import models
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import MerchantModelAdmin, SearchShape, any_term
from backoffice.kernel.admin.display import status_chip
from backoffice.kernel.sites import merchant_site
from backoffice.kernel.tenancy.admin.display import STORE_TONES
from backoffice.kernel.tenancy.models import Store


@admin.register(Store, site=merchant_site)
class StoreAdmin(MerchantModelAdmin):
    list_display = ("name", "code", "category", "status_chip")
    list_filter = ("status",)
    search_shapes = (
        SearchShape(
            gettext_lazy("code, or a part of the name"), any_term, lambda rows, term: rows.filter(models.Q(code__iexact=term) | models.Q(name__icontains=term))
        ),
    )
    search_fields = ("code", "name")  # for choices of stores elsewhere
    search_help_text = gettext_lazy("Store code or name")
    ordering = ("code",)
    fields = ("code", "name", "category", "status", "marketing_consent_default")
    empty_text = gettext_lazy("No store is assigned to you. Ask the platform for a seat at your stores.")

    @admin.display(description=gettext_lazy("Status"))
    def status_chip(self, store: Store) -> str:
        return status_chip(store, STORE_TONES)
