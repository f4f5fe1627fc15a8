"""Payments that a store's systems tell us of, their refunds, and the events that their pages and clerks record."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.money import MoneyField
from backoffice.kernel.tenancy.models import Store
from members.models.credit_moves import CreditHold
from members.models.members import Member
from members.models.people import Person


class Payment(models.Model):
    """One paid order as told by the API. ``amount`` is what was paid in all, ``credit_used`` the store credit in it. Yuan.

    Its lines are ``OrderLine`` rows; what each used of which lot are the ledger's SPEND (or, of a hold, CAPTURE) entries of the order.
    Telling it again changes nothing; telling it with other figures is refused (``body_hash``).
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="payments", verbose_name=_("store"), db_index=False)
    order_no = models.CharField(_("order number"), max_length=64)
    member = models.ForeignKey(Member, models.PROTECT, related_name="payments", verbose_name=_("member"), db_index=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="+", verbose_name=_("person"), db_index=False)
    paid_at = models.DateTimeField(_("paid"))
    amount = MoneyField(_("paid amount"))
    credit_used = MoneyField(_("credit used"), default=0)
    hold = models.OneToOneField(CreditHold, models.PROTECT, null=True, blank=True, related_name="payment", verbose_name=_("credit hold"))
    refunded_amount = MoneyField(_("refunded amount"), default=0)
    credit_refunded = MoneyField(_("credit given back"), default=0)
    body_hash = models.BinaryField(max_length=32)
    recorded_at = models.DateTimeField(_("recorded"), db_default=Now())

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["store", "order_no"], name="payment_once_an_order"),
            models.CheckConstraint(
                name="payment_amounts_fit",
                condition=models.Q(amount__gte=0, credit_used__gte=0, refunded_amount__gte=0, credit_refunded__gte=0)
                & models.Q(credit_used__lte=models.F("amount"))
                & models.Q(refunded_amount__lte=models.F("amount"))
                & models.Q(credit_refunded__lte=models.F("credit_used")),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["store", "-id"], name="payment_newest_of_store"),
            models.Index(fields=["member", "-id"], name="payment_of_member"),
        ]

    def __str__(self) -> str:
        return self.order_no


class PaymentRefund(models.Model):
    """One refund of some lines of a payment. ``lines`` lists ``{"line_no", "amount", "credit"}`` as yuan strings."""

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="+", verbose_name=_("store"), db_index=False)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds", verbose_name=_("payment"))
    idempotency_key = models.CharField(_("idempotency key"), max_length=128)
    body_hash = models.BinaryField(max_length=32)
    amount = MoneyField(_("refunded amount"))
    credit = MoneyField(_("credit given back"))
    lines = models.JSONField(_("lines"), default=list)
    refunded_at = models.DateTimeField(_("refunded"))
    recorded_at = models.DateTimeField(_("recorded"), db_default=Now())

    class Meta:
        verbose_name = _("refund of a payment")
        verbose_name_plural = _("refunds of payments")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["store", "idempotency_key"], name="payment_refund_once_per_key"),
            models.CheckConstraint(name="payment_refund_amounts_fit", condition=models.Q(amount__gte=0, credit__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.amount:,.2f}"


class Event(models.Model):
    """Something a person did, told by a store's systems: a fact that is never changed. ``event_id`` is unique in the store."""

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="events", verbose_name=_("store"), db_index=False)
    event_id = models.CharField(_("event number"), max_length=64)
    person = models.ForeignKey(Person, models.PROTECT, related_name="+", verbose_name=_("person"), db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="events", verbose_name=_("member"), db_constraint=False, db_index=False)
    name = models.CharField(_("event"), max_length=64)
    occurred_at = models.DateTimeField(_("occurred"))
    source = models.CharField(_("collected by"), max_length=32, blank=True, default="")
    properties = models.JSONField(_("properties"), default=dict)
    recorded_at = models.DateTimeField(_("recorded"), db_default=Now())

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["store", "event_id"], name="event_once_a_store")]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["store", "-id"], name="event_newest_of_store"),
            models.Index(fields=["person", "-occurred_at"], name="event_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.event_id}"
