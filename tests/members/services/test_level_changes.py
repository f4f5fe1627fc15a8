"""Changes of levels are told of in the transaction that makes them, whoever makes them."""

from __future__ import annotations

import pytest
from django.db import transaction

from members.models import LevelChange, Member
from members.services.profiles import Profile, put_member
from tests.factories import NOON, make_level, make_store
from tests.loading import csv_of, load

pytestmark = pytest.mark.django_db


def told(member_no: str = "M1") -> list[tuple[str | None, str | None]]:
    changes = LevelChange.objects.filter(member__member_no=member_no).select_related("from_level", "to_level").order_by("pk")
    return [(change.from_level and change.from_level.name, change.to_level and change.to_level.name) for change in changes]


def test_a_file_and_a_service_tell_of_a_change_with_their_own_time():
    store = make_store("S1")
    make_level(store, "银卡", 1), make_level(store, "金卡", 2)
    load("members", csv_of("member_no,level", "M1,银卡", "M2,银卡"), store=store)
    assert told() == []
    load("members", csv_of("member_no,level,nickname", "M1,金卡,林", "M2,,陈"), store=store)
    assert told() == [("银卡", "金卡")]
    assert told("M2") == []
    assert LevelChange.objects.get().changed_at == Member.objects.get(member_no="M1").updated_at
    put_member(store=store, member_no="M1", profile=Profile(level="银卡"), source="test", by=None, now=NOON)
    assert told() == [("银卡", "金卡"), ("金卡", "银卡")]
    assert LevelChange.objects.latest("pk").changed_at == NOON


def test_the_same_level_again_and_other_changes_tell_nothing():
    store = make_store("S1")
    make_level(store, "银卡", 1)
    for _number in range(2):
        put_member(store=store, member_no="M1", profile=Profile(level="银卡", nickname="林"), source="test", by=None, now=NOON)
    assert told() == []


def test_a_change_that_is_taken_back_was_never_told():
    store = make_store("S1")
    gold = make_level(store, "金卡", 1)
    load("members", csv_of("member_no", "M1"), store=store)
    with transaction.atomic():
        Member.objects.update(level=gold)
        assert told() == [(None, "金卡")]
        transaction.set_rollback(True)
    assert told() == []
