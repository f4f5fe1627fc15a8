"""The demo's paid membership: loaded for the log-ins, counted for the summary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time

from django.db.models import Count

from backoffice.demo.logins import MERCHANT
from backoffice.kernel import clock
from backoffice.kernel.invariants import INVARIANTS, load_invariants
from backoffice.kernel.tenancy.models import Seat, Store
from backoffice.kernel.tenancy.roles import Role
from campaigns.services.paid_settings import set_paid_reminder
from members.paid.demo import Shops, load_demo
from members.paid.models import BenefitIssue, Complaint, PaidMembership, PaidProgram

SHOPS = Shops(selling="YS01", in_review="NF01", wishing="SG01", sanctioned="QH01")
LATE = time(23, 59)
OWN = ("paid.", "paid_cards.", "renewals.")
"""Beginnings of the names of the invariants that the summary asks; ``check_invariants`` asks all."""


@dataclass(frozen=True)
class Paid:
    """Programs, purchases, issues and complaints by status; ``broken`` names the invariants that do not hold."""

    programs: dict[str, int]
    memberships: dict[str, int]
    issues: dict[str, int]
    complaints: dict[str, int]
    broken: tuple[str, ...] = ()

    @property
    def invariants(self) -> str:
        return f"BROKEN: {', '.join(self.broken)}" if self.broken else "every invariant holds"


def load_paid(now: datetime, say: Callable[[str], None]) -> None:
    """The examples of ``members.paid.demo``, with the selling store's reminders on. Does nothing the second time."""
    seat = Seat.objects.filter(role=Role.MERCHANT_OWNER, revoked_at=None, merchant__code=MERCHANT, user__username="merchant").select_related("user").first()
    made = load_demo(now=now, shops=SHOPS, owner=seat.user if seat else None)
    if not made:
        say("Paid membership: loaded before")
        return
    _remind_at(LATE, now)
    say(f"Paid membership: {', '.join(f'{number:,} {name}' for name, number in made.items())}")


def remind_holders(now: datetime) -> None:
    """Let the day's reminders of paid membership be due from this minute on, once those of credit are decided: these have the higher rank."""
    if Store.objects.filter(code=SHOPS.selling, paid_reminder_setting__send_time=LATE).exists():
        _remind_at(clock.to_local(now).time().replace(second=0, microsecond=0), now)


def _remind_at(send_time: time, now: datetime) -> None:
    set_paid_reminder(store=Store.objects.get(code=SHOPS.selling), ending_on=True, benefits_on=True, send_time=send_time, by=None, now=now)


def take_paid() -> Paid:
    def counted(model: type, field: str = "status") -> dict[str, int]:
        return {row[field]: row["n"] for row in model.objects.values(field).annotate(n=Count("pk")).order_by(field)}  # type: ignore[attr-defined]

    load_invariants()
    broken = tuple(each.code for each in INVARIANTS if each.code.startswith(OWN) and each.find(1))
    return Paid(counted(PaidProgram), counted(PaidMembership), counted(BenefitIssue), counted(Complaint), broken)
