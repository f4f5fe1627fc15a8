"""Words of the review: how much working time is left, who holds a case, what an item asks, and a fix to begin with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import get_language, gettext_lazy, ngettext, pgettext
from django.utils.translation import gettext as _

from applications.choices import Item
from applications.selectors.calendar import WorkingCalendar
from backoffice.kernel.admin.display import BAD, BUSY, GOOD, PLAIN, WARN, chip, full_time

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def name_in_use(named: Mapping[str, str]) -> str:
    """Of a capability's names the one in the reader's language."""
    return (named["name_en"] or named["name"]) if (get_language() or "").startswith("en") else named["name"]


def listed(texts: Iterable[Any]) -> str:
    """Several words in one line."""
    return pgettext("between the items of a list", ", ").join(str(text) for text in texts)


def due_chip(due_at: datetime | None, now: datetime, calendar: WorkingCalendar) -> str:
    """Working time until a due date, or since: only days that are worked count."""
    if due_at is None:
        return ""
    if due_at < now:
        return chip(_("late by %(time)s") % {"time": _length(calendar.between(due_at, now))}, BAD, title=full_time(due_at))
    left = calendar.between(now, due_at)
    return chip(_("%(time)s left") % {"time": _length(left)}, WARN if left <= DAY else GOOD if left > 2 * DAY else PLAIN, title=full_time(due_at))


def _length(amount: timedelta) -> str:
    """Working time in its largest unit; a working day is a whole day."""
    if amount >= DAY:
        days = amount / DAY
        return ngettext("%(days)s working day", "%(days)s working days", 1 if days == 1 else 2) % {"days": f"{days:.1f}".removesuffix(".0")}
    if amount >= HOUR:
        hours = int(amount / HOUR)
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    minutes = int(amount / timedelta(minutes=1))
    return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}


def answer_chip(answer_by: datetime | None, now: datetime) -> str:
    """How long somebody outside may still answer: plain days."""
    if answer_by is None:
        return ""
    left = (answer_by - now).days
    if answer_by <= now:
        return chip(_("time is up"), WARN, title=full_time(answer_by))
    return chip(ngettext("%(n)d day left", "%(n)d days left", left) % {"n": left}, WARN if left < 3 else PLAIN, title=full_time(answer_by))


def holder_chip(*, is_mine: bool, name: str, until: datetime | None, now: datetime) -> str:
    """Who holds a case, and whether the claim is still alive."""
    if until is None:
        return ""
    if until <= now:
        return chip(_("claim ran out"), PLAIN, title=name)
    return chip(_("Mine"), GOOD) if is_mine else chip(name, BUSY, title=full_time(until))


ITEM_GROUPS: Sequence[tuple[Any, tuple[Item, ...]]] = (
    (gettext_lazy("The ban"), (Item.N1, Item.N2, Item.B1)),
    (gettext_lazy("Truth and completeness"), (Item.F1, Item.D1, Item.V1)),
    (gettext_lazy("Compulsory: what members get"), (Item.M1, Item.M2, Item.M3, Item.M4, Item.M5)),
)
"""The order in which items are judged: what decides alone comes first."""

QUESTIONS: Mapping[str, Any] = {
    Item.M1: gettext_lazy("Members are addressed as members of the store, with their level."),
    Item.M2: gettext_lazy("Members feel a difference while they use it."),
    Item.M3: gettext_lazy("It says what members get, and who gets more."),
    Item.M4: gettext_lazy("What members do brings them on; they see the next step."),
    Item.M5: gettext_lazy("Before joining, people see what membership is."),
    Item.S1: gettext_lazy("The demo uses the capability, and does not work without it."),
    Item.S2: gettext_lazy("It is clear what members and the store have from it."),
    Item.D1: gettext_lazy("The demo shows the full path, the design, the flow and the experience."),
    Item.V1: gettext_lazy("The cases told exist, and fit what is applied for."),
    Item.F1: gettext_lazy("Nothing in the application is untrue."),
    Item.B1: gettext_lazy("Failed: the design draws or misleads people into joining purely by a benefit."),
    Item.N1: gettext_lazy("Failed: people must join in the middle of something to go on."),
    Item.N2: gettext_lazy("Failed only when all three are yes."),
}
N2_QUESTIONS: Sequence[Any] = (
    gettext_lazy("Benefits are shown to everyone"),
    gettext_lazy("Nothing sets expectations of membership"),
    gettext_lazy("They can be claimed only after joining"),
)

USUAL_FIXES: Mapping[str, Any] = {
    Item.M1: gettext_lazy("Show at the entrance that the person is a member of the store, with name and level."),
    Item.M2: gettext_lazy("Show on each page what a member has here that others do not."),
    Item.M3: gettext_lazy("Say which benefits each level has, and where they are used."),
    Item.M4: gettext_lazy("After each task, show the growth gained and what is missing to the next level."),
    Item.M5: gettext_lazy("Before joining, add a page that says what membership is and what it brings."),
    Item.S1: gettext_lazy("Add the step that uses the capability, or take it out of the application."),
    Item.S2: gettext_lazy("Say what members and the store gain from it, with a figure that can be checked."),
    Item.D1: gettext_lazy("Complete the demo: the full path of use, the design, the flow and the experience."),
    Item.V1: gettext_lazy("Give cases that can be looked up, with the store's name and the period."),
    Item.F1: gettext_lazy("Correct the statement, and hand in proof with it."),
    Item.B1: gettext_lazy("Present membership first; a benefit may only be one part of it."),
    Item.N1: gettext_lazy("Let people finish without joining; explain membership before it begins or after it ends."),
    Item.N2: gettext_lazy("Set expectations before joining, and do not make the benefit the only reason."),
}


def usual_fix(item: str) -> str:
    """What usually helps, to begin with, in the applicants' language: the platform's own."""
    with translation.override(settings.LANGUAGE_CODE):
        return str(USUAL_FIXES.get(item, ""))
