"""Lifecycle messages: a first order that has not come, a next one, a member who stays away, a new level."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.choices import Language
from campaigns.choices import ScenarioCode
from campaigns.scenarios.base import Scenario, Text, register


def only(name: str) -> Callable[[Mapping[str, Any], str], dict[str, str]]:
    """The placeholder ``name`` as it was stored."""

    def values(params: Mapping[str, Any], _language: str) -> dict[str, str]:
        return {name: params[name]}

    return values


register(
    Scenario(
        code=ScenarioCode.FIRST_PURCHASE,
        texts={
            Language.ZH_HANS: Text("欢迎来店里看看", "您于 {joined_on} 成为{store}的会员。会员权益一直为您保留，期待您的第一次光临。"),
            Language.EN: Text("Come and have a look", "You have been a member of {store} since {joined_on}. Your benefits are waiting for your first order."),
        },
        placeholders={"store": _("name of the store"), "joined_on": _("day of joining")},
        values=only("joined_on"),
        sample={"joined_on": "2026-11-15"},
    )
)
register(
    Scenario(
        code=ScenarioCode.REPURCHASE,
        texts={
            Language.ZH_HANS: Text("好久不见，再来逛逛", "您上次在{store}下单是 {last_order_on}。店里有新的好物，欢迎再来。"),
            Language.EN: Text("Time for something new", "Your last order at {store} was on {last_order_on}. There is something new to discover."),
        },
        placeholders={"store": _("name of the store"), "last_order_on": _("day of the last order")},
        values=only("last_order_on"),
        sample={"last_order_on": "2026-10-23"},
    )
)
register(
    Scenario(
        code=ScenarioCode.DORMANT,
        texts={
            Language.ZH_HANS: Text("我们想念您", "您上次光临{store}是 {last_seen_on}。会员权益仍为您保留，欢迎回来。"),
            Language.EN: Text("We miss you", "We last saw you at {store} on {last_seen_on}. Your benefits are still there for you."),
        },
        placeholders={"store": _("name of the store"), "last_seen_on": _("day of the last visit or order")},
        values=only("last_seen_on"),
        sample={"last_seen_on": "2026-08-24"},
    )
)
register(
    Scenario(
        code=ScenarioCode.LEVEL_CHANGE,
        texts={
            Language.ZH_HANS: Text("您的会员等级有变化", "您在{store}的会员等级现在是{level}，欢迎查看对应的会员权益。"),
            Language.EN: Text("Your level has changed", "Your level at {store} is now {level}. Have a look at the benefits that come with it."),
        },
        placeholders={"store": _("name of the store"), "level": _("the level now")},
        values=only("level"),
        sample={"level": "VIP"},
    )
)
