"""Rulings on cases, and appeals against them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from applications.choices import LIVE_DECISIONS, AppealStatus, DecisionKind, DecisionStatus, HoldCause, Ruling
from applications.models.cases import Application, Revision
from applications.models.catalogue import Capability
from applications.models.policies import PolicyVersion
from backoffice.kernel.tenancy.models import Developer


class Decision(models.Model):
    """One ruling on one revision. ``hold_causes``: why a second person has to release it; the database refuses the proposer.

    Nothing outside changes before it is EXECUTED. ``overrides`` leads to the ruling that this one replaces; the chain's end is what holds.
    ``policy`` is the opening table it was checked against; ``batch`` ties together what was refused at once.
    """

    case = models.ForeignKey(Application, models.PROTECT, related_name="decisions", verbose_name=_("application"), db_index=False)
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="decisions", verbose_name=_("revision"))
    number = models.PositiveSmallIntegerField(_("number"))
    kind = models.CharField(_("outcome"), max_length=20, choices=DecisionKind.choices)
    status = models.CharField(_("status"), max_length=16, choices=DecisionStatus.choices)
    hold_causes: ArrayField[Any, Any] = ArrayField(models.CharField(max_length=32, choices=HoldCause.choices), verbose_name=_("held because"), default=list)
    policy = models.ForeignKey(PolicyVersion, models.PROTECT, null=True, related_name="+", verbose_name=_("opening table"))
    overrides = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="overridden_by", verbose_name=_("replaces"))
    batch = models.UUIDField(_("batch"), null=True, blank=True, db_index=True)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("decided by"))
    proposed_at = models.DateTimeField(_("decided"))
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("second person"))
    released_at = models.DateTimeField(_("released or returned"), null=True, blank=True)
    effective_after = models.DateTimeField(_("takes effect"), null=True, blank=True)
    executed_at = models.DateTimeField(_("in effect since"), null=True, blank=True)

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["case", "number"], name="decision_number_once"),
            models.UniqueConstraint(fields=["case"], condition=models.Q(status__in=LIVE_DECISIONS), name="decision_one_at_a_time"),
            # Two reviewers at once: never two rulings on one revision.
            models.UniqueConstraint(
                fields=["revision"],
                condition=models.Q(status__in=[*LIVE_DECISIONS, DecisionStatus.EXECUTED]),
                name="decision_one_per_revision",
            ),
            models.CheckConstraint(
                name="decision_held_needs_a_second_person",
                condition=models.Q(hold_causes=[])
                | ~models.Q(status__in=[DecisionStatus.WAITING, DecisionStatus.EXECUTED])
                | (models.Q(released_by__isnull=False) & ~models.Q(released_by=models.F("proposed_by"))),
            ),
            models.CheckConstraint(
                name="decision_times_fit_status",
                condition=(~models.Q(status__in=[DecisionStatus.EXECUTED, DecisionStatus.OVERTURNED]) | models.Q(executed_at__isnull=False))
                & (~models.Q(status=DecisionStatus.WAITING) | models.Q(effective_after__isnull=False)),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["effective_after"], condition=models.Q(status=DecisionStatus.WAITING), name="decision_to_execute"),
            models.Index(fields=["executed_at"], condition=models.Q(executed_at__isnull=False), name="decision_executed"),
        ]

    def __str__(self) -> str:
        return f"{self.case_id}/{self.number} {self.get_kind_display()}"


class DecisionItem(models.Model):
    """What a decision says about one capability."""

    decision = models.ForeignKey(Decision, models.PROTECT, related_name="items", verbose_name=_("decision"), db_index=False)
    capability = models.ForeignKey(Capability, models.PROTECT, related_name="+", verbose_name=_("capability"))
    ruling = models.CharField(_("ruling"), max_length=16, choices=Ruling.choices)

    class Meta:
        verbose_name = _("ruling on a capability")
        verbose_name_plural = _("rulings on capabilities")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["decision", "capability"], name="decision_item_once")]

    def __str__(self) -> str:
        return f"{self.capability}: {self.get_ruling_display()}"


class Appeal(models.Model):
    """The developer's one appeal against one decision, answered by somebody who took no part in the case. ``answer`` is what the developer reads.

    ``proposed_by``: wants to overturn it and grant ``proposed_grant``, of which something is high-risk; another officer confirms. The database refuses the
    same one.
    """

    scope_path = "developer"

    decision = models.OneToOneField(Decision, models.PROTECT, related_name="appeal", verbose_name=_("decision"))
    case = models.ForeignKey(Application, models.PROTECT, related_name="appeals", verbose_name=_("application"))
    developer = models.ForeignKey(Developer, models.PROTECT, related_name="+", verbose_name=_("developer"))
    statement = models.TextField(_("statement"))
    status = models.CharField(_("status"), max_length=16, choices=AppealStatus.choices, default=AppealStatus.OPEN)
    filed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("filed by"))
    filed_at = models.DateTimeField(_("filed"))
    due_at = models.DateTimeField(_("due"))
    answer = models.TextField(_("answer"), blank=True, default="")
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("overturning proposed by")
    )
    proposed_at = models.DateTimeField(_("overturning proposed"), null=True, blank=True)
    proposed_grant: ArrayField[Any, Any] = ArrayField(models.CharField(max_length=64), verbose_name=_("would be granted"), default=list, blank=True)
    proposed_answer = models.TextField(_("proposed answer"), blank=True, default="")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("answered by"))
    decided_at = models.DateTimeField(_("answered"), null=True, blank=True)

    class Meta:
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(name="appeal_says_something", condition=~models.Q(statement="")),
            models.CheckConstraint(
                name="appeal_answered_says_by_whom_and_why",
                condition=models.Q(status=AppealStatus.OPEN, decided_at__isnull=True)
                | (~models.Q(status=AppealStatus.OPEN) & models.Q(decided_by__isnull=False, decided_at__isnull=False) & ~models.Q(answer="")),
            ),
            models.CheckConstraint(
                name="appeal_overturned_by_a_second_person",
                condition=models.Q(proposed_by__isnull=True, proposed_at__isnull=True, proposed_grant=[])
                | (
                    models.Q(proposed_by__isnull=False, proposed_at__isnull=False)
                    & ~models.Q(proposed_grant=[])
                    & (models.Q(decided_by__isnull=True) | ~models.Q(decided_by=models.F("proposed_by")))
                ),
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["due_at"], condition=models.Q(status=AppealStatus.OPEN), name="appeal_open")]

    def __str__(self) -> str:
        return f"{self.case} · {self.get_status_display().lower()}"
