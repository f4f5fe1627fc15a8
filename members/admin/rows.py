"""What the credit screens show of one row beside the ledger, and how its rows are put into tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, Sum
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from backoffice.kernel.admin.display import BAD, EMPTY, PLAIN, WARN, chip, full_time, link, moment, row_link, row_url, status_chip
from backoffice.kernel.admin.scoping import one_answer_for_all_seats, reaches
from backoffice.kernel.money import ZERO, format_yuan
from backoffice.kernel.tenancy.access import allows
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.selectors.people import name_person
from members.choices import EntryKind, PayoutStatus
from members.models import CreditAdjustment, CreditEntry, CreditHold, CreditLot, CreditPayout
from members.selectors.timeline import signed_yuan
from members.selectors.tones import ADJUSTMENT_TONES, ENTRY_TONES, HOLD_TONES, PAYOUT_TONES

TAKING = (EntryKind.SPEND, EntryKind.CAPTURE)
"""Entries that a refund can give back."""


def may_on(request: HttpRequest, console: str, row: Any, permission: str) -> bool:
    """Whether the user has ``permission`` on exactly this row; without a query where all of their seats say the same."""
    if one_answer_for_all_seats(request.user, console, permission):
        return allows(request.user, permission, console=console)
    return reaches(request.user, console, row, permission)


def act_url(console: str, row: Any, act: str) -> str:
    """Address of an act's dialog on a row, empty where the console has none."""
    try:
        return reverse(f"{console}:{row._meta.app_label}_{row._meta.model_name}_{act}", args=[row.pk])
    except NoReverseMatch:
        return ""


def told(amount: Decimal) -> str:
    """A signed amount; nothing has no sign."""
    return signed_yuan(amount) if amount else format_yuan(amount)


def signed(amount: Decimal) -> str:
    """A signed amount in a list, right-aligned by the style sheet."""
    return format_html('<span class="bo-number">{}</span>', told(amount))


def actor_name(person: User | None, console: str) -> str:
    return name_person(person, console) if person else _("System")


def order_text(order_no: str, line_no: int | None) -> str:
    """``A-1`` or, for one line of it, ``A-1 / 2``."""
    if not order_no:
        return EMPTY
    return order_no if line_no is None else f"{order_no} / {line_no}"


def split_text(principal: Decimal, bonus: Decimal) -> str:
    return _("principal %(principal)s, bonus %(bonus)s") % {"principal": format_yuan(principal), "bonus": format_yuan(bonus)}


def taken_by(entry: CreditEntry) -> Decimal:
    """What a refund could give back of this entry in all: what it took, or made final of a hold."""
    if entry.kind == EntryKind.CAPTURE:
        return (entry.captured_principal or ZERO) + (entry.captured_bonus or ZERO)
    return -(entry.principal_amount + entry.bonus_amount) if entry.kind == EntryKind.SPEND else ZERO


def sums_given_back(entries: Iterable[CreditEntry]) -> dict[int, Decimal]:
    """Yuan that refunds gave back so far, by the entry that took it. One query, none when nothing was taken."""
    taking = [entry.pk for entry in entries if entry.kind in TAKING]
    if not taking:
        return {}
    refunds = CreditEntry.objects.filter(refund_of_id__in=taking).order_by().values("refund_of_id")
    return {row["refund_of_id"]: row["sum"] for row in refunds.annotate(sum=Sum(F("principal_amount") + F("bonus_amount")))}


def given_back_text(entry: CreditEntry, given_back: Decimal) -> str:
    """How much of a spend went back; empty while nothing did."""
    if not given_back:
        return ""
    if given_back == taken_by(entry):
        return _("Given back in full")
    return _("Given back so far: %(amount)s") % {"amount": format_yuan(given_back)}


def entry_rows(entries: Sequence[CreditEntry], now: datetime, console: str) -> list[dict[str, Any]]:
    """Entries (with lot, actor and payout) as the table of entries shows them. One query beside them."""
    given_back = sums_given_back(entries)
    return [
        {
            "when": moment(entry.happened_at, now),
            "kind": link(status_chip(entry, ENTRY_TONES, "kind"), row_url(console, entry)),
            "principal": told(entry.principal_amount),
            "bonus": told(entry.bonus_amount),
            "after": format_yuan(entry.balance_after),
            "lot": row_link(console, entry.lot),
            "order": order_text(entry.order_no, entry.line_no),
            "belongs": belongs_to(entry, given_back.get(entry.pk, ZERO), console),
            "by": actor_name(entry.actor, console),
            "reason": entry.reason,
        }
        for entry in entries
    ]


