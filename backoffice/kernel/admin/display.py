"""What a list or page shows of one value: money, times, states, empty lists, figures. All text is escaped here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.kernel.clock import to_local
from backoffice.kernel.money import format_yuan

GOOD, WARN, BAD, BUSY, PLAIN = "success", "warning", "danger", "info", ""
"""Tones of a chip. A chip always has a word: colour is never alone."""

TONE_OF_FLAG = {True: GOOD, False: PLAIN}

EMPTY = "—"
_TONES = {
    GOOD: "bg-green-100 text-green-800 dark:bg-green-500/20 dark:text-green-300",
    WARN: "bg-orange-100 text-orange-800 dark:bg-orange-500/20 dark:text-orange-300",
    BAD: "bg-red-100 text-red-800 dark:bg-red-500/20 dark:text-red-300",
    BUSY: "bg-blue-100 text-blue-800 dark:bg-blue-500/20 dark:text-blue-300",
    PLAIN: "bg-base-100 text-base-700 dark:bg-base-500/20 dark:text-base-200",
}


def money(amount: Decimal | None) -> SafeString:
    """Yuan, right-aligned by the style sheet: ``1,234.50``."""
    return format_html('<span class="bo-number">{}</span>', EMPTY if amount is None else format_yuan(amount))


def count(number: int | None) -> SafeString:
    """A whole number with separators, right-aligned."""
    return format_html('<span class="bo-number">{}</span>', EMPTY if number is None else f"{number:,}")


def full_time(moment: datetime) -> str:
    """``2026-11-22 10:00`` on the platform's clock."""
    return to_local(moment).strftime("%Y-%m-%d %H:%M")


def ago(moment: datetime, now: datetime) -> str:
    """ "2 hours ago", "in 3 days": the largest whole unit only."""
    seconds = round((now - moment).total_seconds())
    size = abs(seconds)
    if size < 60:
        return _("just now")
    if size < 3600:
        n = size // 60
        text = ngettext("%(n)d minute ago", "%(n)d minutes ago", n) if seconds > 0 else ngettext("in %(n)d minute", "in %(n)d minutes", n)
    elif size < 86_400:
        n = size // 3600
        text = ngettext("%(n)d hour ago", "%(n)d hours ago", n) if seconds > 0 else ngettext("in %(n)d hour", "in %(n)d hours", n)
    else:
        n = size // 86_400
        text = ngettext("%(n)d day ago", "%(n)d days ago", n) if seconds > 0 else ngettext("in %(n)d day", "in %(n)d days", n)
    return text % {"n": n}


def moment(value: datetime | None, now: datetime | None = None) -> SafeString:
    """Local time; within a day of now as "2 hours ago" with the full time on hover, else the full time with the distance on hover.

    ``now`` defaults to the clock of the request: nothing is decided here, it is only told.
    """
    if value is None:
        return format_html("{}", EMPTY)
    now = now or timezone.now()
    full, distance = full_time(value), ago(value, now)
    shown, hover = (distance, full) if abs(now - value) < timedelta(days=1) else (full, distance)
    return format_html('<time class="whitespace-nowrap" datetime="{}" title="{}">{}</time>', value.isoformat(), hover, shown)


def chip(text: Any, tone: str = PLAIN, *, title: Any = "") -> SafeString:
    """A state as a coloured word."""
    return format_html(
        '<span class="inline-block rounded-default px-2 h-6 leading-6 text-xs font-semibold whitespace-nowrap {}"{}>{}</span>',
        _TONES[tone],
        format_html(' title="{}"', title) if title else "",
        text,
    )


def status_chip(row: Any, tones: Mapping[Any, str], field: str = "status") -> SafeString:
    """Chip of a choices field: ``tones`` maps stored codes to GOOD, WARN, BAD, BUSY; others are plain."""
    return chip(getattr(row, f"get_{field}_display")(), tones.get(getattr(row, field), PLAIN))


def link(text: Any, url: str) -> SafeString:
    return format_html('<a class="text-primary-700 hover:underline dark:text-primary-400" href="{}">{}</a>', url, text)


def row_url(site: str, row: Any) -> str:
    """Address of a row's page in a console, empty when the console has no such page."""
    try:
        return reverse(f"{site}:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return ""


def list_url(site: str, model: Any, query: str = "") -> str:
    """Address of a model's list in a console, with a query string such as ``status__exact=FAILED``; empty when there is none."""
    try:
        address = reverse(f"{site}:{model._meta.app_label}_{model._meta.model_name}_changelist")
    except NoReverseMatch:
        return ""
    return f"{address}?{query}" if query else address


def row_link(site: str, row: Any, text: Any = None) -> SafeString:
    """The row's name, linked to its page when this console has one."""
    shown = str(row) if text is None else text
    url = row_url(site, row)
    return link(shown, url) if url else format_html("{}", shown)


def as_of(now: datetime) -> str:
    """ "As of 2026-11-22 10:00"."""
    return _("As of %(time)s") % {"time": full_time(now)}


def decimal(number: Decimal | float, places: int) -> str:
    return number_format(number, decimal_pos=places, use_l10n=True, force_grouping=True)
