"""Complaints about promises, the sanction that a proven one brings, and the appeal against it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.models import Merchant, MerchantBar, Store
from members.models import Member
from members.paid.choices import OPEN_COMPLAINTS, AppealStatus, ComplaintStatus, SanctionStatus
from members.paid.models.memberships import BenefitIssue
from members.paid.models.packs import Benefit
from members.paid.models.programs import PaidProgram


class Complaint(models.Model):
    """A member says that a promise of a program was not kept. ``reply_by``: until when the merchant may answer, once it is taken up."""

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="complaints", verbose_name=_("store"), db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="complaints", verbose_name=_("member"))
    program = models.ForeignKey(PaidProgram, models.PROTECT, related_name="complaints", verbose_name=_("paid program"))
    benefit = models.ForeignKey(Benefit, models.PROTECT, null=True, blank=True, related_name="complaints", verbose_name=_("benefit"))
    issue = models.ForeignKey(BenefitIssue, models.PROTECT, null=True, blank=True, related_name="complaints", verbose_name=_("benefit issue"))
    text = models.TextField(_("what was promised and not kept"))
    evidence = models.TextField(_("evidence"), blank=True, default="")
    status = models.CharField(_("status"), max_length=16, choices=ComplaintStatus.choices, default=ComplaintStatus.FILED)
    filed_at = models.DateTimeField(_("filed"))
    filed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("filed by"))
    accepted_at = models.DateTimeField(_("taken up"), null=True, blank=True)
    reply_by = models.DateTimeField(_("reply until"), null=True, blank=True)
    reply = models.TextField(_("merchant's reply"), blank=True, default="")
    replied_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("replied by"))
    replied_at = models.DateTimeField(_("replied"), null=True, blank=True)
    verdict = models.TextField(_("verdict"), blank=True, default="")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by"))
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        verbose_name = _("complaint")
        verbose_name_plural = _("complaints")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="complaint_ruling_is_whole",
                condition=models.Q(status__in=OPEN_COMPLAINTS, decided_at__isnull=True)
                | (~models.Q(status__in=OPEN_COMPLAINTS) & models.Q(decided_at__isnull=False, decided_by__isnull=False) & ~models.Q(verdict="")),
            ),
            models.CheckConstraint(
                name="complaint_taken_up_has_deadline",
                condition=models.Q(status__in=["FILED", "DISMISSED"]) | models.Q(accepted_at__isnull=False, reply_by__isnull=False),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["store", "-id"], name="complaint_newest_of_store"),
            models.Index(fields=["status", "reply_by"], condition=models.Q(status__in=OPEN_COMPLAINTS), name="complaint_open"),
        ]

    def __str__(self) -> str:
        return f"{self.program} · {self.pk}"


class Sanction(models.Model):
    """A merchant lost paid membership by a proven complaint: every program of all its stores revoked, the merchant barred. One per complaint.

    ``effects`` are the figures shown before and kept: programs, holders, stores.
    """

    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="sanctions", verbose_name=_("merchant"))
    complaint = models.OneToOneField(Complaint, models.PROTECT, related_name="sanction", verbose_name=_("complaint"))
    bar = models.OneToOneField(MerchantBar, models.PROTECT, related_name="+", verbose_name=_("bar"))
    status = models.CharField(_("status"), max_length=8, choices=SanctionStatus.choices, default=SanctionStatus.IN_FORCE)
    reason = models.TextField(_("reason"))
    effects = models.JSONField(_("effects"), default=dict)
    imposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("imposed by"))
    imposed_at = models.DateTimeField(_("imposed"))
    appeal_until = models.DateTimeField(_("may be appealed until"))
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True)

    class Meta:
        verbose_name = _("sanction")
        verbose_name_plural = _("sanctions")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["merchant"], condition=models.Q(status=SanctionStatus.IN_FORCE), name="sanction_one_in_force"),
            models.CheckConstraint(
                name="sanction_lifted_has_time",
                condition=models.Q(status="IN_FORCE", lifted_at__isnull=True) | models.Q(status="LIFTED", lifted_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.merchant} · {self.imposed_at:%Y-%m-%d}"


class SanctionAppeal(models.Model):
    """A merchant asks for a second look at a sanction; somebody other than who imposed it decides. One open per sanction."""

    sanction = models.ForeignKey(Sanction, models.PROTECT, related_name="appeals", verbose_name=_("sanction"))
    text = models.TextField(_("grounds"))
    status = models.CharField(_("status"), max_length=8, choices=AppealStatus.choices, default=AppealStatus.OPEN)
    filed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("filed by"))
    filed_at = models.DateTimeField(_("filed"))
    imposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("imposed by"), help_text=_("Of the sanction."))
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by"))
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    reason = models.TextField(_("reason"), blank=True, default="")

    class Meta:
        verbose_name = _("appeal against a sanction")
        verbose_name_plural = _("appeals against sanctions")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["sanction"], condition=models.Q(status=AppealStatus.OPEN), name="sanction_appeal_one_open"),
            models.CheckConstraint(
                name="sanction_appeal_by_somebody_else", condition=models.Q(decided_by__isnull=True) | ~models.Q(decided_by=models.F("imposed_by"))
            ),
            models.CheckConstraint(
                name="sanction_appeal_ruling_is_whole",
                condition=models.Q(status="OPEN", decided_at__isnull=True)
                | (~models.Q(status="OPEN") & models.Q(decided_at__isnull=False, decided_by__isnull=False) & ~models.Q(reason="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sanction} · {self.filed_at:%Y-%m-%d}"
