"""Merchant console: clients of the own stores."""

from django.contrib import admin

from backoffice.kernel.admin import MerchantModelAdmin
from backoffice.kernel.api.admin.screens import OwnStoresScreen
from backoffice.kernel.api.models import ApiClient
from backoffice.kernel.sites import merchant_site


@admin.register(ApiClient, site=merchant_site)
class ApiClientAdmin(OwnStoresScreen, MerchantModelAdmin):
    """Clients that reach no other stores than those of the user's seats."""
