"""Programs of the merchant's stores, and the pages of their set-up."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from backoffice.kernel.admin import person, tenant_action
from backoffice.kernel.admin.display import EMPTY, count, full_time, list_url, money, row_link, status_chip
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.money import format_yuan
from backoffice.kernel.sites import merchant_site
from backoffice.kernel.tenancy.access import stores_of
from backoffice.kernel.tenancy.choices import StoreStatus
from backoffice.kernel.tenancy.models import Store
from members.admin.credit_forms import FactsDialog
from members.admin.member_page import Figure
from members.admin.tabs import Tab
from members.paid.admin.merchant.base import CONFIGURE, EMPTY_STORE, PaidScreen, RowPage, Section, Table, View
from members.paid.admin.merchant.decoration_page import decoration_view, preview_view
from members.paid.admin.merchant.figures_page import figures_view
from members.paid.admin.merchant.pack_page import benefit_view, pack_view
from members.paid.admin.merchant.sanction_page import sanction_view
from members.paid.admin.merchant.setup_pages import PROPOSE, configuration_view, review_view, setup_view, versions_table
from members.paid.admin.merchant.stepper import fee_of_pack, step_url, who
from members.paid.benefits import describe
from members.paid.choices import NominationStatus, ProgramStatus
from members.paid.models import Benefit, EntryPlacement, PaidMembership, PaidProgram
from members.paid.selectors.setup import Actor, StepCode, get_setup
from members.paid.selectors.tones import PROGRAM_TONES
from members.paid.selectors.turns import is_merchants_turn
from members.paid.selectors.validity import holding_on
from members.paid.services.nominations import propose_nomination
from members.paid.services.programs import close_program, create_program, place_live_card

CLOSE = "paid.close_program"
RUNNING = (ProgramStatus.DRAFT, ProgramStatus.CONFIGURING, ProgramStatus.LIVE)


class StoreDialog(FactsDialog):
    """Of which store; a link from its page has it filled in."""

    permission = CONFIGURE
    store = forms.ModelChoiceField(queryset=Store.objects.none(), label=gettext_lazy("Store"), widget=UnfoldAdminSelectWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["store"]
        field.queryset = self.stores()
        field.initial = field.queryset.filter(pk=_number(self.request.GET.get("store"))).first()

    def stores(self) -> models.QuerySet[Store]:
        return stores_of(self.request.user, self.permission).filter(status=StoreStatus.OPEN).order_by("name", "pk")


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 18 else 0


class ProposeDialog(StoreDialog):
    """The wish to be nominated, with what speaks for it."""

    permission = PROPOSE
    reason = forms.CharField(
        label=gettext_lazy("What speaks for it"),
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy("For example how many members buy again, and what you would give them."),
    )


class NewProgramDialog(StoreDialog):
    """Name and rank; everything else follows on its pages."""

    name = forms.CharField(label=gettext_lazy("Plan name"), max_length=60, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}))
    rank = forms.IntegerField(
        label=gettext_lazy("Rank"),
        min_value=1,
        max_value=99,
        initial=1,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=gettext_lazy("Of two plans the one with the larger number is the higher."),
    )

    def stores(self) -> models.QuerySet[Store]:
        return super().stores().filter(nominations__status=NominationStatus.OPEN)


class CloseDialog(FactsDialog):
    """What closing stops. The name is typed, because there is no way back."""

    obj: PaidProgram
    typed_name = forms.CharField(label=gettext_lazy("Type the plan's name"), max_length=60, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}))
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))

    def facts(self) -> list[tuple[Any, Any]]:
        holders = PaidMembership.objects.filter(holding_on(local_day(database_now())), program=self.obj).count()
        return [(_("Plan name"), self.obj.name), (_("Store"), self.obj.store.name), (_("Holders today"), f"{holders:,}")]

    def sentence(self) -> Any:
        return _("It is sold and shown no more, for good. Members keep what they bought to the end of their term.")

    def clean_typed_name(self) -> str:
        typed = str(self.cleaned_data["typed_name"]).strip()
        if typed != self.obj.name:
            raise forms.ValidationError(_("This is not the plan's name. Type it exactly as it is shown."))
        return typed


class PlacementDialog(FactsDialog):
    """Whether the live-card module stands in the shop."""

    placed = forms.BooleanField(label=gettext_lazy("The live card is placed in the shop"), required=False, widget=UnfoldBooleanSwitchWidget())
    _obj: PaidProgram | None = None

    @property
    def obj(self) -> Any:
        return self._obj

    @obj.setter
    def obj(self, row: PaidProgram) -> None:
        self._obj = row
        self.fields["placed"].initial = is_placed(row)

    def sentence(self) -> Any:
        return _("Members see the card in the shop only while the module is placed there. The member centre shows a live program in any case.")


def is_running(row: Any) -> bool:
    return row.status in RUNNING


def is_placed(row: Any) -> bool:
    return EntryPlacement.objects.filter(store=row.store_id, live_card_placed=True).exists()


class TurnFilter(DropdownFilter):
    """Programs that go on only when the merchant acts."""

    title = gettext_lazy("Next step")
    parameter_name = "turn"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return (("yours", gettext_lazy("Yours")),)

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(is_merchants_turn()) if self.value() == "yours" else queryset


@admin.register(PaidProgram, site=merchant_site)
class PaidProgramAdmin(PaidScreen):
    """Plans of the stores: what they cost, how they sell, where they stand."""

    list_display = ("name", "store_name", "rank_column", "status_column", "fee_column", "sold_column", "holders_column")
    list_display_links = ("name",)
    list_filter = ("store", "status", TurnFilter)
    search_fields = ("name", "store__name", "store__code")
    search_help_text = gettext_lazy("Plan, or the store's name or code")
    ordering = ("store_id", "-rank", "-pk")
    fields = ("name",)
    actions_list = ("new", "propose")
    actions_detail = ("place_card", "close_program")
    stopped_by_bar = ("new", "propose", "place_card", "close_program")
    empty_text = EMPTY_STORE

    def pages(self) -> list[tuple[str, str, View]]:
        return [
            ("setup/", "paid_setup", partial(setup_view, self)),
            ("figures/", "paid_figures", partial(figures_view, self)),
            ("sanction/", "paid_sanction", partial(sanction_view, self)),
            ("<path:object_id>/pack/", "paid_paidprogram_pack", partial(pack_view, self)),
            ("<path:object_id>/benefit/", "paid_paidprogram_benefit", partial(benefit_view, self)),
            ("<path:object_id>/review/", "paid_paidprogram_review", partial(review_view, self)),
            ("<path:object_id>/configuration/", "paid_paidprogram_configuration", partial(configuration_view, self)),
            ("<path:object_id>/decoration/", "paid_paidprogram_decoration", partial(decoration_view, self)),
            ("<path:object_id>/preview/", "paid_paidprogram_preview", partial(preview_view, self)),
        ]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[PaidProgram]:
        today = local_day(database_now())
        held = PaidMembership.objects.filter(holding_on(today), program=models.OuterRef("pk")).order_by().values("program")
        counted = held.annotate(number=models.Count("pk")).values("number")
        rows: models.QuerySet[PaidProgram] = super().get_queryset(request)
        holders = models.functions.Coalesce(models.Subquery(counted), 0)
        return rows.select_related("store__merchant", "pack", "decoration").annotate(holder_count=holders)

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (
            (_("All"), ""),
            (_("Your turn"), "turn=yours"),
            *((ProgramStatus(code).label, f"status__exact={code}") for code in (*RUNNING, ProgramStatus.CLOSED)),
        )

    @admin.display(description=gettext_lazy("Rank"))
    def rank_column(self, row: PaidProgram) -> str:
        return count(row.rank)

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, row: PaidProgram) -> str:
        return status_chip(row, PROGRAM_TONES)

    @admin.display(description=gettext_lazy("Card fee"))
    def fee_column(self, row: PaidProgram) -> str:
        return money(row.pack.card_fee) if row.pack else EMPTY

    @admin.display(description=gettext_lazy("Stock"))
    def sold_column(self, row: PaidProgram) -> str:
        return _("%(sold)s of %(all)s") % {"sold": f"{row.sold_count:,}", "all": f"{row.stock_limit:,}"} if row.stock_limit else f"{row.sold_count:,}"

    @admin.display(description=gettext_lazy("Holders today"))
    def holders_column(self, row: Any) -> str:
        return count(row.holder_count)

    # --- acts

    @tenant_action(permission=CONFIGURE, title=gettext_lazy("New program"), form=NewProgramDialog, icon="add", on_list=True)
    def new(self, request: HttpRequest, form: Any) -> HttpResponse:
        given = form.cleaned_data
        made = create_program(store=given["store"], name=given["name"], rank=given["rank"], by=person(request), now=database_now())
        return HttpResponseRedirect(reverse("merchant:paid_paidprogram_pack", args=[made.pk]))

    @tenant_action(permission=PROPOSE, title=gettext_lazy("Propose a store"), submit=gettext_lazy("Propose"), form=ProposeDialog, icon="campaign", on_list=True,
                   description=gettext_lazy("Industry operations reads it and nominates the store, or says why not."))  # fmt: skip
    def propose(self, request: HttpRequest, form: Any) -> HttpResponse:
        given = form.cleaned_data
        propose_nomination(store=given["store"], reason=given["reason"], by=person(request), now=database_now())
        return HttpResponseRedirect(f"{reverse('merchant:paid_setup')}?store={given['store'].pk}")

    @tenant_action(
        permission=CONFIGURE,
        title=gettext_lazy("Live card"),
        submit=gettext_lazy("Save"),
        form=PlacementDialog,
        icon="add_to_home_screen",
        available=is_running,
    )
    def place_card(self, request: HttpRequest, row: PaidProgram, form: Any) -> HttpResponse:
        place_live_card(store=row.store, placed=form.cleaned_data["placed"], by=person(request), now=database_now())
        return HttpResponseRedirect(reverse("merchant:paid_paidprogram_decoration", args=[row.pk]))

    @tenant_action(permission=CLOSE, title=gettext_lazy("Close the program"), form=CloseDialog, icon="block", danger=True, available=is_running)
    def close_program(self, request: HttpRequest, row: PaidProgram, form: Any) -> str:
        close_program(program=row, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("“%(name)s” is closed. Its holders keep what they bought.") % {"name": row.name}

    # --- the page

    def page(self, row: Any, request: HttpRequest) -> RowPage:
        console, now = self.admin_site.name, database_now()
        setup = get_setup(row.store, now, row)
        step = setup.current
        benefits = list(row.pack.benefits.all()) if row.pack else []
        return RowPage(
            title=row.name,
            chips=[status_chip(row, PROGRAM_TONES)],
            sentence=_("Step %(n)d of 5, %(step)s: %(who)s.") % {"n": step.number, "step": step.code.label, "who": who(step.actor)}
            if step
            else _state_sentence(row),
            alert=" ".join(str(text) for text in step.missing) if step and step.actor == Actor.MERCHANT else "",
            under=f"{row.store.name} · {_('Rank')} {row.rank}",
            figures=[
                Figure(_("Card fee"), fee_of_pack(row.pack) if row.pack else EMPTY, ""),
                Figure(_("Holders today"), f"{row.holder_count:,}", "", list_url(console, PaidMembership, f"program__id__exact={row.pk}&term=active")),
                Figure(
                    _("Sold"),
                    f"{row.sold_count:,}",
                    _("of %(all)s") % {"all": f"{row.stock_limit:,}"} if row.stock_limit else _("as many as are wanted"),
                    list_url(console, PaidMembership, f"program__id__exact={row.pk}"),
                ),
                Figure(_("Rank"), str(row.rank), ""),
            ],
            sections=[
                Section(
                    _("Set-up"),
                    links=[(f"{number} {code.label}", step_url(code, row.store, row)) for number, code in enumerate(StepCode, start=1)]
                    + [(_("What members see"), reverse("merchant:paid_paidprogram_preview", args=[row.pk]))],
                ),
                Section(
                    _("Benefits in force"),
                    table=Table(
                        (_("Benefit"), _("Kind"), _("What members read"), _("Worth to the member"), _("Cost to the store"), _("Shown")),
                        [_benefit_cells(benefit, console) for benefit in benefits],
                        numbers=(3, 4),
                        empty=_("No pack is approved yet."),
                    ),
                ),
                Section(_("Versions of the pack"), table=versions_table(row, now)),
                *([Section(_("Terms"), text=row.terms_text)] if row.terms_text else []),
            ],
        )


def _benefit_cells(benefit: Benefit, console: str) -> list[Any]:
    shown = _("off since %(time)s") % {"time": full_time(benefit.disabled_at)} if benefit.disabled_at else _("on")
    name = row_link(console, benefit, benefit.title)
    return [name, benefit.get_kind_display(), describe(benefit), format_yuan(benefit.value_amount), format_yuan(benefit.cost_amount), shown]


def _state_sentence(row: PaidProgram) -> str:
    if row.status == ProgramStatus.LIVE:
        return _("Live since %(time)s.") % {"time": full_time(row.live_at)} if row.live_at else ""
    if row.ended_at is not None:
        return _("Ended %(time)s. Members keep what they bought to the end of their term.") % {"time": full_time(row.ended_at)}
    return ""
