"""Figures of paid membership across stores: people and money by month, store by store, benefits, repurchase."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from backoffice.kernel.admin.charts import Chart, Series
from backoffice.kernel.admin.display import EMPTY, as_of, decimal, link, list_url, row_link
from backoffice.kernel.admin.keeping import keep
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.money import ZERO, format_yuan
from backoffice.kernel.tenancy.models import Store
from members.admin.member_page import Figure
from members.paid.admin.merchant.base import Table
from members.paid.models import Complaint, Fulfilment, PaidMembership, PaidProgram
from members.paid.selectors import figures
from members.paid.selectors.numbers import get_numbers
from members.paid.selectors.store_figures import StoreFigures, list_stores

CONSOLE = "platform"
VIEW = "paid.view_paidprogram"
MONTHS_SHOWN = 12
COMPARE_WITH = 65
"""Per cent of paid members who bought again at Youzan's mother-and-baby merchants in 2021."""


def figures_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """``?store=CODE``: one store's figures, else those of all. A fixed number of queries, kept for a short while."""
    if not screen.allows(request, VIEW):
        raise PermissionDenied
    code = request.GET.get("store", "")
    chosen = Store.objects.filter(code=code).first() if code and "\x00" not in code else None
    if code and chosen is None:
        raise Http404
    told = keep("paid_figures", ["platform", chosen.pk if chosen else 0], lambda: _compute(chosen, database_now()))
    page = {
        "chosen": chosen,
        "as_of": as_of(told["now"]),
        "cards": _cards(told, chosen),
        "people": _people(told["months"]),
        "money": _money(told["months"]),
        "months": _months(told["months"], chosen),
        "stores": None if chosen else _stores(told["stores"]),
        "benefits": _benefits(told["benefits"]),
        **_repurchase(told["repurchase"]),
    }
    request.current_app = CONSOLE
    context = {**screen.admin_site.each_context(request), "title": _("Figures of paid membership"), "opts": screen.opts, "page": page}
    return TemplateResponse(request, "paid/platform/figures.html", context)


def _compute(chosen: Store | None, now: datetime) -> dict[str, Any]:
    today = local_day(now)
    stores: Any = [chosen.pk] if chosen else Store.objects.values("pk")
    return {
        "now": now,
        "today": figures.get_now(stores, now, get_numbers().ending_soon_days),
        "months": figures.list_months(stores, figures.months_until(today, MONTHS_SHOWN), today),
        "benefits": figures.list_benefits(stores),
        "repurchase": figures.get_repurchase(stores, today),
        "stores": [] if chosen else list_stores(now),
    }


def percent(share: Decimal | None) -> str:
    return EMPTY if share is None else f"{decimal(share * 100, 1)} %"


def _terms(chosen: Store | None, query: str) -> str:
    return list_url(CONSOLE, PaidMembership, f"{query}&store__id__exact={chosen.pk}" if chosen else query)


def _cards(told: dict[str, Any], chosen: Store | None) -> list[Figure]:
    now, this = told["today"], told["months"][-1]
    code = f"{this.month:%Y-%m}"
    return [
        Figure(_("Holders today"), f"{now.holders:,}", "", _terms(chosen, "term=active")),
        Figure(_("New this month"), f"{this.new:,}", "", _terms(chosen, f"term=new-{code}")),
        Figure(_("Renewed this month"), f"{this.renewed:,}", "", _terms(chosen, f"term=renewed-{code}")),
        Figure(_("Left this month"), f"{this.churned:,}", "", _terms(chosen, f"term=churned-{code}")),
        Figure(_("Card fees this month (yuan)"), format_yuan(this.income), "", _terms(chosen, f"term=paid-{code}")),
        Figure(_("To be paid back (yuan)"), format_yuan(now.refunds_amount), f"{now.refunds_due:,}"),
    ]


def _labels(months: Sequence[figures.MonthFigures]) -> list[str]:
    return [f"{month.month:%Y-%m}" for month in months]


def _people(months: Sequence[figures.MonthFigures]) -> Chart:
    series = (
        Series(_("New"), [month.new for month in months]),
        Series(_("Renewed"), [month.renewed for month in months], "oklch(62% .12 200)"),
        Series(_("Left"), [-month.churned for month in months], "oklch(70% .15 55)"),
    )
    return Chart(_labels(months), series)


def _money(months: Sequence[figures.MonthFigures]) -> Chart:
    series = (
        Series(_("Card fees"), [month.income for month in months]),
        Series(_("Paid back"), [-month.refunds for month in months], "oklch(60% .19 25)"),
    )
    return Chart(_labels(months), series)


def _months(months: Sequence[figures.MonthFigures], chosen: Store | None) -> Table:
    rows = []
    for month in reversed(months):
        code = f"{month.month:%Y-%m}"
        counted = (("held", month.holders), ("new", month.new), ("renewed", month.renewed), ("churned", month.churned))
        cells = [link(f"{number:,}", _terms(chosen, f"term={kind}-{code}")) for kind, number in counted]
        rows.append([code, *cells, link(format_yuan(month.income), _terms(chosen, f"term=paid-{code}")), format_yuan(month.refunds)])
    return Table((_("Month"), _("Holders"), _("New"), _("Renewed"), _("Left"), _("Card fees"), _("Paid back")), rows, numbers=range(1, 7))


def _stores(rows: Sequence[StoreFigures]) -> Table:
    cells = []
    for row in rows:
        store = f"store__id__exact={row.store.pk}"
        cells.append(
            [
                link(row.store.name, f"?store={row.store.code}"),
                row_link(CONSOLE, row.store.merchant),
                link(f"{row.live:,}", list_url(CONSOLE, PaidProgram, store)),
                link(f"{row.holders:,}", list_url(CONSOLE, PaidMembership, f"term=active&{store}")),
                format_yuan(row.income),
                link(f"{row.late:,}", list_url(CONSOLE, Fulfilment, f"queue=late&{store}")),
                link(f"{row.complaints:,}", list_url(CONSOLE, Complaint, store)),
            ]
        )
    heads = (_("Store"), _("Merchant"), _("Live programs"), _("Holders today"), _("Card fees this month"), _("Late promises"), _("Open complaints"))
    return Table(heads, cells, numbers=range(2, 7), empty=_("No store has a program yet."))


def _benefits(rows: Sequence[figures.BenefitFigures]) -> Table:
    cells = [
        [row.title, row.program, f"{row.issued:,}", f"{row.used:,}", percent(row.use_rate), f"{row.expired:,}", f"{row.failed:,}", format_yuan(row.cost)]
        for row in rows
    ]
    heads = (_("Benefit"), _("Program"), _("Issued"), _("Used"), _("Use"), _("Expired"), _("Failed"), _("Cost of what was used"))
    return Table(heads, cells, numbers=range(2, 8), empty=_("Nothing has been issued yet."))


def _repurchase(told: tuple[figures.Repurchase, figures.Repurchase]) -> dict[str, Any]:
    paid, other = told
    rates = [float((side.rate or ZERO) * 100) for side in told]
    rows = [
        [_("Paid members"), f"{paid.buyers:,}", f"{paid.again:,}", percent(paid.rate)],
        [_("Ordinary members"), f"{other.buyers:,}", f"{other.again:,}", percent(other.rate)],
    ]
    return {
        "repurchase": Chart([_("Paid members"), _("Ordinary members")], (Series(_("Bought again (%)"), rates),), stacked=False, height=180),
        "repurchase_table": Table((_("Members"), _("Bought at all"), _("Bought again"), _("Repurchase rate")), rows, numbers=(1, 2, 3)),
        "compare": COMPARE_WITH,
    }
