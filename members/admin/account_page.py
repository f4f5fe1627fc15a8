"""What a credit account's page shows: figures, what lapses when, what a spend would take, lots and entries."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from backoffice.kernel.admin.charts import Chart, Series
from backoffice.kernel.admin.display import EMPTY, PLAIN, WARN, chip, full_time, list_url, moment, row_url, status_chip
from backoffice.kernel.money import FEN, format_yuan
from backoffice.kernel.tenancy.selectors.people import name_person
from members.admin.member_page import Figure
from members.choices import DeductionOrder
from members.models import CreditAccount, CreditEntry, CreditLot
from members.selectors.credit import SpendPreview, get_figures, list_entries, list_lapses, list_lots, preview_spend
from members.selectors.timeline import signed_yuan
from members.selectors.tones import ENTRY_TONES
from members.services.credit import AmountRefused, yuan

ROWS_SHOWN = 100
DEFAULT_SPEND = Decimal("80.00")


def account_page(screen: Any, request: HttpRequest, account: CreditAccount, now: datetime) -> dict[str, Any]:
    """Context of the page. A fixed number of queries, however many lots and entries there are."""
    console = screen.admin_site.name
    lots = list(list_lots(account)[: ROWS_SHOWN + 1])
    entries = list(list_entries(account)[: ROWS_SHOWN + 1])
    return {
        "member": account.member,
        "member_url": row_url(console, account.member),
        "store_name": account.store.name,
        "figures": _figures(account, now),
        "lapses": _lapse_chart(account, now),
        "what_if": _what_if(request, account, now),
        "lots": [_lot_row(lot, now) for lot in islice(lots, ROWS_SHOWN)],
        "all_lots_url": list_url(console, CreditLot, f"account_id={account.pk}") if len(lots) > ROWS_SHOWN else "",
        "entries": [_entry_row(entry, now, console) for entry in islice(entries, ROWS_SHOWN)],
        "all_entries_url": list_url(console, CreditEntry, f"account_id={account.pk}") if len(entries) > ROWS_SHOWN else "",
    }


def _figures(account: CreditAccount, now: datetime) -> list[Figure]:
    figures = get_figures(account, now)
    cards = [
        Figure(_("Credit to spend"), format_yuan(figures.spendable), _("Held besides: %(held)s") % {"held": format_yuan(figures.held)} if figures.held else ""),
        Figure(_("Principal"), format_yuan(figures.principal), _("Paid by the member")),
        Figure(_("Bonus"), format_yuan(figures.bonus), _("Given by the store")),
    ]
    if figures.next_expiry_at is None:
        cards.append(Figure(_("Lapses next"), EMPTY, _("Nothing lapses")))
    else:
        cards.append(Figure(_("Lapses next"), format_yuan(figures.next_expiry_amount), _("on %(time)s") % {"time": full_time(figures.next_expiry_at)}))
    if figures.lapsed:
        cards.append(Figure(_("Lapsed, not yet cleared away"), format_yuan(figures.lapsed), _("Still in the balance, but nobody can spend it")))
    return cards


def _lapse_chart(account: CreditAccount, now: datetime) -> dict[str, Any]:
    lapses = list_lapses(account, now)
    labels = [lapse.month.strftime("%Y-%m") if lapse.month else _("Never lapses") for lapse in lapses]
    series = (Series(_("Principal"), [lapse.principal for lapse in lapses]), Series(_("Bonus"), [lapse.bonus for lapse in lapses]))
    rows = [(label, format_yuan(lapse.principal), format_yuan(lapse.bonus), format_yuan(lapse.amount)) for label, lapse in zip(labels, lapses, strict=True)]
    return {"chart": Chart(labels, series, height=180), "rows": rows}


def _what_if(request: HttpRequest, account: CreditAccount, now: datetime) -> dict[str, Any]:
    """The preview of a spend; the amount is what somebody typed, so it may be anything."""
    typed = request.GET.get("spend", "")
    order = request.GET.get("order", "")
    order = order if order in DeductionOrder.values else DeductionOrder.PERCENT.value
    error = ""
    amount = DEFAULT_SPEND
    if typed:
        try:
            amount = yuan(typed.replace(",", "").replace("，", ""), least=FEN)
        except AmountRefused as refused:
            error = str(refused)
    preview = None if error else preview_spend(account, amount, now, order)
    return {
        "amount": typed or f"{amount}",
        "order": order,
        "orders": DeductionOrder.choices,
        "error": error,
        "refusal": _("Only %(available)s yuan can be spent; the spend would be refused.") % {"available": format_yuan(preview.available)}
        if preview and preview.missing
        else "",
        "rows": _share_rows(preview) if preview else [],
        "total": (format_yuan(preview.principal), format_yuan(preview.bonus), format_yuan(preview.asked)) if preview and not preview.missing else None,
    }


def _share_rows(preview: SpendPreview) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            share.lot.source_no,
            full_time(share.lot.expires_at) if share.lot.expires_at else _("Never lapses"),
            format_yuan(share.principal),
            format_yuan(share.bonus),
            format_yuan(share.amount),
        )
        for share in preview.shares
    ]


def _lot_row(lot: CreditLot, now: datetime) -> dict[str, Any]:
    left = lot.principal_left + lot.bonus_left
    lapsed = lot.expires_at is not None and lot.expires_at <= now
    if lot.expires_at is None:
        expires = chip(_("Never lapses"), PLAIN)
    else:
        expires = chip(_("Lapsed"), WARN, title=full_time(lot.expires_at)) if lapsed and left else moment(lot.expires_at, now)
    return {
        "number": lot.source_no,
        "opened": moment(lot.opened_at, now),
        "expires": expires,
        "principal": format_yuan(lot.principal_amount),
        "bonus": format_yuan(lot.bonus_amount),
        "principal_left": format_yuan(lot.principal_left),
        "bonus_left": format_yuan(lot.bonus_left),
        "gone": lapsed or not left,
    }


def _entry_row(entry: CreditEntry, now: datetime, console: str) -> dict[str, Any]:
    return {
        "when": moment(entry.happened_at, now),
        "kind": status_chip(entry, ENTRY_TONES, "kind"),
        "principal": signed_yuan(entry.principal_amount) if entry.principal_amount else format_yuan(entry.principal_amount),
        "bonus": signed_yuan(entry.bonus_amount) if entry.bonus_amount else format_yuan(entry.bonus_amount),
        "after": format_yuan(entry.balance_after),
        "lot": entry.lot.source_no,
        "order": entry.order_no or EMPTY,
        "by": name_person(entry.actor, console) if entry.actor else _("System"),
        "reason": entry.reason,
    }
