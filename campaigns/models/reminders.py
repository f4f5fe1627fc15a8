"""Credit reminders: a store's switch, its daily run, and each member's 30-day clock."""

from __future__ import annotations

from datetime import time
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.models import Store
from campaigns.choices import OPEN_RUN, RunStatus
from members.models import Member


class ReminderSetting(models.Model):
    """A store's one switch for the three credit cards, with the local time of day of the periodic ones."""

    scope_path = "store"

    store = models.OneToOneField(Store, models.PROTECT, related_name="reminder_setting", verbose_name=_("store"))
    enabled = models.BooleanField(_("reminders on"), default=False)
    send_time = models.TimeField(_("send time"), default=time(10, 0), help_text=_("Time of day, platform time, at which the day's reminders go out."))
    enabled_at = models.DateTimeField(_("on since"), null=True, blank=True, editable=False)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+", verbose_name=_("changed by")
    )
    updated_at = models.DateTimeField(_("changed"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("reminder setting")
        verbose_name_plural = _("reminder settings")
        indexes: ClassVar[list[Any]] = [models.Index(fields=["send_time"], condition=models.Q(enabled=True), name="reminder_setting_due")]

    def __str__(self) -> str:
        return str(self.store)


class ReminderRun(models.Model):
    """One local day's decision for one store; unique, so that late or twice is harmless.

    Members are decided in chunks in the order of their id: ``cursor`` is the last member decided, committed with the chunk, so that
    a killed run goes on where it stopped. The counts are what this run decided; what became of the messages is counted from them.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="reminder_runs", verbose_name=_("store"))
    local_day = models.DateField(_("local day"))
    status = models.CharField(_("status"), max_length=16, choices=RunStatus.choices, default=RunStatus.WAITING)
    scheduled_at = models.DateTimeField(_("scheduled"))
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    cursor = models.BigIntegerField(_("decided up to member"), default=0)
    due_count = models.PositiveIntegerField(_("due"), default=0)
    balance_count = models.PositiveIntegerField(_("balance reminders"), default=0)
    expiry_count = models.PositiveIntegerField(_("expiry reminders"), default=0)
    store_cap_count = models.PositiveIntegerField(_("held back: store cap"), default=0)
    platform_cap_count = models.PositiveIntegerField(_("held back: platform cap"), default=0)

    class Meta:
        verbose_name = _("reminder run")
        verbose_name_plural = _("reminder runs")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["store", "local_day"], name="reminder_run_once_a_day")]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["local_day", "store"], condition=models.Q(status__in=OPEN_RUN), name="reminder_run_open"),
            models.Index(fields=["store", "-local_day"], name="reminder_run_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.store} {self.local_day}"


class ReminderClock(models.Model):
    """The local day on which a member last got a periodic card (either kind). Written when a card was sent or may have been."""

    scope_path = "store"

    member = models.OneToOneField(Member, models.CASCADE, primary_key=True, related_name="reminder_clock", verbose_name=_("member"), db_constraint=False)
    store = models.ForeignKey(Store, models.PROTECT, related_name="+", verbose_name=_("store"), db_constraint=False, db_index=False)
    last_sent_on = models.DateField(_("last card"))

    class Meta:
        verbose_name = _("reminder clock")
        verbose_name_plural = _("reminder clocks")

    def __str__(self) -> str:
        return f"{self.member_id}: {self.last_sent_on}"
