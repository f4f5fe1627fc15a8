"""The ladder of levels."""

from __future__ import annotations

import pytest

from backoffice.kernel.audit.models import AuditEvent
from members.models import Level
from members.services.levels import DEFAULT_LADDER, LevelRefused, create_default_levels, delete_level, save_level
from tests.factories import NOON, make_level, make_member, make_store

pytestmark = pytest.mark.django_db


def ladder(store):
    return list(Level.objects.filter(store=store).order_by("threshold").values_list("name", "threshold"))


def save(level, **fields):
    return save_level(level=level, **({"name": level.name, "threshold": level.threshold, "perks": level.perks, "by": None, "now": NOON} | fields))


def test_the_classic_ladder_for_stores_without_one():
    bare, own = make_store(), make_store()
    make_level(own, "金卡", 7)
    assert create_default_levels([bare.pk, own.pk]) == 5
    assert ladder(bare) == list(DEFAULT_LADDER)
    assert ladder(own) == [("金卡", 7)]
    assert create_default_levels([bare.pk, own.pk]) == 0


def test_thresholds_of_the_classic_ladder_rise_strictly():
    thresholds = [threshold for _name, threshold in DEFAULT_LADDER]
    assert thresholds == sorted(set(thresholds))


def test_a_level_is_made_and_changed_with_an_audit_event_each():
    store = make_store()
    level = save(Level(store=store, name="银卡", threshold=10))
    save(level, name="金卡", threshold=20, perks="免邮")
    assert ladder(store) == [("金卡", 20)]
    assert list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True)) == ["level.created", "level.changed"]


@pytest.mark.parametrize(
    ("fields", "field"), [({"name": "金卡"}, "name"), ({"threshold": 20}, "threshold"), ({"name": " "}, "name"), ({"threshold": -1}, "threshold")]
)
def test_what_would_break_the_ladder_is_refused_beside_its_field(fields, field):
    store = make_store()
    make_level(store, "金卡", 20)
    level = make_level(store, "银卡", 10)
    with pytest.raises(LevelRefused) as refused:
        save(level, **fields)
    assert refused.value.facts["field"] == field
    assert ladder(store) == [("银卡", 10), ("金卡", 20)]


def test_a_level_with_members_cannot_be_deleted():
    store = make_store()
    level = make_level(store)
    member = make_member(store, level=level)
    with pytest.raises(LevelRefused) as refused:
        delete_level(level=level, by=None, now=NOON)
    assert refused.value.code == "level_has_members"
    type(member).objects.update(level=None)
    delete_level(level=level, by=None, now=NOON)
    assert ladder(store) == []
    assert AuditEvent.objects.get().verb == "level.deleted"
