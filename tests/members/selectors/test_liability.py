"""What stores owe and how it moved: every figure is a sum of the ledger, to the fen."""

from __future__ import annotations

import random
import tracemalloc
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum

from backoffice.kernel import clock
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.tenancy.models import Store
from members.choices import DeductionOrder, LapsePolicy, RefundAfterLapse, TopUpRefundPolicy
from members.models import CreditAccount, CreditEntry, CreditLot, CreditPolicy
from members.selectors.liability import CLOSING, OPENING, MonthLiability, MonthMovement, held_credit, lapse_and_breakage, liability_by_month, movements
from members.selectors.proof import prove_ledger
from members.services.credit import capture, hold, refund_spend, release
from members.services.credit.adjustments import request_adjustment
from members.services.credit.lapse import sweep_lapsed
from members.services.credit.top_up_refund import refund_top_up
from tests.factories import NOON, make_member, make_store, make_user
from tests.members.ledger import give, member_with, take, yuan

pytestmark = pytest.mark.django_db
SOON = NOON + timedelta(days=1)


def entry_sums(store_ids: list[int], **filters: Any) -> tuple[Decimal, Decimal]:
    sums = CreditEntry.objects.filter(store_id__in=store_ids, **filters).aggregate(p=Sum("principal_amount"), b=Sum("bonus_amount"))
    return yuan(sums["p"] or 0), yuan(sums["b"] or 0)


class TestLiability:
    def test_by_local_month_with_lapsed_first_and_never_last(self) -> None:
        store = make_store()
        member = member_with(1, "0.10", store=store, expires_at=NOON - timedelta(minutes=1))
        give(member, 2, "0.20", expires_at=clock.day_start(date(2026, 12, 1)))  # midnight of the 1st: lapses with November
        give(member, 4, "0.40", expires_at=clock.day_start(date(2026, 12, 1)) + timedelta(seconds=1))
        give(member, 8, "0.80")
        member_with(16, store=store, expires_at=SOON)
        member_with(100)  # another store's

        assert liability_by_month([store.pk], NOON) == [
            MonthLiability(date(2026, 11, 1), lapsed=True, principal=yuan(1), bonus=yuan("0.10"), lots=1, accounts=1),
            MonthLiability(date(2026, 11, 1), lapsed=False, principal=yuan(18), bonus=yuan("0.20"), lots=2, accounts=2),
            MonthLiability(date(2026, 12, 1), lapsed=False, principal=yuan(4), bonus=yuan("0.40"), lots=1, accounts=1),
            MonthLiability(None, lapsed=False, principal=yuan(8), bonus=yuan("0.80"), lots=1, accounts=1),
        ]

    def test_no_store_owes_nothing(self) -> None:
        member_with(1)
        today = NOON.date()
        assert (liability_by_month([], NOON), held_credit([]), lapse_and_breakage([], today, today), list(movements([], today, today))) == ([], 0, [], [])


