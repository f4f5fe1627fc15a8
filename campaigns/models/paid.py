"""Reminders about paid membership: a store's switches, and its daily run."""

from __future__ import annotations

from datetime import time
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.models import Store
from campaigns.choices import OPEN_RUN, RunStatus

DEFAULT_SEND_TIME = time(10, 0)


class PaidReminderSetting(models.Model):
    """A store's switches for the two reminders about paid membership, with their local time of day. No row: both off, at 10:00.

    The notice of an automatic renewal has no switch: it goes at this time to everybody who agreed to renew (ADR 0075).
    """

    scope_path = "store"

    store = models.OneToOneField(Store, models.PROTECT, related_name="paid_reminder_setting", verbose_name=_("store"))
    ending_on = models.BooleanField(_("end of the term"), default=False, help_text=_("Tells members some days before their paid term ends."))
    benefits_on = models.BooleanField(_("unused benefits"), default=False, help_text=_("Tells members some days before gifts and coupons lapse unused."))
    send_time = models.TimeField(_("send time"), default=DEFAULT_SEND_TIME, help_text=_("Time of day, platform time, at which the day's reminders go out."))
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+", verbose_name=_("changed by")
    )
    updated_at = models.DateTimeField(_("changed"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("paid membership reminders of a store")
        verbose_name_plural = _("paid membership reminders")

    def __str__(self) -> str:
        return str(self.store)


class PaidReminderRun(models.Model):
    """One local day's decision of a store's cards about paid membership; unique, so that late or twice is harmless.

    There is no cursor: a card that was decided is a message of that day, and the next chunk passes it over.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="paid_reminder_runs", verbose_name=_("store"), db_index=False)
    local_day = models.DateField(_("local day"))
    status = models.CharField(_("status"), max_length=16, choices=RunStatus.choices, default=RunStatus.WAITING)
    scheduled_at = models.DateTimeField(_("scheduled"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    due_count = models.PositiveIntegerField(_("due"), default=0)
    held_back_count = models.PositiveIntegerField(_("held back"), default=0)

    class Meta:
        verbose_name = _("run of paid membership reminders")
        verbose_name_plural = _("runs of paid membership reminders")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["store", "local_day"], name="paid_reminder_run_once_a_day")]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["local_day", "store"], condition=models.Q(status__in=OPEN_RUN), name="paid_reminder_run_open"),
        ]

    def __str__(self) -> str:
        return f"{self.store} {self.local_day}"
