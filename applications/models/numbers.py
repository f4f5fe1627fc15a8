"""Business numbers and the working calendar: data that staff edit."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from applications.choices import NUMBERS


class RuleNumber(models.Model):
    """One business number that somebody changed; without a row the default of ``choices.NUMBERS`` holds."""

    code = models.CharField(_("code"), max_length=32, unique=True, choices=[(code, number.meaning) for code, number in NUMBERS.items()])
    value = models.PositiveIntegerField(_("value"))
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("changed by"))
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("business number")
        verbose_name_plural = _("business numbers")

    def __str__(self) -> str:
        return f"{self.get_code_display()}: {self.value}"


class CalendarDay(models.Model):
    """A local day that is not what its weekday says: a public holiday, or a weekend day that is worked to make up for one.

    Without a row Monday to Friday are worked. ``is_confirmed`` is False while the State Council has not announced the year.
    """

    day = models.DateField(_("day"), unique=True)
    is_working = models.BooleanField(_("working day"))
    name = models.CharField(_("name"), max_length=64)
    is_confirmed = models.BooleanField(_("announced"), default=True)

    class Meta:
        verbose_name = _("calendar day")
        verbose_name_plural = _("calendar days")
        constraints: ClassVar[list[Any]] = [models.CheckConstraint(name="calendar_day_has_a_name", condition=~models.Q(name=""))]

    def __str__(self) -> str:
        return f"{self.day} {self.name}"