class TestMovedInAMonth:
    def test_each_kind_in_its_column(self) -> None:
        store, by = make_store(), make_user()
        member = member_with(100, 20, store=store, expires_at=SOON)
        take(member, 30, order_no="A")
        held = hold(member=member, amount=yuan(12), order_no="B", idempotency_key="h", by=None, now=NOON)
        capture(hold=held.hold_id, amount=yuan(6), idempotency_key="c", by=None, now=NOON)
        hold(member=member, amount=yuan(18), order_no="C", idempotency_key="h2", by=None, now=NOON)
        refund_spend(store_id=store.pk, order_no="A", lines=None, idempotency_key="r", by=None, now=NOON)
        request_adjustment(member=member, principal=yuan(-3), bonus=yuan(0), reason="x", idempotency_key="a", by=by, now=NOON)
        sweep_lapsed(now=SOON)
        give(member, 7, now=SOON + timedelta(days=30))

        november, december = lapse_and_breakage([store.pk], date(2026, 11, 1), date(2026, 12, 31))

        assert november == MonthMovement(
            month=date(2026, 11, 1),
            topped_up=yuan(120),
            spent=yuan(36),
            refunded=yuan(30),
            lapsed_principal=yuan(0),
            lapsed_bonus=yuan(16),
            paid_back=yuan(77),
            adjusted=yuan(-3),
            held=yuan(18),
            change=yuan(0),
        )
        assert november.breakage_rate == Decimal("0.1616")  # 16 of 36 - 30 + 16 + 77
        assert (december.month, december.topped_up, december.change, december.breakage_rate) == (date(2026, 12, 1), yuan(7), yuan(7), None)

    def test_days_are_local_and_both_ends_are_in(self) -> None:
        member = member_with(1, now=clock.day_start(date(2026, 12, 1)) - timedelta(microseconds=1))
        give(member, 2, now=clock.day_start(date(2026, 12, 1)))
        give(member, 4, now=clock.day_start(date(2026, 12, 3)) - timedelta(microseconds=1))
        give(member, 8, now=clock.day_start(date(2026, 12, 3)))
        stores = [member.store_id]

        def topped_up(from_day: date, to_day: date) -> list[tuple[date, Decimal]]:
            return [(row.month, row.topped_up) for row in lapse_and_breakage(stores, from_day, to_day)]

        assert topped_up(date(2026, 11, 30), date(2026, 12, 2)) == [(date(2026, 11, 1), yuan(1)), (date(2026, 12, 1), yuan(6))]
        assert topped_up(date(2026, 12, 3), date(2026, 12, 3)) == [(date(2026, 12, 1), yuan(8))]
        assert [(line.kind, line.balance_principal) for line in movements(stores, date(2026, 12, 1), date(2026, 12, 2))] == [
            (OPENING, yuan(1)), ("TOP_UP", yuan(3)), ("TOP_UP", yuan(7)), (CLOSING, yuan(7)),
        ]  # fmt: skip


