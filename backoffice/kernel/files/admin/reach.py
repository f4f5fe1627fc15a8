"""Which imports a user reaches in a console, what they may import there, and into which stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
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

    An import without a store may hold rows of any store its uploader wrote into the file: nobody else of a merchant sees it, and the uploader
    only while covering every store covered then.
    """
    jobs = ImportJob.objects.all()
    if console != Console.MERCHANT:
        return reach(user, console, jobs, permission)
    if not allows(user, permission, console=console):
        return jobs.none()
    stores = stores_of(user, permission)
    own = models.Q(store__isnull=True) & _handed_in(user, stores)
    return jobs.filter(models.Q(store__in=stores.values("pk")) | own)


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


def readable_rows(user: Any, console: str) -> models.Q:
    """Condition: imports of which ``user`` may see single rows: only who may import such files into the store.

    A file that says the store itself may hold rows of any store that its uploader had: it is the uploader's alone, while all of those are still
    covered, and on the platform everybody's who may import such files.
    """
    readable = models.Q(pk__in=[])
    for kind in kinds_for(user, console):
        of_kind = models.Q(kind=kind.code)
        if console != Console.PLATFORM:
            stores = stores_of(user, kind.permission)
            one_store = models.Q(store__in=stores.values("pk"))
            of_kind &= one_store & models.Q(reading__columns__store__isnull=True) | _handed_in(user, stores) & (one_store | models.Q(store__isnull=True))
        readable |= of_kind
    return readable


def readable_files(user: Any, console: str) -> models.Q:
    """Condition: imports whose files ``user`` may have. They show in full what the pages mask."""
    readable = models.Q(pk__in=[])
    for kind in kinds_for(user, console):
        unmasked = models.Q(handed_in_by=user)
        if not kind.has_masked_column:
            unmasked = models.Q()
        elif kind.unmasked_permission and console != Console.PLATFORM:
            unmasked |= models.Q(store__in=stores_of(user, kind.unmasked_permission).values("pk"))
        elif kind.unmasked_permission and allows(user, kind.unmasked_permission, console=console):
            unmasked = models.Q()
        readable |= models.Q(kind=kind.code) & unmasked
    return readable_rows(user, console) & readable


def _handed_in(user: Any, stores: models.QuerySet[Store]) -> models.Q:
    """Handed in by ``user`` in the merchant console with no store in reach then that is not among ``stores`` now."""
    return models.Q(handed_in_by=user, console=Console.MERCHANT, uploader_stores__contained_by=ArraySubquery(stores.values("pk")))


@dataclass(frozen=True)
class Rights:
    """What a user may do with one import in a console, beyond seeing its figures.

    ``reads_rows``: see its rows, masked. ``takes_file``: have the file and the bad rows, in full. ``acts``: go on with it, where it was handed
    in; its rows are then written with that user's rights. ``corrects``: also say which column is which, which decides what is masked.
    ``cancels``: also staff of the platform who look after imports.
    """

    reads_rows: bool
    takes_file: bool
    acts: bool
    corrects: bool
    cancels: bool


def rights_on(user: Any, console: str, job: ImportJob) -> Rights:
    """Rights of ``user`` on an import out of ``jobs_in_reach``."""
    found = ImportJob.objects.filter(pk=job.pk).values_list(holds(readable_rows(user, console)), holds(readable_files(user, console))).first()
    reads_rows, takes_file = found or (False, False)
    acts = reads_rows and job.console == console
    cancels = acts or (console == Console.PLATFORM and allows(user, "files.change_importjob", console=console))
    return Rights(reads_rows, takes_file, acts, acts and takes_file, cancels)


def holds(condition: models.Q) -> models.Case:
    """``condition`` as a column."""
    return models.Case(models.When(condition, then=True), default=False, output_field=models.BooleanField())
