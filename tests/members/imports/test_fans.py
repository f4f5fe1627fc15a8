"""Files of fans and posts: facts that a repeated or late file does not change, and wishes that a file does not override."""

from __future__ import annotations

import pytest

from backoffice.kernel.invariants import find_breaches
from backoffice.kernel.tenancy.models import Store
from members.models import Fan, Identity, Member, Person, Post
from members.selectors.people import find_person
from tests.factories import NOON, make_member, make_store
from tests.loading import csv_of, load, outcome, problems
from tests.members.following import at, buy, day, figures, tell

pytestmark = pytest.mark.django_db

HEADER = "member_no,identity_kind,identity_value,followed_at,subscribed,last_seen_at"


@pytest.fixture
def store() -> Store:
    return make_store("YS01")


@pytest.fixture
def member(store: Store) -> Member:
    return make_member(store, "M1", phone="15400000001")


def stamp(days_ago: int, hour: int = 12) -> str:
    return f"{at(days_ago, hour):%Y-%m-%d %H:%M}"


def test_fans_with_and_without_membership(store: Store, member: Member) -> None:
    buy(store, member, 20, 10)
    text = csv_of(
        HEADER,
        f"M1,,,{stamp(9)},1,{stamp(2)}",
        f",phone,15400000002,{stamp(8)},0,",
        f",openid,o-AbC123456,{stamp(7)},,{stamp(7)}",
    )
    job = load("fans", text, store=store)

    assert outcome(job) == {"status": "APPLIED", "created": 3}
    fan = Fan.objects.get(person=member.person)
    assert (fan.fan_since, fan.subscribed, fan.last_seen_at, fan.seen_on, fan.second_day) == (at(9), True, at(2), day(2), day(20))
    other = Fan.objects.get(person=find_person("phone", "15400000002"))
    assert (other.fan_since, other.subscribed) == (at(8), False)
    assert Fan.objects.get(person=find_person("openid", "o-AbC123456")).seen_on is None, "seen as they followed is not seen again"
    assert figures(store) == (3, 1, 1, 1, 0)

    again = load("fans", text + "\r\n", store=store)
    assert outcome(again) == {"status": "APPLIED", "unchanged": 3}
    assert figures(store) == (3, 1, 1, 1, 0)
    assert [each for each in find_breaches() if each.invariant.startswith("pushes.")] == []


def test_a_file_does_not_undo_what_was_said_later(store: Store, member: Member) -> None:
    left = make_member(store, "M2")
    row = f"M1,,,{stamp(9)},1,"
    load("fans", csv_of(HEADER, row, f"M2,,,{stamp(9)},1,"), store=store)
    tell(store, "fan_unsubscribed", member, at(5))
    tell(store, "fan_unfollowed", left, at(4))

    job = load("fans", csv_of(HEADER, f"M1,,,{stamp(8)},1,", f"M2,,,{stamp(8)},1,"), store=store)
    assert outcome(job) == {"status": "APPLIED", "updated": 2}
    assert job.notes == {"subscription_kept": 1, "unfollow_kept": 1}
    assert figures(store) == (1, 0, 0, 0, 0)
    later = load("fans", csv_of(HEADER, f"M1,,,{stamp(3)},1,", f"M2,,,{stamp(3)},,"), store=store)
    assert outcome(later) == {"status": "APPLIED", "updated": 2}
    assert figures(store) == (2, 1, 0, 0, 0), "who follows again after that is a fan, and subscribes when the file says so"


def test_a_no_is_always_taken_and_a_blank_changes_nothing(store: Store, member: Member) -> None:
    load("fans", csv_of(HEADER, f"M1,,,{stamp(9)},1,{stamp(1)}"), store=store)
    assert outcome(load("fans", csv_of(HEADER, f"M1,,,{stamp(9)},,"), store=store)) == {"status": "APPLIED", "unchanged": 1}
    assert Fan.objects.get().subscribed
    assert outcome(load("fans", csv_of(HEADER, f"M1,,,{stamp(9)},0,"), store=store)) == {"status": "APPLIED", "updated": 1}
    fan = Fan.objects.get()
    assert (fan.subscribed, fan.unsubscribed_at, fan.last_seen_at) == (False, NOON, at(1))
    assert outcome(load("fans", csv_of(HEADER, f"M1,,,{stamp(9)},0,{stamp(1)}"), store=store)) == {"status": "APPLIED", "unchanged": 1}


def test_one_person_under_two_names_is_one_fan(store: Store, member: Member) -> None:
    job = load("fans", csv_of(HEADER, f"M1,,,{stamp(9)},,", f",phone,15400000001,{stamp(5)},1,{stamp(3)}"), store=store)
    assert job.status == "APPLIED"
    fan = Fan.objects.get()
    assert (fan.person, fan.followed_at, fan.subscribed, fan.last_seen_at) == (member.person, at(5), True, at(3))


def test_bad_rows_are_named(store: Store, member: Member) -> None:
    rows = [
        f"M404,,,{stamp(1)},,",
        f",,,{stamp(1)},,",
        f",passport,E1,{stamp(1)},,",
        f",phone,,{stamp(1)},,",
        f",phone,123,{stamp(1)},,",
        "M1,,,2027-01-01,,",
        f"M1,,,{stamp(1)},,2027-01-01",
        f",openid,o-1,{stamp(1)},perhaps,",
        "M1,,,,,",
    ]
    job = load("fans", csv_of(HEADER, *rows), store=store, dry=True, skip=True)
    assert problems(job) == [
        (2, "member_no", "unknown_member"),
        (3, "member_no", "fan_missing"),
        (4, "identity_kind", "unknown_identity_kind"),
        (5, "identity_value", "identity_incomplete"),
        (6, "identity_value", "not_phone"),
        (7, "followed_at", "in_the_future"),
        (7, "member_no", "key_twice"),
        (8, "last_seen_at", "in_the_future"),
        (8, "member_no", "key_twice"),
        (9, "subscribed", "not_yes_no"),
        (10, "followed_at", "required"),
    ]
    assert (Person.objects.count(), Fan.objects.count(), Identity.objects.count()) == (1, 0, 1), "a dry run makes nobody"


def test_posts(store: Store) -> None:
    header = "post_id,published_at,title"
    rows = [f"P{number},{stamp(number)},内容{number}" for number in range(8)]
    job = load("posts", csv_of(header, *rows), store=store)
    assert outcome(job) == {"status": "APPLIED", "created": 8}
    assert figures(store)[4] == 7, "today and six days before it"
    assert figures(store, at(-1))[4] == 6

    again = load("posts", csv_of(header, *rows[:2], f"P7,{stamp(6, 23)},", f"P6,{stamp(6)},新标题", f"P8,{stamp(0)},"), store=store)
    assert outcome(again) == {"status": "APPLIED", "created": 1, "updated": 2, "unchanged": 2}
    post = Post.objects.get(post_id="P7")
    assert (post.title, post.published_on) == ("内容7", day(6))
    assert figures(store)[4] == 9
    assert problems(load("posts", csv_of(header, "P9,2027-01-01,", "P1,,"), store=store, dry=True)) == [
        (2, "published_at", "in_the_future"),
        (3, "published_at", "required"),
    ]
    assert [each for each in find_breaches() if each.invariant.startswith("pushes.")] == []


def test_posts_are_counted_by_local_day(store: Store) -> None:
    load("posts", csv_of("post_id,published_at", f"P1,{day(6)} 00:00", f"P2,{day(7)} 23:59"), store=store)
    assert figures(store)[4] == 1
