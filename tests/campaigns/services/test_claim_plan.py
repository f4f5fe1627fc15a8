"""How the claiming statement runs: a plan must not be able to lock more than a batch."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from backoffice.kernel.tenancy.models import Store
from campaigns.gateways.chosen import group_by_gateway
from campaigns.services import claim as claiming
from tests.campaigns.reminders import TEN
from tests.campaigns.services.test_dispatch import store_behind, waiting_cards

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_locked_is_scanned_once(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the locking query joined in place, a nested loop might run it once per store; the second time it passes over the rows that the
    same statement has leased meanwhile and locks others, more than the batch. (Seen once in a whole run of the suite: 5 with a limit of 4.)
    """
    waiting_cards(store_behind(gateway), 3)
    plans: list[str] = []
    run = claiming.fetch_all

    def explained(sql: str, params: Any = None) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}", params)
            plans.append("\n".join(row[0] for row in cursor.fetchall()))
        return run(sql, params)

    monkeypatch.setattr(claiming, "fetch_all", explained)
    (target,) = group_by_gateway(Store.objects.all())
    assert len(claiming.claim_messages(target=target, now=TEN, limit=2).messages) == 2
    (plan,) = plans
    above_the_lock = plan[: plan.index("LockRows")]
    assert "CTE waiting" in above_the_lock
    assert "CTE" not in above_the_lock[above_the_lock.index("CTE waiting") + len("CTE waiting") :]
