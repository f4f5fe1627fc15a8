"""Applications made for the merchant, which wait for its word. Shows only what an applicant may read of a case."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applications.admin.parts import CASE_TONES, CONFIRMATION_TONES, FactsDialog, Tab, TabbedList, WhyDialog, one_a_line
from applications.choices import AppBuild, AppForm, CaseState, ConfirmationStatus, DemoCover
from applications.content import Content, content_of
from applications.models import Capability, Category, DemoFile, MerchantConfirmation, Revision
from applications.selectors.applicant import seen_state
from applications.services.submit import confirm_application, decline_application
from backoffice.kernel.admin import MerchantModelAdmin, person, tenant_action
from backoffice.kernel.admin.display import EMPTY, chip, moment, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import merchant_site

CONFIRM = "applications.confirm_application"
WAITING = f"status__exact={ConfirmationStatus.WAITING}"


def is_waiting(row: Any) -> bool:
    return bool(row.status == ConfirmationStatus.WAITING)


class ConfirmDialog(FactsDialog):
    """What a yes means."""

    def facts(self) -> list[tuple[Any, Any]]:
        return _facts(self.obj)

    def sentence(self) -> str:
        return _("The platform then reviews the application. Your yes is no approval, and you still switch the app on for each store yourself.")


class DeclineDialog(WhyDialog):
    """A no, which the developer reads with its reason."""

    def facts(self) -> list[tuple[Any, Any]]:
        return _facts(self.obj)

    def sentence(self) -> str:
        return _("The application goes back to the developer, who reads your reason and may change it or withdraw it.")


def _facts(row: MerchantConfirmation) -> list[tuple[Any, Any]]:
    return [(_("App"), row.case.app.name), (_("Developer"), row.case.developer.name), (_("Capabilities"), one_a_line(capability_names(asked_codes(row))))]


def with_what_was_asked(rows: models.QuerySet[MerchantConfirmation]) -> models.QuerySet[MerchantConfirmation]:
    """``asked_content``: the frozen text that this merchant was asked about. What the developer writes later may be for another merchant."""
    asked = Revision.objects.filter(case=models.OuterRef("case"), submitted_at__lte=models.OuterRef("asked_at")).order_by("-number")
    return rows.annotate(asked_content=models.Subquery(asked.values("content")[:1]))


def asked_codes(row: Any) -> list[str]:
    """Codes of the capabilities that this merchant was asked about."""
    return content_of(row.asked_content).codes


def present_state(row: MerchantConfirmation) -> str:
    """The case's state as applicants see it, while this merchant's yes carries it; empty otherwise."""
    last = MerchantConfirmation.objects.filter(case=row.case).order_by("-pk").first()
    carries = row.status == ConfirmationStatus.CONFIRMED and last == row and row.case.merchant_id == row.merchant_id
    return seen_state(row.case.state) if carries else ""


def capability_names(codes: list[str]) -> list[str]:
    known = {capability.code: str(capability) for capability in Capability.objects.filter(code__in=codes)}
    return [known.get(code, code) for code in codes]


@admin.register(MerchantConfirmation, site=merchant_site)
class MerchantConfirmationAdmin(TabbedList, MerchantModelAdmin):
    """Custom applications: what waits for a word first."""

    list_display = ("app_name", "developer_name", "number", "asked_for", "status_column", "asked", "answer_by")
    list_display_links = ("app_name",)
    list_filter = ("status",)
    ordering = ("-pk",)
    fields = ("status",)
    change_form_template = "applications/merchant/confirmation.html"
    actions_detail = ("confirm", "decline")
    empty_text = gettext_lazy("No developer has applied for an app made for you. When one does, it waits here for your yes or no.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[MerchantConfirmation]:
        # Through the merchant's stores a row would come once for each of them.
        reached = super().get_queryset(request).values("pk")
        rows = with_what_was_asked(MerchantConfirmation.objects.filter(pk__in=reached))
        return rows.select_related("case__app", "case__developer", "merchant", "answered_by")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return ((_("Waiting for you"), WAITING), (_("All"), ""))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        self.capabilities = {row.code: row for row in Capability.objects.all()}
        return super().changelist_view(request, extra_context)

    @admin.display(description=gettext_lazy("App"))
    def app_name(self, row: MerchantConfirmation) -> str:
        return row.case.app.name

    @admin.display(description=gettext_lazy("Developer"))
    def developer_name(self, row: MerchantConfirmation) -> str:
        return row.case.developer.name

    @admin.display(description=gettext_lazy("Application"))
    def number(self, row: MerchantConfirmation) -> str:
        return row.case.number

    @admin.display(description=gettext_lazy("Capabilities"))
    def asked_for(self, row: MerchantConfirmation) -> str:
        return one_a_line(self.capabilities.get(code, code) for code in asked_codes(row))

    @admin.display(description=gettext_lazy("Your word"))
    def status_column(self, row: MerchantConfirmation) -> str:
        return status_chip(row, CONFIRMATION_TONES)

    @admin.display(description=gettext_lazy("Asked"))
    def asked(self, row: MerchantConfirmation) -> str:
        return moment(row.asked_at)

    @admin.display(description=gettext_lazy("Answer by"))
    def answer_by(self, row: MerchantConfirmation) -> str:
        return moment(row.case.answer_by) if is_waiting(row) else EMPTY

    @tenant_action(permission=CONFIRM, title=gettext_lazy("Confirm"), form=ConfirmDialog, icon="check", available=is_waiting)
    def confirm(self, request: HttpRequest, row: MerchantConfirmation, form: Any) -> str:
        confirm_application(case=row.case, by=person(request), now=database_now())
        return _("Confirmed. The platform reviews the application now.")

    @tenant_action(permission=CONFIRM, title=gettext_lazy("Decline"), form=DeclineDialog, icon="close", danger=True, available=is_waiting)
    def decline(self, request: HttpRequest, row: MerchantConfirmation, form: Any) -> str:
        decline_application(case=row.case, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("Declined. The developer reads your reason.")

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            context |= {"title": f"{row.case.app.name} {row.case.number}", "subtitle": None, "page": confirmation_page(row, database_now())}
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[no-any-return]


def confirmation_page(row: MerchantConfirmation, now: datetime) -> dict[str, Any]:
    """Context of one row's page."""
    content = content_of(row.asked_content)  # type: ignore[attr-defined]  # with_what_was_asked
    state = present_state(row)
    names = {capability.code: str(capability) for capability in Capability.objects.filter(code__in=content.codes)}
    return {
        "row": row,
        "app": row.case.app.name,
        "number": row.case.number,
        "developer": row.case.developer.name,
        "status": status_chip(row, CONFIRMATION_TONES),
        "state": chip(CaseState(state).label, CASE_TONES.get(state, "")) if state else "",
        "asked": moment(row.asked_at, now),
        "answered": moment(row.answered_at, now),
        "answer_by": moment(row.case.answer_by, now) if is_waiting(row) else "",
        "is_waiting": is_waiting(row),
        "facts": _content_facts(content),
        "demo_urls": [url for url in (content.demo_url, content.demo_other_url) if url.startswith(("http://", "https://"))],
        "asked_for": [{"name": names.get(asked.capability, asked.capability), "scene": asked.scene, "value": asked.value} for asked in content.capabilities],
    }


def _content_facts(content: Content) -> list[tuple[Any, Any]]:
    category = Category.objects.filter(code=content.category).first()
    demo_file = DemoFile.objects.filter(pk=content.demo_file).first() if content.demo_file else None
    covers = [DemoCover(code).label for code in content.demo_covers if code in DemoCover.values]
    facts: list[tuple[Any, Any]] = [
        (_("Form"), AppForm(content.form).label if content.form in AppForm.values else EMPTY),
        (_("Build"), AppBuild(content.build).label if content.build in AppBuild.values else EMPTY),
        (_("Category"), category or content.category or EMPTY),
        (_("What the demo shows"), one_a_line(covers) or EMPTY),
        (_("Contact"), " · ".join(text for text in (content.contact_name, content.contact_dingtalk, content.contact_other) if text) or EMPTY),
    ]
    if demo_file is not None:
        facts.append((_("Demo file"), demo_file.file_name))
    return facts
