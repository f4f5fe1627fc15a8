"""G08: a custom build names its merchant, and it is clear which one."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from applications.facts import Facts
from applications.gates.base import Finding, Words, gate


@gate(
    "G08",
    _("Merchant of the custom build"),
    {
        "merchant_missing": Words(_("A custom build is made for one merchant, and none is named."), _("Name the merchant, by its code or its full name.")),
        "merchant_unknown": Words(
            _("No merchant has the code or the name “%(merchant)s”."), _("Ask the merchant for its code, and write the code or the full name.")
        ),
        "merchant_ambiguous": Words(_("%(number)d merchants are called “%(merchant)s”."), _("Write the merchant's code instead of its name.")),
        "merchant_suspended": Words(_("The merchant “%(merchant)s” is suspended."), _("Wait until the merchant is active again, or name another one.")),
        "merchant_barred": Words(
            _("The merchant “%(merchant)s” takes part in no new member feature after a proven complaint."),
            _("Wait until the merchant's bar has ended, or name another one."),
        ),
        "other_merchant": Words(
            _("Your account belongs to one merchant's own team, and “%(merchant)s” is another merchant."),
            _("Apply for your own merchant, or with another developer account."),
        ),
    },
)
def merchant(facts: Facts) -> Iterator[Finding]:
    if not facts.is_custom:
        return
    said = facts.content.merchant
    if not said:
        yield Finding("merchant_missing")
    elif not facts.merchants:
        yield Finding("merchant_unknown", {"merchant": said})
    elif len(facts.merchants) > 1:
        yield Finding("merchant_ambiguous", {"merchant": said, "number": len(facts.merchants)})
    elif not facts.merchants[0].is_active:
        yield Finding("merchant_suspended", {"merchant": facts.merchants[0].name})
    elif facts.merchants[0].is_barred:
        yield Finding("merchant_barred", {"merchant": facts.merchants[0].name})
    elif facts.developer.bound_merchant not in (None, facts.merchants[0].id):
        yield Finding("other_merchant", {"merchant": facts.merchants[0].name})
