"""Working days of China: weekends, public holidays, days worked to make up for them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from applications.models import CalendarDay
from applications.selectors.calendar import WorkingCalendar, get_calendar
from applications.selectors.numbers import get_numbers
from applications.services.numbers import NumberRefused, recount_due_dates, set_calendar_day, set_number
from backoffice.kernel import clock
from backoffice.kernel.errors import NotAllowed
from backoffice.kernel.tenancy.roles import Role
from tests.applications.cases import MONDAY, days, fresh, make_world, queued, staff

DAY = timedelta(days=1)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=clock.local_zone())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("start", "due"),
    [
        (at(2026, 11, 23, 9), at(2026, 11, 26, 9)),
        (at(2026, 11, 26, 9), at(2026, 12, 1, 9)),  # over a weekend
        (at(2026, 11, 28, 9), at(2026, 12, 3, 0)),  # begun on a Saturday
        (at(2026, 9, 30, 18), at(2026, 10, 10, 18)),  # National Day, then a Saturday that is worked
        (at(2026, 2, 13, 12), at(2026, 2, 25, 12)),  # Saturday 14 February is worked, then nine days off
        (at(2026, 12, 31, 9), at(2027, 1, 6, 9)),
    ],
)
def test_three_working_days(start, due):
    calendar = get_calendar()
    assert calendar.add(start, 3 * DAY) == due
    assert calendar.between(start, due) == 3 * DAY


def test_a_whole_day_that_is_used_up_ends_with_it():
    calendar = WorkingCalendar()
    friday = at(2026, 11, 27, 0)
    assert calendar.add(friday, DAY) == friday + DAY
    assert calendar.add(friday, timedelta(0)) == friday
    assert calendar.between(friday + DAY, friday + 3 * DAY) == timedelta(0)
    assert calendar.between(friday, friday - DAY) == timedelta(0)


@pytest.mark.django_db
def test_the_calendar_of_2026_is_announced_and_that_of_2027_to_be_confirmed():
    assert set(CalendarDay.objects.filter(day__year=2026).values_list("is_confirmed", flat=True)) == {True}
    assert set(CalendarDay.objects.filter(day__year=2027).values_list("is_confirmed", flat=True)) == {False}
    assert not CalendarDay.objects.filter(is_working=True, day__week_day__in=[2, 3, 4, 5, 6]).exists()
    calendar = get_calendar()
    assert (calendar.is_working(date(2026, 10, 10)), calendar.is_working(date(2026, 10, 1)), calendar.is_working(date(2026, 10, 11))) == (True, False, False)


@pytest.mark.django_db
def test_an_edited_day_moves_the_due_dates_that_are_running():
    case, senior = queued(make_world()), staff(Role.PLATFORM_SENIOR)
    with pytest.raises(NotAllowed):
        set_calendar_day(day=date(2026, 11, 24), is_working=False, name="临时放假", by=staff(), now=MONDAY)
    set_calendar_day(day=date(2026, 11, 24), is_working=False, name="临时放假", by=senior, now=MONDAY)
    assert recount_due_dates(now=MONDAY) == 1
    assert fresh(case).due_at == MONDAY + days(4)
    assert (recount_due_dates(now=MONDAY), case.events.filter(act="RECOUNT").count()) == (0, 1)


@pytest.mark.django_db
def test_a_number_is_changed_within_its_range_by_whom_it_concerns():
    senior = staff(Role.PLATFORM_SENIOR)
    assert get_numbers().most_open_cases == 5
    set_number(code="most_open_cases", value=7, by=senior, now=MONDAY)
    assert get_numbers().most_open_cases == 7
    for code, value in (("most_open_cases", 0), ("nothing", 1)):
        with pytest.raises(NumberRefused):
            set_number(code=code, value=value, by=senior, now=MONDAY)
    with pytest.raises(NotAllowed):
        set_number(code="most_open_cases", value=9, by=staff(), now=MONDAY)
    assert get_numbers().most_open_cases == 7
