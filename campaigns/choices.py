"""Codes of messaging."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

STORE_DAY_CAP = 2
PERSON_DAY_CAP = 10
"""Base fatigue caps per person and local day: messages from one store, messages in all. Business rule; database constraints hold them."""

REMINDER_INTERVAL_DAYS = 30
EXPIRY_NOTICE_DAYS = 7


class ScenarioCode(models.TextChoices):
    BALANCE_REMINDER = "BALANCE_REMINDER", _("Balance reminder")
    EXPIRY_REMINDER = "EXPIRY_REMINDER", _("Expiry reminder")
    AFTER_PAYMENT = "AFTER_PAYMENT", _("Notice after payment")
    LEVEL_CHANGE = "LEVEL_CHANGE", _("Level change")
    FIRST_PURCHASE = "FIRST_PURCHASE", _("First purchase")
    REPURCHASE = "REPURCHASE", _("Repurchase")
    DORMANT = "DORMANT", _("Dormant members")
    SUBSCRIPTION_PUSH = "SUBSCRIPTION_PUSH", _("Subscription push")
    BROADCAST_PUSH = "BROADCAST_PUSH", _("Broadcast push")
    WIN_BACK_PUSH = "WIN_BACK_PUSH", _("Win-back push")
    PAID_RENEWAL = "PAID_RENEWAL", _("Notice of automatic renewal")
    PAID_ENDING = "PAID_ENDING", _("Paid term ends soon")
    BENEFIT_ENDING = "BENEFIT_ENDING", _("Unused benefit lapses soon")


SCENARIO_RANKS = (
    ScenarioCode.AFTER_PAYMENT,
    ScenarioCode.EXPIRY_REMINDER,
    ScenarioCode.BALANCE_REMINDER,
    ScenarioCode.LEVEL_CHANGE,
    ScenarioCode.SUBSCRIPTION_PUSH,
    ScenarioCode.WIN_BACK_PUSH,
    ScenarioCode.BROADCAST_PUSH,
    ScenarioCode.PAID_RENEWAL,
    ScenarioCode.PAID_ENDING,
    ScenarioCode.BENEFIT_ENDING,
    ScenarioCode.FIRST_PURCHASE,
    ScenarioCode.REPURCHASE,
    ScenarioCode.DORMANT,
)
"""Who goes first when slots are short, within one decision."""

PERIODIC_CARDS = (ScenarioCode.BALANCE_REMINDER.value, ScenarioCode.EXPIRY_REMINDER.value)
"""The two cards that share one 30-day clock and of which a person gets one a day and store."""


CREDIT_CARDS = (*PERIODIC_CARDS, ScenarioCode.AFTER_PAYMENT.value)
"""The three cards about credit: a store's one switch turns them on and off, and so does a member's own."""


PAID_CARDS = (ScenarioCode.PAID_RENEWAL.value, ScenarioCode.PAID_ENDING.value, ScenarioCode.BENEFIT_ENDING.value)
"""The three cards about paid membership, in the order of their rank. The first is a duty: no switch and no consent holds it back (ADR 0075)."""

CONSENT_CARDS = (ScenarioCode.PAID_ENDING.value, ScenarioCode.BENEFIT_ENDING.value)
"""Lifecycle cards: only to members who agree to marketing."""

LIFECYCLE = (ScenarioCode.LEVEL_CHANGE.value, ScenarioCode.FIRST_PURCHASE.value, ScenarioCode.REPURCHASE.value, ScenarioCode.DORMANT.value)
"""The lifecycle scenarios: a switch, a time, days, a hold-out group and a frequency rule for each of them and store."""

MARKETING_CARDS = (*CONSENT_CARDS, *LIFECYCLE)
"""What needs the member's consent to marketing, when it is decided and again when it is handed over."""

NO_EXTRA_RULES = (*CREDIT_CARDS, ScenarioCode.PAID_RENEWAL.value)
"""The three credit scenarios and duties obey the base caps and nothing else: no extra rule and no quiet hours hold them back or count them, and no slot
is kept free from them."""

LIFECYCLE_DAYS = {
    ScenarioCode.FIRST_PURCHASE.value: 7,
    ScenarioCode.REPURCHASE.value: 30,
    ScenarioCode.DORMANT.value: 90,
    ScenarioCode.LEVEL_CHANGE.value: 3,
}
"""Days that a store begins with. Of a level change: for how many days after it the member is still told."""

HOLDOUT_PERCENT = 5
LIFT_DAYS = 14
"""Orders within so many days after the decision count for the lift."""

RENEWAL_SPARE_DAYS = 3
"""So many days before its last day the notice of a renewal is tried for the first time: a cap met on one day leaves others."""

REDEEMED_BENEFITS = ("OPENING_GIFT", "MONTHLY_COUPON", "MONTHLY_GIFT")
"""Kinds of benefits that a member redeems, so that one can lapse unused. Discounts hold for the whole term; a custom one is the store's to keep."""


