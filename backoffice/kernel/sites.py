"""The three consoles. They live in the kernel so that apps may register screens on them without knowing each other."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite

from backoffice.kernel.tenancy.access import has_seat
from backoffice.kernel.tenancy.roles import Console


class ConsoleSite(UnfoldAdminSite):
    """One console; its ``name`` is the console's code, and only a user with a live seat there gets in."""

    def has_permission(self, request: HttpRequest) -> bool:
        return has_seat(request.user, self.name)


def _site(console: Console, **options: Any) -> ConsoleSite:
    return ConsoleSite(name=console.value)


platform_site = _site(Console.PLATFORM)
merchant_site = _site(Console.MERCHANT)
developer_site = _site(Console.DEVELOPER)
