"""What the composition root itself remembers: beat's heartbeat, and the schedule as it was last written by a release."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class BeatHeartbeat(models.Model):
    """The one row in which the beat that holds the lock says that it is alive. Read by the readiness page."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    holder = models.CharField(_("host and process"), max_length=200)
    beat_at = models.DateTimeField(_("last sign of life"))

    class Meta:
        verbose_name = _("beat heartbeat")
        verbose_name_plural = _("beat heartbeats")
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="beat_heartbeat_one_row")]

    def __str__(self) -> str:
        return self.holder


class ScheduleRecord(models.Model):
    """What a release wrote into one periodic task. A task that no longer says this was edited by an operator and is left alone."""

    name = models.CharField(_("name"), max_length=200, primary_key=True)
    written = models.JSONField(_("as written"))

    class Meta:
        verbose_name = _("schedule record")
        verbose_name_plural = _("schedule records")

    def __str__(self) -> str:
        return self.name
