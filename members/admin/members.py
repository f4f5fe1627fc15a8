"""The members list and one member's page, for both consoles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from backoffice.kernel.admin import ReasonForm, SearchShape, tenant_action
from backoffice.kernel.admin.display import EMPTY, GOOD, PLAIN, WARN, chip, moment, money, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.files.buttons import BulkButtons
from backoffice.kernel.money import ZERO
from backoffice.kernel.tenancy.access import stores_of
from backoffice.kernel.tenancy.roles import Console
from members.admin.acting import acting_user
from members.admin.bulk import MemberResource
from members.admin.credit import ADJUST, adjust_sentence
from members.admin.credit_forms import AdjustDialog
from members.admin.forms import ConsentDialog, PhoneDialog, RevealDialog, StatusDialog
from members.admin.member_page import member_page
from members.admin.search import MEMBER_HELP, MEMBER_SHAPES
from members.admin.tabs import Tab, TabbedList
from members.admin.words import unbroken
from members.choices import MEMBER_TRANSITIONS, MemberStatus
from members.models import Member
from members.selectors.members import with_credit, with_list_columns
from members.selectors.tones import MEMBER_TONES
from members.services import members as member_services
from members.services import phones as phone_services
from members.services.credit.adjustments import request_adjustment


def _can_change_status(member: Any) -> bool:
    return bool(MEMBER_TRANSITIONS[member.status])


def _gets_cards(member: Any) -> bool:
    return bool(member.credit_cards_on)


def _gets_no_cards(member: Any) -> bool:
    return not member.credit_cards_on


def _has_phone(member: Any) -> bool:
    return bool(member.phone_masked)


def _has_no_account(member: Any) -> bool:
    return not hasattr(member, "credit_account")


class CreditFilter(DropdownFilter):
    """Members who have credit, and members who have none."""

    title = gettext_lazy("Credit")
    parameter_name = "credit"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        self.console = model_admin.admin_site.name
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return (("with", gettext_lazy("With credit")), ("without", gettext_lazy("Without credit")))

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        if self.value() not in ("with", "without"):
            return queryset
        mine = stores_of(request.user, "members.view_member") if self.console == Console.MERCHANT else None
        return queryset.filter(with_credit(mine)) if self.value() == "with" else queryset.exclude(with_credit(mine))


class MemberScreen(BulkButtons, TabbedList):
    """Declaration of both consoles' screen; each adds its base class and its columns."""

    resource = MemberResource
    big_list = True
    list_display: tuple[str, ...] = ("member_no", "nickname", "phone_masked", "level_name", "status_chip", "balance", "last_purchase", "consent_chip")
    list_display_links = ("member_no", "nickname")
    list_filter: tuple[Any, ...] = ("store", "status", CreditFilter, "marketing_consent", "credit_cards_on")
    search_shapes: Sequence[SearchShape] = MEMBER_SHAPES
    search_help_text = MEMBER_HELP
    fields = ("member_no", "nickname")
    change_form_template = "members/member_page.html"
    actions_detail = (
        "change_status",
        "reveal_phone",
        {"title": gettext_lazy("More"), "icon": "more_horiz", "items": ["record_consent", "cards_off", "cards_on", "change_phone", "adjust"]},
    )
    empty_text = gettext_lazy("No members yet. Import the members file first: “Imports”, then “New import”.")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        states = [(status.label, f"status__exact={status.value}") for status in MemberStatus]
        return ((_("All"), ""), *states, (_("With credit"), "credit=with"))

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Member]:
        return with_list_columns(super().get_queryset(request))

    @admin.display(description=gettext_lazy("Store"))
    def store_name(self, member: Member) -> str:
        return unbroken(member.store.name)

    @admin.display(description=gettext_lazy("Level"))
    def level_name(self, member: Member) -> str:
        return unbroken(member.level.name) if member.level else EMPTY

    @admin.display(description=gettext_lazy("Status"))
    def status_chip(self, member: Member) -> str:
        return status_chip(member, MEMBER_TONES)

    @admin.display(description=gettext_lazy("Credit balance"))
    def balance(self, member: Member) -> str:
        account = getattr(member, "credit_account", None)
        return money(account.balance if account else ZERO)

    @admin.display(description=gettext_lazy("Last purchase"))
    def last_purchase(self, member: Member) -> str:
        purchases = getattr(member, "purchases", None)
        return moment(purchases.last_purchase_at if purchases else None)

    @admin.display(description=gettext_lazy("Marketing consent"))
    def consent_chip(self, member: Member) -> str:
        agrees = chip(_("Agrees"), GOOD) if member.marketing_consent else chip(_("Declined"), WARN)
        return agrees if member.credit_cards_on else format_html("{} {}", agrees, chip(_("Cards off"), PLAIN))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        member = kwargs.get("obj")
        if member is not None:
            context |= {"title": member.nickname or member.member_no, "subtitle": None, "page": member_page(self, request, member, database_now())}
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return answer

    # --- acts

    @tenant_action(
        permission="members.change_member_status",
        title=gettext_lazy("Change status"),
        form=StatusDialog,
        icon="swap_horiz",
        available=_can_change_status,
        description=gettext_lazy("Only active members receive messages. Credit stays the member's whatever the status."),
    )
    def change_status(self, request: HttpRequest, member: Member, form: Any) -> str:
        given = form.cleaned_data
        change = member_services.change_status(
            member=member,
            to=given["to"],
            reason=given["reason"],
            by=acting_user(request),
            now=database_now(),
            confirmed_with_balance=given.get("confirmed_with_balance"),
        )
        return _("The member is now “%(status)s”.") % {"status": change.get_to_status_display()}

    @tenant_action(
        permission="members.change_member",
        title=gettext_lazy("Record consent"),
        form=ConsentDialog,
        icon="how_to_reg",
        description=gettext_lazy("Marketing consent decides about pushes and lifecycle messages. The three credit cards have a switch of their own."),
    )
    def record_consent(self, request: HttpRequest, member: Member, form: Any) -> str:
        given = form.cleaned_data
        member_services.record_consent(
            member=member, agrees=given["agrees"], source=given["source"], version=given["version"], by=acting_user(request), now=database_now()
        )
        return _("The consent is recorded.")

    @tenant_action(
        permission="members.change_member",
        title=gettext_lazy("Switch credit cards off"),
        form=ReasonForm,
        icon="notifications_off",
        description=gettext_lazy(
            "The member gets no balance, expiry or after-payment card any more until this is switched on again. Do it when the member asked for it."
        ),
        available=_gets_cards,
    )
    def cards_off(self, request: HttpRequest, member: Member, form: Any) -> str:
        member_services.switch_credit_cards(member=member, on=False, reason=form.cleaned_data["reason"], by=acting_user(request), now=database_now())
        return _("The credit cards are off for this member.")

    @tenant_action(
        permission="members.change_member",
        title=gettext_lazy("Switch credit cards on"),
        form=ReasonForm,
        icon="notifications_active",
        description=gettext_lazy("The member gets the credit cards again. Do it only when the member asked for it."),
        available=_gets_no_cards,
    )
    def cards_on(self, request: HttpRequest, member: Member, form: Any) -> str:
        member_services.switch_credit_cards(member=member, on=True, reason=form.cleaned_data["reason"], by=acting_user(request), now=database_now())
        return _("The credit cards are on for this member.")

    @tenant_action(
        permission="members.change_member",
        title=gettext_lazy("Change phone"),
        form=PhoneDialog,
        icon="phone_iphone",
        description=gettext_lazy("The member stays the same person; the change is logged."),
    )
    def change_phone(self, request: HttpRequest, member: Member, form: Any) -> str:
        phone_services.set_phone(member=member, phone=form.cleaned_data["phone"], source="console", by=acting_user(request), now=database_now())
        return _("The phone is changed.")

    @tenant_action(
        permission=ADJUST,
        title=gettext_lazy("Adjust credit"),
        form=AdjustDialog,
        icon="tune",
        available=_has_no_account,
        description=gettext_lazy("The member has no credit account yet; one is opened with this."),
    )
    def adjust(self, request: HttpRequest, member: Member, form: Any) -> str:
        return adjust_sentence(request_adjustment(member=member, by=acting_user(request), now=database_now(), **form.wish()))

    @tenant_action(
        permission=phone_services.REVEAL_PERMISSION,
        title=gettext_lazy("Show phone"),
        form=RevealDialog,
        icon="visibility",
        description=gettext_lazy("Your name, the time and the reason are kept. You can have 30 phones shown a day."),
        available=_has_phone,
    )
    def reveal_phone(self, request: HttpRequest, member: Member, form: Any) -> HttpResponse:
        phone = phone_services.reveal_phone(member=member, reason=form.cleaned_data["reason"], by=acting_user(request), now=database_now())
        template = "members/revealed_phone_dialog.html" if request.headers.get("HX-Request") else "members/revealed_phone_page.html"
        context = {**self.admin_site.each_context(request), "title": _("Phone of %(member)s") % {"member": member}, "opts": self.opts, "phone": phone}
        answer = render(request, template, context)
        answer["Cache-Control"] = "no-store"  # never out of a browser's or a proxy's memory
        return answer
