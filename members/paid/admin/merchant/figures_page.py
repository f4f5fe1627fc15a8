"""Figures of paid membership: holders, income, benefits, repurchase, break-even. Every number opens the rows that it counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.kernel.admin.charts import Chart, Series
from backoffice.kernel.admin.display import EMPTY, as_of, decimal, list_url, row_link
from backoffice.kernel.admin.keeping import keep
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.money import ZERO, format_yuan
from members.admin.member_page import Figure
from members.paid.admin.merchant.base import Table, asked_store, stores_shown
from members.paid.choices import IssueStatus, RefundStatus
from members.paid.models import BenefitIssue, PaidMembership, PaidRefund
from members.paid.selectors import figures
from members.paid.selectors.numbers import get_numbers

VIEW = "paid.view_paidmembership"
MONTHS_SHOWN = 12
COMPARE_WITH = 65
"""Per cent of buyers who bought again at Youzan's mother-and-baby merchants in 2021: what others reached."""


def figures_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """``?store=`` one of the stores in reach (a foreign one is 404), else all of them. A fixed number of queries, kept for a short while."""
    if not screen.allows(request, VIEW):
        raise PermissionDenied
    stores = stores_shown(request, VIEW)
    chosen = asked_store(request, stores)
    ids = [chosen.pk] if chosen else [store.pk for store in stores]
    told = keep("paid_figures", ["merchant", *sorted(ids)], lambda: _compute(ids, database_now()))
    query = f"&store__id__exact={chosen.pk}" if chosen else ""
    page = {
        "stores": stores if len(stores) > 1 else [],
        "chosen": chosen,
        "as_of": as_of(told["now"]),
        "cards": _cards(told, query),
        "people": _people_chart(told["months"]),
        "money": _money_chart(told["months"]),
        "months": _month_table(told["months"], query),
        "benefits": _benefit_table(told["benefits"]),
        "benefit_chart": _benefit_chart(told["benefits"]),
        "repurchase": _repurchase(told["repurchase"], query),
        "break_even": _break_even_table(told["break_even"]),
    }
    answer: HttpResponse = screen.render_page(request, "figures", _("Figures of paid membership"), page)
    return answer


def _compute(ids: Sequence[int], now: datetime) -> dict[str, Any]:
    today = local_day(now)
    benefits = figures.list_benefits(ids)
    return {
        "now": now,
        "today": figures.get_now(ids, now, get_numbers().ending_soon_days),
        "months": figures.list_months(ids, figures.months_until(today, MONTHS_SHOWN), today),
        "benefits": benefits,
        "repurchase": figures.get_repurchase(ids, today),
        "break_even": figures.list_break_even(ids, benefits, today),
    }


def percent(share: Decimal | None) -> str:
    return EMPTY if share is None else f"{decimal(share * 100, 1)} %"


def _terms(query: str) -> str:
    return list_url("merchant", PaidMembership, query)


def _cards(told: dict[str, Any], query: str) -> list[Figure]:
    now, months = told["today"], told["months"]
    this, code = months[-1], f"{months[-1].month:%Y-%m}"
    return [
        Figure(_("Holders today"), f"{now.holders:,}", "", _terms(f"term=active{query}")),
        Figure(_("End soon, nothing follows"), f"{now.ending_soon:,}", _("Remind them to renew"), _terms(f"term=ending{query}")),
        Figure(_("New this month"), f"{this.new:,}", "", _terms(f"term=new-{code}{query}")),
        Figure(_("Renewed this month"), f"{this.renewed:,}", _("Upgrades included"), _terms(f"term=renewed-{code}{query}")),
        Figure(_("Left this month"), f"{this.churned:,}", "", _terms(f"term=churned-{code}{query}")),
        Figure(_("Card fees this month (yuan)"), format_yuan(this.income), "", _terms(f"term=paid-{code}{query}")),
        Figure(
            _("To be paid back (yuan)"),
            format_yuan(now.refunds_amount),
            ngettext("%(n)s refund", "%(n)s refunds", now.refunds_due) % {"n": f"{now.refunds_due:,}"},
            list_url("merchant", PaidRefund, f"status__exact={RefundStatus.DUE}{query}"),
        ),
    ]


def _labels(months: Sequence[figures.MonthFigures]) -> list[str]:
    return [f"{month.month:%Y-%m}" for month in months]


def _people_chart(months: Sequence[figures.MonthFigures]) -> Chart:
    series = (
        Series(_("New"), [month.new for month in months]),
        Series(_("Renewed"), [month.renewed for month in months], "oklch(62% .12 200)"),
        Series(_("Left"), [-month.churned for month in months], "oklch(70% .15 55)"),
    )
    return Chart(_labels(months), series, height=240)


