"""Followers by events: any order, any repetition, and the figures that follow from them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from pytest_django import DjangoAssertNumQueries

from backoffice.kernel import ports
from backoffice.kernel.clock import day_end, day_start
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.invariants import find_breaches
from backoffice.kernel.tenancy.models import Store
from members.models import Buyer, Fan, Member, Post, PushAccount, PushAccountChange, PushAccountSnapshot
from members.selectors.fans import get_account_figures, list_account_figures
from members.services.events import EventLine, record_events
from members.services.payments import RefundOf, record_payment, refund_payment
from members.services.purchases import recount_buyers
from members.services.push_accounts import PushAccountRefused, fold_figures, set_push_account, set_push_number
from tests.factories import NOON, make_member, make_store, make_user, ship_identity_kinds
from tests.members.following import TODAY, at, buy, day, figures, state, tell
from tests.members.services.test_credit_parallel import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> Store:
    return make_store("YS01")


@pytest.fixture
def member(store: Store) -> Member:
    return make_member(store, "M1", phone="15400000001")


def breaches() -> list[str]:
    return [f"{each.invariant} {each.row} {each.facts}" for each in find_breaches() if each.invariant.startswith("pushes.")]


def test_following_subscribing_and_leaving(store: Store, member: Member) -> None:
    tell(store, "fan_followed", member, at(9))
    assert (state(member), figures(store)) == ((True, False), (1, 0, 0, 0, 0))
    tell(store, "fan_subscribed", member, at(8))
    assert (state(member), figures(store)) == ((True, True), (1, 1, 0, 0, 0))
    tell(store, "fan_unsubscribed", member, at(7))
    assert (state(member), figures(store)) == ((True, False), (1, 0, 0, 0, 0))
    tell(store, "fan_subscribed", member, at(6))
    tell(store, "fan_unfollowed", member, at(5))
    assert (state(member), figures(store)) == ((False, False), (0, 0, 0, 0, 0)), "who leaves is no subscriber any more"
    tell(store, "fan_followed", member, at(4))
    assert (state(member), figures(store)) == ((True, False), (1, 0, 0, 0, 0)), "following again does not subscribe again"
    assert Fan.objects.get().fan_since == at(4)
    assert breaches() == []


def test_who_subscribes_follows_and_need_not_be_a_member(store: Store) -> None:
    tell(store, "fan_subscribed", ("openid", "o-AbC123456"), at(1))
    fan = Fan.objects.get()
    assert (fan.fan_since, fan.subscribed, figures(store)) == (at(1), True, (1, 1, 0, 0, 0))


def test_any_order_of_the_same_events_ends_the_same(store: Store) -> None:
    told = [("fan_followed", 9), ("fan_subscribed", 8), ("fan_unfollowed", 7), ("fan_followed", 6), ("page_view", 5)]
    ends = set()
    for number, order in enumerate(permutations(told)):
        member = make_member(store, f"P{number}")
        for name, ago in order:
            tell(store, name, member, at(ago))
        fan = Fan.objects.get(person=member.person)
        ends.add((fan.fan_since, fan.subscribed, fan.last_seen_at, fan.seen_on))
    assert ends == {(at(6), False, at(5), day(5))}
    assert figures(store) == (120, 0, 0, 120, 0)
    assert breaches() == []


@pytest.mark.parametrize(("ends", "expected"), [("fan_unfollowed", (False, False)), ("fan_unsubscribed", (True, False))])
def test_of_two_things_at_one_moment_the_one_that_ends_holds(store: Store, member: Member, ends: str, expected: tuple[bool, bool]) -> None:
    tell(store, "fan_followed", member, at(2))
    tell(store, ends, member, at(1))
    tell(store, "fan_subscribed", member, at(1))
    assert state(member) == expected


def test_told_twice_or_with_another_content_changes_nothing(store: Store, member: Member) -> None:
    tell(store, "fan_followed", member, at(3), event_id="E1")
    before = Fan.objects.values().get()
    tell(store, "fan_followed", member, at(3), event_id="E1")
    tell(store, "fan_unfollowed", member, at(1), event_id="E1")  # a conflict: what is stored holds
    assert Fan.objects.values().get() == before


def test_a_visit_is_known_of_followers_only_and_counts_after_following(store: Store, member: Member) -> None:
    tell(store, "page_view", member, at(8))
    assert not Fan.objects.exists()
    tell(store, "fan_followed", member, at(6))
    fan = Fan.objects.get()
    assert (fan.last_seen_at, fan.seen_on) == (at(8), None), "the visit before is known, but nobody came back yet"
    tell(store, "page_view", member, at(6, 23))
    tell(store, "page_view", member, at(6, 20))
    fan.refresh_from_db()
    assert (fan.last_seen_at, fan.seen_on) == (at(6, 23), day(6))
    assert figures(store) == (1, 0, 0, 1, 0)
    assert figures(store, at(-1)) == (1, 0, 0, 0, 0), "the seventh day is in the window, the eighth is not"
    assert figures(store, day_end(TODAY) - timedelta(microseconds=1)) == (1, 0, 0, 1, 0)


def test_revisit_rate(store: Store) -> None:
    for number in range(3):
        tell(store, "fan_followed", make_member(store, f"M{number}"), at(20))
    tell(store, "page_view", "M1", at(2))
    found = get_account_figures(store, NOON)
    assert (found.revisit_rate, found.seen_fans, found.fans) == (Decimal("0.333333"), 1, 3)
    assert get_account_figures(make_store(), NOON).revisit_rate == 0


@pytest.mark.parametrize(("second", "returning"), [(179, 1), (180, 0)])
def test_a_returning_fan_bought_on_two_days_of_180(store: Store, member: Member, second: int, returning: int) -> None:
    tell(store, "fan_followed", member, at(1))
    buy(store, member, second, 3)
    buy(store, member, 3)
    assert figures(store)[2] == returning
    tell(store, "fan_unfollowed", member, at(0, 9))
    assert figures(store)[2] == 0


def test_followed_after_buying_counts_too_and_windows_pass(store: Store, member: Member) -> None:
    buy(store, member, 170, 5)
    assert figures(store) == (0, 0, 0, 0, 0)
    tell(store, "fan_followed", member, at(1))
    assert figures(store)[2] == 1
    assert figures(store, day_start(day(170) + timedelta(days=179)))[2] == 1
    assert figures(store, day_start(day(170) + timedelta(days=180)))[2] == 0


def test_a_payment_and_its_refund_count_at_once(store: Store, member: Member) -> None:
    tell(store, "fan_followed", member, at(9))
    buy(store, member, 4)
    paid = {"amount": Decimal(50), "credit_used": Decimal(0), "by": None, "now": NOON}
    record_payment(store=store, member=member, order_no="A1", paid_at=at(0, 11), idempotency_key="p1", **paid)
    assert figures(store)[2] == 1
    buyer = Buyer.objects.get()
    assert (buyer.last_days, buyer.last_paid_at, buyer.amount) == ([day(0), day(4)], at(0, 11), Decimal(60))
    refund_payment(store=store, order_no="A1", lines=[RefundOf(1, Decimal(10))], refunded_at=NOON, idempotency_key="r1", by=None, now=NOON)
    assert figures(store)[2] == 1, "part of it went back: it still is a purchase"
    refund_payment(store=store, order_no="A1", refunded_at=NOON, idempotency_key="r2", by=None, now=NOON)
    assert figures(store)[2] == 0
    assert breaches() == []


def test_folding_changes_no_figure_and_tells_whose_changed(store: Store, member: Member) -> None:
    other, idle = make_store(), make_store()
    fold_figures(now=NOON)
    buy(store, member, 20, 10)
    for name, ago in (("fan_followed", 9), ("fan_subscribed", 8), ("page_view", 1)):
        tell(store, name, member, at(ago))
    Post.objects.create(store=other, post_id="P1", published_at=at(2), published_on=day(2))
    before = list_account_figures([store.pk, other.pk, idle.pk], NOON)
    heard: list[tuple[int, ...]] = []
    ports.push_account_listeners.append(lambda stores, now: heard.append(stores))
    try:
        folded = fold_figures(now=NOON)
    finally:
        ports.push_account_listeners.pop()
    assert (set(folded.stores), folded.more, [set(stores) for stores in heard]) == ({store.pk, other.pk}, False, [{store.pk, other.pk}])
    assert not PushAccountChange.objects.exists()
    assert list_account_figures([store.pk, other.pk, idle.pk], NOON) == before
    kept = PushAccount.objects.get(store=store)
    assert (kept.fan_count, kept.subscriber_count, kept.returning_fan_count, kept.seen_fan_count, kept.figures_on) == (1, 1, 1, 1, TODAY)
    assert fold_figures(now=NOON).stores == ()
    assert breaches() == []


def test_a_new_day_sums_windows_anew_and_keeps_how_yesterday_ended(store: Store, member: Member) -> None:
    Post.objects.create(store=store, post_id="P1", published_at=at(6), published_on=day(6))
    fold_figures(now=NOON)
    assert PushAccount.objects.get().post_count == 1
    assert fold_figures(now=at(-1, 0)).stores == (store.pk,)
    assert PushAccount.objects.get().post_count == 0
    ended = PushAccountSnapshot.objects.get(day=TODAY)
    assert (ended.post_count, ended.fan_count) == (1, 0)
    fold_figures(now=at(-1, 0, 1))
    assert PushAccountSnapshot.objects.filter(day=TODAY).count() == 1


def test_folding_in_small_steps(store: Store) -> None:
    for number in range(7):
        member = make_member(store, f"M{number}")
        tell(store, "fan_subscribed", member, at(3))
        tell(store, "fan_unfollowed", member, at(2))
    before = figures(store)
    rounds = 0
    while fold_figures(now=NOON, most=2).more:
        rounds += 1
        assert figures(store) == before
    assert rounds == 6
    assert breaches() == []


def test_numbers_are_data(store: Store, member: Member) -> None:
    tell(store, "fan_followed", member, at(9))
    buy(store, member, 20, 10)
    assert figures(store)[2] == 1
    set_push_number(code="purchase_days", value=20, by=make_user(), now=NOON)
    assert figures(store)[2] == 0
    for code, value, refusal in (("purchase_days", 0, "out_of_range"), ("moons", 1, "unknown_number")):
        with pytest.raises(PushAccountRefused) as caught:
            set_push_number(code=code, value=value, by=None, now=NOON)
        assert caught.value.code == refusal


def test_the_account_is_named_and_its_page_checked(store: Store) -> None:
    account = set_push_account(store=store, name=" 云上微淘 ", broadcast_url="https://shop.example.com/live", by=make_user(), now=NOON)
    assert (account.name, account.broadcast_url) == ("云上微淘", "https://shop.example.com/live")
    for name, url in (("x" * 101, ""), ("a", "http://shop.example.com"), ("a", "javascript:alert(1)"), ("a", "https://127.0.0.1/")):
        with pytest.raises(BusinessError):
            set_push_account(store=store, name=name, broadcast_url=url, by=None, now=NOON)
    account.refresh_from_db()
    assert account.name == "云上微淘"


def test_recount_mends_what_code_of_before_wrote(store: Store, member: Member) -> None:
    buy(store, member, 20, 10)
    tell(store, "fan_followed", member, at(9))
    Buyer.objects.update(last_days=[], amount=0, last_paid_at=None)
    Fan.objects.update(second_day=None)
    assert figures(store)[2] == 0
    assert len(breaches()) == 1
    recount_buyers(store_ids=[store.pk])
    assert (figures(store)[2], breaches()) == (1, [])


@pytest.mark.parametrize("number", [2, 200])
def test_the_number_of_statements_does_not_depend_on_the_events(
    store: Store, member: Member, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    names = ("fan_followed", "page_view")
    with django_assert_num_queries(14):
        record_events(
            store=store,
            events=[EventLine(event_id=f"E{each}", name=names[each % 2], occurred_at=at(1), identity=("openid", f"o-{each}")) for each in range(number)],
            now=NOON,
        )


@pytest.mark.django_db(transaction=True)
def test_following_and_buying_at_the_same_moment_miss_nobody() -> None:
    ship_identity_kinds()
    store = make_store()
    members = [make_member(store, f"M{number}") for number in range(12)]

    def act(number: int) -> None:
        for place, member in enumerate(members):
            if number % 2:
                tell(store, "fan_followed", member, at(3), event_id=f"F{place}-{number}")
            else:
                for ago in (2, 1):
                    paid = {"amount": Decimal(5), "credit_used": Decimal(0), "by": None, "now": NOON}
                    order_no = f"O{place}-{number}-{ago}"
                    record_payment(store=store, member=member, order_no=order_no, paid_at=at(ago), idempotency_key=order_no, **paid)
            if place % 5 == number:
                fold_figures(now=NOON)

    at_once(4, act)
    assert figures(store) == (12, 0, 12, 0, 0)
    assert breaches() == []
