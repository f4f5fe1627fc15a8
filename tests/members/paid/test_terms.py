"""Dates of terms and issues: pure functions, held against a calendar that counts day by day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.paid.terms import add_months, issue_days, term_end

DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))


def test_opened_on_the_31st_is_issued_on_the_last_day_of_shorter_months():
    opened = date(2027, 1, 31)
    days = [day for _period, day in issue_days("MONTHLY", anchor=opened, months_before=0, starts_on=opened, ends_on=date(2027, 6, 30))]
    assert days == [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31)]


def test_a_renewal_keeps_the_opening_days_date():
    opened = date(2027, 1, 31)
    first_end = term_end(opened, 0, opened, "MONTH", None)
    assert first_end == date(2027, 2, 28)
    assert term_end(opened, 1, first_end, "MONTH", None) == date(2027, 3, 31)
    assert list(issue_days("MONTHLY", anchor=opened, months_before=1, starts_on=first_end, ends_on=date(2027, 3, 31))) == [(0, first_end)]


@pytest.mark.parametrize(
    ("unit", "days", "end"),
    [("MONTH", None, date(2026, 12, 22)), ("QUARTER", None, date(2027, 2, 22)), ("YEAR", None, date(2027, 11, 22)), ("DAYS", 10, date(2026, 12, 2))],
)
def test_terms_end_where_their_unit_says(unit, days, end):
    assert term_end(date(2026, 11, 22), 0, date(2026, 11, 22), unit, days) == end


@given(DAYS, st.integers(0, 60))
def test_a_month_later_is_the_same_date_or_the_months_last(anchor, months):
    day = add_months(anchor, months)
    assert (day.year * 12 + day.month) - (anchor.year * 12 + anchor.month) == months
    assert day.day == anchor.day or (day.day < anchor.day and (day + timedelta(days=1)).day == 1)


@given(DAYS, st.integers(0, 24), st.sampled_from(["MONTH", "QUARTER", "YEAR"]))
def test_each_month_of_a_term_is_issued_once_and_nothing_outside(anchor, before, unit):
    starts_on = add_months(anchor, before)
    ends_on = term_end(anchor, before, starts_on, unit, None)
    days = [day for _period, day in issue_days("MONTHLY", anchor=anchor, months_before=before, starts_on=starts_on, ends_on=ends_on)]
    assert len(days) == {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[unit]
    assert days[0] == starts_on
    assert all(starts_on <= day < ends_on for day in days)
    assert len({(day.year, day.month) for day in days}) == len(days)


@given(DAYS, st.integers(1, 400), st.integers(1, 90))
def test_every_so_many_days_inside_a_term_of_days(starts_on, length, step):
    ends_on = starts_on + timedelta(days=length)
    days = [day for _period, day in issue_days("EVERY_N_DAYS", anchor=starts_on, months_before=0, starts_on=starts_on, ends_on=ends_on, every_days=step)]
    assert days == [starts_on + timedelta(days=offset) for offset in range(0, length, step)]


def test_a_date_outside_the_term_is_never_issued():
    inside = {"anchor": date(2026, 1, 1), "months_before": 0, "starts_on": date(2026, 1, 1), "ends_on": date(2026, 2, 1)}
    assert list(issue_days("ON_DATE", **inside, on_date=date(2026, 1, 31))) == [(0, date(2026, 1, 31))]
    for outside in (date(2025, 12, 31), date(2026, 2, 1)):
        assert list(issue_days("ON_DATE", **inside, on_date=outside)) == []
