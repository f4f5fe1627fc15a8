"""Short words for tests of lifecycle messages."""

from __future__ import annotations

from datetime import date, datetime, time
from importlib import import_module
from typing import Any

from django.apps import apps
from django.utils import timezone

from backoffice.kernel import clock
from backoffice.kernel.tenancy.models import Store
from campaigns.choices import ScenarioCode
from campaigns.models import FrequencyRule, Message, ScenarioRank
from campaigns.services.lifecycle_settings import OwnRule, set_lifecycle
from members.models import Member, OrderLine
from members.services.purchases import count_purchases
from tests.campaigns.reminders import LONG_AGO, TODAY, days
from tests.factories import make_member, make_store

FIRST, AGAIN, DORMANT, LEVEL = ScenarioCode.FIRST_PURCHASE, ScenarioCode.REPURCHASE, ScenarioCode.DORMANT, ScenarioCode.LEVEL_CHANGE


def store_with(
    scenario: str, code: str | None = None, *, now: datetime = LONG_AGO, rule: OwnRule | None = None, store: Store | None = None, **given: Any
) -> Store:
    """A store in which the scenario is on; nobody is held out unless it is asked for."""
    store = store or make_store(code)
    rest: dict[str, Any] = {"holdout_percent": 0} | given
    set_lifecycle(store=store, scenario=scenario, enabled=True, by=None, now=now, rule=rule, **rest)
    return store


def noon(day: date) -> datetime:
    return clock.at_local(day, time(12))


def joined(store: Store, ago: int, **given: Any) -> Member:
    """A member who joined so many local days before today."""
    return make_member(store, joined_at=noon(TODAY - days(ago)), **given)


def order(member: Member, ago: int, *, refunded: bool = False) -> None:
    number = OrderLine.objects.count()
    OrderLine.objects.create(
        store=member.store,
        order_no=f"L{number}",
        member=member,
        person=member.person,
        paid_at=noon(TODAY - days(ago)),
        amount="30.00",
        refunded_amount="30.00" if refunded else "0",
        recorded_at=timezone.now(),
    )
    count_purchases(member)


def put(member: Member, scenario: str, day: date, *, status: str = "SENT", occasion: int = 1, store: Store | None = None) -> Message:
    """A message of another day that went."""
    return Message.objects.create(
        store=store or member.store,
        person=member.person,
        member=member,
        scenario=scenario,
        occasion=occasion,
        local_day=day,
        status=status,
        decided_at=noon(day),
        sent_at=noon(day) if status == "SENT" else None,
    )


def ship_rules() -> None:
    """The rules and ranks that the migration brings: a test before that committed may have emptied the tables."""
    migration = import_module("campaigns.migrations.0009_lifecycle")
    if not FrequencyRule.objects.filter(is_base=True).exists():
        FrequencyRule.objects.all().delete()
        ScenarioRank.objects.all().delete()
        migration.ship_rules(apps, None)
