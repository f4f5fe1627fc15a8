"""“Would this pass?”: asked before a word is written, answered by the checks themselves, capability by capability. From the answer an application is begun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from applications.admin.developer.base import own_developers
from applications.choices import AppBuild, AppForm
from applications.content import LONGEST_LINE
from applications.gates.base import Result, words_of
from applications.models import App, Capability, Category
from applications.selectors.applicant import SeenFinding, rule_title
from applications.services.eligibility import Eligibility, check_eligibility
from applications.services.submit import begin_application
from backoffice.kernel.admin import person
from backoffice.kernel.admin.display import BAD, GOOD, WARN, chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.tenancy.models import Developer


class EligibilityForm(forms.Form):
    """What people know before they write: what the app is, and which capabilities they think of."""

    form = forms.ChoiceField(label=gettext_lazy("Form"), choices=AppForm.choices, widget=UnfoldAdminSelectWidget())
    build = forms.ChoiceField(label=gettext_lazy("Build"), choices=AppBuild.choices, widget=UnfoldAdminSelectWidget())
    category = forms.ChoiceField(label=gettext_lazy("Category"), widget=UnfoldAdminSelectWidget())
    merchant = forms.CharField(
        label=gettext_lazy("Merchant of the custom build"),
        required=False,
        max_length=LONGEST_LINE,
        widget=UnfoldAdminTextInputWidget(attrs={"data-shown-when": "build=CUSTOM"}),
        help_text=gettext_lazy("Its code or its full name. Leave it empty if you do not know yet."),
    )
    capability = forms.MultipleChoiceField(
        label=gettext_lazy("Capabilities"),
        required=False,
        widget=forms.CheckboxSelectMultiple(),
        help_text=gettext_lazy("Nothing ticked: all are checked."),
    )

    def __init__(self, *args: Any, categories: Sequence[Category], capabilities: Sequence[Capability], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        category: Any = self.fields["category"]
        category.choices = [(row.code, str(row)) for row in categories]
        capability: Any = self.fields["capability"]
        capability.choices = [(row.code, str(row)) for row in capabilities]


@dataclass(frozen=True)
class Answer:
    """What the checks say about one capability."""

    code: str
    name: str
    description: str
    chip: SafeString
    passes: bool
    findings: Sequence[SeenFinding]
    hint: str


def eligibility_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """GET with or without the question in the query string. Writes nothing."""
    if not screen.has_view_permission(request):
        raise PermissionDenied
    now, developers = database_now(), own_developers(request)
    categories = list(Category.objects.filter(is_active=True).order_by("pk"))
    capabilities = list(Capability.objects.filter(is_active=True).order_by("pk"))
    apps = list(App.objects.filter(developer__in=developers).select_related("category").order_by("name", "pk"))
    chosen = _chosen_app(request, apps)
    asked = request.GET if "build" in request.GET else None
    initial = {"form": chosen.form, "build": chosen.build, "category": chosen.category.code} if chosen else {}
    form = EligibilityForm(asked, initial=initial, categories=categories, capabilities=capabilities)
    page: dict[str, Any] = {"form": form, "chosen": chosen, "answers": None, "general": [], "no_categories": not categories}
    if asked is not None and form.is_valid() and developers:
        given = form.cleaned_data
        codes = given["capability"] or [row.code for row in capabilities]
        told = check_eligibility(
            developer=developers[0], form=given["form"], build=given["build"], category=given["category"], capabilities=codes, now=now,
            merchant=given["merchant"] if given["build"] == AppBuild.CUSTOM else "",
        )  # fmt: skip
        page |= _told(screen, told, given, {row.code: row for row in capabilities}, apps, developers[0])
    return screen.render_page(request, "eligibility", _("Would this pass?"), page)  # type: ignore[no-any-return]


def _told(screen: Any, told: Eligibility, given: dict[str, Any], names: dict[str, Capability], apps: Sequence[App], developer: Developer) -> dict[str, Any]:
    general = _findings(told.general)
    answers = []
    for each in told.capabilities:
        row = names[each.capability]
        if each.passes and not general:
            tone, word = GOOD, _("Passes")
        elif each.passes:
            tone, word = WARN, _("Open, but see above")
        elif each.passes_as_custom:
            tone, word = WARN, _("Open as a custom build, but see above") if general else _("Passes as a custom build")
        else:
            tone, word = BAD, _("Does not pass")
        hint = _custom_hint(stopped=bool(general)) if each.passes_as_custom else ""
        answers.append(Answer(each.capability, str(row), row.description, chip(word, tone), each.passes, _findings(each.results), hint))
    fitting = [app for app in apps if (app.form, app.build, app.category.code) == (given["form"], given["build"], given["category"])]
    add = reverse(f"{screen.admin_site.name}:applications_app_add")
    query = urlencode({"form": given["form"], "build": given["build"], "category_code": given["category"]})
    return {
        "answers": answers,
        "general": general,
        "passing": sum(answer.passes for answer in answers),
        "verdict": _verdict(told),
        "apps": fitting,
        "add_url": f"{add}?{query}",
        "begin_url": reverse(f"{screen.admin_site.name}:applications_application_begin"),
        "merchant": given["merchant"] if given["build"] == AppBuild.CUSTOM else "",
        "is_first_time": developer.onboarded_at is None,
    }


def _custom_hint(*, stopped: bool) -> str:
    if stopped:
        return _("Once the above is solved, it would pass as a custom build for one premium merchant; as a template it would not.")
    return _("As a custom build for one premium merchant it would pass; as a template it does not.")


def _verdict(told: Eligibility) -> str:
    if told.general:
        return _("As it stands, no application of this kind would pass.")
    passing = sum(each.passes for each in told.capabilities)
    if passing == len(told.capabilities):
        return _("All of it would pass the automatic checks. A reviewer then judges the design.")
    return _("A part of it would pass: read why beside each capability.") if passing else _("None of these capabilities would pass. Read why beside each.")


def _findings(results: Sequence[Result]) -> list[SeenFinding]:
    return [SeenFinding(result.gate, rule_title(result.gate), *words_of(result.gate, result.code, result.params)) for result in results]


def _chosen_app(request: HttpRequest, apps: Sequence[App]) -> App | None:
    """The app of ``?app=``; a foreign one is answered as a missing one."""
    raw = request.GET.get("app", "")
    if not raw:
        return None
    found = next((app for app in apps if str(app.pk) == raw), None)
    if found is None:
        raise Http404
    return found


def begin_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """POST begins an application of one of the own apps, and leads to its draft: for the ticked capabilities, or ``again`` with what another one said."""
    if not screen.may_apply(request):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    raw = request.POST.get("app", "")
    if not (raw.isascii() and raw.isdigit() and len(raw) < 19):
        raise Http404
    app = App.objects.filter(developer__in=own_developers(request), pk=int(raw)).select_related("developer", "category").first()
    if app is None:
        raise Http404
    content: dict[str, Any] = {"capabilities": [{"capability": code} for code in request.POST.getlist("capability")]}
    content["merchant"] = request.POST.get("merchant", "")
    if "again" in request.POST:
        content = screen.get_object(request, request.POST["again"]).draft
    try:
        case = begin_application(app=app, by=person(request), now=database_now(), content=content)
    except BusinessError as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse(f"{screen.admin_site.name}:applications_eligibility"))
    messages.success(request, _("The application is begun. Write it now, or later: nobody sees it before you submit."))
    return HttpResponseRedirect(reverse(f"{screen.admin_site.name}:applications_application_draft", args=[case.pk]))
