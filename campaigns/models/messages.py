"""Messages, the counters that cap them, and what came back about them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.choices import Language
from backoffice.kernel.tenancy.models import Store
from campaigns.choices import AT_ONCE, LIFECYCLE, PERIODIC_CARDS, PERSON_DAY_CAP, STORE_DAY_CAP, MessageStatus, ReceiptEvent, ScenarioCode, SuppressionReason
from members.models import Member, Person


class Message(models.Model):
    """One message to one person in a store, sent or not, with the reason.

    Unique by (store, person, scenario, occasion): ``occasion`` is the thing the message is about as a whole number
    (periodic cards: the local day as 20261123; a payment: its row). ``params`` holds the figures as they were when it was decided.
    The ``lease_*`` columns say which worker is handing it over; no index mentions them, so that claiming stays cheap.
    Keys to people and stores are checked by the statement that inserts, not by the database (ADR 0040).
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="messages", verbose_name=_("store"), db_constraint=False, db_index=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="messages", verbose_name=_("person"), db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="messages", verbose_name=_("member"), db_constraint=False, db_index=False)
    scenario = models.CharField(_("scenario"), max_length=32, choices=ScenarioCode.choices)
    occasion = models.BigIntegerField(_("occasion"))
    local_day = models.DateField(_("local day"))
    status = models.CharField(_("status"), max_length=16, choices=MessageStatus.choices, default=MessageStatus.PENDING)
    reason = models.CharField(_("reason"), max_length=32, choices=SuppressionReason.choices, blank=True, default="")
    language = models.CharField(_("language"), max_length=10, choices=Language.choices, default=Language.ZH_HANS)
    params = models.JSONField(_("figures"), default=dict)
    cap_facts = models.JSONField(_("cap that was met"), null=True)
    decided_at = models.DateTimeField(_("decided"))
    attempt_count = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    in_doubt = models.BooleanField(_("an attempt had no answer"), default=False)
    # Real clock of the first attempt: how long the gateway still honours the idempotency key is counted from here.
    first_attempt_at = models.DateTimeField(null=True, editable=False)
    sent_at = models.DateTimeField(_("sent"), null=True)
    provider_id = models.CharField(_("gateway's number"), max_length=128, blank=True, default="")
    error = models.CharField(_("error"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints: ClassVar[list[Any]] = [
            # The day or occasion before the person: a run's rows lie together in both indexes, and a run's figures are counted from them.
            models.UniqueConstraint(fields=["store", "scenario", "occasion", "person"], name="message_once_per_occasion"),
            models.UniqueConstraint(
                fields=["store", "local_day", "person"], condition=models.Q(scenario__in=PERIODIC_CARDS), name="message_one_periodic_card_a_day"
            ),
            models.CheckConstraint(name="message_reason_when_held_back", condition=~models.Q(status=MessageStatus.SUPPRESSED) | ~models.Q(reason="")),
            models.CheckConstraint(name="message_sent_has_time", condition=~models.Q(status=MessageStatus.SENT) | models.Q(sent_at__isnull=False)),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["store", "id"], condition=models.Q(status=MessageStatus.PENDING), name="message_to_hand_over"),
            # Notices are handed over before anything else, and are few: found without reading all that waits.
            models.Index(fields=["store", "id"], condition=models.Q(status=MessageStatus.PENDING, scenario__in=AT_ONCE), name="message_at_once"),
            models.Index(fields=["person", "local_day"], name="message_of_person_and_day"),
            models.Index(fields=["store", "-id"], name="message_newest_of_store"),
            # Figures of the lifecycle scenarios by day.
            models.Index(fields=["store", "scenario", "local_day"], condition=models.Q(scenario__in=LIFECYCLE), name="message_lifecycle_day"),
            # Dead letters and unknown outcomes: few among millions, looked for by people.
            models.Index(fields=["store", "-id"], condition=models.Q(status__in=[MessageStatus.FAILED, MessageStatus.UNKNOWN]), name="message_to_look_at"),
        ]

    def __str__(self) -> str:
        return f"{self.get_scenario_display()} {self.local_day}"


class StoreDayCounter(models.Model):
    """Slots taken of the 2 that a person has per store and local day. The database refuses a third."""

    pk = models.CompositePrimaryKey("store_id", "person_id", "local_day")
    store = models.ForeignKey(Store, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    local_day = models.DateField()
    used = models.SmallIntegerField()
    granted = models.SmallIntegerField(default=0)

    class Meta:
        verbose_name = _("store day counter")
        verbose_name_plural = _("store day counters")
        constraints: ClassVar[list[Any]] = [models.CheckConstraint(name="store_day_cap", condition=models.Q(used__gte=0, used__lte=STORE_DAY_CAP))]

    def __str__(self) -> str:
        return f"{self.store_id}/{self.person_id} {self.local_day}: {self.used}"


class PersonDayCounter(models.Model):
    """Slots taken of the 10 that a person has across stores per local day. The database refuses an eleventh."""

    pk = models.CompositePrimaryKey("person_id", "local_day")
    person = models.ForeignKey(Person, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    local_day = models.DateField()
    used = models.SmallIntegerField()
    granted = models.SmallIntegerField(default=0)

    class Meta:
        verbose_name = _("person day counter")
        verbose_name_plural = _("person day counters")
        constraints: ClassVar[list[Any]] = [models.CheckConstraint(name="person_day_cap", condition=models.Q(used__gte=0, used__lte=PERSON_DAY_CAP))]

    def __str__(self) -> str:
        return f"{self.person_id} {self.local_day}: {self.used}"


class WakeUp(models.Model):
    """When a worker was asked to look at a store's notices; empty once its task has begun. An unlogged table: it is only a hint."""

    store = models.OneToOneField(Store, models.CASCADE, primary_key=True, related_name="+", db_constraint=False)
    asked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("wake-up")
        verbose_name_plural = _("wake-ups")

    def __str__(self) -> str:
        return f"{self.store_id}: {self.asked_at}"


class MessageTemplate(models.Model):
    """A store's own words for one scenario and language. Without a row the default text of the scenario is used.

    ``title`` and ``body`` contain ``{placeholders}`` of the scenario; a text with an unknown one cannot be saved.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.CASCADE, related_name="message_templates", verbose_name=_("store"))
    scenario = models.CharField(_("scenario"), max_length=32, choices=ScenarioCode.choices)
    language = models.CharField(_("language"), max_length=10, choices=Language.choices, default=Language.ZH_HANS)
    title = models.CharField(_("title"), max_length=60)
    body = models.CharField(_("text"), max_length=500)

    class Meta:
        verbose_name = _("message text")
        verbose_name_plural = _("message texts")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["store", "scenario", "language"], name="message_template_once")]

    def __str__(self) -> str:
        return f"{self.get_scenario_display()} ({self.get_language_display()}): {self.title}"


class Receipt(models.Model):
    """What a gateway said happened to a message after it was handed over. One row per message and event; repeats change nothing."""

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="+", verbose_name=_("store"))
    message = models.ForeignKey(Message, models.CASCADE, related_name="receipts", verbose_name=_("message"), db_index=False)
    event = models.CharField(_("event"), max_length=16, choices=ReceiptEvent.choices)
    happened_at = models.DateTimeField(_("happened"))
    provider_id = models.CharField(_("gateway's number"), max_length=128, blank=True, default="")
    received_at = models.DateTimeField(_("received"), db_default=Now())

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["message", "event"], name="receipt_once_per_event")]

    def __str__(self) -> str:
        return f"{self.message_id} {self.event}"
