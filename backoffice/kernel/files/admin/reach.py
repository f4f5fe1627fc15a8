"""Which imports a user reaches in a console, what they may import there, and into which stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models

from backoffice.kernel.admin.scoping import reach
from backoffice.kernel.files.kinds import ImportKind, import_kinds
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.tenancy.access import allows, stores_of
from backoffice.kernel.tenancy.models import Store
from backoffice.kernel.tenancy.roles import Console

VIEW = "files.view_importjob"


def jobs_in_reach(user: Any, console: str, permission: str = VIEW) -> models.QuerySet[ImportJob]:
    """Imports that ``user`` may see in ``console``: all for the platform; for a merchant those of the own stores, and the own ones without a store.

    An import without a store may hold rows of any store its uploader wrote into the file: nobody else of a merchant sees it.
    """
    jobs = ImportJob.objects.all()
    if console != Console.MERCHANT:
        return reach(user, console, jobs, permission)
    if not allows(user, permission, console=console):
        return jobs.none()
    own = models.Q(store__isnull=True, uploaded_by=user, console=console)
    return jobs.filter(models.Q(store__in=stores_of(user, permission).values("pk")) | own)


def kinds_for(user: Any, console: str) -> list[ImportKind]:
    """What ``user`` may import in ``console``, in the order in which it is offered."""
    if console not in (Console.PLATFORM, Console.MERCHANT):
        return []
    found = [kind for kind in import_kinds if not (kind.platform_only and console != Console.PLATFORM) and allows(user, kind.permission, console=console)]
    return sorted(found, key=lambda kind: (kind.order, kind.code))


def stores_for(user: Any, console: str, kind: ImportKind) -> models.QuerySet[Store]:
    """Stores into which ``user`` may import ``kind``."""
    if not kind.has_store:
        return Store.objects.none()
    if console == Console.PLATFORM:
        return Store.objects.all() if allows(user, kind.permission, console=console) else Store.objects.none()
    return stores_of(user, kind.permission)


def kind_of(job: ImportJob) -> ImportKind | None:
    """The kind of an import; None when this release no longer has it."""
    return import_kinds.get(job.kind) if job.kind in import_kinds else None


def readable_files(user: Any, console: str) -> models.Q:
    """Condition: imports whose file ``user`` may have. It shows everything that its rows hold, so only who may import such files into its store."""
    readable = models.Q(pk__in=[])
    for kind in kinds_for(user, console):
        of_kind = models.Q(kind=kind.code)
        if console == Console.PLATFORM:
            readable |= of_kind
        else:
            readable |= of_kind & (models.Q(store__in=stores_of(user, kind.permission).values("pk")) | models.Q(store__isnull=True, uploaded_by=user))
    return readable


def may_read_file(user: Any, console: str, job: ImportJob) -> bool:
    """Whether ``user`` may have the file of one import."""
    return ImportJob.objects.filter(readable_files(user, console), pk=job.pk).exists()


@dataclass(frozen=True)
class Rights:
    """What a user may do with one import in a console, beyond seeing its figures.

    ``reads_file``: have the file and see its rows. ``acts``: go on with it, where it was handed in; its rows are then written with that user's
    rights. ``cancels``: also staff of the platform who look after imports.
    """

    reads_file: bool
    acts: bool
    cancels: bool


def rights_on(user: Any, console: str, job: ImportJob) -> Rights:
    """Rights of ``user`` on an import out of ``jobs_in_reach``."""
    reads_file = may_read_file(user, console, job)
    acts = reads_file and job.console == console
    return Rights(reads_file, acts, acts or (console == Console.PLATFORM and allows(user, "files.change_importjob", console=console)))
