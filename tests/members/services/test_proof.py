"""The nightly proof: once a local day, one row, done again after a crash."""

from __future__ import annotations

from datetime import timedelta
from threading import Event

import pytest
from django.db import transaction

from members.models import CreditAccount, LedgerProof
from members.selectors.proof import latest_proof
from members.services import proof as module
from members.services.proof import prove_night
from tests.factories import NOON
from tests.members.ledger import account_of, member_with, yuan
from tests.members.services.test_lapse import in_threads

THREE = NOON.replace(hour=3)


@pytest.mark.django_db
class TestOneNight:
    def test_before_three_nothing_is_proved(self) -> None:
        assert prove_night(now=THREE - timedelta(microseconds=1)) is None
        assert not LedgerProof.objects.exists()
        assert latest_proof() is None

    def test_a_whole_ledger_is_green_and_proved_once_a_day(self) -> None:
        member_with(100, 20)

        proof = prove_night(now=THREE)

        assert proof is not None
        assert (proof.local_day, proof.account_count, proof.entry_count, proof.balance) == (THREE.date(), 1, 1, yuan(120))
        assert (proof.difference_count, proof.differences, proof.started_at) == (0, [], THREE)
        assert proof.finished_at is not None
        assert proof.finished_at >= THREE
        assert prove_night(now=NOON) is None
        assert latest_proof() == LedgerProof.objects.get()

    def test_the_next_local_day_has_its_own(self) -> None:
        prove_night(now=THREE)
        prove_night(now=THREE + timedelta(days=1))
        assert LedgerProof.objects.count() == 2
        latest = latest_proof()
        assert latest is not None
        assert latest.local_day == (THREE + timedelta(days=1)).date()

    def test_differences_are_named(self) -> None:
        member = member_with(100)
        CreditAccount.objects.filter(member=member).update(balance=91)

        proof = prove_night(now=THREE)

        assert proof is not None
        assert (proof.difference_count, len(proof.differences)) == (3, 3)
        assert {"what": "account", "id": account_of(member).pk, "rule": "balance_is_sum_of_lots", "told": "91.00", "proved": "100.00"} in proof.differences

    def test_one_that_is_not_finished_is_not_the_latest(self) -> None:
        prove_night(now=THREE)
        LedgerProof.objects.create(local_day=(THREE + timedelta(days=1)).date(), started_at=THREE)
        latest = latest_proof()
        assert latest is not None
        assert latest.local_day == THREE.date()


@pytest.mark.django_db(transaction=True)
class TestAtOnceAndCrashed:
    def test_two_at_once_make_one_row(self) -> None:
        results = in_threads(*[lambda: prove_night(now=THREE)] * 4)
        assert [type(result) for result in results if result is not None] == [LedgerProof]
        assert LedgerProof.objects.count() == 1

    def test_a_crashed_one_is_done_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def crash() -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(module, "prove_ledger", crash)
            with pytest.raises(KeyboardInterrupt):
                prove_night(now=THREE)
        assert LedgerProof.objects.get().finished_at is None

        proof = prove_night(now=NOON)

        assert proof is not None
        assert (proof.started_at, LedgerProof.objects.count()) == (NOON, 1)

    def test_while_one_proves_another_leaves(self) -> None:
        LedgerProof.objects.create(local_day=THREE.date(), started_at=THREE)
        locked, free = Event(), Event()

        def prove_long() -> None:
            with transaction.atomic():
                LedgerProof.objects.select_for_update().get()
                locked.set()
                free.wait(10)

        def come_along() -> object:
            locked.wait(10)
            try:
                return prove_night(now=THREE)
            finally:
                free.set()

        assert in_threads(prove_long, come_along) == [None, None]
