"""Random histories of one account, compared after each step with a model that counts fen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from members.choices import DeductionOrder
from members.models import CreditEntry, CreditLot
from members.selectors import credit
from members.selectors.proof import prove_ledger
from members.services.credit import IdempotencyKeyReused, NotEnoughCredit
from tests.factories import NOON, make_member, make_store
from tests.members.ledger import account_of, entries_total, give, take, yuan

SPLITS = {
    DeductionOrder.PERCENT: lambda take, p, b: take * p // (p + b),
    DeductionOrder.REAL_BEFORE_GIFT: lambda take, p, b: min(take, p),
    DeductionOrder.GIFT_BEFORE_REAL: lambda take, p, b: take - min(take, b),
}


def fen(amount):
    return yuan(amount) / 100


class Undo(Exception):
    pass


class Ledger(RuleBasedStateMachine):
    """The model: lots as [id, principal, bonus, expires_at] in order of opening; everything in whole fen."""

    def __init__(self):
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.member = make_member(make_store())
        self.now = NOON
        self.lots = []
        self.spends = []
        give(self.member, 1, now=self.now, opened_at=NOON - timedelta(days=1))  # opens the account; all lots open at once, so id decides
        self.lots.append([CreditLot.objects.get(account__member=self.member).pk, 100, 0, None])

    def teardown(self):
        self.block.__exit__(Undo, Undo(), None)

    def live(self):
        return sorted((lot for lot in self.lots if lot[3] is None or lot[3] > self.now), key=lambda lot: (lot[3] is None, lot[3] or self.now, lot[0]))

    @rule(principal=st.integers(0, 30), bonus=st.integers(0, 30), lasts=st.sampled_from([None, 1, 2, 3]))
    def give(self, principal, bonus, lasts):
        if principal + bonus == 0:
            return
        until = None if lasts is None else self.now + timedelta(days=lasts)
        made = give(self.member, fen(principal), fen(bonus), now=self.now, opened_at=NOON - timedelta(days=1), expires_at=until)
        self.lots.append([made.lot_id, principal, bonus, until])

    @rule(amount=st.integers(1, 60), order=st.sampled_from(list(DeductionOrder)))
    def spend(self, amount, order):
        available = sum(lot[1] + lot[2] for lot in self.live())
        preview = credit.preview_spend(account_of(self.member), fen(amount), self.now, order)
        assert preview.available == fen(min(amount, available))
        if amount > available:
            assert preview.shares == ()
            with pytest.raises(NotEnoughCredit) as refused:
                take(self.member, fen(amount), now=self.now, deduction_order=order)
            assert refused.value.available == fen(available)
            return
        expected = []
        need = amount
        for lot in self.live():
            part = min(need, lot[1] + lot[2])
            if part == 0:
                continue
            principal = SPLITS[order](part, lot[1], lot[2])
            expected.append((lot[0], fen(principal), fen(part - principal)))
            lot[1] -= principal
            lot[2] -= part - principal
            need -= part
        arguments = {"order_no": "A", "idempotency_key": f"{len(self.spends)}"}
        result = take(self.member, fen(amount), now=self.now, deduction_order=order, **arguments)
        assert [(part.lot_id, part.principal, part.bonus) for part in result.parts] == expected
        assert [(share.lot.pk, share.principal, share.bonus) for share in preview.shares] == expected
        self.spends.append((fen(amount), arguments, result.parts))

    @precondition(lambda self: self.spends)
    @rule(which=st.integers(0, 1000), other=st.booleans())
    def replay(self, which, other):
        amount, arguments, parts = self.spends[which % len(self.spends)]
        if other:
            with pytest.raises(IdempotencyKeyReused):
                take(self.member, amount + fen(1), now=self.now, **arguments)
        else:
            again = take(self.member, amount, now=self.now, **arguments)
            assert (again.replayed, again.parts) == (True, parts)

    @rule(step=st.sampled_from([timedelta(microseconds=1), timedelta(hours=12), timedelta(days=1), -timedelta(hours=1)]))
    def time_passes(self, step):
        self.now += step

    @invariant()
    def caches_are_the_model(self):
        stored = CreditLot.objects.filter(account__member=self.member).order_by("pk").values_list("pk", "principal_left", "bonus_left")
        assert [tuple(lot) for lot in stored] == [(lot[0], fen(lot[1]), fen(lot[2])) for lot in self.lots]
        account = account_of(self.member)
        assert account.balance == entries_total(self.member) == fen(sum(lot[1] + lot[2] for lot in self.lots))
        assert credit.get_balance(account, self.now) == fen(sum(lot[1] + lot[2] for lot in self.live()))
        assert CreditEntry.objects.filter(account=account).latest("pk").balance_after == account.balance
        assert prove_ledger().differences == []


@pytest.mark.django_db
def test_random_histories_agree_with_the_model():
    run_state_machine_as_test(
        Ledger, settings=settings(max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    )
