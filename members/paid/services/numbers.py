"""Business numbers of paid membership, changed by member operations."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import User
from members.paid.choices import NUMBERS
from members.paid.models import PaidNumber
from members.paid.selectors.numbers import get_numbers
from members.paid.services.rights import PaidRefused, require_platform

CHANGE = "paid.change_paidnumber"


@in_transaction
def set_number(*, code: str, value: int, by: User, now: datetime) -> PaidNumber:
    """Change a business number within its range. It holds from now on: terms, deadlines and notices already given keep theirs.

    Raises ``PaidRefused``: ``unknown_number``, ``out_of_range``, ``fees_cross``.
    """
    require_platform(by, CHANGE)
    number = NUMBERS.get(code)
    if number is None:
        raise PaidRefused(_("There is no such number."), code="unknown_number", field="code")
    if not number.least <= value <= number.most:
        raise PaidRefused(_("Between %(least)d and %(most)d, please.") % {"least": number.least, "most": number.most}, code="out_of_range", field="value")
    list(PaidNumber.objects.select_for_update().order_by("pk"))  # two changes of the two fees at once would pass each other
    numbers = get_numbers()
    least, most = (value if code == name else getattr(numbers, name) for name in ("least_card_fee", "most_card_fee"))
    if least > most:
        raise PaidRefused(_("The lowest card fee would be above the highest."), code="fees_cross", field="value")
    before = getattr(numbers, code)
    row, _made = PaidNumber.objects.update_or_create(code=code, defaults={"value": value, "changed_by": by, "changed_at": now})
    record_event("paid_number.changed", target=row, by=by, now=now, code=code, before=before, after=value)
    return row
