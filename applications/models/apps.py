"""Apps of developers, what a developer has told about itself, and uploaded demo files."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from applications.choices import AppBuild, AppForm
from applications.models.catalogue import Category
from backoffice.kernel.api.models import ApiClient
from backoffice.kernel.tenancy.models import Developer, Merchant


class DeveloperProfile(models.Model):
    """What the review knows of a developer beyond its name: papers handed in once, and the merchant whose own team it is."""

    scope_path = "developer"

    developer = models.OneToOneField(Developer, models.PROTECT, related_name="profile", verbose_name=_("developer"))
    company_intro = models.TextField(_("company introduction"), blank=True, default="")
    past_cases = models.TextField(_("past cases"), blank=True, default="")
    bound_merchant = models.ForeignKey(
        Merchant, models.PROTECT, null=True, blank=True, related_name="own_developers", verbose_name=_("own team of the merchant")
    )

    class Meta:
        verbose_name = _("developer profile")
        verbose_name_plural = _("developer profiles")

    def __str__(self) -> str:
        return str(self.developer)


class App(models.Model):
    """A developer's app. ``code`` names it to gateways; ``api_client`` is how it calls the API.

    ``form``, ``build`` and ``category`` are what it is now; what was judged stands in the revisions.
    """

    scope_path = "developer"

    developer = models.ForeignKey(Developer, models.PROTECT, related_name="apps", verbose_name=_("developer"))
    code = models.CharField(_("app code"), max_length=64, unique=True)
    name = models.CharField(_("app name"), max_length=200)
    form = models.CharField(_("form"), max_length=16, choices=AppForm.choices)
    build = models.CharField(_("build"), max_length=16, choices=AppBuild.choices)
    category = models.ForeignKey(Category, models.PROTECT, related_name="apps", verbose_name=_("category"))
    api_client = models.OneToOneField(ApiClient, models.PROTECT, null=True, blank=True, related_name="app", verbose_name=_("API client"))
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("app")
        verbose_name_plural = _("apps")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(name="app_has_code_and_name", condition=~models.Q(code="") & ~models.Q(name="")),
            models.CheckConstraint(name="app_kind_known", condition=models.Q(form__in=AppForm.values, build__in=AppBuild.values)),
        ]

    def __str__(self) -> str:
        return self.name


class DemoFile(models.Model):
    """An uploaded demo. Never replaced: another upload is another row, so that a revision's demo stays what was judged."""

    scope_path = "developer"

    developer = models.ForeignKey(Developer, models.PROTECT, related_name="demo_files", verbose_name=_("developer"))
    file = models.FileField(_("file"), upload_to="demos/%Y/%m/")
    file_name = models.CharField(_("file name"), max_length=255)
    file_hash = models.CharField(_("SHA-256"), max_length=64)
    file_size = models.PositiveBigIntegerField(_("size in bytes"))
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("uploaded by"))
    uploaded_at = models.DateTimeField(_("uploaded"))

    class Meta:
        verbose_name = _("demo file")
        verbose_name_plural = _("demo files")

    def __str__(self) -> str:
        return self.file_name
