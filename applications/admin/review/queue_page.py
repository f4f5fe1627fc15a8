"""The queue: cases by whose turn it is, what is due first on top. Eight queries, whatever it holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from applications.admin.parts import CASE_TONES, dialog_link
from applications.admin.review.words import answer_chip, due_chip, holder_chip, listed, name_in_use
from applications.choices import CLOSED_STATES, RELEASE, REVIEW, AppBuild
from applications.models import Application
from applications.selectors.calendar import WorkingCalendar, get_calendar
from applications.selectors.queue import ANSWERED_BY, MOST_COUNTED, Place, count_queue, get_queue_page, place_of
from backoffice.kernel.admin import person
from backoffice.kernel.admin.display import BAD, PLAIN, WARN, chip, moment, row_url, status_chip
from backoffice.kernel.clock import database_now

PAGE_SIZE = 50
VIEW = "applications.view_application"
TABS: dict[str, tuple[Any, str]] = {
    "queued": (gettext_lazy("Waiting for review"), "queued"),
    "mine": (gettext_lazy("Mine"), "in_review"),
    "in_review": (gettext_lazy("In review"), "in_review"),
    "held": (pgettext_lazy("review", "Held"), "held"),
    "decided": (gettext_lazy("Just decided"), "decided"),
    "developer": (gettext_lazy("Waiting for the developer"), "developer"),
    "merchant": (gettext_lazy("Waiting for the merchant"), "merchant"),
    "checks": (gettext_lazy("Checks pending"), "checks"),
}
"""Tab -> title, and the states behind it (``selectors/queue.py``)."""
EMPTY_TEXTS: dict[str, Any] = {
    "queued": gettext_lazy("Nothing waits for review. What developers submit appears here by itself."),
    "mine": gettext_lazy("You hold no case. Take the next one from “Waiting for review”, or press n."),
    "in_review": gettext_lazy("Nobody is reviewing anything now."),
    "held": gettext_lazy("Nothing is held. High-risk grants and first refusals of trusted developers come here for a second person."),
    "decided": gettext_lazy("Nothing was decided in the last minutes. A decision stands here until it takes effect, and can be undone until then."),
    "developer": gettext_lazy("No developer has to answer anything."),
    "merchant": gettext_lazy("No merchant has to confirm anything."),
    "checks": gettext_lazy("All checks are in order."),
}


@dataclass(frozen=True)
class Row:
    """One case as the queue shows it; chips are safe HTML."""

    id: int
    number: str
    url: str
    app: str
    developer: str
    category: str
    capabilities: str
    marks: list[str]
    state: str
    due: str
    holder: str
    since: str
    may_claim: bool
    acts: list[str]


def queue_view(screen: Any, request: HttpRequest, tab: str = "") -> HttpResponse:
    """``?tab=<tab>``, and a place from which to go on. For everybody who may see applications; only reviewers can claim."""
    if not screen.allows(request, VIEW):
        raise PermissionDenied
    tab = tab or request.GET.get("tab") or "queued"
    if tab not in TABS:
        raise Http404
    now, user = database_now(), person(request)
    may_review, may_release = screen.allows(request, REVIEW), screen.allows(request, RELEASE)
    states = TABS[tab][1]
    after, before = _place(request.GET.get("after", "")), _place(request.GET.get("before", ""))
    found = get_queue_page(states, size=PAGE_SIZE, reviewer=user if tab == "mine" else None, after=after, before=before)
    counts = count_queue(now=now, reviewer=user)
    calendar = get_calendar()
    console = screen.admin_site.name
    here = reverse(f"{console}:applications_queue")
    page = {
        "tab": tab,
        "title": TABS[tab][0],
        "tabs": [_tab(name, here, counts[name], is_open=name == tab) for name in TABS if may_review or name != "mine"],
        "appeals": {"count": counted(counts["appeals"]), "url": reverse(f"{console}:applications_appeal_changelist")},
        "late": counted(counts["late"]) if counts["late"] else "",
        "rows": [_row(case, tab, now, calendar, console, user.pk if may_review else None, may_release=may_release) for case in found.cases],
        "empty": EMPTY_TEXTS[tab],
        "earlier": _link(here, tab, before=place_of(found.cases[0], states)) if found.has_earlier and found.cases else "",
        "later": _link(here, tab, after=place_of(found.cases[-1], states)) if found.has_later and found.cases else "",
        "by_answer": states in ANSWERED_BY,
        "may_review": may_review,
        "next_url": reverse(f"{console}:applications_next"),
        "bulk_url": reverse(f"{console}:applications_bulk") if may_review else "",
        "all_url": reverse(f"{console}:applications_application_changelist"),
    }
    request.current_app = console
    context = {**screen.admin_site.each_context(request), "title": _("Review queue"), "page": page, "decided": screen.just_decided(request, now)}
    return TemplateResponse(request, "applications/review/queue.html", context)


def counted(number: int) -> str:
    """A count that stopped at its cap says so."""
    return f"{MOST_COUNTED}+" if number > MOST_COUNTED else str(number)


def _tab(name: str, here: str, number: int, *, is_open: bool) -> dict[str, Any]:
    return {"title": TABS[name][0], "url": f"{here}?tab={name}", "count": counted(number), "open": is_open}


def _place(text: str) -> Place | None:
    """A place out of the query string; None without one. Raises ``Http404`` for what is none."""
    if not text:
        return None
    day, _sign, number = text.partition("_")
    try:
        at = datetime.fromisoformat(day)
    except ValueError as error:
        raise Http404 from error
    if at.tzinfo is None or not number.isascii() or not number.isdigit() or len(number) > 18:
        raise Http404
    return at, int(number)


def _link(here: str, tab: str, **places: Place) -> str:
    written = {name: f"{day.isoformat()}_{number}" for name, (day, number) in places.items()}
    return f"{here}?{urlencode({'tab': tab, **written})}"


def _row(case: Any, tab: str, now: datetime, calendar: WorkingCalendar, console: str, reviewer: int | None, *, may_release: bool) -> Row:
    held_alive = case.held_until is not None and case.held_until > now
    is_mine = reviewer is not None and case.holder_id == reviewer
    return Row(
        id=case.pk,
        number=case.number,
        url=row_url(console, case),
        app=case.app.name,
        developer=case.developer.name,
        category=str(case.app.category),
        capabilities=listed(name_in_use(asked) for asked in case.asked),
        marks=marks_of(case),
        state=status_chip(case, CASE_TONES, "state"),
        due=answer_chip(case.answer_by, now) if TABS[tab][1] in ANSWERED_BY else due_chip(case.due_at, now, calendar),
        holder=holder_chip(is_mine=is_mine, name=case.holder_name or case.holder_login or "", until=case.held_until, now=now),
        since=moment(case.submitted_at, now),
        may_claim=reviewer is not None and case.state in ("QUEUED", "IN_REVIEW") and (is_mine or not held_alive),
        acts=_held_acts(case, console) if may_release and tab == "held" else [],
    )


def _held_acts(case: Application, console: str) -> list[str]:
    """Links to the dialogs of the second person."""
    acts = ((pgettext("review", "Release"), "release_hold"), (pgettext("review", "Return"), "return_hold"))
    return [dialog_link(title, reverse(f"{console}:applications_application_{act}", args=[case.pk])) for title, act in acts]


def marks_of(case: Application) -> list[str]:
    """What one wants to know before opening a case."""
    marks: list[str] = []
    if getattr(case, "has_news", False) and case.state not in CLOSED_STATES:
        marks.append(chip(_("New message"), BAD, title=_("The developer's word is the last one: nobody has written since.")))
    if getattr(case, "has_missed", False):
        marks.append(chip(_("Missed earlier"), WARN, title=_("Failed in what had passed before, and the developer has not touched it since.")))
    if case.is_first_time:
        marks.append(chip(_("First time"), WARN))
    if case.app.build == AppBuild.CUSTOM:
        marks.append(chip(_("Custom build"), PLAIN, title=case.merchant.name if case.merchant else ""))
    if case.round_count:
        marks.append(chip(_("Round %(n)d") % {"n": case.round_count + 1}, PLAIN))
    return marks
