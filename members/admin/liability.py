"""What stores owe their members: by the month in which it lapses, what became void, and the list for accountants."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget

from backoffice.kernel import clock
from backoffice.kernel.admin.charts import Chart, Series
from backoffice.kernel.admin.display import EMPTY, as_of, decimal, list_url
from backoffice.kernel.admin.keeping import keep
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.files.resources import MOST_XLSX_ROWS, ChineseTextFormat, TextFormat, WorkbookFormat, as_cell, stream_text, write_workbook
from backoffice.kernel.money import ZERO, format_yuan
from backoffice.kernel.tenancy.access import stores_of
from backoffice.kernel.tenancy.admin.forms import DayInput
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.roles import Console
from backoffice.kernel.tenancy.selectors.people import name_person
from members.admin.acting import acting_user
from members.admin.member_page import Figure
from members.admin.proof import proof_line
from members.choices import EntryKind, HoldStatus
from members.models import CreditEntry, CreditHold, CreditLot
from members.selectors.liability import CLOSING, OPENING, Movement, held_credit, lapse_and_breakage, liability_by_month, movements
from members.selectors.timeline import signed_yuan

VIEW, EXPORT = "members.view_creditlot", "members.export_creditentry"
MONTHS_SHOWN = 12
STORES_OFFERED = 500
_MONTH = re.compile(r"(20\d\d|21\d\d)-(0[1-9]|1[0-2])")
PAID_BACK_COLOUR = "oklch(62% .12 200)"
FORMATS: dict[str, Any] = {"csv": TextFormat, "csv-gb18030": ChineseTextFormat, "xlsx": WorkbookFormat}


# --- the lots behind a bar


def lots_of_month(code: str, now: datetime) -> models.Q | None:
    """Lots with something left that lapse in the local month ``2026-12``, or ``lapsed``: their time has passed. None for any other code."""
    left = models.Q(has_left=True)
    if code == "lapsed":
        return left & models.Q(expires_at__lte=now)
    if not _MONTH.fullmatch(code):
        return None
    first = date.fromisoformat(f"{code}-01")
    return left & models.Q(expires_at__gt=max(now, clock.day_start(first)), expires_at__lte=clock.day_start(_next_month(first)))


def _next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)


# --- the page


@dataclass(frozen=True)
class MonthRow:
    """One bar and one line of the table: what lapses in a month, has lapsed, or never does."""

    label: str
    principal: Decimal
    bonus: Decimal
    lots: int
    accounts: int
    url: str

    @property
    def cells(self) -> list[str]:
        return [format_yuan(self.principal), format_yuan(self.bonus), format_yuan(self.principal + self.bonus), f"{self.lots:,}", f"{self.accounts:,}"]


def stores_in_reach(request: HttpRequest, console: str, permission: str) -> models.QuerySet[Store]:
    """Stores whose figures the user may see, or hand out."""
    stores = Store.objects.all() if console == Console.PLATFORM else stores_of(request.user, permission)
    return stores.order_by("name", "pk")


def _asked_store(text: str) -> int | None:
    """The store asked for; None for all. Raises ``Http404`` for what is no number."""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Http404
    return int(text)


def liability_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """``?store=<id>`` for one of the stores in reach; a foreign one is 404 as a missing one. A fixed number of queries."""
    if not screen.allows(request, VIEW):
        raise PermissionDenied
    console, now = screen.admin_site.name, clock.database_now()
    stores = list(stores_in_reach(request, console, VIEW))
    asked = _asked_store(request.GET.get("store", ""))
    chosen = next((store for store in stores if store.pk == asked), None)
    if asked is not None and chosen is None:
        raise Http404
    ids = [chosen.pk] if chosen else [store.pk for store in stores]
    today = clock.local_day(now)
    first = _months_back(today, MONTHS_SHOWN - 1)
    figures = keep("liability", [console, chosen.pk if chosen else "all", *sorted(ids)], lambda: _figures(ids, first, today, now))
    query = f"&store__id__exact={chosen.pk}" if chosen else ""
    months = _month_rows(figures["months"], console, query)
    page = {
        "stores": stores[:STORES_OFFERED] if len(stores) > 1 else [],
        "chosen": chosen,
        "store_name": chosen.name if chosen else stores[0].name if len(stores) == 1 else "",
        "figures": _cards(figures, months, console, query, today),
        "months": months,
        "chart": Chart(
            [row.label for row in months],
            (Series(_("Principal"), [row.principal for row in months]), Series(_("Bonus"), [row.bonus for row in months])),
            height=260,
            unit=_("yuan"),
        ),
        "total": _total(months),
        "movements": _movement_rows(figures["movements"]),
        "movement_chart": _movement_chart(figures["movements"], first, today),
        "as_of": as_of(figures["now"]),
        "proof": proof_line(request, console),
        "export": export_form(request, console, chosen, today) if screen.allows(request, EXPORT) else None,
        "export_url": reverse(f"{console}:members_ledger_export"),
    }
    request.current_app = console
    title = _("What is owed to members")
    return TemplateResponse(request, "members/liability.html", {**screen.admin_site.each_context(request), "title": title, "page": page})


def _figures(ids: Sequence[int], first: date, today: date, now: datetime) -> dict[str, Any]:
    return {"months": liability_by_month(ids, now), "held": held_credit(ids), "movements": lapse_and_breakage(ids, first, today), "now": now}


def _months_back(day: date, number: int) -> date:
    """The first day of the month that lies ``number`` months before that of ``day``."""
    months = day.year * 12 + day.month - 1 - number
    return date(months // 12, months % 12 + 1, 1)


def _month_rows(months: Sequence[Any], console: str, query: str) -> list[MonthRow]:
    lapsed = [month for month in months if month.lapsed]
    rows = []
    if lapsed:
        # An account with lots of several lapsed months is counted once for each: the sweep empties them within minutes.
        rows.append(
            MonthRow(
                label=_("Lapsed, not yet cleared away"),
                principal=sum((month.principal for month in lapsed), ZERO),
                bonus=sum((month.bonus for month in lapsed), ZERO),
                lots=sum(month.lots for month in lapsed),
                accounts=sum(month.accounts for month in lapsed),
                url=list_url(console, CreditLot, f"lapses=lapsed{query}"),
            )
        )
    for month in months:
        if not month.lapsed:
            code = month.month.strftime("%Y-%m") if month.month else "never"
            label = code if month.month else _("Never lapses")
            url = list_url(console, CreditLot, f"lapses={code}{query}")
            rows.append(MonthRow(label, month.principal, month.bonus, month.lots, month.accounts, url))
    return rows


def _total(months: Sequence[MonthRow]) -> list[str]:
    principal, bonus = sum((row.principal for row in months), ZERO), sum((row.bonus for row in months), ZERO)
    return [format_yuan(principal), format_yuan(bonus), format_yuan(principal + bonus), f"{sum(row.lots for row in months):,}"]


def _cards(figures: dict[str, Any], months: Sequence[MonthRow], console: str, query: str, today: date) -> list[Figure]:
    principal, bonus = sum((row.principal for row in months), ZERO), sum((row.bonus for row in months), ZERO)
    held = figures["held"]
    coming = _next_month(today.replace(day=1))
    soon = [month for month in figures["months"] if not month.lapsed and month.month == coming]
    amount, accounts = sum((month.amount for month in soon), ZERO), sum(month.accounts for month in soon)
    whose = ngettext("of %(n)s member", "of %(n)s members", accounts) % {"n": f"{accounts:,}"}
    return [
        Figure(_("Owed to members (yuan)"), format_yuan(principal + bonus + held), _("All that is left in top-ups, and what is held")),
        Figure(_("Principal"), format_yuan(principal), _("Paid by the members")),
        Figure(_("Bonus"), format_yuan(bonus), _("Given by the stores")),
        Figure(_("Held for orders"), format_yuan(held), _("In no top-up"), list_url(console, CreditHold, f"status__exact={HoldStatus.HELD}{query}")),
        Figure(_("Lapses next month (yuan)"), format_yuan(amount), whose, list_url(console, CreditLot, f"lapses={coming:%Y-%m}{query}")),
    ]


def _movement_rows(months: Sequence[Any]) -> list[list[str]]:
    return [
        [
            month.month.strftime("%Y-%m"),
            *(format_yuan(amount) for amount in (month.topped_up, month.spent, month.refunded, month.lapsed_principal, month.lapsed_bonus, month.paid_back)),
            *(signed_yuan(amount) if amount else format_yuan(amount) for amount in (month.adjusted, month.held, month.change)),
            EMPTY if month.breakage_rate is None else f"{decimal(month.breakage_rate * 100, 2)} %",
        ]
        for month in reversed(months)
    ]


def _movement_chart(months: Sequence[Any], first: date, today: date) -> Chart:
    known = {month.month: month for month in months}
    shown = [first]
    while shown[-1] < today.replace(day=1):
        shown.append(_next_month(shown[-1]))

    def values(name: str) -> list[Decimal]:
        return [getattr(known[month], name) if month in known else ZERO for month in shown]

    series = (
        Series(_("Void principal"), values("lapsed_principal")),
        Series(_("Void bonus"), values("lapsed_bonus")),
        Series(_("Paid back"), values("paid_back"), PAID_BACK_COLOUR),
    )
    return Chart([f"{month:%Y-%m}" for month in shown], series, height=220, unit=_("yuan"))


# --- for accountants


class ExportForm(forms.Form):
    """A span of local days, both included, of one store or all."""

    store = forms.ChoiceField(label=gettext_lazy("Store"), required=False, widget=UnfoldAdminSelectWidget())
    from_day = forms.DateField(label=gettext_lazy("From"), widget=DayInput())
    to_day = forms.DateField(label=gettext_lazy("Up to and including"), widget=DayInput())
    file_format = forms.ChoiceField(label=gettext_lazy("Format"), widget=UnfoldAdminSelectWidget())

    def __init__(self, *args: Any, stores: Sequence[Store], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        whole = [("", _("All stores"))] if len(stores) > 1 else []
        store: Any = self.fields["store"]
        store.choices = [*whole, *((str(store.pk), store.name) for store in stores)]
        file_format: Any = self.fields["file_format"]
        file_format.choices = [(code, chosen().get_title()) for code, chosen in FORMATS.items()]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        first, last = cleaned.get("from_day"), cleaned.get("to_day")
        if first and last and last < first:
            self.add_error("to_day", _("The last day lies before the first."))
        return cleaned


def export_form(request: HttpRequest, console: str, chosen: Store | None, today: date) -> ExportForm:
    """The form as the page shows it: the month before this one."""
    stores = list(stores_in_reach(request, console, EXPORT)[:STORES_OFFERED])
    last = today.replace(day=1) - timedelta(days=1)
    initial = {"store": str(chosen.pk) if chosen else "", "from_day": last.replace(day=1), "to_day": last, "file_format": "xlsx"}
    return ExportForm(initial=initial, stores=stores)


def export_view(screen: Any, request: HttpRequest) -> HttpResponseBase:
    """Opening balance, every entry, closing balance, store by store; as a file, and the hand-out is logged."""
    if not screen.allows(request, EXPORT):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    console = screen.admin_site.name
    stores = list(stores_in_reach(request, console, EXPORT))
    form = ExportForm(request.POST, stores=stores)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, str(errors[0]))
        return HttpResponseRedirect(reverse(f"{console}:members_liability"))
    given = form.cleaned_data
    chosen = [store for store in stores if not given["store"] or str(store.pk) == given["store"]]
    return _hand_out(screen, request, chosen, given["from_day"], given["to_day"], given["file_format"])


def _hand_out(screen: Any, request: HttpRequest, stores: Sequence[Store], first: date, last: date, code: str) -> HttpResponseBase:
    console, file_format, ids = screen.admin_site.name, FORMATS[code](), [store.pk for store in stores]
    entries = CreditEntry.objects.filter(store_id__in=ids, happened_at__gte=clock.day_start(first), happened_at__lt=clock.day_end(last)).count()
    if code == "xlsx" and entries > MOST_XLSX_ROWS:
        messages.error(request, _("A workbook holds at most %(most)s rows here. Choose CSV, or a shorter span.") % {"most": f"{MOST_XLSX_ROWS:,}"})
        return HttpResponseRedirect(reverse(f"{console}:members_liability"))
    record_event(
        "list.exported", target=request.user, by=acting_user(request), now=clock.database_now(), list=CreditEntry._meta.label_lower, console=console,  # type: ignore[arg-type]
        format=file_format.get_title(), rows=entries, stores=[store.code for store in stores], from_day=first.isoformat(), to_day=last.isoformat(),
    )  # fmt: skip
    headers = [str(header) for header in HEADERS]
    rows = _cells(movements(ids, first, last), stores, console, numbers=code == "xlsx")
    name = f"credit-ledger-{first:%Y%m%d}-{last:%Y%m%d}.{file_format.get_extension()}"
    answer: HttpResponseBase
    if isinstance(file_format, TextFormat):
        answer = StreamingHttpResponse(stream_text(headers, rows, file_format), content_type=f"text/csv; charset={file_format.codec}")
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
    else:
        answer = FileResponse(write_workbook(headers, rows), as_attachment=True, filename=name)
    answer["Cache-Control"] = "no-store"
    return answer


HEADERS = (
    gettext_lazy("Store code"), gettext_lazy("Store"), gettext_lazy("Time"), gettext_lazy("Kind"), gettext_lazy("Entry number"),
    gettext_lazy("Member number"), gettext_lazy("Top-up number"), gettext_lazy("Order number"), gettext_lazy("Line"), gettext_lazy("Principal"),
    gettext_lazy("Bonus"), gettext_lazy("Captured principal"), gettext_lazy("Captured bonus"), gettext_lazy("Principal balance"),
    gettext_lazy("Bonus balance"), gettext_lazy("Held"), gettext_lazy("By"), gettext_lazy("Reason"),
)  # fmt: skip


def _cells(lines: Iterator[Movement], stores: Sequence[Store], console: str, *, numbers: bool) -> Iterator[list[Any]]:
    """Rows of the file. Every word is looked up before the first row: while a file streams, another request may have set another language."""
    language = translation.get_language() or ""
    kinds = {**{kind.value: str(kind.label) for kind in EntryKind}, OPENING: _("Opening balance"), CLOSING: _("Closing balance")}
    by_id = {store.pk: store for store in stores}
    actors: dict[int | None, str] = {None: ""}

    def actor(number: int | None) -> str:
        if number not in actors:
            person = User.objects.prefetch_related("seats").filter(pk=number).first()
            with translation.override(language):
                actors[number] = name_person(person, console) if person else ""
        return actors[number]

    def rows() -> Iterator[list[Any]]:
        for line in lines:
            store = by_id[line.store_id]
            outside = line.kind in (OPENING, CLOSING)
            values = (
                store.code, store.name, line.happened_at, kinds[line.kind], line.entry_id, line.member_no, line.source_no, line.order_no, line.line_no,
                None if outside else line.principal, None if outside else line.bonus, line.captured_principal, line.captured_bonus,
                line.balance_principal, line.balance_bonus, line.held, actor(line.actor_id), line.reason,
            )  # fmt: skip
            yield [as_cell(value, numbers=numbers) for value in values]

    return rows()


def liability_urls(screen: Any) -> list[URLPattern]:
    """The pages belong to no model; they stand beside the lots."""
    view = screen.admin_site.admin_view
    return [
        path("liability/", view(lambda request: liability_view(screen, request)), name="members_liability"),
        path("liability/export/", view(lambda request: export_view(screen, request)), name="members_ledger_export"),
    ]
