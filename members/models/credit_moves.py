"""What stands beside the ledger: holds, payouts, adjustments that wait for a second person, a store's policy, and the nightly proof."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.money import MoneyField
from backoffice.kernel.tenancy.models import Store
from members.choices import (
    AdjustmentStatus,
    DeductionOrder,
    HoldStatus,
    LapsePolicy,
    PayoutCause,
    PayoutStatus,
    RefundAfterLapse,
    TopUpRefundPolicy,
)
from members.models.credit import CreditAccount, CreditEntry, CreditLot


class CreditPolicy(models.Model):
    """How one store's credit behaves. A store without a row has the defaults, which are the fields' own (``selectors.policy.policy_of``)."""

    scope_path = "store"

    store = models.OneToOneField(Store, models.PROTECT, primary_key=True, related_name="credit_policy", verbose_name=_("store"))
    deduction_order = models.CharField(_("deduction order inside a lot"), max_length=16, choices=DeductionOrder.choices, default=DeductionOrder.PERCENT)
    on_lapse = models.CharField(_("when credit lapses"), max_length=16, choices=LapsePolicy.choices, default=LapsePolicy.PAY_BACK)
    refund_after_lapse = models.CharField(
        _("refund to a lot that lapsed meanwhile"), max_length=16, choices=RefundAfterLapse.choices, default=RefundAfterLapse.EXTEND_ONCE
    )
    refund_grace_days = models.PositiveSmallIntegerField(
        _("days that such a refund can be spent"), default=7, validators=[MinValueValidator(1), MaxValueValidator(3650)]
    )
    top_up_refund = models.CharField(_("refund of a top-up"), max_length=16, choices=TopUpRefundPolicy.choices, default=TopUpRefundPolicy.PRINCIPAL_ONLY)
    adjustment_limit = MoneyField(
        _("adjustments above this need a second person"),
        default=Decimal("500.00"),
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("Yuan that one person may adjust on one account in a day. Only the platform changes it."),
    )

    class Meta:
        verbose_name = _("credit policy")
        verbose_name_plural = _("credit policies")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="credit_policy_in_range",
                condition=models.Q(refund_grace_days__gte=1, refund_grace_days__lte=3650, adjustment_limit__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return str(self.store)


class CreditHold(models.Model):
    """Credit set aside for an order until it is captured or released. What it took from which lot are its HOLD entries.

    A held amount is in no lot and not in ``balance``: it cannot be spent twice and cannot lapse. One hold is settled once.
    ``deduction_order`` is the one it was taken by: what a smaller capture keeps is what a spend of that amount would have taken.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="credit_holds", verbose_name=_("store"), db_index=False)
    account = models.ForeignKey(CreditAccount, models.PROTECT, related_name="holds", verbose_name=_("credit account"))
    amount = MoneyField(_("held amount"))
    captured_amount = MoneyField(_("captured amount"), default=0)
    status = models.CharField(_("status"), max_length=16, choices=HoldStatus.choices, default=HoldStatus.HELD)
    order_no = models.CharField(_("order number"), max_length=64)
    deduction_order = models.CharField(
        _("deduction order inside a lot"), max_length=16, choices=DeductionOrder.choices, default=DeductionOrder.PERCENT, editable=False
    )
    held_at = models.DateTimeField(_("held"))
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    class Meta:
        verbose_name = _("credit hold")
        verbose_name_plural = _("credit holds")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="credit_hold_amounts_fit_status",
                condition=models.Q(amount__gt=0, captured_amount__gte=0, captured_amount__lte=models.F("amount"))
                & (
                    models.Q(status=HoldStatus.HELD, captured_amount=0, settled_at__isnull=True)
                    | models.Q(status=HoldStatus.CAPTURED, captured_amount__gt=0, settled_at__isnull=False)
                    | models.Q(status=HoldStatus.RELEASED, captured_amount=0, settled_at__isnull=False)
                ),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["store", "-id"], name="credit_hold_newest_of_store"),
            models.Index(fields=["store", "-id"], condition=models.Q(status=HoldStatus.HELD), name="credit_hold_open"),
        ]

    def __str__(self) -> str:
        return f"{self.order_no}: {self.amount:,.2f}"


