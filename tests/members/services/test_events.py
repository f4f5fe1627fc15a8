"""Events: facts by (store, event number), set-based; people found or made by identity; the same event twice is one."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from backoffice.kernel.errors import BusinessError
from backoffice.kernel.secrets import lookup_hash
from backoffice.kernel.tenancy.models import Store
from members.models import Event, Identity, Member, Person
from members.selectors.people import find_person
from members.services.events import EventCounts, EventLine, EventsRefused, record_events
from tests.factories import NOON, make_member, make_store, ship_identity_kinds
from tests.members.services.test_credit_parallel import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> Store:
    return make_store("YS01")


@pytest.fixture
def member(store: Store) -> Member:
    return make_member(store, "M1", phone="15400000001")


def event(event_id: str, **fields: Any) -> EventLine:
    arguments: dict[str, Any] = {"name": "viewed", "occurred_at": NOON - timedelta(minutes=1), "member_no": None if "identity" in fields else "M1"}
    return EventLine(event_id=event_id, **(arguments | fields))


def tell(store: Store, *events: EventLine) -> EventCounts:
    return record_events(store=store, events=events, now=NOON)


def test_events_of_a_member(store: Store, member: Member) -> None:
    told = event("E1", source="H5", properties={"页面": "首页", "price": 12.5, "tags": ["a", None]})
    assert tell(store, told) == EventCounts(created=1)
    found = Event.objects.get()
    assert (found.member, found.person, found.name, found.source) == (member, member.person, "viewed", "H5")
    assert (found.properties, found.occurred_at) == ({"页面": "首页", "price": 12.5, "tags": ["a", None]}, told.occurred_at)


def test_the_same_event_again_changes_nothing_and_another_content_is_a_conflict(store: Store, member: Member) -> None:
    tell(store, event("E1", properties={"n": 1}), event("E2"))
    before = list(Event.objects.order_by("pk").values())
    answer = tell(store, event("E1", properties={"n": 1}), event("E2", name="bought"), event("E3"))
    assert answer == EventCounts(created=1, repeated=1, conflict=1, conflicts=("E2",))
    assert list(Event.objects.exclude(event_id="E3").order_by("pk").values()) == before


def test_twice_in_one_call(store: Store, member: Member) -> None:
    assert tell(store, event("E1"), event("E1"), event("E1", name="bought")) == EventCounts(created=1, repeated=1, conflict=1, conflicts=("E1",))


def test_people_are_found_or_made_by_identity(store: Store, member: Member) -> None:
    elsewhere = make_member(make_store(), phone="15400000002")
    answer = tell(
        store,
        event("E1", identity=("phone", "+86 154-0000-0001")),
        event("E2", identity=("phone", "15400000002")),
        event("E3", identity=("openid", "o-AbC123456")),
        event("E4", identity=("openid", " o-AbC123456 ")),
    )
    assert answer == EventCounts(created=4)
    rows = {found.event_id: found for found in Event.objects.all()}
    assert (rows["E1"].member, rows["E1"].person) == (member, member.person)
    assert (rows["E2"].member, rows["E2"].person) == (None, elsewhere.person), "a member of another store is no member here"
    made = find_person("openid", "o-AbC123456")
    assert made is not None
    assert (rows["E3"].person, rows["E4"].person, rows["E3"].member) == (made, made, None)
    identity = Identity.objects.get(kind="openid")
    assert (bytes(identity.value_hash), identity.value_masked, identity.seen_at) == (lookup_hash("openid", "o-AbC123456"), "o-****56", NOON)


def test_a_merged_person_leads_to_the_one_who_lives(store: Store, member: Member) -> None:
    gone = Person.objects.create(merged_into=member.person)
    Identity.objects.create(kind_id="openid", value_hash=lookup_hash("openid", "o-1"), value_masked="o", person=gone)
    tell(store, event("E1", identity=("openid", "o-1")))
    assert (Event.objects.get().person, Event.objects.get().member) == (member.person, member)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"member_no": "M9"}, "unknown_member"),
        ({"member_no": None}, "person_missing"),
        ({"identity": ("phone", "12345")}, "identity_invalid"),
        ({"identity": ("fax", "12345")}, "unknown_identity_kind"),
        ({"occurred_at": NOON + timedelta(days=2)}, "in_the_future"),
        ({"event_id": ""}, "event_id_invalid"),
        ({"event_id": "x" * 65}, "event_id_invalid"),
        ({"name": "a\x00"}, "name_invalid"),
        ({"source": "x" * 33}, "source_invalid"),
        ({"properties": {"a": "\x00"}}, "properties_invalid"),
        ({"properties": {"a": float("nan")}}, "properties_invalid"),
        ({"properties": {"a": "x" * 9000}}, "properties_invalid"),
    ],
)
def test_one_bad_event_and_none_is_recorded(store: Store, member: Member, fields: dict[str, Any], code: str) -> None:
    people = Person.objects.count()
    bad = event(**({"event_id": "E2"} | fields))
    with pytest.raises(EventsRefused) as caught:
        tell(store, event("E1", identity=("openid", "o-new")), bad)
    assert caught.value.problems == [(1, bad.event_id[:64], code)]
    assert (Event.objects.count(), Person.objects.count()) == (0, people)


def test_at_most_a_thousand(store: Store, member: Member) -> None:
    with pytest.raises(BusinessError) as caught:
        tell(store, *(event(f"E{number}") for number in range(1001)))
    assert caught.value.code == "too_many_events"


@pytest.mark.parametrize("number", [2, 200])
def test_the_number_of_statements_does_not_depend_on_the_events(
    store: Store, member: Member, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(10):
        tell(store, *(event(f"E{each}", identity=("openid", f"o-{each}")) for each in range(number)))


@pytest.mark.django_db(transaction=True)
def test_the_same_events_told_at_once_are_recorded_once() -> None:
    ship_identity_kinds()
    store = make_store()
    make_member(store, "M1")
    told = [event(f"E{number}", identity=("openid", f"o-{number % 7}")) for number in range(100)]
    answers = at_once(4, lambda number: tell(store, *(told if number % 2 else reversed(told))))
    assert Counter(answer.created for answer in answers) == {100: 1, 0: 3}
    assert Counter(answer.conflict for answer in answers) == {0: 4}
    assert Identity.objects.filter(kind="openid").count() == 7
    assert Person.objects.count() == 8, "nobody is left over"
