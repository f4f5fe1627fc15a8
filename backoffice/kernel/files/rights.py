"""Whose rights an import has: which stores it may write. Read when a file is handed in, and again right before the commit."""

from __future__ import annotations

from django.db import models

from backoffice.kernel.files.faults import RightsLost
from backoffice.kernel.files.kinds import ImportKind
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.tenancy.access import allows, stores_of
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.roles import Console

COMMAND = "command"


def writable_stores(kind: ImportKind, *, console: str, user: User | None) -> models.QuerySet[Store]:
    """Stores whose rows ``user`` may import through ``console``. Raises ``RightsLost`` when the user may not import this kind at all.

    A command without a user is the system itself; a command with a user has that user's rights in any console.
    """
    if user is None:
        if console != COMMAND:
            raise RightsLost
        return Store.objects.all()
    in_platform = allows(user, kind.permission, console=Console.PLATFORM)
    if in_platform and console in (Console.PLATFORM, COMMAND):
        return Store.objects.all()
    if kind.platform_only or console not in (Console.MERCHANT, COMMAND) or not allows(user, kind.permission, console=Console.MERCHANT):
        raise RightsLost
    return stores_of(user, kind.permission)


def read_stores(job: ImportJob, kind: ImportKind) -> models.QuerySet[Store]:
    """The stores that the job may write now: user and seats are read anew. Raises ``RightsLost`` also for the job's own store."""
    user = None
    if job.uploaded_by_id is not None:
        user = User.objects.filter(pk=job.uploaded_by_id).first()
        if user is None:
            raise RightsLost
    stores = writable_stores(kind, console=job.console, user=user)
    if job.store_id is not None and not stores.filter(pk=job.store_id).exists():
        raise RightsLost
    return stores
