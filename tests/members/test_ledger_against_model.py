"""Random histories of the ledger against a model that counts fen: 10,000 steps, with keys sent again, callers that race, and connections that die.

``make soak`` runs the same machines for as long as you like. Which removed guard turns them red: ``test_ledger_mutations``.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.members.credit_faults import Hands
from tests.members.credit_machine import Histories, Storms, random_history
from tests.members.credit_world import Ground

ALWAYS = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True}
# What a history meets depends on the rows' ids too, which differ from run to run: it goes on until everything was met.
HISTORIES, MOST_HISTORIES = 85, 255
REACHED_IN_HISTORIES = {
    *("spend ok", "spend not_enough_credit", "spend idempotency_key_reused", "spend from several lots", "lines over several lots", "hold ok"),
    *("capture ok", "capture of less", "capture hold_settled", "capture more_than_held", "release ok", "release hold_settled"),
    *("refund ok", "refund in part", "refund of nothing", "refund of a capture", "refund more_than_spent", "refund to two accounts"),
    *("lot extended", "lot kept its date", "new lot for what came back", "at the instant of a lapse"),
    *("sweep of something", "principal void", "payout", "settle_payout ok", "settle_payout state_conflict"),
    *("refund_top_up ok", "refund_top_up top_up_refunded", "refund_top_up top_up_held", "refund_top_up top_up_lapsed"),
    *("adjust ok", "adjustment waits", "adjust not_enough_credit", "decide_adjustment ok", "decide_adjustment second_person_needed"),
    *("pay ok", "pay order_differs", "payment of an earlier spend", "refund_payment ok", "replayed", "cut at a statement, which was undone"),
}
REACHED_IN_STORMS = {
    *("cut around commit, which stood", "cut around commit, which was undone", "cut at a statement, which was undone", "cut at a statement, which stood"),
    *("races of 2", "races of 8", "raced spend ok", "raced spend refused", "raced spend unknown", "raced refund ok", "raced capture ok", "raced sweep ok"),
    *("raced refund unknown", "raced refund_top_up refused", "raced pay ok", "lot extended", "replayed"),
}


@pytest.mark.django_db
def test_histories_agree_with_the_model():
    Histories.reached, Histories.ground = Counter(), Ground()
    run_state_machine_as_test(Histories, settings=settings(max_examples=60, stateful_step_count=50, phases=[Phase.generate, Phase.shrink], **ALWAYS))
    for seed in range(MOST_HISTORIES):
        if seed >= HISTORIES and not REACHED_IN_HISTORIES - Histories.reached.keys():
            break
        random_history(Histories, seed, 60)
    assert sorted(REACHED_IN_HISTORIES - Histories.reached.keys()) == []
    assert Histories.reached["steps"] >= 8_000


@pytest.mark.django_db(transaction=True)
def test_races_and_cut_connections_agree_with_the_model():
    Storms.reached, Storms.ground, Storms.hands = Counter(), Ground(), Hands()
    try:
        run_state_machine_as_test(Storms, settings=settings(max_examples=10, stateful_step_count=20, phases=[Phase.generate], **ALWAYS))
        for seed in range(10):
            random_history(Storms, seed, 30)
    finally:
        Storms.hands.close()
    assert sorted(REACHED_IN_STORMS - Storms.reached.keys()) == []
    assert Storms.reached["steps"] >= 2_000
