"""What needs a developer now, and its figures: applications, grants, standing and notices of the own company."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from applications.admin.developer.notices_page import own_notices
from applications.choices import CLOSED_STATES, LIVE_GRANTS, CaseState, DecisionKind, DecisionStatus, GrantStatus, StandingLevel
from applications.models import Application, Decision, DeveloperStanding, Grant
from applications.selectors.numbers import get_numbers
from backoffice.consoles.figures import rows
from backoffice.kernel.admin.display import BAD, BUSY, WARN, full_time, list_url
from backoffice.kernel.tenancy.access import developers_of
from backoffice.kernel.tenancy.roles import Console

SOON = timedelta(days=2)
EXPIRES_SOON = timedelta(days=30)
_CONSOLE = Console.DEVELOPER.value

Line = tuple[str, int, str, str, datetime | None]
"""Text, count, tone, address, since when: the fields of a ``Need``."""


def list_lines(request: HttpRequest, now: datetime) -> Iterator[Line]:
    """A fixed number of queries. Lines with a count of zero are left out by the caller."""
    yield from _cases(request, now)
    yield from _refusals(request, now)
    yield from _grants(request, now)
    yield from _standing(request)
    new = own_notices(request).filter(read_at=None).order_by().aggregate(n=Count("pk"), since=Min("created_at"))
    text = ngettext("%(n)d new notice", "%(n)d new notices", new["n"]) % {"n": new["n"]}
    yield text, new["n"], BUSY, reverse(f"{_CONSOLE}:applications_notices"), new["since"]


def _cases(request: HttpRequest, now: datetime) -> Iterator[Line]:
    changes, draft = Q(state=CaseState.CHANGES_REQUESTED), Q(state=CaseState.DRAFT)
    told = rows(request, _CONSOLE, Application).aggregate(
        changes=Count("pk", filter=changes),
        answer_by=Min("answer_by", filter=changes),
        drafts=Count("pk", filter=draft),
        since=Min("created_at", filter=draft),
    )
    text = ngettext(
        "%(n)d application waits for your changes, until %(time)s", "%(n)d applications wait for your changes, the first until %(time)s", told["changes"]
    ) % {"n": told["changes"], "time": full_time(told["answer_by"]) if told["answer_by"] else ""}
    urgent = told["answer_by"] is not None and told["answer_by"] - now < SOON
    mine = list_url(_CONSOLE, Application, "turn=mine")
    yield text, told["changes"], BAD if urgent else WARN, mine, None
    text = ngettext("%(n)d draft is not submitted", "%(n)d drafts are not submitted", told["drafts"]) % {"n": told["drafts"]}
    yield text, told["drafts"], BUSY, mine, told["since"]


def _refusals(request: HttpRequest, now: datetime) -> Iterator[Line]:
    """Refusals against which an appeal is possible still."""
    days = timedelta(days=get_numbers().appeal_days)
    lately = Decision.objects.filter(
        case__in=rows(request, _CONSOLE, Application), status=DecisionStatus.EXECUTED, kind__in=[DecisionKind.REFUSED, DecisionKind.PARTIAL],
        executed_at__gte=now - days, appeal=None,
    ).aggregate(n=Count("pk"), since=Max("executed_at"))  # fmt: skip
    text = ngettext("%(n)d decision can still be appealed", "%(n)d decisions can still be appealed", lately["n"]) % {"n": lately["n"]}
    yield text, lately["n"], BUSY, list_url(_CONSOLE, Application, "turn=closed"), lately["since"]


def _grants(request: HttpRequest, now: datetime) -> Iterator[Line]:
    soon = Q(status__in=LIVE_GRANTS, expires_at__lt=now + EXPIRES_SOON)
    told = rows(request, _CONSOLE, Grant).aggregate(
        suspended=Count("pk", filter=Q(status=GrantStatus.SUSPENDED)), soon=Count("pk", filter=soon), first=Min("expires_at", filter=soon)
    )
    text = ngettext("%(n)d grant is suspended", "%(n)d grants are suspended", told["suspended"]) % {"n": told["suspended"]}
    yield text, told["suspended"], WARN, list_url(_CONSOLE, Grant, f"status__exact={GrantStatus.SUSPENDED}"), None
    text = ngettext("%(n)d grant ends on %(time)s: apply again in time", "%(n)d grants end soon, the first on %(time)s: apply again in time", told["soon"]) % {
        "n": told["soon"],
        "time": full_time(told["first"]) if told["first"] else "",
    }
    yield text, told["soon"], WARN, list_url(_CONSOLE, Grant), None


def _standing(request: HttpRequest) -> Iterator[Line]:
    """A standing that stops new submissions."""
    stopped = DeveloperStanding.objects.filter(developer__in=developers_of(request.user), level__in=[StandingLevel.COOL_DOWN, StandingLevel.BARRED])
    for row in stopped:
        text = _("Nothing new can be submitted: %(level)s") % {"level": row.get_level_display()}
        yield text, 1, BAD, reverse(f"{_CONSOLE}:applications_standing"), row.changed_at


def list_figures(request: HttpRequest) -> list[tuple[Any, str, str, str]]:
    """Title, value, note and address of each figure."""
    most = get_numbers().bar_score
    score = DeveloperStanding.objects.filter(developer__in=developers_of(request.user)).aggregate(score=Max("score"))["score"] or 0
    open_cases = rows(request, _CONSOLE, Application).exclude(state__in=CLOSED_STATES).count()
    grants = rows(request, _CONSOLE, Grant).filter(status=GrantStatus.ACTIVE).count()
    return [
        (_("Open applications"), f"{open_cases:,}", "", list_url(_CONSOLE, Application)),
        (_("Grants in force"), f"{grants:,}", "", list_url(_CONSOLE, Grant, f"status__exact={GrantStatus.ACTIVE}")),
        (
            _("Score"),
            _("%(score)d of %(most)d") % {"score": score, "most": most},
            _("Points for applications that broke a rule"),
            reverse(f"{_CONSOLE}:applications_standing"),
        ),
    ]
