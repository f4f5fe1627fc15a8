"""Random histories of the ledger: every act of ``docs/ledger.md`` on three accounts of two stores, held against the model after each step.

``Histories`` lives in one transaction that is rolled back; what is cut there raises in the middle of a service. ``Storms`` commits: callers race each
other on connections of their own, and connections really die. Rules take plain numbers and turn them into acts that fit the moment, so that
most acts do something.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, ClassVar

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from backoffice.kernel.locks import in_transaction
from members.choices import DeductionOrder, LapsePolicy, RefundAfterLapse, TopUpRefundPolicy
from members.services.purchases import count_purchases
from tests.factories import NOON
from tests.members.credit_faults import AFTER, BEFORE, COMMIT, CUT_ERRORS, KILLED, Cut, Hands, explain
from tests.members.credit_model import Lot
from tests.members.credit_world import ACCOUNTS, MICROSECOND, PEOPLE, Act, Ground, World, end_of_day, holds, outcome, same, us

NUMBERS = st.integers(0, 9999)
ONCE, AGAIN, LATE = "once", "again", "late"
SHARED = "of two"  # an order that two members' credit paid
KEYLESS = ("settle_payout", "decide_adjustment")
TABLES = (
    "members_creditpayout, members_creditadjustment, members_credithold, members_creditentry, members_creditlot, members_creditaccount, "
    "members_creditpolicy, members_paymentrefund, members_payment, members_orderline"
)
RACED = ("top_up", "spend", "hold", "capture", "release", "refund", "sweep", "refund_top_up", "adjust", "pay", "spend", "refund")


# Statements of an act, roughly: where a cut can come. One more place in Storms: around the commit.
STATEMENTS = {
    "top_up": 6, "spend": 1, "hold": 1, "capture": 10, "release": 8, "refund": 10, "sweep": 4, "refund_top_up": 12, "adjust": 10,
    "decide_adjustment": 10, "settle_payout": 3, "pay": 14, "refund_payment": 20,
}  # fmt: skip
# How often each comes.
CHANCES = {
    "top_up": 3, "spend": 5, "hold": 4, "capture": 4, "release": 1, "refund": 5, "sweep": 2, "refund_top_up": 1, "adjust": 2, "decide_adjustment": 2,
    "settle_payout": 2, "pay": 2, "refund_payment": 3, "replay": 2, "other_body": 2, "time_passes": 2, "time_of_a_lapse": 3, "policy_changes": 2,
    "tamper": 1,
}  # fmt: skip
EVERY = tuple(name for name, chances in CHANCES.items() for _ in range(chances))
STEPS = [MICROSECOND, timedelta(minutes=1), timedelta(hours=11), timedelta(days=1), timedelta(days=8), -MICROSECOND, -timedelta(hours=3)]
POLICIES: list[tuple[str, list[Any]]] = [
    ("deduction_order", DeductionOrder.values),
    ("on_lapse", LapsePolicy.values),
    ("refund_after_lapse", RefundAfterLapse.values),
    ("top_up_refund", TopUpRefundPolicy.values),
]
MANNERS = st.tuples(st.sampled_from([ONCE, ONCE, ONCE, AGAIN, LATE, BEFORE, AFTER, KILLED]), st.integers(0, 59))


def race_rule() -> Any:
    def race(self: Storms, account: str, plan: list[tuple[str, int, int, int]], cut: tuple[str, int]) -> None:
        self.run_race(account, plan, cut)

    acts = st.tuples(st.sampled_from(RACED), NUMBERS, NUMBERS, NUMBERS)
    return rule(account=st.sampled_from(list(ACCOUNTS)), plan=st.lists(acts, min_size=2, max_size=10), cut=MANNERS)(race)


class Undo(Exception):
    """Ends the transaction of one history."""


def act_rule(name: str) -> Any:
    """A rule that makes the act of this name from three numbers and performs it."""

    def run(self: Ledger, a: int, b: int, c: int, manner: tuple[str, int]) -> None:
        self.perform(self.make(name, a, b, c), manner)

    run.__name__ = name
    return rule(a=NUMBERS, b=NUMBERS, c=NUMBERS, manner=MANNERS)(run)


class Ledger(RuleBasedStateMachine):
    """What both kinds share. ``reached`` counts over all histories what happened, so that a test can tell that it was no empty one.

    A step is one request to the services, or one turn of the clock or of a policy, with everything compared afterwards.
    """

    reached: ClassVar[Counter[str]] = Counter()
    proof_every: ClassVar[int] = 1
    shared_orders: ClassVar[bool] = False
    ground: ClassVar[Ground]

    def begin(self) -> None:
        self.world = World(self.ground)
        self.acts: list[Act] = []
        self.serial = 0
        self.sound = False
        self.steps = 0
        self.reached["histories"] += 1

    # -- acts that fit the moment ------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.world.now

    def act(self, name: str, account: str, **args: Any) -> Act:
        self.serial += 1
        return Act(name, account, f"k{self.serial}", self.now, args)

    def make(self, name: str, a: int, b: int, c: int) -> Act | None:
        """The act ``name`` that the three numbers choose; None when there is nothing that it could be done to."""
        account = list(ACCOUNTS)[a % 3]
        return getattr(self, f"make_{name}")(account, a // 3, b, c)

    def make_top_up(self, account: str, a: int, b: int, c: int) -> Act:
        p, bonus = b % 3001, c % 1201
        until = [None, self.now + timedelta(days=1 + a % 3), end_of_day(self.now, a % 3), self.now + MICROSECOND][a % 4]
        opened = self.now - timedelta(hours=a % 2)
        return self.act("top_up", account, source_no=f"T{self.serial}", p=p, b=bonus if p + bonus else 1, opened_at=opened, expires_at=until)

    def amount(self, account: str, b: int) -> int:
        """Of ten: one is everything, one a fen too much, the others part of what there is."""
        available = self.world.books.available(self.world.books.accounts[account], self.now)
        return max(1, {0: available, 1: available + 1}.get(b % 10, 1 + b % max(1, available)))

    @staticmethod
    def lines(amount: int, c: int) -> list[tuple[int, int]]:
        """No lines, or up to three that sum to the amount; one of them may use nothing."""
        first = amount * (c % 7) // 7
        return [[], [(1, amount)], [(1, first), (2, amount - first)], [(1, first // 2), (2, first - first // 2), (5, amount - first)]][c % 4]

    def take(self, name: str, account: str, a: int, b: int, c: int, order_no: str) -> Act:
        amount = self.amount(account, b)
        order = [None, None, *DeductionOrder.values][a % 5]
        return self.act(name, account, amount=amount, order_no=order_no, lines=self.lines(amount, c), order=order)

    def make_spend(self, account: str, a: int, b: int, c: int) -> Act:
        shared = self.shared_orders and account != "b1" and c % 3 == 0
        return self.take("spend", account, a, b, c, SHARED if shared else f"{account}-O{c % 3}")

    def make_hold(self, account: str, a: int, b: int, c: int) -> Act:
        return self.take("hold", account, a, b, c, f"{account}-H{self.serial}")

    def choose(self, table: str, account: str, a: int, wanted: Callable[[Any], bool] = lambda each: True) -> Any:
        """One of the account's holds, payouts ... that are still to be settled; sometimes one that is settled."""
        rows = getattr(self.world.books.accounts[account], table)
        numbers = [number for number, row in enumerate(rows) if wanted(row)] if a % 4 else list(range(len(rows)))
        return numbers[a % len(numbers)] if numbers else None

    def make_capture(self, account: str, a: int, b: int, c: int) -> Act | None:
        number = self.choose("holds", account, a, lambda hold: hold.status == "HELD")
        if number is None:
            return None
        most = self.world.books.accounts[account].holds[number].amount
        amount = [None, most, 1 + b % most, 1 + b % most, most + c % 2][b % 5]
        return self.act("capture", account, number=number, amount=amount, lines=self.lines(amount or most, c) if c % 3 else [])

    def make_release(self, account: str, a: int, b: int, c: int) -> Act | None:
        number = self.choose("holds", account, a, lambda hold: hold.status == "HELD")
        return None if number is None else self.act("release", account, number=number)

    def make_refund(self, account: str, a: int, b: int, c: int) -> Act | None:
        store = ACCOUNTS[account]
        orders = [order for place, order in self.world.books.orders if place == store and order.startswith((account, SHARED))]
        if not orders:
            return None
        order_no = SHARED if SHARED in orders and c % 3 == 0 else orders[a % len(orders)]
        pieces = self.world.books.orders[store, order_no]
        named = list(dict.fromkeys(piece.line for piece in pieces))
        if b % 4 == 0:
            return self.act("refund", account, order_no=order_no, lines=None)
        lines: list[tuple[int | None, int | None]] = []
        for line in named[: 1 + c % len(named)]:
            left = sum(piece.amount - piece.back for piece in pieces if piece.line == line)
            credit = {0: None, 1: left, 2: left + (b % 9 == 0)}.get(b % 5, 1 + c % max(1, left))
            lines.append((line, credit))
        lines.sort(key=lambda each: -1 if each[0] is None else each[0])
        return self.act("refund", account, order_no=order_no, lines=lines)

    def make_sweep(self, account: str, a: int, b: int, c: int) -> Act:
        return self.act("sweep", account, max_accounts=[1, 2, 1000][a % 3])

    def make_refund_top_up(self, account: str, a: int, b: int, c: int) -> Act | None:
        number = self.choose("lots", account, a + b, lambda lot: lot.refunded if c % 4 == 0 else lot.source_no and lot.p)
        return None if number is None else self.act("refund_top_up", account, lot=number)

    def make_adjust(self, account: str, a: int, b: int, c: int) -> Act | None:
        limit = self.world.books.policies[ACCOUNTS[account]].adjustment_limit
        lots = self.world.books.accounts[account].lots
        until = [None, self.now + timedelta(days=1), None][b % 3]
        args: dict[str, Any] = {"lot": None, "expires_at": None, "by": PEOPLE[a % 2]}
        large = a % 3 == 0
        if b % 2:
            part = limit * (1 + c % 3) // 4 if c % 2 else 0  # of which few are within a day's limit
            p, bonus = (limit, 1 + c % 100) if large else (part or 1 + b % 500, c % 500)
            return self.act("adjust", account, **args | {"p": p, "b": bonus, "expires_at": until})
        if not lots:
            return None
        lot = lots[c % len(lots)] if a % 3 == 0 else None
        most = lot.p if lot else sum(each.p for each in self.world.books.spendable(self.world.books.accounts[account], self.now))
        p = -(1 + b % max(1, most)) if most else 0
        bonus = -(c % 300) if a % 2 or p == 0 else 0
        return self.act("adjust", account, **args | {"p": p, "b": bonus if p + bonus else -1, "lot": lot and lot.number})

    def make_decide_adjustment(self, account: str, a: int, b: int, c: int) -> Act | None:
        number = self.choose("adjustments", account, a, lambda row: row.status == "REQUESTED")
        if number is None:
            return None
        decision = ["APPLIED", "APPLIED", "APPLIED", "REFUSED", "WITHDRAWN"][b % 5]
        return self.act("decide_adjustment", account, number=number, decision=decision, by=PEOPLE[c % 2])

    def make_settle_payout(self, account: str, a: int, b: int, c: int) -> Act | None:
        number = self.choose("payouts", account, a, lambda row: row.status != "PAID")
        return None if number is None else self.act("settle_payout", account, number=number, target=["PAID", "RETURN_FAILED", "WAITING"][b % 3])

    def make_pay(self, account: str, a: int, b: int, c: int) -> Act:
        """With the credit of a hold, of a spend that was made before, or of its own."""
        held = self.choose("holds", account, a, lambda hold: hold.status == "HELD") if a % 2 else None
        hold = None if held is None else self.world.books.accounts[account].holds[held]
        spends = [(key, order, pieces) for (name, key), (order, pieces) in self.world.books.spends.items() if name == account and order != SHARED]
        if a % 4 == 0 and spends:
            spend_key, order_no, pieces = spends[b % len(spends)]
            credit = sum(piece.amount for piece in pieces) + (b % 13 == 0)
            shares = [(line, sum(piece.amount for piece in pieces if piece.line == line)) for line in dict.fromkeys(piece.line for piece in pieces)]
            if None in dict(shares) or b % 7 == 0:
                shares = self.lines(credit, c)
        else:
            spend_key, order_no = None, hold.order_no if hold else f"{account}-P{self.serial}"
            credit = hold.amount if hold and b % 2 else 1 + b % hold.amount if hold else self.amount(account, b)
            shares = self.lines(credit, c)
        lines = [(line, share + (b * 7 + line) % 500, share) for line, share in shares or [(1, credit)]]
        if a % 5 == 0:
            lines.append((9, 300, 0))
        return self.act("pay", account, order_no=order_no, lines=lines, number=None if spend_key else held, spend_key=spend_key, paid_at=self.now)

    def make_refund_payment(self, account: str, a: int, b: int, c: int) -> Act | None:
        paid = [(place, payment) for place, payment in self.world.books.payments.items() if place[1].startswith(account)]
        if not paid:
            return None
        (_, order_no), payment = paid[a % len(paid)]
        lines: list[tuple[int, int | None]] | None = None
        if b % 4:
            lines = []
            for line, (total, _credit, refunded, _back) in payment.lines.items():
                left = total - refunded
                if left and (line + c) % 3:
                    lines.append((line, {0: None, 1: left}.get(b % 5, 1 + (b + c) % left)))
        if lines == []:
            lines = None
        paid_at = payment.body[-1]
        return self.act("refund_payment", account, order_no=order_no, lines=lines, refunded_at=max(self.now, paid_at))

    # -- doing them --------------------------------------------------------------------------------------------------------------

    def perform(self, act: Act | None, manner: tuple[str, int]) -> None:
        """Once; or twice with the same key; or cut in the middle and sent again, as a caller does that got no answer."""
        if act is None:
            return
        self.count()
        how, at = manner
        self.extended = self.lots_that_were(lambda lot: lot.extended)
        self.written = len(self.world.books.entries)
        if how in (BEFORE, AFTER, KILLED):
            self.cut(act, how, at)
        else:
            told = self.really(lambda: outcome(lambda: self.world.for_real(act, self.now)))
            expected = outcome(lambda: self.world.on_paper(act, self.now))
            self.judge(act, told, expected)
            self.remember(act, told)
            if how != ONCE and act.name == "sweep":  # once more finds nothing
                self.count()
                told = self.really(lambda: outcome(lambda: self.world.for_real(act, self.now)))
                self.judge(act, told, outcome(lambda: self.world.on_paper(act, self.now)))
            elif how != ONCE and act.name not in KEYLESS:
                self.send_again(act, timedelta(hours=1) if how == LATE else timedelta(0))

    def cut(self, act: Act, side: str, at: int) -> None:
        before = len(self.world.entries)
        cut = self.make_cut(act, at, side)

        def attempt() -> tuple[str, Any]:
            with cut.active():
                try:
                    return outcome(lambda: self.world.for_real(act, self.now))
                except CUT_ERRORS as error:
                    if not cut.happened:
                        raise
                    return "unknown", error

        told = self.really(attempt)
        if told[0] != "unknown":
            self.judge(act, told, outcome(lambda: self.world.on_paper(act, self.now)))
            self.remember(act, told)
            return
        self.count()
        first_at = self.now
        self.world.now += MICROSECOND * (1 + at % 3)
        told = self.really(lambda: outcome(lambda: self.world.for_real(act, self.now)))
        self.world.read()
        moments = [row.happened for row in self.world.entries[before:]] + [row[9] for row in self.world.state["adjustments"] if row[6] == act.key]
        stood = us(first_at) in moments
        expected = outcome(lambda: self.world.on_paper(act, first_at if stood and act.name != "sweep" else self.now))
        if act.name in KEYLESS and (told[0], expected[0]) == ("refused", "ok"):  # the first attempt stood, and the second found it done
            same(f"answer to {act}", told[1][0], "state_conflict")
            stood, told = True, expected
        self.reached[f"cut {'around commit' if cut.at == COMMIT else 'at a statement'}, which {'stood' if stood else 'was undone'}"] += 1
        self.judge(act, told, expected, after_cut=True)
        self.remember(act, told)

    def judge(self, act: Act, told: tuple[str, Any], expected: tuple[str, Any], *, after_cut: bool = False) -> None:
        """The answer and the whole database against the model."""
        self.sound = False
        self.world.read()
        self.world.check_laws()
        if told[0] == "ok" and act.name in ("spend", "hold"):
            self.world.check_order_of_lots(act)
        real = (told[0], self.world.tell(act, told[1])) if told[0] == "ok" else told
        if not (after_cut and act.name in ("sweep", "pay", *KEYLESS)):
            same(f"answer to {act}", real, expected)
        self.world.compare()
        if self.steps % self.proof_every == 0:
            self.world.check_proof()
        self.sound = True
        self.reached[f"{act.name} {told[0] if told[0] == 'ok' else told[1][0]}"] += 1
        if told[0] == "ok":
            self.notice(act, real[1])

    def lots_that_were(self, wanted: Callable[[Lot], bool]) -> int:
        return sum(wanted(lot) for account in self.world.books.accounts.values() for lot in account.lots)

    def notice(self, act: Act, answer: Any) -> None:
        """Which rare things happened."""
        new = self.world.books.entries[self.written :]
        lots = [self.world.books.accounts[entry.account].lots[entry.lot] for entry in new if entry.kind in ("REFUND", "RELEASE")]
        marks = {
            "capture of less": act.name == "capture" and answer[1],
            "refund in part": act.name == "refund" and answer and act.args["lines"] and any(credit for _, credit in act.args["lines"]),
            "refund of nothing": act.name == "refund" and not answer,
            "refund of a capture": act.name == "refund" and answer and "-H" in act.args["order_no"],
            "refund to two accounts": len({entry.account for entry in new if entry.kind == "REFUND"}) > 1,
            "sweep of something": act.name == "sweep" and any(entry.kind in ("LAPSE", "PAYOUT") for entry in new),
            "principal void": any(entry.kind == "LAPSE" and entry.p for entry in new),
            "payout": any(entry.kind == "PAYOUT" for entry in new),
            "lot extended": self.lots_that_were(lambda lot: lot.extended) > self.extended,
            "lot kept its date": any(lot.lapsed(self.now) for lot in lots),
            "new lot for what came back": any(not lot.source_no and (lot.p, lot.b) == (lot.principal, lot.bonus) for lot in lots),
            "payment of an earlier spend": act.name == "pay" and answer and act.args["spend_key"],
            "adjustment waits": act.name == "adjust" and not new,
            "spend from several lots": act.name == "spend" and len({entry.lot for entry in new}) > 1,
            "lines over several lots": act.name in ("spend", "hold", "pay") and len({entry.lot for entry in new}) > 1 < len({entry.line for entry in new}),
        }
        self.reached.update(name for name, happened in marks.items() if happened)

    def remember(self, act: Act, told: tuple[str, Any]) -> None:
        if told[0] == "ok" and act.name not in ("sweep", *KEYLESS):
            self.acts.append(act)

    def send_again(self, act: Act, later: timedelta) -> None:
        """The same key and request, now or later: the first answer, and nothing moves."""
        self.count()
        self.world.now += later
        before = self.world.state
        told = self.really(lambda: outcome(lambda: self.world.for_real(act, self.now)))
        expected = outcome(lambda: self.world.on_paper(act, self.now))
        self.world.read()
        real = (told[0], self.world.tell(act, told[1])) if told[0] == "ok" else told
        holds("L6", real == expected, f"{act} again was told {real}, at first {expected}")
        if told[0] == "ok" and getattr(told[1], "replayed", True) and not getattr(told[1], "created", False):
            holds("L6", self.world.state == before, f"{act} again changed something")
            self.reached["replayed"] += 1
        self.world.check_laws()
        self.world.compare()

    def count(self) -> None:
        self.steps += 1
        self.reached["steps"] += 1

    def really(self, act: Callable[[], Any]) -> Any:
        return act()

    def make_cut(self, act: Act, at: int, side: str) -> Cut:
        return Cut(at % STATEMENTS[act.name], BEFORE if side == KILLED else side, really=False)

    # -- rules -------------------------------------------------------------------------------------------------------------------

    @initialize(a=NUMBERS, b=NUMBERS, c=NUMBERS)
    def first_top_ups(self, a: int, b: int, c: int) -> None:
        for store in ("A", "B"):
            self.world.change_policy(store, **{name: values[(a + b + c + place) % len(values)] for place, (name, values) in enumerate(POLICIES)})
        for number, account in enumerate(ACCOUNTS):
            self.perform(self.make_top_up(account, a + number, b + 7 * number, c + number), (ONCE, 0))

    @rule(what=st.sampled_from(EVERY), a=NUMBERS, b=NUMBERS, c=NUMBERS, manner=MANNERS)
    def step(self, what: str, a: int, b: int, c: int, manner: tuple[str, int]) -> None:
        """One rule for all, so that how often each comes is ours to say: a machine with many rules leaves half of them out of each history."""
        match what:
            case "replay":
                self.replay(b)
            case "other_body":
                self.other_body(b)
            case "time_passes":
                self.time_passes(STEPS[b % len(STEPS)])
            case "time_of_a_lapse":
                self.time_of_a_lapse(b, MICROSECOND * (c % 3 - 1))
            case "policy_changes":
                self.policy_changes(list(ACCOUNTS.values())[a % 3], b, c)
            case "tamper":
                self.count()
                self.world.check_append_only(b)
            case _:
                self.perform(self.make(what, a, b, c), manner)

    def replay(self, which: int) -> None:
        """Any act of before, however long ago."""
        if self.acts:
            self.send_again(self.acts[which % len(self.acts)], timedelta(0))

    def other_body(self, which: int) -> None:
        """A key that was used, with another request."""
        act = self.acts[-1 - which % min(6, len(self.acts))] if self.acts else None
        other = self.another(act) if act else None
        if act is None or other is None:
            return
        self.count()
        changed = Act(act.name, act.account, act.key, self.now, act.args | other)
        told = self.really(lambda: outcome(lambda: self.world.for_real(changed, self.now)))
        self.judge(changed, told, outcome(lambda: self.world.on_paper(changed, self.now)))

    def another(self, act: Act) -> dict[str, Any] | None:  # noqa: PLR0911 - one case an act
        args = act.args
        match act.name:
            case "top_up":
                return {"p": args["p"] + 1}
            case "spend" | "hold":
                return {"amount": args["amount"] + 1, "lines": []}
            case "capture":
                return {"amount": 1 if args["amount"] != 1 else 2, "lines": []}
            case "refund":
                return {"lines": None if args["lines"] else [(None, None)]}
            case "adjust":
                return {"by": PEOPLE[args["by"] == PEOPLE[0]]}
            case "pay":
                line, amount, used = args["lines"][0]
                return {"lines": [(line, amount + 1, used), *args["lines"][1:]]}
            case "refund_payment":
                return {"refunded_at": args["refunded_at"] + MICROSECOND}
        return None

    def time_passes(self, step: timedelta) -> None:
        self.count()
        if self.now + step > NOON - timedelta(days=2):
            self.world.now += step

    def time_of_a_lapse(self, which: int, by: timedelta) -> None:
        """The last instant of a lot, the first one without it, the one after."""
        moments = [lot.expires_at for account in self.world.books.accounts.values() for lot in account.lots if lot.expires_at]
        if moments:
            self.count()
            self.world.now = moments[which % len(moments)] + by
            self.reached["at the instant of a lapse"] += by == timedelta(0)

    def policy_changes(self, store: str, which: int, value: int) -> None:
        self.count()
        name, values = [*POLICIES, ("refund_grace_days", [7, 1, 30]), ("adjustment_limit", [500_00, 5_00, 0])][which % 6]
        self.world.change_policy(store, **{name: values[value % len(values)]})


