"""The appeals desk: what developers object to, and the answer of somebody who took no part."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextareaWidget

from applications.admin.parts import APPEAL_TONES, CASE_TONES, FactsDialog, Tab, TabbedList, WhyDialog
from applications.admin.review.case_page import submitted_in
from applications.admin.review.outlook import RULING_TONES
from applications.admin.review.words import due_chip
from applications.choices import APPEALS, AppealStatus, DecisionKind, Ruling
from applications.models import Appeal, Decision, DecisionItem
from applications.selectors.applicant import list_reasons_written
from applications.selectors.calendar import get_calendar
from applications.services.appeals import confirm_overturn, drop_overturn, overturn_appeal, took_part, uphold_appeal
from applications.services.rights import is_of_applicant
from backoffice.kernel.admin import PlatformModelAdmin, person, tenant_action
from backoffice.kernel.admin.display import PLAIN, chip, full_time, moment, row_link, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import platform_site


def _is_open(appeal: Appeal) -> bool:
    return appeal.status == AppealStatus.OPEN


def _is_unproposed(appeal: Appeal) -> bool:
    return _is_open(appeal) and appeal.proposed_by_id is None


def _is_proposed(appeal: Appeal) -> bool:
    return _is_open(appeal) and appeal.proposed_by_id is not None


def _proposal(appeal: Appeal) -> Iterable[tuple[Any, Any]]:
    """What somebody proposed: who, what would be granted, what the developer would read."""
    items = DecisionItem.objects.filter(decision=appeal.decision_id, capability__code__in=appeal.proposed_grant).select_related("capability")
    yield _("Proposed by"), appeal.proposed_by
    yield _("Grant after all"), pgettext("list", ", ").join(str(item.capability) for item in items.order_by("capability_id"))
    yield _("Answer, which the developer reads"), appeal.proposed_answer


class AnswerDialog(FactsDialog):
    """What the developer objects to, and the answer that the developer will read."""

    answer = forms.CharField(label=gettext_lazy("Answer, which the developer reads"), max_length=5000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}))

    def facts(self) -> Iterable[tuple[Any, Any]]:
        appeal = self.obj
        yield _("Application"), f"{appeal.case.number} {appeal.case.app.name}"
        yield _("Developer"), appeal.developer.name
        yield pgettext("review", "Decision"), DecisionKind(appeal.decision.kind).label
        yield _("The developer says"), appeal.statement


class OverturnDialog(AnswerDialog):
    """Which capabilities are granted after all."""

    grant = forms.MultipleChoiceField(label=gettext_lazy("Grant after all"), widget=UnfoldAdminCheckboxSelectMultipleWidget)

    def __init__(self, *args: Any, object_id: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, object_id=object_id, **kwargs)
        items = DecisionItem.objects.filter(decision__appeal=object_id).exclude(ruling=Ruling.GRANT).select_related("capability")
        self.fields["grant"].choices = [(item.capability.code, str(item.capability)) for item in items.order_by("capability_id")]
        self.order_fields(["grant", "answer"])

    def sentence(self) -> Any:
        strike = getattr(self.obj.decision, "strike", None)
        if strike is None:
            return _("A new decision replaces the old one at once, and its grants are given.")
        points = ngettext("%(n)d point", "%(n)d points", strike.weight) % {"n": strike.weight}
        return _("A new decision replaces the old one at once, its grants are given, and the strike of %(points)s is taken back.") % {"points": points}

    def alert(self) -> Any:
        if not DecisionItem.objects.filter(decision=self.obj.decision_id, capability__is_high_risk=True).exclude(ruling=Ruling.GRANT).exists():
            return ""
        return _("With a high-risk capability it is proposed only, and another appeals officer confirms it.")


class ConfirmDialog(FactsDialog):
    """What somebody proposed, before the second person lets it take effect."""

    def facts(self) -> Iterable[tuple[Any, Any]]:
        yield _("Application"), f"{self.obj.case.number} {self.obj.case.app.name}"
        yield _("Developer"), self.obj.developer.name
        yield from _proposal(self.obj)

    def sentence(self) -> Any:
        return _("A new decision replaces the old one at once, and its grants are given.")


class DropDialog(WhyDialog):
    """Why it is not overturned like this."""

    def facts(self) -> Iterable[tuple[Any, Any]]:
        return _proposal(self.obj)


@admin.register(Appeal, site=platform_site)
class AppealAdmin(TabbedList, PlatformModelAdmin):
    """Appeals, what is due first on top."""

    list_display = ("number_column", "app_column", "developer", "decision_column", "status_column", "due", "filed")
    list_display_links = ("number_column",)
    list_filter = ("status",)
    list_select_related = ("case__app", "developer", "decision")
    ordering = ("status", "due_at", "pk")
    fields = ("statement",)
    actions_detail = ("uphold", "overturn", "confirm", "drop")
    empty_text = gettext_lazy("No appeal yet. Developers can appeal against a refusal within the days set for it.")
    change_form_template = "applications/review/appeal.html"

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (*((label, f"status__exact={status}") for status, label in AppealStatus.choices), (_("All"), ""))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Appeal]:
        return (
            super()
            .get_queryset(request)
            .select_related("case__app", "developer", "decision__strike", "decision__proposed_by", "filed_by", "decided_by", "proposed_by")
        )

    @admin.display(description=gettext_lazy("Application"))
    def number_column(self, appeal: Appeal) -> str:
        return appeal.case.number

    @admin.display(description=gettext_lazy("App"))
    def app_column(self, appeal: Appeal) -> str:
        return appeal.case.app.name

    @admin.display(description=pgettext_lazy("review", "Decision"))
    def decision_column(self, appeal: Appeal) -> str:
        return chip(DecisionKind(appeal.decision.kind).label, CASE_TONES.get(appeal.decision.kind, PLAIN))

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, appeal: Appeal) -> str:
        return status_chip(appeal, APPEAL_TONES)

    @admin.display(description=pgettext_lazy("review", "Due"))
    def due(self, appeal: Appeal) -> str:
        return moment(appeal.due_at)

    @admin.display(description=gettext_lazy("Filed"))
    def filed(self, appeal: Appeal) -> str:
        return moment(appeal.filed_at)

    # --- the page

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        appeal = kwargs.get("obj")
        if appeal is not None:
            context |= {"title": f"{appeal.case.number} {appeal.case.app.name}", "subtitle": None, "page": self._page(request, appeal, database_now())}
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return answer

    def _page(self, request: HttpRequest, appeal: Appeal, now: datetime) -> dict[str, Any]:
        console, user = self.admin_site.name, person(request)
        items = appeal.decision.items.select_related("capability").order_by("capability__code")
        return {
            "appeal": appeal,
            "status": status_chip(appeal, APPEAL_TONES),
            "due": due_chip(appeal.due_at, now, get_calendar()) if _is_open(appeal) else "",
            "case": row_link(console, appeal.case, f"{appeal.case.number} {appeal.case.app.name}"),
            "developer": row_link(console, appeal.developer),
            "kind": chip(DecisionKind(appeal.decision.kind).label, CASE_TONES.get(appeal.decision.kind, PLAIN)),
            "rulings": [(item.capability, chip(Ruling(item.ruling).label, RULING_TONES[item.ruling])) for item in items],
            "decided": f"{appeal.decision.proposed_by} · {full_time(appeal.decision.executed_at or appeal.decision.proposed_at)}",
            "reasons": list_reasons_written(appeal.decision.revision),
            "what": submitted_in(appeal.case, appeal.decision.revision, console),
            "filed": f"{appeal.filed_by or ''} · {full_time(appeal.filed_at)}",
            "answered": f"{appeal.decided_by} · {full_time(appeal.decided_at)}" if appeal.decided_at else "",
            "proposed": f"{appeal.proposed_by} · {full_time(appeal.proposed_at)}" if appeal.proposed_at else "",
            "would_grant": [item.capability for item in items if item.capability.code in appeal.proposed_grant],
            "took_part": _is_open(appeal) and self.allows(request, APPEALS) and (took_part(user, appeal.case) or is_of_applicant(user, appeal.case)),
        }

    # --- acts

    @tenant_action(permission=APPEALS, title=gettext_lazy("The decision stands"), form=AnswerDialog, icon="gavel", available=_is_open)
    def uphold(self, request: HttpRequest, appeal: Appeal, form: Any) -> str:
        uphold_appeal(appeal=appeal, answer=form.cleaned_data["answer"], by=person(request), now=database_now())
        return _("Answered: the decision stands. The developer is told.")

    @tenant_action(permission=APPEALS, title=gettext_lazy("Overturn"), form=OverturnDialog, icon="undo", danger=True, available=_is_unproposed)
    def overturn(self, request: HttpRequest, appeal: Appeal, form: Any) -> str:
        done = form.cleaned_data
        new = overturn_appeal(appeal=appeal, grant=done["grant"], answer=done["answer"], by=person(request), now=database_now())
        if new is None:
            return _("Proposed. A high-risk capability is granted: another appeals officer has to confirm it.")
        return _overturned(appeal, new)

    @tenant_action(permission=APPEALS, title=gettext_lazy("Confirm overturning"), form=ConfirmDialog, icon="done_all", danger=True, available=_is_proposed)
    def confirm(self, request: HttpRequest, appeal: Appeal, form: Any) -> str:
        return _overturned(appeal, confirm_overturn(appeal=appeal, by=person(request), now=database_now()))

    @tenant_action(permission=APPEALS, title=gettext_lazy("Do not overturn like this"), form=DropDialog, icon="close", available=_is_proposed)
    def drop(self, request: HttpRequest, appeal: Appeal, form: Any) -> str:
        drop_overturn(appeal=appeal, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("The proposal is off; the appeal waits for an answer as before.")


def _overturned(appeal: Appeal, new: Decision) -> str:
    return _("Overturned: %(number)s is now “%(kind)s”.") % {"number": appeal.case.number, "kind": DecisionKind(new.kind).label}
