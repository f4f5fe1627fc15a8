"""Where a request comes from."""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The caller's address, empty when it is not known (a socket). ``X-Forwarded-For`` is believed as far as our own proxies wrote it.

    Each of the ``TRUSTED_PROXIES`` appends the address that it was called from, so the caller is that many places from the right;
    what stands further left is whatever the caller sent.
    """
    count: int = settings.TRUSTED_PROXIES
    if count:
        named = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
        if named:
            return named[-min(count, len(named))][:45].replace("\x00", "")
    return str(request.META.get("REMOTE_ADDR", ""))[:45]


def login_address(request: HttpRequest) -> str | None:
    """``client_address`` as django-axes keeps it; None for what is no address.

    Axes' own look-up finds none at all behind a proxy, and then anybody's bad passwords pause a user everywhere.
    """
    try:
        return str(ip_address(client_address(request)))
    except ValueError:
        return None
