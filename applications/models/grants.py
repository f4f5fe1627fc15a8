"""What follows from an approval: grants, their use by stores, and what makes them be looked at again."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from applications.choices import LIVE_GRANTS, AppBuild, EnablementStatus, GrantStatus, ReReviewCause, ReReviewStatus
from applications.models.apps import App
from applications.models.catalogue import Capability
from applications.models.decisions import Decision
from backoffice.kernel.tenancy.models import Merchant, Store


class Grant(models.Model):
    """A capability opened to an app: for the stores of ``merchant`` (custom build), or for any store that fits a template app (``merchant`` empty).

    ``revocation_proposed_by`` waits for a second person; the database refuses the same one. ``expires_at`` is when it must be certified again.
    """

    scope_path = "app__developer"

    app = models.ForeignKey(App, models.PROTECT, related_name="grants", verbose_name=_("app"), db_index=False)
    capability = models.ForeignKey(Capability, models.PROTECT, related_name="grants", verbose_name=_("capability"))
    build = models.CharField(_("build"), max_length=16, choices=AppBuild.choices)
    merchant = models.ForeignKey(Merchant, models.PROTECT, null=True, blank=True, related_name="app_grants", verbose_name=_("merchant"))
    audience = models.JSONField(_("main merchants"), default=dict)
    status = models.CharField(_("status"), max_length=16, choices=GrantStatus.choices, default=GrantStatus.ACTIVE)
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="grants", verbose_name=_("decision"))
    granted_at = models.DateTimeField(_("granted"))
    expires_at = models.DateTimeField(_("expires"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    status_reason = models.CharField(_("reason"), max_length=500, blank=True, default="")
    revocation_reason = models.CharField(_("reason for revoking"), max_length=500, blank=True, default="")
    revocation_proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("revocation proposed by")
    )
    revocation_proposed_at = models.DateTimeField(_("revocation proposed"), null=True, blank=True)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("revoked by"))

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["app", "capability", "merchant"], condition=models.Q(status__in=LIVE_GRANTS), name="grant_one_live", nulls_distinct=False
            ),
            models.CheckConstraint(
                name="grant_audience_fits_build",
                condition=models.Q(build=AppBuild.CUSTOM, merchant__isnull=False) | models.Q(build=AppBuild.TEMPLATE, merchant__isnull=True),
            ),
            models.CheckConstraint(name="grant_expires_after_granting", condition=models.Q(expires_at__gt=models.F("granted_at"))),
            models.CheckConstraint(
                name="grant_ended_has_time",
                condition=models.Q(status__in=LIVE_GRANTS, ended_at__isnull=True) | (~models.Q(status__in=LIVE_GRANTS) & models.Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="grant_revoked_by_a_second_person",
                condition=models.Q(revoked_by__isnull=True)
                | (models.Q(revocation_proposed_by__isnull=False) & ~models.Q(revoked_by=models.F("revocation_proposed_by"))),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["app", "capability"], name="grant_of_app"),
            models.Index(fields=["expires_at"], condition=models.Q(status__in=LIVE_GRANTS), name="grant_to_expire"),
        ]

    def __str__(self) -> str:
        return f"{self.app} · {self.capability}"


class StoreEnablement(models.Model):
    """Whether one store uses one app. ``tier_fell_on`` is the day on which the merchant's tier stopped allowing it; after the grace it pauses."""

    scope_path = "store"

    app = models.ForeignKey(App, models.PROTECT, related_name="enablements", verbose_name=_("app"), db_index=False)
    store = models.ForeignKey(Store, models.PROTECT, related_name="app_enablements", verbose_name=_("store"))
    status = models.CharField(_("status"), max_length=16, choices=EnablementStatus.choices, default=EnablementStatus.ON)
    tier_fell_on = models.DateField(_("tier fell"), null=True, blank=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("changed by"))
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("app in a store")
        verbose_name_plural = _("apps in stores")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["app", "store"], name="store_enablement_once"),
            models.CheckConstraint(
                name="store_enablement_paused_has_a_day", condition=~models.Q(status=EnablementStatus.PAUSED) | models.Q(tier_fell_on__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.app} · {self.store}"


class ReReview(models.Model):
    """A grant that has to be looked at again, and why. One open row per grant and cause."""

    scope_path = "grant__app__developer"

    grant = models.ForeignKey(Grant, models.PROTECT, related_name="re_reviews", verbose_name=_("grant"))
    cause = models.CharField(_("cause"), max_length=16, choices=ReReviewCause.choices)
    status = models.CharField(_("status"), max_length=16, choices=ReReviewStatus.choices, default=ReReviewStatus.OPEN)
    facts = models.JSONField(_("facts"), default=dict)
    opened_at = models.DateTimeField(_("opened"))
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("closed by"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("re-review")
        verbose_name_plural = _("re-reviews")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["grant", "cause"], condition=models.Q(status=ReReviewStatus.OPEN), name="re_review_one_open_per_cause"),
            models.CheckConstraint(
                name="re_review_closed_has_time",
                condition=models.Q(status=ReReviewStatus.OPEN, closed_at__isnull=True)
                | (~models.Q(status=ReReviewStatus.OPEN) & models.Q(closed_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.grant}: {self.get_cause_display()}"
