"""The rules of store credit on paper, in whole fen: what the real services are held against. No database, no clock, nothing of the product's.

Lots, holds, payouts and adjustments are numbered within their account in the order in which they were made; the tests match them to rows.
A refusal (``Refused``) leaves the books as they were. ``now`` is always given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, timezone
from typing import Any, NamedTuple

ZONE = timezone(timedelta(hours=8))  # the platform counts days here


class Refused(Exception):
    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


@dataclass
class Policy:
    deduction_order: str = "PERCENT"
    on_lapse: str = "PAY_BACK"
    refund_after_lapse: str = "EXTEND_ONCE"
    refund_grace_days: int = 7
    top_up_refund: str = "PRINCIPAL_ONLY"
    adjustment_limit: int = 500_00


@dataclass(eq=False)
class Lot:
    number: int
    account: Account
    source_no: str
    principal: int  # as paid
    bonus: int  # as given
    p: int  # left of the principal
    b: int  # left of the bonus
    opened_at: datetime
    expires_at: datetime | None
    origin: Lot | None = None  # the top-up whose lapsed lot this one stands for
    extended: bool = False
    paid_back: int = 0
    refunded: bool = False

    @property
    def still_to_pay_back(self) -> int:
        """Of the price of the top-up, whatever lots its credit is in now. Below zero never: nothing more is paid back than was paid."""
        top_up = self.origin or self
        return top_up.principal - sum(lot.paid_back for lot in self.account.lots if (lot.origin or lot) is top_up)

    def lapsed(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


@dataclass(eq=False)
class Piece:
    """What one order line took of one lot, and what of it was given back."""

    lot: Lot
    line: int | None
    p: int
    b: int
    back_p: int = 0
    back_b: int = 0

    @property
    def amount(self) -> int:
        return self.p + self.b

    @property
    def back(self) -> int:
        return self.back_p + self.back_b


@dataclass(eq=False)
class Hold:
    number: int
    account: Account
    order_no: str
    order: str
    pieces: list[Piece]
    status: str = "HELD"
    captured: int = 0

    @property
    def amount(self) -> int:
        return sum(piece.amount for piece in self.pieces)

    def by_lot(self) -> list[tuple[Lot, int, int]]:
        lots = dict.fromkeys(piece.lot for piece in self.pieces)
        return [(lot, sum(each.p for each in self.pieces if each.lot is lot), sum(each.b for each in self.pieces if each.lot is lot)) for lot in lots]

    def first_lines(self, amount: int) -> list[tuple[int | None, int]]:
        """Its own lines as far as ``amount`` reaches."""
        lines = []
        for piece in self.pieces:
            lines.append((piece.line, min(amount, piece.amount)))
            amount -= lines[-1][1]
        return lines


@dataclass(eq=False)
class Adjustment:
    account: Account
    p: int
    b: int
    lot: Lot | None
    expires_at: datetime | None
    by: str
    at: datetime
    alone: bool
    status: str = "REQUESTED"


@dataclass(eq=False)
class Payout:
    lot: Lot
    cause: str
    amount: int
    status: str = "WAITING"


@dataclass(eq=False)
class Payment:
    account: Account
    lines: dict[int, list[int]]  # line -> amount, credit, refunded of the amount, told back of the credit
    body: Any
    credit_back: int = 0


@dataclass(eq=False)
class Account:
    name: str
    store: str
    lots: list[Lot] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    payouts: list[Payout] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)
    held: int = 0

    @property
    def balance(self) -> int:
        return sum(lot.p + lot.b for lot in self.lots)


class Entry(NamedTuple):
    account: str
    lot: int
    kind: str
    p: int
    b: int
    after: int
    order_no: str = ""
    line: int | None = None
    captured: tuple[int, int] | None = None


def split(order: str, take: int, p: int, b: int) -> int:
    """The principal in ``take`` from a lot with ``p`` and ``b`` left."""
    return {"PERCENT": take * p // (p + b), "REAL_BEFORE_GIFT": min(take, p), "GIFT_BEFORE_REAL": take - min(take, b)}[order]


def shares(parts: Sequence[tuple[Lot, int, int]], lines: Sequence[tuple[int | None, int]]) -> list[Piece]:
    """Parts of lots dealt out to order lines: lot by lot, line by line; a lot's principal goes to its lines by cumulative floor."""
    waiting = [[line, amount] for line, amount in lines if amount]
    pieces = []
    for lot, p, b in parts:
        done = 0
        while done < p + b:
            line, wanted = waiting[0]
            step = min(wanted, p + b - done)
            principal = p * (done + step) // (p + b) - p * done // (p + b)
            pieces.append(Piece(lot, line, principal, step - principal))
            done += step
            waiting[0][1] -= step
            if waiting[0][1] == 0:
                waiting.pop(0)
    return pieces


