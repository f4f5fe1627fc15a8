"""The import and export buttons of django-import-export on a list of a console.

The library gives buttons, pages and formats. Rights, rows and the work are ours: a file that is handed in becomes an import job of the
engine at every size, exactly as from the import pages; a list that goes out holds the rows in reach, as filtered, formula-safe, and is logged.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.admin import ImportExportMixin
from unfold.contrib.import_export.forms import ExportForm, ImportForm
from unfold.widgets import UnfoldAdminTextInputWidget

from backoffice.kernel import clock
from backoffice.kernel.admin.scoping import permission_of, reach
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.files.admin.forms import StoreMixin
from backoffice.kernel.files.admin.reach import kinds_for, stores_for
from backoffice.kernel.files.kinds import ImportKind
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.poke import poke_on_commit
from backoffice.kernel.files.resources import MOST_XLSX_ROWS, ChineseTextFormat, KindResource, TextFormat, WorkbookFormat, stream_text, write_workbook
from backoffice.kernel.files.services import create_job
from backoffice.kernel.files.uploads import upload_limit_mb, was_too_large


class BulkImportForm(StoreMixin, ImportForm):
    """One file, and the store when the file does not name it. The format is found from the content."""

    store = forms.CharField(label=gettext_lazy("Store code"), max_length=64, required=False, widget=UnfoldAdminTextInputWidget)
    field_order = ("resource", "import_file", "store")

    def __init__(self, formats: Any, resources: Any, *, user: Any, console: str, kind: ImportKind, too_large: bool, **kwargs: Any) -> None:
        super().__init__(formats, resources, **kwargs)
        self.user, self.console, self.kind, self.too_large = user, console, kind, too_large
        del self.fields["format"]
        self.fields["import_file"].required = not too_large
        if kind.has_store:
            self.fields["store"].help_text = _("Leave it empty when the file has a column with the store code.")
        else:
            del self.fields["store"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        file = cleaned.get("import_file")
        if self.too_large or (file and file.size > settings.MAX_UPLOAD_BYTES):
            self.add_error("import_file", _("The file is larger than %(most)s MB. Split it, or pack it with gzip or zip.") % {"most": upload_limit_mb()})
        cleaned["store"] = self.find_store(self.user, self.console, self.kind, cleaned.get("store") or "")
        return cleaned


class BulkButtons(ImportExportMixin):
    """Mixed in before the console's admin class; ``resource`` says what goes in and out."""

    resource: ClassVar[type[KindResource]]
    export_form_class = ExportForm

    def get_resource_classes(self, request: HttpRequest) -> list[type[KindResource]]:
        return [self.resource]

    def get_export_formats(self) -> list[Any]:
        return [TextFormat, ChineseTextFormat, WorkbookFormat]

    # --- rights

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.resource.kind() in kinds_for(request.user, self.admin_site.name)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.allows(request, permission_of(self.model, "export")))

    def get_urls(self) -> list[URLPattern]:
        """Without the library's second step, which trusts a file name that the browser sends."""
        app, name = self.get_model_info()
        return [url for url in super().get_urls() if url.name != f"{app}_{name}_process_import"]

    # --- in

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Take a file, make the job, and go to its page, where it is checked, looked at and applied."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        kind, console = self.resource.kind(), self.admin_site.name
        form = BulkImportForm(
            self.get_import_formats(), [self.resource], user=request.user, console=console, kind=kind, too_large=was_too_large(request),
            data=request.POST or None, files=request.FILES or None, initial={"store": self._only_store(request, kind)},
        )  # fmt: skip
        if request.method == "POST" and form.is_valid():
            job = self._hand_in(request, form, kind)
            if job is not None:
                return HttpResponseRedirect(reverse(f"{console}:files_importjob_change", args=[job.pk]))
        request.current_app = console
        context = {
            **self.admin_site.each_context(request),
            "title": _("Import: %(kind)s") % {"kind": kind.name},
            "form": form,
            "opts": self.opts,
            "media": self.media + form.media,
            "fields_list": [(kind.name, [field.column_name for field in self.resource().get_user_visible_fields()])],
        }
        return TemplateResponse(request, [self.import_template_name], context)

    def _only_store(self, request: HttpRequest, kind: ImportKind) -> str:
        """The code of the one store that the user may import into; empty when there are more."""
        codes = list(stores_for(request.user, self.admin_site.name, kind).order_by("pk").values_list("code", flat=True)[:2]) if kind.has_store else []
        return codes[0] if len(codes) == 1 else ""

    def _hand_in(self, request: HttpRequest, form: BulkImportForm, kind: ImportKind) -> ImportJob | None:
        """The new job, or None with the reason on the form."""
        file = form.cleaned_data["import_file"]
        try:
            job = create_job(
                kind=kind.code, content=file.file, file_name=file.name, store=form.cleaned_data["store"], console=self.admin_site.name,
                by=request.user, now=clock.database_now(),  # type: ignore[arg-type]
            )  # fmt: skip
        except BusinessError as refusal:
            form.add_error("import_file", str(refusal))
            return None
        if not job.reading.get("missing"):
            poke_on_commit(job)
        return job

    # --- out

    def get_export_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """The list as filtered and searched, cut to the rows that the user may export."""
        listed: models.QuerySet[Any] = super().get_export_queryset(request)
        return reach(request.user, self.admin_site.name, listed, permission_of(self.model, "export"))

    def get_valid_export_item_pks(self, request: HttpRequest) -> list[Any]:
        """Single rows are not chosen here, and the library would load every key of the table."""
        return []

    def init_request_context_data(self, request: HttpRequest, form: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().init_request_context_data(request, form)
        titles = self.resource().get_export_headers()
        return {**context, "title": _("Export: %(kind)s") % {"kind": self.resource.kind().name}, "fields_list": [(self.resource.get_display_name(), titles)]}

    def _do_file_export(self, file_format: Any, request: HttpRequest, queryset: models.QuerySet[Any], export_form: Any = None) -> HttpResponseBase:
        resource, now = self.resource(), clock.database_now()
        count = queryset.count()
        if isinstance(file_format, WorkbookFormat) and count > MOST_XLSX_ROWS:
            messages.error(request, _("A workbook holds at most %(most)s rows here. Choose CSV, or filter the list first.") % {"most": f"{MOST_XLSX_ROWS:,}"})
            return HttpResponseRedirect(request.get_full_path())
        record_event(
            "list.exported", target=request.user, by=request.user, now=now, list=self.opts.label_lower, console=self.admin_site.name,  # type: ignore[arg-type]
            format=file_format.get_title(), rows=count,
        )  # fmt: skip
        headers = resource.get_export_headers()
        name = f"{self.resource.kind_code}-{clock.local_day(now):%Y%m%d}.{file_format.get_extension()}"
        answer: HttpResponseBase
        if isinstance(file_format, TextFormat):
            pieces = stream_text(headers, resource.rows(queryset, numbers=False), file_format)
            answer = StreamingHttpResponse(pieces, content_type=f"text/csv; charset={file_format.codec}")
            answer["Content-Disposition"] = f'attachment; filename="{name}"'
        else:
            answer = FileResponse(write_workbook(headers, resource.rows(queryset, numbers=True)), as_attachment=True, filename=name)
        answer["Cache-Control"] = "no-store"
        return answer
