"""Spends, holds, captures, releases, refunds and sweeps at the same moment: real connections, real locks, and no error that a caller would see."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest

from backoffice.kernel.errors import BusinessError
from backoffice.kernel.invariants import find_breaches
from members.choices import EntryKind, HoldStatus, RefundAfterLapse
from members.models import CreditAccount, CreditEntry, CreditHold, CreditLot, CreditPayout
from members.services.credit import capture, release
from members.services.credit.lapse import sweep_lapsed
from tests.factories import NOON, make_member, make_store
from tests.members.ledger import account_of, entries_total, give, give_back, has_policy, in_lines, member_with, set_aside, take, yuan
from tests.members.services.test_credit_parallel import at_once

pytestmark = pytest.mark.django_db(transaction=True)

LATER = NOON + timedelta(days=3)


@pytest.fixture(autouse=True)
def _ledger_is_whole_afterwards():
    yield
    assert find_breaches() == []


def told(act, *arguments, **fields):
    """What the act returned, or the code of its refusal. Anything else is an error that a caller would see."""
    try:
        return act(*arguments, **fields)
    except BusinessError as refused:
        return refused.code


def test_32_parallel_spenders_on_many_accounts():
    store = make_store()
    members = [member_with(50, 10, store=store) for _ in range(8)]

    def spender(number):
        chosen = random.Random(number)
        return [told(take, chosen.choice(members), chosen.randint(1, 9), lines=()) for _ in range(12)]

    outcomes = [outcome for outcomes in at_once(32, spender) for outcome in outcomes]
    refusals = {outcome for outcome in outcomes if isinstance(outcome, str)}
    assert refusals <= {"not_enough_credit"}
    spent = sum(outcome.amount for outcome in outcomes if not isinstance(outcome, str))
    assert sum(account_of(member).balance for member in members) == 8 * 60 - spent
    assert min(account_of(member).balance for member in members) >= 0


def test_32_parallel_holders_and_spenders_never_take_the_same_fen():
    member = make_member(make_store())
    for _ in range(5):
        give(member, 10, 2)
    outcomes = at_once(32, lambda number: told(set_aside if number % 2 else take, member, 3, lines=in_lines(1, 2)))
    assert Counter(outcome for outcome in outcomes if isinstance(outcome, str)) == {"not_enough_credit": 12}
    account = account_of(member)
    held = sum(hold.amount for hold in CreditHold.objects.all())
    assert (account.balance, account.held) == (0, held)
    assert CreditLot.objects.filter(principal_left=0, bonus_left=0).count() == 5


def sent_100_times(act):
    answers = [answer for answers in at_once(10, lambda _: [act() for _ in range(10)]) for answer in answers]
    assert Counter(answer.replayed for answer in answers) == {True: 99, False: 1}
    return {answer.parts for answer in answers}


def test_100_holds_with_one_key_hold_once():
    member = member_with(100, 20)
    assert len(sent_100_times(lambda: set_aside(member, 30, order_no="A", lines=in_lines(10, 20), idempotency_key="k"))) == 1
    assert (CreditHold.objects.count(), account_of(member).held, account_of(member).balance) == (1, 30, 90)


def test_100_captures_with_one_key_capture_once():
    member = member_with(100, 20)
    held = set_aside(member, 30)
    assert len(sent_100_times(lambda: capture(hold=held.hold_id, amount=yuan(12), idempotency_key="k", by=None, now=NOON))) == 1
    assert (account_of(member).held, account_of(member).balance) == (0, 108)
    assert CreditEntry.objects.filter(kind=EntryKind.CAPTURE).count() == 1


def test_100_refunds_with_one_key_refund_once():
    member = member_with(100, 20)
    take(member, 30, order_no="A", lines=in_lines(10, 20))
    assert len(sent_100_times(lambda: give_back(member, "A", (2, 15), idempotency_key="k"))) == 1
    assert account_of(member).balance == 105


def test_32_refunds_of_one_line_under_keys_of_their_own_give_it_back_once():
    member = member_with(100, 20)
    take(member, 30, order_no="A", lines=in_lines(10, 20))
    amounts = at_once(32, lambda number: give_back(member, "A", (2, None)).amount)
    assert sorted(amounts) == [0] * 31 + [20]
    assert account_of(member).balance == 110


def test_32_partial_refunds_at_once_give_back_no_more_than_was_spent():
    member = member_with(100, 20)
    take(member, 30, order_no="A", lines=in_lines(10, 20))
    outcomes = at_once(32, lambda number: told(give_back, member, "A", (2, 3)))
    assert Counter(outcome if isinstance(outcome, str) else outcome.amount for outcome in outcomes) == {yuan(3): 6, "more_than_spent": 26}
    assert give_back(member, "A").amount == 12
    assert account_of(member).balance == 120


def test_a_hold_that_many_capture_and_release_at_once_is_settled_by_one():
    member = member_with(100, 20)
    for turn in range(4):
        held = set_aside(member, 30)

        def settle(number, held=held, turn=turn):
            key = f"{turn}-{number}"
            if number % 2:
                return told(release, hold=held.hold_id, idempotency_key=key, by=None, now=NOON)
            return told(capture, hold=held.hold_id, amount=yuan(10), idempotency_key=key, by=None, now=NOON)

        outcomes = at_once(8, settle)
        assert sum(not isinstance(outcome, str) for outcome in outcomes) == 1
        assert {outcome for outcome in outcomes if isinstance(outcome, str)} == {"hold_settled"}
    captured = CreditHold.objects.filter(status=HoldStatus.CAPTURED).count()
    assert (account_of(member).balance, account_of(member).held) == (120 - 10 * captured, 0)


@pytest.mark.parametrize("policy", list(RefundAfterLapse))
def test_refunds_releases_and_sweeps_of_a_lapsed_lot_at_once(policy):
    store = make_store()
    has_policy(store, refund_after_lapse=policy)
    member = member_with(100, 20, store=store, expires_at=NOON + timedelta(days=1))
    take(member, 30, order_no="A", lines=in_lines(10, 20))
    held = set_aside(member, 12)
    acts = [
        lambda: told(give_back, member, "A", (1, None), now=LATER),
        lambda: told(give_back, member, "A", (2, 7), now=LATER),
        lambda: told(release, hold=held.hold_id, idempotency_key="r", by=None, now=LATER),
        lambda: sweep_lapsed(now=LATER),
    ]
    outcomes = at_once(16, lambda number: acts[number % 4]())
    assert {outcome for outcome in outcomes if isinstance(outcome, str)} <= {"more_than_spent"}
    sweep_lapsed(now=LATER)
    account = account_of(member)
    spendable = yuan(0) if policy == RefundAfterLapse.KEEP_DATE else yuan(10 + 14 + 12)
    assert (account.balance, account.held) == (spendable, 0)
    lapsed = CreditEntry.objects.filter(kind__in=[EntryKind.LAPSE, EntryKind.PAYOUT])
    assert -sum(entry.principal_amount + entry.bonus_amount for entry in lapsed) == 120 - 30 - 12 + (0 if spendable else 36)
    assert sum(payout.amount for payout in CreditPayout.objects.all()) == -sum(e.principal_amount for e in lapsed)
    if policy == RefundAfterLapse.EXTEND_ONCE:
        assert CreditLot.objects.get().extended_at == LATER


def test_everything_at_once_on_a_few_accounts_ends_whole_and_nobody_sees_a_lock():
    store = make_store()
    members = [member_with(200, 40, store=store, expires_at=NOON + timedelta(days=1)) for _ in range(3)]
    for member in members:
        give(member, 100, 20)

    def worker(number):
        chosen = random.Random(number)
        outcomes, open_holds, orders = [], [], []
        for step in range(14):
            member, now = chosen.choice(members), NOON + timedelta(hours=step * 4)
            act = chosen.choice(["spend", "hold", "capture", "release", "refund", "sweep", "shared"])
            key = f"{number}-{step}"
            if act == "spend":
                orders.append((member, key))
                outcomes.append(told(take, member, chosen.randint(2, 20), order_no=key, idempotency_key=key, now=now))
            elif act == "hold":
                made = told(set_aside, member, chosen.randint(2, 20), order_no=key, idempotency_key=key, now=now)
                outcomes.append(made)
                if not isinstance(made, str):
                    open_holds.append(made.hold_id)
            elif act in ("capture", "release") and open_holds:
                settle, extra = (capture, {"amount": yuan(1)}) if act == "capture" else (release, {})
                outcomes.append(told(settle, hold=open_holds.pop(), idempotency_key=key, by=None, now=now, **extra))
            elif act == "refund" and orders:
                outcomes.append(told(give_back, *chosen.choice(orders), now=now, idempotency_key=key))
            elif act == "shared":
                outcomes.append(told(take, members[0], 1, order_no="shared", idempotency_key="shared", now=NOON))
                outcomes.append(told(give_back, members[0], "shared", idempotency_key=key, now=now))
            else:
                sweep_lapsed(now=now)
        return outcomes

    outcomes = [outcome for outcomes in at_once(16, worker) for outcome in outcomes]
    assert {outcome for outcome in outcomes if isinstance(outcome, str)} <= {"not_enough_credit", "not_found"}
    for account in CreditAccount.objects.all():
        assert account.balance == entries_total(account.member) >= 0
