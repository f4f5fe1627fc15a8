"""Reminder that gifts or coupons of a paid term lapse unused: one card for all that lapses on one day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.choices import Language
from campaigns.choices import ScenarioCode
from campaigns.scenarios.base import Scenario, Text, register

SEVERAL = {Language.ZH_HANS: "{benefit}等 {count} 项权益", Language.EN: "{benefit} and {more} more"}


def benefit_values(params: Mapping[str, Any], language: str) -> dict[str, str]:
    """``benefits`` is a phrase in ``language``: the benefit's title, and with several the dearest and how many there are."""
    count = int(params["count"])
    phrase = SEVERAL[Language(language)].format(benefit=params["benefit"], count=count, more=count - 1) if count > 1 else params["benefit"]
    return {"program": params["program"], "benefit": params["benefit"], "count": str(count), "benefits": phrase, "last_day": params["last_day"]}


register(
    Scenario(
        code=ScenarioCode.BENEFIT_ENDING,
        texts={
            Language.ZH_HANS: Text("会员权益即将到期", "您在{store}的{program}还有未使用的权益：{benefits}，最后可用日期 {last_day}。"),
            Language.EN: Text("A benefit of yours lapses soon", "You have not used {benefits} of your {program} at {store}. The last day is {last_day}."),
        },
        placeholders={
            "store": _("name of the store"),
            "program": _("name of the plan"),
            "benefits": _("phrase with the benefit, and with several how many there are"),
            "benefit": _("title of the dearest benefit"),
            "count": _("number of benefits"),
            "last_day": _("last day of use"),
        },
        values=benefit_values,
        sample={"program": "云杉会员", "benefit": "满 99 减 20 券", "count": 2, "last_day": "2026-11-25"},
    )
)
