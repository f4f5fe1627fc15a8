"""Business numbers of paid membership (†), changed by staff."""

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
    """Change a number within its range. It holds from now on: times already given (replies, appeals, payments) keep theirs.

    Codes: ``unknown_number``, ``out_of_range``, ``fees_crossed`` (the lowest reasonable fee above the highest).
    """
    require_platform(by, CHANGE)
    number = NUMBERS.get(code)
    if number is None:
        raise PaidRefused(_("There is no such number."), code="unknown_number")
    if not number.least <= value <= number.most:
        raise PaidRefused(_("Between %(least)d and %(most)d, please.") % {"least": number.least, "most": number.most}, code="out_of_range", field="value")
    numbers = get_numbers()
    least, most = (value if code == "least_card_fee" else numbers.least_card_fee), (value if code == "most_card_fee" else numbers.most_card_fee)
    if least > most:
        raise PaidRefused(_("The lowest reasonable fee would be above the highest."), code="fees_crossed", field="value")
    before = getattr(numbers, code)
    row, _made = PaidNumber.objects.update_or_create(code=code, defaults={"value": value, "changed_by": by, "changed_at": now})
    record_event("paid_number.changed", target=row, by=by, now=now, code=code, before=before, after=value)
    return row
