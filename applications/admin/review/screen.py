"""All applications on the platform's console: the list, the queue, and the page of one case with what can be done there."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from applications.admin.parts import CASE_TONES, Tab, TabbedList
from applications.admin.review.acts import Decided, next_view, read_decided, work_view
from applications.admin.review.bulk import bulk_view
from applications.admin.review.case_page import case_view, find_desk
from applications.admin.review.held import HeldActs
from applications.admin.review.queue_page import VIEW, marks_of, queue_view
from applications.choices import CLOSED_STATES, REVIEW, CaseState
from applications.models import Application, DemoFile
from applications.selectors.queue import list_missed, list_with_news, missed, news
from backoffice.kernel.admin import PlatformModelAdmin, SearchShape, person
from backoffice.kernel.admin.display import moment, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.files.admin.downloads import stored_file
from backoffice.kernel.sites import platform_site

_NUMBER = re.compile(r"[Aa]?0*([1-9]\d{0,17})")


def _is_number(term: str) -> bool:
    return _NUMBER.fullmatch(term) is not None


def _by_number(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
    found = _NUMBER.fullmatch(term)
    return rows.filter(pk=int(found[1])) if found else rows.none()


def _by_name(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
    return rows.filter(Q(app__name__icontains=term) | Q(app__code=term) | Q(developer__name__icontains=term))


SHAPES = (
    SearchShape(gettext_lazy("the number of the application"), _is_number, _by_number),
    SearchShape(gettext_lazy("a part of the app's or the developer's name"), bool, _by_name),
)


class LookFilter(admin.SimpleListFilter):
    """Cases that somebody should look at, whatever their state: the lines of the first page lead here."""

    title = gettext_lazy("To look at")
    parameter_name = "look"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("news", _("New message")), ("missed", _("Missed earlier"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "news":
            return queryset.filter(pk__in=list_with_news().values("pk"))
        if self.value() == "missed":
            return queryset.filter(pk__in=list_missed(person(request), database_now()).values("pk"))
        return queryset


@admin.register(Application, site=platform_site)
class ApplicationAdmin(HeldActs, TabbedList, PlatformModelAdmin):
    """Everything that developers applied for; the queue is the part that waits for somebody."""

    big_list = True
    list_display = ("number_column", "app", "developer", "marks", "state_column", "submitted", "due", "closed")
    list_display_links = ("number_column",)
    list_filter = (LookFilter, "state", "is_first_time", "is_late")
    list_select_related = ("app", "developer", "merchant")
    search_shapes = SHAPES
    search_help_text = gettext_lazy("Number, app or developer")
    fields = ("app",)
    actions_detail = ("release_hold", "return_hold")
    empty_text = gettext_lazy("No application yet. Developers begin one in their console.")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        closed = [(CaseState(state).label, f"state__exact={state}") for state in CaseState.values if state in CLOSED_STATES]
        return ((_("All"), ""), *closed)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application]:
        rows: QuerySet[Application] = super().get_queryset(request)
        return rows.defer("draft").annotate(has_news=news(), has_missed=missed())

    @admin.display(description=gettext_lazy("Number"))
    def number_column(self, case: Application) -> str:
        return case.number

    @admin.display(description="")
    def marks(self, case: Application) -> str:
        return format_html_join(" ", "{}", ((mark,) for mark in marks_of(case)))

    @admin.display(description=gettext_lazy("State"))
    def state_column(self, case: Application) -> str:
        return status_chip(case, CASE_TONES, "state")

    @admin.display(description=pgettext_lazy("review", "Submitted"))
    def submitted(self, case: Application) -> str:
        return moment(case.submitted_at)

    @admin.display(description=pgettext_lazy("review", "Due"))
    def due(self, case: Application) -> str:
        return moment(case.due_at if case.clock_started_at else None)

    @admin.display(description=pgettext_lazy("review", "Closed"))
    def closed(self, case: Application) -> str:
        return moment(case.closed_at)

    def just_decided(self, request: HttpRequest, now: datetime) -> Decided | None:
        """What the user has just decided and can still undo, when the address says that there is something."""
        return read_decided(request, now)

    # --- addresses

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        here = "applications_application"
        return [
            path("queue/", view(self.queue), name="applications_queue"),
            path("queue/held/", view(self.held), name="applications_held"),
            path("queue/next/", view(self.next), name="applications_next"),
            path("queue/refuse/", view(self.bulk), name="applications_bulk"),
            path("<path:object_id>/review/", view(self.work), name=f"{here}_work"),
            path("<path:object_id>/demo/", view(self.demo), name=f"{here}_demo"),
            *super().get_urls(),
        ]

    def queue(self, request: HttpRequest) -> HttpResponse:
        return queue_view(self, request)

    def held(self, request: HttpRequest) -> HttpResponse:
        return queue_view(self, request, "held")

    def next(self, request: HttpRequest) -> HttpResponse:
        """Take the case that is due first."""
        return next_view(self, self._for_reviewers(request))

    def work(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Everything that a reviewer does on one case."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return work_view(self, self._for_reviewers(request), object_id)

    def bulk(self, request: HttpRequest) -> HttpResponse:
        """Refuse several cases that fail in the same one item."""
        return bulk_view(self, self._for_reviewers(request))

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The page of one case. What is done there is posted to ``work``."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        return case_view(self, request, object_id)

    def demo(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The uploaded demo of the revision under review."""
        if not self.allows(request, VIEW):
            raise PermissionDenied
        desk = find_desk(self, request, object_id)
        file = DemoFile.objects.filter(pk=desk.content.demo_file or 0, developer=desk.case.developer_id).first()
        if file is None:
            raise Http404
        return stored_file(file.file, file.file_name)

    demo.available = lambda _case: True  # type: ignore[attr-defined]  # not every case has a file

    def _for_reviewers(self, request: HttpRequest) -> HttpRequest:
        if not self.allows(request, REVIEW):
            raise PermissionDenied
        return request
