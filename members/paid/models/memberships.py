"""Paid terms, the benefits issued in them, and what is paid back."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeBoundary, RangeOperators
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.money import MoneyField
from backoffice.kernel.tenancy.models import Store
from backoffice.kernel.tenancy.models.merchants import DateRange
from members.models import Member
from members.paid.choices import (
    PAID_STATES,
    FulfilmentStatus,
    IssueStatus,
    MembershipSource,
    MembershipStatus,
    RefundCause,
    RefundStatus,
)
from members.paid.models.packs import Benefit, BenefitPack
from members.paid.models.programs import PaidProgram


class PaidMembership(models.Model):
    """One purchase: one paid term of a member, ``[starts_on, ends_on)`` in local days. A renewal is a purchase whose term follows another.

    Paid terms of a member in a store never overlap; whether benefits hold today is asked of the dates alone. ``bought_until`` is the end that was
    paid for, ``ends_on`` the one that holds: a cancellation or a higher plan brings it forward. ``anchor_on`` is the opening day of the whole
    chain of renewals, ``months_before`` the months between it and this term: dates never drift after a short month.
    ``next_issue_on`` is the next day on which something is to be issued, kept by the issue engine; empty: nothing any more.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="paid_memberships", verbose_name=_("store"), db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="paid_memberships", verbose_name=_("member"))
    program = models.ForeignKey(PaidProgram, models.PROTECT, related_name="memberships", verbose_name=_("paid program"), db_index=False)
    pack = models.ForeignKey(BenefitPack, models.PROTECT, related_name="memberships", verbose_name=_("benefit pack"))
    order_no = models.CharField(_("order number"), max_length=64)
    source = models.CharField(_("source"), max_length=16, choices=MembershipSource.choices)
    status = models.CharField(_("status"), max_length=16, choices=MembershipStatus.choices, default=MembershipStatus.PENDING)
    price = MoneyField(_("price paid"))
    is_renewal = models.BooleanField(_("renewal"), default=False)
    created_at = models.DateTimeField(_("ordered"))
    pay_until = models.DateTimeField(_("to be paid until"), null=True, blank=True)
    opened_at = models.DateTimeField(_("paid"), null=True, blank=True)
    anchor_on = models.DateField(_("opening day"), null=True, blank=True)
    months_before = models.PositiveSmallIntegerField(default=0, editable=False)
    starts_on = models.DateField(_("from"), null=True, blank=True)
    ends_on = models.DateField(_("until (not including)"), null=True, blank=True)
    bought_until = models.DateField(_("bought until (not including)"), null=True, blank=True)
    next_issue_on = models.DateField(null=True, blank=True, editable=False)
    auto_renew_consent_at = models.DateTimeField(_("agreed to automatic renewal"), null=True, blank=True)
    renewal_notice_at = models.DateTimeField(_("told of the automatic renewal"), null=True, blank=True)
    ended_at = models.DateTimeField(_("cancelled, replaced or lapsed"), null=True, blank=True)
    end_reason = models.CharField(_("reason"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("paid membership")
        verbose_name_plural = _("paid memberships")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["store", "order_no"], name="paid_membership_order_once_a_store"),
            models.UniqueConstraint(fields=["member"], condition=models.Q(status="PENDING"), name="paid_membership_one_pending"),
            ExclusionConstraint(
                name="paid_terms_do_not_overlap",
                # The member first: most terms overlap each other, only few are one member's.
                expressions=[("member", RangeOperators.EQUAL), (DateRange("starts_on", "ends_on", RangeBoundary()), RangeOperators.OVERLAPS)],
                condition=models.Q(starts_on__isnull=False),
            ),
            models.CheckConstraint(
                name="paid_membership_term_is_whole",
                condition=models.Q(
                    status__in=PAID_STATES,
                    opened_at__isnull=False,
                    anchor_on__isnull=False,
                    starts_on__isnull=False,
                    ends_on__gte=models.F("starts_on"),
                    ends_on__lte=models.F("bought_until"),
                )
                | models.Q(status__in=["PENDING", "LAPSED"], opened_at__isnull=True, starts_on__isnull=True, ends_on__isnull=True, next_issue_on__isnull=True),
            ),
            models.CheckConstraint(
                name="paid_membership_ended_has_time",
                condition=models.Q(status__in=["PENDING", "ACTIVE"], ended_at__isnull=True)
                | (~models.Q(status__in=["PENDING", "ACTIVE"]) & models.Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(name="paid_membership_price_not_negative", condition=models.Q(price__gte=0)),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["next_issue_on", "id"], condition=models.Q(next_issue_on__isnull=False), name="paid_membership_issue_due"),
            models.Index(fields=["store", "-id"], name="paid_membership_newest"),
            models.Index(fields=["program", "ends_on"], name="paid_membership_ending"),
            models.Index(fields=["pay_until"], condition=models.Q(status="PENDING"), name="paid_membership_to_lapse"),
        ]

    def __str__(self) -> str:
        return self.order_no


class BenefitIssue(models.Model):
    """One issue of one benefit to one paid membership for one period of its term. Exactly one: the database holds the key.

    ``expires_on`` is the first day on which it no longer holds. ``cost_amount`` and ``value_amount`` are the benefit's at issue.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="benefit_issues", verbose_name=_("store"), db_index=False, db_constraint=False)
    paid_membership = models.ForeignKey(PaidMembership, models.PROTECT, related_name="issues", verbose_name=_("paid membership"), db_index=False)
    # The statement that inserts reads both from rows it has joined; database keys here would cost a third of the issue run.
    member = models.ForeignKey(Member, models.PROTECT, related_name="benefit_issues", verbose_name=_("member"), db_constraint=False)
    benefit = models.ForeignKey(Benefit, models.PROTECT, related_name="issues", verbose_name=_("benefit"), db_constraint=False)
    period = models.PositiveSmallIntegerField(_("period"))
    due_on = models.DateField(_("due"))
    issued_at = models.DateTimeField(_("issued"), null=True, blank=True)
    expires_on = models.DateField(_("holds until (not including)"))
    status = models.CharField(_("status"), max_length=8, choices=IssueStatus.choices, default=IssueStatus.ISSUED)
    code = models.CharField(_("coupon code"), max_length=64, blank=True, default="")
    ended_at = models.DateTimeField(_("used, expired or revoked"), null=True, blank=True)
    used_reference = models.CharField(_("used with"), max_length=64, blank=True, default="")
    failure = models.CharField(_("why it failed"), max_length=64, blank=True, default="")
    retry_at = models.DateTimeField(_("tried again"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("benefit issue")
        verbose_name_plural = _("benefit issues")
        constraints: ClassVar[list[Any]] = [
            # A key names a benefit across versions; a holder has one benefit per key (PackReach), so the benefit itself is enough here.
            models.UniqueConstraint(fields=["paid_membership", "benefit", "period"], name="benefit_issued_once_a_period"),
            models.CheckConstraint(name="benefit_issue_expires_after_due", condition=models.Q(expires_on__gt=models.F("due_on"))),
            models.CheckConstraint(
                name="benefit_issue_state_is_whole",
                condition=models.Q(status="FAILED", issued_at__isnull=True, ended_at__isnull=True)
                | models.Q(status="ISSUED", issued_at__isnull=False, ended_at__isnull=True)
                | models.Q(status__in=["USED", "EXPIRED", "REVOKED"], ended_at__isnull=False),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["store", "-id"], name="benefit_issue_newest_of_store"),
            models.Index(fields=["expires_on"], condition=models.Q(status__in=["ISSUED", "FAILED"]), name="benefit_issue_to_expire"),
            models.Index(fields=["retry_at"], condition=models.Q(status="FAILED"), name="benefit_issue_to_retry"),
        ]

    def __str__(self) -> str:
        return f"{self.benefit_id} {self.due_on}"


class CouponCode(models.Model):
    """A coupon code that a store brought in a file, given to at most one issue. ``pool`` is the name that a benefit asks for."""

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="coupon_codes", verbose_name=_("store"), db_index=False)
    pool = models.CharField(_("list"), max_length=64)
    code = models.CharField(_("coupon code"), max_length=64)
    issue = models.OneToOneField(BenefitIssue, models.PROTECT, null=True, blank=True, related_name="coupon_code", verbose_name=_("given to"))

    class Meta:
        verbose_name = _("coupon code")
        verbose_name_plural = _("coupon codes")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["store", "code"], name="coupon_code_once_a_store")]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["store", "pool", "id"], condition=models.Q(issue__isnull=True), name="coupon_code_free")]

    def __str__(self) -> str:
        return self.code


class Fulfilment(models.Model):
    """The promise of one issue of a custom benefit: due until ``deliver_by`` (that day included), kept or no longer owed."""

    scope_path = "store"

    issue = models.OneToOneField(BenefitIssue, models.PROTECT, primary_key=True, related_name="fulfilment", verbose_name=_("benefit issue"))
    store = models.ForeignKey(Store, models.PROTECT, related_name="fulfilments", verbose_name=_("store"), db_index=False)
    status = models.CharField(_("status"), max_length=8, choices=FulfilmentStatus.choices, default=FulfilmentStatus.DUE)
    deliver_by = models.DateField(_("deliver by"))
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    done_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("done by"))
    evidence = models.CharField(_("evidence"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("fulfilment")
        verbose_name_plural = _("fulfilments")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="fulfilment_done_is_shown",
                condition=~models.Q(status="DONE") | (models.Q(done_at__isnull=False) & ~models.Q(evidence="")),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["deliver_by"], condition=models.Q(status="DUE"), name="fulfilment_due"),
            models.Index(fields=["store", "deliver_by"], name="fulfilment_of_store"),
        ]

    def __str__(self) -> str:
        return f"{self.issue_id} {self.deliver_by}"


class PaidRefund(models.Model):
    """What a store owes a member of a card fee, and whether it was paid back. At most one per purchase."""

    scope_path = "store"

    paid_membership = models.OneToOneField(PaidMembership, models.PROTECT, primary_key=True, related_name="refund", verbose_name=_("paid membership"))
    store = models.ForeignKey(Store, models.PROTECT, related_name="paid_refunds", verbose_name=_("store"), db_index=False)
    amount = MoneyField(_("amount"))
    cause = models.CharField(_("cause"), max_length=16, choices=RefundCause.choices)
    status = models.CharField(_("status"), max_length=8, choices=RefundStatus.choices, default=RefundStatus.DUE)
    unused_months = models.PositiveSmallIntegerField(_("unused whole months"), null=True, blank=True)
    used_value = MoneyField(_("value of what was used"), default=0)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by"))
    decided_at = models.DateTimeField(_("decided"))
    paid_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("paid back by"))
    paid_at = models.DateTimeField(_("paid back"), null=True, blank=True)
    reference = models.CharField(_("reference"), max_length=64, blank=True, default="")

    class Meta:
        verbose_name = _("card fee refund")
        verbose_name_plural = _("card fee refunds")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(name="paid_refund_amount_above_zero", condition=models.Q(amount__gt=0)),
            models.CheckConstraint(
                name="paid_refund_paid_has_time",
                condition=models.Q(status="DUE", paid_at__isnull=True) | models.Q(status="PAID", paid_at__isnull=False),
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["store", "status"], name="paid_refund_of_store")]

    def __str__(self) -> str:
        return f"{self.paid_membership_id}: {self.amount:,.2f}"
