"""Reminder that a paid term ends, to members who have not renewed it and whose term does not renew itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.choices import Language
from campaigns.choices import ScenarioCode
from campaigns.scenarios.base import Scenario, Text, register


def ending_values(params: Mapping[str, Any], _language: str) -> dict[str, str]:
    return {"program": params["program"], "last_day": params["last_day"]}


register(
    Scenario(
        code=ScenarioCode.PAID_ENDING,
        texts={
            Language.ZH_HANS: Text("付费会员即将到期", "您在{store}的{program}最后有效日期为 {last_day}。到期前续费，会员期自动顺延。"),
            Language.EN: Text(
                "Your paid membership ends soon", "The last day of your {program} at {store} is {last_day}. Renew before then and the new term is added to it."
            ),
        },
        placeholders={"store": _("name of the store"), "program": _("name of the plan"), "last_day": _("last day of the term")},
        values=ending_values,
        sample={"program": "云杉会员", "last_day": "2026-11-28"},
    )
)
