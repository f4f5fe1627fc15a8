"""The page on which an application is written, and on which a request for changes is answered: tasks and findings beside the fields."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from applications.admin.developer.draft_form import CONTACTS, DEMO, PAPERS, DraftForm
from applications.admin.developer.files import keep_upload
from applications.admin.developer.findings import PAPER, Beside
from applications.admin.developer.revisions import field_label
from applications.admin.developer.words import YOURS, seen_chip, sentence
from applications.choices import APPLY, CaseState, DecisionKind, RunOutcome
from applications.content import Content, content_of, diff
from applications.models import Application, Capability, DemoFile
from applications.selectors.applicant import SeenReason, list_seen_decisions
from applications.services.eligibility import check_draft
from applications.services.submit import save_draft, submit
from backoffice.kernel.admin import person
from backoffice.kernel.admin.display import row_url
from backoffice.kernel.admin.scoping import reaches
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.files.uploads import upload_limit_mb, was_too_large

SUBMIT = "submit"
FILES_OFFERED = 50


def draft_view(screen: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """GET shows the draft; POST saves it, and with the button “submit” submits it too. What was typed stays on the page whatever is refused."""
    case: Application = screen.get_object(request, object_id)
    if not reaches(request.user, screen.admin_site.name, case, APPLY):
        raise PermissionDenied
    if case.state not in YOURS:
        messages.info(request, _("This application is not being written any more."))
        return HttpResponseRedirect(_case_url(screen, case))
    now = database_now()
    form = _with_upload(request, case, _form(request, case, now), now)
    refused = ""
    if request.method == "POST" and form.is_valid():
        try:
            return _saved(screen, request, case, form, now)
        except BusinessError as refusal:
            if refusal.facts.get("field") in form.fields:
                form.add_error(refusal.facts["field"], str(refusal))
            else:
                refused = str(refusal)
    page = _page(screen, case, form, now)
    page["refused"] = refused
    status = 422 if request.method == "POST" else 200
    return screen.render_page(request, "draft", page["title"], page, status=status, original=case)  # type: ignore[no-any-return]


def _with_upload(request: HttpRequest, case: Application, form: DraftForm, now: datetime) -> DraftForm:
    """The form with the uploaded file, if there is one, stored and chosen: whatever else is refused, the file is not lost."""
    if request.method != "POST":
        return form
    form.is_valid()
    upload = form.cleaned_data.get("upload")
    if not upload:
        return form
    try:
        kept = keep_upload(upload, developer=case.developer, by=person(request), now=now)
    except BusinessError as refusal:
        form.add_error("upload", str(refusal))
        return form
    sent = request.POST.copy()
    sent["demo_file"] = str(kept.pk)
    return _form(request, case, now, sent)


def _form(request: HttpRequest, case: Application, now: datetime, sent: QueryDict | None = None) -> DraftForm:
    content = content_of(case.draft)
    capabilities = sorted(Capability.objects.filter(is_active=True) | Capability.objects.filter(code__in=content.codes), key=lambda row: row.pk)
    asks_papers = case.developer.onboarded_at is None or _asks_papers(case, now)
    shape: dict[str, Any] = {
        "build": case.app.build,
        "capabilities": capabilities,
        "files": _files(case, content.demo_file),
        "asks_papers": asks_papers,
    }
    if sent is not None:
        return DraftForm(sent, **shape)
    if request.method == "POST":
        return DraftForm(request.POST, request.FILES, uploaded_too_large=was_too_large(request), **shape)
    return DraftForm(initial=DraftForm.initial_of(content, case.draft_version), **shape)


def _files(case: Application, chosen: int | None) -> list[DemoFile]:
    """The company's newest files to choose from, and the one that the draft has."""
    own = DemoFile.objects.filter(developer=case.developer_id)
    found = list(own.order_by("-pk")[:FILES_OFFERED])
    if chosen is not None and chosen not in {row.pk for row in found}:
        found += own.filter(pk=chosen)
    return found


def _saved(screen: Any, request: HttpRequest, case: Application, form: DraftForm, now: datetime) -> HttpResponse:
    by = person(request)
    stored = save_draft(case=case, content=form.as_content(), draft_version=form.cleaned_data["draft_version"], by=by, now=now)
    here = HttpResponseRedirect(reverse(f"{screen.admin_site.name}:applications_application_draft", args=[case.pk]))
    if SUBMIT not in request.POST:
        messages.success(request, _("The draft is saved."))
        return here
    try:
        done = submit(case=stored, by=by, now=now)
    except BusinessError as refusal:
        messages.error(request, _("The draft is saved, but was not submitted. %(why)s") % {"why": refusal})
        return here
    if done.outcome == RunOutcome.STOPPED:
        number = len(done.failed)
        text = ngettext(
            "Not submitted: the checks found %(n)d thing. It stands beside the fields; your draft is saved.",
            "Not submitted: the checks found %(n)d things. They stand beside the fields; your draft is saved.",
            number,
        )
        messages.error(request, text % {"n": number})
        return here
    messages.success(request, _("Submitted. You can follow it on this page."))
    return HttpResponseRedirect(_case_url(screen, case))


def _page(screen: Any, case: Application, form: DraftForm, now: datetime) -> dict[str, Any]:
    is_answer = case.state == CaseState.CHANGES_REQUESTED
    tasks = _tasks(case, now) if is_answer else []
    beside = Beside(check_draft(case, now=now), tasks, form.capabilities)
    was_stopped = is_answer or case.version > 1
    return {
        "title": _("Answer to the request for changes") if is_answer else _("Application"),
        "case": case,
        "case_url": _case_url(screen, case),
        "app_url": row_url(screen.admin_site.name, case.app),
        "chip": seen_chip(case.state),
        "sentence": sentence(case.state, due_at=case.due_at, answer_by=case.answer_by),
        "form": form,
        "target": form.named(form.target),
        "contacts": form.named(CONTACTS),
        "demo": form.named([name for name in DEMO if name != "demo_covers"]),
        "covers": form["demo_covers"],
        "papers": form.named(PAPERS),
        "rows": [(row, beside.codes.get(row.capability.code, [])) for row in form.rows()],
        "beside": dict(beside.parts),
        "found": len(beside) - beside.tasks,
        "tasks": beside.tasks,
        "was_stopped": was_stopped,
        "is_answer": is_answer,
        "changed": _changed(case) if is_answer else [],
        "upload_mb": upload_limit_mb(),
    }


def _tasks(case: Application, now: datetime) -> list[SeenReason]:
    """What the last request for changes asks for."""
    asked = [decision for decision in list_seen_decisions(case, now=now) if decision.kind == DecisionKind.CHANGES_REQUESTED]
    return list(asked[0].reasons) if asked else []


def _asks_papers(case: Application, now: datetime) -> bool:
    """A developer that is onboarded is asked for papers only when a reviewer's task is about them."""
    if case.state != CaseState.CHANGES_REQUESTED:
        return False
    return PAPER in Beside([], _tasks(case, now), ()).parts


def _changed(case: Application) -> list[str]:
    """Parts of the draft that differ from what was submitted last."""
    before = content_of(case.revision.content) if case.revision else Content()
    return list(dict.fromkeys(str(field_label(change.field)) for change in diff(before, content_of(case.draft))))


def _case_url(screen: Any, case: Application) -> str:
    return row_url(screen.admin_site.name, case)
