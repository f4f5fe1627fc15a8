"""G09: a custom build may be applied for only where the merchant is PREMIUM. Business rule."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.choices import CUSTOM_TIERS
from applications.facts import Facts
from applications.gates.base import Finding, Words, gate


@gate(
    "G09",
    _("Merchant's tier"),
    {
        "tier_too_low": Words(
            _("A custom build needs a premium merchant; today “%(merchant)s” is: %(tier)s."),
            _("Submit again from the day on which the merchant is premium, or offer the app as a template."),
        ),
        "no_tier": Words(
            _("A custom build needs a premium merchant; “%(merchant)s” has no tier today."),
            _("Submit again from the day on which the merchant is premium, or offer the app as a template."),
        ),
    },
    before_writing=True,
)
def tier(facts: Facts) -> Iterator[Finding]:
    merchant = facts.merchant
    if not facts.is_custom or merchant is None or merchant.tier in CUSTOM_TIERS:
        return
    if merchant.tier:
        yield Finding("tier_too_low", {"merchant": merchant.name, "tier": merchant.tier})
    else:
        yield Finding("no_tier", {"merchant": merchant.name})
