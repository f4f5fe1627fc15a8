"""Working time by the Chinese calendar. A working day counts whole, from midnight to midnight of the local day; other days count nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from applications.models import CalendarDay
from backoffice.kernel import clock

DAY = timedelta(days=1)
FARTHEST = 1000
SATURDAY = 5


@dataclass(frozen=True)
class WorkingCalendar:
    """Which local days are worked: Monday to Friday, unless ``exceptions`` says otherwise."""

    exceptions: dict[date, bool] = field(default_factory=dict)

    def is_working(self, day: date) -> bool:
        return self.exceptions.get(day, day.weekday() < SATURDAY)

    def add(self, start: datetime, amount: timedelta) -> datetime:
        """The instant at which ``amount`` of working time has passed since ``start``. Nothing left over: ``start`` itself, whenever that is."""
        at, left = start, amount
        for _ in range(FARTHEST):
            if left <= timedelta(0):
                return at
            end = clock.day_end(clock.local_day(at))
            if self.is_working(clock.local_day(at)):
                if at + left <= end:
                    return at + left
                left -= end - at
            at = end
        return at

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Working time in ``start <= moment < end``; nothing when they are the wrong way round."""
        total, at = timedelta(0), start
        while at < end:
            stop = min(end, clock.day_end(clock.local_day(at)))
            if self.is_working(clock.local_day(at)):
                total += stop - at
            at = stop
        return total


def get_calendar() -> WorkingCalendar:
    """The calendar as it stands in the table now."""
    return WorkingCalendar(dict(CalendarDay.objects.values_list("day", "is_working")))
