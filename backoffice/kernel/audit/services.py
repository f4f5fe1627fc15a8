"""Writing audit events. Called by services, in their transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.tenancy.models import Store, User


def record_event(
    verb: str, *, target: models.Model, by: User | None, now: datetime, store: Store | int | None = None, reason: str = "", **facts: Any
) -> AuditEvent:
    """One ``noun.past_tense`` event about ``target``. ``by=None`` is the system itself."""
    return AuditEvent.objects.create(
        verb=verb,
        actor=by,
        store_id=store.pk if isinstance(store, Store) else store,
        target_type=target._meta.label_lower,
        target_id=target.pk,
        reason=reason,
        facts=facts,
        happened_at=now,
    )
