"""Lapsing: late, twice, two at once and killed; what goes to the payer and what is void."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from decimal import Decimal
from threading import Event, Thread
from typing import Any

import pytest
from django.db import connection, transaction

from backoffice.kernel.locks import in_transaction
from members.choices import EntryKind, LapsePolicy, PayoutCause, PayoutStatus
from members.models import CreditAccount, CreditEntry, CreditLot, CreditPayout, CreditPolicy
from members.selectors.policy import policy_of
from members.selectors.proof import prove_ledger
from members.services.credit import NotEnoughCredit, capture, hold, lapse, release
from members.services.credit.book import Move, book
from members.services.credit.lapse import Swept, after_lapse, lapse_moves, sweep_lapsed
from members.services.locks import lock_account
from tests.factories import NOON, make_member, make_store
from tests.members.ledger import account_of, entries_total, everything, give, member_with, take, yuan

SOON = NOON + timedelta(days=1)
LATER = NOON + timedelta(days=9)


def lot_of(member: Any) -> CreditLot:
    return CreditLot.objects.get(account__member=member)


def sweeps_of(member: Any) -> list[tuple[Any, ...]]:
    entries = CreditEntry.objects.filter(account__member=member, kind__in=[EntryKind.LAPSE, EntryKind.PAYOUT]).order_by("pk")
    return list(entries.values_list("kind", "principal_amount", "bonus_amount", "balance_after", "idempotency_key", "seq"))


def void(store: Any) -> None:
    CreditPolicy.objects.update_or_create(store=store, defaults={"on_lapse": LapsePolicy.VOID})


def put_back(lot: CreditLot, principal: str | int, bonus: str | int = 0, *, key: str) -> None:
    """As a refund does: something comes back to the lot."""
    account = lock_account(lot.account_id)
    assert account is not None
    lot.refresh_from_db()
    book(account, [Move(lot, EntryKind.ADJUST, principal=yuan(principal), bonus=yuan(bonus))], idempotency_key=key, body=b"", by=None, now=LATER)


@pytest.mark.django_db
class TestOneLot:
    def test_pay_back_returns_the_principal_and_voids_the_bonus(self) -> None:
        member = member_with(100, 20, expires_at=SOON)
        take(member, 30)

        swept = sweep_lapsed(now=SOON)

        assert swept == Swept(accounts=1, lots=1, payouts=1, paid_back=yuan(75), void_principal=yuan(0), void_bonus=yuan(15))
        key = f"lapse:{lot_of(member).pk}:0"
        assert sweeps_of(member) == [("PAYOUT", yuan(-75), yuan(0), yuan(15), key, 1), ("LAPSE", yuan(0), yuan(-15), yuan(0), key, 2)]
        payout = CreditPayout.objects.get()
        entry = CreditEntry.objects.get(kind=EntryKind.PAYOUT)
        assert (payout.amount, payout.cause, payout.status, payout.entry, payout.lot) == (yuan(75), PayoutCause.LAPSE, PayoutStatus.WAITING, entry, entry.lot)
        assert (payout.account, payout.store, payout.created_at, entry.happened_at) == (entry.account, member.store, SOON, SOON)
        assert account_of(member).balance == entries_total(member) == 0
        assert prove_ledger().holds

    def test_void_takes_everything_and_pays_nothing(self) -> None:
        member = member_with(100, 20, expires_at=SOON)
        void(member.store)

        assert sweep_lapsed(now=SOON) == Swept(accounts=1, lots=1, void_principal=yuan(100), void_bonus=yuan(20))

        assert sweeps_of(member) == [("LAPSE", yuan(-100), yuan(-20), yuan(0), f"lapse:{lot_of(member).pk}:0", 1)]
        assert not CreditPayout.objects.exists()
        assert prove_ledger().holds

    def test_a_lot_lapses_at_its_instant_and_not_before(self) -> None:
        member = member_with(1, expires_at=SOON)
        before = everything(member)

        assert sweep_lapsed(now=SOON - timedelta(microseconds=1)) == Swept()
        assert everything(member) == before
        assert sweep_lapsed(now=SOON).lots == 1

    def test_lots_in_time_and_without_an_end_stay(self) -> None:
        member = member_with(1, expires_at=SOON)
        give(member, 2, expires_at=LATER)
        give(member, 4)

        sweep_lapsed(now=SOON)

        assert account_of(member).balance == yuan(6)

    def test_late_and_twice_change_nothing_more(self) -> None:
        member = member_with(100, 20, expires_at=SOON)
        sweep_lapsed(now=LATER)  # eight days late
        after = everything(member)

        assert sweep_lapsed(now=LATER) == Swept()
        assert sweep_lapsed(now=SOON) == Swept()
        assert everything(member) == after

    def test_not_swept_yet_it_cannot_be_spent_either(self) -> None:
        member = member_with(100, expires_at=SOON)

        with pytest.raises(NotEnoughCredit):
            take(member, 1, now=SOON)

        assert sweep_lapsed(now=SOON).paid_back == yuan(100)

    def test_several_lots_and_accounts_tell_their_balances_in_order(self) -> None:
        store = make_store()
        member = member_with(10, 1, store=store, expires_at=SOON)
        give(member, 20, 2, expires_at=SOON + timedelta(hours=1))
        give(member, 40)
        other = member_with(5, store=store, expires_at=SOON)

        swept = sweep_lapsed(now=LATER, max_accounts=1)

        assert (swept.accounts, swept.lots, swept.paid_back, swept.void_bonus) == (2, 3, yuan(35), yuan(3))
        assert [row[3] for row in sweeps_of(member)] == [yuan(63), yuan(62), yuan(42), yuan(40)]
        assert (account_of(member).balance, account_of(other).balance) == (yuan(40), 0)
        assert prove_ledger().holds

    def test_held_credit_does_not_lapse_and_is_captured_or_comes_back_afterwards(self) -> None:
        member = member_with(100, 20, expires_at=SOON)
        kept, freed = (hold(member=member, amount=yuan(30), order_no=key, idempotency_key=key, by=None, now=NOON) for key in ("A", "B"))

        swept = sweep_lapsed(now=SOON)

        assert (swept.paid_back, swept.void_bonus) == (yuan(50), yuan(10))
        assert (account_of(member).balance, account_of(member).held) == (0, yuan(60))
        assert prove_ledger().holds

        capture(hold=kept.hold_id, idempotency_key="c", by=None, now=LATER)
        release(hold=freed.hold_id, idempotency_key="r", by=None, now=LATER)  # the lot lives seven days more, once
        assert sweep_lapsed(now=LATER) == Swept()
        swept = sweep_lapsed(now=LATER + timedelta(days=9))
        assert (swept.paid_back, swept.void_bonus) == (yuan(25), yuan(5))
        assert (account_of(member).balance, account_of(member).held) == (0, 0)
        assert sum(CreditPayout.objects.values_list("amount", flat=True)) == yuan(75)
        assert prove_ledger().holds

    def test_a_lot_that_got_something_back_lapses_again_under_the_next_key(self) -> None:
        member = member_with(100, 20, expires_at=SOON)
        take(member, 30)
        sweep_lapsed(now=SOON)
        put_back(lot_of(member), 25, 5, key="refund")

        swept = sweep_lapsed(now=LATER)

        assert (swept.paid_back, swept.void_bonus) == (yuan(25), yuan(5))
        assert [row[4] for row in sweeps_of(member)] == [f"lapse:{lot_of(member).pk}:{n}" for n in (0, 0, 1, 1)]
        assert [payout.amount for payout in CreditPayout.objects.order_by("pk")] == [yuan(75), yuan(25)]
        assert prove_ledger().holds

    def test_a_key_that_somebody_else_used_does_not_stop_the_sweep(self) -> None:
        member = member_with(5, expires_at=SOON)
        give(member, 1, idempotency_key=f"lapse:{lot_of(member).pk}:0")

        assert sweep_lapsed(now=SOON).paid_back == yuan(5)
        assert prove_ledger().holds

    def test_a_lot_never_pays_back_more_than_was_paid(self) -> None:
        """A top-up refund by ratio may have paid for some of what a refunded order brings back."""
        member = member_with(100, expires_at=SOON)
        lot = lot_of(member)
        take(member, 30)
        sweep_lapsed(now=SOON)
        CreditPayout.objects.update(amount=75)
        put_back(lot, 30, key="refund")
        lot.refresh_from_db()

        assert [(move.kind, move.principal) for move in lapse_moves(lot, policy_of(lot.store_id))] == [("PAYOUT", yuan(-25)), ("LAPSE", yuan(-5))]
        swept = sweep_lapsed(now=LATER)
        assert (swept.paid_back, swept.void_principal) == (yuan(25), yuan(5))

    def test_the_policy_of_each_store_counts(self) -> None:
        kind, strict = member_with(10, expires_at=SOON), member_with(10, expires_at=SOON)
        void(strict.store)

        swept = sweep_lapsed(now=SOON)

        assert (swept.paid_back, swept.void_principal) == (yuan(10), yuan(10))
        assert [row[0] for row in sweeps_of(kind)] == ["PAYOUT"]
        assert [row[0] for row in sweeps_of(strict)] == ["LAPSE"]

    def test_a_sweep_without_time_stops_and_the_next_goes_on(self) -> None:
        member_with(1, expires_at=SOON)
        assert sweep_lapsed(now=SOON, seconds=-1) == Swept()
        assert sweep_lapsed(now=SOON).lots == 1


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(3))
def test_the_statement_and_the_moves_in_python_are_the_same(seed: int) -> None:
    """Random lots: one half is swept by the statement, the other by `lapse_moves`, `book` and `after_lapse`; all figures are equal."""
    dice = random.Random(seed)
    store = make_store()
    if dice.random() < 0.3:
        void(store)
    pairs = []
    for _ in range(12):
        by_statement, by_moves = make_member(store), make_member(store)
        for _lot in range(dice.randint(1, 3)):
            principal, bonus, expires_at = Decimal(dice.randint(0, 500)) / 100, Decimal(dice.randint(1, 300)) / 100, SOON + timedelta(hours=dice.randint(0, 9))
            for member in (by_statement, by_moves):
                give(member, str(principal), str(bonus), expires_at=expires_at)
        spent = Decimal(dice.randint(1, int(account_of(by_statement).balance * 100))) / 100
        for member in (by_statement, by_moves):
            take(member, str(spent))
        pairs.append((by_statement, by_moves))
    for _by_statement, member in pairs:
        account = lock_account(account_of(member).pk)
        assert account is not None
        moves = [move for lot in CreditLot.objects.filter(account=account).order_by("expires_at", "pk") for move in lapse_moves(lot, policy_of(store.pk))]
        after_lapse(account, book(account, moves, idempotency_key=f"python-{member.pk}", body=b"", by=None, now=LATER), LATER)

    sweep_lapsed(now=LATER)

    for by_statement, by_moves in pairs:
        assert [row[:4] for row in sweeps_of(by_statement)] == [row[:4] for row in sweeps_of(by_moves)]
        paid = [
            list(CreditPayout.objects.filter(account__member=member).order_by("pk").values_list("amount", "cause", "status", "attempt_count", "created_at"))
            for member in (by_statement, by_moves)
        ]
        assert paid[0] == paid[1]
    assert not CreditAccount.objects.filter(balance__gt=0).exists()
    assert prove_ledger().holds


def in_threads(*acts: Any) -> list[Any]:
    results: list[Any] = [None] * len(acts)

    def run(place: int) -> None:
        try:
            results[place] = acts[place]()
        except Exception as error:  # noqa: BLE001 - shown by the caller's assertion
            results[place] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_sweeps_at_once_take_every_lot_once(self) -> None:
        store = make_store()
        members = [member_with(10, 1, store=store, expires_at=SOON) for _ in range(40)]

        results = in_threads(*[lambda: sweep_lapsed(now=LATER, max_accounts=3)] * 4)

        total = sum(results, Swept())
        assert (total.accounts, total.lots, total.payouts, total.paid_back, total.void_bonus) == (40, 40, 40, yuan(400), yuan(40))
        assert CreditPayout.objects.count() == 40
        assert all(len(sweeps_of(member)) == 2 for member in members)
        assert prove_ledger().holds

    def test_spenders_at_the_same_time_and_the_sweep_share_the_lot_to_the_fen(self) -> None:
        member = member_with(10, expires_at=SOON)

        def spend_some() -> Decimal:
            spent = yuan(0)
            for _ in range(5):
                try:
                    spent += take(member, 1, now=SOON - timedelta(seconds=1)).amount
                except NotEnoughCredit:
                    break
            return spent

        first, second, swept = in_threads(spend_some, spend_some, lambda: sweep_lapsed(now=SOON))

        assert first + second + swept.paid_back == yuan(10)
        assert account_of(member).balance == 0
        assert prove_ledger().holds

    def test_a_locked_account_holds_nobody_up_and_is_not_lost(self) -> None:
        store = make_store()
        members = [member_with(10, store=store, expires_at=SOON) for _ in range(3)]
        locked, free = Event(), Event()

        def hold_it() -> None:
            with transaction.atomic():
                lock_account(account_of(members[0]).pk)
                locked.set()
                free.wait(10)

        def sweep_past() -> Swept:
            locked.wait(10)
            past = sweep_lapsed(now=SOON, wait_for_others=False)
            free.set()
            return past

        _, past = in_threads(hold_it, sweep_past)
        assert (past.lots, past.waiting) == (2, 1)
        assert sweep_lapsed(now=SOON).lots == 1

    def test_by_default_it_waits_for_the_locked_account(self) -> None:
        member = member_with(10, expires_at=SOON)
        locked = Event()

        def hold_it() -> None:
            with transaction.atomic():
                lock_account(account_of(member).pk)
                locked.set()
                connection.cursor().execute("SELECT pg_sleep(0.3)")

        def sweep() -> Swept:
            locked.wait(10)
            return sweep_lapsed(now=SOON)

        _, swept = in_threads(hold_it, sweep)
        assert swept == Swept(accounts=1, lots=1, payouts=1, paid_back=yuan(10))

    def test_killed_in_the_middle_nothing_of_the_chunk_stays_and_the_next_sweep_does_it(self) -> None:
        store = make_store()
        members = [member_with(10, store=store, expires_at=SOON) for _ in range(4)]

        @in_transaction
        def killed() -> None:
            sweep_lapsed(now=SOON)
            raise KeyboardInterrupt

        before = [everything(member) for member in members]
        with pytest.raises(KeyboardInterrupt):
            killed()

        assert [everything(member) for member in members] == before
        assert not CreditPayout.objects.exists()
        assert sweep_lapsed(now=SOON).lots == 4
        assert prove_ledger().holds


@pytest.mark.django_db
def test_whether_a_key_is_free_is_looked_up_and_not_read_out_of_all_keys_of_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a join it read the first entry of every key of the store for each lot: minutes under a thousand accounts' locks in a store with a million entries."""
    member_with(100, 20, expires_at=SOON)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO members_creditentry (store_id, account_id, lot_id, kind, principal_amount, bonus_amount, balance_after, idempotency_key, seq, "
            "body_hash, order_no, reason, happened_at) SELECT store_id, account_id, lot_id, kind, principal_amount, bonus_amount, balance_after, "
            "'more:' || number, 1, body_hash, order_no, reason, happened_at FROM members_creditentry, generate_series(1, 5000) AS number"
        )
        cursor.execute("ANALYZE members_creditentry")  # what the planner knows is not left to the tests before
    plans: list[str] = []
    run = lapse.fetch_all

    def explained(sql: str, params: Any = None) -> Any:
        if "INSERT INTO members_creditentry" in sql:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", params)
                plans.append("\n".join(row[0] for row in cursor.fetchall()))
        return run(sql, params)

    monkeypatch.setattr(lapse, "fetch_all", explained)
    assert sweep_lapsed(now=SOON).lots == 1
    (plan,) = plans
    probe = plan[plan.index("CTE probe") : plan.index("CTE Scan on probe")]
    assert "Join" not in probe
    assert re.search(r"credit_entry_once_per_key.*\n.*Index Cond: .*idempotency_key", probe)
