"""Changes of members' levels, as they happen."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.models import Store
from members.models.members import Level, Member


class LevelChange(models.Model):
    """One change of a member's level. A trigger on the member writes it, so that no way of changing a level can forget it (ADR 0081).

    Joining with a level is none. Levels may be deleted later; then the key names nothing.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="+", verbose_name=_("store"), db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.CASCADE, related_name="level_changes", verbose_name=_("member"), db_constraint=False)
    from_level = models.ForeignKey(Level, models.DO_NOTHING, null=True, related_name="+", verbose_name=_("from"), db_constraint=False, db_index=False)
    to_level = models.ForeignKey(Level, models.DO_NOTHING, null=True, related_name="+", verbose_name=_("to"), db_constraint=False, db_index=False)
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("change of a level")
        verbose_name_plural = _("changes of levels")
        indexes: ClassVar[list[Any]] = [models.Index(fields=["store", "changed_at"], name="level_change_of_store")]

    def __str__(self) -> str:
        return f"{self.member_id}: {self.from_level_id} > {self.to_level_id}"
