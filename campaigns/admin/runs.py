"""Reminder runs: what each decided, and what became of it. Every figure leads to its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import MerchantModelAdmin, PlatformModelAdmin
from backoffice.kernel.admin.charts import Chart, Series
from backoffice.kernel.admin.display import BAD, BUSY, GOOD, PLAIN, count, full_time, list_url, moment, status_chip
from backoffice.kernel.sites import merchant_site, platform_site
from campaigns.admin.why_not import why_not_view
from campaigns.choices import PERIODIC_CARDS, MessageStatus, RunStatus, ScenarioCode, SuppressionReason
from campaigns.models import Message, ReminderRun
from campaigns.selectors.runs import count_notices, get_outcome, list_runs_before
from members.admin.tabs import Tab, TabbedList
from members.admin.words import unbroken

RUN_TONES: dict[str, str] = {RunStatus.DONE.value: GOOD, RunStatus.DECIDING.value: BUSY, RunStatus.WAITING.value: PLAIN, RunStatus.INCOMPLETE.value: BAD}


@dataclass(frozen=True)
class RunFigure:
    """A figure with the list of its rows."""

    title: str
    number: int
    note: str
    url: str


@dataclass(frozen=True)
class RunPicture:
    """A chart as the shared template draws it."""

    title: str
    note: str
    chart: Chart
    heading: str
    empty: str
    url: str = ""


class ReminderRunScreen(TabbedList):
    """Declaration of both consoles' screen."""

    big_list = True
    list_display: tuple[str, ...] = ("day", "store_name", "state", "due", "expiry", "balance", "held_back", "finished")
    list_display_links = ("day",)
    list_filter: tuple[str, ...] = ("store", "status", "local_day")
    list_select_related = ("store",)
    fields = ("store", "local_day")
    change_form_template = "campaigns/run_page.html"
    empty_text = gettext_lazy("No runs yet. Switch reminders on under “Reminder settings”; the first run comes at the next send time.")

    admin_site: Any

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (
            (_("All"), ""),
            (_("Deciding"), "status__exact=DECIDING"),
            (_("Done"), "status__exact=DONE"),
            (_("Not finished on its day"), "status__exact=INCOMPLETE"),
        )

    def get_urls(self) -> list[URLPattern]:
        """The why-not page belongs to no model; it stands beside the runs."""
        own = path("why-not/", self.admin_site.admin_view(lambda request: why_not_view(self, request)), name="campaigns_why_not")
        return [own, *super().get_urls()]  # type: ignore[misc]

    @admin.display(description=gettext_lazy("Local day"))
    def day(self, run: ReminderRun) -> str:
        return unbroken(run.local_day.isoformat())

    @admin.display(description=gettext_lazy("Store"))
    def store_name(self, run: ReminderRun) -> str:
        return unbroken(run.store.name)

    @admin.display(description=gettext_lazy("Status"))
    def state(self, run: ReminderRun) -> str:
        return status_chip(run, RUN_TONES)

    @admin.display(description=gettext_lazy("Due"))
    def due(self, run: ReminderRun) -> str:
        return count(run.due_count)

    @admin.display(description=gettext_lazy("Expiry reminder"))
    def expiry(self, run: ReminderRun) -> str:
        return count(run.expiry_count)

    @admin.display(description=gettext_lazy("Balance reminder"))
    def balance(self, run: ReminderRun) -> str:
        return count(run.balance_count)

    @admin.display(description=gettext_lazy("Held back"))
    def held_back(self, run: ReminderRun) -> str:
        return count(run.store_cap_count + run.platform_cap_count)

    @admin.display(description=gettext_lazy("Finished"))
    def finished(self, run: ReminderRun) -> str:
        return moment(run.finished_at)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        run = kwargs.get("obj")
        if run is not None:
            context |= {
                "title": _("%(store)s on %(day)s") % {"store": run.store.name, "day": run.local_day.isoformat()},
                "subtitle": None,
                "page": run_page(self, run),
            }
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return answer


def run_page(screen: Any, run: ReminderRun) -> dict[str, Any]:
    """Context of a run's page. A fixed number of queries."""
    outcome = get_outcome(run)
    day = f"store__id__exact={run.store_id}&local_day_from={run.local_day}&local_day_to={run.local_day}"
    cards = f"{day}&scenario__in={','.join(PERIODIC_CARDS)}"
    console = screen.admin_site.name

    def figure(title: Any, number: int, query: str = "", note: Any = "") -> RunFigure:
        return RunFigure(str(title), number, str(note), list_url(console, Message, query or cards))

    by_status = outcome.by_status
    notices = count_notices(run)
    of_payments = [
        figure(ScenarioCode.AFTER_PAYMENT.label, notices, f"{day}&scenario__exact={ScenarioCode.AFTER_PAYMENT}", _("of the day's payments, besides this run"))
    ]
    return {
        "run": run,
        "store_name": run.store.name,
        "state": status_chip(run, RUN_TONES),
        "times": [
            (_("Scheduled"), full_time(run.scheduled_at)),
            (_("Started"), full_time(run.started_at) if run.started_at else "—"),
            (_("Finished"), full_time(run.finished_at) if run.finished_at else "—"),
        ],
        "figures": [
            figure(_("Due"), run.due_count, note=_("Members with credit whose 30 days were over")),
            figure(ScenarioCode.EXPIRY_REMINDER.label, run.expiry_count, f"{day}&scenario__exact={ScenarioCode.EXPIRY_REMINDER}", _("decided to be sent")),
            figure(ScenarioCode.BALANCE_REMINDER.label, run.balance_count, f"{day}&scenario__exact={ScenarioCode.BALANCE_REMINDER}", _("decided to be sent")),
            figure(_("Held back: store limit"), run.store_cap_count, f"{cards}&reason__exact={SuppressionReason.STORE_CAP}", SuppressionReason.STORE_CAP.label),
            figure(
                _("Held back: limit over all stores"),
                run.platform_cap_count,
                f"{cards}&reason__exact={SuppressionReason.PLATFORM_CAP}",
                SuppressionReason.PLATFORM_CAP.label,
            ),
            *(of_payments if notices else []),
        ],
        "states": [
            figure(status.label, by_status[status.value], f"{cards}&status__exact={status.value}") for status in MessageStatus if by_status[status.value]
        ],
        "picture": _picture(run),
    }


def _picture(run: ReminderRun) -> RunPicture:
    """The last fourteen days, stacked by what was decided."""
    runs = list_runs_before(run)
    return RunPicture(
        title=_("Decided in the last 14 days"),
        note=_("Each bar is one run: what was to be sent, and what a limit held back."),
        heading=_("Local day"),
        empty=_("Nothing was due in these days."),
        chart=Chart(
            labels=[one.local_day.strftime("%m-%d") for one in runs],
            series=[
                Series(ScenarioCode.EXPIRY_REMINDER.label, [one.expiry_count for one in runs]),
                Series(ScenarioCode.BALANCE_REMINDER.label, [one.balance_count for one in runs]),
                Series(_("Held back: store limit"), [one.store_cap_count for one in runs]),
                Series(_("Held back: limit over all stores"), [one.platform_cap_count for one in runs]),
            ],
        ),
    )


@admin.register(ReminderRun, site=platform_site)
class PlatformReminderRunAdmin(ReminderRunScreen, PlatformModelAdmin):
    """Runs of all stores."""


@admin.register(ReminderRun, site=merchant_site)
class MerchantReminderRunAdmin(ReminderRunScreen, MerchantModelAdmin):
    """Runs of the user's own stores."""
