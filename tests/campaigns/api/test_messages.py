"""``GET .../messages?date=``: the day's decisions with their reasons; of other stores' messages the number only."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns.models import Message
from tests.campaigns.reminders import TEN, TODAY, days, member_with_credit, other_message, run_at, store_with_reminders
from tests.factories import make_member, make_store
from tests.kernel.api.calling import Caller, problem_of

pytestmark = pytest.mark.django_db
DATE = TODAY.isoformat()


def ask(caller: Caller, member_no: str = "M1", date: str = DATE) -> Any:
    return caller.get(f"/stores/S1/members/{member_no}/messages?date={date}")


def test_a_card_that_was_decided() -> None:
    store = store_with_reminders("S1")
    member = member_with_credit(store, member_no="M1")
    run_at(TEN)
    told = ask(Caller(store)).json()
    assert (told["store"], told["member_no"], told["date"]) == ("S1", "M1", DATE)
    card, other = told["messages"]
    assert (card["scenario"], card["outcome"], card["reason"], card["message_id"]) == (
        "BALANCE_REMINDER", "PENDING", None, Message.objects.get(member=member).pk,
    )  # fmt: skip
    assert (other["scenario"], other["outcome"], other["reason"]) == ("EXPIRY_REMINDER", "NOT_DECIDED", "nothing_expiring")
    assert other["explanation"]


@pytest.mark.parametrize("is_platform", [False, True])
def test_of_a_platform_cap_the_number_only(is_platform: bool) -> None:
    store = store_with_reminders("S1")
    member = member_with_credit(store, member_no="M1")
    for number in range(5):
        secret = make_store(f"secret{number}", name=f"秘密{number}")
        for _ in range(2):
            other_message(member.person, secret)
    run_at(TEN)
    answer = ask(Caller(is_platform=True) if is_platform else Caller(store))
    card = next(message for message in answer.json()["messages"] if message["reason"] == "platform_cap")
    assert card["facts"] == card["facts"] | {"cap": "platform_cap", "used": 10}
    assert "秘密" not in answer.content.decode()
    assert "secret" not in answer.content.decode()


def test_a_day_without_anything_says_why() -> None:
    store = make_store("S1")
    make_member(store, "M1", joined_at=TEN - days(9))
    assert {message["outcome"] for message in ask(Caller(store)).json()["messages"]} == {"NOT_DECIDED"}


@pytest.mark.parametrize("date", ["", "x", "2026-02-30", "0001-01-01", "9999-12-31", "2026-11-22T10:00:00", "20261122", "1", "%00", "２０２６-11-22"])
def test_a_date_that_is_none(date: str) -> None:
    store = make_store("S1")
    make_member(store, "M1")
    assert problem_of(ask(Caller(store), date=date)) == (422, "body_invalid")


@pytest.mark.parametrize("date", ["1900-01-01", "2199-12-31"])
def test_far_days_have_no_messages(date: str) -> None:
    store = store_with_reminders("S1")
    member_with_credit(store, member_no="M1")
    assert ask(Caller(store), date=date).status_code == 200


@pytest.mark.parametrize("member_no", ["M7", "%00"])
def test_a_member_who_is_none(member_no: str) -> None:
    store = make_store("S1")
    assert problem_of(ask(Caller(store), member_no=member_no)) == (404, "not_found")
