"""Notices to the user, newest first; a link leads to the application that each is about."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from applications.admin.developer.base import own_developers
from applications.choices import Channel
from applications.models import Notification
from applications.selectors.notices import notice_text
from applications.services.notices import mark_read
from backoffice.kernel.admin import person
from backoffice.kernel.admin.display import moment, row_url
from backoffice.kernel.clock import database_now

PAGE = 30


def own_notices(request: HttpRequest) -> Any:
    """Notices in the console to this user, about the own companies."""
    mine = Notification.objects.filter(user=person(request), channel=Channel.IN_APP, developer__in=own_developers(request))
    return mine.select_related("case").order_by("-pk")


def notices_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """``?before=`` is the number of the last notice of the page before."""
    if not screen.has_view_permission(request):
        raise PermissionDenied
    rows = own_notices(request)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows[: PAGE + 1])
    shown, now, console = found[:PAGE], database_now(), screen.admin_site.name
    page = {
        "notices": [
            {"text": notice_text(row), "at": moment(row.created_at, now), "is_new": row.read_at is None, "url": row_url(console, row.case) if row.case else ""}
            for row in shown
        ],
        "older": f"?before={shown[-1].pk}" if len(found) > PAGE else "",
        "newest": shown[0].pk if shown else 0,
        "has_new": any(row.read_at is None for row in shown),
        "wishes_url": reverse(f"{console}:applications_wishes"),
        "read_url": reverse(f"{console}:applications_notices_read"),
    }
    return screen.render_page(request, "notices", _("Notices"), page)  # type: ignore[no-any-return]


def read_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """POST: everything up to the newest that was shown is read."""
    if not screen.has_view_permission(request):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    raw = request.POST.get("up_to", "")
    if raw.isascii() and raw.isdigit() and len(raw) < 19:
        mark_read(user=person(request), up_to=int(raw), now=database_now())
    return HttpResponseRedirect(reverse(f"{screen.admin_site.name}:applications_notices"))
