"""Notice after payment: what is left of the credit, at once after a payment that used some of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.money import format_yuan
from backoffice.kernel.tenancy.choices import Language
from campaigns.choices import ScenarioCode
from campaigns.scenarios.balance_reminder import BALANCE_PLACEHOLDERS, balance_values
from campaigns.scenarios.base import Scenario, Text, register


def payment_values(params: Mapping[str, Any], language: str) -> dict[str, str]:
    return {**balance_values(params, language), "used": format_yuan(Decimal(params["used"])), "order_no": params["order_no"]}


register(
    Scenario(
        code=ScenarioCode.AFTER_PAYMENT,
        texts={
            Language.ZH_HANS: Text("购物金支付成功", "您在{store}的订单使用了 {used} 元购物金，购物金余额 {balance} 元。"),
            Language.EN: Text("Paid with your credit", "You used {used} yuan of your credit for an order at {store}. Your balance is {balance} yuan."),
        },
        placeholders={
            **BALANCE_PLACEHOLDERS,
            "used": _("credit that this payment used, yuan"),
            "order_no": _("number of the order"),
        },
        values=payment_values,
        sample={"balance": "65.00", "principal": "50.00", "bonus": "15.00", "used": "30.00", "order_no": "D20261122001"},
    )
)
