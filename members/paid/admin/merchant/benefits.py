"""Benefits in force: what each gives, how it is used, and its switch."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import person, tenant_action
from backoffice.kernel.admin.display import GOOD, PLAIN, chip, full_time, list_url, money, row_link
from backoffice.kernel.clock import database_now
from backoffice.kernel.money import format_yuan
from backoffice.kernel.sites import merchant_site
from members.admin.credit_forms import FactsDialog
from members.admin.member_page import Figure
from members.admin.words import unbroken
from members.paid.admin.merchant.base import CONFIGURE, PaidScreen, RowPage, Section
from members.paid.benefits import describe
from members.paid.choices import IssueStatus
from members.paid.models import Benefit, BenefitIssue
from members.paid.services.programs import set_benefit_switch


class OffDialog(FactsDialog):
    def sentence(self) -> Any:
        return _("It leaves both entry points at once and is not part of what is sold from now on. Who bought before keeps it.")


class OnDialog(FactsDialog):
    def sentence(self) -> Any:
        return _("It is shown again and part of what is sold from now on.")


def is_on(row: Any) -> bool:
    return row.disabled_at is None


def is_off(row: Any) -> bool:
    return row.disabled_at is not None


@admin.register(Benefit, site=merchant_site)
class BenefitAdmin(PaidScreen):
    """Only benefits of packs in force: drafts are on their program's page."""

    fields = ("title",)
    list_display = ("title", "store_name", "program_name", "kind", "line", "value_column", "cost_column", "switch_column")
    list_display_links = ("title",)
    list_filter = (("pack__program__store"), "kind")
    ordering = ("pack__program__store_id", "pack_id", "position", "pk")
    search_fields = ("title", "pack__program__name")
    search_help_text = gettext_lazy("Benefit or plan")
    actions_detail = ("switch_off", "switch_on")
    stopped_by_bar = ("switch_off", "switch_on")
    empty_text = gettext_lazy("No pack is approved yet. Open “Set-up” to see what is missing.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Benefit]:
        rows: models.QuerySet[Benefit] = super().get_queryset(request)
        return rows.filter(pack__program__pack=models.F("pack")).select_related("pack__program__store__merchant")

    def merchant_of(self, row: Benefit) -> int:
        return int(row.pack.program.store.merchant_id)

    @admin.display(description=gettext_lazy("Store"))
    def store_name(self, row: Benefit) -> str:
        return unbroken(row.pack.program.store.name)

    @admin.display(description=gettext_lazy("Plan"))
    def program_name(self, row: Benefit) -> str:
        return row.pack.program.name

    @admin.display(description=gettext_lazy("What members read"))
    def line(self, row: Benefit) -> str:
        return describe(row)

    @admin.display(description=gettext_lazy("Worth to the member"))
    def value_column(self, row: Benefit) -> str:
        return money(row.value_amount)

    @admin.display(description=gettext_lazy("Cost to the store"))
    def cost_column(self, row: Benefit) -> str:
        return money(row.cost_amount)

    @admin.display(description=gettext_lazy("Shown"))
    def switch_column(self, row: Benefit) -> str:
        return switch_chip(row)

    @tenant_action(permission=CONFIGURE, title=gettext_lazy("Switch off"), form=OffDialog, icon="toggle_off", danger=True, available=is_on)
    def switch_off(self, request: HttpRequest, row: Benefit, form: Any) -> str:
        set_benefit_switch(benefit=row, on=False, by=person(request), now=database_now())
        return _("“%(title)s” is off: it is shown and sold no more.") % {"title": row.title}

    @tenant_action(permission=CONFIGURE, title=gettext_lazy("Switch on"), form=OnDialog, icon="toggle_on", available=is_off)
    def switch_on(self, request: HttpRequest, row: Benefit, form: Any) -> str:
        set_benefit_switch(benefit=row, on=True, by=person(request), now=database_now())
        return _("“%(title)s” is on again.") % {"title": row.title}

    def page(self, row: Benefit, request: HttpRequest) -> RowPage:
        console, program = self.admin_site.name, row.pack.program
        issues = BenefitIssue.objects.filter(benefit__key=row.key, benefit__pack__program=program)
        told = issues.aggregate(
            issued=models.Count("pk", filter=~models.Q(status__in=[IssueStatus.FAILED, IssueStatus.REVOKED])),
            used=models.Count("pk", filter=models.Q(status=IssueStatus.USED)),
        )
        query = f"benefit__pack__program_id={program.pk}&benefit__key={row.key}"
        facts = [
            (_("Plan"), row_link(console, program)),
            (_("Kind"), row.get_kind_display()),
            (_("Description"), row.description),
            (_("Worth to the member"), format_yuan(row.value_amount)),
            (_("Cost to the store"), format_yuan(row.cost_amount)),
            (_("Benefit pack"), _("version %(n)d") % {"n": row.pack.version}),
        ]
        return RowPage(
            title=row.title,
            chips=[switch_chip(row)],
            sentence=describe(row),
            under=f"{program.name} · {program.store.name}",
            figures=[
                Figure(_("Issued"), f"{told['issued']:,}", _("over all versions"), list_url(console, BenefitIssue, query)),
                Figure(_("Used"), f"{told['used']:,}", "", list_url(console, BenefitIssue, f"{query}&status__exact={IssueStatus.USED}")),
            ],
            sections=[Section(_("Benefit"), facts=facts)],
        )


def switch_chip(row: Benefit) -> str:
    return chip(_("On"), GOOD) if row.disabled_at is None else chip(_("Off"), PLAIN, title=full_time(row.disabled_at))
