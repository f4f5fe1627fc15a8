"""Template side of ``kernel.admin.display`` and of the console shell."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from backoffice.kernel.admin import display
from backoffice.kernel.audit.verbs import verb_label
from backoffice.kernel.tenancy.selectors.people import name_person

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
    return _("The system") if event.actor is None else name_person(event.actor, console)


@register.simple_tag(takes_context=True)
def console_path(context: Any) -> list[dict[str, Any]]:
    """The way to this page: list, row, act. Pages without a model show their title."""
    opts, obj, title = context.get("opts"), context.get("original") or context.get("object"), context.get("title", "")
    if not opts:
        return [{"title": title}]
    name, site = f"{opts.app_label}_{opts.model_name}", context.get("console", "")
    parts: list[dict[str, Any]] = [{"title": capfirst(opts.verbose_name_plural), "link": _reverse(f"{site}:{name}_changelist")}]
    if obj is not None and not isinstance(obj, str):
        parts.append({"title": str(obj), "link": _reverse(f"{site}:{name}_change", obj.pk)})
    elif context.get("add"):
        parts.append({"title": _("Add")})
    if not context.get("adminform") and not context.get("cl"):
        parts.append({"title": title})
    if parts[-1].get("link") and (context.get("adminform") or context.get("cl")):
        parts[-1] = {"title": parts[-1]["title"]}
    return parts


def _reverse(name: str, *args: Any) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


@register.filter
def need_chip(need: Any) -> SafeString:
    """The urgency of a line of the dashboard, in a word."""
    words = {display.BAD: _("Now"), display.WARN: _("Soon"), display.BUSY: _("When you can")}
    return display.chip(words[need.tone], need.tone)


@register.filter
def figure(value: Any) -> str:
    """A chart's value in its table: money with two decimals, counts without."""
    return f"{value:,.2f}" if isinstance(value, Decimal) else f"{value:,}"


@register.filter
def state_chip(part: Any) -> SafeString:
    return display.chip(part.word, part.tone)
