"""Benefit packs in versions, the benefits in them, their pictures, and the order in which they are shown."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.money import MoneyField
from backoffice.kernel.tenancy.models import Store
from members.paid.choices import OPEN_REVIEWS, BenefitKind, IssueExpiry, ReviewStatus, Schedule, TermUnit
from members.paid.models.programs import PaidProgram


class Reviewed(models.Model):
    """A version of something of a program that member operations rules on. What was approved never changes: the next version does."""

    version = models.PositiveSmallIntegerField(_("version"), default=1)
    status = models.CharField(_("status"), max_length=20, choices=ReviewStatus.choices, default=ReviewStatus.DRAFT)
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("submitted by"))
    submitted_at = models.DateTimeField(_("submitted"), null=True, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by"))
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=1000, blank=True, default="")
    created_at = models.DateTimeField(_("created"))

    class Meta:
        abstract = True


def _reviewed_constraints(name: str) -> list[Any]:
    return [
        models.UniqueConstraint(fields=["program", "version"], name=f"{name}_version_once"),
        models.UniqueConstraint(fields=["program"], condition=models.Q(status__in=OPEN_REVIEWS), name=f"{name}_one_open_version"),
        models.CheckConstraint(name=f"{name}_in_review_was_submitted", condition=~models.Q(status="IN_REVIEW") | models.Q(submitted_at__isnull=False)),
        models.CheckConstraint(
            name=f"{name}_ruling_has_a_name",
            condition=~models.Q(status__in=["APPROVED", "REJECTED", "CHANGES_REQUESTED"]) | models.Q(decided_by__isnull=False, decided_at__isnull=False),
        ),
        models.CheckConstraint(name=f"{name}_no_has_a_reason", condition=~models.Q(status__in=["REJECTED", "CHANGES_REQUESTED"]) | ~models.Q(reason="")),
    ]


class BenefitPack(Reviewed):
    """One version of what a program gives and costs: card fee, term and benefits, reviewed together. What a member bought is what they keep.

    ``difference`` is the merchant's answer to how the pack differs from what ordinary members get.
    """

    scope_path = "program__store"

    program = models.ForeignKey(PaidProgram, models.PROTECT, related_name="packs", verbose_name=_("paid program"), db_index=False)
    card_fee = MoneyField(_("card fee"))
    term_unit = models.CharField(_("term"), max_length=8, choices=TermUnit.choices, default=TermUnit.YEAR)
    term_days = models.PositiveSmallIntegerField(_("days of the term"), null=True, blank=True, validators=[MinValueValidator(1)])
    difference = models.TextField(_("what ordinary members do not get"), blank=True, default="")

    class Meta:
        verbose_name = _("benefit pack")
        verbose_name_plural = _("benefit packs")
        constraints: ClassVar[list[Any]] = [
            *_reviewed_constraints("pack"),
            models.CheckConstraint(name="pack_fee_not_negative", condition=models.Q(card_fee__gte=0)),
            models.CheckConstraint(
                name="pack_term_is_whole",
                condition=models.Q(term_unit=TermUnit.DAYS, term_days__gte=1, term_days__lte=3650)
                | (~models.Q(term_unit=TermUnit.DAYS) & models.Q(term_days__isnull=True)),
            ),
        ]
        triggers: ClassVar[list[Any]] = [
            pgtrigger.Trigger(
                name="submitted_stays",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(
                    old__status__in=[ReviewStatus.IN_REVIEW, ReviewStatus.APPROVED, ReviewStatus.REJECTED, ReviewStatus.WITHDRAWN],
                )
                & (
                    pgtrigger.Q(old__card_fee__df=pgtrigger.F("new__card_fee"))
                    | pgtrigger.Q(old__term_unit__df=pgtrigger.F("new__term_unit"))
                    | pgtrigger.Q(old__term_days__df=pgtrigger.F("new__term_days"))
                ),
                func="RAISE EXCEPTION 'a pack that was submitted does not change';",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.program} v{self.version}"


class Benefit(models.Model):
    """One benefit of one pack version. ``key`` stays the same from version to version: the same promise, perhaps with other figures.

    ``settings`` holds the kind's own fields as its typed form cleaned them (``members.paid.benefits``). ``value_amount`` is what one issue is worth
    to the member (taken off a refund once used), ``cost_amount`` what it costs the merchant. ``disabled_at``: no longer shown or sold; who bought
    before keeps it.
    """

    scope_path = "pack__program__store"

    pack = models.ForeignKey(BenefitPack, models.PROTECT, related_name="benefits", verbose_name=_("benefit pack"), db_index=False)
    key = models.CharField(_("key"), max_length=32)
    kind = models.CharField(_("kind"), max_length=16, choices=BenefitKind.choices)
    title = models.CharField(_("title"), max_length=60)
    description = models.CharField(_("description"), max_length=300, blank=True, default="")
    settings = models.JSONField(_("settings"), default=dict, blank=True)
    schedule = models.CharField(_("issued"), max_length=16, choices=Schedule.choices)
    every_days = models.PositiveSmallIntegerField(_("every so many days"), null=True, blank=True)
    on_date = models.DateField(_("on the date"), null=True, blank=True)
    expiry = models.CharField(_("expires"), max_length=16, choices=IssueExpiry.choices, default=IssueExpiry.WITH_TERM)
    expiry_days = models.PositiveSmallIntegerField(_("days after issue"), null=True, blank=True)
    deadline_days = models.PositiveSmallIntegerField(_("days to keep the promise"), null=True, blank=True)
    code_pool = models.CharField(_("coupon codes"), max_length=64, blank=True, default="", help_text=_("Name of the imported list; empty: no codes."))
    value_amount = MoneyField(_("worth to the member"), default=0)
    cost_amount = MoneyField(_("cost to the store"), default=0)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    disabled_at = models.DateTimeField(_("switched off"), null=True, blank=True)

    class Meta:
        verbose_name = _("benefit")
        verbose_name_plural = _("benefits")
        ordering: ClassVar[list[str]] = ["position", "pk"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["pack", "key"], name="benefit_key_once_a_pack"),
            models.CheckConstraint(
                name="benefit_schedule_is_whole",
                condition=models.Q(schedule=Schedule.EVERY_N_DAYS, every_days__gte=1, on_date__isnull=True)
                | models.Q(schedule=Schedule.ON_DATE, on_date__isnull=False, every_days__isnull=True)
                | models.Q(schedule__in=[Schedule.AT_ONCE, Schedule.MONTHLY], every_days__isnull=True, on_date__isnull=True),
            ),
            models.CheckConstraint(
                name="benefit_expiry_is_whole",
                condition=models.Q(expiry=IssueExpiry.DAYS, expiry_days__gte=1) | models.Q(expiry=IssueExpiry.WITH_TERM, expiry_days__isnull=True),
            ),
            models.CheckConstraint(name="benefit_amounts_not_negative", condition=models.Q(value_amount__gte=0, cost_amount__gte=0)),
        ]
        triggers: ClassVar[list[Any]] = [
            # What a member bought is what they keep: benefits change only while their pack version is being drafted. Switching off is no change.
            pgtrigger.Trigger(
                name="submitted_stays",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'disabled_at' = to_jsonb(OLD) - 'disabled_at' THEN
                        RETURN NEW;
                    END IF;
                    IF (SELECT p.status FROM paid_benefitpack p WHERE p.id = CASE TG_OP WHEN 'DELETE' THEN OLD.pack_id ELSE NEW.pack_id END)
                        NOT IN ('DRAFT', 'CHANGES_REQUESTED') THEN
                        RAISE EXCEPTION 'a benefit of a pack that was submitted does not change';
                    END IF;
                    IF TG_OP = 'DELETE' THEN
                        RETURN OLD;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.title


class PackReach(models.Model):
    """Which benefits reach those who bought ``pack``: its own (``from_on`` empty), and additions of later versions from the day of their approval.

    Written at approval, so that the issue engine needs one join. An edited benefit of a later version never reaches older holders.
    """

    scope_path = "pack__program__store"

    pack = models.ForeignKey(BenefitPack, models.PROTECT, related_name="reach", verbose_name=_("benefit pack"), db_index=False)
    benefit = models.ForeignKey(Benefit, models.PROTECT, related_name="reach", verbose_name=_("benefit"))
    from_on = models.DateField(_("from"), null=True, blank=True)

    class Meta:
        verbose_name = _("benefit of a pack's holders")
        verbose_name_plural = _("benefits of packs' holders")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["pack", "benefit"], name="pack_reaches_benefit_once")]

    def __str__(self) -> str:
        return f"{self.pack_id} {self.benefit_id}"


class Picture(models.Model):
    """A picture of a store's custom benefits, as we encoded it anew: what a merchant uploads is never served as it came."""

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="benefit_pictures", verbose_name=_("store"))
    file = models.FileField(_("file"), upload_to="benefit-pictures/", max_length=200)
    sha256 = models.CharField(max_length=64)
    width = models.PositiveSmallIntegerField(_("width"))
    height = models.PositiveSmallIntegerField(_("height"))
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("uploaded by"))
    uploaded_at = models.DateTimeField(_("uploaded"))

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["store", "sha256"], name="picture_once_a_store")]

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"


