"""Template side of ``kernel.admin.display`` and of the console shell."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from backoffice.kernel.admin import display
from backoffice.kernel.audit.verbs import verb_label
from backoffice.kernel.tenancy.roles import Console

register = template.Library()


@register.filter
def moment(value: datetime | None) -> SafeString:
    return display.moment(value)


@register.filter
def money(value: Decimal | None) -> SafeString:
    return display.money(value)


@register.filter
def count(value: int | None) -> SafeString:
    return display.count(value)


@register.filter
def event_name(event: Any) -> str:
    return str(verb_label(event.verb))


@register.filter
def event_actor(event: Any, console: str) -> str:
    """Who did it. Outside the platform console a platform user is "platform staff", not a name."""
    if event.actor is None:
        return _("The system")
    if console != Console.PLATFORM and any(seat.console == Console.PLATFORM for seat in event.actor.seats.all()):
        return _("Platform staff")
    return str(event.actor)
