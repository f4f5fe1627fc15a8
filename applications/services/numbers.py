"""Business numbers and calendar days, changed by staff."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime

from django.utils.translation import gettext_lazy as _

from applications.choices import NUMBERS, PLATFORM_STATES, CaseAct
from applications.models import Application, CalendarDay, RuleNumber
from applications.selectors.calendar import get_calendar
from applications.selectors.numbers import get_numbers
from applications.services.door import due_date, enter, leave
from applications.services.rights import require
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import User

CHANGE_NUMBER = "applications.change_rulenumber"
CHANGE_CALENDAR = "applications.change_calendarday"


class NumberRefused(BusinessError):
    """A number or day cannot be set like this; nothing was changed."""

    code = "number_refused"


@in_transaction
def set_number(*, code: str, value: int, by: User, now: datetime) -> RuleNumber:
    """Change a business number within its range. It holds from now on; times already given (due dates, answers, strikes) keep theirs."""
    require(by, CHANGE_NUMBER)
    number = NUMBERS.get(code)
    if number is None:
        raise NumberRefused(_("There is no such number."), code="unknown_number")
    if not number.least <= value <= number.most:
        raise NumberRefused(_("Between %(least)d and %(most)d, please.") % {"least": number.least, "most": number.most}, code="out_of_range", field="value")
    before = getattr(get_numbers(), code)
    row, _made = RuleNumber.objects.update_or_create(code=code, defaults={"value": value, "changed_by": by, "changed_at": now})
    record_event("number.changed", target=row, by=by, now=now, code=code, before=before, after=value)
    return row


@in_transaction
def set_calendar_day(*, day: date, is_working: bool, name: str, by: User, now: datetime) -> CalendarDay:
    """Say of one day whether it is worked. Due dates that are running are counted anew by ``recount_due_dates``."""
    require(by, CHANGE_CALENDAR)
    if not name.strip():
        raise NumberRefused(_("Name the day."), code="name_missing", field="name")
    row, _made = CalendarDay.objects.update_or_create(day=day, defaults={"is_working": is_working, "name": name.strip()[:64], "is_confirmed": True})
    record_event("calendar.changed", target=row, by=by, now=now, day=day.isoformat(), is_working=is_working)
    return row


def recount_due_dates(*, now: datetime) -> int:
    """Count every running due date anew that calendar and numbers no longer say; how many changed. Each in a transaction of its own."""
    calendar, allowance = get_calendar(), get_numbers().review_time
    changed = 0
    running = Application.objects.filter(state__in=PLATFORM_STATES).values_list("pk", "clock_started_at", "clock_used", "due_at").order_by("pk")
    for case_id, started, used, due_at in running.iterator():
        if started is not None and due_date(calendar, started, allowance - used) != due_at:
            with suppress(StateConflict):  # it left the platform meanwhile
                changed += _recount(case_id=case_id, now=now)
    return changed


@in_transaction
def _recount(*, case_id: int, now: datetime) -> int:
    case = enter(case_id, CaseAct.RECOUNT, by=None, now=now)
    if case.clock_started_at is None:
        return 0
    due_at = due_date(get_calendar(), case.clock_started_at, get_numbers().review_time - case.clock_used)
    leave(case, CaseAct.RECOUNT, case.state, by=None, now=now, due_at=due_at)
    return 1
