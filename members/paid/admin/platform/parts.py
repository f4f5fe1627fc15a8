"""What the platform's screens of paid membership share: rows with their store, pages of sections, dialogs with a reason, due dates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from backoffice.kernel.admin import PlatformModelAdmin
from backoffice.kernel.admin.display import BAD, EMPTY, PLAIN, WARN, chip, full_time, row_link
from backoffice.kernel.tenancy.access import allows
from backoffice.kernel.tenancy.models import Store
from members.admin.credit_forms import FactsDialog
from members.admin.tabs import TabbedList
from members.admin.words import unbroken
from members.paid.admin.merchant.base import RowPage

CONSOLE = "platform"
SOON_DAYS = 2


class PaidPlatformScreen(TabbedList, PlatformModelAdmin):
    """A screen whose rows have a ``store`` and whose page is made of sections. ``keys``: keyboard, as (key, act, what it does)."""

    change_form_template = "paid/platform/row.html"
    fields: Any = ("pk",)
    keys: tuple[tuple[str, str, Any], ...] = ()

    def page(self, row: Any, request: HttpRequest) -> RowPage | dict[str, Any]:
        """What the template shows of one row."""
        raise NotImplementedError

    def store_of(self, row: Any) -> Store:
        store: Store = row.store
        return store

    @admin.display(description=gettext_lazy("Store"))
    def store_column(self, row: Any) -> str:
        return unbroken(self.store_of(row).name)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            page = self.page(row, request)
            title = page.title if isinstance(page, RowPage) else page["title"]
            context |= {"title": str(title), "subtitle": None, "page": page, "keys": self.keys}
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return answer


class QueueFilter(SimpleListFilter):
    """The tabs above a list; among the other filters only a hidden field, so that they keep the tab."""

    template = "files/queue_filter.html"
    title = gettext_lazy("queue")
    parameter_name = "queue"
    queues: tuple[tuple[str, Any], ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(self.queues)


class PaidDialog(FactsDialog):
    """A dialog about a row; without one (an act of a list) it has no facts."""

    obj: Any = None

    def render_before_template(self) -> str:
        return super().render_before_template() if self.obj is not None else ""


class WhyDialog(PaidDialog):
    """With a reason that both sides read."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=gettext_lazy("The merchant reads it: the rule, what was found, what would help."),
    )


class StoreDialog(PaidDialog):
    """Which store, by its code, and what speaks for it."""

    store_code = forms.CharField(label=gettext_lazy("Store code"), max_length=64, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}))
    reason = forms.CharField(label=gettext_lazy("What speaks for it"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        code = given.get("store_code", "").strip()
        if code:
            given["store"] = Store.objects.select_related("merchant").filter(code=code).first()
            if given["store"] is None:
                self.add_error("store_code", _("There is no store with this code."))
        return given


def link_if_allowed(request: HttpRequest, permission: str, row: Model | None, text: Any = None) -> Any:
    """The row's name, linked for whom may open its page."""
    if row is None:
        return "—"
    return row_link(CONSOLE, row, text) if allows(request.user, permission, console=CONSOLE) else str(row if text is None else text)


def due_chip(until: date | datetime | None, now: date | datetime) -> str:
    """Days until a due date, or since. Both arguments are days, or both moments."""
    if until is None:
        return ""
    days = (until - now).days
    title = full_time(until) if isinstance(until, datetime) else until.isoformat()
    if days < 0:
        late = -days
        return chip(ngettext("late by %(n)d day", "late by %(n)d days", late) % {"n": late}, BAD, title=title)
    if days == 0:
        return chip(_("due today"), WARN, title=title)
    return chip(ngettext("%(n)d day left", "%(n)d days left", days) % {"n": days}, WARN if days <= SOON_DAYS else PLAIN, title=title)


def by_at(who: Any, at: datetime | None) -> str:
    """ "Li Wei · 2026-11-22 10:00"; only what there is."""
    return " · ".join(str(part) for part in (who, full_time(at) if at else None) if part) or EMPTY


def listed(names: Iterable[Any]) -> str:
    """Several words in one line."""
    return str(_(", ")).join(str(name) for name in names)
