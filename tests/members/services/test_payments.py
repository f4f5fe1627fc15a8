"""Payments: one effect an order, whatever is repeated, late, killed or told twice at once; credit by line; refunds to the fen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from backoffice.kernel import ports
from backoffice.kernel.errors import BusinessError, NotFound, StateConflict
from backoffice.kernel.files.faults import RepeatedFile
from backoffice.kernel.invariants import find_breaches
from members.choices import EntryKind
from members.models import CreditEntry, CreditHold, Member, OrderLine, Payment, PaymentRefund
from members.selectors.proof import prove_ledger
from members.services.credit import CreditRefused, HoldSettled, IdempotencyKeyReused, LineShare, NotEnoughCredit, RefundLine, capture, hold, refund_spend
from members.services.events import EventLine, record_events
from members.services.payments import PaymentRefused, share_by_amount
from tests.factories import NOON, make_member, make_person, make_store
from tests.loading import csv_of, load, outcome, problems
from tests.members.ledger import account_of, entries_total, everything, give, member_with, take, yuan
from tests.members.paying import bought, end_state, give_back, line, lines_of, pay
from tests.members.services.test_credit_parallel import at_once

pytestmark = pytest.mark.django_db

FILE = "order_no,line_no,member_no,paid_at,amount,credit_used,refunded_amount,refunded_at"
PAID_AT = "2026-11-22 11:59"


@pytest.fixture
def member() -> Member:
    return member_with(100, 20)


def balance(member: Member) -> Decimal:
    return account_of(member).balance


def refused(act: Callable[[], Any]) -> str:
    with pytest.raises(BusinessError) as caught:
        act()
    return caught.value.code


def spent_by_line(order_no: str) -> dict[int | None, Decimal]:
    lines: Counter[int | None] = Counter()
    for entry in CreditEntry.objects.filter(order_no=order_no, kind=EntryKind.SPEND):
        lines[entry.line_no] -= entry.principal_amount + entry.bonus_amount
    return dict(lines)


# --- what a payment does


def test_a_payment_is_the_orders_facts_and_the_credit_in_it(member: Member) -> None:
    paid = pay(member, 100, 30, line(1, 60), line(2, 40), order_no="A")
    assert paid.created
    assert (paid.payment.amount, paid.payment.credit_used, paid.payment.person_id) == (yuan(100), yuan(30), member.person_id)
    assert paid.spend is not None
    assert (paid.spend.amount, paid.spend.principal, paid.spend.bonus) == (yuan(30), yuan(25), yuan(5))
    assert lines_of("A") == [(1, yuan(60), yuan(18), yuan(0)), (2, yuan(40), yuan(12), yuan(0))]
    assert spent_by_line("A") == {1: yuan(18), 2: yuan(12)}
    assert (balance(member), bought(member)) == (yuan(90), (1, yuan(100)))
    assert prove_ledger().holds


def test_without_lines_the_order_is_one_line(member: Member) -> None:
    pay(member, 50, 30, order_no="A")
    assert lines_of("A") == [(1, yuan(50), yuan(30), yuan(0))]
    assert spent_by_line("A") == {1: yuan(30)}


def test_a_payment_without_credit_touches_no_ledger() -> None:
    member = make_member(make_store())
    paid = pay(member, 50)
    assert (paid.spend, paid.capture, bought(member)) == (None, None, (1, yuan(50)))
    assert not CreditEntry.objects.exists()


def test_the_credit_of_each_line_can_be_told(member: Member) -> None:
    pay(member, 100, 30, line(1, 60, 0), line(2, 40, 30), order_no="A")
    assert [row[2] for row in lines_of("A")] == [yuan(0), yuan(30)]
    assert spent_by_line("A") == {2: yuan(30)}


def test_lines_without_a_figure_share_what_the_others_leave(member: Member) -> None:
    pay(member, 100, 30, line(1, 40, 10), line(2, 30), line(3, 30), order_no="A")
    assert [row[2] for row in lines_of("A")] == [yuan(10), yuan(10), yuan(10)]


def test_a_person_who_left_still_pays_with_what_is_theirs(member: Member) -> None:
    Member.objects.filter(pk=member.pk).update(status="BLACKLISTED")
    pay(member, 50, 30)
    assert balance(member) == yuan(90)


@pytest.mark.parametrize(
    ("credit", "amounts", "shares"),
    [
        ("10.00", ["1.00", "1.00", "1.00"], ["3.34", "3.33", "3.33"]),
        ("0.01", ["0.02", "5.00"], ["0.00", "0.01"]),
        ("5.02", ["0.02", "5.00"], ["0.02", "5.00"]),
        ("1.00", ["0.00", "9.00"], ["0.00", "1.00"]),
        ("0.00", ["0.00"], ["0.00"]),
    ],
)
def test_largest_remainder(credit: str, amounts: list[str], shares: list[str]) -> None:
    found = share_by_amount(Decimal(credit), {number: Decimal(amount) for number, amount in enumerate(amounts)})
    assert list(found.values()) == [Decimal(share) for share in shares]


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20), st.data())
def test_shares_are_exact_and_within_their_lines(amounts: list[int], data: st.DataObject) -> None:
    credit = data.draw(st.integers(0, sum(amounts)))
    found = share_by_amount(Decimal(credit).scaleb(-2), {number: Decimal(amount).scaleb(-2) for number, amount in enumerate(amounts)})
    fen = {number: int(share.scaleb(2)) for number, share in found.items()}
    assert sum(fen.values()) == credit
    assert all(0 <= fen[number] <= amount for number, amount in enumerate(amounts))
    assert all(abs(fen[number] * sum(amounts) - credit * amount) < sum(amounts) for number, amount in enumerate(amounts) if sum(amounts))


# --- refusals: nothing changed


@pytest.mark.parametrize(
    ("amount", "credit", "lines", "fields", "code"),
    [
        (10, 20, (), {}, "credit_above_amount"),
        (100, 10, (line(1, 60), line(2, 30)), {}, "lines_differ"),
        (100, 10, (line(1, 60), line(1, 40)), {}, "line_twice"),
        (100, 10, (line(0, 100),), {}, "line_no_invalid"),
        (100, 30, (line(1, 20, 21), line(2, 80)), {}, "credit_above_amount"),
        (100, 30, (line(1, 60, 10), line(2, 40, 10)), {}, "lines_differ"),
        (100, 90, (line(1, 60, 10), line(2, 40)), {}, "lines_differ"),
        (100, 10, (), {"paid_at": NOON + timedelta(days=2)}, "paid_in_the_future"),
        (100, 10, (), {"order_no": ""}, "order_no_invalid"),
        (100, 10, (), {"order_no": "x" * 65}, "order_no_invalid"),
        (100, 10, (), {"order_no": "a\x00b"}, "order_no_invalid"),
        ("100.001", 10, (), {}, "amount_invalid"),
        (100, 10, (), {"hold_id": 1, "spend_key": "k"}, "hold_and_spend"),
        (100, 0, (), {"hold_id": 1}, "no_credit_used"),
        (100, 10, (), {"hold_id": 10**9}, "not_found"),
        (100, 10, (), {"spend_key": "nobody's"}, "not_found"),
        (500, 121, (), {}, "not_enough_credit"),
    ],
)
def test_what_cannot_be_a_payment_is_refused_and_changes_nothing(member: Member, amount: Any, credit: Any, lines: Any, fields: Any, code: str) -> None:
    before = everything(member)
    if isinstance(amount, str):
        fields = fields | {"amount": Decimal(amount)}
        amount = 100
    with pytest.raises(BusinessError) as caught:
        pay_with(member, amount, credit, lines, fields)
    assert caught.value.code == code
    assert everything(member) == before
    assert not Payment.objects.exists()
    assert not OrderLine.objects.exists()


def pay_with(member: Member, amount: Any, credit: Any, lines: Any, fields: dict[str, Any]) -> None:
    from members.services.payments import record_payment

    arguments: dict[str, Any] = {"store": member.store, "order_no": "A", "paid_at": NOON, "idempotency_key": "k1", "by": None, "now": NOON}
    arguments |= {"member": member, "amount": yuan(amount), "credit_used": yuan(credit), "lines": lines}
    record_payment(**(arguments | fields))


def test_a_member_of_another_store_is_not_there(member: Member) -> None:
    with pytest.raises(NotFound):
        pay(member, 10, 5, store=make_store())


def test_a_member_without_credit_has_none_to_use() -> None:
    with pytest.raises(NotEnoughCredit) as caught:
        pay(make_member(make_store()), 10, 5)
    assert caught.value.available == 0


# --- told again


def test_the_same_order_again_changes_nothing(member: Member) -> None:
    first = pay(member, 100, 30, line(1, 60), line(2, 40), order_no="A")
    state = everything(member), bought(member)
    again = pay(member, 100, 30, line(2, 40), line(1, 60), order_no="A")
    assert (again.created, again.payment.pk) == (False, first.payment.pk)
    assert (everything(member), bought(member)) == state


@pytest.mark.parametrize(
    ("amount", "credit", "lines", "fields"),
    [
        (101, 30, (), {}),
        (100, 29, (), {}),
        (100, 30, (line(1, 60), line(2, 40)), {}),
        (100, 30, (), {"paid_at": NOON}),
        (100, 30, (), {"spend_key": "k"}),
    ],
)
def test_the_same_order_with_other_figures_is_refused(member: Member, amount: int, credit: int, lines: Any, fields: Any) -> None:
    pay(member, 100, 30, order_no="A")
    before = everything(member)
    with pytest.raises(StateConflict) as caught:
        pay(member, amount, credit, *lines, order_no="A", **fields)
    assert caught.value.code == "order_differs"
    assert everything(member) == before


def test_the_same_order_for_another_member_is_refused(member: Member) -> None:
    other = make_member(member.store)
    give(other, 100)
    pay(member, 100, 30, order_no="A")
    assert refused(lambda: pay(other, 100, 30, order_no="A")) == "order_differs"
    assert balance(other) == yuan(100)


def test_an_order_for_which_somebody_elses_credit_was_spent_is_refused(member: Member) -> None:
    other = make_member(member.store)
    give(other, 100)
    take(other, 5, order_no="A")
    assert refused(lambda: pay(member, 100, 30, order_no="A")) == "order_differs"
    assert balance(member) == yuan(120)


def test_an_order_number_belongs_to_its_store(member: Member) -> None:
    other = member_with(50)
    pay(member, 100, 30, order_no="A")
    pay(other, 60, 10, order_no="A")
    assert (balance(member), balance(other)) == (yuan(90), yuan(40))
    give_back(other, "A")
    assert (balance(member), balance(other)) == (yuan(90), yuan(50))


@pytest.mark.parametrize("order_no", ["订单-二〇二六/１", "é" * 64, "A B%s'\"", "🧾1"])
def test_order_numbers_of_any_script(member: Member, order_no: str) -> None:
    pay(member, 100, 30, order_no=order_no)
    assert not pay(member, 100, 30, order_no=order_no).created
    assert give_back(member, order_no).refund.credit == yuan(30)
    assert balance(member) == yuan(120)


# --- holds, and spends made before


def held(member: Member, amount: int, order_no: str = "A", **fields: Any) -> int:
    return hold(member=member, amount=yuan(amount), order_no=order_no, idempotency_key=f"hold-{order_no}", by=None, now=NOON, **fields).hold_id


def test_a_payment_captures_the_hold_and_gives_back_the_rest(member: Member) -> None:
    number = held(member, 50)
    paid = pay(member, 100, 30, line(1, 60), line(2, 40), order_no="A", hold_id=number)
    assert paid.capture is not None
    assert (paid.capture.captured, paid.capture.released) == (yuan(30), yuan(20))
    found = CreditHold.objects.get(pk=number)
    assert (found.status, found.captured_amount, paid.payment.hold_id) == ("CAPTURED", yuan(30), number)
    assert (balance(member), account_of(member).held) == (yuan(90), 0)
    assert not pay(member, 100, 30, line(1, 60), line(2, 40), order_no="A", hold_id=number).created
    assert give_back(member, "A", (2, None)).refund.credit == yuan(12)
    assert give_back(member, "A").refund.credit == yuan(18)
    assert balance(member) == yuan(120)
    assert prove_ledger().holds


def test_a_hold_that_was_captured_before_is_taken_as_it_is(member: Member) -> None:
    number = held(member, 50)
    capture(hold=number, amount=yuan(30), idempotency_key="c", by=None, now=NOON)
    paid = pay(member, 100, 30, order_no="A", hold_id=number)
    assert (paid.created, paid.capture, balance(member)) == (True, None, yuan(90))
    assert give_back(member, "A").refund.credit == yuan(30)


@pytest.mark.parametrize(("settled", "credit", "code"), [("capture", 31, "spend_differs"), ("release", 30, "hold_settled"), ("", 51, "more_than_held")])
def test_a_hold_that_does_not_fit_is_refused(member: Member, settled: str, credit: int, code: str) -> None:
    number = held(member, 50)
    if settled == "capture":
        capture(hold=number, amount=yuan(30), idempotency_key="c", by=None, now=NOON)
    elif settled:
        from members.services.credit import release

        release(hold=number, idempotency_key="c", by=None, now=NOON)
    before = everything(member)
    with pytest.raises((CreditRefused, HoldSettled, PaymentRefused)) as caught:
        pay(member, 100, credit, order_no="A", hold_id=number)
    assert code in (caught.value.code, "hold_settled")
    assert everything(member) == before
    assert not Payment.objects.exists()


def test_a_hold_of_another_order_or_member_is_refused(member: Member) -> None:
    other = make_member(member.store)
    give(other, 100)
    number = held(member, 50, "B")
    assert refused(lambda: pay(member, 100, 30, order_no="A", hold_id=number)) == "other_order"
    assert refused(lambda: pay(other, 100, 30, order_no="B", hold_id=number)) in ("not_found", "order_differs")


def test_a_spend_made_before_is_not_made_again(member: Member) -> None:
    take(member, 30, order_no="A", idempotency_key="s")
    paid = pay(member, 100, 30, line(1, 60), line(2, 40), order_no="A", spend_key="s")
    assert (paid.created, paid.spend, balance(member)) == (True, None, yuan(90))
    assert [row[2] for row in lines_of("A")] == [yuan(18), yuan(12)]
    assert give_back(member, "A", (1, 20)).refund.credit == yuan(6)
    assert give_back(member, "A", (1, None)).refund.credit == yuan(12)
    assert give_back(member, "A").refund.credit == yuan(12)
    assert (balance(member), give_back(member, "A").refund.credit) == (yuan(120), 0)
    assert prove_ledger().holds


def test_a_spend_by_lines_says_which_line_used_how_much(member: Member) -> None:
    take(member, 30, order_no="A", idempotency_key="s", lines=[LineShare(2, yuan(30))])
    pay(member, 100, 30, line(1, 60), line(2, 40), order_no="A", spend_key="s")
    assert [row[2] for row in lines_of("A")] == [yuan(0), yuan(30)]
    assert give_back(member, "A", (1, None)).refund.credit == 0
    assert give_back(member, "A", (2, None)).refund.credit == yuan(30)


@pytest.mark.parametrize(
    ("order_no", "credit", "lines", "code"),
    [
        ("B", 30, (), "other_order"),
        ("A", 29, (), "spend_differs"),
        ("A", 30, (line(1, 100),), "lines_differ"),
        ("A", 30, (line(1, 60, 5), line(2, 40)), "lines_differ"),
        ("A", 30, (line(1, 80), line(2, 20)), "credit_above_amount"),
    ],
)
def test_a_spend_that_does_not_fit_is_refused(member: Member, order_no: str, credit: int, lines: Any, code: str) -> None:
    take(member, 30, order_no="A", idempotency_key="s", lines=[LineShare(2, yuan(30))])
    assert refused(lambda: pay(member, 100, credit, *lines, order_no=order_no, spend_key="s")) == code
    assert not Payment.objects.exists()


@pytest.mark.parametrize("part", [None, "0.01"])
@pytest.mark.parametrize("source", ["spend", "hold"])
def test_credit_that_went_back_pays_for_nothing_any_more(member: Member, source: str, part: str | None) -> None:
    if source == "spend":
        take(member, 30, order_no="A", idempotency_key="s")
    else:
        number = held(member, 30)
        capture(hold=number, idempotency_key="s", by=None, now=NOON)
    refund_spend(store_id=member.store_id, order_no="A", lines=part and [RefundLine(None, yuan(part))], idempotency_key="r", by=None, now=NOON)
    named: dict[str, Any] = {"spend_key": "s"} if source == "spend" else {"hold_id": number}
    before = everything(member)
    assert refused(lambda: pay(member, 100, 30, order_no="A", **named)) == "spend_refunded"
    assert everything(member) == before
    assert not Payment.objects.exists()


def test_a_payment_told_again_after_its_credit_went_back_is_the_same_one(member: Member) -> None:
    take(member, 30, order_no="A", idempotency_key="s")
    pay(member, 100, 30, order_no="A", spend_key="s")
    refund_spend(store_id=member.store_id, order_no="A", lines=None, idempotency_key="r", by=None, now=NOON)
    assert not pay(member, 100, 30, order_no="A", spend_key="s").created


# --- refunds


def test_a_line_partly_then_wholly(member: Member) -> None:
    pay(member, "99.99", 30, line(1, "66.66", 10), line(2, "33.33", 20), order_no="A")
    first = give_back(member, "A", (1, "22.22"))
    assert (first.refund.amount, first.refund.credit) == (yuan("22.22"), yuan("3.33"))
    second = give_back(member, "A", (1, "22.22"))
    assert second.refund.credit == yuan("3.33"), "6.66 in all, rounded down from 6.666..."
    third = give_back(member, "A", (1, None))
    assert (third.refund.amount, third.refund.credit) == (yuan("22.22"), yuan("3.34"))
    assert lines_of("A")[0][3] == yuan("66.66")
    assert bought(member) == (1, yuan("33.33"))
    payment = Payment.objects.get()
    assert (payment.refunded_amount, payment.credit_refunded) == (yuan("66.66"), yuan(10))
    give_back(member, "A")
    assert (balance(member), bought(member)) == (yuan(120), (0, yuan(0)))
    assert prove_ledger().holds


def test_refunded_once_however_often_it_is_asked(member: Member) -> None:
    pay(member, 100, 30, line(1, 60), line(2, 40), order_no="A")
    give_back(member, "A")
    state = everything(member), lines_of("A"), bought(member)
    again = give_back(member, "A")
    assert (again.refund.amount, again.refund.credit, again.refund.lines) == (0, 0, [])
    assert give_back(member, "A", (1, None)).refund.amount == 0
    assert (everything(member), lines_of("A"), bought(member)) == state
    assert Payment.objects.get().refunded_amount == yuan(100)


def test_one_key_is_one_refund(member: Member) -> None:
    pay(member, 100, 30, line(1, 60), line(2, 40), order_no="A")
    first = give_back(member, "A", (1, 10), idempotency_key="r")
    again = give_back(member, "A", (1, 10), idempotency_key="r")
    assert (again.replayed, again.refund) == (True, first.refund)
    assert PaymentRefund.objects.count() == 1
    with pytest.raises(IdempotencyKeyReused):
        give_back(member, "A", (1, 11), idempotency_key="r")


@pytest.mark.parametrize(
    ("lines", "fields", "code"),
    [
        (((1, "60.01"),), {}, "refund_above_amount"),
        (((3, None),), {}, "line_unknown"),
        (((1, 5), (1, 5)), {}, "line_twice"),
        (((1, 0),), {}, "amount_invalid"),
        ((), {"refunded_at": NOON - timedelta(hours=1)}, "refund_before_payment"),
        ((), {"refunded_at": NOON + timedelta(days=2)}, "refunded_in_the_future"),
        ((), {"order_no": "B"}, "not_found"),
        ((), {"lines": []}, "lines_missing"),
    ],
)
def test_what_cannot_be_a_refund_is_refused_and_changes_nothing(member: Member, lines: Any, fields: Any, code: str) -> None:
    pay(member, 100, 30, line(1, 60), line(2, 40), order_no="A")
    before = everything(member), lines_of("A")
    fields = dict(fields)
    assert refused(lambda: give_back(member, fields.pop("order_no", "A"), *lines, **fields)) == code
    assert (everything(member), lines_of("A")) == before
    assert not PaymentRefund.objects.exists()


def test_refund_before_the_payment_is_there_is_told_so_and_works_when_it_comes_again(member: Member) -> None:
    assert refused(lambda: give_back(member, "A")) == "not_found"
    pay(member, 100, 30, order_no="A")
    assert give_back(member, "A").refund.credit == yuan(30)


def test_refunded_at_once_after_a_payment_by_a_clock_that_is_ahead(member: Member) -> None:
    pay(member, 100, 30, order_no="A", paid_at=NOON + timedelta(minutes=5))
    assert give_back(member, "A").refund.credit == yuan(30)
    assert OrderLine.objects.get().refunded_at == NOON


def test_credit_given_back_past_the_payment_is_not_given_back_again(member: Member) -> None:
    pay(member, 100, 30, line(1, 60), line(2, 40), order_no="A")
    refund_spend(store_id=member.store_id, order_no="A", lines=None, idempotency_key="r", by=None, now=NOON)
    assert give_back(member, "A").refund.credit == 0
    assert (balance(member), Payment.objects.get().refunded_amount) == (yuan(120), yuan(100))


@given(st.data())
@hypothesis_settings(max_examples=15, deadline=None)
def test_any_partition_of_a_refund_gives_back_exactly_what_was_used(data: st.DataObject) -> None:
    with transaction.atomic():
        member = member_with(100, 20)
        amount = data.draw(st.integers(1, 5_000))
        credit = data.draw(st.integers(0, amount))
        pay(member, str(Decimal(amount).scaleb(-2)), str(Decimal(credit).scaleb(-2)), order_no="A")
        left = amount
        while left:
            part = data.draw(st.integers((left + 2) // 3, left))
            done = give_back(member, "A", (1, str(Decimal(part).scaleb(-2))))
            left -= part
            payment = Payment.objects.get(pk=done.payment.pk)
            assert payment.credit_refunded == Decimal(credit * (amount - left) // amount).scaleb(-2)
        assert balance(member) == yuan(120)
        transaction.set_rollback(True)


# --- files


def load_file(member: Member, *rows: str, **options: Any) -> Any:
    return load("orders", csv_of(FILE, *rows), store=member.store, **options)


def test_lines_of_a_file_are_taken_over_with_the_credit_of_each(member: Member) -> None:
    load_file(member, f"A,1,{member.member_no},{PAID_AT},60,30,,", f"A,2,{member.member_no},{PAID_AT},40,,,")
    pay(member, 100, 30, order_no="A")
    assert lines_of("A") == [(1, yuan(60), yuan(30), yuan(0)), (2, yuan(40), yuan(0), yuan(0))]
    assert (spent_by_line("A"), bought(member)) == ({1: yuan(30)}, (1, yuan(100)))


@pytest.mark.parametrize(
    "rows",
    [
        ["A,1,{no},2026-11-22 11:59,61,30,,", "A,2,{no},2026-11-22 11:59,39,,,"],
        ["A,1,{no},2026-11-22 11:59,60,20,,", "A,2,{no},2026-11-22 11:59,40,,,"],
        ["A,1,{other},2026-11-22 11:59,60,18,,", "A,2,{no},2026-11-22 11:59,40,12,,"],
        ["A,1,{no},2026-11-22 11:59,60,18,,", "A,2,{no},2026-11-22 11:59,40,12,,", "A,3,{no},2026-11-22 11:59,0,,,"],
    ],
)
def test_other_lines_of_a_file_are_a_contradiction(member: Member, rows: list[str]) -> None:
    other = make_member(member.store)
    load_file(member, *(row.format(no=member.member_no, other=other.member_no) for row in rows))
    before = everything(member), lines_of("A")
    assert refused(lambda: pay(member, 100, 30, line(1, 60), line(2, 40), order_no="A")) == "order_differs"
    assert (everything(member), lines_of("A")) == before
    assert not Payment.objects.exists()


def test_a_file_adds_no_lines_to_an_order_that_was_told(member: Member) -> None:
    pay(member, 100, 30, order_no="A")
    number = member.member_no
    rows = f"A,1,{number},{PAID_AT},60,18,,", f"A,2,{number},{PAID_AT},40,12,,", f"B,1,{number},{PAID_AT},1,,,"
    job = load_file(member, *rows, skip=True)
    assert outcome(job) == {"status": "APPLIED", "created": 1, "conflict": 2}
    assert problems(job) == [(2, "amount", "order_differs"), (3, "amount", "order_differs")]
    assert lines_of("A") == [(1, yuan(100), yuan(30), yuan(0))]


def test_a_line_of_a_buyer_who_joined_later_becomes_the_members(member: Member) -> None:
    person = make_person()
    OrderLine.objects.create(store=member.store, order_no="A", line_no=1, person=person, paid_at=NOON, amount=yuan(100))
    joined = make_member(member.store, person=person)
    pay(joined, 100, order_no="A")
    assert OrderLine.objects.get().member == joined
    assert bought(joined) == (1, yuan(100))


@pytest.mark.parametrize("file_first", [True, False])
def test_a_refund_in_a_file_and_by_a_call_is_the_same_money(member: Member, file_first: bool) -> None:
    pay(member, 100, 30, order_no="A")
    row = f"A,1,{member.member_no},{PAID_AT},100,30,40,2026-11-22 12:00"
    if file_first:
        load_file(member, row)
        assert balance(member) == yuan(90), "a file gives back no credit"
    assert give_back(member, "A", (1, 40)).refund.credit == yuan(12)
    if not file_first:
        assert outcome(load_file(member, row)) == {"status": "APPLIED", "unchanged": 1}
    assert (lines_of("A"), balance(member)) == ([(1, yuan(100), yuan(30), yuan(40))], yuan(102))
    give_back(member, "A")
    assert (lines_of("A")[0][3], balance(member)) == (yuan(100), yuan(120))


# --- any order, any repetition: one end state


def history(member: Member) -> dict[str, Callable[[], Any]]:
    """The calls and the file about one order, an event, and an order of yesterday that is told late."""
    number = member.member_no
    rows = f"A,1,{number},{PAID_AT},60,18,60,2026-11-22 12:00", f"A,2,{number},{PAID_AT},40,12,,"
    return {
        "pay": lambda: pay(member, 100, 30, line(1, 60), line(2, 40), order_no="A"),
        "refund 1": lambda: give_back(member, "A", (1, None), idempotency_key="r1"),
        "part of 2": lambda: give_back(member, "A", (2, 10), idempotency_key="r2"),
        "file": lambda: load_file(member, *rows),
        "late": lambda: pay(member, 20, 5, order_no="B", paid_at=NOON - timedelta(days=1)),
        "event": lambda: record_events(store=member.store, events=[EventLine("E1", "paid", NOON, member_no=number)], now=NOON),
    }


HISTORIES = list(permutations(["pay", "refund 1", "part of 2", "file", "late", "event"]))[::67]


@pytest.mark.parametrize("order", HISTORIES, ids=" > ".join)
def test_calls_in_any_order_and_repeated_end_in_the_same_state(order: tuple[str, ...]) -> None:
    """Whoever is refused comes again, as from a sender that keeps its messages; and everything comes twice."""
    member = member_with(100, 20)
    calls = history(member)
    waiting = [*order, *order]
    for _round in range(3):
        waiting = [name for name in waiting if not went(calls[name])]
    assert waiting == []
    assert end_state(member) == {
        "account": (yuan(120 - 30 - 5 + 18 + 3), yuan(0)),
        "lots": [(yuan("88.34"), yuan("17.66"), None)],
        "payments": [("A", yuan(100), yuan(30), yuan(70), yuan(21)), ("B", yuan(20), yuan(5), yuan(0), yuan(0))],
        "refunded": yuan(70),
        "lines": [
            ("A", 1, yuan(60), yuan(18), yuan(60), NOON),
            ("A", 2, yuan(40), yuan(12), yuan(10), NOON),
            ("B", 1, yuan(20), yuan(5), yuan(0), None),
        ],
        "bought": (2, yuan(50)),
        "events": [("E1", "paid", member.pk)],
    }
    assert prove_ledger().holds


def went(call: Callable[[], Any]) -> bool:
    try:
        done = call()
    except RepeatedFile:
        return True
    except BusinessError:
        return False
    return getattr(done, "status", "APPLIED") == "APPLIED"


# --- listeners, and cost


def test_listeners_hear_of_a_payment_once_with_the_credit_taken(member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[Any, ...]] = []
    monkeypatch.setattr(ports, "payment_listeners", [lambda payment, now: heard.append((payment.order_no, balance(member), payment.member.status, now))])
    pay(member, 100, 30, order_no="A")
    pay(member, 100, 30, order_no="A")
    give_back(member, "A")
    assert heard == [("A", yuan(90), "ACTIVE", NOON)]


def test_a_listener_that_fails_leaves_nothing_of_the_payment(member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_payment: Any, _now: Any) -> None:
        raise RuntimeError("no")

    before = everything(member)
    monkeypatch.setattr(ports, "payment_listeners", [fail])
    with pytest.raises(RuntimeError):
        pay(member, 100, 30)
    assert everything(member) == before
    assert not Payment.objects.exists()
    assert not OrderLine.objects.exists()


@pytest.mark.parametrize("lines", [1, 3])
def test_the_number_of_statements_does_not_depend_on_the_lines(
    member: Member, lines: int, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(ports, "payment_listeners", [])
    told = [line(number, 10) for number in range(1, lines + 1)]
    with django_assert_num_queries(19):
        pay(member, 10 * lines, 5, *told)


# --- at once


@pytest.mark.django_db(transaction=True)
def test_the_same_order_told_many_times_at_once_is_one_payment() -> None:
    member = member_with(100, 20)
    outcomes = at_once(8, lambda _number: pay(member, 100, 30, order_no="A").created)
    assert Counter(outcomes) == {True: 1, False: 7}
    assert (balance(member), entries_total(member), bought(member)) == (yuan(90), yuan(90), (1, yuan(100)))


@pytest.mark.django_db(transaction=True)
def test_the_same_order_without_credit_told_many_times_at_once_is_one_payment() -> None:
    member = make_member(make_store())
    outcomes = at_once(8, lambda _number: pay(member, 100, order_no="A").created)
    assert Counter(outcomes) == {True: 1, False: 7}
    assert bought(member) == (1, yuan(100))


@pytest.mark.django_db(transaction=True)
def test_orders_of_one_member_at_once_are_all_counted() -> None:
    member = make_member(make_store())
    at_once(16, lambda _number: pay(member, 10).created)
    assert bought(member) == (16, yuan(160))


@pytest.mark.django_db(transaction=True)
def test_an_import_and_payments_of_one_member_at_once_are_all_counted() -> None:
    member = make_member(make_store())

    def act(number: int) -> Any:
        if number % 2:
            return pay(member, 10).created
        return load_file(member, *(f"F{number}-{row},1,{member.member_no},{PAID_AT},1,,," for row in range(50))).status

    assert Counter(at_once(4, act)) == {True: 2, "APPLIED": 2}
    assert bought(member) == (102, yuan(120))


@pytest.mark.django_db(transaction=True)
def test_refunds_at_once_give_back_what_was_used_and_no_more() -> None:
    member = member_with(100, 20)
    pay(member, 100, 30, order_no="A")
    outcomes = at_once(8, lambda _number: give_back(member, "A").refund.credit)
    assert Counter(outcomes) == {yuan(30): 1, yuan(0): 7}
    assert (balance(member), bought(member)) == (yuan(120), (0, yuan(0)))


def test_a_refund_gives_nothing_of_a_payment_to_another_member_of_the_same_order_number(member: Member) -> None:
    other = make_member(member.store)
    give(other, 100)
    pay(member, 100, 30, order_no="A")
    take(other, 100, order_no="A", lines=[LineShare(1, yuan(100))])
    first = give_back(member, "A", (1, 50))
    assert (first.refund.credit, balance(member), balance(other)) == (yuan(15), yuan(105), yuan(0))
    assert give_back(member, "A").refund.credit == yuan(15)
    assert (balance(member), balance(other)) == (yuan(120), yuan(0))
    assert find_breaches() == []
