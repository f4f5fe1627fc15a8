"""Random histories of paid membership, held against the model after each step: three members, two plans, packs that change, an engine that comes late.

A history lives in one transaction that is rolled back. Rules take plain numbers and turn them into acts that fit the moment.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, ClassVar

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from backoffice.kernel.errors import BusinessError
from backoffice.kernel.invariants import find_breaches
from members.paid.models import Benefit, BenefitIssue, BenefitPack, PaidMembership, PaidProgram
from members.paid.services import cancel as cancelling
from members.paid.services import issue as engine
from members.paid.services import packs, purchases
from tests.factories import make_member, make_store, make_user
from tests.members.paid.making import make_benefit, make_program
from tests.members.paid.selling import noon
from tests.members.paid.term_model import Book, Gift, Plan, Refused, Term

FIRST = date(2027, 1, 29)
PROOF_EVERY = 10
NUMBERS = st.integers(0, 9999)
STEPS = [timedelta(minutes=31), timedelta(days=1), timedelta(days=2), timedelta(days=6), timedelta(days=13), timedelta(days=30), timedelta(days=61)]
CHANCES = {
    "buy": 5, "renew": 5, "pay": 3, "cancel": 3, "replay": 2, "use": 5, "time_passes": 7, "run": 5, "run_twice": 1, "lapse": 1, "change_pack": 2,
    "switch_off": 1,
}  # fmt: skip
EVERY = tuple(name for name, chances in CHANCES.items() for _ in range(chances))
LOW = [
    Gift("gift", 1, "AT_ONCE", worth=700),
    Gift("rebate", 1, "AT_ONCE", standing=True),
    Gift("coupon", 1, "MONTHLY", worth=1000, days=20),
    Gift("week", 1, "EVERY_N_DAYS", every=9),
    Gift("day", 1, "ON_DATE", on=FIRST + timedelta(days=40)),
]
HIGH = [Gift("gift", 1, "AT_ONCE", worth=5000), Gift("coupon", 1, "MONTHLY", worth=300)]
ADDED = [
    ("tea", {"schedule": "AT_ONCE", "worth": 50}),
    ("first", {"schedule": "AT_ONCE", "standing": True}),
    ("cake", {"schedule": "MONTHLY", "days": 3}),
    ("walk", {"schedule": "EVERY_N_DAYS", "every": 4}),
    ("feast", {"schedule": "ON_DATE", "on": FIRST + timedelta(days=150)}),
]


class Different(AssertionError):
    """The product and the model say different things, or an invariant does not hold. ``law`` says which."""

    def __init__(self, law: str, said: str) -> None:
        super().__init__(f"{law}: {said}")
        self.law = law


class Undo(Exception):
    """Ends the transaction of one history."""


def described(gift: Gift) -> dict[str, Any]:
    expiry = {"expiry": "DAYS", "expiry_days": gift.days} if gift.days else {}
    rest = {"every_days": gift.every or None, "on_date": gift.on, "value_amount": Decimal(gift.worth) / 100}
    return {"schedule": gift.schedule, "kind": "STORE_DISCOUNT" if gift.standing else "MONTHLY_GIFT", "title": f"{gift.key} v{gift.version}", **rest, **expiry}


def act_rule(name: str) -> Any:
    def run(self: Terms, a: int, b: int) -> None:
        self.step(name, a, b)

    run.__name__ = name
    return rule(a=NUMBERS, b=NUMBERS)(run)


class Terms(RuleBasedStateMachine):
    """``reached`` counts over all histories what happened, so that a test can tell that it was no empty one."""

    reached: ClassVar[Counter[str]] = Counter()

    @initialize()
    def begin(self) -> None:
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        store, self.reviewer = make_store(), make_user()
        self.members = [make_member(store) for _ in range(3)]
        units = [("low", 1, 9900, "MONTH", 0, 4, LOW), ("high", 2, 100001, "DAYS", 45, None, HIGH), ("top", 3, 70000, "QUARTER", 0, None, HIGH)]
        plans, self.programs = [], []
        for name, rank, fee, unit, length, stock, gifts in units:
            plans.append(Plan(name, rank, fee, unit, length, stock, [list(gifts)]))
            benefits = {gift.key: described(gift) for gift in gifts}
            days = {"days": length} if length else {}
            given = {"name": name, "rank": rank, "fee": Decimal(fee) / 100, "unit": unit, "stock_limit": stock, **days}
            self.programs.append(make_program(store, benefits=benefits, by=self.reviewer, **given))
        BenefitPack.objects.update(decided_at=noon(FIRST))
        self.book = Book(plans)
        self.now = noon(FIRST)
        self.serial = self.steps = 0
        self.reached["histories"] += 1

    def teardown(self) -> None:
        if hasattr(self, "atomic"):
            self.atomic.__exit__(Undo, Undo(), None)

    # -- one step --------------------------------------------------------------------------------------------------------------------

    def step(self, name: str, a: int, b: int) -> None:
        getattr(self, f"do_{name}")(a, b)
        self.reached["steps"] += 1
        self.steps += 1
        self.compare(name)
        if self.steps % PROOF_EVERY == 0:
            self.prove(name)

    def both(self, name: str, paper: Any, real: Any) -> None:
        """Do it on paper and for real: both do it, or both refuse with the same code."""
        told: list[str] = []
        for act in (paper, real):
            try:
                with transaction.atomic():
                    act()
                told.append("ok")
            except (Refused, BusinessError) as no:
                told.append(no.args[0] if isinstance(no, Refused) else no.code)
        if told[0] != told[1]:
            raise Different("answer", f"{name} on {self.now}: model {told[0]}, product {told[1]}")
        self.reached[f"{name} {told[0]}"] += 1

    def row(self, term: Term) -> PaidMembership:
        return PaidMembership.objects.get(order_no=term.order)

    # -- acts ------------------------------------------------------------------------------------------------------------------------

    def order(self, a: int, b: int, *, renewal: bool) -> None:
        member, plan = a % 3, (0, 0, 0, 1, 2)[b % 5]
        paid, self.serial = b % 4 != 0, self.serial + 1
        number = f"O{self.serial}"
        act = purchases.renew if renewal else purchases.buy
        given = {"order_no": number, "source": "API", "by": None, "now": self.now, "paid_at": self.now if paid else None}
        program = PaidProgram.objects.get(pk=self.programs[plan].pk)
        self.both(
            "renew" if renewal else "buy",
            lambda: self.book.order(number, member, self.book.plans[plan], self.now, renewal=renewal, paid=paid),
            lambda: act(store=program.store, member=self.members[member], program=program, **given),
        )
        if self.book.terms and self.book.terms[-1].order == number:
            term = self.book.terms[-1]
            self.reached["follows on"] += term.renewal
            self.reached["opened again"] += renewal and not term.renewal and paid
            self.reached["replaced"] += any(t.status == "REPLACED" for t in self.book.of(member))

    def do_buy(self, a: int, b: int) -> None:
        self.order(a, b, renewal=False)

    def do_renew(self, a: int, b: int) -> None:
        self.order(a, b, renewal=True)

    def choose(self, a: int, *statuses: str) -> Term | None:
        """One of the terms in these states; sometimes any other."""
        terms = [term for term in self.book.terms if term.status in statuses] if a % 5 else self.book.terms
        return terms[a % len(terms)] if terms else None

    def do_pay(self, a: int, _b: int) -> None:
        term = self.choose(a, "PENDING")
        if term is not None:
            row, was = self.row(term), term.renewal
            self.both("pay", lambda: self.book.pay(term, self.now), lambda: purchases.confirm_payment(membership=row, paid_at=self.now, by=None, now=self.now))
            self.reached["renewal became an opening"] += was and not term.renewal

    def do_cancel(self, a: int, _b: int) -> None:
        term = self.choose(a, "ACTIVE")
        if term is not None:
            row = self.row(term)
            self.both("cancel", lambda: self.book.cancel(term, self.now), lambda: cancelling.cancel(membership=row, reason="x", by=None, now=self.now))
            self.reached[f"refund {term.refund[0] if term.refund else None}"] += 1

    def do_replay(self, a: int, b: int) -> None:
        """An order told again: it changes nothing, but opens one that waits."""
        if not self.book.terms:
            return
        term = self.book.terms[a % len(self.book.terms)]
        program = self.programs[self.book.plans.index(term.plan)]
        act = purchases.renew if b % 2 else purchases.buy
        given = {"order_no": term.order, "source": "API", "by": None, "now": self.now, "paid_at": self.now, "price": Decimal(term.price) / 100}
        self.both("replay", lambda: self.book.pay(term, self.now), lambda: act(store=program.store, member=self.members[term.member], program=program, **given))

    def do_use(self, a: int, b: int) -> None:
        issues = [(term, issue) for term in self.book.terms for issue in term.issues.values() if b % 5 == 0 or issue.status == "ISSUED"]
        if issues:
            term, issue = issues[a % len(issues)]
            row = BenefitIssue.objects.get(paid_membership__order_no=term.order, benefit__key=issue.gift.key, period=issue.period)
            self.serial += 1
            given = {"issue": row, "reference": f"R{self.serial}", "by": None, "now": self.now}
            self.both("use", lambda: self.book.use(issue, self.now.date()), lambda: engine.use_issue(**given))

    def do_time_passes(self, a: int, _b: int) -> None:
        self.now = self.later(STEPS[a % len(STEPS)])

    def later(self, step: timedelta) -> datetime:
        return self.now + step

    def do_run(self, _a: int, _b: int) -> None:
        self.book.run(self.now.date())
        engine.run_issues(now=self.now)

    def do_run_twice(self, a: int, b: int) -> None:
        self.do_run(a, b)
        if engine.issue_due(now=self.now) != engine.IssueReport():
            raise Different("twice", "a second run found something to do")

    def do_lapse(self, _a: int, _b: int) -> None:
        self.book.lapse(self.now)
        purchases.lapse_unpaid(now=self.now)

    def do_change_pack(self, a: int, b: int) -> None:
        """A new version is approved: one benefit is worth something else, one goes or stays, one may be new."""
        number = (0, 0, 1, 2)[a % 4]
        plan, program = self.book.plans[number], self.programs[number]
        version = len(plan.packs) + 1
        if version > 5:
            return
        old = plan.packs[-1]
        kept = old[1:] if b % 7 == 0 else old
        fresh = [Gift(gift.key, version, gift.schedule, gift.every, gift.on, gift.worth + 100, gift.days, gift.standing) for gift in kept]
        key, rest = ADDED[b % len(ADDED)]
        if all(gift.key != key for gift in fresh):
            fresh.append(Gift(key, version, **rest))
            self.reached["addition"] += 1
        self.book.approve(plan, fresh, self.now.date())
        before = program.pack if program.pack.version == version - 1 else BenefitPack.objects.get(program=program, version=version - 1)
        given = {"card_fee": before.card_fee, "term_unit": before.term_unit, "term_days": before.term_days, "created_at": self.now}
        pack = BenefitPack.objects.create(program=program, version=version, **given)
        for gift in fresh:
            make_benefit(pack, gift.key, **described(gift))
        BenefitPack.objects.filter(pk=pack.pk).update(status="APPROVED", submitted_at=self.now, decided_at=self.now, decided_by=self.reviewer)
        pack.refresh_from_db()
        packs._write_reach(pack, now=self.now)
        packs._bring_issues_forward(pack, now=self.now)
        PaidProgram.objects.filter(pk=program.pk).update(pack=pack)

    def do_switch_off(self, a: int, b: int) -> None:
        """Some version's benefit is shown and sold no more; who bought before keeps it."""
        number = a % 3
        plan, version = self.book.plans[number], 1 + b % len(self.book.plans[number].packs)
        gift = plan.packs[version - 1][b % len(plan.packs[version - 1])]
        if (gift.key, version) not in plan.off and len(plan.off) < 3:
            plan.off[gift.key, version] = self.now
            Benefit.objects.filter(pack__program=self.programs[number], pack__version=version, key=gift.key).update(disabled_at=self.now)

    # -- comparing -------------------------------------------------------------------------------------------------------------------

    def compare(self, name: str) -> None:
        orders = [term.order for term in self.book.terms]
        rows = PaidMembership.objects.filter(order_no__in=orders).select_related("refund", "pack")
        told = {}
        for row in rows:
            refund = (row.refund.cause, int(row.refund.amount * 100)) if hasattr(row, "refund") else None
            dates = (row.anchor_on, row.months_before if row.starts_on else 0, row.starts_on, row.ends_on, row.bought_until)
            told[row.order_no] = (row.status, row.is_renewal, row.pack.version, int(row.price * 100), dates, refund)
        paper = {
            term.order: (term.status, term.renewal, term.version, term.price, (term.anchor, term.before, term.start, term.end, term.bought_until), term.refund)
            for term in self.book.terms
        }
        same("terms", name, self.now, paper, told)
        found = BenefitIssue.objects.filter(paid_membership__order_no__in=orders).values_list(
            "paid_membership__order_no", "benefit__key", "period", "benefit__pack__version", "due_on", "expires_on", "status"
        )
        expected = sorted(
            (term.order, issue.gift.key, issue.period, issue.gift.version, issue.due, issue.expires, issue.status)
            for term in self.book.terms
            for issue in term.issues.values()
        )
        same("issues", name, self.now, expected, sorted(found))
        places = {program.name: program.sold_count for program in PaidProgram.objects.filter(pk__in=[program.pk for program in self.programs])}
        same("places", name, self.now, {plan.name: plan.taken for plan in self.book.plans}, places)

    def prove(self, name: str) -> None:
        breaches = [breach for breach in find_breaches() if breach.invariant.startswith("paid.")]
        if breaches:
            raise Different("check_invariants", f"after {name} on {self.now}: {breaches[:3]}")


def same(law: str, name: str, now: datetime, paper: Any, told: Any) -> None:
    if paper == told:
        return
    if isinstance(paper, dict):
        lines = [f"{key}: model {paper.get(key)}, product {told.get(key)}" for key in {*paper, *told} if paper.get(key) != told.get(key)]
    else:
        lines = [f"only in the model {sorted(set(paper) - set(told))}", f"only in the product {sorted(set(told) - set(paper))}"]
    raise Different(law, f"after {name} on {now}: " + "; ".join(lines))


for _name in CHANCES:
    setattr(Terms, _name, act_rule(_name))


def random_history(seed: int, steps: int, acts: tuple[str, ...] = EVERY) -> None:
    """One history from a seed, without Hypothesis: cheaper, and the same each time."""
    chance, machine = Random(seed), Terms()
    machine.begin()
    try:
        for _ in range(steps):
            machine.step(chance.choice(acts), chance.randrange(10_000), chance.randrange(10_000))
        machine.prove("the last act")
    finally:
        machine.teardown()
