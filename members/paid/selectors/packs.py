"""Packs: what is missing for the next step, and what a pack's benefits are beside what ordinary members get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.kernel import clock
from backoffice.kernel.money import format_yuan
from members.paid.benefits import window_end
from members.paid.choices import MONTHS_OF_UNIT, OPEN_REVIEWS, Schedule, TermUnit
from members.paid.models import Benefit, BenefitPack, PaidProgram
from members.paid.selectors.numbers import Numbers, get_numbers

DAYS_OF_MONTH = 30


@dataclass(frozen=True)
class Lack:
    """One thing that keeps a pack from its review: a stable code, a sentence that says what to do, and the field it is about."""

    code: str
    sentence: Any
    field: str = ""


def fee_a_month(pack: BenefitPack) -> Decimal:
    """The card fee for one month of the term; a term of days is counted as months of thirty."""
    fee: Decimal = pack.card_fee
    if pack.term_unit == TermUnit.DAYS:
        return fee * DAYS_OF_MONTH / (pack.term_days or DAYS_OF_MONTH)
    return fee / MONTHS_OF_UNIT[TermUnit(pack.term_unit)]


def list_lacks(pack: BenefitPack, *, now: datetime, benefits: Sequence[Benefit] | None = None, numbers: Numbers | None = None) -> list[Lack]:
    """What the pack lacks by the rules of its review: it differs from ordinary members', has at-once and monthly benefits and a reasonable fee (†)."""
    numbers = numbers or get_numbers()
    shown = [benefit for benefit in (pack.benefits.all() if benefits is None else benefits) if benefit.disabled_at is None]
    lacks = []
    if not any(benefit.schedule == Schedule.AT_ONCE for benefit in shown):
        lacks.append(Lack("no_benefit_at_once", _("Add a benefit that is issued at once, for example an opening gift."), "benefits"))
    if not any(benefit.schedule == Schedule.MONTHLY for benefit in shown):
        lacks.append(Lack("no_monthly_benefit", _("Add a benefit that is issued each month, for example a monthly coupon."), "benefits"))
    if not numbers.least_card_fee <= fee_a_month(pack) <= numbers.most_card_fee:
        sentence = _("A reasonable card fee is between %(least)s and %(most)s yuan for a month of the term; this one is %(fee)s.")
        figures = {"least": numbers.least_card_fee, "most": numbers.most_card_fee, "fee": format_yuan(fee_a_month(pack))}
        lacks.append(Lack("unreasonable_fee", sentence % figures, "card_fee"))
    if not pack.difference.strip():
        lacks.append(Lack("no_difference", _("Say what paid members get that ordinary members do not."), "difference"))
    for benefit in shown:
        ends = window_end(benefit)
        if (ends is not None and ends <= now) or (benefit.on_date is not None and benefit.on_date < clock.local_day(now)):
            lacks.append(Lack("benefit_is_over", _("“%(title)s” is over already: give it a later date or take it out.") % {"title": benefit.title}, "benefits"))
    return lacks


def get_open_pack(program: PaidProgram) -> BenefitPack | None:
    """The version that is being drafted or reviewed."""
    return BenefitPack.objects.filter(program=program, status__in=OPEN_REVIEWS).first()


def get_latest_pack(program: PaidProgram) -> BenefitPack | None:
    return BenefitPack.objects.filter(program=program).order_by("-version").first()
