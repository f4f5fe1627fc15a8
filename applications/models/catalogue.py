"""Rows and columns of the opening table."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class NamedInTwoLanguages(models.Model):
    """Something that staff name: in Chinese always, in English if they like."""

    code = models.CharField(_("code"), max_length=64, unique=True)
    name = models.CharField(_("Chinese name"), max_length=100)
    name_en = models.CharField(_("English name"), max_length=100, blank=True, default="")
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.names["en" if (get_language() or "").startswith("en") else "zh-hans"]

    @property
    def names(self) -> dict[str, str]:
        """The name by language, as stored figures keep it."""
        return {"zh-hans": self.name, "en": self.name_en or self.name}


class Category(NamedInTwoLanguages):
    """A category of apps (类目): a row of the opening table."""

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        constraints: ClassVar[list[Any]] = [models.CheckConstraint(name="category_has_code_and_name", condition=~models.Q(code="") & ~models.Q(name=""))]


class Capability(NamedInTwoLanguages):
    """Something an app may be allowed to do: a column of the opening table. ``code`` is the OAuth scope of the HTTP API."""

    description = models.TextField(_("what it opens"), blank=True, default="")
    is_high_risk = models.BooleanField(_("high risk"), default=False, help_text=_("Granting it needs a second person."))

    class Meta:
        verbose_name = _("capability")
        verbose_name_plural = _("capabilities")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(name="capability_code_is_a_scope", condition=models.Q(code__regex=r"^[a-z][a-z0-9._-]*$")),
            models.CheckConstraint(name="capability_has_a_name", condition=~models.Q(name="")),
        ]
