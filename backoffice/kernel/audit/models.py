"""What people and the system did."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.verbs import verb_label
from backoffice.kernel.tenancy.models import Store


class AuditEvent(models.Model):
    """One act, written in the transaction of the act. Append-only: the database refuses to change or delete it. No personal data in ``facts``."""

    scope_path = "store"

    verb = models.CharField(_("event"), max_length=64)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("by"))
    store = models.ForeignKey(Store, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("store"))
    target_type = models.CharField(_("kind of row"), max_length=64)
    target_id = models.BigIntegerField(_("row"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    happened_at = models.DateTimeField(_("happened"))
    recorded_at = models.DateTimeField(_("recorded"), db_default=Now())

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["target_type", "target_id", "-id"], name="audit_by_target"),
            models.Index(fields=["store", "-id"], name="audit_by_store"),
        ]
        triggers: ClassVar[list[Any]] = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return str(verb_label(self.verb))
