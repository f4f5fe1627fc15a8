"""API clients: who may call, since when, and when they last did. A secret is shown once, on the answer to the act that made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import ReasonForm, SearchShape, any_term, person, tenant_action
from backoffice.kernel.admin.display import BAD, EMPTY, GOOD, chip, moment, row_url
from backoffice.kernel.api.admin.forms import NewClientDialog, NewPlatformClientDialog
from backoffice.kernel.api.models import ApiClient, ApiClientStore
from backoffice.kernel.api.services import clients as services
from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.access import stores_of

_ADD = gettext_lazy("Add client")
_OFF = gettext_lazy("Switch off")
_ONCE = gettext_lazy("Makes a system that may call the API. Its secret is shown once, on the next page: have the place ready where you keep it.")
_MAKE = "api.add_apiclient"


def client_chip(client: ApiClient) -> str:
    """Whether the client may call, and who alone can change that."""
    if client.is_active:
        return chip(_("Active"), GOOD)
    return chip(_("Switched off by the platform") if client.is_off_by_platform else _("Switched off"), BAD)


class ApiClientScreen:
    """What both consoles show. Mixed into the console's admin class."""

    list_display = ("name", "client_id", "reaches", "state_chip", "last_used", "made")
    list_filter = ("is_active",)
    search_shapes: Sequence[SearchShape] = (
        SearchShape(
            gettext_lazy("client id, or a part of the name"),
            any_term,
            lambda rows, term: rows.filter(models.Q(client_id__iexact=term) | models.Q(name__icontains=term)),
        ),
    )
    search_help_text = gettext_lazy("Name or client id")
    fields = ("name", "client_id", "reaches", "state_chip", "secret_set_at", "last_used_at", "created_at")
    readonly_fields = ("reaches", "state_chip")
    actions_list = ("create_client",)
    actions_detail = ("new_secret", "switch_off", "switch_on")
    empty_text = gettext_lazy("No system calls the API yet. Add a client, and give its id and secret to whoever runs that system.")

    is_platforms = False
    """Whether what is switched here is switched by the platform."""

    admin_site: Any
    opts: Any

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[ApiClient]:
        rows: models.QuerySet[ApiClient] = super().get_queryset(request)  # type: ignore[misc]
        return rows.prefetch_related("client_stores__store")

    @admin.display(description=gettext_lazy("Reaches"))
    def reaches(self, client: ApiClient) -> str:
        if client.is_app:
            return _("What its app was granted")
        return _("All stores") if client.is_platform else ", ".join(sorted(row.store.code for row in client.client_stores.all()))

    @admin.display(description=gettext_lazy("Status"))
    def state_chip(self, client: ApiClient) -> str:
        return client_chip(client)

    @admin.display(description=gettext_lazy("Last used"))
    def last_used(self, client: ApiClient) -> str:
        return moment(client.last_used_at) if client.last_used_at else EMPTY

    @admin.display(description=gettext_lazy("Created"))
    def made(self, client: ApiClient) -> str:
        return moment(client.created_at)

    def show_secret(self, request: HttpRequest, made: services.Credentials) -> HttpResponse:
        """The only page that shows the secret. Nothing keeps it."""
        template = "api/secret_dialog.html" if request.headers.get("HX-Request") else "api/secret_page.html"
        context = {
            **self.admin_site.each_context(request),
            "title": _("Secret of %(client)s") % {"client": made.client},
            "opts": self.opts,
            "client": made.client,
            "secret": made.secret,
            "client_url": row_url(self.admin_site.name, made.client),
        }
        request.current_app = self.admin_site.name
        answer = render(request, template, context)
        answer["Cache-Control"] = "no-store"
        return answer

    @tenant_action(
        permission="api.change_apiclient",
        title=gettext_lazy("New secret"),
        form=ReasonForm,
        icon="key",
        danger=True,
        description=gettext_lazy("The present secret, and every token that was got by it, stop at once. The new secret is shown once, on the next page."),
    )
    def new_secret(self, request: HttpRequest, client: ApiClient, form: Any) -> HttpResponse:
        made = services.replace_secret(client=client, by=person(request), now=database_now(), reason=form.cleaned_data["reason"])
        return self.show_secret(request, made)

    @tenant_action(
        permission="api.change_apiclient",
        title=_OFF,
        form=ReasonForm,
        icon="block",
        danger=True,
        description=gettext_lazy("The system is out at once, with every token it has. What it did stays."),
        available=lambda row: row.is_active,
    )
    def switch_off(self, request: HttpRequest, client: ApiClient, form: Any) -> str:
        self._switch(request, client, form, active=False)
        return _("The client is switched off.")

    @tenant_action(
        permission="api.change_apiclient",
        title=gettext_lazy("Switch on"),
        form=ReasonForm,
        icon="check_circle",
        description=gettext_lazy("The system may get tokens again, by the secret that it has."),
        available=lambda row: not row.is_active,
    )
    def switch_on(self, request: HttpRequest, client: ApiClient, form: Any) -> str:
        self._switch(request, client, form, active=True)
        return _("The client is switched on.")

    def _switch(self, request: HttpRequest, client: ApiClient, form: Any, *, active: bool) -> None:
        values = {"by_platform": self.is_platforms, "by": person(request), "now": database_now(), "reason": form.cleaned_data["reason"]}
        services.switch_client(client=client, active=active, **values)


class OwnStoresScreen(ApiClientScreen):
    """Clients of the user's own stores. One that reaches any other store too is not theirs, and neither is an app's."""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[ApiClient]:
        mine = stores_of(request.user, "api.view_apiclient").values("pk")
        beyond = ApiClientStore.objects.filter(client=models.OuterRef("pk")).exclude(store__in=mine)
        reached = super().get_queryset(request).values("pk")  # one row for each store that is reached
        return ApiClient.objects.filter(pk__in=reached, is_app=False).exclude(models.Exists(beyond)).prefetch_related("client_stores__store")

    @tenant_action(permission=_MAKE, title=_ADD, description=_ONCE, form=NewClientDialog, icon="add", on_list=True)
    def create_client(self, request: HttpRequest, form: Any) -> HttpResponse:
        values = form.cleaned_data
        made = services.create_client(name=values["name"], is_platform=False, stores=values["stores"], by=person(request), now=database_now())
        return self.show_secret(request, made)


class AllStoresScreen(ApiClientScreen):
    """Every client."""

    is_platforms = True

    @tenant_action(
        permission="api.change_apiclient", title=_OFF, form=ReasonForm, icon="block", danger=True,
        description=gettext_lazy("The system is out at once, with every token it has, and only the platform lets it in again. What it did stays."),
        available=lambda row: not row.is_off_by_platform,
    )  # fmt: skip
    def switch_off(self, request: HttpRequest, client: ApiClient, form: Any) -> str:
        self._switch(request, client, form, active=False)
        return _("The client is switched off.")

    @tenant_action(permission=_MAKE, title=_ADD, description=_ONCE, form=NewPlatformClientDialog, icon="add", on_list=True)
    def create_client(self, request: HttpRequest, form: Any) -> HttpResponse:
        values = form.cleaned_data
        made = services.create_client(name=values["name"], is_platform=values["is_platform"], stores=values["stores"], by=person(request), now=database_now())
        return self.show_secret(request, made)
