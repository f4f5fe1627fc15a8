"""Business time. Rules take ``now=`` and ask this module for the local day; only entry points read a clock."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local_zone() -> ZoneInfo:
    """The one time zone in which days are counted (setting ``TIME_ZONE``, default Asia/Shanghai)."""
    return _zone(settings.TIME_ZONE)


def database_now() -> datetime:
    """The database's clock, aware. The default of every ``now=`` at an entry point."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    moment: datetime = row[0]
    return moment


def to_local(moment: datetime) -> datetime:
    return moment.astimezone(local_zone())


def local_day(moment: datetime) -> date:
    """The calendar day of ``moment`` on the platform's clock."""
    return to_local(moment).date()


def day_start(day: date) -> datetime:
    """First instant of the local day."""
    return datetime.combine(day, time.min, tzinfo=local_zone())


def day_end(day: date) -> datetime:
    """First instant of the next local day: ranges are half-open, ``day_start <= moment < day_end``."""
    return day_start(day + timedelta(days=1))


def at_local(day: date, at: time) -> datetime:
    """The instant at which the platform's clock shows ``at`` on ``day``."""
    return datetime.combine(day, at, tzinfo=local_zone())


def parse_moment(text: str) -> datetime:
    """ISO 8601, as ``--now`` of commands takes it; without an offset on the platform's clock. Raises ``ValueError``."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=local_zone())