class CreditPayout(models.Model):
    """Money that goes back to the payer's account, by whoever moves real money; its PAYOUT entry took the credit out of the lot.

    ``WAITING`` is the work queue. A payout that failed is ``RETURN_FAILED``: its lot shows it, and it waits in the queue for a person.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="credit_payouts", verbose_name=_("store"), db_index=False)
    account = models.ForeignKey(CreditAccount, models.PROTECT, related_name="payouts", verbose_name=_("credit account"))
    lot = models.ForeignKey(CreditLot, models.PROTECT, related_name="payouts", verbose_name=_("credit lot"))
    entry = models.OneToOneField(CreditEntry, models.PROTECT, related_name="payout", verbose_name=_("credit entry"), db_constraint=False)
    cause = models.CharField(_("cause"), max_length=16, choices=PayoutCause.choices)
    amount = MoneyField(_("amount to pay back"))
    status = models.CharField(_("status"), max_length=16, choices=PayoutStatus.choices, default=PayoutStatus.WAITING)
    attempt_count = models.PositiveSmallIntegerField(_("attempts"), default=0)
    reference = models.CharField(_("payment reference"), max_length=128, blank=True, default="")
    error = models.CharField(_("error"), max_length=500, blank=True, default="")
    created_at = models.DateTimeField(_("created"))
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(name="credit_payout_pays_something", condition=models.Q(amount__gt=0)),
            # A top-up is refunded once, whoever asks and under whatever key.
            models.UniqueConstraint(fields=["lot"], condition=models.Q(cause=PayoutCause.TOP_UP_REFUND), name="credit_payout_top_up_refunded_once"),
            models.CheckConstraint(
                name="credit_payout_paid_has_reference",
                condition=~models.Q(status=PayoutStatus.PAID) | (models.Q(settled_at__isnull=False) & ~models.Q(reference="")),
            ),
            models.CheckConstraint(name="credit_payout_failure_has_reason", condition=~models.Q(status=PayoutStatus.RETURN_FAILED) | ~models.Q(error="")),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["store", "-id"], name="credit_payout_newest_of_store"),
            models.Index(
                fields=["store", "-id"], condition=models.Q(status__in=[PayoutStatus.WAITING, PayoutStatus.RETURN_FAILED]), name="credit_payout_to_work_on"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount:,.2f}"


class CreditAdjustment(models.Model):
    """A correction by hand, with its reason. Above the store's limit it waits for a second person; the database refuses the same one.

    Plus opens a lot of its own (``lot``, once applied); minus takes from ``lot`` or, without one, in spending order. Amounts are signed yuan.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="credit_adjustments", verbose_name=_("store"), db_index=False)
    account = models.ForeignKey(CreditAccount, models.PROTECT, related_name="adjustments", verbose_name=_("credit account"))
    lot = models.ForeignKey(CreditLot, models.PROTECT, null=True, blank=True, related_name="adjustments", verbose_name=_("credit lot"), db_index=False)
    principal_amount = MoneyField(_("principal"))
    bonus_amount = MoneyField(_("bonus"), default=0)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=500)
    status = models.CharField(_("status"), max_length=16, choices=AdjustmentStatus.choices, default=AdjustmentStatus.REQUESTED)
    needs_second_person = models.BooleanField(_("needs a second person"))
    idempotency_key = models.CharField(_("idempotency key"), max_length=128)
    body_hash = models.BinaryField(max_length=32)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("requested by"), db_index=False)
    requested_at = models.DateTimeField(_("requested"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by"), db_index=False
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decision_reason = models.CharField(_("reason of the decision"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("credit adjustment")
        verbose_name_plural = _("credit adjustments")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["store", "idempotency_key"], name="credit_adjustment_once_per_key"),
            models.CheckConstraint(
                name="credit_adjustment_moves_one_way",
                condition=(models.Q(principal_amount__gte=0, bonus_amount__gte=0) | models.Q(principal_amount__lte=0, bonus_amount__lte=0))
                & ~models.Q(principal_amount=0, bonus_amount=0),
            ),
            models.CheckConstraint(name="credit_adjustment_has_a_reason", condition=~models.Q(reason="")),
            # Four eyes: who asked for it never lets it through.
            models.CheckConstraint(
                name="credit_adjustment_second_person",
                condition=models.Q(needs_second_person=False)
                | ~models.Q(status=AdjustmentStatus.APPLIED)
                | (models.Q(decided_by__isnull=False) & ~models.Q(decided_by=models.F("requested_by"))),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["store", "-id"], name="credit_adjustment_newest"),
            models.Index(fields=["store", "-id"], condition=models.Q(status=AdjustmentStatus.REQUESTED), name="credit_adjustment_waiting"),
            models.Index(fields=["account", "requested_by", "requested_at"], name="credit_adjustment_of_the_day"),
        ]

    def __str__(self) -> str:
        return f"{self.principal_amount + self.bonus_amount:+,.2f}"


class LedgerProof(models.Model):
    """One nightly comparison of every account with its lots and entries. ``differences`` names the rows (at most a hundred)."""

    local_day = models.DateField(_("local day"), unique=True)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    account_count = models.BigIntegerField(_("accounts"), default=0)
    entry_count = models.BigIntegerField(_("entries"), default=0)
    balance = MoneyField(_("balance of all accounts"), default=0)
    difference_count = models.BigIntegerField(_("differences"), default=0)
    differences = models.JSONField(_("rows with a difference"), default=list)
    recorded_at = models.DateTimeField(_("recorded"), db_default=Now())

    class Meta:
        verbose_name = _("proof of the ledger")
        verbose_name_plural = _("proofs of the ledger")

    def __str__(self) -> str:
        return f"{self.local_day}"
