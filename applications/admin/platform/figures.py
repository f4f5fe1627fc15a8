"""Figures of the review over a span of days. Every number opens the rows that it counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from applications.admin.parts import CASE_TONES
from applications.choices import NAMED_BANS, CaseState, Item
from applications.gates.base import GATES
from applications.models import Application, Decision, GateRun
from applications.selectors import figures
from applications.selectors.applicant import failed_title, rule_title
from backoffice.kernel import clock
from backoffice.kernel.admin.charts import Chart, Series
from backoffice.kernel.admin.display import BAD, EMPTY, GOOD, chip, moment, row_link

VIEW = "applications.view_application"
SPANS = (30, 90, 365)
DEFAULT_SPAN = 90
ROWS_SHOWN = 200

Rows = Callable[[datetime, datetime], models.QuerySet[Any]]
LISTS: dict[str, tuple[Any, Rows]] = {
    "decided": (gettext_lazy("Applications decided"), figures.list_decided),
    "in_time": (gettext_lazy("Decided in time"), figures.list_in_time),
    "late": (gettext_lazy("Decided too late"), figures.list_late),
    "approved": (gettext_lazy("Applications approved"), figures.list_approved),
    "partial": (gettext_lazy("Applications approved in part"), figures.list_partial),
    "refused": (gettext_lazy("Applications refused"), figures.list_refused),
    "first_pass": (gettext_lazy("Approved wholly at the first pass"), figures.list_first_pass),
    "rulings": (gettext_lazy("Rulings of reviewers"), figures.list_rulings),
    "overturned": (gettext_lazy("Overturned on appeal"), figures.list_overturned),
    "appeals": (gettext_lazy("Rulings whose appeal was answered"), figures.list_appeals_answered),
    "appeals_won": (gettext_lazy("Rulings that an answered appeal overturned"), figures.list_appeals_won),
    "refusals": (gettext_lazy("Refusals"), figures.list_refusals),
    "gate_stops": (gettext_lazy("Submissions stopped at the gates"), figures.list_gate_stops),
}


@dataclass(frozen=True)
class Card:
    title: Any
    value: str
    note: str
    url: str


@dataclass(frozen=True)
class Line:
    """One line of a mix: what, how many, what share."""

    title: str
    number: int
    share: str
    url: str


@dataclass(frozen=True)
class Span:
    """Local days, both included."""

    first: date
    last: date

    @property
    def since(self) -> datetime:
        return clock.day_start(self.first)

    @property
    def until(self) -> datetime:
        return clock.day_end(self.last)

    def query(self, **more: str) -> str:
        return urlencode({"from": self.first.isoformat(), "to": self.last.isoformat(), **more})


def read_span(request: HttpRequest, today: date) -> Span:
    """``?from=&to=``, by default the last 90 days. Raises ``Http404`` for what are no days in order."""
    try:
        last = date.fromisoformat(request.GET.get("to", "") or today.isoformat())
        first = date.fromisoformat(request.GET.get("from", "") or (last - timedelta(days=DEFAULT_SPAN - 1)).isoformat())
    except (ValueError, OverflowError) as error:
        raise Http404 from error
    if first > last or not 2000 <= first.year <= last.year <= 2999:
        raise Http404
    return Span(first, last)


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else EMPTY


def figures_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """The page. A fixed number of queries."""
    if not screen.allows(request, VIEW):
        raise PermissionDenied
    now = clock.database_now()
    today = clock.local_day(now)
    span = read_span(request, today)
    told, months = figures.get_figures(span.since, span.until), figures.decided_by_month(span.since, span.until)
    page = {
        "span": span,
        "spans": [(days, f"?{Span(today - timedelta(days=days - 1), today).query()}") for days in SPANS],
        "cards": cards(told, span),
        "bans": [ban_card(item, told, span) for item in NAMED_BANS],
        "months": [(f"{month.first:%Y-%m}", month_cells(month, span)) for month in months],
        "month_chart": Chart(
            [f"{month.first:%Y-%m}" for month in months],
            (
                Series(pgettext("application", "Approved"), [month.approved for month in months]),
                Series(_("Approved in part"), [month.partial for month in months]),
                Series(pgettext("application", "Refused"), [month.refused for month in months]),
            ),
            unit=_("applications"),
        ),
        "refusals": mix(told.refusal_mix, told.refusals, "refusal", span),
        "refusal_chart": _mix_chart(told.refusal_mix),
        "gates": mix(told.gate_mix, told.gate_stops, "gate", span),
        "gate_chart": _mix_chart(told.gate_mix),
    }
    request.current_app = "platform"
    context = {**screen.admin_site.each_context(request), "title": _("Figures of the review"), "page": page}
    return TemplateResponse(request, "applications/platform/figures.html", context)


def list_link(what: str, span: Span) -> str:
    return f"{reverse('platform:applications_figure_rows')}?{span.query(what=what)}"


def cards(told: figures.Figures, span: Span) -> list[Card]:
    """The figures, each with what it is a share of."""
    of = _("%(part)s of %(whole)s")
    return [
        Card(_("Applications decided"), f"{told.decided:,}", _("approved, in part, refused"), list_link("decided", span)),
        Card(_("Decided in time"), share(told.in_time, told.decided), of % {"part": told.in_time, "whole": told.decided}, list_link("in_time", span)),
        Card(_("Decided too late"), f"{told.decided - told.in_time:,}", "", list_link("late", span)),
        Card(
            _("Approved at the first pass"),
            share(told.first_pass, told.decided),
            of % {"part": told.first_pass, "whole": told.decided},
            list_link("first_pass", span),
        ),
        Card(_("Rounds of changes, on average"), f"{told.rounds:.2f}", "", list_link("decided", span)),
        Card(
            _("Overturned on appeal"),
            share(told.overturned, told.rulings),
            of % {"part": told.overturned, "whole": told.rulings},
            list_link("overturned", span),
        ),
        Card(
            _("Overturned, of the appeals answered"),
            share(told.appeals_won, told.appeals),
            of % {"part": told.appeals_won, "whole": told.appeals},
            list_link("appeals", span),
        ),
        Card(_("Refusals"), f"{told.refusals:,}", "", list_link("refusals", span)),
        Card(_("Stopped at the gates"), f"{told.gate_stops:,}", _("submissions, not applications"), list_link("gate_stops", span)),
    ]


def month_cells(month: figures.Month, span: Span) -> list[tuple[str, str]]:
    """Numbers of one month, each with the address of its rows; only days that are in ``span`` too."""
    end = (month.first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    days = Span(max(month.first, span.first), min(end, span.last))
    counted = [("approved", month.approved), ("partial", month.partial), ("refused", month.refused)]
    cells = [(f"{number:,}", list_link(what, days)) for what, number in counted]
    return [*cells, (share(month.in_time, month.decided), list_link("in_time", days))]


def ban_card(item: str, told: figures.Figures, span: Span) -> Card:
    """A named ban stands apart from the other refusals."""
    number = told.refusal_mix.get(item, 0)
    note = _("%(share)s of all refusals") % {"share": share(number, told.refusals)}
    return Card(f"{item} {failed_title(item)}", f"{number:,}", note, list_link(f"refusal:{item}", span))


def mix(counted: dict[str, int], whole: int, kind: str, span: Span) -> list[Line]:
    ordered = sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))
    return [Line(f"{code} {failed_title(code)}", number, share(number, whole), list_link(f"{kind}:{code}", span)) for code, number in ordered]


def _mix_chart(counted: dict[str, int]) -> Chart:
    codes = sorted(counted, key=lambda code: (-counted[code], code))
    return Chart(codes, (Series(_("How many"), [counted[code] for code in codes]),), stacked=False, height=180)


# --- the rows behind a number


def rows_of(what: str, span: Span) -> tuple[str, models.QuerySet[Any]]:
    """Title and rows for ``?what=``: a code of ``LISTS``, ``refusal:ITEM`` or ``gate:CODE``. Raises ``Http404`` for any other."""
    if what in LISTS:
        title, rows = LISTS[what]
        return str(title), rows(span.since, span.until)
    kind, _colon, code = what.partition(":")
    if kind == "refusal" and code in Item.values:
        return _("Refusals: %(rule)s") % {"rule": f"{code} {failed_title(code)}"}, figures.list_refusals_for(code, span.since, span.until)
    if kind == "gate" and code in GATES:
        return _("Submissions stopped by %(rule)s") % {"rule": f"{code} {rule_title(code)}"}, figures.list_gate_stops_by(code, span.since, span.until)
    raise Http404


def rows_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """The rows that one number counts, newest first."""
    if not screen.allows(request, VIEW):
        raise PermissionDenied
    now = clock.database_now()
    span = read_span(request, clock.local_day(now))
    title, rows = rows_of(request.GET.get("what", ""), span)
    number = rows.count()
    page = {
        "span": span,
        "number": number,
        "rows": _cells(rows, now),
        "shown": min(number, ROWS_SHOWN),
        "figures_url": f"{reverse('platform:applications_figures')}?{span.query()}",
    }
    request.current_app = "platform"
    return TemplateResponse(request, "applications/platform/figure_rows.html", {**screen.admin_site.each_context(request), "title": title, "page": page})


def _cells(rows: models.QuerySet[Any], now: datetime) -> Sequence[Sequence[Any]]:
    """Application, app, developer, what came of it, when; of cases, decisions and gate runs alike."""
    if rows.model is Application:
        cases = rows.select_related("app", "developer").defer("draft").order_by("-closed_at", "-pk")[:ROWS_SHOWN]
        late = {True: chip(_("late"), BAD), False: chip(_("in time"), GOOD)}
        return [[*_case_cells(case), late.get(case.is_late, ""), moment(case.closed_at, now)] for case in cases]
    if rows.model is Decision:
        decisions = rows.select_related("case__app", "case__developer").order_by("-executed_at", "-pk")[:ROWS_SHOWN]
        return [[*_case_cells(row.case), row.get_status_display(), moment(row.executed_at, now)] for row in decisions]
    runs: models.QuerySet[GateRun] = rows.select_related("case__app", "case__developer").prefetch_related("results").order_by("-run_at", "-pk")[:ROWS_SHOWN]
    return [[*_case_cells(run.case), ", ".join(row.gate for row in run.results.all() if row.outcome == "FAIL"), moment(run.run_at, now)] for run in runs]


def _case_cells(case: Application | None) -> list[Any]:
    if case is None:
        return [EMPTY] * 4
    state = chip(CaseState(case.state).label, CASE_TONES.get(case.state, ""))
    return [row_link("platform", case, case.number), case.app.name, row_link("platform", case.developer), state]
