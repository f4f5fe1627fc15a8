"""What the screens of the developer console share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from applications.choices import APPLY
from backoffice.kernel.admin import DeveloperModelAdmin
from backoffice.kernel.admin.base import HISTORY_SHOWN
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.tenancy.access import developers_of
from backoffice.kernel.tenancy.models import Developer, Seat

View = Callable[..., Any]


class OwnScreen(DeveloperModelAdmin):
    """A screen whose pages are shown to people outside the platform. ``pages`` are addresses beside those of the model's list and rows."""

    def pages(self) -> list[tuple[str, str, View]]:
        """(route, name, view) each."""
        return []

    def get_urls(self) -> list[URLPattern]:
        own = [path(route, self.admin_site.admin_view(view), name=f"{self.opts.app_label}_{name}") for route, name, view in self.pages()]
        return [*own, *super().get_urls()]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Only what the company's own people did: names and acts of the platform's staff stay inside."""
        events = AuditEvent.objects.filter(target_type=self.opts.label_lower, target_id=self.get_object(request, object_id).pk)
        shown = by_own_people(request, events).select_related("actor").prefetch_related("actor__seats").order_by("-pk")[:HISTORY_SHOWN]
        return super().history_view(request, object_id, {**(extra_context or {}), "events": shown})

    def render_page(self, request: HttpRequest, template: str, title: Any, page: Any, *, status: int = 200, **more: Any) -> TemplateResponse:
        """A page that is no row's own."""
        request.current_app = self.admin_site.name
        context = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, "page": page, **more}
        return TemplateResponse(request, f"applications/developer/{template}.html", context, status=status)

    def may_apply(self, request: HttpRequest) -> bool:
        return self.allows(request, APPLY)


def by_own_people(request: HttpRequest, events: models.QuerySet[AuditEvent]) -> models.QuerySet[AuditEvent]:
    """Events whose actor has, or had, a seat at the user's company, and never one at the platform."""
    own = Seat.objects.filter(developer__in=developers_of(request.user)).values("user")
    staff = Seat.objects.filter(role__startswith="PLATFORM_").values("user")
    return events.filter(actor__in=own).exclude(actor__in=staff)


def own_developers(request: HttpRequest) -> list[Developer]:
    """The companies of the user's seats; nearly always one."""
    return list(developers_of(request.user).order_by("name", "pk"))
