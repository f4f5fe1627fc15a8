"""Short words for tests about followers: orders, events and figures."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from backoffice.kernel import clock
from backoffice.kernel.tenancy.models import Store
from members.models import Fan, Member
from members.selectors.fans import AccountFigures, get_account_figures
from members.services.events import EventLine, record_events
from tests.factories import NOON
from tests.loading import csv_of, load

_number = count(1)
TODAY = clock.local_day(NOON)


def at(days_ago: int, hour: int = 12, minute: int = 0) -> datetime:
    return clock.at_local(TODAY - timedelta(days=days_ago), time(hour, minute))


def day(days_ago: int) -> date:
    return TODAY - timedelta(days=days_ago)


def tell(store: Store, name: str, who: Any, when: datetime, *, now: datetime = NOON, event_id: str = "") -> None:
    """``who``: a member, a member number, or (kind, value) of an identity."""
    named: dict[str, Any] = {"identity": who} if isinstance(who, tuple) else {"member_no": who.member_no if isinstance(who, Member) else who}
    record_events(store=store, events=[EventLine(event_id=event_id or f"F{next(_number)}", name=name, occurred_at=when, **named)], now=now)


def buy(store: Store, member: Member, *days_ago: int, amount: Decimal | int = 10, refunded: bool = False) -> list[str]:
    """One order a day, through a file; numbers of the orders."""
    orders = [(f"B{next(_number)}", ago) for ago in days_ago]
    rows = [f"{number},{member.member_no},{day(ago)} 10:00,{amount},{amount if refunded else ''}" for number, ago in orders]
    job = load("orders", csv_of("order_no,member_no,paid_at,amount,refunded_amount", *rows), store=store)
    assert job.status == "APPLIED"
    return [number for number, _ago in orders]


def figures(store: Store, now: datetime = NOON) -> tuple[int, int, int, int, int]:
    """Fans, subscribers, returning fans, fans seen again, posts."""
    found: AccountFigures = get_account_figures(store, now)
    return found.fans, found.subscribers, found.returning_fans, found.seen_fans, found.posts_in_window


def state(member: Member) -> tuple[bool, bool]:
    """Follows, subscribes."""
    fan = Fan.objects.get(store=member.store_id, person=member.person_id)
    return fan.fan_since is not None, fan.subscribed
