"""The opening table, in numbered versions."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from applications.choices import Openness, PolicyStatus
from applications.models.catalogue import Capability, Category

CELL_OF_A_DRAFT = """
    IF (TG_OP <> 'INSERT' AND EXISTS (SELECT FROM applications_policyversion p WHERE p.id = OLD.policy_id AND p.status <> 'DRAFT'))
       OR (TG_OP <> 'DELETE' AND EXISTS (SELECT FROM applications_policyversion p WHERE p.id = NEW.policy_id AND p.status <> 'DRAFT')) THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_cell_of_a_draft', TABLE = 'applications_policycell',
            MESSAGE = 'policy_cell_of_a_draft: a published opening table is never changed';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
"""
PUBLISHED_STAYS = """
    IF OLD.status <> 'DRAFT' AND (TG_OP = 'DELETE'
       OR (OLD.number, OLD.created_by_id, OLD.editor_ids, OLD.published_by_id, OLD.published_at, OLD.based_on_id)
          IS DISTINCT FROM (NEW.number, NEW.created_by_id, NEW.editor_ids, NEW.published_by_id, NEW.published_at, NEW.based_on_id)
       OR NEW.status = 'DRAFT' OR (OLD.status = 'RETIRED' AND NEW.status <> 'RETIRED')) THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_version_published_stays', TABLE = 'applications_policyversion',
            MESSAGE = 'policy_version_published_stays: a published opening table is never changed, only retired';
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.published_by_id = ANY(NEW.editor_ids) THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_version_second_person', TABLE = 'applications_policyversion',
            MESSAGE = 'policy_version_second_person: who edited the opening table does not publish it';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
"""


class PolicyVersion(models.Model):
    """One version of the opening table. Draft, published by somebody who edited nothing of it, retired. The database keeps a published one as it is.

    ``editor_ids`` are the users who changed the draft, its maker among them.
    """

    number = models.PositiveIntegerField(_("number"), unique=True)
    status = models.CharField(_("status"), max_length=16, choices=PolicyStatus.choices, default=PolicyStatus.DRAFT)
    note = models.CharField(_("note"), max_length=500, blank=True, default="")
    is_example = models.BooleanField(_("example data"), default=False)
    based_on = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("based on"))
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("drafted by"))
    created_at = models.DateTimeField(_("drafted"))
    editor_ids: ArrayField[Any, Any] = ArrayField(models.BigIntegerField(), verbose_name=_("edited by"), default=list)
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("published by"))
    published_at = models.DateTimeField(_("published"), null=True, blank=True)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)

    class Meta:
        verbose_name = _("opening table")
        verbose_name_plural = _("opening tables")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["status"], condition=models.Q(status=PolicyStatus.PUBLISHED), name="policy_version_one_in_force"),
            models.CheckConstraint(
                name="policy_version_times_fit_status",
                condition=models.Q(status=PolicyStatus.DRAFT, published_at__isnull=True, retired_at__isnull=True)
                | models.Q(status=PolicyStatus.PUBLISHED, published_at__isnull=False, retired_at__isnull=True)
                | models.Q(status=PolicyStatus.RETIRED, published_at__isnull=False, retired_at__isnull=False),
            ),
        ]
        triggers: ClassVar[list[Any]] = [
            pgtrigger.Trigger(name="published_stays", operation=pgtrigger.Update | pgtrigger.Delete, when=pgtrigger.Before, func=PUBLISHED_STAYS)
        ]

    def __str__(self) -> str:
        return f"v{self.number}"


class PolicyCell(models.Model):
    """What one version says about one capability in one category. A cell that is not there is closed; a category without cells is not in the table."""

    policy = models.ForeignKey(PolicyVersion, models.CASCADE, related_name="cells", verbose_name=_("opening table"), db_index=False)
    category = models.ForeignKey(Category, models.PROTECT, related_name="+", verbose_name=_("category"))
    capability = models.ForeignKey(Capability, models.PROTECT, related_name="+", verbose_name=_("capability"))
    openness = models.CharField(_("openness"), max_length=16, choices=Openness.choices)

    class Meta:
        verbose_name = _("cell of the opening table")
        verbose_name_plural = _("cells of the opening table")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["policy", "category", "capability"], name="policy_cell_once"),
            models.CheckConstraint(name="policy_cell_openness_known", condition=models.Q(openness__in=Openness.values)),
        ]
        triggers: ClassVar[list[Any]] = [
            pgtrigger.Trigger(name="of_a_draft", operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete, when=pgtrigger.Before, func=CELL_OF_A_DRAFT)
        ]

    def __str__(self) -> str:
        return f"{self.category_id} x {self.capability_id}: {self.openness}"
