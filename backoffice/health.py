"""``/healthz``: this process answers. Whether database, broker and beat do is another question (the System page)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    """200 and ``ok``, without a query: a process that is to be restarted when it hangs, not when the database does."""
    return HttpResponse("ok\n", content_type="text/plain")
