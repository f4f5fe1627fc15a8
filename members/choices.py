"""Codes and transition tables of members."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

PHONE_REVEALS_A_DAY = 30
"""Phones one user may have shown in full on one local day. Business rule; a database constraint holds it."""


class MemberStatus(models.TextChoices):
    ACTIVE = "ACTIVE", pgettext_lazy("member", "Active")
    FROZEN = "FROZEN", _("Frozen")
    BLACKLISTED = "BLACKLISTED", _("Blacklisted")
    LEFT = "LEFT", pgettext_lazy("member", "Left")
    CLOSED = "CLOSED", _("Account closed")


# From each state to the states that may follow it. A closed account stays closed; who left may join again.
MEMBER_TRANSITIONS: dict[str, frozenset[str]] = {
    MemberStatus.ACTIVE: frozenset({MemberStatus.FROZEN, MemberStatus.BLACKLISTED, MemberStatus.LEFT, MemberStatus.CLOSED}),
    MemberStatus.FROZEN: frozenset({MemberStatus.ACTIVE, MemberStatus.BLACKLISTED, MemberStatus.LEFT, MemberStatus.CLOSED}),
    MemberStatus.BLACKLISTED: frozenset({MemberStatus.ACTIVE, MemberStatus.LEFT, MemberStatus.CLOSED}),
    MemberStatus.LEFT: frozenset({MemberStatus.ACTIVE, MemberStatus.CLOSED}),
    MemberStatus.CLOSED: frozenset(),
}


class ConsentSource(models.TextChoices):
    STORE_DEFAULT = "STORE_DEFAULT", _("Store default at joining")
    FILE = "FILE", _("Imported file")
    CONSOLE = "CONSOLE", _("Recorded by staff")
    MEMBER = "MEMBER", _("Said by the member")


class EntryKind(models.TextChoices):
    TOP_UP = "TOP_UP", _("Top-up")
    SPEND = "SPEND", _("Spend")
    REFUND = "REFUND", _("Refund")
    HOLD = "HOLD", _("Hold")
    CAPTURE = "CAPTURE", _("Capture")
    RELEASE = "RELEASE", _("Release")
    LAPSE = "LAPSE", _("Lapse")
    PAYOUT = "PAYOUT", _("Payout")
    ADJUST = "ADJUST", _("Adjustment")


class DeductionOrder(models.TextChoices):
    """How a spend is split inside one lot."""

    PERCENT = "PERCENT", _("Principal and bonus in proportion")
    REAL_BEFORE_GIFT = "REAL_BEFORE_GIFT", _("Principal first")
    GIFT_BEFORE_REAL = "GIFT_BEFORE_REAL", _("Bonus first")


class HoldStatus(models.TextChoices):
    HELD = "HELD", pgettext_lazy("credit hold", "Held")
    CAPTURED = "CAPTURED", pgettext_lazy("credit hold", "Captured")
    RELEASED = "RELEASED", pgettext_lazy("credit hold", "Released")


class RefundAfterLapse(models.TextChoices):
    """What becomes of a refund (or a released hold) whose lot lapsed meanwhile."""

    EXTEND_ONCE = "EXTEND_ONCE", _("The lot can be spent some days longer, once")
    KEEP_DATE = "KEEP_DATE", _("The lot keeps its date, so that the refund lapses again at once")
    NEW_LOT = "NEW_LOT", _("A new lot")


class LapsePolicy(models.TextChoices):
    """What becomes of a lot's principal when it lapses. The bonus is void in any case."""

    PAY_BACK = "PAY_BACK", _("Principal goes back to the payer")
    VOID = "VOID", _("Everything is void")


class TopUpRefundPolicy(models.TextChoices):
    PRINCIPAL_ONLY = "PRINCIPAL_ONLY", _("What is left of the principal is paid back, the bonus is void")
    RATIO = "RATIO", _("The share of the price that is unspent is paid back")


class PayoutCause(models.TextChoices):
    LAPSE = "LAPSE", _("Credit lapsed")
    TOP_UP_REFUND = "TOP_UP_REFUND", _("Top-up refunded")


class PayoutStatus(models.TextChoices):
    WAITING = "WAITING", _("To be paid back")
    PAID = "PAID", pgettext_lazy("payout", "Paid back")
    RETURN_FAILED = "RETURN_FAILED", _("Paying back failed")


PAYOUT_TRANSITIONS: dict[str, frozenset[str]] = {
    PayoutStatus.WAITING: frozenset({PayoutStatus.PAID, PayoutStatus.RETURN_FAILED}),
    PayoutStatus.RETURN_FAILED: frozenset({PayoutStatus.WAITING, PayoutStatus.PAID}),
    PayoutStatus.PAID: frozenset(),
}


class AdjustmentStatus(models.TextChoices):
    REQUESTED = "REQUESTED", _("Waits for a second person")
    APPLIED = "APPLIED", pgettext_lazy("adjustment", "Applied")
    REFUSED = "REFUSED", pgettext_lazy("adjustment", "Refused")
    WITHDRAWN = "WITHDRAWN", pgettext_lazy("adjustment", "Withdrawn")


ADJUSTMENT_TRANSITIONS: dict[str, frozenset[str]] = {
    AdjustmentStatus.REQUESTED: frozenset({AdjustmentStatus.APPLIED, AdjustmentStatus.REFUSED, AdjustmentStatus.WITHDRAWN}),
    AdjustmentStatus.APPLIED: frozenset(),
    AdjustmentStatus.REFUSED: frozenset(),
    AdjustmentStatus.WITHDRAWN: frozenset(),
}
