"""What one member's page shows: head, figures, facts, and the one line of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.kernel.admin.display import EMPTY, GOOD, PLAIN, WARN, chip, full_time, moment, row_url, status_chip
from backoffice.kernel.clock import local_day
from backoffice.kernel.money import ZERO, format_yuan
from backoffice.kernel.ports import TimelineItem
from members.choices import ConsentSource
from members.models import Member, MemberTag
from members.selectors.credit import get_figures
from members.selectors.timeline import list_timeline
from members.selectors.tones import MEMBER_TONES

TIMELINE_SHOWN = 50
TIMELINE_MOST = 500

# Kind of a timeline item: the symbol in front of it, and the group by which the line is narrowed.
ICONS = {
    "joined": "person_add",
    "identity": "fingerprint",
    "status": "swap_horiz",
    "phone": "phone_iphone",
    "credit": "account_balance_wallet",
    "order": "shopping_bag",
    "consent": "how_to_reg",
    "cards": "notifications",
    "paid": "card_membership",
    "benefit": "redeem",
    "message": "sms",
    "message_held_back": "notifications_off",
}


@dataclass(frozen=True)
class Figure:
    """One figure of the head, with a word below it and, where there is one, the page behind it."""

    title: str
    value: str
    note: str = ""
    url: str = ""


@dataclass(frozen=True)
class TimelineRow:
    """A timeline item as the page draws it. ``group`` narrows the line: member, credit, orders or messages."""

    item: TimelineItem
    icon: str
    group: str
    when: str
    chip: str


def member_page(screen: Any, request: HttpRequest, member: Member, now: datetime) -> dict[str, Any]:
    """Context of the page. A fixed number of queries, whatever the member did."""
    console = screen.admin_site.name
    shown = TIMELINE_MOST if request.GET.get("timeline") == "all" else TIMELINE_SHOWN
    items = list_timeline(member, request.user, shown + 1)  # type: ignore[arg-type]
    return {
        "member": member,
        "status": status_chip(member, MEMBER_TONES),
        "figures": _figures(screen, request, member, now),
        "facts": _facts(member),
        "tags": list(MemberTag.objects.filter(member=member).order_by("tag__name").values_list("tag__name", flat=True)),
        "why_not_url": _why_not_url(screen, request, member),
        "account_url": _account_url(screen, request, member),
        "store_name": member.store.name,
        "timeline": [_row(item, now) for item in items[:shown]],
        "timeline_groups": [("", _("Everything")), ("member", _("Member")), ("credit", _("Credit")), ("orders", _("Orders")), ("messages", _("Messages"))],
        "has_more": len(items) > shown and shown < TIMELINE_MOST,
        "console": console,
    }


def _account_url(screen: Any, request: HttpRequest, member: Member) -> str:
    account = getattr(member, "credit_account", None)
    return row_url(screen.admin_site.name, account) if account and screen.allows(request, "members.view_creditaccount") else ""


def _why_not_url(screen: Any, request: HttpRequest, member: Member) -> str:
    """The page that answers "why no reminder?" for this member today; empty when this user has none."""
    if not screen.allows(request, "campaigns.why_not"):
        return ""
    try:
        return f"{reverse(f'{screen.admin_site.name}:campaigns_why_not')}?member={member.pk}"
    except NoReverseMatch:
        return ""


def _figures(screen: Any, request: HttpRequest, member: Member, now: datetime) -> list[Figure]:
    account = getattr(member, "credit_account", None)
    figures = get_figures(account, now) if account else None
    purchases = getattr(member, "purchases", None)
    if figures is None:
        credit = Figure(_("Credit to spend"), format_yuan(ZERO), _("Never topped up"))
        lapse = Figure(_("Lapses next"), EMPTY)
    else:
        split = _("Principal %(principal)s, bonus %(bonus)s") % {"principal": format_yuan(figures.principal), "bonus": format_yuan(figures.bonus)}
        credit = Figure(_("Credit to spend"), format_yuan(figures.spendable), split, _account_url(screen, request, member))
        if figures.next_expiry_at is None:
            lapse = Figure(_("Lapses next"), EMPTY, _("Nothing lapses"))
        else:
            lapse = Figure(_("Lapses next"), format_yuan(figures.next_expiry_amount), _("on %(time)s") % {"time": full_time(figures.next_expiry_at)})
    orders = purchases.order_count if purchases else 0
    bought = Figure(
        _("Bought in all"),
        format_yuan(purchases.amount) if purchases else format_yuan(ZERO),
        ngettext("%(count)d order", "%(count)d orders", orders) % {"count": orders},
    )
    last = purchases.last_purchase_at if purchases else None
    first = purchases.first_purchase_at if purchases else None
    last_figure = Figure(
        _("Last purchase"), local_day(last).isoformat() if last else EMPTY, _("first on %(day)s") % {"day": local_day(first).isoformat()} if first else ""
    )
    return [credit, lapse, bought, last_figure]


def _facts(member: Member) -> list[tuple[str, str, str]]:
    """Label, value and a note to each."""
    consent = chip(_("Agrees"), GOOD) if member.marketing_consent else chip(_("Declined"), WARN)
    consent_note = " · ".join(part for part in (str(ConsentSource(member.consent_source).label), member.consent_version, full_time(member.consent_at)) if part)
    cards = chip(_("On"), GOOD) if member.credit_cards_on else chip(_("Off"), PLAIN)
    joined_note = " · ".join(part for part in (member.join_channel, member.join_scene) if part)
    return [
        (_("Phone"), member.phone_masked or EMPTY, ""),
        (_("Marketing consent"), consent, consent_note),
        (_("Credit cards"), cards, "" if member.credit_cards_on else _("The member asked not to receive them")),
        (_("Joined"), full_time(member.joined_at), joined_note),
        (_("Birthday"), member.birthday.isoformat() if member.birthday else EMPTY, ""),
        (_("Growth"), f"{member.growth:,}", member.level.name if member.level else ""),
        (_("Language"), str(member.get_language_display()), ""),
    ]


def _row(item: TimelineItem, now: datetime) -> TimelineRow:
    kind = item.kind
    group = "credit" if kind == "credit" else "orders" if kind == "order" else "messages" if kind.startswith("message") else "member"
    icon = ICONS.get(kind) or ("sms" if kind.startswith("message") else "circle")
    return TimelineRow(item, icon, group, moment(item.at, now), chip(item.status, item.tone or PLAIN) if item.status else "")