class TestMovements:
    def test_a_line_says_what_moved_and_for_what(self) -> None:
        store, by = make_store(), make_user()
        member = make_member(store, "M7")
        give(member, 100, 20, source_no="T", by=by)
        take(member, 30, order_no="A", by=by)

        opening, top_up, spent, closing = movements([store.pk], NOON.date(), NOON.date())

        assert (opening.kind, opening.happened_at, opening.balance_principal, opening.held) == (OPENING, clock.day_start(NOON.date()), 0, 0)
        assert (top_up.kind, top_up.member_no, top_up.source_no, top_up.principal, top_up.bonus, top_up.actor_id) == ("TOP_UP", "M7", "T", 100, 20, by.pk)
        assert (spent.kind, spent.order_no, spent.principal, spent.bonus, spent.balance_principal, spent.balance_bonus) == ("SPEND", "A", -25, -5, 75, 15)
        assert spent.entry_id == CreditEntry.objects.latest("pk").pk
        assert (closing.kind, closing.happened_at, closing.principal, closing.balance_principal, closing.balance_bonus) == (
            CLOSING, clock.day_end(NOON.date()), 0, 75, 15,
        )  # fmt: skip

    def test_a_store_without_entries_has_its_two_lines(self) -> None:
        store = make_store()
        assert [(line.kind, line.balance_principal) for line in movements([store.pk], NOON.date(), NOON.date())] == [(OPENING, 0), (CLOSING, 0)]

    def test_the_memory_it_takes_does_not_grow(self) -> None:
        member = member_with(1)
        entry = CreditEntry.objects.get()
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO members_creditentry (store_id, account_id, lot_id, kind, principal_amount, bonus_amount, balance_after, idempotency_key, seq,
                                                 body_hash, order_no, reason, happened_at)
                SELECT %s, %s, %s, 'TOP_UP', 1, 0, 1, 'many-' || n, 1, '', '', '', %s FROM generate_series(1, 30000) n
                """,
                [member.store_id, entry.account_id, entry.lot_id, NOON],
            )

        tracemalloc.start()
        count = sum(1 for _ in movements([member.store_id], NOON.date(), NOON.date()))
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert count == 30003
        assert peak < 12_000_000  # all rows at once take 60 MB

    def test_without_cursors_of_the_server_the_lines_are_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        member = member_with(1)
        lines = list(movements([member.store_id], NOON.date(), NOON.date()))
        monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
        assert list(movements([member.store_id], NOON.date(), NOON.date())) == lines


class History:
    """A random history of two stores over three months, through the services."""

    def __init__(self, seed: int) -> None:
        self.dice, self.now, self.by = random.Random(seed), NOON, make_user()
        self.stores = [self.store(), self.store()]
        self.members = [make_member(store) for store in self.stores for _ in range(3)]
        self.orders: list[tuple[int, str]] = []
        self.holds: list[int] = []
        self.top_ups: list[tuple[int, str]] = []
        self.number = 0

    def store(self) -> Store:
        store, dice = make_store(), self.dice
        CreditPolicy.objects.create(
            store=store,
            deduction_order=dice.choice(DeductionOrder.values),
            on_lapse=dice.choice(LapsePolicy.values),
            refund_after_lapse=dice.choice(RefundAfterLapse.values),
            top_up_refund=dice.choice(TopUpRefundPolicy.values),
        )
        return store

    def fen(self, most: int = 3000) -> Decimal:
        return Decimal(self.dice.randint(1, most)) / 100

    def step(self) -> None:
        dice, member = self.dice, self.dice.choice(self.members)
        self.number += 1
        self.now += timedelta(minutes=dice.choice([0, 1, 60, 60 * 24, 60 * 24 * 5]))
        common: dict[str, Any] = {"idempotency_key": f"k{self.number}", "by": None, "now": self.now}
        match dice.choice(["give", "give", "take", "take", "hold", "settle", "refund", "sweep", "top_up_refund", "adjust"]):
            case "give":
                give(member, str(self.fen()), str(self.fen(500)), now=self.now, source_no=f"T{self.number}",
                     expires_at=dice.choice([None, self.now + timedelta(days=dice.randint(1, 40))]))  # fmt: skip
                self.top_ups.append((member.store_id, f"T{self.number}"))
            case "take":
                take(member, str(self.fen(1500)), order_no=f"O{self.number}", now=self.now)
                self.orders.append((member.store_id, f"O{self.number}"))
            case "hold":
                self.holds.append(hold(member=member, amount=self.fen(1000), order_no=f"O{self.number}", **common).hold_id)
            case "settle" if self.holds:
                held = self.holds.pop(dice.randrange(len(self.holds)))
                if dice.random() < 0.5:
                    release(hold=held, **common)
                else:
                    capture(hold=held, amount=dice.choice([None, yuan("0.01")]), **common)
            case "refund" if self.orders:
                store_id, order_no = self.orders.pop(dice.randrange(len(self.orders)))
                refund_spend(store_id=store_id, order_no=order_no, lines=None, **common)
            case "sweep":
                sweep_lapsed(now=self.now)
            case "top_up_refund" if self.top_ups:
                store_id, source_no = dice.choice(self.top_ups)
                refund_top_up(store_id=store_id, source_no=source_no, **common)
            case "adjust":
                sign = dice.choice([1, -1])
                request_adjustment(member=member, principal=sign * self.fen(300), bonus=sign * self.fen(300), reason="x", **(common | {"by": self.by}))

    def play(self, steps: int) -> None:
        for _ in range(steps):
            try:
                self.step()
            except BusinessError:
                continue


@pytest.mark.parametrize("seed", range(4))
def test_all_figures_are_sums_of_the_ledger_in_random_histories(seed: int) -> None:
    history = History(seed)
    history.play(160)
    assert prove_ledger().holds
    every = [store.pk for store in history.stores]
    kinds = set(CreditEntry.objects.values_list("kind", flat=True))
    assert kinds >= {"TOP_UP", "SPEND", "HOLD", "REFUND", "ADJUST"}
    assert kinds & {"LAPSE", "PAYOUT"}
    first, last = NOON.date(), clock.local_day(history.now)
    middle = first + (last - first) / 2

    for stores in (every, every[:1], every[1:]):
        check_liability(stores, history.now)
        check_months(stores, first, last)
        check_movements(stores, first, middle, last)


def check_liability(stores: list[int], now: datetime) -> None:
    rows = liability_by_month(stores, now)
    principal, bonus = entry_sums(stores)
    assert (sum(row.principal for row in rows), sum(row.bonus for row in rows)) == (principal, bonus)
    accounts = CreditAccount.objects.filter(store_id__in=stores)
    assert sum(row.amount for row in rows) == sum(account.balance for account in accounts)
    assert held_credit(stores) == sum(account.held for account in accounts)
    left = [lot for lot in CreditLot.objects.filter(store_id__in=stores) if lot.principal_left + lot.bonus_left]
    by_month: dict[Any, list[CreditLot]] = defaultdict(list)
    for lot in left:
        month = lot.expires_at and clock.local_day(lot.expires_at - timedelta(microseconds=1)).replace(day=1)
        by_month[month, lot.expires_at is not None and lot.expires_at <= now].append(lot)
    assert {(row.month, row.lapsed): (row.principal, row.bonus, row.lots, row.accounts) for row in rows} == {
        key: (sum(lot.principal_left for lot in lots), sum(lot.bonus_left for lot in lots), len(lots), len({lot.account_id for lot in lots}))
        for key, lots in by_month.items()
    }


def check_months(stores: list[int], first: date, last: date) -> None:
    rows = lapse_and_breakage(stores, first, last)
    entries = list(CreditEntry.objects.filter(store_id__in=stores))

    def summed(month: date, *kinds: str) -> Decimal:
        chosen = [entry for entry in entries if entry.kind in kinds and clock.local_day(entry.happened_at).replace(day=1) == month]
        return sum((entry.principal_amount + entry.bonus_amount for entry in chosen), Decimal(0))

    def captured(month: date) -> Decimal:
        chosen = [entry for entry in entries if entry.kind == "CAPTURE" and clock.local_day(entry.happened_at).replace(day=1) == month]
        return sum((entry.captured_principal + entry.captured_bonus for entry in chosen), Decimal(0))

    for row in rows:
        month = row.month
        assert (row.topped_up, row.refunded, row.adjusted) == (summed(month, "TOP_UP"), summed(month, "REFUND"), summed(month, "ADJUST"))
        assert (row.spent, row.lapsed, row.paid_back) == (captured(month) - summed(month, "SPEND"), -summed(month, "LAPSE"), -summed(month, "PAYOUT"))
        assert row.change == row.topped_up - row.spent + row.refunded - row.lapsed - row.paid_back + row.adjusted - row.held
    assert sum(row.change for row in rows) == sum(entry_sums(stores))
    assert sum(row.held for row in rows) == held_credit(stores)


def check_movements(stores: list[int], first: date, middle: date, last: date) -> None:
    whole, early, late = (list(movements(stores, *span)) for span in ((first, last), (first, middle), (middle + timedelta(days=1), last)))
    told = [line.entry_id for line in whole if line.entry_id]
    assert sorted(told) == sorted(CreditEntry.objects.filter(store_id__in=stores).values_list("pk", flat=True))
    assert sorted(line.entry_id for line in [*early, *late] if line.entry_id) == sorted(told)
    for store in stores:
        opening, *lines, closing = [line for line in whole if line.store_id == store]
        assert (opening.kind, closing.kind, opening.balance_principal, opening.balance_bonus, opening.held) == (OPENING, CLOSING, 0, 0, 0)
        assert [line.happened_at for line in lines] == sorted(line.happened_at for line in lines)
        assert (closing.balance_principal, closing.balance_bonus) == entry_sums([store])
        assert closing.held == held_credit([store])
        [end] = [line for line in early if line.store_id == store and line.kind == CLOSING]
        [start] = [line for line in late if line.store_id == store and line.kind == OPENING]
        assert (end.balance_principal, end.balance_bonus, end.held, end.happened_at) == (
            start.balance_principal, start.balance_bonus, start.held, start.happened_at,
        )  # fmt: skip
        assert (end.balance_principal, end.balance_bonus) == entry_sums([store], happened_at__lt=clock.day_end(middle))
        assert [line for line in late if line.store_id == store][-1] == closing
