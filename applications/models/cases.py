"""The application (申请单) itself: its state, its events, its frozen revisions and what they ask for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from applications.choices import CLOSED_STATES, PLATFORM_STATES, CaseAct, CaseState
from applications.models.apps import App
from applications.models.catalogue import Capability
from applications.models.policies import PolicyVersion
from backoffice.kernel.tenancy.models import Developer, Merchant

MOVED_BY_ITS_EVENT = """
    IF NOT EXISTS (SELECT FROM applications_caseevent e WHERE e.case_id = NEW.id AND e.seq = NEW.version
                      AND e.from_state = OLD.state AND e.to_state = NEW.state) OR NEW.version <> OLD.version + 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'application_moved_by_its_event', TABLE = 'applications_application',
            MESSAGE = 'application_moved_by_its_event: application ' || NEW.id || ' cannot go from ' || OLD.state || ' to ' || NEW.state
                      || ' without the event that says so';
    END IF;
    RETURN NEW;
"""

LIVES_IN_EVENTS = (
    "state",
    "round_count",
    "revision_id",
    "merchant_id",
    "fence",
    "clock_started_at",
    "clock_used",
    "due_at",
    "answer_by",
    "submitted_at",
    "closed_at",
    "is_late",
)
"""Columns of a case that only ``services/door.py`` writes, each time with the event that carries the new values: replaying gives them back."""


class Application(models.Model):
    """One request of an app for capabilities, from draft to ruling: the case. ``version`` counts its events.

    State and everything in ``LIVES_IN_EVENTS`` change only together with an event; the database refuses anything else.
    ``draft`` is what the developer is writing (``applications.content``); ``draft_version`` guards it against two windows.
    ``clock_used`` is the working time spent so far with the platform, ``clock_started_at`` since when it runs again.
    """

    scope_path = "developer"

    app = models.ForeignKey(App, models.PROTECT, related_name="applications", verbose_name=_("app"))
    developer = models.ForeignKey(Developer, models.PROTECT, related_name="applications", verbose_name=_("developer"), db_index=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, null=True, blank=True, related_name="applications", verbose_name=_("merchant of the custom build"))
    state = models.CharField(_("state"), max_length=20, choices=CaseState.choices, default=CaseState.DRAFT, editable=False)
    version = models.PositiveIntegerField(_("version"), default=0, editable=False)
    round_count = models.PositiveSmallIntegerField(_("rounds of changes"), default=0, editable=False)
    revision = models.ForeignKey("Revision", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("revision"), editable=False)
    fence = models.PositiveIntegerField(_("last claim"), default=0, editable=False)
    draft = models.JSONField(_("draft"), default=dict, editable=False)
    draft_version = models.PositiveIntegerField(default=0, editable=False)
    is_first_time = models.BooleanField(_("first-time developer"), default=False)
    clock_started_at = models.DateTimeField(_("clock running since"), null=True, blank=True, editable=False)
    clock_used = models.DurationField(_("working time used"), default=timedelta(0), editable=False)
    due_at = models.DateTimeField(_("due"), null=True, blank=True, editable=False)
    answer_by = models.DateTimeField(_("answer by"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("begun"))
    submitted_at = models.DateTimeField(_("first submitted"), null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True, editable=False)
    is_late = models.BooleanField(_("ruled on after the due date"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("application")
        verbose_name_plural = _("applications")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(name="application_state_known", condition=models.Q(state__in=CaseState.values)),
            models.CheckConstraint(
                name="application_submitted_has_revision",
                condition=models.Q(state__in=[CaseState.DRAFT, CaseState.WITHDRAWN]) | models.Q(revision__isnull=False, submitted_at__isnull=False),
            ),
            models.CheckConstraint(
                name="application_closed_has_time",
                condition=models.Q(state__in=CLOSED_STATES, closed_at__isnull=False) | (~models.Q(state__in=CLOSED_STATES) & models.Q(closed_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="application_clock_runs_with_platform",
                condition=models.Q(state__in=PLATFORM_STATES, clock_started_at__isnull=False, due_at__isnull=False)
                | (~models.Q(state__in=PLATFORM_STATES) & models.Q(clock_started_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="application_waiting_has_a_day",
                condition=~models.Q(state__in=[CaseState.CHANGES_REQUESTED, CaseState.AWAITING_MERCHANT]) | models.Q(answer_by__isnull=False),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["developer", "-id"], name="application_of_developer"),
            models.Index(fields=["due_at", "id"], condition=models.Q(state=CaseState.QUEUED), name="application_queue"),
            models.Index(fields=["state", "due_at", "id"], condition=~models.Q(state__in=CLOSED_STATES), name="application_open"),
            models.Index(
                fields=["answer_by"], condition=models.Q(state__in=[CaseState.CHANGES_REQUESTED, CaseState.AWAITING_MERCHANT]), name="application_to_lapse"
            ),
            models.Index(fields=["closed_at"], condition=models.Q(closed_at__isnull=False), name="application_closed"),
        ]
        triggers: ClassVar[list[Any]] = [
            pgtrigger.Trigger(
                name="moved_by_its_event",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.AnyChange("version", *(name.removesuffix("_id") for name in LIVES_IN_EVENTS)),
                func=MOVED_BY_ITS_EVENT,
            ),
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """How people name it: A000042."""
        return f"A{self.pk:06d}"


class CaseEvent(models.Model):
    """One step of a case, append-only. ``changes`` holds the new value of each column in ``LIVES_IN_EVENTS`` that it moved, ``facts`` what else staff may
    want to know. Applicants never read this table (``selectors/applicant.py`` says what they see)."""

    scope_path = "case__developer"

    case = models.ForeignKey(Application, models.PROTECT, related_name="events", verbose_name=_("application"), db_index=False)
    seq = models.PositiveIntegerField(_("step"))
    act = models.CharField(_("step's kind"), max_length=20, choices=CaseAct.choices)
    from_state = models.CharField(_("from"), max_length=20, choices=CaseState.choices)
    to_state = models.CharField(_("to"), max_length=20, choices=CaseState.choices)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    changes = models.JSONField(_("changes"), default=dict)
    facts = models.JSONField(_("facts"), default=dict)
    happened_at = models.DateTimeField(_("happened"))
    recorded_at = models.DateTimeField(_("recorded"), db_default=Now())

    class Meta:
        verbose_name = _("step of an application")
        verbose_name_plural = _("steps of applications")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["case", "seq"], name="case_event_once"),
            models.CheckConstraint(name="case_event_act_known", condition=models.Q(act__in=CaseAct.values)),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["act", "happened_at"], name="case_event_by_act")]
        triggers: ClassVar[list[Any]] = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.seq}. {self.get_act_display()}"


class Revision(models.Model):
    """One frozen submission of a case. ``content_hash`` is the SHA-256 of ``content`` in canonical form; ``policy`` the version it was judged by."""

    scope_path = "case__developer"

    case = models.ForeignKey(Application, models.PROTECT, related_name="revisions", verbose_name=_("application"), db_index=False)
    number = models.PositiveSmallIntegerField(_("revision"))
    content = models.JSONField(_("content"))
    content_hash = models.CharField(_("content hash"), max_length=64)
    policy = models.ForeignKey(PolicyVersion, models.PROTECT, null=True, related_name="+", verbose_name=_("opening table"))
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("submitted by"))
    submitted_at = models.DateTimeField(_("submitted"))

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["case", "number"], name="revision_once")]
        triggers: ClassVar[list[Any]] = [pgtrigger.Protect(name="frozen", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return str(_("Revision %(number)d")) % {"number": self.number}


class RequestedCapability(models.Model):
    """A capability that a revision asks for, with its scene and value. While the case is open and this its revision, ``holds_place``: the database
    refuses a second open request of one app for one capability."""

    scope_path = "case__developer"

    case = models.ForeignKey(Application, models.PROTECT, related_name="requested", verbose_name=_("application"))
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="requested", verbose_name=_("revision"), db_index=False)
    app = models.ForeignKey(App, models.PROTECT, related_name="+", verbose_name=_("app"), db_index=False)
    capability = models.ForeignKey(Capability, models.PROTECT, related_name="+", verbose_name=_("capability"))
    scene = models.TextField(_("scene"))
    value = models.TextField(_("value"))
    holds_place = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = _("requested capability")
        verbose_name_plural = _("requested capabilities")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["revision", "capability"], name="requested_capability_once"),
            models.UniqueConstraint(fields=["app", "capability"], condition=models.Q(holds_place=True), name="requested_capability_one_open_twin"),
        ]

    def __str__(self) -> str:
        return str(self.capability)
