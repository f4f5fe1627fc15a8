"""What a credit account's page shows: figures, what lapses when, what a spend would take, holds, lots, payouts, adjustments and entries."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db.models import F
from django.http import HttpRequest
from django.utils.translation import gettext as _

from backoffice.kernel.admin.charts import Chart, Series
from backoffice.kernel.admin.display import EMPTY, full_time, list_url, moment, row_link, row_url
from backoffice.kernel.money import FEN, format_yuan
from members.admin.member_page import Figure
from members.admin.rows import adjustment_rows, entry_rows, hold_rows, lapse_chip, may_on, payout_rows, return_failed_chip
from members.choices import DeductionOrder, HoldStatus
from members.models import CreditAccount, CreditAdjustment, CreditEntry, CreditHold, CreditLot, CreditPayout
from members.selectors.beside import with_entry_columns, with_people, with_return_failed
from members.selectors.credit import SpendPreview, get_figures, list_entries, list_lapses, list_lots, preview_spend
from members.selectors.policy import policy_of
from members.services.credit import AmountRefused, yuan

ROWS_SHOWN = 100
BESIDE_SHOWN = 20
DEFAULT_SPEND = Decimal("80.00")


def account_page(screen: Any, request: HttpRequest, account: CreditAccount, now: datetime) -> dict[str, Any]:
    """Context of the page. A fixed number of queries, however many lots and entries there are."""
    console = screen.admin_site.name
    lots = list(with_return_failed(list_lots(account))[: ROWS_SHOWN + 1])
    entries = list(with_entry_columns(list_entries(account))[: ROWS_SHOWN + 1])
    # Open holds and unpaid payouts first: they are what somebody waits for.
    holds = list(CreditHold.objects.filter(account=account).order_by(F("settled_at").desc(nulls_first=True), "-pk")[: BESIDE_SHOWN + 1])
    payouts = list(
        CreditPayout.objects.filter(account=account).select_related("lot").order_by(F("settled_at").desc(nulls_first=True), "-pk")[: BESIDE_SHOWN + 1]
    )
    adjustments = list(with_people(CreditAdjustment.objects.filter(account=account)).order_by("-pk")[: BESIDE_SHOWN + 1])
    may_release = any(hold.status == HoldStatus.HELD for hold in holds) and may_on(request, console, account, "members.release_hold")
    return {
        "member": account.member,
        "member_url": row_url(console, account.member),
        "store_name": account.store.name,
        "figures": _figures(account, now),
        "lapses": _lapse_chart(account, now),
        "what_if": _what_if(request, account, now),
        "may_release": may_release,
        "holds": hold_rows(islice(holds, BESIDE_SHOWN), now, console, may_release=may_release),
        "all_holds_url": _all(console, CreditHold, account, len(holds) > BESIDE_SHOWN),
        "lots": [_lot_row(lot, now, console) for lot in islice(lots, ROWS_SHOWN)],
        "all_lots_url": _all(console, CreditLot, account, len(lots) > ROWS_SHOWN),
        "payouts": payout_rows(islice(payouts, BESIDE_SHOWN), now, console),
        "all_payouts_url": _all(console, CreditPayout, account, len(payouts) > BESIDE_SHOWN),
        "adjustments": adjustment_rows(adjustments[:BESIDE_SHOWN], now, console),
        "all_adjustments_url": _all(console, CreditAdjustment, account, len(adjustments) > BESIDE_SHOWN),
        "entries": entry_rows(entries[:ROWS_SHOWN], now, console),
        "all_entries_url": _all(console, CreditEntry, account, len(entries) > ROWS_SHOWN),
    }


def _all(console: str, model: Any, account: CreditAccount, there_are_more: bool) -> str:
    """Address of the list of all rows of the account, empty when the page shows them all."""
    return list_url(console, model, f"account_id={account.pk}") if there_are_more else ""


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
    usual = policy_of(account.store_id).deduction_order
    order = request.GET.get("order", "")
    order = order if order in DeductionOrder.values else usual
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
        "orders": [(code, _("%(order)s (as the store has it)") % {"order": label} if code == usual else label) for code, label in DeductionOrder.choices],
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


def _lot_row(lot: Any, now: datetime, console: str) -> dict[str, Any]:
    left = lot.principal_left + lot.bonus_left
    lapsed = lot.expires_at is not None and lot.expires_at <= now
    return {
        "number": row_link(console, lot),
        "opened": moment(lot.opened_at, now),
        "expires": lapse_chip(lot, now) if left or lot.expires_at is None else moment(lot.expires_at, now),
        "principal": format_yuan(lot.principal_amount),
        "bonus": format_yuan(lot.bonus_amount),
        "principal_left": format_yuan(lot.principal_left),
        "bonus_left": format_yuan(lot.bonus_left),
        "return_failed": return_failed_chip(lot),
        "gone": lapsed or not left,
    }
