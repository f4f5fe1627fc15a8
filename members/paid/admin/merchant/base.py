"""What the merchant's screens of paid membership share: tabs, the banner of a barred merchant, pages beside a model's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import MerchantModelAdmin
from backoffice.kernel.admin.scoping import permission_of
from backoffice.kernel.clock import local_day
from backoffice.kernel.tenancy.access import stores_of
from backoffice.kernel.tenancy.models import MerchantBar, Store
from members.admin.credit import MemberColumns
from members.admin.member_page import Figure
from members.admin.tabs import TabbedList

CONFIGURE = "paid.configure_program"
View = Callable[..., Any]


def bars_of(request: HttpRequest) -> list[MerchantBar]:
    """Bars in force over stores that the user reaches; one query a request."""
    known: list[MerchantBar] | None = request.__dict__.get("_paid_bars")
    if known is None:
        bars = MerchantBar.objects.filter(ended_at=None, merchant__stores__in=stores_of(request.user)).select_related("merchant").order_by("pk")
        known = request.__dict__["_paid_bars"] = list(bars.distinct())
    return known


def is_barred(request: HttpRequest, merchant_id: int) -> bool:
    return any(bar.merchant_id == merchant_id for bar in bars_of(request))


def shown_day() -> date:
    """Today for a chip or a button: told, never decided by. What decides asks the database's clock."""
    return local_day(timezone.now())


def asked_store(request: HttpRequest, stores: Sequence[Store]) -> Store | None:
    """``?store=`` among ``stores``, None when none is asked for. Raises ``Http404`` for a foreign, a missing and a malformed one alike."""
    asked = request.GET.get("store", "")
    if not asked:
        return None
    found = next((store for store in stores if str(store.pk) == asked), None)
    if found is None:
        raise Http404
    return found


def stores_shown(request: HttpRequest, permission: str = "paid.view_paidprogram") -> list[Store]:
    return list(stores_of(request.user, permission).select_related("merchant").order_by("name", "pk"))


@dataclass(frozen=True)
class Table:
    """A table on a row's page. ``numbers``: places of the columns that are right-aligned."""

    heads: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    numbers: Sequence[int] = ()
    empty: Any = ""
    more_url: str = ""

    def lines(self) -> list[list[tuple[Any, bool]]]:
        return [[(cell, place in self.numbers) for place, cell in enumerate(row)] for row in self.rows]

    def headings(self) -> list[tuple[Any, bool]]:
        return [(head, place in self.numbers) for place, head in enumerate(self.heads)]


@dataclass(frozen=True)
class Section:
    """A card on a row's page: facts, a text, a table; whatever is empty is left out."""

    title: Any
    facts: Sequence[tuple[Any, Any]] = ()
    text: str = ""
    table: Table | None = None
    links: Sequence[tuple[Any, str]] = ()


@dataclass(frozen=True)
class RowPage:
    """One row's page: name and chips, a sentence about what it means or who acts next, figures, then sections."""

    title: Any
    chips: Sequence[Any] = ()
    sentence: Any = ""
    alert: Any = ""
    under: Any = ""
    figures: Sequence[Figure] = ()
    sections: Sequence[Section] = field(default_factory=list)


class PaidScreen(MemberColumns, TabbedList, MerchantModelAdmin):
    """A screen of the merchant console. ``stopped_by_bar``: acts that a barred merchant does not have; the others protect members and stay."""

    list_before_template = "paid/merchant/list_top.html"
    change_form_template = "paid/merchant/row.html"
    stopped_by_bar: Sequence[str] = ()

    def pages(self) -> list[tuple[str, str, View]]:
        """(route, name, view) of addresses beside those of the model's list and rows."""
        return []

    def get_urls(self) -> list[URLPattern]:
        own = [path(route, self.admin_site.admin_view(view), name=name) for route, name, view in self.pages()]
        return [*own, *super().get_urls()]

    def page(self, row: Any, request: HttpRequest) -> RowPage:
        """What ``paid/merchant/row.html`` shows of one row."""
        raise NotImplementedError

    def merchant_of(self, row: Any) -> int:
        return int(row.store.merchant_id)

    # --- the bar

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        acts = super().get_actions_list(request)
        return [act for act in acts if not (self._is_stopped(act) and self._all_barred(request))]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        acts = super().get_actions_detail(request, object_id)
        if not any(self._is_stopped(act) for act in acts):
            return acts
        barred = is_barred(request, self.merchant_of(self.get_object(request, str(object_id))))
        return [act for act in acts if not (barred and self._is_stopped(act))]

    def _is_stopped(self, act: Any) -> bool:
        return getattr(act.method, "original_function_name", "") in self.stopped_by_bar

    def _all_barred(self, request: HttpRequest) -> bool:
        barred = {bar.merchant_id for bar in bars_of(request)}
        return bool(barred) and not stores_of(request.user).exclude(merchant__in=barred).exists()

    # --- pages

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {**(extra_context or {}), **self.banner(request)})

    def banner(self, request: HttpRequest) -> dict[str, Any]:
        return {"bars": bars_of(request), "sanction_url": reverse(f"{self.admin_site.name}:paid_sanction")}

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            page = self.page(row, request)
            context |= {"title": str(page.title), "subtitle": None, "page": page, **self.banner(request)}
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return answer

    def render_page(self, request: HttpRequest, template: str, title: Any, page: Any, *, status: int = 200, **more: Any) -> TemplateResponse:
        """A page that is no row's own."""
        request.current_app = self.admin_site.name
        context = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, "page": page, **self.banner(request), **more}
        return TemplateResponse(request, f"paid/merchant/{template}.html", context, status=status)

    def require_view(self, request: HttpRequest) -> None:
        if not self.allows(request, permission_of(self.model, "view")):
            raise PermissionDenied


EMPTY_STORE = gettext_lazy("No store of yours has paid membership yet. Open “Set-up” to see how it begins.")
