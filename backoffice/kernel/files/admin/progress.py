"""How far a running import is: for the bar, and for the script that moves it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from backoffice.kernel.files import words
from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.models import ImportJob

_WAITING_LONG = 20  # seconds without a worker after which the page says so


def is_running(job: ImportJob) -> bool:
    """Whether a worker has the job or it waits for one. A file that lacks a column or its store waits for people instead."""
    return job.status in words.RUNNING and not (job.status == JobStatus.UPLOADED and job.reading.get("missing"))


def progress(job: ImportJob, now: datetime) -> dict[str, Any]:
    """Figures and sentences of the bar. ``now`` is the database's clock, by which ``started_at`` was written."""
    percent = words.percent_done(job)
    is_held = job.lease_until is not None and job.lease_until > now
    elapsed = (now - job.started_at).total_seconds() if is_held and job.started_at else 0.0
    rate = job.rows_done / elapsed if elapsed > 0.5 and job.rows_done else 0.0
    left = elapsed * (100 - percent) / percent if percent >= 5 and elapsed > 1 else 0.0
    return {
        "running": is_running(job),
        "status": job.status,
        "percent": percent if is_held else 0,
        "step": words.step_words(job) if is_held else _waiting(job, now),
        "rows": _rows(job) if is_held else "",
        "rate": _("%(rate)s rows a second") % {"rate": f"{rate:,.0f}"} if rate else "",
        "left": _("about %(time)s left") % {"time": words.duration_words(left)} if left else "",
        "stopping": job.cancel_requested,
    }


def _rows(job: ImportJob) -> str:
    total = words.rows_expected(job)
    if not total:
        return ""
    return _("%(done)s of %(total)s rows read") % {"done": f"{min(job.rows_done, total):,}", "total": f"{total:,}"}


def _waiting(job: ImportJob, now: datetime) -> str:
    since = job.finished_at or job.created_at
    if (now - since).total_seconds() > _WAITING_LONG:
        return _("Waiting for a worker. If this lasts longer than a few minutes, ask the administrator whether the workers run.")
    return _("Waiting for a worker")
