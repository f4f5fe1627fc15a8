"""Orders as facts, and what they add up to per member."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.money import MoneyField
from backoffice.kernel.tenancy.models import Store
from members.models.members import Member
from members.models.people import Person


class OrderLine(models.Model):
    """A paid line of an order: a fact from a file or a payment. Importing one never spends or refunds credit.

    ``amount`` is what was paid including ``credit_used``; ``refunded_amount`` is what of it went back so far. All yuan.
    A buyer need not be a member; then ``member`` is empty and ``person`` alone is known.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="order_lines", verbose_name=_("store"), db_index=False)
    order_no = models.CharField(_("order number"), max_length=64)
    line_no = models.PositiveIntegerField(_("line"), default=1)
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="order_lines", verbose_name=_("member"), db_constraint=False, db_index=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="+", verbose_name=_("person"), db_constraint=False, db_index=False)
    paid_at = models.DateTimeField(_("paid"))
    amount = MoneyField(_("paid amount"))
    credit_used = MoneyField(_("credit used"), default=0)
    refunded_amount = MoneyField(_("refunded amount"), default=0)
    refunded_at = models.DateTimeField(_("refunded"), null=True)
    recorded_at = models.DateTimeField(_("recorded"), db_default=Now())

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["store", "order_no", "line_no"], name="order_line_once_a_store"),
            models.CheckConstraint(
                name="order_line_amounts_fit",
                condition=models.Q(amount__gte=0, credit_used__gte=0, refunded_amount__gte=0)
                & models.Q(credit_used__lte=models.F("amount"))
                & models.Q(refunded_amount__lte=models.F("amount")),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["member", "-paid_at"], name="order_line_of_member"),
            models.Index(fields=["person", "store"], name="order_line_of_person"),
            models.Index(fields=["store", "-id"], name="order_line_newest_of_store"),
            models.Index(fields=["store", "-id"], condition=models.Q(refunded_amount__gt=0), name="order_line_refunded"),
        ]

    def __str__(self) -> str:
        return f"{self.order_no}/{self.line_no}"


class PurchaseSummary(models.Model):
    """What a member bought, kept by the system from ``OrderLine`` (paid and not fully refunded), never typed.

    ``last_days`` holds the last five distinct local days of purchase, newest first: "bought on at least 2 days since X" is ``last_days[2] >= X``.
    """

    scope_path = "store"

    member = models.OneToOneField(Member, models.CASCADE, primary_key=True, related_name="purchases", verbose_name=_("member"), db_constraint=False)
    store = models.ForeignKey(Store, models.PROTECT, related_name="+", verbose_name=_("store"), db_constraint=False, db_index=False)
    first_purchase_at = models.DateTimeField(_("first purchase"), null=True)
    last_purchase_at = models.DateTimeField(_("last purchase"), null=True)
    last_days = ArrayField(models.DateField(), verbose_name=_("last days of purchase"), default=list)
    order_count = models.PositiveIntegerField(_("orders"), default=0)
    amount = MoneyField(_("amount"), default=0)

    class Meta:
        verbose_name = _("purchases of a member")
        verbose_name_plural = _("purchases of members")

    def __str__(self) -> str:
        return f"{self.member_id}: {self.order_count}"
