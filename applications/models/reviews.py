"""A reviewer at work: claim, verdicts, reasons and inner notes."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from applications.choices import ITEMS_PER_CAPABILITY, Item, Verdict
from applications.models.cases import Application, Revision
from applications.models.catalogue import Capability


class Claim(models.Model):
    """A reviewer's turn at a case. ``token`` grows with every claim of the case: who comes with an older one is refused. Kept when it ended.

    The lease lies in business time, like the rest of the review (ADR 0060).
    """

    case = models.ForeignKey(Application, models.PROTECT, related_name="claims", verbose_name=_("application"), db_index=False)
    token = models.PositiveIntegerField(_("fencing token"))
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("reviewer"))
    claimed_at = models.DateTimeField(_("claimed"))
    lease_until = models.DateTimeField(_("held until"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["case", "token"], name="claim_token_once"),
            models.UniqueConstraint(fields=["case"], condition=models.Q(ended_at__isnull=True), name="claim_one_at_a_time"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["lease_until"], condition=models.Q(ended_at__isnull=True), name="claim_to_expire")]

    def __str__(self) -> str:
        return f"{self.case_id} #{self.token}"


class ChecklistVerdict(models.Model):
    """What was judged about one item of one revision; S1 and S2 for each capability. ``parts`` are the three answers of N2.

    ``carried_from``: the pass of an earlier revision whose fields are untouched. ``missed_earlier``: failed now on content that passed before.
    """

    case = models.ForeignKey(Application, models.PROTECT, related_name="verdicts", verbose_name=_("application"))
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="verdicts", verbose_name=_("revision"), db_index=False)
    item = models.CharField(_("item"), max_length=4, choices=Item.choices)
    capability = models.ForeignKey(Capability, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("capability"))
    answer = models.CharField(_("verdict"), max_length=8, choices=Verdict.choices)
    parts: ArrayField[Any, Any] = ArrayField(models.BooleanField(), verbose_name=pgettext_lazy("verdict", "answers"), default=list, blank=True)
    missed_earlier = models.BooleanField(_("missed earlier"), default=False)
    carried_from = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("carried over from"))
    judged_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("judged by"))
    judged_at = models.DateTimeField(_("judged"))

    class Meta:
        verbose_name = _("verdict")
        verbose_name_plural = _("verdicts")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["revision", "item", "capability"], name="checklist_verdict_once", nulls_distinct=False),
            models.CheckConstraint(
                name="checklist_verdict_capability_fits_item",
                condition=models.Q(item__in=ITEMS_PER_CAPABILITY, capability__isnull=False)
                | (~models.Q(item__in=ITEMS_PER_CAPABILITY) & models.Q(capability__isnull=True)),
            ),
            # N2 is failed exactly when all three questions are answered yes.
            models.CheckConstraint(
                name="checklist_verdict_n2_needs_all_three",
                condition=~models.Q(item=Item.N2)
                | models.Q(answer=Verdict.FAIL, parts=[True, True, True])
                | (models.Q(answer=Verdict.PASS, parts__len=3) & ~models.Q(parts=[True, True, True])),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item} {self.answer}"


class Reason(models.Model):
    """Why something was failed or refused: rule, observed fact and fix. The applicant reads all three, and nothing else of the reviewer's.

    What a gate found at the decision has ``code`` and ``params`` instead of texts: its words are made when it is read (``gates/base.py``).
    """

    case = models.ForeignKey(Application, models.PROTECT, related_name="reasons", verbose_name=_("application"))
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="reasons", verbose_name=_("revision"), db_index=False)
    rule = models.CharField(_("rule"), max_length=8, help_text=_("An item of the checklist, or a gate."))
    capability = models.ForeignKey(Capability, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("capability"))
    fact = models.TextField(_("what was seen"), blank=True, default="")
    fix = models.TextField(_("what to do"), blank=True, default="")
    code = models.CharField(_("finding"), max_length=64, blank=True, default="")
    params = models.JSONField(_("figures"), default=dict)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("written by"))
    written_at = models.DateTimeField(_("written"))

    class Meta:
        verbose_name = _("reason")
        verbose_name_plural = _("reasons")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["revision", "rule", "capability"], name="reason_once", nulls_distinct=False),
            models.CheckConstraint(
                name="reason_says_all_three", condition=~models.Q(rule="") & (~models.Q(code="") | (~models.Q(fact="") & ~models.Q(fix="")))
            ),
        ]

    def __str__(self) -> str:
        return self.rule


class InternalNote(models.Model):
    """A word among staff. Never leaves the platform's console: it has a table of its own so that no query for applicants can meet it."""

    case = models.ForeignKey(Application, models.PROTECT, related_name="internal_notes", verbose_name=_("application"))
    text = models.TextField(_("note"))
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("written by"))
    written_at = models.DateTimeField(_("written"))

    class Meta:
        verbose_name = _("internal note")
        verbose_name_plural = _("internal notes")
        constraints: ClassVar[list[Any]] = [models.CheckConstraint(name="internal_note_says_something", condition=~models.Q(text=""))]
        triggers: ClassVar[list[Any]] = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"#{self.pk}"
