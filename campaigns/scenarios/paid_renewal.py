"""Notice of an automatic renewal: a duty towards the member, before the store's payment system may charge anything."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.money import format_yuan
from backoffice.kernel.tenancy.choices import Language
from campaigns.choices import ScenarioCode
from campaigns.scenarios.base import Scenario, Text, register


def renewal_values(params: Mapping[str, Any], _language: str) -> dict[str, str]:
    return {**{name: params[name] for name in ("program", "renews_on", "last_day")}, "fee": format_yuan(Decimal(params["fee"]))}


register(
    Scenario(
        code=ScenarioCode.PAID_RENEWAL,
        texts={
            Language.ZH_HANS: Text(
                "付费会员即将自动续费", "您在{store}的{program}将于 {renews_on} 自动续费 {fee} 元。不想续费，请在 {last_day} 前关闭自动续费。"
            ),
            Language.EN: Text(
                "Your paid membership renews soon",
                "Your {program} at {store} renews on {renews_on} for {fee} yuan. If you do not want that, switch automatic renewal off by {last_day}.",
            ),
        },
        placeholders={
            "store": _("name of the store"),
            "program": _("name of the plan"),
            "renews_on": _("day on which it renews"),
            "last_day": _("last day of the term"),
            "fee": _("card fee, yuan"),
        },
        values=renewal_values,
        sample={"program": "云杉会员", "renews_on": "2026-11-29", "last_day": "2026-11-28", "fee": "99.00"},
    )
)
