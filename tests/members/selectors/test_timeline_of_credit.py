"""What the member's timeline says of holds, captures, releases and refunds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.translation import override

from members.selectors.timeline import list_timeline
from members.services.credit import capture, release
from tests.factories import NOON, make_user
from tests.members.ledger import give_back, in_lines, member_with, set_aside, take, yuan

pytestmark = pytest.mark.django_db


def told(member):
    with override("en"):
        return [(str(item.title), item.status) for item in list_timeline(member, make_user()) if item.kind == "credit"]


def test_one_item_per_movement_and_a_capture_tells_what_became_final():
    member = member_with(100, 20)
    held = set_aside(member, 30, lines=in_lines(10, 20), now=NOON + timedelta(hours=1))
    capture(hold=held.hold_id, amount=yuan(12), idempotency_key="c", by=None, now=NOON + timedelta(hours=2))
    given_up = set_aside(member, 7, now=NOON + timedelta(hours=3))
    release(hold=given_up.hold_id, idempotency_key="r", by=None, now=NOON + timedelta(hours=4))
    take(member, 9, order_no="A", lines=in_lines(4, 5), now=NOON + timedelta(hours=5))
    give_back(member, "A", now=NOON + timedelta(hours=6))
    assert told(member)[::-1] == [
        ("Top-up", "+120.00"),
        ("Hold", "−30.00"),
        ("Capture", "12.00"),
        ("Release", "+18.00"),
        ("Hold", "−7.00"),
        ("Release", "+7.00"),
        ("Spend", "−9.00"),
        ("Refund", "+9.00"),
    ]
