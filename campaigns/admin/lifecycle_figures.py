"""Figures of lifecycle messages: what was due, sent and held back by day, and what the messages bring. Every figure leads to its rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.kernel.admin.charts import Chart, Series
from backoffice.kernel.admin.display import list_url
from backoffice.kernel.admin.scoping import reach
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.sites import platform_site
from backoffice.kernel.tenancy.models import Store
from campaigns.admin.runs import RunPicture
from campaigns.choices import LIFECYCLE, LIFT_DAYS, MessageStatus, ScenarioCode, SuppressionReason
from campaigns.models import Message
from campaigns.selectors.lifecycle import DayFigures, Lift, list_days, list_lifts

PERMISSION = "campaigns.view_lifecyclesetting"
SHOWN_DAYS = 14


def figures_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """``?scenario=CODE&store=<id>`` narrow it. A foreign store is 404, as a missing one. A fixed number of queries."""
    if not screen.allows(request, PERMISSION):
        raise PermissionDenied
    console = screen.admin_site.name
    stores = reach(request.user, console, Store.objects.order_by("name"), PERMISSION)
    chosen = _store(stores, request.GET.get("store", ""))
    scenario = request.GET.get("scenario", "")
    scenarios = [scenario] if scenario in LIFECYCLE else list(LIFECYCLE)
    of_stores = [chosen.pk] if chosen else None if console == platform_site.name else list(stores.values_list("pk", flat=True))
    today = local_day(database_now())
    first = today - timedelta(days=SHOWN_DAYS - 1)
    days = list_days(of_stores, first=first, last=today, scenarios=scenarios)
    narrowed = f"&store__id__exact={chosen.pk}" if chosen else ""
    here = reverse(f"{console}:campaigns_lifecycle_figures")
    kept = f"&store={chosen.pk}" if chosen else ""
    page = {
        "store": chosen,
        "tabs": [
            (label, f"{here}?scenario={code}{kept}", code == (scenario if scenario in LIFECYCLE else ""))
            for code, label in [("", _("All")), *((code, ScenarioCode(code).label) for code in LIFECYCLE)]
        ],
        "days": [_row(console, figures, narrowed) for figures in days],
        "lifts": [_lift(lift) for lift in list_lifts(of_stores, today=today) if lift.scenario in scenarios],
        "lift_days": LIFT_DAYS,
        "picture": _picture(days, [first + timedelta(days=number) for number in range(SHOWN_DAYS)]),
    }
    request.current_app = console
    title = f"{_('Figures of lifecycle messages')} · {chosen.name}" if chosen else _("Figures of lifecycle messages")
    return TemplateResponse(request, "campaigns/lifecycle_figures.html", {**screen.admin_site.each_context(request), "title": title, "page": page})


def _store(stores: Any, number: str) -> Store | None:
    if not number:
        return None
    found: Store | None = stores.filter(pk=int(number)).first() if number.isascii() and number.isdigit() and len(number) < 19 else None
    if found is None:
        raise Http404
    return found


def _row(console: str, figures: DayFigures, narrowed: str) -> dict[str, Any]:
    base = f"scenario__exact={figures.scenario}&local_day_from={figures.day}&local_day_to={figures.day}{narrowed}"
    return {
        "day": figures.day.isoformat(),
        "scenario": ScenarioCode(figures.scenario).label,
        "numbers": [
            (figures.due, list_url(console, Message, base)),
            (figures.sent, list_url(console, Message, f"{base}&status__exact={MessageStatus.SENT}")),
            (figures.waiting, list_url(console, Message, f"{base}&status__exact={MessageStatus.PENDING}")),
            (figures.failed, list_url(console, Message, f"{base}&status__exact={MessageStatus.FAILED}")),
            (figures.held_out, list_url(console, Message, f"{base}&reason__exact={SuppressionReason.HELD_OUT}")),
        ],
        "held_back": [
            (SuppressionReason(reason).label if reason else _("Cancelled"), number, list_url(console, Message, f"{base}&reason__exact={reason}"))
            for reason, number in sorted(figures.held_back.items())
        ],
    }


def _percent(rate: float | None) -> str:
    return "—" if rate is None else f"{rate:.1%}"


def _lift(lift: Lift) -> dict[str, Any]:
    points = "—" if lift.points is None else _("%(points)s percentage points") % {"points": f"{lift.points * 100:+.1f}"}
    return {
        "scenario": ScenarioCode(lift.scenario).label,
        "groups": [(group.people, group.buyers, _percent(group.rate)) for group in (lift.messaged, lift.held_out)],
        "points": points,
    }


def _picture(days: list[DayFigures], all_days: list[Any]) -> RunPicture:
    def values(name: str) -> list[int]:
        return [sum(_of(figures, name) for figures in days if figures.day == day) for day in all_days]

    names = (("sent", _("Sent")), ("waiting", _("Waiting")), ("held_back", _("Held back")), ("held_out", _("Held out")), ("failed", _("Failed")))
    return RunPicture(
        title=_("What was due in the last 14 days"),
        note=_("Each bar is one local day: what was sent, what was held back, and who is in the hold-out group."),
        heading=_("Local day"),
        empty=_("Nothing was due in these days."),
        chart=Chart(labels=[day.strftime("%m-%d") for day in all_days], series=[Series(label, values(name)) for name, label in names]),
    )


def _of(figures: DayFigures, name: str) -> int:
    return figures.held_back.total() if name == "held_back" else int(getattr(figures, name))
