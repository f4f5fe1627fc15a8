"""The first page of each console: what needs somebody now, then figures with their trend, then pictures with their tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.consoles import figures
from backoffice.consoles.developer_needs import list_figures
from backoffice.consoles.navigation import console_of
from backoffice.consoles.needs import list_needs, nothing_text
from backoffice.kernel.admin.charts import Chart, Series, sparkline
from backoffice.kernel.admin.display import as_of, chip, full_time, list_url, row_url
from backoffice.kernel.clock import database_now
from backoffice.kernel.money import format_yuan
from backoffice.kernel.tenancy.access import allows
from backoffice.kernel.tenancy.models import Developer, Merchant, Seat, Store
from backoffice.kernel.tenancy.roles import Console
from campaigns.models import ReminderRun
from members.admin.proof import badge, proof_line
from members.models import CreditAccount, CreditLot, LedgerProof, Member
from members.selectors.proof import latest_proof


@dataclass(frozen=True)
class Figure:
    """One number with what it means, where its rows are, and how it went."""

    title: str
    value: str
    note: str
    url: str = ""
    trend: str = ""


@dataclass(frozen=True)
class Picture:
    """One chart under a heading, with the note that says what and as of when."""

    title: str
    note: str
    chart: Chart
    heading: str
    empty: str = ""
    url: str = ""


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's callback for the index page of every console."""
    console = console_of(request).name
    now = database_now()
    shown: list[Figure] = []
    pictures: list[Picture] = []
    if allows(request.user, "members.view_member", console=console):
        _members(request, console, shown)
    if allows(request.user, "members.view_creditlot", console=console):
        _credit(request, console, shown, pictures)
    if allows(request.user, "campaigns.view_reminderrun", console=console):
        _reminders(request, console, shown, pictures)
    if console == Console.PLATFORM and allows(request.user, "members.view_ledgerproof", console=console):
        _proof(console, now, shown)
    _tenants(request, console, shown)
    return {
        **context,
        "title": _("Today"),
        "needs": list_needs(request, console, now),
        "nothing": nothing_text(console),
        "as_of": as_of(now),
        "figures": shown,
        "pictures": pictures,
        "footnote": proof_line(request, console) if allows(request.user, "members.view_creditlot", console=console) else "",
    }


def _proof(console: str, now: datetime, shown: list[Figure]) -> None:
    """The badge of the ledger: green or red, with its day and figures."""
    proof = latest_proof()
    word, tone, sentence = badge(proof, now)
    url = row_url(console, proof) if proof else list_url(console, LedgerProof)
    shown.append(Figure(_("Ledger proved"), chip(word, tone), sentence, url))


def _members(request: HttpRequest, console: str, shown: list[Figure]) -> None:
    told = figures.get_member_figures(request, console)
    url = list_url(console, Member)
    shown.append(Figure(_("Active members"), f"{told.active:,}", as_of(told.as_of), url))
    trend = sparkline(told.new_by_day, label=_("New members a day: %(figures)s") % {"figures": ", ".join(map(str, told.new_by_day))})
    shown.append(Figure(_("New members, last 30 days"), f"{told.new:,}", as_of(told.as_of), url, trend))


def _credit(request: HttpRequest, console: str, shown: list[Figure], pictures: list[Picture]) -> None:
    told = figures.get_credit_figures(request, console)
    accounts = list_url(console, CreditAccount)
    lapsing = list_url(console, CreditLot, f"lapses=days_{figures.LAPSE_DAYS}") or accounts
    shown.append(Figure(_("Credit that can be spent (yuan)"), format_yuan(told.balance), as_of(told.as_of), accounts))
    shown.append(Figure(_("Credit that lapses in the next 30 days (yuan)"), format_yuan(told.lapsing), as_of(told.as_of), lapsing))
    whose = ngettext("of %(n)s member", "of %(n)s members", told.next_month_accounts) % {"n": f"{told.next_month_accounts:,}"}
    next_month = list_url(console, CreditLot, "lapses=next_month")
    shown.append(Figure(_("Credit that lapses next month (yuan)"), format_yuan(told.next_month), f"{whose} · {as_of(told.as_of)}", next_month))
    chart = Chart(
        [f"{day:%m-%d}" for day in told.days],
        [Series(_("Lapses (yuan)"), told.lapsing_by_day, "oklch(70% .15 55)")],
        stacked=False,
        unit=_("yuan"),
    )
    pictures.append(Picture(_("Credit that lapses, by day"), as_of(told.as_of), chart, _("Day"), _("No credit lapses in the next 30 days."), lapsing))


def _reminders(request: HttpRequest, console: str, shown: list[Figure], pictures: list[Picture]) -> None:
    told = figures.get_reminder_figures(request, console)
    url = list_url(console, ReminderRun)
    sums = [sum(values) for values in zip(told.by_count["balance_count"], told.by_count["expiry_count"], strict=True)]
    trend = sparkline(sums, label=_("Reminders a day: %(figures)s") % {"figures": ", ".join(map(str, sums))})
    held = ngettext("%(n)s held back by a cap", "%(n)s held back by a cap", told.held_back) % {"n": f"{told.held_back:,}"}
    shown.append(Figure(_("Reminders, last 14 days"), f"{told.decided:,}", f"{held} · {as_of(told.as_of)}", url, trend))
    names = {
        "balance_count": _("Balance reminder"),
        "expiry_count": _("Expiry reminder"),
        "store_cap_count": _("Held back: 2 a day from one store"),
        "platform_cap_count": _("Held back: 10 a day in all"),
    }
    chart = Chart([f"{day:%m-%d}" for day in told.days], [Series(names[code], told.by_count[code]) for code in figures.REMINDER_COUNTS], unit=_("messages"))
    pictures.append(
        Picture(
            _("Reminders by day: decided, and held back by which cap"),
            as_of(told.as_of),
            chart,
            _("Day"),
            _("No reminder run in the last 14 days. Switch reminders on for a store."),
            url,
        )
    )


def _tenants(request: HttpRequest, console: str, shown: list[Figure]) -> None:
    """Merchants and stores for platform staff; company, people and onboarding for a developer."""
    now = as_of(database_now())
    if console == Console.PLATFORM and allows(request.user, "tenancy.view_store", console=console):
        shown.append(Figure(_("Merchants"), f"{Merchant.objects.count():,}", now, list_url(console, Merchant)))
        shown.append(Figure(_("Stores"), f"{Store.objects.count():,}", now, list_url(console, Store)))
    if console != Console.DEVELOPER:
        return
    if allows(request.user, "applications.view_application", console=console):
        shown += [Figure(title, value, f"{note} · {now}" if note else now, url) for title, value, note, url in list_figures(request)]
    for company in figures.rows(request, console, Developer).order_by("name"):
        state = _("onboarded %(time)s") % {"time": full_time(company.onboarded_at)} if company.onboarded_at else _("not onboarded yet")
        shown.append(Figure(_("Company"), company.name, f"{company.code} · {state}", list_url(console, Developer)))
    if allows(request.user, "tenancy.view_seat", console=console):
        people = figures.rows(request, console, Seat).filter(revoked_at=None).values("user").distinct().count()
        shown.append(Figure(_("People with a seat"), f"{people:,}", now, list_url(console, Seat)))
