"""The page "why did she not get it?": one member, one day, every candidate message with its outcome and reason."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.kernel.admin.display import BAD, BUSY, GOOD, PLAIN, WARN, chip, full_time, row_url
from backoffice.kernel.admin.scoping import reach
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.tenancy.roles import Console
from campaigns.choices import MessageStatus
from campaigns.models import Message
from campaigns.selectors.why_not import Candidate, get_why_not
from campaigns.selectors.why_not_words import count_takers, explain, name_outcome, name_reason, name_scenario
from members.models import Member

PERMISSION = "campaigns.why_not"
TONES = {
    MessageStatus.SENT.value: GOOD,
    MessageStatus.PENDING.value: BUSY,
    MessageStatus.FAILED.value: BAD,
    MessageStatus.UNKNOWN.value: WARN,
    MessageStatus.SUPPRESSED.value: WARN,
}


def why_not_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """``?member=<id>&date=YYYY-MM-DD``, or ``?store=<code>&member_no=<number>`` from the form of the page. Reads only; a foreign member is 404."""
    if not screen.allows(request, PERMISSION):
        raise PermissionDenied
    console, now = screen.admin_site.name, database_now()
    today = local_day(now)
    day, day_error = _day(request.GET.get("date", ""), today)
    store_code, member_no = request.GET.get("store", "").strip(), request.GET.get("member_no", "").strip()
    member, not_found = _member(request, console, store_code, member_no)
    page: dict[str, Any] = {
        "day": day,
        "today": today,
        "day_error": day_error,
        "not_found": not_found,
        "store_code": member.store.code if member else store_code,
        "member_no": member.member_no if member else member_no,
        "member": member,
    }
    if member is not None and day_error == "":
        page |= _found(console, member, day, today, now)
    request.current_app = console
    title = _("Why did %(name)s not get a message?") % {"name": member.nickname or member.member_no} if member else _("Why not?")
    return TemplateResponse(request, "campaigns/why_not.html", {**screen.admin_site.each_context(request), "title": title, "page": page})


def _found(console: str, member: Member, day: date, today: date, now: datetime) -> dict[str, Any]:
    candidates = get_why_not(member, day, now=now, all_stores=console == Console.PLATFORM)
    here = reverse(f"{console}:campaigns_why_not")
    return {
        "name": member.nickname or member.member_no,
        "member_url": row_url(console, member),
        "candidates": [_shown(console, candidate) for candidate in candidates],
        "days": [
            (label, f"{here}?member={member.pk}&date={one.isoformat()}", one == day)
            for label, one in (
                (_("The day before"), day - timedelta(days=1)),
                (_("Yesterday"), today - timedelta(days=1)),
                (_("Today"), today),
                (_("The day after"), day + timedelta(days=1)),
            )
        ],
    }


def _shown(console: str, candidate: Candidate) -> dict[str, Any]:
    return {
        "scenario": name_scenario(candidate.scenario),
        "order_no": candidate.order_no,
        "chip": chip(name_outcome(candidate), TONES.get(candidate.outcome, PLAIN)),
        "explanation": explain(candidate),
        "also": [name_reason(code) for code in candidate.also],
        "url": row_url(console, Message(pk=candidate.message_id)) if candidate.message_id else "",
        "takers": [
            {"scenario": name_scenario(taker.scenario), "store": taker.store, "at": full_time(taker.at), "url": row_url(console, Message(pk=taker.id))}
            for taker in candidate.takers
        ],
        "takers_title": count_takers(candidate) if candidate.takers else "",
    }


def _day(text: str, today: date) -> tuple[date, str]:
    if not text:
        return today, ""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return today, _("That is not a day. Write it like %(day)s.") % {"day": today.isoformat()}
    if not date(2000, 1, 1) <= day <= date(2200, 1, 1):
        return today, _("That is not a day. Write it like %(day)s.") % {"day": today.isoformat()}
    return day, ""


def _member(request: HttpRequest, console: str, store_code: str, member_no: str) -> tuple[Member | None, str]:
    """The member asked for, out of those in reach. Raises Http404 for an id out of reach, as for a missing one."""
    members = reach(request.user, console, Member.objects.select_related("store"), PERMISSION)
    number = request.GET.get("member", "")
    if number:
        found = members.filter(pk=int(number)).first() if number.isascii() and number.isdigit() and len(number) < 19 else None
        if found is None:
            raise Http404
        return found, ""
    if not member_no:
        return None, ""
    if "\x00" in member_no + store_code:
        return None, _("There is no member with this number.")
    matching = members.filter(member_no=member_no)
    if store_code:
        matching = matching.filter(store__code=store_code)
    candidates = list(matching.order_by("pk")[:2])
    if len(candidates) == 2:
        return None, _("Several stores have a member with this number. Write the store's code, too.")
    return (candidates[0], "") if candidates else (None, _("There is no member with this number."))
