"""Short words for tests of reminders about paid membership."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from campaigns.services.paid_settings import set_paid_reminder
from members.models import Member
from members.paid.models import BenefitIssue, BenefitPack, PaidMembership, PaidProgram
from members.paid.terms import add_months
from tests.campaigns.reminders import LONG_AGO, TEN, TODAY
from tests.factories import make_member, make_store, make_user
from tests.members.paid.making import make_membership, make_program


def selling_store(code: str | None = None, *, ending_on: bool = True, benefits_on: bool = True, at: time = time(10, 0), **fields: Any) -> PaidProgram:
    """A live program of a store whose paid reminders are on."""
    store = make_store(code, **fields)
    program = make_program(store, by=make_user())
    BenefitPack.objects.filter(program=program).update(decided_at=LONG_AGO)
    set_paid_reminder(store=store, ending_on=ending_on, benefits_on=benefits_on, send_time=at, by=None, now=LONG_AGO)
    return program


def holder(program: PaidProgram, *, ends_on: date, member: Member | None = None, **given: Any) -> PaidMembership:
    """A member whose paid year ends (not including) on this day. It came by file today, so that no benefit of the days before is owed."""
    member = member or make_member(program.store, joined_at=LONG_AGO)
    starts_on = add_months(ends_on, -12)
    next_issue_on = max(starts_on, TODAY) if ends_on > TODAY else None
    rest = {"ends_on": ends_on, "bought_until": ends_on, "source": "FILE", "next_issue_on": next_issue_on, "opened_at": LONG_AGO}
    return make_membership(program, member, starts_on=starts_on, **rest | given)


def renewing(program: PaidProgram, *, ends_on: date, **given: Any) -> PaidMembership:
    return holder(program, ends_on=ends_on, auto_renew_consent_at=LONG_AGO, **given)


def issue(term: PaidMembership, *, expires_on: date, key: str = "gift", period: int = 0, **given: Any) -> BenefitIssue:
    rest: dict[str, Any] = {"due_on": TODAY - timedelta(days=30), "issued_at": LONG_AGO, "status": "ISSUED"} | given
    benefit = term.pack.benefits.get(key=key)
    return BenefitIssue.objects.create(
        store=term.store, paid_membership=term, member=term.member, benefit=benefit, period=period, expires_on=expires_on, **rest
    )


def at(day: date, hour: int = 10) -> datetime:
    return TEN.replace(year=day.year, month=day.month, day=day.day, hour=hour)
