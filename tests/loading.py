"""Short words for tests that import files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from backoffice.kernel.files.choices import BadRows
from backoffice.kernel.files.models import ImportJob, ImportProblem
from backoffice.kernel.files.services import apply_job, check_job, create_job
from backoffice.kernel.tenancy.models import Store, User
from tests.factories import NOON


def csv_of(header: str, *rows: str) -> str:
    return "\r\n".join([header, *rows]) + "\r\n"


def load(
    kind: str,
    text: str | bytes,
    *,
    store: Store | None = None,
    total: str | None = None,
    skip: bool = False,
    dry: bool = False,
    by: User | None = None,
    console: str = "command",
    now: datetime = NOON,
) -> ImportJob:
    """Hand in a CSV text and check (``dry``) or apply it in this process."""
    content = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    job = create_job(
        kind=kind,
        content=content,
        file_name=f"{kind}.csv",
        store=store,
        console=console,
        by=by,
        now=now,
        on_bad_rows=BadRows.SKIP if skip else BadRows.ABORT,
        control_total=None if total is None else Decimal(total),
    )
    return check_job(job=job, now=now) if dry else apply_job(job=job, now=now)


def outcome(job: ImportJob) -> dict[str, Any]:
    """Status and counts that are not zero."""
    counts = {name: getattr(job, f"{name}_count") for name in ("created", "updated", "unchanged", "conflict", "bad")}
    return {"status": job.status} | {name: number for name, number in counts.items() if number}


def problems(job: ImportJob) -> Sequence[tuple[int, str, str]]:
    """(line, column, code) in order."""
    return list(ImportProblem.objects.filter(job=job).order_by("line", "column", "code").values_list("line", "column", "code"))
