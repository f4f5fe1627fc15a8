"""What must hold between members, people and identities is found broken when it is broken."""

from __future__ import annotations

import pytest

from members.invariants import members_point_to_rows, phone_is_known
from members.models import Identity, Member
from tests.factories import NOON, make_level, make_member, make_store
from tests.loading import csv_of, load

pytestmark = pytest.mark.django_db


def test_a_rightly_filled_store_breaks_nothing() -> None:
    store = make_store("YS01")
    make_level(store, "金卡", 100)
    load("members", csv_of("member_no,phone,level", "M1,13800138000,金卡", "M2,,"), store=store)
    load("members", csv_of("member_no,phone", "M1,13900139000", "M3,13800138000"), store=store)

    assert (members_point_to_rows(10), phone_is_known(10)) == ([], [])


def test_rows_that_point_nowhere_are_named() -> None:
    store = make_store("YS01")
    lost, foreign = make_member(store), make_member(store, level=make_level(make_store("YS02")))
    identity = Identity.objects.create(kind_id="phone", value_hash=b"x" * 32, person_id=10**9, seen_at=NOON)
    Member.objects.filter(pk=lost.pk).update(person_id=10**9)

    assert [(breach.row, breach.facts) for breach in members_point_to_rows(10)] == [
        (f"identity {identity.pk}", {"person": 10**9}),
        *sorted([(f"member {lost.pk}", {"person": 10**9}), (f"member {foreign.pk}", {"level": foreign.level_id})]),
    ]


def test_a_phone_of_somebody_else_is_named() -> None:
    member = make_member(make_store("YS01"), phone="13800138000")
    other = make_member(member.store)
    Identity.objects.update(person=other.person)

    assert [(breach.row, breach.facts) for breach in phone_is_known(10)] == [
        (f"member {member.pk}", {"person": member.person_id, "phone stands for": other.person_id})
    ]