def belongs_to(entry: CreditEntry, given_back: Decimal, console: str) -> str:
    """What an entry refers to: its hold, the spend that it gives back, its payout; and what of it went back."""
    parts: list[str] = []
    if entry.hold_id is not None:
        parts.append(link(_("Hold #%(number)s") % {"number": entry.hold_id}, row_url(console, CreditHold(pk=entry.hold_id))))
    if entry.kind == EntryKind.CAPTURE:
        parts.append(_("made final: %(split)s") % {"split": split_text(entry.captured_principal or ZERO, entry.captured_bonus or ZERO)})
    if entry.refund_of_id is not None:
        parts.append(link(_("Gives back entry #%(number)s") % {"number": entry.refund_of_id}, row_url(console, CreditEntry(pk=entry.refund_of_id))))
    payout = getattr(entry, "payout", None) if entry.kind == EntryKind.PAYOUT else None
    if payout is not None:
        parts += [row_link(console, payout, _("Payout")), status_chip(payout, PAYOUT_TONES)]
    text = given_back_text(entry, given_back)
    if text:
        parts.append(text)
    return format_html_join(" ", "{}", ((part,) for part in parts)) if parts else EMPTY


def lapse_chip(lot: CreditLot, now: datetime) -> str:
    """When a lot lapses; a chip when it has, or never does."""
    if lot.expires_at is None:
        return chip(_("Never lapses"), PLAIN)
    if lot.expires_at > now:
        return moment(lot.expires_at, now)
    return chip(_("Lapsed"), WARN, title=full_time(lot.expires_at))


def return_failed_chip(lot: Any) -> str:
    """What a lot shows when its money did not arrive at the payer's; the lot comes ``with_return_failed``."""
    return chip(PayoutStatus.RETURN_FAILED.label, BAD) if lot.return_failed else ""


def hold_rows(holds: Iterable[CreditHold], now: datetime, console: str, *, may_release: bool) -> list[dict[str, Any]]:
    """Holds as the account's page shows them; an open one with its age and, for who may, the way to release it."""
    return [
        {
            "since": moment(hold.held_at, now),
            "order": row_link(console, hold, hold.order_no),
            "amount": format_yuan(hold.amount),
            "captured": format_yuan(hold.captured_amount) if hold.captured_amount else EMPTY,
            "status": status_chip(hold, HOLD_TONES),
            "settled": moment(hold.settled_at, now),
            "release_url": act_url(console, hold, "release") if may_release and hold.settled_at is None else "",
        }
        for hold in holds
    ]


def payout_rows(payouts: Iterable[CreditPayout], now: datetime, console: str) -> list[dict[str, Any]]:
    """Payouts (with their lot) as tables show them."""
    return [
        {
            "when": moment(payout.created_at, now),
            "amount": row_link(console, payout, format_yuan(payout.amount)),
            "cause": payout.get_cause_display(),
            "lot": row_link(console, payout.lot),
            "status": status_chip(payout, PAYOUT_TONES),
            "note": payout.error or payout.reference or EMPTY,
        }
        for payout in payouts
    ]


def adjustment_rows(adjustments: Iterable[CreditAdjustment], now: datetime, console: str) -> list[dict[str, Any]]:
    """Adjustments (with who asked and who decided, and their seats) as tables show them."""
    return [
        {
            "when": moment(adjustment.requested_at, now),
            "amount": row_link(console, adjustment, told(adjustment.principal_amount + adjustment.bonus_amount)),
            "split": format_html("{} / {}", told(adjustment.principal_amount), told(adjustment.bonus_amount)),
            "status": status_chip(adjustment, ADJUSTMENT_TONES),
            "reason": adjustment.reason,
            "by": " → ".join(actor_name(person, console) for person in (adjustment.requested_by, adjustment.decided_by) if person),
        }
        for adjustment in adjustments
    ]
