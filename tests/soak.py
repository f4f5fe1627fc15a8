"""``python -m tests.soak [--seconds N] [--seed N]``: random histories, races and cut connections on the ledger, for as long as you like.

The machines are those of ``tests/members/test_ledger_against_model.py``, here at random, longer, and with every invariant after every step. The first
difference from the model ends the run with exit code 1 and the seed that brings it back. Servers are those of DATABASE_URL and CELERY_BROKER_URL, else
embedded ones; the database is one of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections import Counter
from contextlib import ExitStack
from typing import Any


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=str(__doc__).splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600, help="stop after the round that is under way then (default 600)")
    parser.add_argument("--seed", type=int, default=None, help="of the first round (default: one at random); the next rounds take the next ones")
    options = parser.parse_args()
    seed = int.from_bytes(os.urandom(4)) if options.seed is None else options.seed
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

    import django
    from django.conf import settings

    django.setup()
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    from backoffice.embedded.servers import embedded_servers
    from backoffice.settings.env import env

    with ExitStack() as stack:
        stack.enter_context(embedded_servers(settings.LOCAL_STATE_DIR, env, volatile=True))
        database = settings.DATABASES["default"]
        database.setdefault("TEST", {})["NAME"] = f"soak_{database['NAME']}"
        setup_test_environment(debug=False)
        made = setup_databases(verbosity=0, interactive=False)
        stack.callback(teardown_databases, made, verbosity=0)
        return soak(seed, options.seconds)


def soak(seed: int, seconds: float) -> int:
    """Rounds of histories and storms until the time is over. Returns the exit code."""
    from tests.members.credit_faults import Hands
    from tests.members.credit_machine import Histories, Ledger, Storms
    from tests.members.credit_world import Ground

    Histories.proof_every = 1
    Ledger.ground, Ledger.reached, Storms.hands = Ground(), Counter(), Hands()
    started, first = time.monotonic(), seed
    say(f"seed {seed}, {seconds:.0f} s")
    try:
        while time.monotonic() - started < seconds or seed == first:
            for kind in (Histories, Storms):
                if difference := one_round(kind, seed):
                    say(difference)
                    say(f"A difference after {Ledger.reached['steps']} steps. Again: make soak SEED={seed} SECONDS=1")
                    return 1
            seed += 1
            say(f"{time.monotonic() - started:6.0f} s  {Ledger.reached['steps']} steps, {Ledger.reached['races']} races, seeds {first} to {seed - 1}")
    finally:
        Storms.hands.close()
    for what, times in sorted(Ledger.reached.items()):
        say(f"  {times:7} {what}")
    say(f"No difference in {Ledger.reached['steps']} steps; seeds {first} to {seed - 1}.")
    return 0


def one_round(kind: Any, seed: int) -> str:
    """Histories of one seed: plain random ones, and some of a generator that makes a difference smaller. Empty, or the difference and what led to it."""
    import hypothesis
    from hypothesis.stateful import run_state_machine_as_test

    from tests.members.credit_machine import random_history

    chosen = hypothesis.settings(
        max_examples=8, stateful_step_count=40, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck), print_blob=False
    )
    try:
        for number in range(4):
            random_history(kind, seed * 1000 + number, 60)
        run_state_machine_as_test(hypothesis.seed(seed)(kind), settings=chosen)
    except Exception as error:  # noqa: BLE001 - told with what led to it
        return "".join(traceback.format_exception(error))
    return ""


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
