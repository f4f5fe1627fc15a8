"""A store's push account with the figures that its rights depend on, and how they are kept (ADR 0080)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.models import Store
from members.choices import PUSH_NUMBERS


class PushAccount(models.Model):
    """The push account of one store. A push opens ``broadcast_url``.

    ``fan_count`` and ``subscriber_count`` are totals. The figures of windows stand as of ``figures_on``; whoever decides by a figure asks
    ``selectors.fans.get_account_figures``, which also counts what was not folded in yet.
    """

    scope_path = "store"

    store = models.OneToOneField(Store, models.CASCADE, primary_key=True, related_name="push_account", verbose_name=_("store"))
    name = models.CharField(_("account name"), max_length=100, blank=True, default="")
    broadcast_url = models.CharField(_("broadcast page"), max_length=500, blank=True, default="")
    fan_count = models.IntegerField(_("fans"), default=0)
    subscriber_count = models.IntegerField(_("subscribers"), default=0)
    returning_fan_count = models.IntegerField(_("returning fans"), default=0)
    seen_fan_count = models.IntegerField(_("fans seen again"), default=0)
    post_count = models.IntegerField(_("posts"), default=0)
    figures_on = models.DateField(_("figures as of"), null=True)

    class Meta:
        verbose_name = _("push account")
        verbose_name_plural = _("push accounts")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(name="push_account_counts_fit", condition=models.Q(fan_count__gte=models.F("subscriber_count"), subscriber_count__gte=0)),
        ]

    def __str__(self) -> str:
        return self.name or str(self.store_id)


class PushAccountDay(models.Model):
    """Of one store and local day: fans whose second purchase day counted back it is, fans seen again last on it, posts published on it.

    The figure of a window is the sum over its days, so nothing has to be taken away when a day leaves the window.
    """

    scope_path = "store"

    pk = models.CompositePrimaryKey("store_id", "day")
    store = models.ForeignKey(Store, models.PROTECT, related_name="+", verbose_name=_("store"), db_constraint=False, db_index=False)
    day = models.DateField(_("local day"))
    returning_fan_count = models.IntegerField(_("returning fans"), default=0)
    seen_fan_count = models.IntegerField(_("fans seen again"), default=0)
    post_count = models.IntegerField(_("posts"), default=0)

    class Meta:
        verbose_name = _("day of a push account")
        verbose_name_plural = _("days of push accounts")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="push_account_day_counts_fit", condition=models.Q(returning_fan_count__gte=0, seen_fan_count__gte=0, post_count__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.store_id} {self.day}"


class PushAccountChange(models.Model):
    """By how much one statement changed the figures of a store (``day`` empty) or of one of its days: added only, folded in within seconds.

    Writers of one store never wait for each other, which they would if each changed the same row of figures.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="+", verbose_name=_("store"), db_constraint=False)
    day = models.DateField(_("local day"), null=True)
    fan_count = models.IntegerField(_("fans"), default=0)
    subscriber_count = models.IntegerField(_("subscribers"), default=0)
    returning_fan_count = models.IntegerField(_("returning fans"), default=0)
    seen_fan_count = models.IntegerField(_("fans seen again"), default=0)
    post_count = models.IntegerField(_("posts"), default=0)

    class Meta:
        verbose_name = _("change of a push account")
        verbose_name_plural = _("changes of push accounts")

    def __str__(self) -> str:
        return f"{self.store_id} {self.day}"


class PushAccountSnapshot(models.Model):
    """A store's figures at the end of a local day, for the trend. A day on which nothing ran has none."""

    scope_path = "store"

    pk = models.CompositePrimaryKey("store_id", "day")
    store = models.ForeignKey(Store, models.CASCADE, related_name="+", verbose_name=_("store"), db_constraint=False, db_index=False)
    day = models.DateField(_("local day"))
    fan_count = models.IntegerField(_("fans"))
    subscriber_count = models.IntegerField(_("subscribers"))
    returning_fan_count = models.IntegerField(_("returning fans"))
    seen_fan_count = models.IntegerField(_("fans seen again"))
    post_count = models.IntegerField(_("posts"))

    class Meta:
        verbose_name = _("day's end of a push account")
        verbose_name_plural = _("days' ends of push accounts")

    def __str__(self) -> str:
        return f"{self.store_id} {self.day}"


class PushNumber(models.Model):
    """One number of pushes (a window, a mark) that staff changed; without a row the default of ``choices.PUSH_NUMBERS`` holds."""

    code = models.CharField(_("code"), max_length=32, unique=True, choices=[(code, number.meaning) for code, number in PUSH_NUMBERS.items()])
    value = models.PositiveIntegerField(_("value"))
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("changed by"))
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("number of pushes")
        verbose_name_plural = _("numbers of pushes")

    def __str__(self) -> str:
        return f"{self.get_code_display()}: {self.value}"
