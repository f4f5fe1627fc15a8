"""Sanctions in force and lifted, and the appeals against them: decided by somebody else than who sanctioned."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import person, tenant_action
from backoffice.kernel.admin.display import EMPTY, full_time, list_url, moment, row_link, status_chip
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.sites import platform_site
from members.admin.member_page import Figure
from members.admin.tabs import Tab
from members.paid.admin.merchant.base import RowPage, Section, Table
from members.paid.admin.platform.parts import CONSOLE, PaidPlatformScreen, WhyDialog
from members.paid.choices import AppealStatus, ProgramStatus, SanctionStatus
from members.paid.models import PaidMembership, PaidProgram, Sanction, SanctionAppeal
from members.paid.selectors.sanctions import annotate_holders
from members.paid.selectors.tones import APPEAL_TONES, PROGRAM_TONES, SANCTION_TONES
from members.paid.services.sanctions import decide_appeal

DECIDE = "paid.decide_appeal"


@admin.register(Sanction, site=platform_site)
class SanctionAdmin(PaidPlatformScreen):
    """Merchants that lost paid membership."""

    list_display = ("merchant_column", "status_column", "programs_column", "holders_column", "imposed_column", "until_column", "appeal_column")
    list_display_links = ("merchant_column",)
    list_filter = ("status", "merchant")
    list_select_related = ("merchant",)
    empty_text = gettext_lazy("No merchant has been sanctioned. A sanction comes with the verdict on a complaint.")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (*((label, f"status__exact={status}") for status, label in SanctionStatus.choices), (_("All"), ""))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("merchant", "complaint__store", "imposed_by", "bar__ended_by").prefetch_related("appeals")

    @admin.display(description=gettext_lazy("Merchant"))
    def merchant_column(self, row: Sanction) -> str:
        return row.merchant.name

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, row: Sanction) -> str:
        return status_chip(row, SANCTION_TONES)

    @admin.display(description=gettext_lazy("Programs revoked"))
    def programs_column(self, row: Sanction) -> str:
        return f"{row.effects.get('programs', 0):,}"

    @admin.display(description=gettext_lazy("Holders then"))
    def holders_column(self, row: Sanction) -> str:
        return f"{row.effects.get('holders', 0):,}"

    @admin.display(description=gettext_lazy("Imposed"))
    def imposed_column(self, row: Sanction) -> str:
        return moment(row.imposed_at)

    @admin.display(description=gettext_lazy("May be appealed until"))
    def until_column(self, row: Sanction) -> str:
        return moment(row.appeal_until)

    @admin.display(description=gettext_lazy("Appeal"))
    def appeal_column(self, row: Sanction) -> Any:
        appeals = list(row.appeals.all())
        return status_chip(appeals[-1], APPEAL_TONES) if appeals else EMPTY

    def page(self, row: Any, request: HttpRequest) -> RowPage:
        sanction: Sanction = row
        effects = sanction.effects
        return RowPage(
            title=sanction.merchant.name,
            chips=(status_chip(sanction, SANCTION_TONES),),
            under=sanction.reason,
            figures=[
                Figure(_("Programs revoked"), f"{effects.get('programs', 0):,}"),
                Figure(_("Left the entry points"), f"{effects.get('live', 0):,}"),
                Figure(_("Holders then"), f"{effects.get('holders', 0):,}"),
                Figure(_("Stores barred"), f"{effects.get('stores', 0):,}", _("later ones too")),
            ],
            sections=[
                Section(
                    _("Sanction"),
                    facts=[
                        (_("Merchant"), row_link(CONSOLE, sanction.merchant)),
                        (_("Complaint"), row_link(CONSOLE, sanction.complaint, sanction.complaint.text[:60])),
                        (_("Imposed"), f"{sanction.imposed_by} · {full_time(sanction.imposed_at)}"),
                        (_("May be appealed until"), full_time(sanction.appeal_until)),
                        *(((_("Lifted"), f"{sanction.bar.ended_by} · {full_time(sanction.lifted_at)}"),) if sanction.lifted_at else ()),
                    ],
                ),
                Section(_("Programs of the merchant"), table=_programs(sanction)),
                Section(
                    _("Appeals"),
                    table=Table(
                        [_("Appeal"), _("Status"), _("Filed")],
                        [
                            [row_link(CONSOLE, appeal, appeal.text[:60]), status_chip(appeal, APPEAL_TONES), moment(appeal.filed_at)]
                            for appeal in row.appeals.all()
                        ],
                        empty=_("Not appealed."),
                    ),
                ),
            ],
        )


def _programs(sanction: Sanction) -> Table:
    today = local_day(database_now())
    programs = annotate_holders(PaidProgram.objects.filter(store__merchant=sanction.merchant_id).select_related("store"), today)
    return Table(
        [_("Program"), _("Store"), _("Status"), _("Before"), _("Holders today")],
        [
            [
                row_link(CONSOLE, program),
                program.store.name,
                status_chip(program, PROGRAM_TONES),
                ProgramStatus(program.status_before).label if program.status_before else EMPTY,
                row_link(CONSOLE, program, f"{getattr(program, 'holder_count', 0):,}"),
            ]
            for program in programs.order_by("store__code", "-rank", "pk")
        ],
        numbers=(4,),
        empty=_("None."),
    )


class DecideDialog(WhyDialog):
    """Who was sanctioned for what, and what the merchant says."""

    def facts(self) -> list[tuple[Any, Any]]:
        appeal: SanctionAppeal = self.obj
        return [(_("Merchant"), appeal.sanction.merchant.name), (_("The merchant says"), appeal.text), (_("Sanctioned by"), appeal.imposed_by)]


class GrantDialog(DecideDialog):
    def sentence(self) -> Any:
        return _("The bar ends, and every program is again what it was: live ones are exposed and sold at once.")


class DenyDialog(DecideDialog):
    def sentence(self) -> Any:
        return _("The sanction stands. It cannot be appealed again.")


def _is_open(appeal: SanctionAppeal) -> bool:
    return appeal.status == AppealStatus.OPEN


@admin.register(SanctionAppeal, site=platform_site)
class SanctionAppealAdmin(PaidPlatformScreen):
    """What merchants object to."""

    list_display = ("merchant_column", "status_column", "imposed_by", "filed_column", "decided_by")
    list_display_links = ("merchant_column",)
    list_filter = ("status",)
    list_select_related = ("sanction__merchant", "imposed_by", "decided_by")
    ordering = ("filed_at", "pk")
    actions_detail = ("deny", "grant")
    empty_text = gettext_lazy("No sanction has been appealed.")
    keys = (("d", "deny", gettext_lazy("the sanction stands")), ("g", "grant", gettext_lazy("lift the sanction")))

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (*((label, f"status__exact={status}") for status, label in AppealStatus.choices), (_("All"), ""))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("sanction__merchant", "sanction__complaint__store", "imposed_by", "filed_by", "decided_by")

    @admin.display(description=gettext_lazy("Merchant"))
    def merchant_column(self, row: SanctionAppeal) -> str:
        return row.sanction.merchant.name

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, row: SanctionAppeal) -> str:
        return status_chip(row, APPEAL_TONES)

    @admin.display(description=gettext_lazy("Filed"))
    def filed_column(self, row: SanctionAppeal) -> str:
        return moment(row.filed_at)

    def page(self, row: Any, request: HttpRequest) -> RowPage:
        appeal: SanctionAppeal = row
        sanction, case = appeal.sanction, appeal.sanction.complaint
        is_own = _is_open(appeal) and appeal.imposed_by_id == person(request).pk and self.allows(request, DECIDE)
        sections = [
            Section(_("What the merchant says"), text=appeal.text, facts=[(_("Filed"), f"{appeal.filed_by} · {full_time(appeal.filed_at)}")]),
            Section(
                _("What was decided"),
                text=sanction.reason,
                facts=[
                    (_("Sanction"), row_link(CONSOLE, sanction)),
                    (_("Complaint"), row_link(CONSOLE, case, case.text[:60])),
                    (_("Sanctioned by"), f"{appeal.imposed_by} · {full_time(sanction.imposed_at)}"),
                ],
                links=[(_("Holders"), list_url(CONSOLE, PaidMembership, f"store__id__exact={case.store_id}"))],
            ),
            Section(_("What lifting it restores"), table=_programs(sanction)),
        ]
        if appeal.decided_at:
            sections.append(Section(_("Answer"), text=appeal.reason, facts=[(_("Decided"), f"{appeal.decided_by} · {full_time(appeal.decided_at)}")]))
        return RowPage(
            title=sanction.merchant.name,
            chips=(status_chip(appeal, APPEAL_TONES),),
            alert=_("You imposed this sanction; somebody else has to decide the appeal.") if is_own else "",
            sections=sections,
        )

    @tenant_action(permission=DECIDE, title=gettext_lazy("The sanction stands"), form=DenyDialog, icon="gavel", available=_is_open)
    def deny(self, request: HttpRequest, appeal: SanctionAppeal, form: Any) -> str:
        decide_appeal(appeal=appeal, granted=False, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("Answered: the sanction stands.")

    @tenant_action(permission=DECIDE, title=gettext_lazy("Lift the sanction"), form=GrantDialog, icon="undo", danger=True, available=_is_open)
    def grant(self, request: HttpRequest, appeal: SanctionAppeal, form: Any) -> str:
        decide_appeal(appeal=appeal, granted=True, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("Lifted. The merchant's programs are what they were.")
