"""Platform console: every client."""

from django.contrib import admin

from backoffice.kernel.admin import PlatformModelAdmin
from backoffice.kernel.api.admin.screens import AllStoresScreen
from backoffice.kernel.api.models import ApiClient
from backoffice.kernel.sites import platform_site


@admin.register(ApiClient, site=platform_site)
class ApiClientAdmin(AllStoresScreen, PlatformModelAdmin):
    """Clients of the platform and of stores."""
