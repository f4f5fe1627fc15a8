"""Lifecycle scenarios: a store's settings of each, and their daily runs."""

from __future__ import annotations

from datetime import time
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.models import Store
from campaigns.choices import HOLDOUT_PERCENT, LIFECYCLE, OPEN_RUN, RunStatus, ScenarioCode

DEFAULT_SEND_TIME = time(10, 0)
MOST_DAYS = 1_000
LIFECYCLE_CHOICES = [(code, ScenarioCode(code).label) for code in LIFECYCLE]


class LifecycleSetting(models.Model):
    """What a store set for one lifecycle scenario. No row: off. Its frequency rule and quiet hours are the store's ``FrequencyRule`` of that scenario."""

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="lifecycle_settings", verbose_name=_("store"), db_index=False)
    scenario = models.CharField(_("scenario"), max_length=32, choices=LIFECYCLE_CHOICES)
    enabled = models.BooleanField(_("switched on"), default=False)
    enabled_at = models.DateTimeField(_("on since"), null=True, blank=True, editable=False)
    send_time = models.TimeField(_("send time"), default=DEFAULT_SEND_TIME, help_text=_("Time of day, platform time, at which the day's messages go out."))
    days = models.PositiveSmallIntegerField(_("days until it is due"), validators=[MinValueValidator(1), MaxValueValidator(MOST_DAYS)])
    holdout_percent = models.PositiveSmallIntegerField(
        _("hold-out share in %"),
        default=HOLDOUT_PERCENT,
        validators=[MaxValueValidator(50)],
        help_text=_("So many of a hundred people get no message, always the same ones. What they buy shows what the messages bring."),
    )
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+", verbose_name=_("changed by")
    )
    updated_at = models.DateTimeField(_("changed"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("lifecycle message of a store")
        verbose_name_plural = _("lifecycle messages")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["store", "scenario"], name="lifecycle_setting_once"),
            models.CheckConstraint(name="lifecycle_setting_scenario", condition=models.Q(scenario__in=LIFECYCLE)),
            models.CheckConstraint(name="lifecycle_setting_numbers", condition=models.Q(days__gte=1, days__lte=MOST_DAYS, holdout_percent__lte=50)),
        ]

    def __str__(self) -> str:
        return f"{self.store} · {self.get_scenario_display()}"


class LifecycleRun(models.Model):
    """One local day's decision of one scenario of a store; unique, so that late or twice is harmless.

    ``cursor`` is the last member decided, committed with the chunk. The counts are what was decided; ``held_back`` counts them by reason.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="lifecycle_runs", verbose_name=_("store"), db_index=False)
    scenario = models.CharField(_("scenario"), max_length=32, choices=LIFECYCLE_CHOICES)
    local_day = models.DateField(_("local day"))
    status = models.CharField(_("status"), max_length=16, choices=RunStatus.choices, default=RunStatus.WAITING)
    scheduled_at = models.DateTimeField(_("scheduled"))
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    cursor = models.BigIntegerField(_("decided up to member"), default=0)
    due_count = models.PositiveIntegerField(_("due"), default=0)
    held_out_count = models.PositiveIntegerField(_("held out"), default=0)
    held_back = models.JSONField(_("held back"), default=dict)

    class Meta:
        verbose_name = _("run of lifecycle messages")
        verbose_name_plural = _("runs of lifecycle messages")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["store", "scenario", "local_day"], name="lifecycle_run_once_a_day")]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["local_day", "store"], condition=models.Q(status__in=OPEN_RUN), name="lifecycle_run_open"),
            models.Index(fields=["store", "local_day"], name="lifecycle_run_day"),
        ]

    def __str__(self) -> str:
        return f"{self.store} {self.scenario} {self.local_day}"
