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
