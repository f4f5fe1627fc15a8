"""Developer console: the own company and its people."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import DeveloperModelAdmin
from backoffice.kernel.admin.display import GOOD, PLAIN, WARN, chip, moment
from backoffice.kernel.sites import developer_site
from backoffice.kernel.tenancy.models import Developer, Seat


@admin.register(Developer, site=developer_site)
class CompanyAdmin(DeveloperModelAdmin):
    list_display = ("name", "code", "contact", "onboarding_chip")
    ordering = ("name",)
    fields = ("code", "name", "contact", "onboarded_at", "level", "created_at")

    @admin.display(description=gettext_lazy("Onboarding"))
    def onboarding_chip(self, developer: Developer) -> str:
        return chip(_("Onboarded"), GOOD) if developer.onboarded_at else chip(_("Waiting for the platform"), WARN)


@admin.register(Seat, site=developer_site)
class PeopleAdmin(DeveloperModelAdmin):
    list_display = ("user", "role", "state_chip", "since")
    list_filter = ("role",)
    list_select_related = ("user",)
    fields = ("user", "role", "created_at", "revoked_at")
    empty_text = gettext_lazy("Ask the platform to add your people.")

    @admin.display(description=gettext_lazy("Status"))
    def state_chip(self, seat: Seat) -> str:
        return chip(_("In force"), GOOD) if seat.revoked_at is None else chip(_("Ended"), PLAIN)

    @admin.display(description=gettext_lazy("Since"))
    def since(self, seat: Seat) -> str:
        return moment(seat.created_at)
