"""Refusing several cases at once: only those that fail in the same one item, one record each, with a report of what was left alone."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from applications.admin.review.words import due_chip, usual_fix
from applications.choices import Item
from applications.models import Application
from applications.selectors.applicant import failed_title
from applications.selectors.calendar import get_calendar
from applications.selectors.same_failure import list_cases_with_reasons, list_same_failures
from applications.services.decide import BulkReport, refuse_in_bulk
from backoffice.kernel.admin import person
from backoffice.kernel.admin.display import row_link
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError

MOST_AT_ONCE = 100


class BulkForm(forms.Form):
    """Which cases, and the words for those that have none yet."""

    case = forms.TypedMultipleChoiceField(label=gettext_lazy("Applications"), coerce=int)
    fact = forms.CharField(label=gettext_lazy("What was seen"), max_length=5000, widget=forms.Textarea(attrs={"rows": 3}))
    fix = forms.CharField(label=pgettext_lazy("review", "What to do"), max_length=5000, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, cases: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["case"].choices = [(case.pk, case.number) for case in cases]  # type: ignore[attr-defined]
        self.fields["case"].error_messages["required"] = _("Tick at least one application.")
        for name in ("fact", "fix"):
            self.fields[name].error_messages["required"] = _("Say what you saw and what to do about it: the developer reads both.")


def bulk_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """``?item=M4``: the cases that fail in nothing else. A POST refuses those that are ticked, and reports."""
    console, now = screen.admin_site.name, database_now()
    failures = {failure.item: failure.cases for failure in list_same_failures()}
    item = request.POST.get("item", "") if request.method == "POST" else request.GET.get("item", "")
    item = item if item in Item.values else ""
    cases = list_cases_with_reasons(failures.get(item, [])[:MOST_AT_ONCE], item) if item else []
    report: dict[str, Any] | None = None
    sentence = ""
    form = BulkForm(cases=cases, initial={"fix": usual_fix(item)})
    if request.method == "POST":
        offered = [*cases, *_named(request, {case.pk for case in cases})]
        form = BulkForm(request.POST, cases=offered)
        if form.is_valid():
            done = form.cleaned_data
            try:
                report = _report(refuse_in_bulk(case_ids=done["case"], item=item, fact=done["fact"], fix=done["fix"], by=person(request), now=now), console)
            except BusinessError as error:
                sentence = str(error)
    calendar = get_calendar()
    here = reverse(f"{console}:applications_bulk")
    ticked = {int(number) for number in request.POST.getlist("case") if number.isdigit()} if request.method == "POST" else {case.pk for case in cases}
    page = {
        "item": item,
        "title": failed_title(item) if item else "",
        "choices": [
            {"item": one, "title": failed_title(one), "count": len(found), "url": f"{here}?item={one}", "open": one == item} for one, found in failures.items()
        ],
        "rows": [{"case": case, "link": _link(case, console), "due": due_chip(case.due_at, now, calendar), "ticked": case.pk in ticked} for case in cases],
        "report": report,
        "sentence": sentence,
        "queue_url": reverse(f"{console}:applications_queue"),
    }
    request.current_app = console
    context = {**screen.admin_site.each_context(request), "title": _("Refuse several"), "page": page, "form": form}
    return TemplateResponse(request, "applications/review/bulk.html", context, status=422 if sentence or (request.method == "POST" and not report) else 200)


def _named(request: HttpRequest, known: set[int]) -> list[Application]:
    """Ticked cases that have moved on since the page was shown: the service reports each of them."""
    numbers = [int(number) for number in request.POST.getlist("case") if number.isascii() and number.isdigit() and len(number) < 19][:MOST_AT_ONCE]
    return list(Application.objects.filter(pk__in=set(numbers) - known).defer("draft"))


def _report(done: BulkReport, console: str) -> dict[str, Any]:
    numbers = [*done.decided, *(conflict.case_id for conflict in done.conflicts)]
    cases = {case.pk: case for case in Application.objects.filter(pk__in=numbers).select_related("app").defer("draft")}
    return {
        "decided": [_link(cases[number], console) for number in done.decided],
        "conflicts": [(_link(cases[conflict.case_id], console), conflict.message) for conflict in done.conflicts],
    }


def _link(case: Application, console: str) -> str:
    return row_link(console, case, f"{case.number} {case.app.name}")
