"""Every import job is waiting, held by a live worker, or ended with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Q

from backoffice.kernel import clock
from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.invariants import invariant

TAKEN_UP_AGAIN = timedelta(minutes=10)
"""A job whose worker died is taken up by another long before this."""


@invariant("imports.ended_with_reason", "a refused or failed import says why")
def ended_with_reason(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for job in ImportJob.objects.filter(status__in=[JobStatus.REFUSED, JobStatus.FAILED], error_code="", bad_count=0).order_by("pk")[:most]:
        yield f"import {job.pk}", {"status": job.status}


@invariant("imports.held_or_waiting", "an import at work is held by a live worker")
def held_or_waiting(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    long_ago = clock.database_now() - TAKEN_UP_AGAIN
    at_work = ImportJob.objects.filter(status__in=[JobStatus.CHECKING, JobStatus.APPLYING])
    abandoned = at_work.filter(Q(lease_until__lt=long_ago) | Q(lease_until=None, started_at__lt=long_ago))
    for job in abandoned.order_by("pk")[:most]:
        yield f"import {job.pk}", {"status": job.status, "lease_until": job.lease_until}
