"""Moments, days and times of day. A text without a zone is on the platform's clock."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings

from backoffice.kernel import clock
from backoffice.kernel.files.columns.base import ColumnError, ColumnType, Rule, first_fault
from backoffice.kernel.files.columns.characters import ERROR_CELL, as_code, quote, sql_as_code

_YEAR = "(?:19|20|21)[0-9]{2}"
_LEAP_YEAR = "(?:(?:19|20|21)(?:0[48]|[2468][048]|[13579][26])|2000)"


def _day_pattern(first: str, second: str, zero: str = "0?") -> str:
    """Existing days of 1900 to 2199 with the given separators; ``zero`` is the pattern of a leading zero."""
    long = f"(?:{zero}[13578]|1[02]){second}(?:{zero}[1-9]|[12][0-9]|3[01])"
    short = f"(?:{zero}[469]|11){second}(?:{zero}[1-9]|[12][0-9]|30)"
    february = f"{zero}2{second}(?:{zero}[1-9]|1[0-9]|2[0-8])"
    return f"{_YEAR}{first}(?:{long}|{short}|{february})|{_LEAP_YEAR}{first}{zero}2{second}29"


_WITH_SEPARATORS = "|".join(_day_pattern(mark, mark) for mark in ("-", "/", "[.]"))
_DAY = f"(?:{_WITH_SEPARATORS}|(?:{_day_pattern('年', '月')})日|{_day_pattern('', '', '0')})"
_HOUR = "(?:[01]?[0-9]|2[0-3])"
_TIME = f"{_HOUR}:[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{{1,6}})?)?"
_ZONE = "(?:Z|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])"

DAY = f"^{_DAY}$"
MIDNIGHT_OF_DAY = f"^{_DAY}(?:[T ]0?0:00(?::00(?:[.]0+)?)?)?$"
MOMENT = f"^{_DAY}(?:[T ]{_TIME}{_ZONE}?)?$"
TIME_OF_DAY = f"^{_HOUR}:[0-5][0-9](?::[0-5][0-9])?$"

_ANY_DAY = "(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日|[0-9]{8})"
RULES: tuple[Rule, ...] = (
    (ERROR_CELL, "error_cell"),
    ("^[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:[0-9]{4}|[0-9]{2})(?:[ T]|$)", "unclear_date"),
    ("^[0-9]{1,6}(?:[.][0-9]+)?$", "excel_serial_date"),
    (f"^{_DAY}[T ].*$", "no_such_time"),
    (f"^{_YEAR}(?:[-/.年]|[0-9]{{4}}).*$", "no_such_day"),
    (f"^{_ANY_DAY}(?:[T ].*)?$", "year_out_of_range"),
)

_PARTS = re.compile(r"([0-9]{4})[-/.年]?([0-9]{1,2})[-/.月]?([0-9]{1,2})日?(?:[T ](.*))?")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.]([0-9]{1,6}))?)?(Z|[+-].*)?")


def _read_day(text: str) -> tuple[date, str | None]:
    """Day of a text that matches one of the patterns above, and what follows it."""
    parts = _PARTS.fullmatch(text)
    assert parts  # noqa: S101 - the pattern is wider than the ones callers have checked
    return date(int(parts[1]), int(parts[2]), int(parts[3])), parts[4]


def _local_instant(day: date, at: time) -> datetime:
    """The instant of a wall clock reading, as PostgreSQL takes it: the standard-time side of a gap or a doubled hour."""
    readings = [datetime.combine(day, at.replace(fold=fold), tzinfo=clock.local_zone()) for fold in (0, 1)]
    return min(readings, key=lambda reading: reading.utcoffset() or timedelta()).astimezone(UTC)


def _sql_iso(text: str) -> str:
    """A checked text in a form that PostgreSQL reads as year, month, day whatever its DateStyle says."""
    return f"CASE WHEN strpos({text}, '年') > 0 THEN translate({text}, '年月日', '--') ELSE {text} END"


class _Checked(ColumnType):
    """A text that either matches ``fast`` as it stands, or does so after NFKC and trimming."""

    fast: str
    rules: tuple[Rule, ...] = RULES
    otherwise = "not_a_date"

    def _slow_value(self, cell: str) -> Any:
        text = as_code(cell)
        if not re.fullmatch(self.fast, text):
            raise ColumnError(first_fault(text, self.rules) or self.otherwise)
        return self._fast_value(text)

    def _sql_slow_value(self, cell: str) -> str:
        text = sql_as_code(cell)
        return f"CASE WHEN {text} ~ {quote(self.fast)} THEN {self._sql_fast_value(text)} END"


class LocalMoment(_Checked):
    """An instant, in UTC. A day without a time is the start of that local day, or with ``ends_day`` its end: the first instant of the next one."""

    sql_type = "timestamptz"
    fast = MOMENT

    def __init__(self, *, ends_day: bool = False) -> None:
        self.ends_day = ends_day

    def _fast_value(self, cell: str) -> datetime:
        day, rest = _read_day(cell)
        if rest is None:
            return _local_instant(day + timedelta(days=self.ends_day), time.min)
        parts = _CLOCK.fullmatch(rest)
        assert parts  # noqa: S101 - MOMENT has been checked
        at = time(int(parts[1]), int(parts[2]), int(parts[3] or 0), int((parts[4] or "0").ljust(6, "0")))
        if parts[5]:
            return datetime.combine(day, at, tzinfo=datetime.fromisoformat(f"2000-01-01T00:00:00{parts[5]}").tzinfo).astimezone(UTC)
        return _local_instant(day, at)

    def _sql_fast_value(self, cell: str) -> str:
        zone = quote(settings.TIME_ZONE)
        # After ten characters no date goes on with one of these, so they mean a zone.
        zoned = f"translate(substr({cell}, 11), 'Z+-', '') <> substr({cell}, 11)"
        iso = _sql_iso(cell)
        bare = f"WHEN strpos({cell}, ':') = 0 THEN (({iso})::date + 1)::timestamp AT TIME ZONE {zone} " if self.ends_day else ""
        return f"CASE WHEN {zoned} THEN ({iso})::timestamptz {bare}ELSE ({iso})::timestamp AT TIME ZONE {zone} END"


class LocalDay(_Checked):
    """A calendar day, for example a birthday. A time beside it is a fault unless it is midnight."""

    sql_type = "date"
    fast = MIDNIGHT_OF_DAY
    rules = (*RULES[:3], (f"^{_DAY}[T ].*$", "time_not_wanted"), *RULES[4:])

    def _fast_value(self, cell: str) -> date:
        return _read_day(cell)[0]

    def _sql_fast_value(self, cell: str) -> str:
        return f"({_sql_iso(cell)})::date"


class ClockTime(_Checked):
    """A time of day on the platform's clock: HH:MM, seconds allowed."""

    sql_type = "time"
    fast = TIME_OF_DAY
    rules = ((ERROR_CELL, "error_cell"),)
    otherwise = "not_a_time"

    def _fast_value(self, cell: str) -> time:
        hour, minute, second, *_ = (*(int(part) for part in cell.split(":")), 0)
        return time(hour, minute, second)

    def _sql_fast_value(self, cell: str) -> str:
        return f"{cell}::time"
