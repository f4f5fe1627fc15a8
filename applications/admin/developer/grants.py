"""What the own apps may do: for whom, until when; a grant can be given up."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from applications.admin.developer.base import OwnScreen
from applications.admin.parts import GRANT_TONES, FactsDialog, Tab, TabbedList
from applications.choices import APPLY, LIVE_GRANTS, EnablementStatus, GrantStatus
from applications.models import Grant, StoreEnablement
from applications.services.grants import give_up_grant
from backoffice.kernel.admin import person, tenant_action
from backoffice.kernel.admin.display import EMPTY, count, moment, row_link, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import developer_site


def stores_using(grant: Grant) -> int:
    """Stores that have the grant's app switched on, of those for which the grant holds."""
    rows = StoreEnablement.objects.filter(app_id=grant.app_id, status=EnablementStatus.ON)
    return rows.filter(store__merchant_id=grant.merchant_id).count() if grant.merchant_id else rows.count()


class GiveUpDialog(FactsDialog):
    def facts(self) -> list[tuple[Any, Any]]:
        return [
            (_("App"), self.obj.app.name),
            (_("Capability"), str(self.obj.capability)),
            (_("For"), whom(self.obj)),
            (_("Stores that use the app"), stores_using(self.obj)),
        ]

    def sentence(self) -> Any:
        number = stores_using(self.obj)
        return ngettext(
            "The app's calls for this capability stop at once in %(n)d store.", "The app's calls for this capability stop at once in %(n)d stores.", number
        ) % {"n": number}

    def alert(self) -> Any:
        return _("To have it again you apply again.")


def whom(grant: Grant) -> str:
    """The merchant of a custom build, or the template's stores."""
    return grant.merchant.name if grant.merchant else _("Every store that may use the template")


@admin.register(Grant, site=developer_site)
class OwnGrantAdmin(TabbedList, OwnScreen):
    list_display = ("capability", "app_column", "whom_column", "state_column", "stores_column", "granted_column", "expires_column")
    list_filter = ("status",)
    list_select_related = ("app", "capability", "merchant")
    fields = (
        "app_column",
        "capability",
        "whom_column",
        "state_column",
        "status_reason",
        "stores_column",
        "granted_at",
        "expires_column",
        "ended_at",
        "case_column",
    )
    readonly_fields = ("app_column", "whom_column", "state_column", "stores_column", "expires_column", "case_column")
    actions_detail = ("give_up",)
    empty_text = gettext_lazy("No grants yet. A grant is what an approved application gives: the app may then call the API for it.")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return ((_("All"), ""), *((GrantStatus(code).label, f"status__exact={code}") for code in GrantStatus.values))

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Grant]:
        own = StoreEnablement.objects.filter(app=models.OuterRef("app"), status=EnablementStatus.ON)
        fitting = own.filter(models.Q(store__merchant=models.OuterRef("merchant")) | models.Q(pk__isnull=False, app__build="TEMPLATE"))
        number = fitting.order_by().values("app").annotate(number=models.Count("pk")).values("number")
        rows: models.QuerySet[Grant] = super().get_queryset(request)
        return rows.select_related("app", "capability", "merchant", "decision__case").annotate(store_count=models.Subquery(number))

    @admin.display(description=gettext_lazy("App"))
    def app_column(self, grant: Grant) -> str:
        return row_link(self.admin_site.name, grant.app)

    @admin.display(description=gettext_lazy("For"))
    def whom_column(self, grant: Grant) -> str:
        return whom(grant)

    @admin.display(description=gettext_lazy("Status"))
    def state_column(self, grant: Grant) -> str:
        return status_chip(grant, GRANT_TONES)

    @admin.display(description=gettext_lazy("Stores that use the app"))
    def stores_column(self, grant: Grant) -> str:
        return count(getattr(grant, "store_count", None) or 0)

    @admin.display(description=gettext_lazy("Granted"))
    def granted_column(self, grant: Grant) -> str:
        return moment(grant.granted_at)

    @admin.display(description=gettext_lazy("Holds until"))
    def expires_column(self, grant: Grant) -> str:
        return moment(grant.expires_at) if grant.status in LIVE_GRANTS else EMPTY

    @admin.display(description=gettext_lazy("Application"))
    def case_column(self, grant: Grant) -> str:
        return row_link(self.admin_site.name, grant.decision.case)

    @tenant_action(
        permission=APPLY, title=gettext_lazy("Give up"), form=GiveUpDialog, icon="block", danger=True, available=lambda grant: grant.status in LIVE_GRANTS
    )
    def give_up(self, request: HttpRequest, grant: Grant, form: Any) -> str:
        give_up_grant(grant=grant, by=person(request), now=database_now())
        return _("The grant is given up.")
