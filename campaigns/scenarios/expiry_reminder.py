"""Expiry reminder: takes the balance reminder's place when some credit lapses within 7 days, and names how much."""

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

# One date: when. Several: the earliest and its part.
ONE_DATE = {Language.ZH_HANS: "最后可用日期 {date}", Language.EN: "last day {date}"}
SEVERAL_DATES = {Language.ZH_HANS: "其中最早的 {amount} 元最后可用日期 {date}", Language.EN: "the first {amount} of it on {date}"}


def expiry_values(params: Mapping[str, Any], language: str) -> dict[str, str]:
    """``expiring_first`` is a phrase in ``language``: the date, and with several dates the earliest and its part."""
    first_amount = format_yuan(Decimal(params["expiring_first_amount"]))
    phrase = ONE_DATE if params["expiring_first_on"] == params["expiring_last_on"] else SEVERAL_DATES
    return {
        **balance_values(params, language),
        "expiring": format_yuan(Decimal(params["expiring"])),
        "expiring_first_on": params["expiring_first_on"],
        "expiring_first_amount": first_amount,
        "expiring_first": phrase[Language(language)].format(amount=first_amount, date=params["expiring_first_on"]),
    }


register(
    Scenario(
        code=ScenarioCode.EXPIRY_REMINDER,
        texts={
            Language.ZH_HANS: Text(
                "购物金即将到期", "您在{store}有 {expiring} 元购物金将在 7 天内到期（{expiring_first}）。购物金余额 {balance} 元，请尽快使用。"
            ),
            Language.EN: Text(
                "Your shopping credit expires soon",
                "{expiring} yuan of your credit at {store} expires within 7 days ({expiring_first}). Your balance is {balance} yuan.",
            ),
        },
        placeholders={
            **BALANCE_PLACEHOLDERS,
            "expiring": _("credit that expires within 7 days, yuan"),
            "expiring_first_on": _("earliest last day of use"),
            "expiring_first_amount": _("what expires on that day, yuan"),
            "expiring_first": _("phrase with that day, and with several days its part"),
        },
        values=expiry_values,
        sample={
            "balance": "65.00",
            "principal": "50.00",
            "bonus": "15.00",
            "expiring": "20.00",
            "expiring_first_on": "2026-11-25",
            "expiring_last_on": "2026-11-28",
            "expiring_first_amount": "12.00",
        },
        periodic=True,
    )
)
