"""Pages and acts of imports, for the console whose admin class they are mixed into.

Every object comes out of ``get_queryset``: an import that is out of reach answers 404 exactly as one that does not exist. Acts are POST only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from backoffice.kernel import clock
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.files.admin import downloads, samples
from backoffice.kernel.files.admin.forms import ApplyForm, ReadingForm, StartForm
from backoffice.kernel.files.admin.page import job_context
from backoffice.kernel.files.admin.progress import progress
from backoffice.kernel.files.admin.reach import jobs_in_reach, kinds_for, rights_on, stores_for
from backoffice.kernel.files.admin.start import start_context
from backoffice.kernel.files.faults import RepeatedFile
from backoffice.kernel.files.kinds import import_kinds
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.poke import poke_on_commit
from backoffice.kernel.files.services import cancel_job, change_reading, create_job, request_apply
from backoffice.kernel.files.uploads import was_too_large
from backoffice.kernel.files.words import bad_rows

_MOST_PROBLEMS = 1_000_000


def _post_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def guarded(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return view(self, request, object_id)

    return guarded


class ImportScreens:
    """Mixed into a ``ConsoleModelAdmin`` of ``ImportJob``."""

    admin_site: Any
    opts: Any
    allows: Callable[[HttpRequest, str], bool]
    get_object: Callable[..., Any]

    def get_urls(self) -> list[URLPattern]:
        pages: list[tuple[str, str, Callable[..., HttpResponseBase]]] = [
            ("start/", "start", self.start_view),
            ("sample/<slug:kind>/<slug:language>/<slug:format>/", "sample", self.sample_view),
            ("<path:object_id>/progress/", "progress", self.progress_view),
            ("<path:object_id>/reading/", "reading", self.reading_view),
            ("<path:object_id>/apply/", "apply", self.apply_view),
            ("<path:object_id>/cancel/", "cancel", self.cancel_view),
            ("<path:object_id>/file/", "file", self.file_view),
            ("<path:object_id>/bad-rows/", "bad_rows", self.bad_rows_view),
        ]
        own = [path(route, self.admin_site.admin_view(view), name=f"files_importjob_{name}") for route, name, view in pages]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def _url(self, name: str, *args: Any) -> str:
        return reverse(f"{self.admin_site.name}:files_importjob_{name}", args=args)

    def _frame(self, request: HttpRequest, title: Any, **context: Any) -> dict[str, Any]:
        request.current_app = self.admin_site.name
        return {**self.admin_site.each_context(request), "title": title, "opts": self.opts, **context}

    # --- handing in

    def start_view(self, request: HttpRequest) -> HttpResponse:
        """Choose what to import and the file. A script posts the same form and is answered in JSON, so that it can show the upload's progress."""
        console = self.admin_site.name
        kinds = kinds_for(request.user, console)
        if not kinds:
            raise PermissionDenied
        form = None
        if request.method == "POST":
            form = StartForm(request.POST, request.FILES, user=request.user, console=console, kinds=kinds, uploaded_too_large=was_too_large(request))
            job = self._hand_in(request, form)
            by_script = request.headers.get("X-Requested-With") == "XMLHttpRequest"
            if job is not None:
                return JsonResponse({"next": self._url("change", job.pk)}) if by_script else HttpResponseRedirect(self._url("change", job.pk))
            if by_script:
                errors = {name: [str(text) for text in texts] for name, texts in form.errors.items()}
                first = getattr(request, "repeated_job", None)
                link = {} if first is None else {"link": {"url": self._url("change", first.pk), "text": _("Open that import")}}
                return JsonResponse({"errors": errors, **link}, status=422)
        context = start_context(request, console, form=form, wanted=request.GET.get("kind", ""))
        return TemplateResponse(request, "files/start.html", self._frame(request, _("New import"), **context), status=200 if form is None else 422)

    def _hand_in(self, request: HttpRequest, form: StartForm) -> ImportJob | None:
        """The new job, or None with the reason on the form."""
        if not form.is_valid():
            return None
        chosen, console = form.cleaned_data, self.admin_site.name
        first = None
        if chosen["resend_of"]:
            first = jobs_in_reach(request.user, console).filter(pk=chosen["resend_of"], kind=chosen["kind"].code).first()
            if first is None or not rights_on(request.user, console, first).acts:
                form.add_error(None, _("The import whose rows you mended is not there."))
                return None
        try:
            job = create_job(
                kind=chosen["kind"].code,
                content=chosen["file"].file,
                file_name=chosen["file"].name,
                store=chosen["store"],
                console=console,
                by=_person(request),
                now=clock.database_now(),
                on_bad_rows=chosen["on_bad_rows"],
                control_total=chosen["control_total"],
                resend_of=first,
                apply_when_clean=chosen["apply_when_clean"],
            )
        except RepeatedFile as repeated:
            form.add_error("file", self._repeated(request, repeated))
        except BusinessError as refusal:
            form.add_error("file" if refusal.code not in ("not_found", "not_allowed") else None, str(refusal))
        else:
            if not job.reading.get("missing"):
                poke_on_commit(job)
            return job
        return None

    def _repeated(self, request: HttpRequest, repeated: RepeatedFile) -> str:
        first = jobs_in_reach(request.user, self.admin_site.name).filter(pk=repeated.facts["job"]).select_related("uploaded_by").first()
        if first is None or first.applied_at is None:
            return _("This file was imported already. Nothing was done.")
        request.repeated_job = first  # type: ignore[attr-defined]
        when = clock.to_local(first.applied_at).strftime("%Y-%m-%d %H:%M")
        return _("This file was imported already on %(when)s as number %(number)s. Nothing was done.") % {"when": when, "number": first.pk}

    def sample_view(self, request: HttpRequest, kind: str, language: str, format: str) -> HttpResponse:  # noqa: A002 - the word of the URL
        found = next((one for one in kinds_for(request.user, self.admin_site.name) if one.code == kind), None)
        if found is None or language not in samples.LANGUAGES or format not in samples.FORMATS:
            raise Http404
        store = stores_for(request.user, self.admin_site.name, found).order_by("pk").values_list("code", flat=True).first() or ""
        content = samples.sample_file(found, language, format, store)
        return downloads.made_file(content, f"{found.code}-sample-{language}.{format}", samples.FORMATS[format])

    # --- one import

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        job = self.get_object(request, object_id)
        return self._job_page(request, job)

    def _job_page(self, request: HttpRequest, job: ImportJob, status: int = 200, **more: Any) -> HttpResponse:
        raw = request.GET.get("problems", "")
        first = min(int(raw), _MOST_PROBLEMS) if raw.isascii() and raw.isdigit() and len(raw) < 9 else 0
        console = self.admin_site.name
        context = job_context(request, console, job, first)
        context["progress"] = progress(job, clock.database_now())
        if context["takes_mended"] or context.get("may_correct"):
            context |= start_context(request, console, wanted=job.kind)
        return TemplateResponse(request, "files/job.html", self._frame(request, job.file_name, **context, **more), status=status)

    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.get_object(request, object_id)
        answer = JsonResponse(progress(job, clock.database_now()))
        answer["Cache-Control"] = "no-store"
        return answer

    def _to_act_on(self, request: HttpRequest, object_id: str, *, corrects: bool = False) -> ImportJob:
        job: ImportJob = self.get_object(request, object_id)
        rights = rights_on(request.user, self.admin_site.name, job)
        if not (rights.corrects if corrects else rights.acts):
            raise PermissionDenied
        return job

    def _back(self, request: HttpRequest, job: ImportJob, refusal: BusinessError | str | None = None) -> HttpResponse:
        if refusal is not None:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(self._url("change", job.pk))

    @_post_only
    def reading_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Read the file as corrected, and check it again."""
        job = self._to_act_on(request, object_id, corrects=True)
        form = ReadingForm(request.POST, user=request.user, console=self.admin_site.name, job=job, kind=import_kinds.get(job.kind))
        if not form.is_valid():
            return self._job_page(request, job, status=422, reading_errors=[text for texts in form.errors.values() for text in texts], show_correction_now=True)
        try:
            job = change_reading(job=job, by_hand=form.by_hand(), by=_person(request), now=clock.database_now(), store=form.cleaned_data["store"])
        except BusinessError as refusal:
            return self._job_page(request, job, status=422, reading_errors=[str(refusal)], show_correction_now=True)
        if not job.reading.get("missing"):
            poke_on_commit(job)
        return self._back(request, job)

    @_post_only
    def apply_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Import what the dry run found good. Asked in a dialog that says what and how many."""
        job = self._to_act_on(request, object_id)
        form = ApplyForm(request.POST)
        if not form.is_valid():
            return self._back(request, job, " ".join(str(text) for texts in form.errors.values() for text in texts))
        total = form.cleaned_data["control_total"]
        total = job.control_total if total is None else total
        try:
            request_apply(job=job, on_bad_rows=form.cleaned_data["on_bad_rows"], control_total=total, by=_person(request), now=clock.database_now())
        except BusinessError as refusal:
            return self._back(request, job, refusal)
        poke_on_commit(job)
        return self._back(request, job)

    @_post_only
    def cancel_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job: ImportJob = self.get_object(request, object_id)
        if not rights_on(request.user, self.admin_site.name, job).cancels:
            raise PermissionDenied
        try:
            cancel_job(job=job, by=_person(request), now=clock.database_now())
        except BusinessError as refusal:
            return self._back(request, job, refusal)
        return self._back(request, job)

    # --- files

    def file_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._hand_out(request, object_id, original=True)

    def bad_rows_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._hand_out(request, object_id, original=False)

    def _hand_out(self, request: HttpRequest, object_id: str, *, original: bool) -> HttpResponseBase:
        job: ImportJob = self.get_object(request, object_id)
        if not rights_on(request.user, self.admin_site.name, job).takes_file:
            raise PermissionDenied
        if not original and not (bad_rows(job) and job.errors_file):
            raise Http404
        name = job.file_name if original else downloads.bad_rows_name(job.file_name)
        answer = downloads.stored_file(job.file if original else job.errors_file, name)
        record_event("import.file_handed_out", target=job, by=_person(request), now=clock.database_now(), store=job.store_id, original=original)
        return answer


def _person(request: HttpRequest) -> Any:
    """The logged-in user of an admin view."""
    return request.user
