"""Categories and capabilities: the rows and columns of the opening table."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from applications.choices import LIVE_GRANTS
from applications.models import Capability, Category
from applications.services.catalogue import change_capability, change_category, create_capability, create_category
from applications.services.policies import EDIT_POLICY
from backoffice.kernel.admin import PlatformModelAdmin, adopt, person
from backoffice.kernel.admin.display import GOOD, PLAIN, WARN, chip, count
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import platform_site


class CatalogueScreen(PlatformModelAdmin):
    """What both have in common: names in two languages, and the right that edits the opening table."""

    search_fields = ("code", "name", "name_en")
    search_help_text = gettext_lazy("Code or name")
    list_filter = ("is_active",)
    ordering = ("code",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, EDIT_POLICY)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, EDIT_POLICY)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.add_fields if obj is None else ("code", *self.editable_fields)

    @admin.display(description=gettext_lazy("In use"))
    def active_column(self, row: Category | Capability) -> str:
        return chip(gettext_lazy("In use"), GOOD) if row.is_active else chip(gettext_lazy("No longer used"), PLAIN)


@admin.register(Category, site=platform_site)
class CategoryAdmin(CatalogueScreen):
    """Categories of apps."""

    list_display = ("code", "name", "name_en", "active_column", "apps_column")
    add_fields = ("code", "name", "name_en")
    editable_fields = ("name", "name_en", "is_active")
    empty_text = gettext_lazy("Add the categories of apps. Each is closed until an opening table names it.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Category]:
        rows: models.QuerySet[Category] = super().get_queryset(request)
        return rows.annotate(app_count=models.Count("apps"))

    @admin.display(description=gettext_lazy("Apps"))
    def apps_column(self, row: Any) -> str:
        return count(row.app_count)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        now, values = database_now(), form.cleaned_data
        if change:
            change_category(category=obj, by=person(request), now=now, **{name: values[name] for name in self.editable_fields})
        else:
            adopt(obj, create_category(by=person(request), now=now, **{name: values[name] for name in self.add_fields}))


@admin.register(Capability, site=platform_site)
class CapabilityAdmin(CatalogueScreen):
    """Capabilities, which are the scopes of the HTTP API."""

    list_display = ("code", "name", "name_en", "risk_column", "active_column", "grants_column")
    add_fields = ("code", "name", "name_en", "description", "is_high_risk")
    editable_fields = ("name", "name_en", "description", "is_high_risk", "is_active")
    empty_text = gettext_lazy("Add the capabilities that apps may be granted. The code of one is its scope in the HTTP API.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Capability]:
        rows: models.QuerySet[Capability] = super().get_queryset(request)
        return rows.annotate(grant_count=models.Count("grants", filter=models.Q(grants__status__in=LIVE_GRANTS)))

    @admin.display(description=gettext_lazy("Risk"))
    def risk_column(self, row: Capability) -> str:
        return chip(gettext_lazy("High: two people"), WARN) if row.is_high_risk else ""

    @admin.display(description=gettext_lazy("Live grants"))
    def grants_column(self, row: Any) -> str:
        return count(row.grant_count)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        now, values = database_now(), form.cleaned_data
        if change:
            change_capability(capability=obj, by=person(request), now=now, **{name: values[name] for name in self.editable_fields})
        else:
            adopt(obj, create_capability(by=person(request), now=now, **{name: values[name] for name in self.add_fields}))
