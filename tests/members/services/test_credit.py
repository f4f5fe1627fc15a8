"""Top-up and spend by the examples of the ledger's rules."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import ProgrammingError, transaction
from django.db.utils import IntegrityError

from backoffice.kernel.errors import NotFound
from members.choices import DeductionOrder, EntryKind, MemberStatus
from members.models import CreditAccount, CreditEntry, CreditLot
from members.selectors.proof import prove_ledger
from members.services.credit import AmountRefused, CreditRefused, IdempotencyKeyReused, LineShare, NotEnoughCredit, TopUpNumberTaken, spend, top_up
from members.services.credit.requests import body_hash, take_hash
from tests.factories import NOON, make_member, make_store, make_user
from tests.members.ledger import account_of, entries_total, everything, give, member_with, split, take, yuan

pytestmark = pytest.mark.django_db

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def _ledger_is_whole_afterwards():
    yield
    assert prove_ledger().differences == []


# --- the three examples of the deduction order: 100 principal + 20 bonus, spend 30


def test_percent_takes_25_principal_and_5_bonus():
    assert split(take(member_with(100, 20), 30, deduction_order=DeductionOrder.PERCENT)) == (yuan(25), yuan(5))


def test_real_before_gift_takes_30_principal():
    assert split(take(member_with(100, 20), 30, deduction_order=DeductionOrder.REAL_BEFORE_GIFT)) == (yuan(30), yuan(0))


def test_gift_before_real_takes_all_20_bonus_first():
    assert split(take(member_with(100, 20), 30, deduction_order=DeductionOrder.GIFT_BEFORE_REAL)) == (yuan(10), yuan(20))


def test_percent_is_the_default_and_rounds_principal_down_to_the_fen():
    # 0.10 x 2/3 = 0.0666...: principal 0.06, bonus takes the rest
    assert split(take(member_with(2, 1), "0.10")) == (yuan("0.06"), yuan("0.04"))


def test_percent_of_a_whole_lot_in_single_fens_loses_none():
    member = member_with("0.07", "0.04")
    taken = [split(take(member, "0.01")) for _ in range(11)]
    assert (sum(p for p, _ in taken), sum(b for _, b in taken)) == (yuan("0.07"), yuan("0.04"))
    assert account_of(member).balance == 0


def test_percent_is_exact_at_the_largest_amounts():
    member = member_with("999999999999.97", "0.02")
    # 500000000000.01 x 999999999999.97 / 999999999999.99 = 499999999999.9999999999997: a division that rounds would say ...00.00
    assert split(take(member, "500000000000.01")) == (yuan("499999999999.99"), yuan("0.02"))


# --- which lot


def test_soonest_expiry_is_spent_first_and_never_expiring_last():
    member = make_member(make_store())
    never = give(member, 10)
    late = give(member, 10, expires_at=NOON + timedelta(days=60))
    soon = give(member, 10, expires_at=NOON + timedelta(days=5))
    assert [part.lot_id for part in take(member, 25).parts] == [soon.lot_id, late.lot_id, never.lot_id]


def test_equal_expiry_is_spent_by_opening_then_by_id():
    member = make_member(make_store())
    until = NOON + timedelta(days=5)
    second = give(member, 10, expires_at=until, opened_at=NOON - timedelta(hours=1))
    third = give(member, 10, expires_at=until, opened_at=NOON - timedelta(hours=1))
    first = give(member, 10, expires_at=until, opened_at=NOON - timedelta(hours=2))
    assert [part.lot_id for part in take(member, 30).parts] == [first.lot_id, second.lot_id, third.lot_id]


def test_one_entry_per_lot_with_the_balance_after_each():
    member = make_member(make_store())
    give(member, 10, expires_at=NOON + timedelta(days=5))
    give(member, 20, 4)
    user = make_user()
    result = take(member, 22, by=user, order_no="A-1", idempotency_key="k")
    stored = list(
        CreditEntry.objects.filter(idempotency_key="k")
        .order_by("seq")
        .values_list("seq", "kind", "principal_amount", "bonus_amount", "balance_after", "order_no", "actor", "happened_at")
    )
    assert stored == [
        (1, EntryKind.SPEND, yuan(-10), yuan(0), yuan(24), "A-1", user.pk, NOON),
        (2, EntryKind.SPEND, yuan(-10), yuan(-2), yuan(12), "A-1", user.pk, NOON),
    ]
    assert [part.balance_after for part in result.parts] == [yuan(24), yuan(12)]
    assert account_of(member).balance == yuan(12)


def test_a_lot_expired_a_minute_ago_is_not_spent_though_nobody_swept_it():
    member = member_with(50, expires_at=NOON - timedelta(minutes=1), now=NOON - timedelta(days=3))
    give(member, 5)
    before = everything(member)
    with pytest.raises(NotEnoughCredit) as refused:
        take(member, 6)
    assert refused.value.available == yuan(5)
    assert everything(member) == before
    assert take(member, 5).balance_after == yuan(50)


@pytest.mark.parametrize(("moment", "spendable"), [(-MICROSECOND, True), (timedelta(0), False), (MICROSECOND, False)])
def test_boundary_instants_of_expiry(moment, spendable):
    member = member_with(10, expires_at=NOON, now=NOON - timedelta(days=1))
    if spendable:
        assert take(member, 10, now=NOON + moment).amount == yuan(10)
    else:
        with pytest.raises(NotEnoughCredit):
            take(member, "0.01", now=NOON + moment)


# --- refusals change nothing


def test_not_enough_tells_what_is_available_and_changes_nothing():
    member = member_with(20, 10)
    before = everything(member)
    with pytest.raises(NotEnoughCredit) as refused:
        take(member, "30.01")
    assert (refused.value.code, refused.value.asked, refused.value.available) == ("not_enough_credit", yuan("30.01"), yuan(30))
    assert everything(member) == before


def test_a_member_who_never_had_credit_has_nothing_available():
    with pytest.raises(NotEnoughCredit) as refused:
        take(make_member(make_store()), 1)
    assert refused.value.available == 0


def test_a_missing_account_is_not_found():
    with pytest.raises(NotFound):
        spend(account=CreditAccount(pk=987654321), amount=yuan(1), order_no="A", idempotency_key="k", by=None, now=NOON)


@pytest.mark.parametrize("amount", [Decimal(0), Decimal(-1), Decimal("0.001"), Decimal("NaN"), Decimal("Infinity"), Decimal(1000000000000), "ten"])
def test_amounts_that_are_no_positive_yuan_are_refused(amount):
    member = member_with(10)
    before = everything(member)
    with pytest.raises(AmountRefused):
        spend(member=member, amount=amount, order_no="A", idempotency_key="k", by=None, now=NOON)
    assert everything(member) == before


@pytest.mark.parametrize("fields", [{"principal": 0, "bonus": 0}, {"principal": -1, "bonus": 2}, {"principal": 1, "bonus": -1}])
def test_a_top_up_holds_something_and_nothing_negative(fields):
    member = make_member(make_store())
    with pytest.raises(AmountRefused):
        give(member, **fields)
    assert not CreditAccount.objects.filter(member=member).exists()


def test_a_lot_cannot_expire_before_it_opens():
    with pytest.raises(CreditRefused) as refused:
        give(make_member(make_store()), 1, opened_at=NOON, expires_at=NOON)
    assert refused.value.code == "expires_before_opening"


def test_money_stays_the_members_whatever_the_status():
    member = member_with(10)
    type(member).objects.filter(pk=member.pk).update(status=MemberStatus.BLACKLISTED)
    assert take(member, 4).balance_after == yuan(6)


# --- idempotency


def test_the_same_key_returns_the_first_result():
    member = make_member(make_store())
    give(member, 10, expires_at=NOON + timedelta(days=5))
    give(member, 20, 4)
    first = take(member, 22, idempotency_key="k", order_no="A")
    take(member, 1)
    again = take(member, 22, idempotency_key="k", order_no="A", now=NOON + timedelta(days=30))
    assert (first.replayed, again.replayed) == (False, True)
    assert again.parts == first.parts
    assert again.amount == first.amount
    assert account_of(member).balance == yuan(11)


@pytest.mark.parametrize("other", [{"amount": 5}, {"order_no": "B"}])
def test_the_same_key_with_another_body_is_refused(other):
    member = member_with(10)
    take(member, 4, order_no="A", idempotency_key="k")
    before = everything(member)
    with pytest.raises(IdempotencyKeyReused) as refused:
        take(member, **({"amount": 4, "order_no": "A", "idempotency_key": "k"} | other))
    assert refused.value.code == "idempotency_key_reused"
    assert everything(member) == before


def test_the_same_key_for_another_member_of_the_store_is_refused_and_of_another_store_is_not():
    store = make_store()
    one, two, elsewhere = member_with(10, store=store), member_with(10, store=store), member_with(10)
    take(one, 4, order_no="A", idempotency_key="k")
    with pytest.raises(IdempotencyKeyReused):
        take(two, 4, order_no="A", idempotency_key="k")
    assert take(elsewhere, 4, order_no="A", idempotency_key="k").replayed is False
    assert [account_of(member).balance for member in (one, two, elsewhere)] == [yuan(6), yuan(10), yuan(6)]


def test_a_key_of_a_top_up_does_not_serve_a_spend():
    member = member_with(10, idempotency_key="k")
    with pytest.raises(IdempotencyKeyReused):
        take(member, 10, idempotency_key="k")


def test_a_repeated_top_up_opens_one_lot():
    member = make_member(make_store())
    arguments = {"source_no": "T", "idempotency_key": "k", "expires_at": NOON + timedelta(days=9)}
    first = give(member, 10, 2, **arguments)
    again = give(member, 10, 2, **arguments, now=NOON, by=make_user())
    assert (first.replayed, again.replayed, again.lot_id, again.entry_id, again.balance_after) == (False, True, first.lot_id, first.entry_id, yuan(12))
    assert entries_total(member) == account_of(member).balance == yuan(12)
    with pytest.raises(IdempotencyKeyReused):
        give(member, 11, 2, **arguments)


def test_a_top_up_number_is_taken_once_a_store():
    store = make_store()
    member_with(10, store=store, source_no="T")
    with pytest.raises(TopUpNumberTaken):
        member_with(10, store=store, source_no="T")
    assert member_with(10, source_no="T") is not None


def test_an_empty_key_is_refused():
    with pytest.raises(CreditRefused) as refused:
        give(make_member(make_store()), 1, idempotency_key="")
    assert refused.value.code == "idempotency_key_invalid"


# --- the hash of a request: kept with entries for ever, so its bytes never change


@pytest.mark.parametrize("order_no", ["O-1", "订单 1", 'a "quoted" \\ one', "line\nfeed\x1f\x7f", "😀"])
@pytest.mark.parametrize("lines", [(), (LineShare(1, yuan(10)), LineShare(2, yuan("27.05")))])
@pytest.mark.parametrize("kind", ["SPEND", "HOLD"])
def test_the_quick_hash_of_a_spend_is_the_hash_of_any_request(kind, lines, order_no):
    asked = {"lines": [(line.line_no, line.amount) for line in lines]} if lines else {}
    assert take_hash(kind, 7, yuan("37.05"), order_no, lines) == body_hash(kind, 7, amount=yuan("37.05"), order_no=order_no, **asked)


def test_the_hash_is_the_one_that_old_entries_have():
    assert take_hash("SPEND", 7, yuan("37.05"), "订单 1", ()).hex() == "b475aaba0a3beec10750d6131d872078b6ff2e09e9d063e3feffd569d74d4f02"


# --- what the database itself refuses


@pytest.mark.parametrize("act", [lambda entries: entries.update(reason="x"), lambda entries: entries.delete(), lambda entries: entries._raw_delete(entries.db)])
def test_entries_are_append_only(act):
    member = member_with(10)
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        act(CreditEntry.objects.filter(account__member=member))
    assert entries_total(member) == yuan(10)


@pytest.mark.parametrize(
    ("constraint", "act"),
    [
        ("credit_account_not_below_zero", lambda member: CreditAccount.objects.filter(member=member).update(balance=-1)),
        ("credit_lot_is_sound", lambda member: CreditLot.objects.filter(account__member=member).update(principal_left=11)),
        ("credit_lot_is_sound", lambda member: CreditLot.objects.filter(account__member=member).update(bonus_left=-1)),
    ],
)
def test_named_constraints_hold_the_caches(constraint, act):
    member = member_with(10)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        act(member)


def test_spend_needs_an_account_or_a_member():
    with pytest.raises(TypeError):
        spend(amount=yuan(1), order_no="A", idempotency_key="k", by=None, now=NOON)


def test_top_up_records_actor_time_and_lot():
    member, user = make_member(make_store()), make_user()
    until = NOON + timedelta(days=30)
    made = top_up(
        member=member,
        source_no="T-9",
        principal=yuan(100),
        bonus=yuan(20),
        opened_at=NOON - timedelta(days=1),
        expires_at=until,
        idempotency_key="k",
        by=user,
        now=NOON,
    )
    entry = CreditEntry.objects.get(pk=made.entry_id)
    assert (entry.kind, entry.principal_amount, entry.bonus_amount, entry.balance_after, entry.actor, entry.happened_at) == (
        EntryKind.TOP_UP,
        yuan(100),
        yuan(20),
        yuan(120),
        user,
        NOON,
    )
    lot = CreditLot.objects.get(pk=made.lot_id)
    assert (lot.store, lot.source_no, lot.principal_left, lot.bonus_left, lot.expires_at) == (member.store, "T-9", yuan(100), yuan(20), until)
