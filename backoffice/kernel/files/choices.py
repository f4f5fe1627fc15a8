"""Codes of import jobs."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class JobStatus(models.TextChoices):
    UPLOADED = "UPLOADED", _("Uploaded")
    CHECKING = "CHECKING", _("Checking")
    CHECKED = "CHECKED", _("Checked, waiting for you")
    APPLYING = "APPLYING", _("Applying")
    APPLIED = "APPLIED", _("Applied")
    REFUSED = "REFUSED", _("Refused")
    FAILED = "FAILED", _("Failed")
    CANCELLED = "CANCELLED", _("Cancelled")


# REFUSED: the file or its rows broke a rule, nothing was applied. FAILED: the system could not finish, nothing was applied.
JOB_TRANSITIONS: dict[str, frozenset[str]] = {
    JobStatus.UPLOADED: frozenset({JobStatus.CHECKING, JobStatus.APPLYING, JobStatus.CANCELLED}),
    JobStatus.CHECKING: frozenset({JobStatus.CHECKED, JobStatus.REFUSED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.CHECKED: frozenset({JobStatus.CHECKING, JobStatus.APPLYING, JobStatus.CANCELLED}),
    JobStatus.APPLYING: frozenset({JobStatus.APPLIED, JobStatus.REFUSED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.APPLIED: frozenset(),
    JobStatus.REFUSED: frozenset({JobStatus.CHECKING}),
    JobStatus.FAILED: frozenset({JobStatus.CHECKING, JobStatus.APPLYING}),
    JobStatus.CANCELLED: frozenset(),
}


class BadRows(models.TextChoices):
    ABORT = "abort", _("All rows or nothing")
    SKIP = "skip", _("Apply the good rows, give me the bad ones")