class BenefitPicture(models.Model):
    """A picture shown with a benefit, in order."""

    scope_path = "benefit__pack__program__store"

    benefit = models.ForeignKey(Benefit, models.CASCADE, related_name="pictures", verbose_name=_("benefit"), db_index=False)
    picture = models.ForeignKey(Picture, models.PROTECT, related_name="+", verbose_name=_("picture"))
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("picture of a benefit")
        verbose_name_plural = _("pictures of benefits")
        ordering: ClassVar[list[str]] = ["position", "pk"]
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["benefit", "picture"], name="benefit_picture_once")]

    def __str__(self) -> str:
        return f"{self.benefit_id} {self.picture_id}"


class Decoration(Reviewed):
    """One version of the paid-member page: ``modules`` is the list of benefit keys in the order of their modules.

    Benefits of the pack that are not listed follow in their own order. The first three that are shown are what the entry points show.
    """

    scope_path = "program__store"

    program = models.ForeignKey(PaidProgram, models.PROTECT, related_name="decorations", verbose_name=_("paid program"), db_index=False)
    modules = models.JSONField(_("modules in order"), default=list)

    class Meta:
        verbose_name = _("decoration")
        verbose_name_plural = _("decorations")
        constraints: ClassVar[list[Any]] = [*_reviewed_constraints("decoration")]

    def __str__(self) -> str:
        return f"{self.program} v{self.version}"
