"""Where a request comes from."""

from __future__ import annotations

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
