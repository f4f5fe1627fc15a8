"""Corrections by hand, and those that wait for a second person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import SearchShape, tenant_action
from backoffice.kernel.admin.display import EMPTY, moment, row_link, status_chip
from backoffice.kernel.admin.scoping import reach
from backoffice.kernel.clock import database_now
from members.admin.acting import acting_user
from members.admin.credit import ADJUST, MemberColumns
from members.admin.credit_forms import AdjustmentFactsDialog, RefuseDialog
from members.admin.rows import actor_name, signed
from members.admin.search import MEMBER_HELP, shapes_by_member
from members.admin.tabs import Tab, TabbedList
from members.choices import AdjustmentStatus
from members.models import CreditAdjustment
from members.selectors.beside import with_people
from members.selectors.tones import ADJUSTMENT_TONES
from members.selectors.waiting import is_for_second_person
from members.services.credit.adjustments import approve_adjustment, refuse_adjustment, withdraw_adjustment

APPROVE = "members.approve_adjustment"
FOR_ME_QUERY = "queue=for_me"


class QueueFilter(SimpleListFilter):
    """The tabs above the list; among the other filters only a hidden field, so that they keep the tab."""

    template = "files/queue_filter.html"
    title = gettext_lazy("queue")
    parameter_name = "queue"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        self.console = model_admin.admin_site.name
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("for_me", _("Waits for me")), ("mine", _("Asked for by me")), ("done", _("Done"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        if self.value() == "for_me":
            return reach(request.user, self.console, queryset, APPROVE).filter(is_for_second_person(request.user))  # type: ignore[arg-type]
        if self.value() == "mine":
            return queryset.filter(requested_by=request.user)
        return queryset.exclude(status=AdjustmentStatus.REQUESTED) if self.value() == "done" else queryset


def _waits(adjustment: Any) -> bool:
    return bool(adjustment.status == AdjustmentStatus.REQUESTED)


class CreditAdjustmentScreen(MemberColumns, TabbedList):
    """Adjustments, newest first."""

    big_list = True
    list_display: tuple[str, ...] = (
        "requested", "member_link", "store_name", "amount_column", "principal_column", "bonus_column", "status_column", "reason", "asked_by", "decided",
    )  # fmt: skip
    list_display_links = ("requested",)
    list_filter: tuple[Any, ...] = ("store", "status", QueueFilter)
    allowed_lookups: Sequence[str] = ("account_id",)
    search_shapes: Sequence[SearchShape] = shapes_by_member("account__member")
    search_help_text = MEMBER_HELP
    fieldsets = (
        (None, {"fields": ("amount_column", "principal_column", "bonus_column", "status_column", "member_link", "store_name", "account_column")}),
        (gettext_lazy("What for"), {"fields": ("reason", "lot_column", "expires", "asked_by", "requested")}),
        (gettext_lazy("Decision"), {"fields": ("needs_second_person", "decided_by_column", "decided", "decision_reason")}),
    )
    readonly_fields = (
        "amount_column", "principal_column", "bonus_column", "status_column", "member_link", "store_name", "account_column", "lot_column", "expires",
        "asked_by", "requested", "decided_by_column", "decided",
    )  # fmt: skip
    empty_text = gettext_lazy("Nobody adjusted credit by hand. “Adjust credit” stands on a member's credit account.")
    actions_detail = ("approve", "refuse", "withdraw")
    allows: Any
    get_object: Any

    def member_of(self, row: CreditAdjustment) -> Any:
        return row.account.member

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return with_people(super().get_queryset(request)).select_related("store", "account__member", "lot")  # type: ignore[misc]

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        for_me = ((_("Waits for me"), FOR_ME_QUERY),) if self.allows(request, APPROVE) else ()
        return (
            (_("All"), ""),
            *for_me,
            (_("Asked for by me"), "queue=mine"),
            (AdjustmentStatus.REQUESTED.label, f"status__exact={AdjustmentStatus.REQUESTED}"),
            (_("Done"), "queue=done"),
        )

    def _offers(self, request: HttpRequest, act: Any, object_id: Any) -> bool:
        """Who asked may withdraw, everybody else decides: nobody is offered what the service would refuse them."""
        offered: bool = super()._offers(request, act, object_id)  # type: ignore[misc]
        if not offered:
            return False
        asked_myself = self.get_object(request, str(object_id)).requested_by_id == request.user.pk
        return bool(asked_myself == (act.method.original_function_name == "withdraw"))

    @tenant_action(
        permission=APPROVE,
        title=gettext_lazy("Approve"),
        form=AdjustmentFactsDialog,
        icon="check",
        available=_waits,
        description=gettext_lazy("It is booked at once. Two people have then answered for it: who asked, and you."),
    )
    def approve(self, request: HttpRequest, adjustment: CreditAdjustment, form: Any) -> str:
        approve_adjustment(adjustment=adjustment, by=acting_user(request), now=database_now())
        return _("The adjustment is booked.")

    @tenant_action(permission=APPROVE, title=gettext_lazy("Refuse"), form=RefuseDialog, icon="block", danger=True, available=_waits)
    def refuse(self, request: HttpRequest, adjustment: CreditAdjustment, form: Any) -> str:
        refuse_adjustment(adjustment=adjustment, reason=form.cleaned_data["reason"], by=acting_user(request), now=database_now())
        return _("The adjustment is refused. Nothing moved.")

    @tenant_action(permission=ADJUST, title=gettext_lazy("Withdraw"), form=AdjustmentFactsDialog, icon="undo", available=_waits)
    def withdraw(self, request: HttpRequest, adjustment: CreditAdjustment, form: Any) -> str:
        withdraw_adjustment(adjustment=adjustment, by=acting_user(request), now=database_now())
        return _("The adjustment is withdrawn. Nothing moved.")

    @admin.display(description=gettext_lazy("Requested"))
    def requested(self, adjustment: CreditAdjustment) -> str:
        return moment(adjustment.requested_at)

    @admin.display(description=gettext_lazy("Amount"))
    def amount_column(self, adjustment: CreditAdjustment) -> str:
        return signed(adjustment.principal_amount + adjustment.bonus_amount)

    @admin.display(description=gettext_lazy("Principal"))
    def principal_column(self, adjustment: CreditAdjustment) -> str:
        return signed(adjustment.principal_amount)

    @admin.display(description=gettext_lazy("Bonus"))
    def bonus_column(self, adjustment: CreditAdjustment) -> str:
        return signed(adjustment.bonus_amount)

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, adjustment: CreditAdjustment) -> str:
        return status_chip(adjustment, ADJUSTMENT_TONES)

    @admin.display(description=gettext_lazy("Asked for by"))
    def asked_by(self, adjustment: CreditAdjustment) -> str:
        return actor_name(adjustment.requested_by, self.admin_site.name)

    @admin.display(description=gettext_lazy("Decided by"))
    def decided_by_column(self, adjustment: CreditAdjustment) -> str:
        return actor_name(adjustment.decided_by, self.admin_site.name) if adjustment.decided_by else EMPTY

    @admin.display(description=gettext_lazy("Decided"))
    def decided(self, adjustment: CreditAdjustment) -> str:
        return moment(adjustment.decided_at)

    @admin.display(description=gettext_lazy("Credit account"))
    def account_column(self, adjustment: CreditAdjustment) -> str:
        return row_link(self.admin_site.name, adjustment.account)

    @admin.display(description=gettext_lazy("Credit lot"))
    def lot_column(self, adjustment: CreditAdjustment) -> str:
        return row_link(self.admin_site.name, adjustment.lot) if adjustment.lot else EMPTY

    @admin.display(description=gettext_lazy("Lapses"))
    def expires(self, adjustment: CreditAdjustment) -> str:
        return moment(adjustment.expires_at)
