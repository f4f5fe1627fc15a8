"""Refunding a top-up: what goes back, what is void, and that it happens once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from backoffice.kernel.errors import NotFound
from backoffice.kernel.invariants import find_breaches
from members.choices import DeductionOrder, EntryKind, MemberStatus, PayoutCause, PayoutStatus, RefundAfterLapse, TopUpRefundPolicy
from members.models import CreditEntry, CreditLot, CreditPayout, CreditPolicy, Member
from members.selectors.proof import prove_ledger
from members.services.credit import CreditRefused, IdempotencyKeyReused, hold, refund_spend, release
from members.services.credit.adjustments import request_adjustment
from members.services.credit.lapse import sweep_lapsed
from members.services.credit.top_up_refund import TopUpRefund, TopUpRefundRefused, refund_top_up
from tests.factories import NOON, make_member, make_store, make_user
from tests.members.ledger import account_of, entries_total, everything, give, give_back, member_with, take, yuan
from tests.members.services.test_lapse import in_threads

ORDERS = list(DeductionOrder)


def refund(member: Member, *, key: str = "r", **fields: Any) -> TopUpRefund:
    arguments: dict[str, Any] = {"store_id": member.store_id, "source_no": "T", "idempotency_key": key, "by": None, "now": NOON}
    return refund_top_up(**(arguments | fields))


def topped_up(principal: str | int = 100, bonus: str | int = 20, **fields: Any) -> Member:
    return member_with(principal, bonus, source_no="T", **fields)


def by_ratio(member: Member) -> None:
    CreditPolicy.objects.create(store=member.store, top_up_refund=TopUpRefundPolicy.RATIO)


def booked(key: str = "r") -> list[tuple[Any, ...]]:
    return list(CreditEntry.objects.filter(idempotency_key=key).order_by("seq").values_list("kind", "principal_amount", "bonus_amount", "balance_after"))


@pytest.mark.django_db
class TestPrincipalOnly:
    def test_100_and_20_with_30_spent_pays_75_back_and_voids_the_bonus(self) -> None:
        member = topped_up()
        take(member, 30)

        result = refund(member)

        lot = CreditLot.objects.get()
        assert result == TopUpRefund(lot.pk, paid_back=yuan(75), voided=yuan(15), replayed=False)
        assert booked() == [("PAYOUT", yuan(-75), yuan(0), yuan(15)), ("LAPSE", yuan(0), yuan(-15), yuan(0))]
        payout = CreditPayout.objects.get()
        assert (payout.amount, payout.cause, payout.status, payout.lot) == (yuan(75), PayoutCause.TOP_UP_REFUND, PayoutStatus.WAITING, lot)
        assert payout.entry.kind == EntryKind.PAYOUT
        assert account_of(member).balance == entries_total(member) == 0
        assert prove_ledger().holds

        after = everything(member)
        with pytest.raises(TopUpRefundRefused) as refused:
            refund(member, key="another")
        assert refused.value.code == "top_up_refunded"
        assert refund(member) == TopUpRefund(lot.pk, yuan(75), yuan(15), replayed=True)
        assert everything(member) == after
        assert CreditPayout.objects.count() == 1

    @pytest.mark.parametrize(("order", "paid_back", "voided"), list(zip(ORDERS, (75, 70, 90), (15, 20, 0), strict=True)))
    def test_in_the_three_orders(self, order: str, paid_back: int, voided: int) -> None:
        member = topped_up()
        take(member, 30, deduction_order=order)
        result = refund(member)
        assert (result.paid_back, result.voided) == (yuan(paid_back), yuan(voided))
        assert prove_ledger().holds

    def test_an_untouched_top_up_without_bonus_is_one_entry(self) -> None:
        member = topped_up(100, 0)
        assert refund(member).paid_back == yuan(100)
        assert booked() == [("PAYOUT", yuan(-100), yuan(0), yuan(0))]
        assert refund(member) == TopUpRefund(CreditLot.objects.get().pk, yuan(100), yuan(0), replayed=True)

    def test_only_its_own_lot_is_taken_from(self) -> None:
        member = topped_up()
        give(member, 7, 3)
        refund(member)
        assert account_of(member).balance == yuan(10)

    def test_only_bonus_left_is_refused_and_stays(self) -> None:
        member = topped_up(30, 20)
        take(member, 30, deduction_order=DeductionOrder.REAL_BEFORE_GIFT)
        refused(member, "nothing_left")

    def test_a_gift_only_lot_is_refused(self) -> None:
        refused(topped_up(0, 20), "nothing_left")


def refused(member: Member, code: str, **fields: Any) -> None:
    before = everything(member)
    with pytest.raises(TopUpRefundRefused) as no:
        refund(member, **fields)
    assert no.value.code == code
    assert str(no.value)
    assert everything(member) == before


@pytest.mark.django_db
class TestRatio:
    @pytest.mark.parametrize(("order", "moves"), list(zip(ORDERS, (((75, 0), (0, 15)), ((70, 5), (0, 15)), ((75, 0), (15, 0))), strict=True)))
    def test_100_and_20_with_30_spent_pays_the_unspent_share_of_the_price(self, order: str, moves: Any) -> None:
        member = topped_up()
        by_ratio(member)
        take(member, 30, deduction_order=order)

        result = refund(member)

        assert (result.paid_back, result.voided) == (yuan(75), yuan(15))  # 100 x 90 / 120
        (paid_principal, paid_bonus), (void_principal, void_bonus) = moves
        assert [row[:3] for row in booked()] == [
            ("PAYOUT", yuan(-paid_principal), yuan(-paid_bonus)),
            ("LAPSE", yuan(-void_principal), yuan(-void_bonus)),
        ]
        assert account_of(member).balance == 0
        assert CreditPayout.objects.get().amount == yuan(75)
        assert prove_ledger().holds

    def test_the_share_is_rounded_down_to_the_fen(self) -> None:
        member = topped_up("100", "0.01")
        by_ratio(member)
        take(member, "33.34")  # left 66.67 of 100.01
        assert refund(member).paid_back == yuan("66.66")  # 66.6633...
        assert account_of(member).balance == 0

    def test_less_than_a_fen_is_refused(self) -> None:
        member = topped_up("0.01", 100)
        by_ratio(member)
        take(member, "0.02")
        refused(member, "nothing_left")

    def test_with_an_order_refunded_later_never_more_than_was_paid_goes_back(self) -> None:
        member = topped_up(100, 20, expires_at=NOON + timedelta(days=1))
        by_ratio(member)
        take(member, 30, deduction_order=DeductionOrder.REAL_BEFORE_GIFT, order_no="A")
        refund(member)  # 75, of which 70 are the principal that was left
        refund_spend(store_id=member.store_id, order_no="A", lines=None, idempotency_key="back", by=None, now=NOON)
        assert account_of(member).balance == yuan(30)

        swept = sweep_lapsed(now=NOON + timedelta(days=2))

        assert (swept.paid_back, swept.void_principal) == (yuan(25), yuan(5))
        assert sum(CreditPayout.objects.values_list("amount", flat=True)) == yuan(100)
        assert prove_ledger().holds

    def test_what_was_paid_back_when_it_lapsed_counts_too(self) -> None:
        member = topped_up(expires_at=NOON + timedelta(days=1))
        by_ratio(member)
        take(member, 60, deduction_order=DeductionOrder.GIFT_BEFORE_REAL, order_no="A")
        late = NOON + timedelta(days=1)
        assert sweep_lapsed(now=late).paid_back == yuan(60)
        refund_spend(store_id=member.store_id, order_no="A", lines=None, idempotency_key="back", by=None, now=late)  # 40 + 20, for seven days more

        result = refund(member, now=late)

        assert (result.paid_back, result.voided) == (yuan(40), yuan(20))  # the share would be 50, and 60 of the 100 went back before
        assert prove_ledger().holds


@pytest.mark.django_db
class TestRefused:
    def test_held_credit_must_be_settled_first(self) -> None:
        member = topped_up()
        held = hold(member=member, amount=yuan(10), order_no="A", idempotency_key="h", by=None, now=NOON)
        refused(member, "top_up_held")
        release(hold=held.hold_id, idempotency_key="rel", by=None, now=NOON)
        assert refund(member).paid_back == yuan(100)

    def test_what_has_lapsed_goes_the_lapsed_way_swept_or_not(self) -> None:
        member = topped_up(expires_at=NOON + timedelta(days=1))
        late = {"now": NOON + timedelta(days=1)}
        refused(member, "top_up_lapsed", **late)
        sweep_lapsed(**late)
        refused(member, "top_up_lapsed", **late)

    def test_credit_that_was_not_topped_up_has_no_payment(self) -> None:
        member = topped_up()
        by = make_user()
        made = request_adjustment(member=member, principal=yuan(5), bonus=yuan(0), reason="gift", idempotency_key="a", by=by, now=NOON)
        refused(member, "not_a_top_up", source_no=f"adjust:{made.pk}")

    def test_another_stores_number_and_none_are_not_found(self) -> None:
        member = topped_up()
        for fields in ({"store_id": make_store().pk}, {"source_no": "U"}):
            with pytest.raises(NotFound):
                refund(member, **fields)
        assert account_of(member).balance == yuan(120)

    def test_a_key_of_another_request_is_refused(self) -> None:
        member = topped_up()
        give(member, 5, source_no="U", idempotency_key="k")
        with pytest.raises(IdempotencyKeyReused):
            refund(member, key="k")
        refund(member)
        with pytest.raises(IdempotencyKeyReused):
            refund(member, source_no="U")

    def test_keys_and_numbers_have_a_length(self) -> None:
        member = topped_up()
        for fields in ({"key": ""}, {"key": "x" * 129}, {"source_no": ""}):
            with pytest.raises(CreditRefused):
                refund(member, **fields)

    def test_who_left_is_paid_back_too(self) -> None:
        member = topped_up()
        for status in (MemberStatus.LEFT, MemberStatus.BLACKLISTED, MemberStatus.CLOSED):
            Member.objects.filter(pk=member.pk).update(status=status)
        assert refund(member).paid_back == yuan(100)

    def test_the_database_refuses_a_second_refund(self) -> None:
        member = topped_up()
        refund(member)
        first = CreditPayout.objects.get()
        entry = CreditEntry.objects.get(kind=EntryKind.TOP_UP)
        with pytest.raises(IntegrityError, match="credit_payout_top_up_refunded_once"), transaction.atomic():
            CreditPayout.objects.create(
                store=first.store, account=first.account, lot=first.lot, entry=entry, cause=PayoutCause.TOP_UP_REFUND, amount=1, created_at=NOON
            )


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_refund_once() -> None:
    member = topped_up()

    results = in_threads(*[lambda number=number: refund(member, key=f"r{number % 2}") for number in range(6)])

    done = [result for result in results if isinstance(result, TopUpRefund)]
    assert [result.paid_back for result in done] == [yuan(100)] * 3
    assert sorted(result.replayed for result in done) == [False, True, True]
    assert {result.code for result in results if isinstance(result, TopUpRefundRefused)} == {"top_up_refunded"}
    assert len(results) - len(done) == 3
    assert CreditPayout.objects.count() == 1
    assert prove_ledger().holds


@pytest.mark.django_db
def test_the_store_of_the_policy_is_the_lots() -> None:
    store = make_store()
    member = make_member(store)
    CreditPolicy.objects.create(store=make_store(), top_up_refund=TopUpRefundPolicy.RATIO)
    give(member, 100, 20, source_no="T")
    take(member, 30, deduction_order=DeductionOrder.REAL_BEFORE_GIFT)
    assert refund(member).paid_back == yuan(70)


@pytest.mark.django_db
@pytest.mark.parametrize("at_once", [False, True])
def test_lots_that_refunds_opened_share_the_price_of_their_top_up(at_once: bool) -> None:
    """100 + 20, 30 + 30 spent, 50 paid back by ratio: what two refunds bring back into new lots pays at most the other 50."""
    until = NOON + timedelta(days=1)
    member = member_with(100, 20, expires_at=until)
    CreditPolicy.objects.create(
        store=member.store,
        top_up_refund=TopUpRefundPolicy.RATIO,
        refund_after_lapse=RefundAfterLapse.NEW_LOT,
        deduction_order=DeductionOrder.REAL_BEFORE_GIFT,
    )
    for order_no in ("A", "B"):
        take(member, 30, order_no=order_no)
    top_up = CreditLot.objects.get()
    assert refund_top_up(store_id=member.store_id, source_no=top_up.source_no, idempotency_key="r", by=None, now=NOON).paid_back == 50
    for order_no in ("A", "B"):
        give_back(member, order_no, now=until)
        if not at_once:
            sweep_lapsed(now=until + timedelta(days=30))
    sweep_lapsed(now=until + timedelta(days=30))
    assert list(CreditLot.objects.order_by("pk").values_list("origin_id", flat=True)) == [None, top_up.pk, top_up.pk]
    assert list(CreditPayout.objects.order_by("pk").values_list("amount", flat=True)) == [50, 30, 20]
    assert CreditEntry.objects.filter(kind=EntryKind.LAPSE, principal_amount__lt=0).latest("pk").principal_amount == -10
    assert prove_ledger().differences == []
    assert find_breaches() == []
