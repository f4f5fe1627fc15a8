"""The own standing: the score, what it is made of and until when, and what happens at which score."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from applications.admin.developer.base import own_developers
from applications.admin.parts import STANDING_TONES, STRIKE_TONES
from applications.choices import StandingLevel, StrikeKind, StrikeStatus
from applications.selectors.applicant import SeenStanding, SeenStrike, get_standing
from backoffice.kernel.admin.display import chip, full_time
from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.models import Developer


@dataclass(frozen=True)
class Step:
    """One score at which something happens. ``is_reached``: it is there already."""

    score: int
    title: str
    what: str
    is_reached: bool


def standing_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """One card for each company of the user; nearly always one."""
    if not screen.has_view_permission(request):
        raise PermissionDenied
    now = database_now()
    cards = [_card(developer, get_standing(developer, now=now)) for developer in own_developers(request)]
    return screen.render_page(request, "standing", _("Standing"), {"cards": cards})  # type: ignore[no-any-return]


def _card(developer: Developer, seen: SeenStanding) -> dict[str, Any]:
    most = max(seen.bar_score, 1)
    return {
        "name": developer.name,
        "chip": chip(StandingLevel(seen.level).label, STANDING_TONES.get(seen.level, "")),
        "seen": seen,
        "score": _("%(score)d of %(most)d") % {"score": seen.score, "most": seen.bar_score},
        "provisional": _provisional(seen),
        "meter": {"value": min(seen.score, most), "most": most},
        "steps": _steps(seen),
        "sentence": _sentence(seen),
        "stops": _("%(n)d of %(most)d") % {"n": seen.stops, "most": seen.stops_for_a_strike},
        "strikes": [_strike(strike) for strike in seen.strikes],
    }


def _provisional(seen: SeenStanding) -> list[str]:
    if not seen.provisional:
        return [_("Nothing is provisional.")]
    text = ngettext(
        "%(n)d point is provisional: it counts when the time to appeal is over.",
        "%(n)d points are provisional: they count when the time to appeal is over.",
        seen.provisional,
    )
    after = {"score": seen.score + seen.provisional, "most": seen.bar_score}
    return [text % {"n": seen.provisional}, _("The score would then be %(score)d of %(most)d.") % after]


def _steps(seen: SeenStanding) -> list[Step]:
    told = [
        (seen.warn_score, StandingLevel.WARNED, _("A warning. Nothing else changes.")),
        (seen.cool_down_score, StandingLevel.COOL_DOWN, _("A pause in which nothing new can be submitted.")),
        (seen.bar_score, StandingLevel.BARRED, _("The platform may take the right to apply; two people decide that. Grants stay.")),
    ]
    return [Step(score, str(level.label), what, seen.score >= score) for score, level, what in told]


def _sentence(seen: SeenStanding) -> str:
    if seen.is_barred:
        return _(
            "Your company can submit nothing new. Grants that you have stay, applications in review are finished, and appeals remain possible in their time."
        )
    if seen.cool_down_until is not None:
        return _("Nothing new can be submitted until %(time)s.") % {"time": full_time(seen.cool_down_until)}
    return _("You can submit applications.")


def _strike(strike: SeenStrike) -> dict[str, Any]:
    status: SafeString = chip(StrikeStatus(strike.status).label, STRIKE_TONES.get(strike.status, ""))
    return {
        "kind": StrikeKind(strike.kind).label,
        "points": strike.points,
        "chip": status,
        "at": full_time(strike.struck_at),
        "until": _until(strike.status, strike.until),
        "case": strike.case,
    }


def _until(status: str, until: datetime) -> str:
    if status == StrikeStatus.PROVISIONAL:
        return _("provisional until %(time)s") % {"time": full_time(until)}
    return _("until %(time)s") % {"time": full_time(until)} if status == StrikeStatus.COUNTING else "—"
