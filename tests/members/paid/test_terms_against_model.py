"""Random histories of paid terms and issues against a model with a calendar of its own. Which removed guard turns them red: ``test_terms_mutations``."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.members.paid.term_machine import Terms, random_history

REACHED = {
    *("buy ok", "buy held_already", "buy lower_plan", "buy sold_out", "buy payment_waiting", "pay ok", "pay order_lapsed", "replay ok"),
    *("renew ok", "renew nothing_to_renew", "renew other_plan", "follows on", "opened again", "renewal became an opening", "replaced"),
    *("cancel ok", "cancel not_running", "cancel later_term_first", "refund FULL", "refund PRO_RATA", "use ok", "use state_conflict", "addition"),
}


MOST_HISTORIES = 48


def missed() -> list[str]:
    return sorted(REACHED - {key for key, times in Terms.reached.items() if times})


@pytest.mark.django_db
def test_histories_agree_with_the_model():
    Terms.reached = Counter()
    ways = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True, "phases": [Phase.generate, Phase.shrink]}
    run_state_machine_as_test(Terms, settings=settings(max_examples=10, stateful_step_count=25, **ways))
    for seed in range(MOST_HISTORIES):
        if seed >= 16 and not missed():
            break
        random_history(seed, 60)
    assert missed() == []
    assert Terms.reached["steps"] >= 1_000
