"""Codes and transition tables of members."""

from dataclasses import dataclass
from typing import Any

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


class FanEvent(models.TextChoices):
    """Names of events that say something about a follower; a store's systems tell them as any other event."""

    FOLLOWED = "fan_followed", _("Followed")
    UNFOLLOWED = "fan_unfollowed", _("Unfollowed")
    SUBSCRIBED = "fan_subscribed", _("Subscribed to messages")
    UNSUBSCRIBED = "fan_unsubscribed", _("Unsubscribed from messages")
    PAGE_VIEW = "page_view", _("Page viewed")


@dataclass(frozen=True)
class PushNumberRange:
    """What a number of pushes means, its default and what staff may set."""

    meaning: Any
    default: int
    least: int
    most: int


PUSH_NUMBERS: dict[str, PushNumberRange] = {
    "purchase_days": PushNumberRange(_("Local days in which two days of purchase make a returning customer"), 180, 1, 730),
    "post_days": PushNumberRange(_("Local days in which posts count"), 7, 1, 60),
    "seen_days": PushNumberRange(_("Local days in which a fan seen again counts for the revisit rate"), 7, 1, 60),
    "subscription_subscribers": PushNumberRange(_("Subscribers that a subscription push asks for"), 10, 1, 1_000_000),
    "first_returning_fans": PushNumberRange(_("Returning fans that the first win-back asks for"), 50, 1, 1_000_000),
    "first_posts": PushNumberRange(_("Posts that the first win-back asks for"), 5, 0, 1_000),
    "second_returning_fans": PushNumberRange(_("Returning fans that the second win-back asks for"), 1_000, 1, 10_000_000),
    "second_revisit_percent": PushNumberRange(_("Revisit rate in percent that the second win-back asks for"), 5, 0, 100),
}
"""Windows and marks of pushes (†); changed ones are rows of ``PushNumber``."""
