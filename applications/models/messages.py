"""Words between platform and applicant."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from applications.choices import MessageSide
from applications.models.cases import Application
from applications.models.decisions import Decision


class ApplicantMessage(models.Model):
    """A word between platform and applicant. ``written_by`` is for staff; the applicant sees only the side.

    Said with a ruling (``decision``) it is seen when the ruling takes effect; ``visible_at`` is empty until then.
    """

    scope_path = "case__developer"

    case = models.ForeignKey(Application, models.PROTECT, related_name="applicant_messages", verbose_name=_("application"))
    side = models.CharField(_("from"), max_length=16, choices=MessageSide.choices)
    text = models.TextField(_("text"))
    decision = models.ForeignKey(Decision, models.PROTECT, null=True, blank=True, related_name="messages", verbose_name=_("decision"))
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("written by"))
    written_at = models.DateTimeField(_("written"))
    visible_at = models.DateTimeField(_("visible from"), null=True, blank=True)

    class Meta:
        verbose_name = _("message to or from the applicant")
        verbose_name_plural = _("messages to and from applicants")
        constraints: ClassVar[list[Any]] = [models.CheckConstraint(name="applicant_message_says_something", condition=~models.Q(text=""))]

    def __str__(self) -> str:
        return f"#{self.pk}"