def _money_chart(months: Sequence[figures.MonthFigures]) -> Chart:
    series = (
        Series(_("Card fees"), [month.income for month in months]),
        Series(_("Paid back"), [-month.refunds for month in months], "oklch(60% .19 25)"),
    )
    return Chart(_labels(months), series, height=240, unit=_("yuan"))


def _link(text: Any, url: str) -> Any:
    return format_html('<a class="bo-link" href="{}">{}</a>', url, text)


def _month_table(months: Sequence[figures.MonthFigures], query: str) -> Table:
    rows = []
    for month in reversed(months):
        code = f"{month.month:%Y-%m}"
        counted = [_link(f"{number:,}", _terms(f"term={kind}-{code}{query}")) for kind, number in _counted(month)]
        end = figures.next_month(month.month)
        back = list_url(
            "merchant",
            PaidRefund,
            f"decided_at_from_0={_day(month.month)}&decided_at_from_1=00:00:00&decided_at_to_0={_day(end)}&decided_at_to_1=00:00:00{query}",
        )
        fees = _link(format_yuan(month.income), _terms(f"term=paid-{code}{query}"))
        rows.append([code, *counted, fees, _link(format_yuan(month.refunds), back)])
    heads = (_("Month"), _("Holders"), _("New"), _("Renewed"), _("Left"), _("Card fees"), _("Paid back"))
    return Table(heads, rows, numbers=range(1, 7))


def _day(day: date) -> str:
    return day.isoformat()


def _counted(month: figures.MonthFigures) -> list[tuple[str, int]]:
    return [("held", month.holders), ("new", month.new), ("renewed", month.renewed), ("churned", month.churned)]


def _benefit_table(benefits: Sequence[figures.BenefitFigures]) -> Table:
    rows = []
    for row in benefits:
        query = f"benefit__pack__program_id={row.program_id}&benefit__key={row.key}"
        url = list_url("merchant", BenefitIssue, query)
        used = list_url("merchant", BenefitIssue, f"{query}&status__exact={IssueStatus.USED}")
        failed = list_url("merchant", BenefitIssue, f"{query}&status__exact={IssueStatus.FAILED}")
        rows.append(
            [
                _link(row.title, url), row.program, _link(f"{row.issued:,}", url), _link(f"{row.used:,}", used), percent(row.use_rate),
                f"{row.expired:,}", _link(f"{row.failed:,}", failed) if row.failed else "0", format_yuan(row.cost), format_yuan(row.open_cost),
            ]
        )  # fmt: skip
    heads = (
        _("Benefit"), _("Plan"), _("Issued"), _("Used"), _("Use"), _("Expired"), _("Failed"), _("Cost of what was used"), _("May still cost"),
    )  # fmt: skip
    return Table(heads, rows, numbers=range(2, 9), empty=_("Nothing was issued yet."))


def _benefit_chart(benefits: Sequence[figures.BenefitFigures]) -> Chart:
    shown = benefits[:8]
    series = (
        Series(_("Used"), [row.used for row in shown]),
        Series(_("Not used"), [row.issued - row.used for row in shown], "oklch(80% .02 260)"),
    )
    return Chart([row.title for row in shown], series, height=220)


def _repurchase(told: tuple[figures.Repurchase, figures.Repurchase], query: str) -> dict[str, Any]:
    paid, other = told
    rates = [float((side.rate or ZERO) * 100) for side in told]
    chart = Chart([_("Paid members"), _("Other members")], (Series(_("Bought again (%)"), rates),), stacked=False, height=180)
    rows = [
        [_link(_("Paid members"), _terms(f"term=active{query}")), f"{paid.buyers:,}", f"{paid.again:,}", percent(paid.rate)],
        [_("Other members"), f"{other.buyers:,}", f"{other.again:,}", percent(other.rate)],
    ]
    table = Table((_("Members"), _("Bought at all"), _("Bought again"), _("Repurchase rate")), rows, numbers=(1, 2, 3))
    return {"chart": chart, "table": table, "compare": COMPARE_WITH}


def _break_even_table(rows: Sequence[figures.BreakEven]) -> Table:
    cells = [
        [
            row_link("merchant", row.program), row.program.store.name, format_yuan(row.fee), format_yuan(row.full_cost), percent(row.rate),
            EMPTY if row.expected_cost is None else format_yuan(row.expected_cost),
            EMPTY if row.left_of_a_card is None else format_yuan(row.left_of_a_card),
        ]
        for row in rows
    ]  # fmt: skip
    heads = (
        _("Plan"), _("Store"), _("Card fee"), _("Cost if all is used"), _("Break-even use"), _("Cost at today's use"), _("Left of a card"),
    )  # fmt: skip
    return Table(heads, cells, numbers=range(2, 7), empty=_("No program is live."))
