"""Applications of the own company: the list by whose turn it is, the page of one, and the acts on it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

from applications.admin.developer import eligibility_page, notices_page, standing_page, wishes_page
from applications.admin.developer.base import OwnScreen, View
from applications.admin.developer.case_page import case_page
from applications.admin.developer.draft_page import draft_view
from applications.admin.developer.files import hand_out
from applications.admin.developer.words import YOURS, state_chip, turn
from applications.admin.parts import FactsDialog, Tab, TabbedList
from applications.choices import APPLY, CLOSED_STATES, SUBMITTED_STATES, CaseState
from applications.content import LONGEST_TEXT, content_of
from applications.models import Application, Capability
from applications.selectors.applicant import list_seen_decisions, seen_state
from applications.services.appeals import file_appeal
from applications.services.submit import withdraw, write_to_platform
from backoffice.kernel.admin import person, tenant_action
from backoffice.kernel.admin.display import EMPTY, moment
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import developer_site

WITH_PLATFORM = SUBMITTED_STATES - {CaseState.CHANGES_REQUESTED, CaseState.AWAITING_MERCHANT}
TURNS: dict[str, tuple[Any, frozenset[str]]] = {
    "mine": (gettext_lazy("My turn"), frozenset(YOURS)),
    "platform": (gettext_lazy("With the platform"), WITH_PLATFORM),
    "merchant": (gettext_lazy("With the merchant"), frozenset({CaseState.AWAITING_MERCHANT})),
    "closed": (pgettext_lazy("application", "Closed"), CLOSED_STATES),
}


class TurnFilter(SimpleListFilter):
    """By whose turn it is. States within the platform are told apart by nothing."""

    title = gettext_lazy("whose turn")
    parameter_name = "turn"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(code, title) for code, (title, _states) in TURNS.items()]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        chosen = TURNS.get(self.value() or "")
        return queryset.filter(state__in=chosen[1]) if chosen else queryset


class TextDialog(FactsDialog):
    """A dialog that asks for a longer text."""

    text = forms.CharField(label=gettext_lazy("Text"), max_length=LONGEST_TEXT, widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}))


class WriteDialog(TextDialog):
    def sentence(self) -> Any:
        return _("The reviewers of this application read it. It does not change the application, and stops no deadline.")


class WithdrawDialog(FactsDialog):
    def facts(self) -> list[tuple[Any, Any]]:
        return [(_("Application"), self.obj.number), (_("App"), self.obj.app.name), (_("State"), state_chip(self.obj))]

    def sentence(self) -> Any:
        return _("The application ends at once, and nobody reviews it any further. It costs no points, and the place for its capabilities is free again.")


class AppealDialog(TextDialog):
    def facts(self) -> list[tuple[Any, Any]]:
        return [(_("Application"), self.obj.number), (_("App"), self.obj.app.name)]

    def sentence(self) -> Any:
        return _("Say why the decision is wrong. Somebody who took no part in it looks into it. A decision can be appealed once.")


def _appealable(case: Application) -> Any:
    """The number of the decision that can be appealed now, None without one."""
    if case.state not in (CaseState.REFUSED, CaseState.PARTIAL):
        return None
    open_ones = [decision.id for decision in list_seen_decisions(case, now=database_now()) if decision.can_appeal_until]
    return open_ones[0] if open_ones else None


@admin.register(Application, site=developer_site)
class OwnApplicationAdmin(TabbedList, OwnScreen):
    """Begun on the eligibility page, written on the draft's page, followed here."""

    big_list = True
    list_display = ("number_column", "app_column", "asked_column", "state_column", "turn_column", "until_column", "submitted_column")
    list_display_links = ("number_column",)
    list_filter = (TurnFilter,)
    list_select_related = ("app",)
    fields = ("app",)
    change_form_template = "applications/developer/case.html"
    list_before_template = "applications/developer/list_top.html"
    actions_detail = ("write", "withdraw", "appeal")
    empty_text = gettext_lazy("No applications yet. Begin with “Eligibility”: it tells what your app can get before you write anything.")

    def pages(self) -> list[tuple[str, str, View]]:
        return [
            ("eligibility/", "eligibility", self.eligibility),
            ("begin/", "application_begin", self.begin),
            ("standing/", "standing", self.standing),
            ("notices/", "notices", self.notices),
            ("notices/read/", "notices_read", self.notices_read),
            ("notices/wishes/", "wishes", self.wishes),
            ("demo-file/<str:number>/", "demo_file", self.demo_file),
            ("<path:object_id>/draft/", "application_draft", self.draft),
        ]

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (*((title, f"turn={code}") for code, (title, _states) in TURNS.items()), (_("All"), ""))

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Application]:
        return super().get_queryset(request).select_related("app__category", "developer", "revision")

    # --- pages

    def eligibility(self, request: HttpRequest) -> HttpResponse:
        return eligibility_page.eligibility_view(self, request)

    def begin(self, request: HttpRequest) -> HttpResponse:
        return eligibility_page.begin_view(self, request)

    def standing(self, request: HttpRequest) -> HttpResponse:
        return standing_page.standing_view(self, request)

    def notices(self, request: HttpRequest) -> HttpResponse:
        return notices_page.notices_view(self, request)

    def notices_read(self, request: HttpRequest) -> HttpResponse:
        return notices_page.read_view(self, request)

    def wishes(self, request: HttpRequest) -> HttpResponse:
        return wishes_page.wishes_view(self, request)

    def demo_file(self, request: HttpRequest, number: str) -> Any:
        return hand_out(request, number)

    def draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return draft_view(self, request, object_id)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        case = kwargs.get("obj")
        if case is not None:
            context |= {"title": f"{case.number} · {case.app.name}", "subtitle": None, "page": case_page(self, request, case)}
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return answer

    # --- columns

    @admin.display(description=gettext_lazy("Application"))
    def number_column(self, case: Application) -> str:
        return case.number

    @admin.display(description=gettext_lazy("App"))
    def app_column(self, case: Application) -> str:
        return case.app.name

    @admin.display(description=gettext_lazy("Capabilities"))
    def asked_column(self, case: Application) -> str:
        return getattr(case, "asked_names", "") or EMPTY

    @admin.display(description=gettext_lazy("State"))
    def state_column(self, case: Application) -> str:
        return state_chip(case)

    @admin.display(description=gettext_lazy("Whose turn"))
    def turn_column(self, case: Application) -> str:
        return turn(seen_state(case.state))

    @admin.display(description=pgettext_lazy("application", "Until"))
    def until_column(self, case: Application) -> str:
        if case.answer_by is not None:
            return moment(case.answer_by)
        return moment(case.due_at if case.clock_started_at is not None else None)

    @admin.display(description=gettext_lazy("First submitted"))
    def submitted_column(self, case: Application) -> str:
        return moment(case.submitted_at)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the names of what each application of the page asks for: one query for all."""
        found = super().get_changelist_instance(request)
        names = {row.code: str(row) for row in Capability.objects.all()}
        for case in found.result_list:
            content = content_of(case.draft if case.state in YOURS or case.revision is None else case.revision.content)
            case.asked_names = pgettext("between the items of a list", ", ").join(names.get(code, code) for code in content.codes)
        return found

    # --- acts

    @tenant_action(
        permission=APPLY,
        title=gettext_lazy("Write to the platform"),
        form=WriteDialog,
        icon="chat",
        submit=gettext_lazy("Send"),
        available=lambda case: case.state not in CLOSED_STATES,
    )
    def write(self, request: HttpRequest, case: Application, form: Any) -> str:
        write_to_platform(case=case, text=form.cleaned_data["text"], by=person(request), now=database_now())
        return _("Your message is on the page of the application.")

    @tenant_action(
        permission=APPLY,
        title=gettext_lazy("Withdraw the application"),
        form=WithdrawDialog,
        icon="undo",
        danger=True,
        available=lambda case: case.state not in CLOSED_STATES,
    )
    def withdraw(self, request: HttpRequest, case: Application, form: Any) -> str:
        withdraw(case=case, by=person(request), now=database_now())
        return _("The application is withdrawn.")

    @tenant_action(permission=APPLY, title=gettext_lazy("Appeal"), form=AppealDialog, icon="gavel", available=_appealable)
    def appeal(self, request: HttpRequest, case: Application, form: Any) -> str:
        file_appeal(decision=case.decisions.get(pk=_appealable(case)), statement=form.cleaned_data["text"], by=person(request), now=database_now())
        return _("Your appeal is filed. You read the answer on this page.")
