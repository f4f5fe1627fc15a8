"""The own apps: made, changed with a warning beforehand, their API client, their grants and applications."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from applications.admin.developer.base import OwnScreen, own_developers
from applications.admin.developer.grants import whom
from applications.admin.developer.words import state_chip
from applications.admin.parts import GRANT_TONES, FactsDialog, WhyDialog
from applications.choices import APPLY, CLOSED_STATES, LIVE_GRANTS, SUBMITTED_STATES, AppBuild, AppForm, ReReviewCause
from applications.models import App, Application, Category, DemoFile, Grant
from applications.services import clients
from applications.services.apps import AppRefused, announce_change, change_app, create_app
from backoffice.kernel.admin import adopt, person, tenant_action
from backoffice.kernel.admin.display import EMPTY, count, full_time, moment, row_url, status_chip
from backoffice.kernel.api.admin.screens import client_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import developer_site

MANAGE_CLIENT = clients.MANAGE
ROWS_SHOWN = 20


def _categories() -> list[tuple[str, str]]:
    return [(row.code, str(row)) for row in Category.objects.filter(is_active=True).order_by("pk")]


class NewAppForm(forms.ModelForm[App]):
    """What an app is. ``category_code``: the catalogue belongs to nobody, so that it is no choice of rows."""

    category_code = forms.ChoiceField(label=gettext_lazy("Category"), choices=_categories, widget=UnfoldAdminSelectWidget())
    company = forms.ChoiceField(label=gettext_lazy("Company"), required=False, widget=UnfoldAdminSelectWidget())

    class Meta:
        model = App
        fields = ("name", "code", "form", "build")
        help_texts = {
            "code": gettext_lazy("Names the app to other systems; letters, digits and hyphens. It cannot be changed later."),
            "build": gettext_lazy("A template is for many merchants, a custom build for one premium merchant."),
        }


class ChangeAppDialog(FactsDialog):
    """Says beforehand what a change sets off."""

    name = forms.CharField(label=gettext_lazy("App name"), max_length=200, widget=UnfoldAdminTextInputWidget())
    form = forms.ChoiceField(label=gettext_lazy("Form"), choices=AppForm.choices, widget=UnfoldAdminSelectWidget())
    build = forms.ChoiceField(label=gettext_lazy("Build"), choices=AppBuild.choices, widget=UnfoldAdminSelectWidget())
    category_code = forms.ChoiceField(label=gettext_lazy("Category"), choices=_categories, widget=UnfoldAdminSelectWidget())

    def facts(self) -> list[tuple[Any, Any]]:
        app = self.obj
        for name, value in (("name", app.name), ("form", app.form), ("build", app.build), ("category_code", app.category.code)):
            self.fields[name].initial = value
        return [(_("App"), app.name), (_("Grants in force"), live_grants(app).count())]

    def alert(self) -> Any:
        if Application.objects.filter(app=self.obj, state__in=SUBMITTED_STATES).exists():
            return _("An application of this app is open: only the name can be changed until it is decided or withdrawn.")
        number = live_grants(self.obj).count()
        if not number:
            return _("The app has no grants: nothing has to be looked at again.")
        return ngettext(
            "With another build or category, the platform looks again at %(n)d grant. It works until then, and may be suspended.",
            "With another build or category, the platform looks again at %(n)d grants. They work until then, and may be suspended.",
            number,
        ) % {"n": number}


class AnnounceDialog(FactsDialog):
    """What changed in the design, outside of what this console knows."""

    cause = forms.ChoiceField(
        label=gettext_lazy("What changed"),
        choices=[
            (ReReviewCause.DEMO.value, gettext_lazy("The design or the user flow")),
            (ReReviewCause.TARGET.value, gettext_lazy("For which merchants it is meant")),
        ],
        widget=UnfoldAdminSelectWidget(),
    )

    def sentence(self) -> Any:
        number = live_grants(self.obj).count()
        return ngettext(
            "The platform looks again at %(n)d grant. It works meanwhile.", "The platform looks again at %(n)d grants. They work meanwhile.", number
        ) % {"n": number}


class ClientDialog(FactsDialog):
    def sentence(self) -> Any:
        return _(
            "The app calls the API as this client. It may do what the app's grants say, for stores that use the app, and nothing else. "
            "The secret is shown once, on the next page."
        )


class SecretDialog(WhyDialog):
    def alert(self) -> Any:
        return _("The present secret, and every token that was got by it, stop at once. The new secret is shown once, on the next page.")


class SwitchDialog(WhyDialog):
    """A reason, for switching the client off or on."""


def live_grants(app: App) -> models.QuerySet[Grant]:
    return Grant.objects.filter(app=app, status__in=LIVE_GRANTS)


def _has_live_grant(app: App) -> bool:
    return live_grants(app).exists()


@admin.register(App, site=developer_site)
class OwnAppAdmin(OwnScreen):
    """What an app is now; what was judged stands in its applications."""

    list_display = ("name", "code", "kind_column", "category_column", "grants_column", "open_column", "client_column")
    list_filter = ("form", "build")
    ordering = ("name", "pk")
    form = NewAppForm
    fields = ("name", "code", "form", "build", "category_code", "company")
    add_fields = ("name", "code", "form", "build")
    change_form_template = "applications/developer/app.html"
    actions_detail = ("change_app", "announce", "make_client", "new_secret", "switch_off", "switch_on")
    empty_text = gettext_lazy("No apps yet. Look first under “Eligibility” what an app could get; then make it here.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[App]:
        grants = Grant.objects.filter(app=models.OuterRef("pk"), status__in=LIVE_GRANTS).order_by().values("app").annotate(n=models.Count("pk")).values("n")
        cases = Application.objects.filter(app=models.OuterRef("pk")).exclude(state__in=CLOSED_STATES).order_by()
        open_cases = cases.values("app").annotate(n=models.Count("pk")).values("n")
        rows: models.QuerySet[App] = super().get_queryset(request)
        return rows.select_related("category", "api_client", "developer").annotate(grant_count=models.Subquery(grants), open_count=models.Subquery(open_cases))

    # --- making one

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            return ("name",)
        return self.fields if len(own_developers(request)) > 1 else self.fields[:-1]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "company" in form.base_fields:
            form.base_fields["company"].choices = [(str(row.pk), row.name) for row in own_developers(request)]
        return form

    def save_model(self, request: HttpRequest, obj: App, form: Any, change: bool) -> None:
        given = form.cleaned_data
        companies = {str(row.pk): row for row in own_developers(request)}
        developer = companies.get(given.get("company") or "") or next(iter(companies.values()))
        category = Category.objects.filter(code=given["category_code"], is_active=True).first()
        if category is None:
            raise AppRefused(_("Choose a category from the list."), field="category_code")
        made = create_app(
            developer=developer, code=given["code"], name=given["name"], form=given["form"], build=given["build"], category=category, by=person(request),
            now=database_now(),
        )  # fmt: skip
        adopt(obj, made)

    # --- the page

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        app = kwargs.get("obj")
        if app is not None:
            context |= {"title": app.name, "subtitle": None, "page": self._page(app)}
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return answer

    def _page(self, app: App) -> dict[str, Any]:
        console, now = self.admin_site.name, database_now()
        grants = Grant.objects.filter(app=app).select_related("capability", "merchant").order_by("-pk")[:ROWS_SHOWN]
        cases = Application.objects.filter(app=app).order_by("-pk")[:ROWS_SHOWN]
        client = app.api_client
        return {
            "app": app,
            "facts": [
                (_("App code"), app.code),
                (_("Form"), app.get_form_display()),
                (_("Build"), app.get_build_display()),
                (_("Category"), str(app.category)),
                (_("Created"), full_time(app.created_at)),
            ],
            "grants": [(str(row.capability), row_url(console, row), whom(row), status_chip(row, GRANT_TONES), moment(row.expires_at, now)) for row in grants],
            "cases": [(row.number, row_url(console, row), state_chip(row), moment(row.submitted_at, now)) for row in cases],
            "client": client,
            "client_chip": client_chip(client) if client else "",
            "client_used": moment(client.last_used_at, now) if client else "",
            "apply_url": f"{reverse(f'{console}:applications_eligibility')}?app={app.pk}",
            "files": [
                (row.file_name, reverse(f"{console}:applications_demo_file", args=[row.pk]), moment(row.uploaded_at, now))
                for row in DemoFile.objects.filter(developer=app.developer).order_by("-pk")[:ROWS_SHOWN]
            ],
        }

    # --- columns

    @admin.display(description=gettext_lazy("Kind"))
    def kind_column(self, app: App) -> str:
        return f"{app.get_form_display()} · {app.get_build_display()}"

    @admin.display(description=gettext_lazy("Category"))
    def category_column(self, app: App) -> str:
        return str(app.category)

    @admin.display(description=gettext_lazy("Grants in force"))
    def grants_column(self, app: App) -> str:
        return count(getattr(app, "grant_count", None) or 0)

    @admin.display(description=gettext_lazy("Open applications"))
    def open_column(self, app: App) -> str:
        return count(getattr(app, "open_count", None) or 0)

    @admin.display(description=gettext_lazy("API client"))
    def client_column(self, app: App) -> str:
        client = app.api_client
        return EMPTY if client is None else client_chip(client)

    # --- acts

    @tenant_action(permission=APPLY, title=gettext_lazy("Change the app"), form=ChangeAppDialog, icon="edit")
    def change_app(self, request: HttpRequest, app: App, form: Any) -> str:
        given = form.cleaned_data
        category = Category.objects.get(code=given["category_code"])
        change_app(app=app, by=person(request), now=database_now(), name=given["name"], form=given["form"], build=given["build"], category=category)
        return _("The app is changed.")

    @tenant_action(
        permission=APPLY,
        title=gettext_lazy("Announce a change"),
        form=AnnounceDialog,
        icon="campaign",
        submit=gettext_lazy("Announce"),
        available=_has_live_grant,
    )
    def announce(self, request: HttpRequest, app: App, form: Any) -> str:
        number = announce_change(app=app, cause=form.cleaned_data["cause"], by=person(request), now=database_now())
        return ngettext("Announced: %(n)d grant is looked at again.", "Announced: %(n)d grants are looked at again.", number) % {"n": number}

    @tenant_action(
        permission=MANAGE_CLIENT, title=gettext_lazy("Make the API client"), form=ClientDialog, icon="key", submit=gettext_lazy("Make"),
        available=lambda app: app.api_client_id is None,
    )  # fmt: skip
    def make_client(self, request: HttpRequest, app: App, form: Any) -> HttpResponse:
        return self._secret(request, app, clients.create_client_of_app(app=app, by=person(request), now=database_now()))

    @tenant_action(
        permission=MANAGE_CLIENT,
        title=gettext_lazy("New secret"),
        form=SecretDialog,
        icon="key",
        danger=True,
        available=lambda app: app.api_client_id is not None,
    )
    def new_secret(self, request: HttpRequest, app: App, form: Any) -> HttpResponse:
        made = clients.rotate_secret_of_app(app=app, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return self._secret(request, app, made)

    @tenant_action(
        permission=MANAGE_CLIENT, title=gettext_lazy("Switch the API client off"), form=SwitchDialog, icon="block", danger=True,
        description=gettext_lazy("The app is out at once, with every token it has. Its grants stay."),
        available=lambda app: app.api_client is not None and app.api_client.is_active,
    )  # fmt: skip
    def switch_off(self, request: HttpRequest, app: App, form: Any) -> str:
        clients.switch_client_of_app(app=app, active=False, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("The client is switched off.")

    @tenant_action(
        permission=MANAGE_CLIENT, title=gettext_lazy("Switch the API client on"), form=SwitchDialog, icon="check_circle",
        description=gettext_lazy("The app may get tokens again, by the secret that it has."),
        available=lambda app: app.api_client is not None and not app.api_client.is_active and not app.api_client.is_off_by_platform,
    )  # fmt: skip
    def switch_on(self, request: HttpRequest, app: App, form: Any) -> str:
        clients.switch_client_of_app(app=app, active=True, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("The client is switched on.")

    def _secret(self, request: HttpRequest, app: App, made: Any) -> HttpResponse:
        """The only page that shows the secret. Nothing keeps it."""
        template = "api/secret_dialog.html" if request.headers.get("HX-Request") else "api/secret_page.html"
        title = _("Secret of %(client)s") % {"client": app.name}
        context = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, "client": made.client, "secret": made.secret}
        request.current_app = self.admin_site.name
        answer = render(request, template, {**context, "client_url": row_url(self.admin_site.name, app)})
        answer["Cache-Control"] = "no-store"
        return answer
