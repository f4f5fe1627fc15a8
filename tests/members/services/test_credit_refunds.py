"""Refunds of what an order took: to the same lots, once, never more, and by the store's policy to a lot that lapsed meanwhile."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.utils import IntegrityError
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.kernel import clock
from backoffice.kernel.errors import NotFound
from backoffice.kernel.invariants import find_breaches
from members.choices import EntryKind, LapsePolicy, MemberStatus, PayoutStatus, RefundAfterLapse
from members.models import CreditEntry, CreditLot, CreditPayout
from members.selectors.credit import get_balance
from members.services.credit import AmountRefused, CreditRefused, IdempotencyKeyReused, MoreThanSpent, NotEnoughCredit, RefundLine, capture, refund_spend
from members.services.credit.lapse import sweep_lapsed
from tests.factories import NOON, make_member, make_store, make_user
from tests.members.ledger import account_of, entries_total, everything, give, give_back, has_policy, in_lines, member_with, set_aside, split, take, yuan

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
LATER = NOON + 3 * DAY


@pytest.fixture(autouse=True)
def _ledger_is_whole_afterwards():
    yield
    assert find_breaches() == []


def lots(member):
    return list(CreditLot.objects.filter(account__member=member).order_by("pk").values_list("principal_left", "bonus_left"))


def lot_of(member):
    return CreditLot.objects.get(account__member=member)


# --- the same lots, once


def test_a_refund_gives_back_exactly_what_was_taken_to_the_same_lots():
    member, user = make_member(make_store()), make_user()
    give(member, 10, 5, expires_at=NOON + DAY)
    give(member, 100, 20)
    spent = take(member, 45, order_no="A")
    back = give_back(member, "A", by=user, idempotency_key="k")
    assert (back.amount, back.principal, back.bonus, back.replayed) == (45, spent.principal, spent.bonus, False)
    assert [(part.lot_id, part.principal, part.bonus, part.refund_of_id) for part in back.parts] == [
        (part.lot_id, part.principal, part.bonus, part.entry_id) for part in spent.parts
    ]
    assert lots(member) == [(10, 5), (100, 20)]
    stored = CreditEntry.objects.filter(idempotency_key="k").order_by("seq").values_list("seq", "kind", "order_no", "actor", "balance_after", "happened_at")
    assert list(stored) == [(1, EntryKind.REFUND, "A", user.pk, 105, NOON), (2, EntryKind.REFUND, "A", user.pk, 135, NOON)]


def test_refunded_once_however_often_it_is_asked():
    member = member_with(100, 20)
    take(member, 30, order_no="A", lines=in_lines(10, 20))
    assert give_back(member, "A", (2, None)).amount == 20
    before = everything(member)
    for lines in ([(2, None)], [(2, 0)]):
        assert give_back(member, "A", *lines).amount == 0
    assert everything(member) == before
    assert give_back(member, "A").amount == 10
    after = everything(member)
    assert [give_back(member, "A").amount for _ in range(3)] == [0, 0, 0]
    assert everything(member) == after
    assert lots(member) == [(100, 20)]


def test_the_same_key_returns_the_first_result():
    member = member_with(100, 20)
    take(member, 30, order_no="A", lines=in_lines(10, 20))
    first = give_back(member, "A", (1, 4), (2, None), idempotency_key="k")
    again = give_back(member, "A", (2, None), (1, 4), idempotency_key="k", now=LATER, by=make_user())
    assert (first.replayed, again.replayed, again.parts, again.amount) == (False, True, first.parts, 24)
    before = everything(member)
    for lines in ([], [(1, 4)], [(1, None), (2, None)], [(1, 5), (2, None)]):
        with pytest.raises(IdempotencyKeyReused):
            give_back(member, "A", *lines, idempotency_key="k")
    assert everything(member) == before


def test_a_key_of_a_spend_does_not_serve_a_refund():
    member = member_with(100)
    take(member, 30, order_no="A", idempotency_key="k")
    with pytest.raises(IdempotencyKeyReused):
        give_back(member, "A", idempotency_key="k")


def test_partial_refunds_of_a_line_sum_exactly_to_what_it_took():
    member = make_member(make_store())
    for days in (1, 2, 3):
        give(member, "3.33", "1.01", expires_at=NOON + days * DAY)
    spent = take(member, "11.11", order_no="A", lines=in_lines("10.10", "1.01"))
    line = [part for part in spent.parts if part.line_no == 1]
    parts = [give_back(member, "A", (1, credit)) for credit in ("0.01", "3.33", "0.01", "2.22")]
    assert [part.amount for part in parts] == [yuan("0.01"), yuan("3.33"), yuan("0.01"), yuan("2.22")]
    last = give_back(member, "A", (1, None))
    assert sum(part.amount for part in parts) + last.amount == yuan("10.10")
    for spent_part in line:
        back = [part for refund in (*parts, last) for part in refund.parts if part.refund_of_id == spent_part.entry_id]
        assert (sum(part.principal for part in back), sum(part.bonus for part in back)) == (spent_part.principal, spent_part.bonus)
    assert give_back(member, "A").amount == yuan("1.01")
    assert entries_total(member) == yuan("13.02")


@given(
    lots_given=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)).filter(any), min_size=1, max_size=4),
    shares=st.lists(st.integers(1, 90), min_size=1, max_size=3),
    steps=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 60)), max_size=8),
)
@settings(max_examples=40, deadline=None)
def test_any_row_of_refunds_ends_at_what_was_spent(lots_given, shares, steps):
    member = make_member(make_store())
    for principal, bonus in lots_given:
        give(member, yuan(principal) / 100, yuan(bonus) / 100)
    left = [yuan(share) / 100 for share in shares]
    total = sum(left)
    if total > account_of(member).balance:
        return
    before = lots(member)
    take(member, total, order_no="A", lines=in_lines(*left))
    for number, fen in steps:
        line, credit = number % len(left), yuan(fen) / 100
        if credit > left[line]:
            with pytest.raises(MoreThanSpent) as refused:
                give_back(member, "A", (line + 1, credit))
            assert refused.value.left == left[line]
        else:
            back = give_back(member, "A", (line + 1, credit))
            assert back.amount == credit
            assert all(part.principal >= 0 and part.bonus >= 0 for part in back.parts)
            left[line] -= credit
    assert give_back(member, "A").amount == sum(left)
    assert lots(member) == before


def test_a_part_is_split_over_principal_and_bonus_in_proportion():
    member = member_with(100, 20)
    take(member, 60, order_no="A")  # 50 + 10
    assert split(give_back(member, "A", (None, 6))) == (5, 1)
    assert split(give_back(member, "A", (None, "0.01"))) == (0, yuan("0.01"))


def test_several_spends_of_one_order_are_refunded_together():
    member = member_with(100)
    take(member, 10, order_no="A", lines=in_lines(10))
    take(member, 5, order_no="A", lines=in_lines(2, 3))
    captured = set_aside(member, 20, order_no="A", lines=in_lines(20))
    capture(hold=captured.hold_id, amount=yuan(7), idempotency_key="c", by=None, now=NOON)
    assert give_back(member, "A", (1, None)).amount == 19
    assert give_back(member, "A").amount == 3


def test_an_order_paid_by_two_accounts_goes_back_to_both():
    store = make_store()
    one, two = member_with(10, store=store), member_with(20, store=store)
    take(one, 4, order_no="A")
    take(two, 6, order_no="A")
    back = give_back(one, "A", idempotency_key="k")
    assert back.amount == 10
    assert [account_of(member).balance for member in (one, two)] == [10, 20]
    assert list(CreditEntry.objects.filter(idempotency_key="k").order_by("seq").values_list("seq", flat=True)) == [1, 2]
    assert give_back(one, "A", idempotency_key="k").parts == back.parts


# --- refusals change nothing


def test_more_than_was_spent_is_refused_and_says_what_is_left():
    member = member_with(100)
    take(member, 30, order_no="A", lines=in_lines(10, 20))
    give_back(member, "A", (1, 4))
    before = everything(member)
    for lines, left in (([(1, "6.01")], 6), ([(2, 20), (1, 7)], 6), ([(3, "0.01")], 0), ([(None, 1)], 0)):
        with pytest.raises(MoreThanSpent) as refused:
            give_back(member, "A", *lines)
        assert (refused.value.code, refused.value.left) == ("more_than_spent", left)
        assert everything(member) == before


def test_a_line_that_used_no_credit_has_nothing_to_give_back():
    member = member_with(100)
    take(member, 30, order_no="A", lines=in_lines(30))
    assert give_back(member, "A", (2, None)).amount == 0
    assert give_back(member, "A", (2, 0)).parts == ()


def test_an_order_without_a_spend_is_not_found_and_one_of_another_store_neither():
    member = member_with(100)
    take(member, 30, order_no="A")
    with pytest.raises(NotFound):
        give_back(member, "B")
    with pytest.raises(NotFound):
        give_back(make_member(make_store()), "A")


@pytest.mark.parametrize(
    ("lines", "error", "code"),
    [
        ([RefundLine(1, yuan(-1))], AmountRefused, "amount_invalid"),
        ([RefundLine(1, Decimal("0.001"))], AmountRefused, "amount_invalid"),
        ([RefundLine(1, yuan(1)), RefundLine(1, None)], CreditRefused, "lines_invalid"),
        ([RefundLine(-1, None)], CreditRefused, "lines_invalid"),
    ],
)
def test_lines_that_cannot_be_are_refused(lines, error, code):
    member = member_with(100)
    take(member, 30, order_no="A", lines=in_lines(30))
    with pytest.raises(error) as refused:
        refund_spend(store_id=member.store_id, order_no="A", lines=lines, idempotency_key="k", by=None, now=NOON)
    assert refused.value.code == code


def test_no_lines_at_all_gives_nothing_back():
    member = member_with(100)
    take(member, 30, order_no="A")
    assert refund_spend(store_id=member.store_id, order_no="A", lines=[], idempotency_key="k", by=None, now=NOON).amount == 0


@pytest.mark.parametrize("status", [MemberStatus.LEFT, MemberStatus.BLACKLISTED, MemberStatus.CLOSED])
def test_members_who_are_gone_keep_the_refund_path(status):
    member = member_with(100)
    take(member, 30, order_no="A")
    type(member).objects.filter(pk=member.pk).update(status=status)
    assert give_back(member, "A").amount == 30


# --- a lot that lapsed meanwhile


def lapsed_after_a_spend(*, swept=True, at=LATER, **policy):
    """100 + 20 that lapses in a day, of which 30 (25 + 5) went to order A."""
    store = make_store()
    if policy:
        has_policy(store, **policy)
    member = member_with(100, 20, store=store, expires_at=NOON + DAY)
    take(member, 30, order_no="A", lines=in_lines(10, 20))
    if swept:
        sweep_lapsed(now=at)
        assert account_of(member).balance == 0
    return member


def test_a_lapsed_lot_can_be_spent_to_the_end_of_the_seventh_day():
    member = lapsed_after_a_spend()
    assert give_back(member, "A", now=LATER).amount == 30
    lot = lot_of(member)
    assert (lot.principal_left, lot.bonus_left, lot.extended_at) == (25, 5, LATER)
    assert lot.expires_at == clock.day_end(clock.local_day(LATER) + 7 * DAY)
    assert get_balance(account_of(member), lot.expires_at - MICROSECOND) == 30
    with pytest.raises(NotEnoughCredit):
        take(member, "0.01", now=lot.expires_at)


@pytest.mark.parametrize("days", [1, 30])
def test_the_store_decides_for_how_many_days(days):
    member = lapsed_after_a_spend(refund_grace_days=days)
    give_back(member, "A", now=LATER)
    assert lot_of(member).expires_at == clock.day_end(clock.local_day(LATER) + days * DAY)


def test_what_was_left_in_a_lapsed_lot_does_not_come_back_to_life():
    """The lot expired a minute ago and nobody swept it: first it lapses, then it is lengthened for what comes back."""
    member, user = lapsed_after_a_spend(swept=False), make_user()
    minute_after = NOON + DAY + timedelta(minutes=1)
    give_back(member, "A", (1, None), now=minute_after, idempotency_key="k", by=user)
    assert lots(member) == [(yuan("8.33"), yuan("1.67"))]
    moved = CreditEntry.objects.filter(account__member=member).order_by("pk").values_list("kind", "principal_amount", "bonus_amount", "balance_after")
    assert list(moved)[3:] == [
        (EntryKind.PAYOUT, -75, 0, 15),
        (EntryKind.LAPSE, 0, -15, 0),
        (EntryKind.REFUND, yuan("8.33"), yuan("1.67"), 10),
    ]
    payout = CreditPayout.objects.get()
    assert (payout.amount, payout.status, payout.lot, payout.created_at) == (75, PayoutStatus.WAITING, lot_of(member), minute_after)
    assert sweep_lapsed(now=minute_after).lots == 0
    assert give_back(member, "A", (1, None), now=LATER, idempotency_key="k").amount == 10, "replayed: only what was refunded"


def test_under_void_the_rest_is_void():
    member = lapsed_after_a_spend(swept=False, on_lapse=LapsePolicy.VOID)
    give_back(member, "A", now=LATER)
    assert lots(member) == [(25, 5)]
    assert not CreditPayout.objects.exists()


def test_a_lot_is_extended_once():
    member = lapsed_after_a_spend()
    give_back(member, "A", (1, None), now=LATER)
    extended = lot_of(member)
    much_later = extended.expires_at + DAY
    assert give_back(member, "A", (2, None), now=much_later).amount == 20
    lot = lot_of(member)
    assert (lot.expires_at, lot.extended_at) == (extended.expires_at, LATER)
    assert get_balance(account_of(member), much_later) == 0
    sweep_lapsed(now=much_later)
    assert lots(member) == [(0, 0)]
    assert sum(payout.amount for payout in CreditPayout.objects.all()) == 100, "no more than was paid for the lot"


def test_two_refunds_within_the_days_go_into_the_lot():
    member = lapsed_after_a_spend()
    give_back(member, "A", (1, None), now=LATER)
    until = lot_of(member).expires_at
    give_back(member, "A", (2, None), now=LATER + DAY)
    assert (lot_of(member).expires_at, lots(member)) == (until, [(25, 5)])


@pytest.mark.parametrize("swept", [True, False])
def test_a_lot_may_keep_its_date_so_that_the_refund_lapses_at_once(swept):
    member = lapsed_after_a_spend(swept=swept, refund_after_lapse=RefundAfterLapse.KEEP_DATE)
    assert give_back(member, "A", now=LATER).amount == 30
    lot = lot_of(member)
    assert (lot.expires_at, lot.extended_at) == (NOON + DAY, None)
    with pytest.raises(NotEnoughCredit):
        take(member, "0.01", now=LATER)
    sweep_lapsed(now=LATER)
    assert account_of(member).balance == 0
    assert sum(payout.amount for payout in CreditPayout.objects.all()) == 100


@pytest.mark.parametrize("swept", [True, False])
def test_a_new_lot_may_take_it(swept):
    member = lapsed_after_a_spend(swept=swept, refund_after_lapse=RefundAfterLapse.NEW_LOT)
    old = lot_of(member)
    back = give_back(member, "A", (1, None), now=LATER)
    new = CreditLot.objects.get(pk=back.parts[0].lot_id)
    assert new.source_no == f"refund:{back.parts[0].entry_id}"
    assert (new.principal_amount, new.bonus_amount, new.principal_left, new.bonus_left) == (yuan("8.33"), yuan("1.67"), yuan("8.33"), yuan("1.67"))
    assert (new.opened_at, new.expires_at) == (LATER, clock.day_end(clock.local_day(LATER) + 7 * DAY))
    assert CreditEntry.objects.get(pk=back.parts[0].entry_id).refund_of.lot_id == old.pk
    again = give_back(member, "A", now=LATER)
    assert again.amount == 20
    assert again.parts[0].lot_id not in {old.pk, new.pk}, "each refund opens a lot of its own"
    assert get_balance(account_of(member), LATER) == 30
    sweep_lapsed(now=LATER + 30 * DAY)
    assert sum(payout.amount for payout in CreditPayout.objects.all()) == 100


def test_only_the_lots_that_lapsed_follow_the_policy():
    store = make_store()
    has_policy(store, refund_after_lapse=RefundAfterLapse.NEW_LOT)
    member = make_member(store)
    lapsing, living = give(member, 10, 2, expires_at=NOON + DAY).lot_id, give(member, 10, 2, expires_at=NOON + 30 * DAY).lot_id
    take(member, 20, order_no="A")
    sweep_lapsed(now=LATER)
    back = give_back(member, "A", now=LATER)
    assert back.parts[0].lot_id not in {lapsing, living}
    assert back.parts[1].lot_id == living
    assert lots(member)[:2] == [(0, 0), (10, 2)]


@pytest.mark.parametrize(("moment", "extended"), [(-MICROSECOND, False), (timedelta(0), True), (MICROSECOND, True)])
def test_boundary_instants_of_expiry(moment, extended):
    member = lapsed_after_a_spend(swept=False)
    give_back(member, "A", now=NOON + DAY + moment)
    lot = lot_of(member)
    assert (lot.extended_at is not None) is extended
    assert lots(member) == [(25, 5) if extended else (100, 20)]


# --- what the database itself refuses


def behind_the_services(member, of, *, principal, bonus=0, **fields):
    """A refund by somebody who writes entries past the services."""
    account = account_of(member)
    values = {
        "store_id": account.store_id,
        "account": account,
        "lot_id": of.lot_id,
        "kind": EntryKind.REFUND,
        "principal_amount": principal,
        "bonus_amount": bonus,
        "balance_after": 0,
        "idempotency_key": "past",
        "body_hash": b"x",
        "order_no": of.order_no,
        "line_no": of.line_no,
        "refund_of": of,
        "happened_at": NOON,
    }
    return CreditEntry(**(values | fields))


def write(*entries):
    with transaction.atomic():
        CreditEntry.objects.bulk_create(entries)


@pytest.mark.parametrize("amounts", [{"principal": yuan("25.01")}, {"principal": 0, "bonus": yuan("5.01")}, {"principal": 26, "bonus": 4}])
def test_the_database_refuses_more_than_the_entry_took(amounts):
    member = member_with(100, 20)
    take(member, 30, order_no="A")
    spent = CreditEntry.objects.get(kind=EntryKind.SPEND)
    with pytest.raises(IntegrityError, match="credit_entry_refund_within_taken"):
        write(behind_the_services(member, spent, **amounts))


def test_the_database_counts_refunds_before_and_in_the_same_statement():
    member = member_with(100)
    take(member, 30, order_no="A")
    spent = CreditEntry.objects.get(kind=EntryKind.SPEND)
    with pytest.raises(IntegrityError, match="credit_entry_refund_within_taken"):
        write(behind_the_services(member, spent, principal=20), behind_the_services(member, spent, principal=11, seq=2))
    give_back(member, "A", (None, 20))
    with pytest.raises(IntegrityError, match="credit_entry_refund_within_taken"):
        write(behind_the_services(member, spent, principal=11))


def test_the_database_refuses_refunds_of_what_is_no_spend():
    member = member_with(100)
    set_aside(member, 30)
    for kind in (EntryKind.TOP_UP, EntryKind.HOLD):
        with pytest.raises(IntegrityError, match="credit_entry_refund_within_taken"):
            write(behind_the_services(member, CreditEntry.objects.get(kind=kind), principal=1))
    with pytest.raises(IntegrityError, match="credit_entry_is_sound"):
        write(behind_the_services(member, CreditEntry.objects.get(kind=EntryKind.HOLD), principal=1, refund_of=None))


def test_the_database_refuses_refunds_to_other_accounts_lots_orders_and_stores():
    member, other = member_with(100), member_with(100)
    take(member, 30, order_no="A", lines=in_lines(30))
    spent = CreditEntry.objects.get(kind=EntryKind.SPEND)
    account = account_of(other)
    for fields in ({"account": account}, {"store_id": account.store_id}, {"lot_id": lot_of(other).pk}, {"order_no": "B"}, {"line_no": 2}, {"lot_id": 10**9}):
        with pytest.raises(IntegrityError, match="credit_entry_refund_of_same_order"):
            write(behind_the_services(member, spent, principal=1, **fields))
