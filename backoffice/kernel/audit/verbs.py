"""Audit events in words. Each app names its own in ``ready()``; an event without a name is shown as its code."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

_labels: dict[str, Any] = {}


def name_verbs(labels: dict[str, Any]) -> None:
    """Give readable names to ``noun.past_tense`` events."""
    _labels.update(labels)


def verb_label(verb: str) -> Any:
    return _labels.get(verb, verb)


name_verbs(
    {
        "user.created": _("User created"),
        "user.deactivated": _("User deactivated"),
        "user.activated": _("User activated"),
        "user.password_set": _("Password set"),
        "seat.granted": _("Seat granted"),
        "seat.ended": _("Seat ended"),
        "merchant.created": _("Merchant created"),
        "merchant.renamed": _("Merchant renamed"),
        "merchant.suspended": _("Merchant suspended"),
        "merchant_bar.imposed": _("Merchant barred from new member features"),
        "merchant_bar.ended": _("Bar of a merchant ended"),
        "merchant.resumed": _("Merchant resumed"),
        "merchant_tier.set": _("Merchant tier set"),
        "store.changed": _("Store changed"),
        "store.closed": _("Store closed"),
        "store.opened": _("Store opened"),
        "developer.created": _("Developer created"),
        "developer.changed": _("Developer changed"),
    }
)
