"""Many at once: spenders of one account, one key sent many times, one key for two accounts. Real connections, real locks."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from members.models import CreditEntry, CreditLot
from members.selectors.proof import prove_ledger
from members.services.credit import CreditRefused, spend
from tests.factories import NOON, make_member, make_store
from tests.members.ledger import account_of, entries_total, give, member_with, take, yuan

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(workers, act):
    """``act(number)`` in ``workers`` threads that start together, each with its own connection. What each returned or refused."""
    barrier = Barrier(workers)

    def run(number):
        try:
            barrier.wait()
            return act(number)
        except CreditRefused as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, range(workers)))


def test_32_parallel_spenders_never_go_below_zero_and_the_sum_is_exact():
    member = make_member(make_store())
    for _ in range(5):
        give(member, 10, 2)  # 60 in 5 lots; 32 spenders want 3 each: 20 get it
    outcomes = at_once(32, lambda number: take(member, 3).amount)
    assert Counter(outcomes) == {yuan(3): 20, "not_enough_credit": 12}
    assert account_of(member).balance == 0
    assert entries_total(member) == 0
    assert CreditLot.objects.filter(account__member=member, principal_left=0, bonus_left=0).count() == 5
    assert prove_ledger().holds


def test_100_requests_with_one_key_make_one_entry():
    member = member_with(100, 20)

    def send(_):
        results = [take(member, 30, order_no="A", idempotency_key="k") for _ in range(10)]
        return [(result.replayed, result.parts) for result in results]

    answers = [answer for answers in at_once(10, send) for answer in answers]
    assert CreditEntry.objects.filter(idempotency_key="k").count() == 1
    assert Counter(replayed for replayed, _ in answers) == {True: 99, False: 1}
    assert len({parts for _, parts in answers}) == 1
    assert account_of(member).balance == yuan(90)


def test_one_key_for_two_accounts_at_once_is_used_by_one_and_refused_to_the_other():
    store = make_store()
    members = [member_with(10, store=store), member_with(10, store=store)]
    outcomes = at_once(2, lambda number: take(members[number], 4, order_no="A", idempotency_key="k").amount)
    assert Counter(outcomes) == {yuan(4): 1, "idempotency_key_reused": 1}
    assert sorted(account_of(member).balance for member in members) == [yuan(6), yuan(10)]
    assert prove_ledger().holds


def test_first_top_ups_at_once_open_one_account():
    member = make_member(make_store())
    at_once(8, lambda number: give(member, 1, source_no=f"N{number}").balance_after)
    assert account_of(member).balance == yuan(8)
    assert prove_ledger().holds


def test_spends_and_top_ups_at_once_agree():
    member = member_with(20)
    outcomes = at_once(16, lambda number: (give(member, 5, now=NOON) and "given") if number % 2 else take(member, 5) and "taken")
    taken = outcomes.count("taken")
    assert account_of(member).balance == yuan(20 + 8 * 5 - taken * 5) == entries_total(member)
    assert prove_ledger().holds


def test_a_spend_is_one_statement_outside_of_a_transaction():
    member = member_with(10)
    account = account_of(member)
    with CaptureQueriesContext(connection) as queries:
        spend(account=account, amount=yuan(3), order_no="A", idempotency_key="k", by=None, now=NOON)
    assert len(queries) == 1
    assert account_of(member).balance == yuan(7)
    assert prove_ledger().holds
