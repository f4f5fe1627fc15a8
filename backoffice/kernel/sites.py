"""The three consoles. They live in the kernel so that apps may register screens on them without knowing each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern
from unfold.sites import UnfoldAdminSite

from backoffice.kernel.tenancy.access import has_seat
from backoffice.kernel.tenancy.roles import Console

# Django's "view on site" and per-app index show nothing that a console's own pages do not, and unfold's search keeps
# its answers for five minutes after a right was taken away.
WITHOUT_PAGES = {"view_on_site", "app_list", "search"}


class ConsoleSite(UnfoldAdminSite):
    """One console; its ``name`` is the console's code, and only a user with a live seat there gets in."""

    index_template = "consoles/dashboard.html"
    enable_nav_sidebar = True
    extra_urls: Callable[[], list[URLPattern]] | None = None
    """Pages of the console that are no model's, put here by the composition root."""

    def __init__(self, console: Console) -> None:
        super().__init__(name=console.value)
        self.index_title = self.site_header = self.site_title = console.label
        self.disable_action("delete_selected")

    def has_permission(self, request: HttpRequest) -> bool:
        return has_seat(request.user, self.name)

    def get_urls(self) -> list[Any]:
        return [url for url in super().get_urls() if not (isinstance(url, URLPattern) and url.name in WITHOUT_PAGES)]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Empty: the side bar is data of the consoles, and the per-app pages that this would link to do not exist."""
        return []

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().each_context(request), "console": self.name, "site_title": self.site_title, "site_header": self.site_header}


platform_site = ConsoleSite(Console.PLATFORM)
merchant_site = ConsoleSite(Console.MERCHANT)
developer_site = ConsoleSite(Console.DEVELOPER)

CONSOLE_SITES = (platform_site, merchant_site, developer_site)
