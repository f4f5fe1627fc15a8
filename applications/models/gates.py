"""What the gates said: one run per submission, one row per gate and finding."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from applications.choices import GateOutcome, RunOutcome
from applications.models.cases import Application, Revision
from applications.models.policies import PolicyVersion
from backoffice.kernel.tenancy.models import Developer


class GateRun(models.Model):
    """The gates over one submission. A stopped one leaves no revision; it counts among the developer's stops of the last 30 days."""

    scope_path = "developer"

    case = models.ForeignKey(Application, models.PROTECT, related_name="gate_runs", verbose_name=_("application"))
    developer = models.ForeignKey(Developer, models.PROTECT, related_name="+", verbose_name=_("developer"), db_index=False)
    revision = models.ForeignKey(Revision, models.PROTECT, null=True, related_name="gate_runs", verbose_name=_("revision"))
    policy = models.ForeignKey(PolicyVersion, models.PROTECT, null=True, related_name="+", verbose_name=_("opening table"))
    outcome = models.CharField(_("outcome"), max_length=16, choices=RunOutcome.choices)
    content_hash = models.CharField(_("content hash"), max_length=64)
    run_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("submitted by"))
    run_at = models.DateTimeField(_("run"))

    class Meta:
        verbose_name = _("gate run")
        verbose_name_plural = _("gate runs")
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["developer", "run_at"], condition=models.Q(outcome=RunOutcome.STOPPED), name="gate_run_stops"),
        ]
        triggers: ClassVar[list[Any]] = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} {self.run_at:%Y-%m-%d}"


class GateResult(models.Model):
    """What one gate found. ``code`` and ``params`` give fact and fix in the reader's language (``gates/base.py``); a passed gate has one row without."""

    scope_path = "run__developer"

    run = models.ForeignKey(GateRun, models.PROTECT, related_name="results", verbose_name=_("gate run"), db_index=False)
    seq = models.PositiveSmallIntegerField(_("number"))
    gate = models.CharField(_("gate"), max_length=8)
    outcome = models.CharField(_("outcome"), max_length=16, choices=GateOutcome.choices)
    code = models.CharField(_("finding"), max_length=64, blank=True, default="")
    params = models.JSONField(_("figures"), default=dict)

    class Meta:
        verbose_name = _("gate result")
        verbose_name_plural = _("gate results")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["run", "seq"], name="gate_result_once"),
            models.CheckConstraint(name="gate_result_failed_says_why", condition=~models.Q(outcome=GateOutcome.FAIL) | ~models.Q(code="")),
        ]
        triggers: ClassVar[list[Any]] = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.gate} {self.code}"