class Histories(Ledger):
    """Inside one transaction, which is undone at the end: quick."""

    proof_every = 5
    shared_orders = True

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.begin()

    def teardown(self) -> None:
        try:
            if self.sound:
                self.world.check_proof()
        finally:
            self.block.__exit__(Undo, Undo(), None)


@in_transaction  # again after a deadlock: the server may still be at a statement whose caller was cut off
def empty_tables() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLES}")


class Storms(Ledger):
    """Committed: callers race, connections die. ``hands`` are the callers."""

    hands: ClassVar[Hands]

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def teardown(self) -> None:
        empty_tables()
        for member in self.ground.members.values():
            count_purchases(member)

    def really(self, act: Callable[[], Any]) -> Any:
        return self.hands.alone(act)

    def make_cut(self, act: Act, at: int, side: str) -> Cut:
        if at % 3 == 0:  # around the commit, which a single statement is by itself
            return Cut(0 if act.name in ("spend", "hold") else COMMIT, AFTER if side == KILLED else side, really=True)
        number = at % STATEMENTS[act.name]
        return Cut(number, side, really=True, kill=kill_backend)

    def is_small(self, act: Act) -> bool:
        """One that needs no second person: only what is booked at once has a place in the ledger's order."""
        return abs(act.args["p"] + act.args["b"]) <= 10_00 and self.world.books.policies[act.store].adjustment_limit >= 500_00

    race = race_rule()
    more_race = race_rule()
    one_more_race = race_rule()

    def run_race(self, account: str, plan: list[tuple[str, int, int, int]], cut: tuple[str, int]) -> None:
        """Two to eight callers at once, some of them with the same request under the same key, some with one more to send; one may be cut."""
        if cut[1] % 3 == 0:
            self.time_of_a_lapse(len(plan) + cut[1], MICROSECOND * (cut[1] % 2))
        place = list(ACCOUNTS).index(account)
        scripts: list[list[Act]] = []
        for name, a, b, c in plan:
            act = self.make(name, a - a % 3 + (place if b % 6 else a % 3), b, c)
            if act is None or (name == "adjust" and not self.is_small(act)):
                continue
            for _ in range(2 if a % 4 == 0 else 1):
                if len(scripts) < self.hands.most and (len(scripts) < 2 or c % 3):
                    scripts.append([act])
                else:
                    scripts[c % len(scripts)].append(act)
        if len(scripts) < 2:
            return
        before = len(self.world.entries)
        how, at = cut
        cutting = self.make_cut(scripts[0][0], at, how) if how in (BEFORE, AFTER, KILLED) else None
        log = self.hands.race(self.world, scripts, cutting)
        for line in log:
            self.count()
            self.reached[f"raced {line.act.name} {line.kind}"] += 1
        explain(self.world, log, before)
        self.world.check_laws()
        self.world.compare()
        self.world.check_proof()
        self.reached["races"] += 1
        self.reached[f"races of {len(scripts)}"] += 1
        for line in log:
            if line.kind == "unknown":  # asked again, as who got no answer does
                self.written, self.extended = len(self.world.books.entries), 0
                told = self.really(lambda act=line.act: outcome(lambda: self.world.for_real(act, self.now)))
                self.judge(line.act, told, outcome(lambda act=line.act: self.world.on_paper(act, self.now)), after_cut=True)
            if line.kind != "refused" and line.act.name != "sweep":
                self.acts.append(line.act)


