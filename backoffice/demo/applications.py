"""The demo's applications of developers: loaded for the log-ins, counted, and replayed from their events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count

from applications.demo import load_demo
from applications.models import Application
from applications.selectors.replay import list_replay_differences
from backoffice.demo.logins import DEVELOPER, MERCHANT
from backoffice.kernel.tenancy.models import Developer, Merchant, Seat
from backoffice.kernel.tenancy.roles import Role


@dataclass(frozen=True)
class Cases:
    """How many cases stand in which state, and which columns of which cases are not what their events say."""

    states: dict[str, int]
    differing: tuple[str, ...] = ()

    @property
    def replayed(self) -> str:
        return f"{len(self.differing)} DO NOT replay" if self.differing else "every one replays from its events"


def load_applications(now: datetime, say: Callable[[str], None]) -> None:
    """The examples of ``applications.demo``, for the developer, the reviewer and the merchant who log in. Does nothing the second time."""
    seat = Seat.objects.filter(role=Role.PLATFORM_REVIEWER, revoked_at=None, user__username="reviewer").select_related("user").first()
    developer, merchant = Developer.objects.get(code=DEVELOPER[0]), Merchant.objects.get(code=MERCHANT)
    made = load_demo(now=now, developer=developer, reviewer=seat.user if seat else None, merchant=merchant)
    say(f"{sum(made.cases.values())} applications of developers, in every state" if made.cases else "Applications of developers: loaded before")


def take_cases() -> Cases:
    """Counted, and each one replayed under its lock: the worker moves them on meanwhile."""
    differing = []
    for number in Application.objects.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            case = Application.objects.select_for_update().get(pk=number)
            differing += [f"{case.number} {column}" for column in list_replay_differences(case)]
    states = Application.objects.values("state").annotate(n=Count("pk")).order_by("state")
    return Cases({row["state"]: row["n"] for row in states}, tuple(differing))
