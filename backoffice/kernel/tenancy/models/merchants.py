"""Merchants, their dated tiers, and their stores."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.secrets import EncryptedTextField
from backoffice.kernel.tenancy.choices import MerchantStatus, MerchantTierCode, StoreStatus


class DateRange(models.Func):
    """``daterange(valid_from, valid_to, '[)')`` for the constraint below."""

    function = "DATERANGE"
    output_field = DateRangeField()


class Merchant(models.Model):
    """A company that owns stores. Its member-operations tier is dated: see ``MerchantTier``."""

    code = models.CharField(_("merchant code"), max_length=64, unique=True)
    name = models.CharField(_("merchant name"), max_length=200)
    status = models.CharField(_("status"), max_length=16, choices=MerchantStatus.choices, default=MerchantStatus.ACTIVE)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("merchant")
        verbose_name_plural = _("merchants")

    def __str__(self) -> str:
        return self.name


class MerchantTierQuerySet(models.QuerySet["MerchantTier"]):
    def valid_on(self, day: date) -> MerchantTierQuerySet:
        """Rows in force on ``day``: valid_from <= day < valid_to (empty: until further notice)."""
        return self.filter(valid_from__lte=day).filter(models.Q(valid_to__isnull=True) | models.Q(valid_to__gt=day))


class MerchantTier(models.Model):
    """One period of one tier of a merchant, half-open: ``valid_from`` counts, ``valid_to`` does not. Periods never overlap."""

    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="tiers", verbose_name=_("merchant"))
    tier = models.CharField(_("tier"), max_length=16, choices=MerchantTierCode.choices)
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"), null=True, blank=True, help_text=_("First day on which it no longer holds; empty means until further notice."))

    objects = MerchantTierQuerySet.as_manager()

    class Meta:
        verbose_name = _("merchant tier")
        verbose_name_plural = _("merchant tiers")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=models.Q(valid_to__isnull=True) | models.Q(valid_to__gt=models.F("valid_from")), name="merchant_tier_period_runs_forward"
            ),
            ExclusionConstraint(
                name="merchant_tier_periods_do_not_overlap",
                expressions=[(DateRange("valid_from", "valid_to", RangeBoundary()), RangeOperators.OVERLAPS), ("merchant", RangeOperators.EQUAL)],
                violation_error_message=_("This period overlaps another tier of the merchant. End that one first."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_tier_display()} {self.valid_from}"


class Store(models.Model):
    """A shop of a merchant; the tenant: almost every row belongs to one. Never deleted."""

    scope_path = ""

    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="stores", verbose_name=_("merchant"))
    code = models.CharField(_("store code"), max_length=64, unique=True)
    name = models.CharField(_("store name"), max_length=200)
    category = models.CharField(_("category"), max_length=100, blank=True)
    status = models.CharField(_("status"), max_length=16, choices=StoreStatus.choices, default=StoreStatus.OPEN)
    gateway_url = models.URLField(
        _("gateway address"), max_length=500, blank=True, help_text=_("Where this store's messages leave; empty: the platform's file gateway.")
    )
    gateway_secret = EncryptedTextField(_("gateway secret"), null=True, blank=True, editable=False)
    marketing_consent_default = models.BooleanField(
        _("new members agree to marketing"), default=True, help_text=_("What counts for a new member when a file says nothing: the joining terms cover it.")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("store")
        verbose_name_plural = _("stores")

    def __str__(self) -> str:
        return self.name


class MerchantBar(models.Model):
    """A merchant is barred from every new member feature: programs, pushes, scenarios, applications for it; all its stores, later ones included.

    At most one bar of a merchant is in force. Asked by ``selectors.bars``; services that begin something new ask ``require_no_bar``.
    """

    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="bars", verbose_name=_("merchant"))
    reason = models.TextField(_("reason"))
    imposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("imposed by"))
    imposed_at = models.DateTimeField(_("imposed"))
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("ended by"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("bar of a merchant")
        verbose_name_plural = _("bars of merchants")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["merchant"], condition=models.Q(ended_at__isnull=True), name="merchant_bar_one_in_force"),
            models.CheckConstraint(
                name="merchant_bar_end_is_whole",
                condition=models.Q(ended_at__isnull=True, ended_by__isnull=True) | models.Q(ended_at__isnull=False, ended_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.merchant)
