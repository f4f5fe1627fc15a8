"""The real ledger beside the one on paper: acts that are done on both, what the database then holds, and the laws that hold whatever was done.

Everything that is compared speaks of whole fen, and of lots, holds, payouts and adjustments as (account, number).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import DatabaseError, connection, transaction

from backoffice.kernel.errors import BusinessError
from backoffice.kernel.invariants import INVARIANTS, load_invariants
from members.models import CreditAccount, CreditAdjustment, CreditPayout
from members.services import payments, policy
from members.services.credit import LineShare, RefundLine, adjustments, capture, hold, lapse, payouts, refund_spend, release, spend, top_up, top_up_refund
from tests.factories import NOON, make_member, make_store, make_user
from tests.members.credit_model import Account, Books, Entry, Policy, Refused, end_of_day

ACCOUNTS = {"a1": "A", "a2": "A", "b1": "B"}
PEOPLE = ("ann", "ben")
MICROSECOND = timedelta(microseconds=1)


class LawBroken(AssertionError):
    """``law`` is the letter of the list in docs/ledger.md."""

    def __init__(self, law: str, what: object) -> None:
        super().__init__(f"{law}: {what}")
        self.law = law


def holds(law: str, truth: bool, what: object) -> None:
    if not truth:
        raise LawBroken(law, what)


def yuan(fen: int) -> Decimal:
    return Decimal(fen).scaleb(-2)


def fen(amount: Decimal) -> int:
    exact = amount.scaleb(2)
    holds("L11", exact == int(exact), f"{amount} is no whole number of fen")
    return int(exact)


def us(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND


@dataclass(frozen=True)
class Act:
    """One request. ``args`` name things as the model does; ``at`` is the business time of the first attempt."""

    name: str
    account: str
    key: str
    at: datetime
    args: dict[str, Any]

    @property
    def store(self) -> str:
        return ACCOUNTS[self.account]


STATE = """
SELECT json_build_object(
'accounts', (SELECT json_agg(json_build_array(id, member_id, (balance * 100)::bigint, (held * 100)::bigint))
    FROM members_creditaccount WHERE store_id = ANY(%(stores)s)),
'lots', (SELECT json_agg(json_build_array(id, account_id, (principal_amount * 100)::bigint, (bonus_amount * 100)::bigint,
    (principal_left * 100)::bigint, (bonus_left * 100)::bigint, (extract(epoch FROM opened_at) * 1000000)::bigint,
    (extract(epoch FROM expires_at) * 1000000)::bigint, extended_at IS NOT NULL, coalesce(origin_id, id)) ORDER BY id)
    FROM members_creditlot WHERE store_id = ANY(%(stores)s)),
'entries', (SELECT json_agg(json_build_array(id, account_id, lot_id, kind, (principal_amount * 100)::bigint, (bonus_amount * 100)::bigint,
    (balance_after * 100)::bigint, order_no, line_no, (captured_principal * 100)::bigint, (captured_bonus * 100)::bigint, refund_of_id,
    (extract(epoch FROM happened_at) * 1000000)::bigint, idempotency_key, seq, store_id, md5(e::text)) ORDER BY id)
    FROM members_creditentry e WHERE store_id = ANY(%(stores)s)),
'holds', (SELECT json_agg(json_build_array(id, account_id, (amount * 100)::bigint, (captured_amount * 100)::bigint, status) ORDER BY id)
    FROM members_credithold WHERE store_id = ANY(%(stores)s)),
'payouts', (SELECT json_agg(json_build_array(id, account_id, lot_id, (amount * 100)::bigint, status, cause) ORDER BY id)
    FROM members_creditpayout WHERE store_id = ANY(%(stores)s)),
'adjustments', (SELECT json_agg(json_build_array(id, account_id, (principal_amount * 100)::bigint, (bonus_amount * 100)::bigint, status,
    NOT needs_second_person, idempotency_key, requested_by_id, decided_by_id,
    (extract(epoch FROM requested_at) * 1000000)::bigint) ORDER BY id) FROM members_creditadjustment WHERE store_id = ANY(%(stores)s)),
'payments', (SELECT json_agg(json_build_array(store_id, order_no, (amount * 100)::bigint, (refunded_amount * 100)::bigint,
    (credit_refunded * 100)::bigint) ORDER BY id) FROM members_payment WHERE store_id = ANY(%(stores)s))
)::text
"""


class Row(NamedTuple):
    """An entry as stored."""

    id: int
    account: int
    lot: int
    kind: str
    p: int
    b: int
    after: int
    order_no: str
    line: int | None
    captured_p: int | None
    captured_b: int | None
    refund_of: int | None
    happened: int
    key: str
    seq: int
    store: int
    digest: str

    @property
    def taken(self) -> tuple[int, int]:
        """What a SPEND or CAPTURE used up."""
        return (self.captured_p or 0, self.captured_b or 0) if self.kind == "CAPTURE" else (-self.p, -self.b)


class Ground:
    """Two stores, three members without credit and two members of staff: what histories share."""

    def __init__(self) -> None:
        load_invariants()
        self.stores = {name: make_store() for name in ("A", "B")}
        self.members = {name: make_member(self.stores[store]) for name, store in ACCOUNTS.items()}
        self.staff = {name: make_user() for name in PEOPLE}


class World:
    """One history: the credit of three members in the database and on paper."""

    def __init__(self, ground: Ground) -> None:
        self.stores, self.members, self.staff = ground.stores, ground.members, ground.staff
        self.books = Books()
        for name, store in ACCOUNTS.items():
            self.books.policies.setdefault(store, Policy())
            self.books.accounts[name] = Account(name, store)
        self.store_ids = [store.pk for store in self.stores.values()]
        self.names = {member.pk: name for name, member in self.members.items()}
        self.rows: list[Row] = []  # as they were when the laws were checked last
        self.state: dict[str, list[list[Any]]] = {}
        self.pks: dict[str, dict[tuple[str, int], int]] = {}
        self.numbers: dict[str, dict[int, tuple[str, int]]] = {}
        self.now = NOON
        self.compared = 0  # so many entries are known to be the model's
        self.read()

    # -- what the database holds -------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """The state now; every row gets its name (account, number)."""
        with connection.cursor() as cursor:
            cursor.execute(STATE, {"stores": self.store_ids})
            self.state = {table: rows or [] for table, rows in json.loads(cursor.fetchone()[0]).items()}
        self.entries = [Row(*row) for row in self.state["entries"]]
        self.accounts = {row[0]: self.names[row[1]] for row in self.state["accounts"]}
        self.account_pks = {name: pk for pk, name in self.accounts.items()}
        for table in ("lots", "holds", "payouts", "adjustments"):
            counts: Counter[str] = Counter()
            self.pks[table], self.numbers[table] = {}, {}
            for row in self.state[table]:
                account = self.accounts[row[1]]
                self.pks[table][account, counts[account]] = row[0]
                self.numbers[table][row[0]] = (account, counts[account])
                counts[account] += 1

    # -- the laws ----------------------------------------------------------------------------------------------------------------

    def check_laws(self) -> None:
        """What holds in the database by itself, whoever did what. New rows are those since the last call."""
        entries = self.entries
        holds("L1", entries[: len(self.rows)] == self.rows, "an entry was changed or is gone")
        new = entries[len(self.rows) :]
        self.rows = entries
        by_id = {entry.id: entry for entry in entries}
        sums: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        balances: Counter[int] = Counter()
        keys = Counter((entry.store, entry.key, entry.seq) for entry in entries)
        holds("L6", max(keys.values(), default=0) <= 1, [key for key, times in keys.items() if times > 1])
        for entry in entries:
            sums[entry.lot][0] += entry.p
            sums[entry.lot][1] += entry.b
            balances[entry.account] += entry.p + entry.b
            holds("L5", entry.after == balances[entry.account], f"balance after {entry}")
        lots_of: Counter[int] = Counter()
        expiry = {}
        for pk, account, principal, bonus, p, b, _opened, expires, *_ in self.state["lots"]:
            holds("L3", 0 <= p <= principal and 0 <= b <= bonus, f"lot {pk} has {p} + {b} of {principal} + {bonus}")
            holds("L4", [p, b] == sums[pk], f"lot {pk} has {p} + {b}, its entries say {sums[pk]}")
            lots_of[account] += p + b
            expiry[pk] = expires
        for pk, _member, balance, _held in self.state["accounts"]:
            holds("L5", balance == lots_of[pk] == balances[pk], f"account {pk} tells {balance}, lots {lots_of[pk]}, entries {balances[pk]}")
        back: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for entry in entries:
            if entry.kind == "REFUND":
                taken = by_id[entry.refund_of or 0]
                so_far = back[taken.id]
                so_far[0] += entry.p
                so_far[1] += entry.b
                within = so_far[0] <= taken.taken[0] and so_far[1] <= taken.taken[1]
                holds("L7", within and (taken.order_no, taken.account) == (entry.order_no, entry.account), f"{so_far} went back of {taken}")
        for entry in new:
            if entry.kind in ("SPEND", "HOLD"):
                lapsed = expiry[entry.lot] is not None and expiry[entry.lot] <= entry.happened
                holds("L8", not lapsed, f"{entry} took from a lot whose time had passed at {expiry[entry.lot]}")
        paid: Counter[int] = Counter()
        top_up_of = {row[0]: row[9] for row in self.state["lots"]}
        for _pk, _account, lot, amount, _status, _cause in self.state["payouts"]:
            paid[top_up_of[lot]] += amount
        for pk, _account, principal, *_ in self.state["lots"]:
            holds("P1", paid[pk] <= principal, f"{paid[pk]} was paid back for top-up {pk}, {principal} was paid")
        for pk, _account, _p, _b, status, alone, _key, asked, decided, _at in self.state["adjustments"]:
            holds("P2", status != "APPLIED" or alone or decided not in (None, asked), f"adjustment {pk} had no second person")

    def check_order_of_lots(self, act: Act) -> None:
        """Right after a spend or a hold: no lot that comes before the last one that was used has anything left."""
        of_account = [entry for entry in self.entries if self.accounts[entry.account] == act.account]
        if not of_account or of_account[-1].key != act.key:
            return
        last = of_account[-1]
        lots = {row[0]: row for row in self.state["lots"]}
        used = list(dict.fromkeys(entry.lot for entry in of_account if entry.key == act.key))

        def place(pk: int) -> tuple[bool, int, int, int]:
            row = lots[pk]
            return (row[7] is None, row[7] or 0, row[6], pk)

        holds("L9", used == sorted(used, key=place), f"lots used in the order {used}")
        for pk, account, _principal, _bonus, p, b, _opened, expires, *_ in self.state["lots"]:
            if account == last.account and p + b and (expires is None or expires > last.happened):
                holds("L9", place(pk) >= place(last.lot), f"lot {last.lot} was used before lot {pk}")

    def check_append_only(self, which: int) -> None:
        """Nobody changes or deletes an entry, not even who can write to the table."""
        if not self.entries:
            return
        pk = self.entries[which % len(self.entries)].id
        for statement in ("UPDATE members_creditentry SET bonus_amount = bonus_amount WHERE id = %s", "DELETE FROM members_creditentry WHERE id = %s"):
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(statement, [pk])
                    changed = cursor.rowcount
                    transaction.set_rollback(True)
            except DatabaseError:
                changed = 0
            holds("L1", changed == 0, f"{statement} was let through")

    def check_proof(self) -> None:
        """The product's own judges: prove_ledger is one of the invariants."""
        for each in INVARIANTS:
            if each.code.startswith(("ledger", "credit", "members.credit", "payment")):
                breaches = each.find(5)
                holds(f"check_invariants {each.code}", not breaches, breaches)

    # -- the database against the paper ------------------------------------------------------------------------------------------

    def compare(self) -> None:
        """Every cache, lot, entry, hold, payout, adjustment and payment equals the model's."""
        booked: dict[str, list[Entry]] = defaultdict(list)
        for row in self.entries[self.compared :]:
            booked[self.accounts[row.account]].append(self._entry(row))
        expected: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.books.entries[self.compared :]:
            expected[entry.account].append(entry)
        for name in ACCOUNTS:  # each account has an order of its own; between accounts there is none
            same(f"entries of {name}", booked[name], expected[name])
        self.compared = len(self.entries)
        for name, account in self.books.accounts.items():
            pk = self.account_pks.get(name)
            rows = {table: [row for row in self.state[table] if row[1] == pk] for table in ("lots", "holds", "payouts", "adjustments")}
            caches = next((tuple(row[2:]) for row in self.state["accounts"] if row[0] == pk), (0, 0))
            same(f"balance and held of {name}", caches, (account.balance, account.held))
            same("lots", [tuple(row[2:9]) for row in rows["lots"]], [
                (lot.principal, lot.bonus, lot.p, lot.b, us(lot.opened_at), us(lot.expires_at), lot.extended) for lot in account.lots
            ])  # fmt: skip
            same("holds", [tuple(row[2:]) for row in rows["holds"]], [(each.amount, each.captured, each.status) for each in account.holds])
            same("payouts", [(self.numbers["lots"][row[2]][1], *row[3:]) for row in rows["payouts"]], [
                (each.lot.number, each.amount, each.status, each.cause) for each in account.payouts
            ])  # fmt: skip
            same("adjustments", [tuple(row[2:6]) for row in rows["adjustments"]], [
                (each.p, each.b, each.status, each.alone) for each in account.adjustments
            ])  # fmt: skip
        stores = {store.pk: name for name, store in self.stores.items()}
        same("payments", {(stores[row[0]], row[1]): tuple(row[2:]) for row in self.state["payments"]}, {
            place: (sum(line[0] for line in each.lines.values()), sum(line[2] for line in each.lines.values()), each.credit_back)
            for place, each in self.books.payments.items()
        })  # fmt: skip

    def _entry(self, row: Row) -> Entry:
        captured = (row.captured_p or 0, row.captured_b or 0) if row.kind == "CAPTURE" else None
        account, lot = self.numbers["lots"][row.lot]
        return Entry(account, lot, row.kind, row.p, row.b, row.after, row.order_no, row.line, captured)

    # -- acts on paper -----------------------------------------------------------------------------------------------------------

    def on_paper(self, act: Act, now: datetime, books: Books | None = None) -> Any:
        """The answer that the model gives. Raises ``Refused``."""
        books = books or self.books
        do = getattr(self, f"paper_{act.name}")
        if act.name in ("sweep", "settle_payout", "decide_adjustment", "pay"):
            return do(books, act, now, **act.args)
        return books.once(act.store, act.key, (act.name, act.args), lambda: do(books, act, now, **act.args))

    def paper_top_up(self, books: Books, act: Act, now: datetime, **args: Any) -> Any:
        entry = books.top_up(books.accounts[act.account], **args)
        return (act.account, entry.lot), entry.p, entry.b, entry.after

    def paper_spend(self, books: Books, act: Act, now: datetime, **args: Any) -> Any:
        before = len(books.orders.get((act.store, args["order_no"]), []))
        told = _parts(books, lambda: books.spend(books.accounts[act.account], now=now, **args), "SPEND")
        books.spends[act.account, act.key] = args["order_no"], books.orders[act.store, args["order_no"]][before:]
        return told

    def paper_hold(self, books: Books, act: Act, now: datetime, **args: Any) -> Any:
        account = books.accounts[act.account]
        return len(account.holds), _parts(books, lambda: books.hold(account, now=now, **args), "HOLD")

    def paper_capture(self, books: Books, act: Act, now: datetime, number: int, **args: Any) -> Any:
        before = len(books.entries)
        books.capture(books.accounts[act.account].holds[number], now=now, **args)
        return _parts_of(books.entries[before:], "CAPTURE"), _parts_of(books.entries[before:], "RELEASE")

    def paper_release(self, books: Books, act: Act, now: datetime, number: int) -> Any:
        return _parts(books, lambda: books.release(books.accounts[act.account].holds[number], now), "RELEASE")

    def paper_refund(self, books: Books, act: Act, now: datetime, **args: Any) -> Any:
        return tuple(sorted(_parts(books, lambda: books.refund(act.store, now=now, **args), "REFUND"), key=lambda part: part[0][0]))

    def paper_sweep(self, books: Books, act: Act, now: datetime, **args: Any) -> Any:
        before = len(books.entries)
        lots = books.sweep(now)
        new = books.entries[before:]
        paid, void = [e for e in new if e.kind == "PAYOUT"], [e for e in new if e.kind == "LAPSE"]
        return lots, len(paid), -sum(e.p for e in paid), -sum(e.p for e in void), -sum(e.b for e in void)

    def paper_refund_top_up(self, books: Books, act: Act, now: datetime, lot: int) -> Any:
        return books.refund_top_up(books.accounts[act.account].lots[lot], now)

    def paper_settle_payout(self, books: Books, act: Act, now: datetime, number: int, target: str) -> Any:
        books.settle_payout(books.accounts[act.account].payouts[number], target)

    def paper_adjust(self, books: Books, act: Act, now: datetime, lot: int | None, **args: Any) -> Any:
        account = books.accounts[act.account]
        books.request_adjustment(account, lot=None if lot is None else account.lots[lot], now=now, **args)
        return len(account.adjustments) - 1

    def paper_decide_adjustment(self, books: Books, act: Act, now: datetime, number: int, decision: str, by: str) -> Any:
        books.decide_adjustment(books.accounts[act.account].adjustments[number], decision, by, now)

    def paper_pay(self, books: Books, act: Act, now: datetime, number: int | None, spend_key: str | None, **args: Any) -> Any:
        account = books.accounts[act.account]
        spent = (spend_key, books.spends[act.account, spend_key][1]) if spend_key else None
        return books.pay(account, hold=None if number is None else account.holds[number], spent=spent, now=now, **args)

    def paper_refund_payment(self, books: Books, act: Act, now: datetime, **args: Any) -> Any:
        return books.refund_payment(act.store, now=now, **args)

    # -- the same acts by the services -------------------------------------------------------------------------------------------

    def for_real(self, act: Act, now: datetime) -> Any:  # noqa: PLR0911, PLR0912 - one case an act
        """What the service returns; ``tell`` makes it comparable once all rows have names. Raises ``BusinessError``."""
        by = self.staff["ann"]
        member, store = self.members[act.account], self.stores[act.store]
        key: dict[str, Any] = {"idempotency_key": act.key, "by": by, "now": now}
        args = dict(act.args)
        match act.name:
            case "top_up":
                return top_up(member=member, principal=yuan(args.pop("p")), bonus=yuan(args.pop("b")), **args, **key)
            case "spend" | "hold":
                whose: dict[str, Any] = {"member": member}
                if act.account in self.account_pks:  # as the API does, which has read the account: one statement in all
                    whose = {"account": CreditAccount(pk=self.account_pks[act.account])}
                do = spend if act.name == "spend" else hold
                lines = [LineShare(line, yuan(share)) for line, share in args["lines"]]
                return do(**whose, amount=yuan(args["amount"]), order_no=args["order_no"], lines=lines, deduction_order=args["order"], **key)
            case "capture":
                lines = [LineShare(line, yuan(share)) for line, share in args["lines"]]
                amount = None if args["amount"] is None else yuan(args["amount"])
                return capture(hold=self.pks["holds"][act.account, args["number"]], amount=amount, lines=lines, **key)
            case "release":
                return release(hold=self.pks["holds"][act.account, args["number"]], **key)
            case "refund":
                asked = None
                if args["lines"] is not None:
                    asked = [RefundLine(line, None if credit is None else yuan(credit)) for line, credit in args["lines"]]
                return refund_spend(store_id=store.pk, order_no=args["order_no"], lines=asked, **key)
            case "sweep":
                return lapse.sweep_lapsed(now=now, max_accounts=args["max_accounts"])
            case "refund_top_up":
                source_no = self.source_nos[act.account, args["lot"]]
                return top_up_refund.refund_top_up(store_id=store.pk, source_no=source_no, **key)
            case "settle_payout":
                payout = CreditPayout.objects.get(pk=self.pks["payouts"][act.account, args["number"]])
                if args["target"] == "PAID":
                    return payouts.mark_paid(payout=payout, reference="bank 7", by=by, now=now)
                if args["target"] == "RETURN_FAILED":
                    return payouts.mark_failed(payout=payout, error="account closed", by=by, now=now)
                return payouts.retry_payout(payout=payout, by=by, now=now)
            case "adjust":
                lot = None if args["lot"] is None else self.pks["lots"][act.account, args["lot"]]
                return adjustments.request_adjustment(
                    member=member, principal=yuan(args["p"]), bonus=yuan(args["b"]), lot=lot and lot_with(lot), expires_at=args["expires_at"],
                    reason="counted again", idempotency_key=act.key, by=self.staff[args["by"]], now=now,
                )  # fmt: skip
            case "decide_adjustment":
                row = CreditAdjustment.objects.get(pk=self.pks["adjustments"][act.account, args["number"]])
                who: dict[str, Any] = {"adjustment": row, "by": self.staff[args["by"]], "now": now}
                if args["decision"] == "APPLIED":
                    return adjustments.approve_adjustment(**who)
                if args["decision"] == "REFUSED":
                    return adjustments.refuse_adjustment(reason="not so", **who)
                return adjustments.withdraw_adjustment(**who)
            case "pay":
                return payments.record_payment(
                    store=store, member=member, order_no=args["order_no"], paid_at=args["paid_at"],
                    amount=yuan(sum(amount for _, amount, _ in args["lines"])), credit_used=yuan(sum(used for _, _, used in args["lines"])),
                    lines=[payments.PaymentLine(line, yuan(amount), yuan(used)) for line, amount, used in args["lines"]],
                    hold_id=None if args["number"] is None else self.pks["holds"][act.account, args["number"]], spend_key=args["spend_key"], **key,
                )  # fmt: skip
            case "refund_payment":
                going = None
                if args["lines"] is not None:
                    going = [payments.RefundOf(line, None if amount is None else yuan(amount)) for line, amount in args["lines"]]
                return payments.refund_payment(store=store, order_no=args["order_no"], lines=going, refunded_at=args["refunded_at"], **key)
        raise AssertionError(act.name)

    def tell(self, act: Act, raw: Any) -> Any:  # noqa: PLR0911 - one case an act
        """The service's answer in the model's words."""

        def parts(given: Any) -> Any:
            return tuple((self.numbers["lots"][part.lot_id], part.line_no, fen(part.principal), fen(part.bonus), fen(part.balance_after)) for part in given)

        match act.name:
            case "top_up":
                return self.numbers["lots"][raw.lot_id], fen(raw.principal), fen(raw.bonus), fen(raw.balance_after)
            case "spend":
                holds("L11", sum((part.amount for part in raw.parts), Decimal(0)) == raw.amount == yuan(act.args["amount"]), raw)
                return parts(raw.parts)
            case "hold":
                holds("L11", sum((part.amount for part in raw.parts), Decimal(0)) == raw.amount == yuan(act.args["amount"]), raw)
                return self.numbers["holds"][raw.hold_id][1], parts(raw.parts)
            case "capture":
                holds("L11", fen(raw.captured) == sum(fen(part.amount) for part in raw.parts), raw)
                holds("L11", fen(raw.released) == sum(fen(part.amount) for part in raw.released_parts), raw)
                return parts(raw.parts), parts(raw.released_parts)
            case "release":
                return parts(raw.parts)
            case "refund":
                return tuple(sorted(parts(raw.parts), key=lambda part: part[0][0]))
            case "sweep":
                holds("sweep", raw.waiting == 0, raw)
                return raw.lots, raw.payouts, fen(raw.paid_back), fen(raw.void_principal), fen(raw.void_bonus)
            case "refund_top_up":
                return fen(raw.paid_back), fen(raw.voided)
            case "adjust":
                return self.numbers["adjustments"][raw.pk][1]
            case "pay":
                return raw.created
            case "refund_payment":
                return fen(raw.refund.amount), fen(raw.refund.credit)
        return None

    @property
    def source_nos(self) -> dict[tuple[str, int], str]:
        return {
            (account.name, lot.number): lot.source_no or lot_with(self.pks["lots"][account.name, lot.number]).source_no
            for account in self.books.accounts.values()
            for lot in account.lots
        }

    def change_policy(self, store: str, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self.books.policies[store], name, value)
        if "adjustment_limit" in fields:
            fields["adjustment_limit"] = yuan(fields["adjustment_limit"])
        policy.change_policy(store=self.stores[store], by=None, now=NOON, **fields)


def lot_with(pk: int) -> Any:
    from members.models import CreditLot

    return CreditLot.objects.get(pk=pk)


def _parts_of(entries: list[Entry], kind: str) -> Any:
    return tuple(((e.account, e.lot), e.line, *(e.captured or (abs(e.p), abs(e.b))), e.after) for e in entries if e.kind == kind)


def _parts(books: Books, act: Callable[[], Any], kind: str) -> Any:
    before = len(books.entries)
    act()
    return _parts_of(books.entries[before:], kind)


def same(what: str, real: Any, expected: Any) -> None:
    if real != expected:
        raise LawBroken("model", f"{what}\n  real:  {real}\n  paper: {expected}")


def outcome(act: Callable[[], Any]) -> tuple[str, Any]:
    """("ok", what it returned) or ("refused", code and what is available)."""
    try:
        return "ok", act()
    except Refused as refused:
        return "refused", (refused.code, refused.facts.get("available"))
    except BusinessError as refused:
        available = refused.facts.get("available")
        return "refused", (refused.code, None if available is None else fen(available))


__all__ = ["ACCOUNTS", "PEOPLE", "Act", "LawBroken", "World", "end_of_day", "fen", "holds", "outcome", "same", "us", "yuan"]
