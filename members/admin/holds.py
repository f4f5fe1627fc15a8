"""Holds: credit that is set aside for an order, open and settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import DropdownFilter

from backoffice.kernel.admin import SearchShape, tenant_action
from backoffice.kernel.admin.display import EMPTY, WARN, chip, full_time, moment, money, row_url, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.money import format_yuan
from members.admin.acting import acting_user
from members.admin.credit import MemberColumns
from members.admin.credit_forms import ReleaseDialog
from members.admin.member_page import Figure
from members.admin.rows import entry_rows
from members.admin.search import HOLD_SHAPES
from members.admin.tabs import Tab, TabbedList
from members.choices import HoldStatus
from members.models import CreditEntry, CreditHold
from members.selectors.beside import with_entry_columns
from members.selectors.tones import HOLD_TONES
from members.selectors.waiting import LONG_OPEN_DAYS, is_long_open
from members.services.credit import release

LONG_OPEN_QUERY = "open=long"


class OpenForLongFilter(DropdownFilter):
    """Open holds that were made long ago."""

    title = gettext_lazy("Open")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return (("long", _long_open_title()),)

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(is_long_open(database_now())) if self.value() == "long" else queryset


def _long_open_title() -> str:
    return ngettext("Open for more than %(days)d day", "Open for more than %(days)d days", LONG_OPEN_DAYS) % {"days": LONG_OPEN_DAYS}


def _is_open(hold: Any) -> bool:
    return bool(hold.status == HoldStatus.HELD)


class CreditHoldScreen(MemberColumns, TabbedList):
    """Holds, newest first; the page shows what was taken from which lot and what became of it."""

    big_list = True
    list_display: tuple[str, ...] = ("order_no", "member_link", "store_name", "amount_column", "captured_column", "status_column", "held", "settled")
    list_filter: tuple[Any, ...] = ("store", "status", OpenForLongFilter)
    list_select_related = ("store", "account__member")
    allowed_lookups: Sequence[str] = ("account_id",)
    search_shapes: Sequence[SearchShape] = HOLD_SHAPES
    search_help_text = gettext_lazy("Order number, whole phone or nickname")
    fields = ("order_no",)
    change_form_template = "members/credit_hold_page.html"
    actions_detail = ("release",)
    empty_text = gettext_lazy("No credit was ever held. A store's own systems hold credit for an order until it is paid or called off.")

    def member_of(self, row: CreditHold) -> Any:
        return row.account.member

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (
            (_("All"), ""),
            (_("Open"), f"status__exact={HoldStatus.HELD}"),
            (_long_open_title(), LONG_OPEN_QUERY),
            (HoldStatus.CAPTURED.label, f"status__exact={HoldStatus.CAPTURED}"),
            (HoldStatus.RELEASED.label, f"status__exact={HoldStatus.RELEASED}"),
        )

    @admin.display(description=gettext_lazy("Held amount"))
    def amount_column(self, hold: CreditHold) -> str:
        return money(hold.amount)

    @admin.display(description=gettext_lazy("Captured"))
    def captured_column(self, hold: CreditHold) -> str:
        return money(hold.captured_amount or None)

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, hold: CreditHold) -> str:
        return status_chip(hold, HOLD_TONES)

    @admin.display(description=gettext_lazy("Held since"))
    def held(self, hold: CreditHold) -> str:
        return moment(hold.held_at)

    @admin.display(description=gettext_lazy("Settled"))
    def settled(self, hold: CreditHold) -> str:
        return moment(hold.settled_at)

    @tenant_action(permission="members.release_hold", title=gettext_lazy("Release"), form=ReleaseDialog, icon="lock_open", danger=True, available=_is_open)
    def release(self, request: HttpRequest, hold: CreditHold, form: Any) -> str:
        released = release(hold=hold, idempotency_key=f"console:release:{hold.pk}", by=acting_user(request), now=database_now())
        return _("%(amount)s yuan went back to the lots.") % {"amount": format_yuan(released.released)}

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        hold = kwargs.get("obj")
        if hold is not None:
            context |= {"title": str(hold), "subtitle": None, "page": hold_page(self, hold)}
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return answer


def hold_page(screen: Any, hold: CreditHold) -> dict[str, Any]:
    """Context of one hold's page."""
    now, console = database_now(), screen.admin_site.name
    released = hold.amount - hold.captured_amount
    if hold.status == HoldStatus.HELD:
        note = _("It is in no lot and not in the balance: it cannot be spent otherwise and cannot lapse.")
    elif hold.status == HoldStatus.CAPTURED and released:
        note = _("%(captured)s were made final, %(released)s went back to the lots.") % {
            "captured": format_yuan(hold.captured_amount),
            "released": format_yuan(released),
        }
    elif hold.status == HoldStatus.CAPTURED:
        note = _("All of it was made final.")
    else:
        note = _("All of it went back to the lots.")
    entries = with_entry_columns(CreditEntry.objects.filter(hold=hold)).order_by("pk")
    age = chip(_long_open_title(), WARN) if hold.status == HoldStatus.HELD and (now - hold.held_at).days >= LONG_OPEN_DAYS else ""
    return {
        "hold": hold,
        "status": status_chip(hold, HOLD_TONES),
        "age": age,
        "note": note,
        "member": hold.account.member,
        "account_url": row_url(console, hold.account),
        "store_name": hold.store.name,
        "figures": [
            Figure(_("Held amount"), format_yuan(hold.amount), _("since %(time)s") % {"time": full_time(hold.held_at)}),
            Figure(_("Captured"), format_yuan(hold.captured_amount) if hold.captured_amount else EMPTY),
            Figure(
                _("Went back"),
                format_yuan(released) if hold.settled_at else EMPTY,
                _("settled %(time)s") % {"time": full_time(hold.settled_at)} if hold.settled_at else "",
            ),
        ],
        "entries": entry_rows(list(entries), now, console),
    }
