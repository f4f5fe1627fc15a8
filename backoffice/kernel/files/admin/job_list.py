"""The list of imports as an admin list. Columns are what people decide by."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import ScopedRelatedFilter
from backoffice.kernel.admin.display import EMPTY, chip, link, moment
from backoffice.kernel.files import words
from backoffice.kernel.files.admin import listing
from backoffice.kernel.files.admin.reach import holds, jobs_in_reach, kind_of, kinds_for, readable_files
from backoffice.kernel.files.admin.start import start_context
from backoffice.kernel.files.models import ImportJob


class ImportJobList:
    """Mixed into a ``ConsoleModelAdmin`` of ``ImportJob``; everything on it is read only."""

    list_display = ("shown_file", "shown_kind", "shown_store", "shown_by", "shown_when", "shown_rows", "shown_status", "shown_files")
    list_filter = (listing.QueueFilter, listing.KindFilter, "status", ("store", ScopedRelatedFilter), "created_at")
    list_select_related = ("store", "uploaded_by")
    list_before_template = "files/list_before.html"
    big_list = True
    empty_text = gettext_lazy("Choose above what to import and drop the file there. It is checked first; nothing is written before you say so.")

    admin_site: Any

    class Media:
        css = {"all": ["files/imports.css"]}
        js = ["files/imports.js"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[ImportJob]:
        jobs = jobs_in_reach(request.user, self.admin_site.name).select_related("store", "uploaded_by").prefetch_related("uploaded_by__seats")
        return jobs.annotate(file_is_readable=holds(readable_files(request.user, self.admin_site.name)))

    def stores_to_merge(self, request: HttpRequest) -> None:
        """A user's list also holds own imports without a store, which no store's index has."""
        return

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if isinstance(obj, ImportJob) and obj.pk is not None:
            return jobs_in_reach(request.user, self.admin_site.name).filter(pk=obj.pk).exists()
        return bool(super().has_view_permission(request, obj))  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        here = request.GET.get(listing.QUEUE_VAR, "")
        shown: dict[str, Any] = {"tabs": listing.queue_tabs(request.user, self.admin_site.name, here), "queue_var": listing.QUEUE_VAR}
        if not request.GET:
            shown |= start_context(request, self.admin_site.name)
        else:
            shown["may_start"] = bool(kinds_for(request.user, self.admin_site.name))
        return super().changelist_view(request, {**shown, **(extra_context or {})})  # type: ignore[misc,no-any-return]

    @admin.display(description=gettext_lazy("file"))
    def shown_file(self, job: ImportJob) -> SafeString:
        page = link(job.file_name, self._page("change", job))
        return format_html('<span class="bo-import-file">{}</span>', page)

    @admin.display(description=gettext_lazy("what"))
    def shown_kind(self, job: ImportJob) -> str:
        return words.kind_name(job)

    @admin.display(description=gettext_lazy("store"))
    def shown_store(self, job: ImportJob) -> str:
        if job.store is not None:
            return str(job.store)
        kind = kind_of(job)
        return _("as in the file") if kind is not None and kind.has_store else EMPTY

    @admin.display(description=gettext_lazy("by"))
    def shown_by(self, job: ImportJob) -> str:
        return words.person_words(job, self.admin_site.name)

    @admin.display(description=gettext_lazy("handed in"))
    def shown_when(self, job: ImportJob) -> SafeString:
        return moment(job.created_at)

    @admin.display(description=gettext_lazy("rows"))
    def shown_rows(self, job: ImportJob) -> SafeString:
        if not sum(share.number for share in words.shares(job)):
            return format_html("{}", EMPTY)
        return mark_safe(listing.render_bar(job))  # noqa: S308 - a template of ours, escaped there

    @admin.display(description=gettext_lazy("status"))
    def shown_status(self, job: ImportJob) -> SafeString:
        return chip(job.get_status_display(), words.TONES[job.status])

    @admin.display(description=gettext_lazy("download"))
    def shown_files(self, job: Any) -> SafeString:
        if not job.file_is_readable:
            return format_html("{}", EMPTY)
        links = [(self._page("file", job), _("Original"))]
        if job.errors_file and words.bad_rows(job):
            links.append((self._page("bad_rows", job), _("Bad rows")))
        return format_html_join(" ", '<a class="bo-link" href="{}">{}</a>', links)

    def _page(self, name: str, job: ImportJob) -> str:
        return reverse(f"{self.admin_site.name}:files_importjob_{name}", args=[job.pk])
