"""Paid terms and issues on paper: what docs/paid.md says, in plain Python, with a calendar of its own. Nothing here reads the product's code.

Money is whole fen. Days are looked at one by one: no arithmetic is shared with ``members.paid.terms`` or the statements.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
PAY_MINUTES, FULL_DAYS = 30, 7
ONE = timedelta(days=1)


class Refused(Exception):
    """``args[0]`` is the code."""


def months_later(day: date, months: int) -> date:
    year, month = day.year, day.month + months
    while month > 12:
        year, month = year + 1, month - 12
    for number in (day.day, 30, 29, 28):
        if number <= day.day:
            try:
                return date(year, month, number)
            except ValueError:
                continue
    raise AssertionError


@dataclass(frozen=True)
class Gift:
    """A benefit of one pack version."""

    key: str
    version: int
    schedule: str
    every: int = 0
    on: date | None = None
    worth: int = 0
    days: int | None = None
    standing: bool = False


@dataclass
class Plan:
    name: str
    rank: int
    fee: int
    unit: str
    length: int
    stock: int | None
    packs: list[list[Gift]]
    reach: list[list[tuple[Gift, date | None]]] = field(default_factory=list)
    taken: int = 0
    off: dict[tuple[str, int], datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reach = [[(gift, None) for gift in pack] for pack in self.packs]


@dataclass
class Issue:
    gift: Gift
    period: int
    due: date
    expires: date
    status: str = "ISSUED"


@dataclass
class Term:
    order: str
    member: int
    plan: Plan
    version: int
    price: int
    renewal: bool
    ordered: datetime
    pay_until: datetime | None
    status: str = "PENDING"
    opened: datetime | None = None
    anchor: date | None = None
    before: int = 0
    start: date | None = None
    end: date | None = None
    bought_until: date | None = None
    issues: dict[tuple[str, int], Issue] = field(default_factory=dict)
    refund: tuple[str, int] | None = None

    def used(self) -> list[Issue]:
        return [issue for issue in self.issues.values() if issue.status == "USED"]


@dataclass
class Way:
    """What a purchase would do."""

    start: date
    anchor: date
    before: int = 0
    follows: bool = False
    replaces: list[Term] = field(default_factory=list)


class Book:
    def __init__(self, plans: list[Plan]) -> None:
        self.plans = plans
        self.terms: list[Term] = []

    def of(self, member: int) -> list[Term]:
        return [term for term in self.terms if term.member == member]

    # -- purchases -------------------------------------------------------------------------------------------------------------------

    def way(self, member: int, plan: Plan, today: date, renewal: bool) -> Way:
        held = sorted((t for t in self.of(member) if t.status == "ACTIVE" and t.end > today), key=lambda t: t.start)
        if renewal:
            if any(term.plan is not plan for term in held):
                raise Refused("other_plan")
            if held:
                last = held[-1]
                if "DAYS" in (last.plan.unit, plan.unit):
                    return Way(last.end, last.end, follows=True)
                return Way(last.end, last.anchor, last.before + MONTHS[last.plan.unit], follows=True)
            if not any(term.plan is plan and term.status == "ACTIVE" for term in self.of(member)):
                raise Refused("nothing_to_renew")
            return Way(today, today)
        if any(term.plan is plan for term in held):
            raise Refused("held_already")
        if any(term.plan.rank >= plan.rank for term in held):
            raise Refused("lower_plan")
        return Way(today, today, replaces=held)

    def order(self, order: str, member: int, plan: Plan, now: datetime, *, renewal: bool, paid: bool) -> Term:
        waiting = next((term for term in self.of(member) if term.status == "PENDING"), None)
        if waiting and waiting.pay_until > now:
            raise Refused("payment_waiting")
        way = self.way(member, plan, now.date(), renewal)
        free = plan.taken - (1 if waiting and waiting.plan is plan and not waiting.renewal else 0)
        if not way.follows and plan.stock is not None and free >= plan.stock:
            raise Refused("sold_out")
        if waiting:
            self.drop(waiting)
        term = Term(order, member, plan, len(plan.packs), plan.fee, way.follows, now, None if paid else now + timedelta(minutes=PAY_MINUTES))
        plan.taken += not way.follows
        self.terms.append(term)
        if paid:
            self.open(term, way, now)
        return term

    def pay(self, term: Term, now: datetime) -> Term:
        if term.status == "LAPSED":
            raise Refused("order_lapsed")
        if term.status == "PENDING":
            way = self.way(term.member, term.plan, now.date(), term.renewal)
            if term.renewal and not way.follows:
                if term.plan.stock is not None and term.plan.taken >= term.plan.stock:
                    raise Refused("sold_out")
                term.plan.taken += 1
            term.renewal = way.follows
            self.open(term, way, now)
        return term

    def open(self, term: Term, way: Way, now: datetime) -> None:
        for lower in way.replaces:
            self.end(lower, "REPLACED", ("REPLACED", self.share(lower, now.date())), now)
        term.status, term.opened = "ACTIVE", now
        term.start, term.anchor, term.before = way.start, way.anchor, way.before
        plan = term.plan
        term.end = way.start + timedelta(days=plan.length) if plan.unit == "DAYS" else months_later(way.anchor, way.before + MONTHS[plan.unit])
        term.bought_until = term.end
        self.issue(term, now.date())

    def drop(self, term: Term) -> None:
        term.status = "LAPSED"
        term.plan.taken -= not term.renewal

    def lapse(self, now: datetime) -> None:
        for term in self.terms:
            if term.status == "PENDING" and term.pay_until <= now:
                self.drop(term)

    # -- ends ------------------------------------------------------------------------------------------------------------------------

    def share(self, term: Term, today: date) -> int:
        """The pro-rata rule, fen: unused whole months (or days) of the price, less what was used."""
        if term.plan.unit == "DAYS":
            whole = term.plan.length
            unused = sum(today < term.start + timedelta(days=n) for n in range(whole))
        else:
            whole = MONTHS[term.plan.unit]
            unused = sum(months_later(term.anchor, term.before + n) > today for n in range(whole))
        return max(0, term.price * unused // whole - sum(issue.gift.worth for issue in term.used()))

    def cancel(self, term: Term, now: datetime) -> None:
        today = now.date()
        if term.status != "ACTIVE" or term.end <= today:
            raise Refused("not_running")
        if any(other.status == "ACTIVE" and other.start >= term.end for other in self.of(term.member)):
            raise Refused("later_term_first")
        soon = (today - term.opened.date()).days <= FULL_DAYS and not term.used()
        self.end(term, "CANCELLED", ("FULL", term.price) if soon else ("PRO_RATA", self.share(term, today)), now)
        if soon and not term.renewal:
            term.plan.taken -= 1
        for other in self.of(term.member):
            if other.status == "PENDING" and other.plan is term.plan:
                self.drop(other)

    def end(self, term: Term, status: str, refund: tuple[str, int], now: datetime) -> None:
        term.status, term.end = status, max(now.date(), term.start)
        term.refund = refund if refund[1] else None
        for issue in term.issues.values():
            if issue.status == "ISSUED":
                issue.status = "EXPIRED" if issue.expires <= now.date() else "REVOKED"

    # -- issues ----------------------------------------------------------------------------------------------------------------------

    def falls(self, term: Term, gift: Gift, since: date | None, day: date) -> int | None:
        """The period of the benefit that falls on this day of the term, None when none does."""
        if gift.schedule == "AT_ONCE":
            first = term.start if since is None or since < term.start else since
            reached = not term.renewal or gift.standing or (since is not None and since >= term.start)
            return 0 if reached and day == first else None
        if since is not None and day < since:
            return None
        if gift.schedule == "ON_DATE":
            return 0 if day == gift.on else None
        if gift.schedule == "EVERY_N_DAYS":
            gone = (day - term.start).days
            return gone // gift.every if gone % gift.every == 0 else None
        period = (day.year - term.anchor.year) * 12 + day.month - term.anchor.month - term.before
        return period if months_later(term.anchor, term.before + period) == day else None

    def issue(self, term: Term, today: date) -> None:
        if term.status != "ACTIVE":
            return
        for gift, since in term.plan.reach[term.version - 1]:
            off = term.plan.off.get((gift.key, gift.version))
            if off is not None and off <= term.opened:
                continue
            day = term.start
            while day <= today and day < term.end:
                period = self.falls(term, gift, since, day)
                if period is not None and (gift.key, period) not in term.issues:
                    expires = term.end if gift.days is None else today + timedelta(days=gift.days)
                    term.issues[gift.key, period] = Issue(gift, period, day, expires)
                day += ONE

    def run(self, today: date) -> None:
        for term in self.terms:
            self.issue(term, today)
        for term in self.terms:
            for issue in term.issues.values():
                if issue.status == "ISSUED" and issue.expires <= today:
                    issue.status = "EXPIRED"

    def use(self, issue: Issue, today: date) -> None:
        if issue.status != "ISSUED":
            raise Refused("state_conflict")
        if issue.expires <= today:
            raise Refused("issue_expired")
        issue.status = "USED"

    # -- packs -----------------------------------------------------------------------------------------------------------------------

    def approve(self, plan: Plan, pack: list[Gift], today: date) -> None:
        """A new version: its own holders get all of it, older ones what they have no key of yet, from today."""
        for known in plan.reach:
            keys = {gift.key for gift, _since in known}
            known += [(gift, today) for gift in pack if gift.key not in keys]
        plan.packs.append(pack)
        plan.reach.append([(gift, None) for gift in pack])