AT_ONCE = (ScenarioCode.AFTER_PAYMENT.value,)
"""Handed over within seconds, before whatever else waits."""


class MessageStatus(models.TextChoices):
    PENDING = "PENDING", _("Waiting to be handed over")
    SENT = "SENT", _("Sent")
    FAILED = "FAILED", _("Failed")
    UNKNOWN = "UNKNOWN", _("Outcome unknown")
    SUPPRESSED = "SUPPRESSED", _("Held back")
    CANCELLED = "CANCELLED", _("Cancelled")
    MISSED = "MISSED", _("Missed its day")


# SENT, UNKNOWN and PENDING hold a slot of both caps; the others gave it back or never had one.
MESSAGE_TRANSITIONS: dict[str, frozenset[str]] = {
    MessageStatus.PENDING: frozenset({MessageStatus.SENT, MessageStatus.FAILED, MessageStatus.UNKNOWN, MessageStatus.CANCELLED, MessageStatus.MISSED}),
    MessageStatus.FAILED: frozenset({MessageStatus.PENDING}),
    MessageStatus.UNKNOWN: frozenset({MessageStatus.SENT, MessageStatus.FAILED}),
    MessageStatus.SENT: frozenset(),
    MessageStatus.SUPPRESSED: frozenset(),
    MessageStatus.CANCELLED: frozenset(),
    MessageStatus.MISSED: frozenset(),
}
SLOT_HOLDING = (MessageStatus.PENDING.value, MessageStatus.SENT.value, MessageStatus.UNKNOWN.value)


class SuppressionReason(models.TextChoices):
    STORE_CAP = "store_cap", _("Two messages from this store today already")
    PLATFORM_CAP = "platform_cap", _("Ten messages from all stores today already")
    SETTING_OFF = "setting_off", _("Reminders are switched off")
    NOT_ACTIVE = "not_active", _("Not an active member")
    CARDS_OFF = "cards_off", _("The member switched these cards off")
    NOT_DUE = "not_due", _("Less than 30 days since the last card")
    NO_BALANCE = "no_balance", _("No credit to tell about")
    NOT_RUN = "not_run", _("The day's run has not happened yet")
    MISSED_DAY = "missed_day", _("Not handed over before midnight")
    STALE = "stale", _("Learned of after the day of the payment")
    STORE_CLOSED = "store_closed", _("The store is closed")
    EXPIRY_FIRST = "expiry_first", _("The expiry reminder takes its place")
    NOTHING_EXPIRING = "nothing_expiring", _("Nothing expires within 7 days")
    NO_CONSENT = "no_consent", _("The member does not agree to marketing")
    NOTHING_ENDING = "nothing_ending", _("Nothing ends within the days that it is told before")
    RENEWED = "renewed", _("The next term is paid already")
    RENEWS_ITSELF = "renews_itself", _("The term renews automatically")
    NO_RENEWAL_CONSENT = "no_renewal_consent", _("The member did not agree to automatic renewal")
    PLAN_OVER = "plan_over", _("The plan is not sold any more")
    TOLD = "told", _("The member was told already")
    TOO_LATE = "too_late", _("Too late for a notice before the renewal")
    RULE_CAP = "rule_cap", _("A frequency rule allows no more")
    QUIET_HOURS = "quiet_hours", _("Quiet hours")
    HELD_OUT = "held_out", _("In the hold-out group")
    TOO_SOON = "too_soon", _("The days are not over yet")
    HAS_ORDERED = "has_ordered", _("The member ordered already")
    NO_ORDER = "no_order", _("The member has not ordered yet")
    NO_LEVEL_CHANGE = "no_level_change", _("No change of level lately")


class RunStatus(models.TextChoices):
    WAITING = "WAITING", _("Waiting")
    DECIDING = "DECIDING", _("Deciding")
    DONE = "DONE", _("Done")
    INCOMPLETE = "INCOMPLETE", _("Not finished on its day")


OPEN_RUN = (RunStatus.WAITING.value, RunStatus.DECIDING.value)


class RuleScope(models.TextChoices):
    """Over which messages to a person a frequency rule counts."""

    STORE = "STORE", _("All messages of a store")
    PLATFORM = "PLATFORM", _("All messages of all stores")
    SCENARIO = "SCENARIO", _("Messages of one scenario from a store")


class RuleWindow(models.TextChoices):
    LOCAL_DAY = "LOCAL_DAY", _("The local day")
    ROLLING = "ROLLING", _("Several local days, today the last")


class ReceiptEvent(models.TextChoices):
    DELIVERED = "delivered", _("Delivered")
    OPENED = "opened", pgettext_lazy("receipt", "Opened")
    CLICKED = "clicked", _("Clicked")
    UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
    FAILED = "failed", _("Failed")


ARRIVED = frozenset({ReceiptEvent.DELIVERED, ReceiptEvent.OPENED, ReceiptEvent.CLICKED, ReceiptEvent.UNSUBSCRIBED})
"""Events that prove that the message went out."""
