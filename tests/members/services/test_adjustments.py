"""Corrections by hand: with a reason, and above the limit only with a second person."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import NotAllowed, NotFound, StateConflict
from backoffice.kernel.tenancy.models import User
from members.choices import AdjustmentStatus, EntryKind
from members.models import CreditAccount, CreditAdjustment, CreditEntry, CreditLot, Member
from members.selectors.proof import prove_ledger
from members.services.credit import AmountRefused, CreditRefused, IdempotencyKeyReused
from members.services.credit.adjustments import NotEnoughToTake, approve_adjustment, refuse_adjustment, request_adjustment, withdraw_adjustment
from members.services.credit.lapse import sweep_lapsed
from members.services.policy import change_policy
from tests.factories import NOON, make_member, make_store, make_user
from tests.members.ledger import account_of, entries_total, everything, give, member_with, yuan
from tests.members.services.test_lapse import in_threads

SOON = NOON + timedelta(days=1)
APPLIED, REQUESTED = AdjustmentStatus.APPLIED, AdjustmentStatus.REQUESTED


def adjust(member: Member, principal: str | int, bonus: str | int = 0, /, *, by: User, key: str = "a", **fields: Any) -> CreditAdjustment:
    arguments: dict[str, Any] = {"member": member, "reason": "correction", "idempotency_key": key, "by": by, "now": NOON}
    return request_adjustment(principal=yuan(principal), bonus=yuan(bonus), **(arguments | fields))


def booked(adjustment: CreditAdjustment) -> list[tuple[Any, ...]]:
    entries = CreditEntry.objects.filter(idempotency_key=f"adjust:{adjustment.pk}").order_by("seq")
    return list(entries.values_list("kind", "lot__source_no", "principal_amount", "bonus_amount", "balance_after", "actor", "reason"))


def verbs() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))


@pytest.fixture
def clerk() -> User:
    return make_user()


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.mark.django_db
class TestPlusAndMinus:
    def test_plus_opens_a_lot_of_its_own(self, clerk: User) -> None:
        member = make_member(make_store())  # without an account yet

        made = adjust(member, 40, 10, by=clerk, expires_at=SOON)

        lot = CreditLot.objects.get()
        assert (made.status, made.lot, made.needs_second_person, made.decided_by) == (APPLIED, lot, False, None)
        assert (lot.source_no, lot.principal_amount, lot.bonus_amount, lot.principal_left, lot.bonus_left, lot.expires_at, lot.opened_at) == (
            f"adjust:{made.pk}", yuan(40), yuan(10), yuan(40), yuan(10), SOON, NOON,
        )  # fmt: skip
        assert booked(made) == [("ADJUST", lot.source_no, yuan(40), yuan(10), yuan(50), clerk.pk, "correction")]
        assert verbs() == ["credit_adjustment.applied"]
        assert account_of(member).balance == entries_total(member) == yuan(50)
        assert prove_ledger().holds

    def test_minus_takes_in_spending_order_principal_and_bonus_apart(self, clerk: User) -> None:
        member = member_with(10, 1, source_no="second", expires_at=NOON + timedelta(days=9))
        give(member, 5, 5, source_no="first", expires_at=SOON)
        give(member, 50, 50, source_no="lapsed", expires_at=NOON + timedelta(minutes=1))

        made = adjust(member, -12, -5, by=clerk, now=NOON + timedelta(minutes=1))

        assert [row[:4] for row in booked(made)] == [("ADJUST", "first", yuan(-5), yuan(-5)), ("ADJUST", "second", yuan(-7), yuan(0))]
        assert made.lot is None
        assert prove_ledger().holds

    def test_minus_from_one_lot(self, clerk: User) -> None:
        member = member_with(10, 1, source_no="this", expires_at=NOON + timedelta(days=9))
        give(member, 5, 5, source_no="sooner", expires_at=SOON)
        lot = CreditLot.objects.get(source_no="this")

        made = adjust(member, -10, -1, by=clerk, lot=lot)

        assert (made.lot, [row[1] for row in booked(made)]) == (lot, ["this"])
        with pytest.raises(CreditRefused) as no:
            adjust(member, -1, by=clerk, lot=lot, key="b")
        assert no.value.code == "lot_not_open"

    def test_not_enough_is_refused_with_what_is_there(self, clerk: User) -> None:
        member = member_with(10, 1)
        before = everything(member)
        for principal, bonus in ((-11, 0), (-1, -2), (0, "-1.01")):
            with pytest.raises(NotEnoughToTake) as no:
                adjust(member, principal, bonus, by=clerk)
            assert no.value.facts == {"principal": yuan(10), "bonus": yuan(1)}
        with pytest.raises(NotEnoughToTake):
            adjust(make_member(make_store()), -1, by=clerk)
        assert everything(member) == before
        assert not CreditAdjustment.objects.exists()
        assert verbs() == []

    def test_what_was_added_lapses_as_other_credit(self, clerk: User) -> None:
        adjust(make_member(make_store()), 40, 10, by=clerk, expires_at=SOON)
        swept = sweep_lapsed(now=SOON)
        assert (swept.paid_back, swept.void_bonus) == (yuan(40), yuan(10))

    def test_by_account_too(self, clerk: User) -> None:
        member = member_with(10)
        adjust(member, 5, by=clerk, member=None, account=account_of(member))
        assert account_of(member).balance == yuan(15)
        with pytest.raises(NotFound):
            adjust(member, 5, by=clerk, member=None, account=CreditAccount(pk=0), key="b")
        with pytest.raises(TypeError):
            adjust(member, 5, by=clerk, member=None, key="c")

    @pytest.mark.parametrize(
        ("principal", "bonus", "fields", "code"),
        [
            (0, 0, {}, "amount_invalid"),
            (5, -1, {}, "amount_invalid"),
            (-5, 1, {}, "amount_invalid"),
            (5, 0, {"reason": "  "}, "reason_missing"),
            (5, 0, {"reason": "x" * 501}, "reason_invalid"),
            (5, 0, {"idempotency_key": ""}, "idempotency_key_invalid"),
            (5, 0, {"expires_at": NOON}, "expires_before_opening"),
            (-5, 0, {"expires_at": SOON}, "adjustment_invalid"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, clerk: User, principal: int, bonus: int, fields: Any, code: str) -> None:
        member = member_with(10, 10)
        before = everything(member)
        with pytest.raises(CreditRefused) as no:
            adjust(member, principal, bonus, by=clerk, **fields)
        assert (no.value.code, everything(member), CreditAdjustment.objects.count()) == (code, before, 0)

    def test_sent_again_after_its_expiry_it_is_the_first_one(self, clerk: User) -> None:
        member = member_with(10)
        first = adjust(member, 5, by=clerk, expires_at=SOON)
        assert adjust(member, 5, by=clerk, expires_at=SOON, now=SOON) == first
        assert CreditAdjustment.objects.count() == 1

    def test_fractions_of_a_fen_are_refused(self, clerk: User) -> None:
        with pytest.raises(AmountRefused):
            request_adjustment(member=member_with(1), principal=Decimal("0.001"), bonus=Decimal(0), reason="x", idempotency_key="a", by=clerk, now=NOON)

    def test_plus_names_no_lot_and_minus_only_one_of_the_account(self, clerk: User) -> None:
        member, other = member_with(10), member_with(10)
        lot = CreditLot.objects.get(account__member=other)
        for principal, code in ((5, "adjustment_invalid"), (-5, "lot_not_open")):
            with pytest.raises(CreditRefused) as no:
                adjust(member, principal, by=clerk, lot=lot)
            assert no.value.code == code
        assert account_of(other).balance == yuan(10)

    def test_the_same_key_returns_the_first_and_another_request_is_refused(self, clerk: User, owner: User) -> None:
        member = member_with(10)
        made = adjust(member, 5, by=clerk)
        assert adjust(member, 5, by=clerk) == made
        for act in (lambda: adjust(member, 6, by=clerk), lambda: adjust(member, 5, by=owner), lambda: adjust(make_member(member.store), 5, by=clerk)):
            with pytest.raises(IdempotencyKeyReused):
                act()
        assert account_of(member).balance == yuan(15)
        assert CreditEntry.objects.filter(kind=EntryKind.ADJUST).count() == 1


@pytest.mark.django_db
class TestSecondPerson:
    def test_500_is_applied_at_once(self, clerk: User) -> None:
        member = member_with(1)
        assert adjust(member, 400, 100, by=clerk).status == APPLIED
        assert account_of(member).balance == yuan(501)

    def test_a_fen_more_only_by_a_second_person(self, clerk: User, owner: User) -> None:
        member = member_with(1)
        before = everything(member)

        made = adjust(member, 500, "0.01", by=clerk)

        assert (made.status, made.needs_second_person, made.lot, everything(member)) == (REQUESTED, True, None, before)
        with pytest.raises(NotAllowed):
            approve_adjustment(adjustment=made, by=clerk, now=NOON)
        assert everything(member) == before

        done = approve_adjustment(adjustment=made, by=owner, now=SOON)

        assert (done.status, done.decided_by, done.decided_at) == (APPLIED, owner, SOON)
        assert booked(done) == [("ADJUST", f"adjust:{made.pk}", yuan(500), yuan("0.01"), yuan("501.01"), owner.pk, "correction")]
        assert verbs() == ["credit_adjustment.requested", "credit_adjustment.applied"]
        assert prove_ledger().holds
        with pytest.raises(StateConflict):
            approve_adjustment(adjustment=made, by=owner, now=SOON)

    def test_of_three_times_200_the_third_waits(self, clerk: User) -> None:
        member = member_with(1)
        assert [adjust(member, 200, by=clerk, key=f"{number}").status for number in range(3)] == [APPLIED, APPLIED, REQUESTED]
        assert account_of(member).balance == yuan(401)
        assert adjust(member, 100, by=clerk, key="rest").status == APPLIED
        assert adjust(member, "0.01", by=clerk, key="fen").status == REQUESTED

    def test_plus_and_minus_add_up(self, clerk: User) -> None:
        member = member_with(1)
        assert [adjust(member, sign * 200, by=clerk, key=f"{sign}{n}").status for n, sign in enumerate((1, -1, 1))] == [APPLIED, APPLIED, REQUESTED]

    def test_the_day_is_local_and_per_person_and_account(self, clerk: User, owner: User) -> None:
        member = member_with(1)
        last_moment = NOON.replace(hour=23, minute=59)
        assert adjust(member, 500, by=clerk, now=last_moment).status == APPLIED
        assert adjust(member, 1, by=clerk, key="b", now=last_moment).status == REQUESTED
        assert adjust(member, 500, by=owner, key="c", now=last_moment).status == APPLIED
        assert adjust(member_with(1, store=member.store), 500, by=clerk, key="d", now=last_moment).status == APPLIED
        assert adjust(member, 500, by=clerk, key="e", now=last_moment + timedelta(minutes=1)).status == APPLIED

    def test_what_a_second_person_approved_does_not_count(self, clerk: User, owner: User) -> None:
        member = member_with(1)
        approve_adjustment(adjustment=adjust(member, 9000, by=clerk), by=owner, now=NOON)
        assert adjust(member, 500, by=clerk, key="b").status == APPLIED

    def test_the_stores_limit_counts(self, clerk: User) -> None:
        member = member_with(1)
        change_policy(store=member.store, by=None, now=NOON, adjustment_limit=Decimal("0.00"))
        assert adjust(member, "0.01", by=clerk).status == REQUESTED

    def test_the_database_refuses_the_same_person(self, clerk: User, owner: User) -> None:
        made = adjust(member_with(1), 501, by=clerk)
        for decided_by in (clerk, None):
            with pytest.raises(IntegrityError, match="credit_adjustment_second_person"), transaction.atomic():
                CreditAdjustment.objects.filter(pk=made.pk).update(status=APPLIED, decided_by=decided_by, decided_at=NOON)
        assert CreditAdjustment.objects.filter(pk=made.pk).update(status=APPLIED, decided_by=owner, decided_at=NOON) == 1

    def test_a_minus_above_the_limit_is_decided_on_the_lots_as_they_are_then(self, clerk: User, owner: User) -> None:
        member = member_with(600, source_no="all")
        made = adjust(member, -600, by=clerk)
        adjust(member, -100, by=owner, key="b")
        with pytest.raises(NotEnoughToTake):
            approve_adjustment(adjustment=made, by=owner, now=NOON)
        made.refresh_from_db()
        assert (made.status, account_of(member).balance) == (REQUESTED, yuan(500))
        give(member, 100)
        approve_adjustment(adjustment=made, by=owner, now=NOON)
        assert account_of(member).balance == 0
        assert prove_ledger().holds

    def test_a_minus_that_cannot_be_is_refused_at_once(self, clerk: User) -> None:
        with pytest.raises(NotEnoughToTake):
            adjust(member_with(1), -600, by=clerk)
        assert not CreditAdjustment.objects.exists()

    def test_a_plus_whose_expiry_passed_meanwhile_is_not_applied(self, clerk: User, owner: User) -> None:
        made = adjust(member_with(1), 600, by=clerk, expires_at=SOON)
        with pytest.raises(CreditRefused):
            approve_adjustment(adjustment=made, by=owner, now=SOON)
        assert CreditLot.objects.count() == 1


@pytest.mark.django_db
class TestRefusedAndWithdrawn:
    def test_another_one_refuses_with_a_reason(self, clerk: User, owner: User) -> None:
        member = member_with(1)
        made = adjust(member, 600, by=clerk)
        with pytest.raises(CreditRefused):
            refuse_adjustment(adjustment=made, reason=" ", by=owner, now=NOON)
        with pytest.raises(NotAllowed):
            refuse_adjustment(adjustment=made, reason="no", by=clerk, now=NOON)

        done = refuse_adjustment(adjustment=made, reason="no receipt", by=owner, now=SOON)

        assert (done.status, done.decision_reason, done.decided_by, done.decided_at) == (AdjustmentStatus.REFUSED, "no receipt", owner, SOON)
        with pytest.raises(StateConflict):
            approve_adjustment(adjustment=made, by=owner, now=SOON)
        assert account_of(member).balance == yuan(1)
        assert verbs() == ["credit_adjustment.requested", "credit_adjustment.refused"]

    def test_only_who_asked_withdraws(self, clerk: User, owner: User) -> None:
        made = adjust(member_with(1), 600, by=clerk)
        with pytest.raises(NotAllowed):
            withdraw_adjustment(adjustment=made, by=owner, now=NOON)
        assert withdraw_adjustment(adjustment=made, by=clerk, now=NOON).status == AdjustmentStatus.WITHDRAWN
        for act in (lambda: withdraw_adjustment(adjustment=made, by=clerk, now=NOON), lambda: approve_adjustment(adjustment=made, by=owner, now=NOON)):
            with pytest.raises(StateConflict):
                act()
        assert adjust(made.account.member, 600, by=clerk).status == AdjustmentStatus.WITHDRAWN  # the key tells what became of it


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_small_ones_at_once_do_not_get_around_the_limit(self) -> None:
        member, clerk = member_with(1), make_user()
        results = in_threads(*[lambda number=number: adjust(member, 200, by=clerk, key=f"{number}").status for number in range(5)])
        assert sorted(results) == [APPLIED, APPLIED, REQUESTED, REQUESTED, REQUESTED]
        assert account_of(member).balance == yuan(401)
        assert prove_ledger().holds

    def test_approved_refused_and_withdrawn_at_once_only_one_happens(self) -> None:
        member, clerk, owner, other = member_with(1), make_user(), make_user(), make_user()
        made = adjust(member, 600, by=clerk)

        results = in_threads(
            lambda: approve_adjustment(adjustment=made, by=owner, now=NOON),
            lambda: approve_adjustment(adjustment=made, by=other, now=NOON),
            lambda: withdraw_adjustment(adjustment=made, by=clerk, now=NOON),
            lambda: refuse_adjustment(adjustment=made, reason="no", by=other, now=NOON),
        )

        assert sum(isinstance(result, StateConflict) for result in results) == 3
        made.refresh_from_db()
        assert account_of(member).balance == yuan(601 if made.status == APPLIED else 1)
        assert prove_ledger().holds

    def test_one_key_at_once_adjusts_once(self) -> None:
        member, clerk = member_with(1), make_user()
        results = in_threads(*[lambda: adjust(member, 5, by=clerk).pk] * 5)
        assert len(set(results)) == 1
        assert account_of(member).balance == yuan(6)

    def test_one_key_for_two_accounts_at_once_is_used_by_one(self) -> None:
        store, clerk = make_store(), make_user()
        members = [member_with(1, store=store), member_with(1, store=store)]
        results = in_threads(*[lambda member=member: adjust(member, 5, by=clerk).pk for member in members])
        assert sorted(type(result) is IdempotencyKeyReused for result in results) == [False, True]
        assert sorted(account_of(member).balance for member in members) == [yuan(1), yuan(6)]
