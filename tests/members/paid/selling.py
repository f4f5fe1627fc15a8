"""Short ways to buy, issue and look, for tests of terms and issues."""

from __future__ import annotations

from datetime import date, datetime, time
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from members.models import Member
from members.paid.models import BenefitIssue, PaidMembership, PaidProgram
from members.paid.services import cancel as cancelling
from members.paid.services import issue as engine
from members.paid.services import purchases
from tests.factories import make_member, make_store, make_user
from tests.members.paid.making import make_program

_orders = count(1)


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=ZoneInfo("Asia/Shanghai"))


def live_program(benefits: dict[str, dict[str, Any]] | None = None, *, store: Any = None, **given: Any) -> PaidProgram:
    return make_program(store or make_store(), benefits=benefits, by=make_user(), **given)


def buy(
    program: PaidProgram, member: Member | None, day: date, *, paid: bool = True, order_no: str = "", renewal: bool = False, **given: Any
) -> PaidMembership:
    """Bought on ``day`` at noon, and paid at once unless told otherwise."""
    act = purchases.renew if renewal else purchases.buy
    now = noon(day)
    rest = {"store": program.store, "paid_at": now if paid else None, "order_no": order_no or f"O{next(_orders)}", "source": "API", "by": None, "now": now}
    return act(member=member, program=program, **rest | given)


def renew(program: PaidProgram, member: Member, day: date, **given: Any) -> PaidMembership:
    return buy(program, member, day, renewal=True, **given)


def cancel(membership: PaidMembership, day: date) -> Any:
    return cancelling.cancel(membership=membership, reason="Moved away", by=None, now=noon(day))


def run(day: date) -> engine.IssueReport:
    return engine.issue_due(now=noon(day))


def issues(membership: PaidMembership | None = None) -> list[tuple[str, int, date, str]]:
    """(key of the benefit, period, due day, status), in order."""
    rows = BenefitIssue.objects.all() if membership is None else BenefitIssue.objects.filter(paid_membership=membership)
    return sorted(rows.values_list("benefit__key", "period", "due_on", "status"), key=lambda row: (row[2], row[0], row[1]))


def use(membership: PaidMembership, key: str, day: date, *, period: int = 0) -> BenefitIssue:
    issue = BenefitIssue.objects.get(paid_membership=membership, benefit__key=key, period=period)
    return engine.use_issue(issue=issue, reference="R1", by=None, now=noon(day))


__all__ = ["buy", "cancel", "issues", "live_program", "make_member", "noon", "renew", "run", "use"]