def kill_backend(pid: int) -> None:
    """As an administrator or a restart does. On a connection of its own."""
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.close()


def random_history(kind: type[Ledger], seed: int, steps: int, acts: Sequence[str] = EVERY, policy: Sequence[tuple[str, Any]] = ()) -> None:
    """One history from plain random numbers, as long and as varied as any other: no generator that likes small ones. Raises what was noticed."""
    random = Random(seed)
    machine = kind()
    done = []

    def numbers() -> dict[str, int]:
        return {name: random.randrange(10_000) for name in "abc"}

    def manner() -> tuple[str, int]:
        return random.choice([ONCE, ONCE, ONCE, AGAIN, LATE, BEFORE, AFTER, KILLED]), random.randrange(60)

    try:
        machine.first_top_ups(**numbers())
        for store in machine.world.stores:
            machine.world.change_policy(store, **dict(policy))
        for _ in range(steps):
            if isinstance(machine, Storms) and random.randrange(3):
                raced = [name for name in acts if name in RACED] or RACED
                plan = [(random.choice(raced), *numbers().values()) for _ in range(random.randrange(2, 11))]
                race = {"account": random.choice(list(ACCOUNTS)), "plan": plan, "cut": manner()}
                done.append(f"race({race})")
                machine.run_race(**race)
            else:
                step = {"what": random.choice(acts), **numbers(), "manner": manner()}
                done.append(f"step({step})")
                machine.step(**step)
    except Exception as error:
        error.add_note("\n".join([f"{kind.__name__}, seed {seed}:", *done]))
        raise
    finally:
        machine.teardown()
