"""A spend for the lines of an order: pieces of lots and lines, to the fen."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import ProgrammingError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from members.choices import DeductionOrder
from members.models import CreditEntry
from members.selectors.credit import split_principal
from members.selectors.proof import prove_ledger
from members.services.credit import CreditRefused, IdempotencyKeyReused, LineShare
from members.services.credit.apportion import Share, by_cumulative_floor, in_pieces
from tests.factories import NOON, make_member, make_store
from tests.members.ledger import account_of, everything, give, has_policy, in_lines, member_with, split, take, yuan

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _ledger_is_whole_afterwards():
    yield
    assert prove_ledger().differences == []


def pieces(result):
    return [(part.lot_id, part.line_no, part.principal, part.bonus) for part in result.parts]


def test_a_lot_is_split_as_a_whole_and_then_over_its_lines():
    member = member_with(100, 20)
    # 30 of 100 + 20 is 25 + 5; 25 over 10, 10, 10 by cumulative floor: 8.33, 8.33, 8.34
    result = take(member, 30, lines=in_lines(10, 10, 10))
    assert [(part.line_no, part.principal, part.bonus) for part in result.parts] == [
        (1, yuan("8.33"), yuan("1.67")),
        (2, yuan("8.33"), yuan("1.67")),
        (3, yuan("8.34"), yuan("1.66")),
    ]
    assert split(result) == (yuan(25), yuan(5))
    assert [part.balance_after for part in result.parts] == [yuan(110), yuan(100), yuan(90)]


def test_lots_in_their_order_fill_lines_in_theirs():
    member = make_member(make_store())
    soon = give(member, 10, expires_at=NOON + timedelta(days=1)).lot_id
    late = give(member, 20, expires_at=NOON + timedelta(days=2)).lot_id
    result = take(member, 25, lines=in_lines(4, 16, 5), order_no="A", idempotency_key="k")
    assert pieces(result) == [(soon, 1, 4, 0), (soon, 2, 6, 0), (late, 2, 10, 0), (late, 3, 5, 0)]
    stored = CreditEntry.objects.filter(idempotency_key="k").order_by("seq").values_list("seq", "order_no", "line_no", "principal_amount", "balance_after")
    assert list(stored) == [(1, "A", 1, -4, 26), (2, "A", 2, -6, 20), (3, "A", 2, -10, 10), (4, "A", 3, -5, 5)]
    assert account_of(member).balance == 5


def test_a_spend_without_lines_names_none():
    assert [part.line_no for part in take(member_with(10), 3).parts] == [None]


def test_lines_are_filled_by_number_whatever_their_order_and_those_without_credit_are_left_out():
    member = member_with(20)
    given_lines = [LineShare(7, yuan(3)), LineShare(2, yuan(0)), LineShare(1, yuan("1.50"))]
    first = take(member, "4.50", lines=given_lines, order_no="A", idempotency_key="k")
    assert [(part.line_no, part.amount) for part in first.parts] == [(1, yuan("1.50")), (7, yuan(3))]
    again = take(member, "4.50", lines=given_lines[::-1], order_no="A", idempotency_key="k")
    assert (again.replayed, again.parts) == (True, first.parts)


@pytest.mark.parametrize("other", [[], in_lines(4), in_lines(1, 3), [LineShare(2, yuan(2)), LineShare(3, yuan(2))]])
def test_the_same_key_with_other_lines_is_refused(other):
    member = member_with(10)
    take(member, 4, lines=in_lines(2, 2), order_no="A", idempotency_key="k")
    before = everything(member)
    with pytest.raises(IdempotencyKeyReused):
        take(member, 4, lines=other, order_no="A", idempotency_key="k")
    assert everything(member) == before


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (in_lines(2, "1.99"), "lines_differ"),
        (in_lines(2, "2.01"), "lines_differ"),
        (in_lines(5, -1), "amount_invalid"),
        ([LineShare(1, Decimal("1.999")), LineShare(2, Decimal("2.001"))], "amount_invalid"),
        ([LineShare(1, yuan(2)), LineShare(1, yuan(2))], "lines_invalid"),
        ([LineShare(-1, yuan(4))], "lines_invalid"),
        ([LineShare(2**31, yuan(4))], "lines_invalid"),
        ([LineShare(True, yuan(4))], "lines_invalid"),
        ([LineShare(number, yuan("0.01")) for number in range(1001)], "lines_invalid"),
    ],
)
def test_lines_that_are_no_apportionment_are_refused(lines, code):
    member = member_with(50)
    before = everything(member)
    with pytest.raises(CreditRefused) as refused:
        take(member, 4, lines=lines)
    assert refused.value.code == code
    assert everything(member) == before


def test_the_function_itself_refuses_lines_that_do_not_sum_up():
    account = account_of(member_with(50))
    call = "SELECT * FROM members_credit_take('SPEND', %s, 4, NULL, 'k', 'x', 'A', '{1,2}', '{1,2}', NULL, now())"
    with pytest.raises(ProgrammingError, match="do not sum"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(call, [account.pk])


def test_a_thousand_lines_over_many_lots():
    member = make_member(make_store())
    for days in range(1, 41):
        give(member, "0.20", "0.10", expires_at=NOON + timedelta(days=days))
    result = take(member, 10, lines=[LineShare(number, yuan("0.01")) for number in range(1, 1001)])
    assert len(result.parts) == 1000
    assert [part.line_no for part in result.parts] == list(range(1, 1001))
    assert result.principal + result.bonus == 10


# --- the deduction order is the store's unless one is named


@pytest.mark.parametrize(("order", "expected"), [("PERCENT", (25, 5)), ("REAL_BEFORE_GIFT", (30, 0)), ("GIFT_BEFORE_REAL", (10, 20))])
def test_the_stores_policy_decides_the_deduction_order(order, expected):
    store = make_store()
    has_policy(store, deduction_order=order)
    assert split(take(member_with(100, 20, store=store), 30)) == expected
    assert split(take(member_with(100, 20, store=store), 30, deduction_order="PERCENT")) == (25, 5)
    assert split(take(member_with(100, 20), 30)) == (25, 5), "another store has its own policy"


# --- the arithmetic in Python is the function's


fen = st.integers(0, 400).map(lambda number: Decimal(number).scaleb(-2))


@given(
    lots=st.lists(st.tuples(fen, fen).filter(any), min_size=1, max_size=4),
    cuts=st.lists(st.integers(1, 300), max_size=4),
    order=st.sampled_from(list(DeductionOrder)),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_pieces_in_python_are_the_functions(lots, cuts, order, data):
    total = sum(principal + bonus for principal, bonus in lots)
    amount = yuan(data.draw(st.integers(1, int(total * 100)))) / 100
    lines, left = [], amount
    for number, cut in enumerate(cuts, 1):
        part = min(left, yuan(cut) / 100)
        if part:
            lines.append(LineShare(number, part))
        left -= part
    if left and lines:
        lines.append(LineShare(99, left))
    member = make_member(make_store())
    made = [give(member, principal, bonus).lot_id for principal, bonus in lots]
    shares, need = [], amount
    for lot, (principal, bonus) in zip(made, lots, strict=True):
        part = min(need, principal + bonus)
        if part:
            taken = split_principal(part, principal, bonus, order)
            shares.append(Share(lot, taken, part - taken))
        need -= part
    result = take(member, amount, lines=lines, deduction_order=order)
    assert pieces(result) == [(piece.of, piece.line_no, piece.principal, piece.bonus) for piece in in_pieces(shares, lines)]
    assert all(part.principal >= 0 and part.bonus >= 0 for part in result.parts)


@given(weights=st.lists(st.integers(0, 10**12), min_size=1, max_size=6).filter(any), data=st.data())
def test_parts_sum_to_the_whole_and_stay_within_their_weights(weights, data):
    total = data.draw(st.integers(0, sum(weights)))
    parts = by_cumulative_floor(Decimal(total).scaleb(-2), [Decimal(weight).scaleb(-2) for weight in weights])
    assert sum(parts) == Decimal(total).scaleb(-2)
    assert all(0 <= part <= Decimal(weight).scaleb(-2) for part, weight in zip(parts, weights, strict=True))
