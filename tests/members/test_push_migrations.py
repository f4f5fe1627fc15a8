"""Buyers of before: filled set-based from the order lines, beside code of before, and as often as one likes."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.db import connection

from backoffice.kernel.invariants import find_breaches
from members.models import Buyer, OrderLine, PushAccount
from tests.factories import make_member, make_person, make_store
from tests.members.following import at, day

pytestmark = pytest.mark.django_db


def test_the_migration_fills_buyers_and_accounts() -> None:
    stores = [make_store(), make_store()]
    member, walk_in = make_member(stores[0]), make_person()
    lines = [
        (stores[0], member.person, member, 200, 10, 0),
        (stores[0], member.person, member, 7, 10, 4),
        (stores[0], member.person, member, 6, 10, 10),
        (stores[0], walk_in, None, 3, 5, 0),
        (stores[1], member.person, None, 2, 1, 0),
        *((stores[1], walk_in, None, ago, 1, 0) for ago in range(7)),
    ]
    for number, (store, person, buyer, ago, amount, refunded) in enumerate(lines):
        OrderLine.objects.create(
            store=store, order_no=f"O{number}", member=buyer, person=person, paid_at=at(ago, 0, 30), amount=amount, refunded_amount=refunded
        )
    assert not Buyer.objects.exists()
    fill: Any = import_module("members.migrations.0017_buyers_of_before").fill
    for _twice in range(2):
        with connection.schema_editor() as editor:
            fill(None, editor)
        found = {(buyer.store_id, buyer.person_id): (buyer.last_days, buyer.last_paid_at, buyer.amount) for buyer in Buyer.objects.all()}
        assert found == {
            (stores[0].pk, member.person_id): ([day(7), day(200)], at(7, 0, 30), Decimal(16)),
            (stores[0].pk, walk_in.pk): ([day(3)], at(3, 0, 30), Decimal(5)),
            (stores[1].pk, member.person_id): ([day(2)], at(2, 0, 30), Decimal(1)),
            (stores[1].pk, walk_in.pk): ([day(ago) for ago in range(5)], at(0, 0, 30), Decimal(7)),
        }
        assert set(PushAccount.objects.values_list("store", flat=True)) == {store.pk for store in stores}
    assert [each for each in find_breaches() if each.invariant.startswith("pushes.")] == []
