"""How people are named to those who look."""

from __future__ import annotations

from django.utils.translation import gettext as _

from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Console


def name_person(person: User, console: str) -> str:
    """The name of who did something, as ``console`` shows it: outside the platform console, staff of the platform have no name.

    Reads ``person.seats``: prefetch them for lists.
    """
    if console != Console.PLATFORM and any(seat.console == Console.PLATFORM for seat in person.seats.all()):
        return _("Platform staff")
    return str(person)
