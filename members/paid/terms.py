"""Dates of paid terms and of issues inside them. Pure functions of local days; every period is half-open, ``[starts_on, ends_on)``.

Months are counted from the day of opening and cut to shorter months one by one: opened on the 31st, the boundaries are 31 January,
28 February, 31 March (rule: benefits are issued on the opening day's date, on the last day of shorter months).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta

from members.paid.choices import MONTHS_OF_UNIT, Schedule, TermUnit


def add_months(anchor: date, months: int) -> date:
    """The day ``months`` calendar months after ``anchor``; the last day of a month that is too short."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return date(year, month + 1, min(anchor.day, monthrange(year, month + 1)[1]))


def term_end(anchor: date, months_before: int, starts_on: date, unit: str, term_days: int | None) -> date:
    """First day after a term that begins ``months_before`` months after ``anchor`` (a term of days begins on ``starts_on``)."""
    if unit == TermUnit.DAYS:
        return starts_on + timedelta(days=term_days or 0)
    return add_months(anchor, months_before + MONTHS_OF_UNIT[TermUnit(unit)])


def issue_days(
    schedule: str, *, anchor: date, months_before: int, starts_on: date, ends_on: date, every_days: int | None = None, on_date: date | None = None
) -> Iterator[tuple[int, date]]:
    """(period, day) of every issue of a benefit inside a term, in order. Period 0 is the first of the term."""
    if schedule == Schedule.AT_ONCE:
        days: Iterator[date] = iter([starts_on])
    elif schedule == Schedule.ON_DATE:
        days = iter([on_date] if on_date is not None and on_date >= starts_on else [])
    elif schedule == Schedule.EVERY_N_DAYS:
        step = every_days or 1
        days = (starts_on + timedelta(days=step * period) for period in range((ends_on - starts_on).days // step + 1))
    else:
        months = (ends_on.year - starts_on.year) * 12 + ends_on.month - starts_on.month + 1
        days = (add_months(anchor, months_before + period) for period in range(months + 1))
    for period, day in enumerate(days):
        if day >= ends_on:
            return
        yield period, day


def is_whole(*, anchor: date, months_before: int, ends_on: date, unit: str) -> bool:
    """Whether a term is the calendar months of its unit. One of days is not, nor is one from a file with a last day of its own."""
    return unit != TermUnit.DAYS and add_months(anchor, months_before + MONTHS_OF_UNIT[TermUnit(unit)]) == ends_on


def unused_share(*, anchor: date, months_before: int, starts_on: date, ends_on: date, unit: str, today: date) -> tuple[int, int]:
    """(unused, whole) months of a term of whole months, else days, as of ``today``: the month or day that has begun counts as used."""
    if not is_whole(anchor=anchor, months_before=months_before, ends_on=ends_on, unit=unit):
        whole = (ends_on - starts_on).days
        return max(0, min(whole, (ends_on - today).days - 1)), whole
    whole = MONTHS_OF_UNIT[TermUnit(unit)]
    begun = sum(add_months(anchor, months_before + month) <= today for month in range(whole))
    return whole - begun, whole
