"""A store's ladder of levels."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import User
from members.models import Level, Member
from members.services.locks import lock_level

DEFAULT_LADDER = (("店铺客户", 0), ("普通", 1), ("高级", 1_000), ("VIP", 5_000), ("至尊VIP", 20_000))
"""The classic ladder: name and growth needed. Names are the store's own words and stay as they are in both languages."""


class LevelRefused(BusinessError):
    """The ladder would not be one any more; nothing was changed."""

    code = "level_refused"


@in_transaction
def create_default_levels(store_ids: Iterable[int]) -> int:
    """The classic ladder for those of the stores that have no level at all. Safe to call again; returns how many levels were made."""
    wanted = set(store_ids)
    bare = wanted - set(Level.objects.filter(store_id__in=wanted).values_list("store_id", flat=True))
    before = Level.objects.filter(store_id__in=bare).count()
    Level.objects.bulk_create(
        [Level(store_id=store_id, name=name, threshold=threshold) for store_id in sorted(bare) for name, threshold in DEFAULT_LADDER], ignore_conflicts=True
    )
    return Level.objects.filter(store_id__in=bare).count() - before


@in_transaction
def save_level(*, level: Level, name: str, threshold: int, perks: str, by: User | None, now: datetime) -> Level:
    """Make or change a level. Its place in the ladder follows from the threshold, which no other level of the store has."""
    name = name.strip()
    if not name:
        raise LevelRefused(_("A level needs a name."), field="name")
    if threshold < 0:
        raise LevelRefused(_("Growth needed is zero or more."), field="threshold")
    is_new = level.pk is None
    level.name, level.threshold, level.perks = name, threshold, perks
    try:
        with transaction.atomic():
            level.save()
    except IntegrityError as error:
        constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "")
        if constraint == "level_name_once_a_store":
            raise LevelRefused(_("The store has a level of this name already."), field="name") from error
        if constraint == "level_thresholds_rise_strictly":
            raise LevelRefused(_("Another level of the store needs exactly this much growth. Thresholds must differ."), field="threshold") from error
        raise
    record_event("level.created" if is_new else "level.changed", target=level, store=level.store_id, by=by, now=now, name=name, threshold=threshold)
    return level


@in_transaction
def delete_level(*, level: Level, by: User | None, now: datetime) -> None:
    """Take a level nobody is on out of the ladder. Raises ``LevelRefused`` (code ``level_has_members``) when somebody is."""
    stored = lock_level(level)
    if stored is None:
        raise NotFound(_("There is no such level any more."))
    if Member.objects.filter(store_id=stored.store_id, level=stored).exists():
        raise LevelRefused(_("Members are on this level. Move them to another level first."), code="level_has_members")
    record_event("level.deleted", target=stored, store=stored.store_id, by=by, now=now, name=stored.name, threshold=stored.threshold)
    stored.delete()