def by_line(pieces: Sequence[Piece]) -> dict[int | None, int]:
    taken: dict[int | None, int] = {}
    for piece in pieces:
        taken[piece.line] = taken.get(piece.line, 0) + piece.amount
    return taken


def end_of_day(now: datetime, days: int) -> datetime:
    return datetime.combine(now.astimezone(ZONE).date() + timedelta(days=days + 1), time.min, tzinfo=ZONE)


class Books:
    """Every store's credit."""

    def __init__(self) -> None:
        self.policies: dict[str, Policy] = {}
        self.accounts: dict[str, Account] = {}
        self.orders: dict[tuple[str, str], list[Piece]] = {}
        self.payments: dict[tuple[str, str], Payment] = {}
        self.entries: list[Entry] = []
        self.keys: dict[tuple[str, str], tuple[Any, Any]] = {}
        self.spends: dict[tuple[str, str], tuple[str, list[Piece]]] = {}
        self.payment_refunds = 0

    def once(self, store: str, key: str, body: Any, act: Callable[[], Any]) -> Any:
        """``act()``, or the first answer to this key. Acts that wrote nothing leave no key."""
        if (store, key) in self.keys:
            first, answer = self.keys[store, key]
            if first != body:
                raise Refused("idempotency_key_reused")
            return answer
        before = self.written
        answer = act()
        if self.written != before:
            self.keys[store, key] = (body, answer)
        return answer

    @property
    def written(self) -> tuple[int, ...]:
        return len(self.entries), self.payment_refunds, sum(len(account.adjustments) for account in self.accounts.values())

    # -- the one way to write ---------------------------------------------------------------------------------------------------

    def book(self, lot: Lot, kind: str, p: int = 0, b: int = 0, **about: Any) -> Entry:
        lot.p += p
        lot.b += b
        assert 0 <= lot.p <= lot.principal, "the model itself never leaves the range"
        assert 0 <= lot.b <= lot.bonus
        entry = Entry(lot.account.name, lot.number, kind, p, b, lot.account.balance, **about)
        self.entries.append(entry)
        return entry

    def open_lot(self, account: Account, source_no: str, p: int, b: int, opened_at: datetime, expires_at: datetime | None) -> Lot:
        """A lot that holds nothing yet."""
        lot = Lot(len(account.lots), account, source_no, p, b, 0, 0, opened_at, expires_at)
        account.lots.append(lot)
        return lot

    def spendable(self, account: Account, now: datetime) -> list[Lot]:
        """Soonest expiry, then opened first, then made first; those without an expiry last; never one whose time has passed."""
        lots = [lot for lot in account.lots if lot.p + lot.b and not lot.lapsed(now)]
        return sorted(lots, key=lambda lot: (lot.expires_at is None, lot.expires_at or now, lot.opened_at, lot.number))

    def available(self, account: Account, now: datetime) -> int:
        return sum(lot.p + lot.b for lot in self.spendable(account, now))

    # -- top-ups, spends, holds --------------------------------------------------------------------------------------------------

    def top_up(self, account: Account, source_no: str, p: int, b: int, opened_at: datetime, expires_at: datetime | None) -> Entry:
        if any(lot.source_no == source_no for each in self.accounts.values() if each.store == account.store for lot in each.lots):
            raise Refused("source_no_taken")
        return self.book(self.open_lot(account, source_no, p, b, opened_at, expires_at), "TOP_UP", p, b)

    def take(self, account: Account, amount: int, lines: Sequence[tuple[int, int]], order: str | None, now: datetime) -> list[Piece]:
        """On paper: what a spend or a hold takes."""
        if lines and sum(share for _, share in lines) != amount:
            raise Refused("lines_differ")
        parts, need = [], amount
        for lot in self.spendable(account, now):
            step = min(need, lot.p + lot.b)
            principal = split(order or self.policies[account.store].deduction_order, step, lot.p, lot.b)
            parts.append((lot, principal, step - principal))
            need -= step
            if need == 0:
                return shares(parts, lines or [(None, amount)])
        raise Refused("not_enough_credit", available=amount - need)

    def spend(self, account: Account, amount: int, order_no: str, lines: Sequence[tuple[int, int]], order: str | None, now: datetime) -> list[Entry]:
        pieces = self.take(account, amount, lines, order, now)
        self.orders.setdefault((account.store, order_no), []).extend(pieces)
        return [self.book(piece.lot, "SPEND", -piece.p, -piece.b, order_no=order_no, line=piece.line) for piece in pieces]

    def hold(self, account: Account, amount: int, order_no: str, lines: Sequence[tuple[int, int]], order: str | None, now: datetime) -> Hold:
        order = order or self.policies[account.store].deduction_order
        hold = Hold(len(account.holds), account, order_no, order, self.take(account, amount, lines, order, now))
        account.holds.append(hold)
        account.held += amount
        for piece in hold.pieces:
            self.book(piece.lot, "HOLD", -piece.p, -piece.b, order_no=order_no, line=piece.line)
        return hold

    def capture(self, hold: Hold, amount: int | None, lines: Sequence[tuple[int, int]], now: datetime) -> Hold:
        """Keeps what was taken first, of the last lot by the hold's deduction order; the rest of the hold goes back."""
        amount = hold.amount if amount is None else amount
        if lines and sum(share for _, share in lines) != amount:
            raise Refused("lines_differ")
        if hold.status != "HELD":
            raise Refused("hold_settled")
        if amount > hold.amount:
            raise Refused("more_than_held")
        kept, rest, need = [], [], amount
        for lot, p, b in hold.by_lot():
            step = min(need, p + b)
            principal = split(hold.order, step, p, b) if step else 0
            need -= step
            if step:
                kept.append((lot, principal, step - principal))
            if p + b > step:
                rest.append((lot, p - principal, b - (step - principal)))
        pieces = shares(kept, lines or hold.first_lines(amount))
        self.orders.setdefault((hold.account.store, hold.order_no), []).extend(pieces)
        hold.status, hold.captured = "CAPTURED", amount
        hold.account.held -= hold.amount
        homes = self.homes([(lot, p, b) for lot, p, b in rest], now)
        for piece in pieces:
            self.book(piece.lot, "CAPTURE", order_no=hold.order_no, line=piece.line, captured=(piece.p, piece.b))
        for lot, p, b in rest:
            self.book(homes[lot], "RELEASE", p, b, order_no=hold.order_no)
        return hold

    def release(self, hold: Hold, now: datetime) -> Hold:
        if hold.status != "HELD":
            raise Refused("hold_settled")
        hold.status = "RELEASED"
        hold.account.held -= hold.amount
        homes = self.homes(hold.by_lot(), now)
        for lot, p, b in hold.by_lot():
            self.book(homes[lot], "RELEASE", p, b, order_no=hold.order_no)
        return hold

    # -- giving back -------------------------------------------------------------------------------------------------------------

    def homes(self, coming: Sequence[tuple[Lot, int, int]], now: datetime) -> dict[Lot, Lot]:
        """Where credit that comes back to lots goes: to the lot itself, or as the policy says when it lapsed meanwhile."""
        homes = {}
        for lot in dict.fromkeys(lot for lot, _, _ in coming):
            policy = self.policies[lot.account.store]
            grace = end_of_day(now, policy.refund_grace_days)
            homes[lot] = lot
            if not lot.lapsed(now) or policy.refund_after_lapse == "KEEP_DATE":
                continue
            if policy.refund_after_lapse == "NEW_LOT":
                p, b = (sum(part[place] for part in coming if part[0] is lot) for place in (1, 2))
                homes[lot] = self.open_lot(lot.account, "", p, b, now, grace)
                homes[lot].origin = lot.origin or lot
            elif not lot.extended:
                self.lapse(lot)
                lot.expires_at, lot.extended = grace, True
        return homes

    def refund(self, store: str, order_no: str, lines: Sequence[tuple[int | None, int | None]] | None, now: datetime) -> int:
        """``lines`` None: everything left of the order; a line's credit None: everything left of the line. Returns what went back."""
        spent = self.orders.get((store, order_no))
        if not spent:
            raise Refused("not_found")
        if lines is None:
            going = [(piece, piece.p - piece.back_p, piece.b - piece.back_b) for piece in spent]
        else:
            going = [part for line, credit in lines for part in self.of_line([piece for piece in spent if piece.line == line], credit)]
        going = [(piece, p, b) for piece, p, b in going if p + b]
        homes = self.homes([(piece.lot, p, b) for piece, p, b in going], now)
        for piece, p, b in going:
            self.book(homes[piece.lot], "REFUND", p, b, order_no=order_no, line=piece.line)
            piece.back_p += p
            piece.back_b += b
        return sum(p + b for _, p, b in going)

    def of_line(self, pieces: Sequence[Piece], credit: int | None) -> list[tuple[Piece, int, int]]:
        """``credit`` of what is left of a line: in proportion over its pieces by cumulative floor, in a piece by floor for the principal."""
        left = [piece.amount - piece.back for piece in pieces]
        credit = sum(left) if credit is None else credit
        if credit > sum(left):
            raise Refused("more_than_spent")
        going, passed = [], 0
        for piece, part in zip(pieces, left, strict=True):
            share = credit * (passed + part) // sum(left) - credit * passed // sum(left) if part else 0
            passed += part
            principal = share * (piece.p - piece.back_p) // part if part else 0
            going.append((piece, principal, share - principal))
        return going

    def lapse(self, lot: Lot) -> None:
        """Everything left goes: principal to the payer under PAY_BACK (never more than was paid for it), the rest is void."""
        back = 0
        if self.policies[lot.account.store].on_lapse == "PAY_BACK":
            back = max(0, min(lot.p, lot.still_to_pay_back))
        if back:
            self.pay_back(lot, "LAPSE", back, 0)
        if lot.p + lot.b:
            self.book(lot, "LAPSE", -lot.p, -lot.b)

    def pay_back(self, lot: Lot, cause: str, p: int, b: int) -> None:
        self.book(lot, "PAYOUT", -p, -b)
        lot.paid_back += p + b
        lot.account.payouts.append(Payout(lot, cause, p + b))

    def sweep(self, now: datetime, accounts: Sequence[Account] | None = None) -> int:
        """Every lapsed lot, soonest expiry first within its account. Returns how many had something left."""
        lots = [lot for account in accounts or self.accounts.values() for lot in account.lots if lot.lapsed(now) and lot.p + lot.b]
        for lot in sorted(lots, key=lambda lot: (lot.expires_at or now, lot.opened_at, lot.number)):
            self.lapse(lot)
        return len(lots)

    # -- top-up refunds, payouts -------------------------------------------------------------------------------------------------

    def refund_top_up(self, lot: Lot, now: datetime) -> tuple[int, int]:
        """What was paid back, and what became void. Never more in all than was paid for the lot; once a lot; not while some of it is held."""
        left = lot.p + lot.b
        by_policy = {"PRINCIPAL_ONLY": lot.p, "RATIO": lot.principal * left // (lot.principal + lot.bonus)}
        back = min(by_policy[self.policies[lot.account.store].top_up_refund], lot.still_to_pay_back)
        if not lot.source_no:
            raise Refused("not_a_top_up")
        if lot.refunded:
            raise Refused("top_up_refunded")
        if lot.lapsed(now):
            raise Refused("top_up_lapsed")
        if any(hold.status == "HELD" and piece.lot is lot for hold in lot.account.holds for piece in hold.pieces):
            raise Refused("top_up_held")
        if back <= 0:
            raise Refused("nothing_left")
        lot.refunded = True
        self.pay_back(lot, "TOP_UP_REFUND", min(back, lot.p), back - min(back, lot.p))
        if lot.p + lot.b:
            self.book(lot, "LAPSE", -lot.p, -lot.b)
        return back, left - back

    def settle_payout(self, payout: Payout, target: str) -> None:
        if (payout.status, target) not in {("WAITING", "PAID"), ("WAITING", "RETURN_FAILED"), ("RETURN_FAILED", "WAITING"), ("RETURN_FAILED", "PAID")}:
            raise Refused("state_conflict")
        payout.status = target

    # -- adjustments -------------------------------------------------------------------------------------------------------------

    def request_adjustment(self, account: Account, p: int, b: int, lot: Lot | None, expires_at: datetime | None, by: str, now: datetime) -> Adjustment:
        """Applied at once while what this person adjusted alone on this account this local day stays within the limit; else it waits."""
        today = now.astimezone(ZONE).date()
        used = sum(abs(each.p + each.b) for each in account.adjustments if each.alone and each.by == by and each.at.astimezone(ZONE).date() == today)
        alone = used + abs(p + b) <= self.policies[account.store].adjustment_limit
        taken = [] if p + b > 0 else self.taken_away(account, p, b, lot, now)
        adjustment = Adjustment(account, p, b, lot, expires_at, by, now, alone)
        if alone:
            self.adjust(adjustment, taken, now)
        account.adjustments.append(adjustment)
        return adjustment

    def taken_away(self, account: Account, p: int, b: int, lot: Lot | None, now: datetime) -> list[tuple[Lot, int, int]]:
        """On paper: a minus takes principal from principal and bonus from bonus, in spending order or from the one lot; lapsed lots give nothing."""
        lots = [each for each in self.spendable(account, now) if lot in (None, each)]
        if lot and not lots:
            raise Refused("lot_not_open")
        if sum(each.p for each in lots) < -p or sum(each.b for each in lots) < -b:
            raise Refused("not_enough_credit")
        taken = []
        for each in lots:
            less_p, less_b = min(each.p, -p), min(each.b, -b)
            p, b = p + less_p, b + less_b
            taken.append((each, less_p, less_b))
        return [part for part in taken if part[1] + part[2]]

    def adjust(self, adjustment: Adjustment, taken: Sequence[tuple[Lot, int, int]], now: datetime) -> None:
        if adjustment.p + adjustment.b > 0:
            if adjustment.expires_at and adjustment.expires_at <= now:
                raise Refused("expires_before_opening")
            adjustment.lot = self.open_lot(adjustment.account, "", adjustment.p, adjustment.b, now, adjustment.expires_at)
            self.book(adjustment.lot, "ADJUST", adjustment.p, adjustment.b)
        for lot, p, b in taken:
            self.book(lot, "ADJUST", -p, -b)
        adjustment.status = "APPLIED"

    def decide_adjustment(self, adjustment: Adjustment, decision: str, by: str, now: datetime) -> None:
        """A second person approves or refuses; who asked may withdraw it."""
        if (by == adjustment.by) != (decision == "WITHDRAWN"):
            raise Refused("not_allowed" if decision == "WITHDRAWN" else "second_person_needed")
        if adjustment.status != "REQUESTED":
            raise Refused("state_conflict")
        if decision == "APPLIED":
            minus = adjustment.p + adjustment.b < 0
            taken = self.taken_away(adjustment.account, adjustment.p, adjustment.b, adjustment.lot, now) if minus else []
            self.adjust(adjustment, taken, now)
        adjustment.status = decision

    # -- payments ----------------------------------------------------------------------------------------------------------------

    def pay(
        self,
        account: Account,
        order_no: str,
        lines: Sequence[tuple[int, int, int]],
        hold: Hold | None,
        spent: tuple[str, list[Piece]] | None,
        paid_at: datetime,
        now: datetime,
    ) -> bool:
        """``lines``: number, amount, credit in it. True when it is new; told again with the same figures nothing happens.

        The credit is that of a hold, or was spent before (``spent``: key and pieces), or is spent now.
        """
        body = (account.name, tuple(lines), hold.number if hold else None, spent[0] if spent else None, paid_at)
        known = self.payments.get((account.store, order_no))
        if known:
            if known.body != body:
                raise Refused("order_differs")
            return False
        if paid_at > now + timedelta(days=1):
            raise Refused("paid_in_the_future")
        credit = [(line, used) for line, _, used in lines if used]
        total = sum(used for _, used in credit)
        if spent or (hold and hold.status == "CAPTURED"):  # nothing moves any more, but it must be this credit
            pieces = spent[1] if spent else self.orders[account.store, order_no]
            taken = by_line(pieces)
            if sum(taken.values()) != total:
                raise Refused("spend_differs")
            if any(piece.back for piece in pieces):
                raise Refused("spend_refunded")
            if None not in taken and taken != dict(credit):
                raise Refused("lines_differ")
        elif hold:
            self.capture(hold, total, credit, now)
        elif total:
            self.spend(account, total, order_no, credit, None, now)
        self.payments[account.store, order_no] = Payment(account, {line: [amount, used, 0, 0] for line, amount, used in lines}, body)
        return True

    def refund_payment(
        self, store: str, order_no: str, lines: Sequence[tuple[int, int | None]] | None, refunded_at: datetime, now: datetime
    ) -> tuple[int, int]:
        """Amount and credit that went back. A line's credit follows its refunded amount, down to the fen; all of it at the end.

        What was given back of the order's credit by itself counts as given back.
        """
        payment = self.payments.get((store, order_no))
        if payment is None:
            raise Refused("not_found")
        if refunded_at > now + timedelta(days=1):
            raise Refused("refunded_in_the_future")
        pieces = self.orders.get((store, order_no), [])
        taken = by_line(pieces)
        lined = all(taken.get(line, 0) >= credit for line, (_, credit, _, _) in payment.lines.items())
        left = sum(piece.amount - piece.back for piece in pieces if piece.line is None)
        going = {}
        for line, asked in [(line, None) for line in payment.lines] if lines is None else lines:
            total, credit, refunded, told_back = payment.lines[line]
            amount = total - refunded if asked is None else asked
            if refunded + amount > total:
                raise Refused("refund_above_amount")
            back = sum(piece.back for piece in pieces if piece.line == line) if lined else told_back
            due = max(0, (credit * (refunded + amount) // total if total else credit) - back)
            going[line] = (amount, due if lined else min(due, left))
            left -= going[line][1]
        credit_lines: list[tuple[int | None, int | None]] = [(line, credit) for line, (_, credit) in going.items() if credit]
        if credit_lines:
            self.refund(store, order_no, credit_lines if lined else [(None, sum(credit for _, credit in going.values()))], now)
        for line, (amount, credit) in going.items():
            payment.lines[line][2] += amount
            payment.lines[line][3] += credit
            payment.credit_back += credit
        self.payment_refunds += 1
        return sum(amount for amount, _ in going.values()), sum(credit for _, credit in going.values())
