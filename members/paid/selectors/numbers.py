"""The business numbers of paid membership in force."""

from __future__ import annotations

from dataclasses import dataclass, fields

from members.paid.choices import NUMBERS
from members.paid.models import PaidNumber


@dataclass(frozen=True)
class Numbers:
    """Every number of ``choices.NUMBERS``, by its code."""

    full_refund_days: int
    payment_minutes: int
    ending_soon_days: int
    renewal_notice_days: int
    benefit_ending_days: int
    reply_days: int
    appeal_days: int
    least_card_fee: int
    most_card_fee: int
    late_after_days: int


def get_numbers() -> Numbers:
    """One query. A number that nobody changed has its default."""
    changed = dict(PaidNumber.objects.values_list("code", "value"))
    return Numbers(**{field.name: changed.get(field.name, NUMBERS[field.name].default) for field in fields(Numbers)})
