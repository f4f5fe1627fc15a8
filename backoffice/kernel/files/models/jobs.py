"""Import jobs: one row per file handed in, with what was found and what was applied."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.files.choices import BadRows, JobStatus
from backoffice.kernel.money import MoneyField
from backoffice.kernel.tenancy.models import Store


class ImportJob(models.Model):
    """One file handed in for import. The stored file is the source of truth: applying stages it again from the start.

    Applying is one transaction that also sets ``applied_at``; a crash before it leaves nothing and the job is taken up again.
    ``(kind, store, file_hash)`` of an applied job is unique: the same file again is recognised and does nothing.
    ``store`` is the store named outside the file; empty when the file's own column says it. ``rows_done`` of ``rows_total`` is written
    by a second connection while the job runs. ``lease_until`` (database clock) says until when a worker holds it.
    ``uploaded_by`` is whose rights the job has now: who asks for it to be applied. ``handed_in_by`` never changes; ``uploader_stores`` are the
    stores that this user covered then, empty (NULL) when the file did not come through the merchant console.
    """

    scope_path = "store"

    kind = models.CharField(_("kind"), max_length=32)
    store = models.ForeignKey(Store, models.PROTECT, null=True, blank=True, related_name="import_jobs", verbose_name=_("store"))
    console = models.CharField(
        _("handed in through"), max_length=16, help_text=_("platform, merchant or command: says whose rights are read before the commit.")
    )
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="import_jobs", verbose_name=_("by"))
    handed_in_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("handed in by"), editable=False)
    uploader_stores = ArrayField(models.BigIntegerField(), null=True, editable=False)
    file = models.FileField(_("file"), upload_to="imports/%Y/%m/")
    file_name = models.CharField(_("file name"), max_length=100)
    file_hash = models.CharField(_("SHA-256"), max_length=64)
    file_size = models.BigIntegerField(_("bytes"))
    reading = models.JSONField(
        _("how the file is read"), default=dict, help_text=_("encoding, delimiter, header_row, sheet, columns (our column -> position in the file)")
    )
    status = models.CharField(_("status"), max_length=16, choices=JobStatus.choices, default=JobStatus.UPLOADED)
    on_bad_rows = models.CharField(_("bad rows"), max_length=8, choices=BadRows.choices, default=BadRows.ABORT)
    resend_of = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="resends", verbose_name=_("mended rows of"))
    apply_when_clean = models.BooleanField(
        _("import at once when no row is bad"),
        default=False,
        help_text=_("Chosen with the file: a dry run without a bad or conflicting row is followed by the import."),
    )
    control_total = MoneyField(_("control total"), null=True, blank=True)
    file_total = MoneyField(_("total of the file"), null=True, blank=True)
    applied_total = MoneyField(_("total applied"), null=True, blank=True)
    rows_total = models.BigIntegerField(_("rows"), default=0)
    rows_done = models.BigIntegerField(_("rows done"), default=0)
    step = models.CharField(_("step"), max_length=32, blank=True, default="")
    created_count = models.BigIntegerField(_("new"), default=0)
    updated_count = models.BigIntegerField(_("changed"), default=0)
    unchanged_count = models.BigIntegerField(_("unchanged"), default=0)
    conflict_count = models.BigIntegerField(_("conflicts"), default=0)
    bad_count = models.BigIntegerField(_("bad rows"), default=0)
    notes = models.JSONField(_("notes"), default=dict, help_text=_("Counted remarks such as consent_kept."))
    error_code = models.CharField(_("error code"), max_length=64, blank=True, default="")
    error_params = models.JSONField(_("error facts"), default=dict)
    errors_file = models.FileField(_("fix-and-resend file"), upload_to="imports/%Y/%m/", blank=True)
    cancel_requested = models.BooleanField(_("cancel asked for"), default=False)
    created_at = models.DateTimeField(_("handed in"), db_default=Now())
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    applied_at = models.DateTimeField(_("applied"), null=True)
    seconds = models.FloatField(_("seconds"), default=0)
    attempt_count = models.PositiveSmallIntegerField(_("attempts"), default=0)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["kind", "store", "file_hash"], condition=models.Q(status=JobStatus.APPLIED), nulls_distinct=False, name="import_applied_once"
            ),
            models.CheckConstraint(
                name="import_applied_has_time",
                condition=models.Q(status=JobStatus.APPLIED, applied_at__isnull=False)
                | ~models.Q(status=JobStatus.APPLIED) & models.Q(applied_at__isnull=True),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["id"], condition=models.Q(status__in=[JobStatus.UPLOADED, JobStatus.CHECKING, JobStatus.APPLYING]), name="import_open"),
            models.Index(fields=["id"], condition=models.Q(status=JobStatus.CHECKED, apply_when_clean=True), name="import_goes_on"),
            models.Index(fields=["uploaded_by", "-id"], name="import_newest_of_user"),
        ]

    def __str__(self) -> str:
        return self.file_name


class ImportProblem(models.Model):
    """What is wrong with one cell of one row of a file. ``line`` is the line in the file; ``value`` is shortened and masked."""

    scope_path = "job__store"

    job = models.ForeignKey(ImportJob, models.CASCADE, related_name="problems", verbose_name=_("import"), db_index=False)
    line = models.BigIntegerField(_("line"))
    column = models.CharField(_("column"), max_length=64, blank=True)
    value = models.CharField(_("value"), max_length=80, blank=True)
    code = models.CharField(_("code"), max_length=64)
    is_conflict = models.BooleanField(_("conflict"), default=False)

    class Meta:
        verbose_name = _("bad row")
        verbose_name_plural = _("bad rows")
        indexes: ClassVar[list[Any]] = [models.Index(fields=["job", "line", "id"], name="import_problem_by_line")]

    def __str__(self) -> str:
        return f"{self.line}: {self.code}"
