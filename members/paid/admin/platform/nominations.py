"""The two ways in: member operations invites, industry operations nominates, or takes up what a merchant proposes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Case, Value, When
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import person, tenant_action
from backoffice.kernel.admin.display import full_time, moment, row_link, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import platform_site
from members.admin.tabs import Tab
from members.paid.admin.merchant.base import RowPage, Section, Table
from members.paid.admin.platform.parts import CONSOLE, PaidPlatformScreen, StoreDialog, WhyDialog, listed
from members.paid.choices import LIVE_NOMINATIONS, NominationStatus, NominationWay
from members.paid.models import Nomination
from members.paid.selectors.tones import NOMINATION_TONES, PROGRAM_TONES
from members.paid.services.nominations import INVITE, NOMINATE, decline_nomination, invite_store, nominate_store


def _is_proposed(row: Nomination) -> bool:
    return row.status == NominationStatus.PROPOSED


def _is_live_nomination(row: Nomination) -> bool:
    return row.way == NominationWay.NOMINATION and row.status in LIVE_NOMINATIONS


def _is_live_invitation(row: Nomination) -> bool:
    return row.way == NominationWay.INVITATION and row.status in LIVE_NOMINATIONS


@admin.register(Nomination, site=platform_site)
class NominationAdmin(PaidPlatformScreen):
    """Stores on their way in; what merchants propose comes first."""

    list_display = ("store_column", "merchant_column", "way_column", "status_column", "reason", "since", "who")
    list_display_links = ("store_column",)
    list_filter = ("status", "way", "store")
    list_select_related = ("store__merchant", "proposed_by", "opened_by", "ended_by")
    search_fields = ("store__code", "store__name")
    actions_list = ("invite", "nominate_new")
    actions_detail = ("nominate", "decline", "end_invitation")
    empty_text = gettext_lazy("No store has been invited or nominated yet. Member operations invites, industry operations nominates.")
    keys = (("n", "nominate", gettext_lazy("nominate")), ("r", "decline", gettext_lazy("decline")))

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return (Case(When(status=NominationStatus.PROPOSED, then=Value(0)), default=Value(1)), "-pk")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (*((label, f"status__exact={status}") for status, label in NominationStatus.choices), (_("All"), ""))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("store__merchant", "proposed_by", "opened_by", "ended_by")

    @admin.display(description=gettext_lazy("Merchant"))
    def merchant_column(self, row: Nomination) -> str:
        return row.store.merchant.name

    @admin.display(description=gettext_lazy("Way"))
    def way_column(self, row: Nomination) -> str:
        return str(row.get_way_display())

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, row: Nomination) -> str:
        return status_chip(row, NOMINATION_TONES)

    @admin.display(description=gettext_lazy("Since"))
    def since(self, row: Nomination) -> str:
        return moment(row.ended_at or row.opened_at or row.proposed_at)

    @admin.display(description=gettext_lazy("By"))
    def who(self, row: Nomination) -> str:
        return str(row.ended_by or row.opened_by or row.proposed_by or "—")

    def page(self, row: Any, request: HttpRequest) -> RowPage:
        steps = ((_("Proposed"), row.proposed_by, row.proposed_at), (_("Opened"), row.opened_by, row.opened_at), (_("Ended"), row.ended_by, row.ended_at))
        programs = row.programs.order_by("-rank", "pk")
        return RowPage(
            title=row.store.name,
            chips=(status_chip(row, NOMINATION_TONES), row.get_way_display()),
            sentence=_next_step(row),
            sections=[
                Section(
                    _("The store"),
                    facts=[
                        (_("Store"), row_link(CONSOLE, row.store, f"{row.store.name} ({row.store.code})")),
                        (_("Merchant"), row_link(CONSOLE, row.store.merchant)),
                        (_("What speaks for it"), row.reason),
                        *((label, f"{by or '—'} · {full_time(at)}") for label, by, at in steps if at),
                        *(((_("Why it ended"), row.end_reason),) if row.end_reason else ()),
                    ],
                ),
                Section(
                    _("Programs"),
                    table=Table(
                        [_("Program"), _("Status")],
                        [[row_link(CONSOLE, program), status_chip(program, PROGRAM_TONES)] for program in programs],
                        empty=_("The merchant has drafted nothing yet."),
                    ),
                ),
            ],
        )

    @tenant_action(permission=INVITE, title=gettext_lazy("Invite a store"), submit=gettext_lazy("Invite"), form=StoreDialog, icon="mail", on_list=True)
    def invite(self, request: HttpRequest, form: Any) -> str:
        row = invite_store(store=form.cleaned_data["store"], reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("%(store)s is invited: it may draft its benefit pack now.") % {"store": row.store.name}

    @tenant_action(
        permission=NOMINATE, title=gettext_lazy("Nominate a store"), submit=gettext_lazy("Nominate"), form=StoreDialog, icon="add_business", on_list=True
    )
    def nominate_new(self, request: HttpRequest, form: Any) -> str:
        row = nominate_store(store=form.cleaned_data["store"], reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("%(store)s is nominated: it may draft its benefit pack now.") % {"store": row.store.name}

    @tenant_action(permission=NOMINATE, title=gettext_lazy("Nominate"), form=WhyDialog, icon="check", available=_is_proposed)
    def nominate(self, request: HttpRequest, row: Nomination, form: Any) -> str:
        nominate_store(store=row.store, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("%(store)s is nominated: it may draft its benefit pack now.") % {"store": row.store.name}

    @tenant_action(permission=NOMINATE, title=gettext_lazy("Decline"), form=WhyDialog, icon="close", danger=True, available=_is_live_nomination)
    def decline(self, request: HttpRequest, row: Nomination, form: Any) -> str:
        return self._declined(request, row, form)

    @tenant_action(permission=INVITE, title=gettext_lazy("End the invitation"), form=WhyDialog, icon="close", danger=True, available=_is_live_invitation)
    def end_invitation(self, request: HttpRequest, row: Nomination, form: Any) -> str:
        return self._declined(request, row, form)

    def _declined(self, request: HttpRequest, row: Nomination, form: Any) -> str:
        decline_nomination(nomination=row, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("Ended. The merchant reads the reason.")


def _next_step(row: Nomination) -> str:
    if row.status == NominationStatus.PROPOSED:
        return _("The merchant asks to be nominated; industry operations decides.")
    if row.status == NominationStatus.OPEN:
        return _("The store may draft programs. Each pack is reviewed before anything can be configured.")
    return listed([row.get_status_display()])
