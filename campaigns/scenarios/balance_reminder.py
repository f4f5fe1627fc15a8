"""Balance reminder: every 30 days, to each active member with credit of which nothing lapses soon."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.money import format_yuan
from backoffice.kernel.tenancy.choices import Language
from campaigns.choices import ScenarioCode
from campaigns.scenarios.base import Scenario, Text, register

BALANCE_PLACEHOLDERS = {
    "store": _("name of the store"),
    "balance": _("credit that can be spent, yuan"),
    "principal": _("paid part of it, yuan"),
    "bonus": _("gifted part of it, yuan"),
}


def balance_values(params: Mapping[str, Any], _language: str) -> dict[str, str]:
    return {name: format_yuan(Decimal(params[name])) for name in ("balance", "principal", "bonus")}


register(
    Scenario(
        code=ScenarioCode.BALANCE_REMINDER,
        texts={
            Language.ZH_HANS: Text("购物金余额提醒", "您在{store}的购物金余额为 {balance} 元，下单时可直接抵扣。"),
            Language.EN: Text("Your shopping credit", "You have {balance} yuan of shopping credit at {store}. Use it with your next order."),
        },
        placeholders=BALANCE_PLACEHOLDERS,
        values=balance_values,
        sample={"balance": "65.00", "principal": "50.00", "bonus": "15.00"},
        periodic=True,
    )
)
