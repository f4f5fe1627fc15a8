"""Hold, capture and release: what is set aside cannot be spent twice nor lapse, and is settled once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from backoffice.kernel import clock
from backoffice.kernel.errors import NotFound
from backoffice.kernel.invariants import find_breaches
from members.choices import DeductionOrder, EntryKind, HoldStatus, LapsePolicy, RefundAfterLapse
from members.models import CreditEntry, CreditHold, CreditLot, CreditPayout
from members.selectors.credit import get_figures
from members.services.credit import (
    AmountRefused,
    CreditRefused,
    HoldSettled,
    IdempotencyKeyReused,
    MoreThanHeld,
    NotEnoughCredit,
    capture,
    release,
)
from members.services.credit.lapse import sweep_lapsed
from tests.factories import NOON, make_member, make_store, make_user
from tests.members.ledger import account_of, everything, give, give_back, has_policy, in_lines, member_with, set_aside, split, take, yuan

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(days=3)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def _ledger_is_whole_afterwards():
    yield
    assert find_breaches() == []


def settle(held, amount=None, *lines, now=NOON, key="capture", by=None):
    return capture(hold=held.hold_id, amount=amount, lines=lines, idempotency_key=key, by=by, now=now)


def let_go(held, *, now=NOON, key="release", by=None):
    return release(hold=held.hold_id, idempotency_key=key, by=by, now=now)


def lots(member):
    return list(CreditLot.objects.filter(account__member=member).order_by("pk").values_list("principal_left", "bonus_left"))


def caches(member):
    account = account_of(member)
    return account.balance, account.held


# --- hold


def test_a_hold_takes_from_the_lots_as_a_spend_does_and_is_told_beside_the_balance():
    member, user = member_with(100, 20), make_user()
    held = set_aside(member, 30, order_no="A", by=user)
    assert split(held) == (25, 5)
    assert caches(member) == (90, 30)
    assert get_figures(account_of(member), NOON).held == 30
    row = CreditHold.objects.get(pk=held.hold_id)
    assert (row.amount, row.status, row.order_no, row.held_at, row.captured_amount, row.settled_at) == (30, HoldStatus.HELD, "A", NOON, 0, None)
    entry = CreditEntry.objects.get(hold=row)
    assert (entry.kind, entry.principal_amount, entry.bonus_amount, entry.balance_after, entry.actor) == (EntryKind.HOLD, -25, -5, 90, user)


def test_what_is_held_cannot_be_spent_nor_held_again():
    member = member_with(30)
    set_aside(member, 20)
    for act in (take, set_aside):
        with pytest.raises(NotEnoughCredit) as refused:
            act(member, "10.01")
        assert refused.value.available == 10
    assert take(member, 10).balance_after == 0


def test_what_is_held_does_not_lapse_while_held():
    member = member_with(30, expires_at=NOON + timedelta(days=1))
    held = set_aside(member, 20)
    sweep_lapsed(now=LATER)
    assert caches(member) == (0, 20)
    assert settle(held, now=LATER).captured == 20
    assert caches(member) == (0, 0)


def test_a_hold_is_replayed_and_its_key_serves_nothing_else():
    member = member_with(30)
    first = set_aside(member, 20, order_no="A", idempotency_key="k", lines=in_lines(12, 8))
    again = set_aside(member, 20, order_no="A", idempotency_key="k", lines=in_lines(12, 8))
    assert (again.replayed, again.hold_id, again.parts) == (True, first.hold_id, first.parts)
    assert CreditHold.objects.count() == 1
    for act, fields in ((set_aside, {"lines": in_lines(20)}), (take, {"lines": in_lines(12, 8)})):
        with pytest.raises(IdempotencyKeyReused):
            act(member, 20, order_no="A", idempotency_key="k", **fields)
    assert caches(member) == (10, 20)


def test_a_refused_hold_leaves_nothing():
    member = member_with(30)
    before = everything(member)
    with pytest.raises(NotEnoughCredit):
        set_aside(member, 31)
    assert everything(member) == before
    assert not CreditHold.objects.exists()


@pytest.mark.parametrize(("moment", "holdable"), [(-MICROSECOND, True), (timedelta(0), False), (MICROSECOND, False)])
def test_boundary_instants_of_expiry(moment, holdable):
    member = member_with(10, expires_at=NOON, now=NOON - timedelta(days=1))
    if holdable:
        assert set_aside(member, 10, now=NOON + moment).amount == 10
    else:
        with pytest.raises(NotEnoughCredit):
            set_aside(member, "0.01", now=NOON + moment)


# --- capture


def test_capturing_all_moves_nothing_and_tells_what_became_final():
    member, user = member_with(100, 20), make_user()
    held = set_aside(member, 30, order_no="A")
    done = settle(held, by=user, now=LATER)
    assert (done.captured, done.released, done.principal, done.bonus, done.replayed) == (30, 0, 25, 5, False)
    entry = CreditEntry.objects.get(kind=EntryKind.CAPTURE)
    assert (entry.principal_amount, entry.bonus_amount, entry.captured_principal, entry.captured_bonus) == (0, 0, 25, 5)
    assert (entry.order_no, entry.balance_after, entry.actor, entry.happened_at) == ("A", 90, user, LATER)
    row = CreditHold.objects.get()
    assert (row.status, row.captured_amount, row.settled_at) == (HoldStatus.CAPTURED, 30, LATER)
    assert caches(member) == (90, 0)


def test_capturing_less_keeps_the_soonest_expiry_and_gives_back_the_rest():
    member = make_member(make_store())
    give(member, 10, expires_at=NOON + timedelta(days=1))
    give(member, 20, expires_at=NOON + timedelta(days=2))
    give(member, 30)
    held = set_aside(member, 45)
    done = settle(held, yuan(13))
    assert (done.captured, done.released) == (13, 32)
    assert [(part.principal, part.bonus) for part in done.parts] == [(10, 0), (3, 0)]
    assert [part.principal for part in done.released_parts] == [17, 15]
    assert lots(member) == [(0, 0), (17, 0), (30, 0)]
    assert caches(member) == (47, 0)
    assert done.balance_after == 47


@pytest.mark.parametrize("order", list(DeductionOrder))
@pytest.mark.parametrize("amount", ["0.01", "5", "30", "100", "109.99", "110"])
def test_a_smaller_capture_is_what_a_spend_of_that_amount_would_have_been(order, amount):
    held_one, spent_one = member_with(100, 20), member_with(100, 20)
    held = set_aside(held_one, 110, deduction_order=order)
    done = settle(held, yuan(amount))
    spent = take(spent_one, amount, deduction_order=order)
    # PERCENT rounds down to the fen twice: once for the hold, once for what is kept of it.
    at_most = yuan("0.01") if order == DeductionOrder.PERCENT else yuan(0)
    assert abs(done.principal - spent.principal) <= at_most
    assert done.captured == done.principal + done.bonus == yuan(amount)


def test_the_policy_of_the_time_of_the_hold_decides_what_a_smaller_capture_keeps():
    store = make_store()
    has_policy(store, deduction_order=DeductionOrder.GIFT_BEFORE_REAL)
    member = member_with(100, 20, store=store)
    held = set_aside(member, 50)
    has_policy(store, deduction_order=DeductionOrder.REAL_BEFORE_GIFT)
    assert split(settle(held, yuan(25))) == (5, 20)


def test_a_capture_of_all_keeps_the_holds_own_pieces():
    member = make_member(make_store())
    give(member, "10.01", 5, expires_at=NOON + timedelta(days=1))
    give(member, 7, "3.33")
    held = set_aside(member, 20, lines=in_lines("6.66", "6.67", "6.67"))
    done = settle(held)
    assert [(part.lot_id, part.line_no, part.principal, part.bonus) for part in done.parts] == [
        (part.lot_id, part.line_no, part.principal, part.bonus) for part in held.parts
    ]


def test_a_smaller_capture_without_lines_keeps_the_holds_first_lines():
    held = set_aside(member_with(50), 30, lines=in_lines(10, 10, 10))
    assert [(part.line_no, part.amount) for part in settle(held, yuan(15)).parts] == [(1, 10), (2, 5)]


def test_a_capture_may_name_other_lines():
    held = set_aside(member_with(50), 30, lines=in_lines(10, 20))
    done = settle(held, yuan(12), *in_lines(2, 3, 7))
    assert [(part.line_no, part.amount) for part in done.parts] == [(1, 2), (2, 3), (3, 7)]


def test_a_capture_is_replayed_with_the_same_result():
    member = member_with(50, 10)
    held = set_aside(member, 30)
    first = settle(held, yuan(12))
    again = settle(held, yuan(12), now=LATER)
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.parts, again.released_parts, again.captured, again.released) == (first.parts, first.released_parts, 12, 18)
    for other in (lambda: settle(held, yuan(13)), lambda: settle(held), lambda: settle(held, yuan(12), *in_lines(12)), lambda: let_go(held, key="capture")):
        with pytest.raises(IdempotencyKeyReused):
            other()
    assert caches(member) == (48, 0)


def test_all_is_the_same_request_as_the_whole_amount():
    held = set_aside(member_with(50), 30)
    settle(held)
    assert settle(held, yuan(30)).replayed


def test_a_hold_is_settled_once():
    member = member_with(50)
    captured, released = set_aside(member, 10), set_aside(member, 20)
    settle(captured, key="c1")
    let_go(released, key="r1")
    before = everything(member)
    for act in (lambda: settle(captured, key="c2"), lambda: let_go(captured, key="r2"), lambda: settle(released, key="c3"), lambda: let_go(released, key="r3")):
        with pytest.raises(HoldSettled) as refused:
            act()
        assert refused.value.code == "hold_settled"
    assert everything(member) == before


@pytest.mark.parametrize(
    ("amount", "lines", "error", "code"),
    [
        (yuan("30.01"), (), MoreThanHeld, "more_than_held"),
        (yuan(0), (), AmountRefused, "amount_invalid"),
        (yuan(-1), (), AmountRefused, "amount_invalid"),
        (Decimal("0.001"), (), AmountRefused, "amount_invalid"),
        (yuan(10), in_lines(5, 6), CreditRefused, "lines_differ"),
        (None, in_lines(5, 6), CreditRefused, "lines_differ"),
    ],
)
def test_a_refused_capture_leaves_the_hold_open(amount, lines, error, code):
    member = member_with(50)
    held = set_aside(member, 30)
    before = everything(member)
    with pytest.raises(error) as refused:
        settle(held, amount, *lines)
    assert refused.value.code == code
    assert everything(member) == before
    assert CreditHold.objects.get().status == HoldStatus.HELD


@pytest.mark.parametrize("act", [capture, release])
def test_a_missing_hold_is_not_found(act):
    with pytest.raises(NotFound):
        act(hold=987654321, idempotency_key="k", by=None, now=NOON)


def test_a_key_of_another_account_of_the_store_is_refused():
    store = make_store()
    one, two = member_with(10, store=store), member_with(10, store=store)
    settle(set_aside(one, 5), key="k")
    held = set_aside(two, 5)
    with pytest.raises(IdempotencyKeyReused):
        settle(held, key="k")
    assert caches(two) == (5, 5)


def test_what_was_captured_is_refunded_to_the_lots_of_the_hold():
    member = make_member(make_store())
    give(member, 10, 5, expires_at=NOON + timedelta(days=9))
    give(member, 20, 5)
    held = set_aside(member, 30, order_no="A", lines=in_lines(12, 18))
    settle(held, yuan(25))
    assert give_back(member, "A", (1, None)).amount == 12
    assert give_back(member, "A").amount == 13
    assert lots(member) == [(10, 5), (20, 5)]
    assert give_back(member, "A").amount == 0


def test_a_hold_is_no_spend_and_has_nothing_to_refund():
    member = member_with(50)
    set_aside(member, 30, order_no="A")
    with pytest.raises(NotFound):
        give_back(member, "A")


# --- release


def test_a_release_gives_everything_back_to_the_lots():
    member, user = make_member(make_store()), make_user()
    give(member, 10, 5, expires_at=NOON + timedelta(days=9))
    give(member, 20, 5)
    held = set_aside(member, 30, lines=in_lines(11, 19))
    done = let_go(held, by=user)
    assert (done.released, done.replayed, done.balance_after) == (30, False, 40)
    assert lots(member) == [(10, 5), (20, 5)]
    assert caches(member) == (40, 0)
    assert [entry.actor for entry in CreditEntry.objects.filter(kind=EntryKind.RELEASE)] == [user, user]
    again = let_go(held, now=LATER)
    assert (again.replayed, again.parts, again.released) == (True, done.parts, 30)


def lapsing_hold(*, amount=20, **policy):
    """100 + 20 lapsing in a day, of which some is held and the rest left."""
    store = make_store()
    if policy:
        has_policy(store, **policy)
    member = member_with(100, 20, store=store, expires_at=NOON + timedelta(days=1))
    return member, set_aside(member, amount, deduction_order=DeductionOrder.REAL_BEFORE_GIFT)


def test_released_after_the_lapse_the_lot_can_be_spent_seven_days_longer():
    member, held = lapsing_hold()
    sweep_lapsed(now=LATER)
    let_go(held, now=LATER)
    lot = CreditLot.objects.get(account__member=member)
    assert (lot.principal_left, lot.bonus_left, lot.extended_at) == (20, 0, LATER)
    assert lot.expires_at == clock.day_end(clock.local_day(LATER) + timedelta(days=7))
    assert take(member, 20, now=lot.expires_at - MICROSECOND).principal == 20


def test_released_after_the_lapse_without_a_sweep_the_rest_does_not_come_back_to_life():
    member, held = lapsing_hold()
    let_go(held, now=LATER)
    assert caches(member) == (20, 0)
    kinds = CreditEntry.objects.filter(account__member=member).order_by("pk").values_list("kind", "principal_amount", "bonus_amount", "hold_id")
    assert list(kinds)[2:] == [
        (EntryKind.PAYOUT, -80, 0, None),
        (EntryKind.LAPSE, 0, -20, None),
        (EntryKind.RELEASE, 20, 0, held.hold_id),
    ]
    assert CreditPayout.objects.get().amount == 80


def test_released_after_the_lapse_a_lot_may_keep_its_date():
    member, held = lapsing_hold(refund_after_lapse=RefundAfterLapse.KEEP_DATE, on_lapse=LapsePolicy.VOID)
    let_go(held, now=LATER)
    assert caches(member) == (120, 0)
    with pytest.raises(NotEnoughCredit):
        take(member, "0.01", now=LATER)
    sweep_lapsed(now=LATER)
    assert caches(member) == (0, 0)


def test_released_after_the_lapse_a_new_lot_may_take_it():
    _member, held = lapsing_hold(refund_after_lapse=RefundAfterLapse.NEW_LOT, refund_grace_days=2)
    done = let_go(held, now=LATER)
    lot = CreditLot.objects.get(source_no=f"release:{done.parts[0].entry_id}")
    assert (lot.principal_amount, lot.bonus_amount, lot.principal_left, lot.bonus_left, lot.opened_at) == (20, 0, 20, 0, LATER)
    assert lot.expires_at == clock.day_end(clock.local_day(LATER) + timedelta(days=2))
    assert done.parts[0].lot_id == lot.pk


def test_what_a_smaller_capture_gives_back_after_the_lapse_follows_the_policy_too():
    member, held = lapsing_hold()
    done = settle(held, yuan(15), now=LATER)
    assert (done.captured, done.released) == (15, 5)
    lot = CreditLot.objects.get(account__member=member)
    assert (lot.principal_left, lot.bonus_left, lot.extended_at) == (5, 0, LATER)
    again = settle(held, yuan(15), now=LATER + timedelta(days=1))
    assert (again.replayed, again.parts, again.released_parts) == (True, done.parts, done.released_parts)


def test_a_capture_of_all_after_the_lapse_extends_nothing():
    member, held = lapsing_hold()
    settle(held, now=LATER)
    assert CreditLot.objects.get(account__member=member).extended_at is None
