"""What non-compliant applications cost: strikes, standing, bars."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from applications.choices import OPEN_BARS, BarStatus, StandingLevel, StrikeKind, StrikeStatus
from applications.models.decisions import Decision
from backoffice.kernel.tenancy.models import Developer


class DeveloperStanding(models.Model):
    """A developer's score and what it means now. Also the row that is locked while anything of a developer is counted. No row: good standing.

    ``score`` and ``level`` follow from the strikes and the bar (``services/standing.py``); a barred developer submits nothing, grants stay.
    """

    scope_path = "developer"

    developer = models.OneToOneField(Developer, models.PROTECT, primary_key=True, related_name="standing", verbose_name=_("developer"))
    level = models.CharField(_("standing"), max_length=16, choices=StandingLevel.choices, default=StandingLevel.GOOD)
    score = models.PositiveSmallIntegerField(_("score"), default=0)
    cool_down_until = models.DateTimeField(_("cool-down until"), null=True, blank=True)
    gate_stops_struck = models.PositiveIntegerField(_("stops that made strikes"), default=0, editable=False)
    changed_at = models.DateTimeField(_("changed"), null=True, blank=True)

    class Meta:
        verbose_name = _("standing")
        verbose_name_plural = _("standings")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="developer_standing_cool_down_has_end", condition=~models.Q(level=StandingLevel.COOL_DOWN) | models.Q(cool_down_until__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.developer}: {self.get_level_display()}"


class Strike(models.Model):
    """Penalty points of one refused application, or of many submissions stopped at the gates.

    Provisional until ``provisional_until`` (and while an appeal is open), then counting until ``expires_at``. One per decision.
    """

    scope_path = "developer"

    developer = models.ForeignKey(Developer, models.PROTECT, related_name="strikes", verbose_name=_("developer"))
    decision = models.OneToOneField(Decision, models.PROTECT, null=True, blank=True, related_name="strike", verbose_name=_("decision"))
    kind = models.CharField(_("kind"), max_length=16, choices=StrikeKind.choices)
    weight = models.PositiveSmallIntegerField(_("points"))
    status = models.CharField(_("status"), max_length=16, choices=StrikeStatus.choices, default=StrikeStatus.PROVISIONAL)
    stop_serial = models.PositiveIntegerField(_("number of the stop"), null=True, blank=True)
    struck_at = models.DateTimeField(_("struck"))
    provisional_until = models.DateTimeField(_("provisional until"))
    expires_at = models.DateTimeField(_("counts until"))
    void_reason = models.CharField(_("why it is void"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("strike")
        verbose_name_plural = _("strikes")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="strike_says_what_for",
                condition=models.Q(kind=StrikeKind.GATE_STOPS, decision__isnull=True, stop_serial__isnull=False)
                | (~models.Q(kind=StrikeKind.GATE_STOPS) & models.Q(decision__isnull=False, stop_serial__isnull=True)),
            ),
            models.UniqueConstraint(fields=["developer", "stop_serial"], name="strike_once_per_stop"),
            models.CheckConstraint(name="strike_void_says_why", condition=~models.Q(status=StrikeStatus.VOID) | ~models.Q(void_reason="")),
            models.CheckConstraint(name="strike_times_in_order", condition=models.Q(provisional_until__gte=models.F("struck_at"))),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["provisional_until"], condition=models.Q(status=StrikeStatus.PROVISIONAL), name="strike_to_count"),
            models.Index(fields=["expires_at"], condition=models.Q(status=StrikeStatus.COUNTING), name="strike_to_expire"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.weight}"


class Bar(models.Model):
    """Loss of the right to apply. Suggested by the score or proposed by somebody; in force only when another person has confirmed it."""

    scope_path = "developer"

    developer = models.ForeignKey(Developer, models.PROTECT, related_name="bars", verbose_name=_("developer"))
    status = models.CharField(_("status"), max_length=16, choices=BarStatus.choices)
    is_by_score = models.BooleanField(_("suggested by the score"), default=False)
    reason = models.CharField(_("reason"), max_length=500, blank=True, default="")
    opened_at = models.DateTimeField(_("opened"))
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("proposed by"))
    proposed_at = models.DateTimeField(_("proposed"), null=True, blank=True)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("confirmed by"))
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("ended by"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    end_reason = models.CharField(_("why it ended"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("bar")
        verbose_name_plural = _("bars")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["developer"], condition=models.Q(status__in=OPEN_BARS), name="bar_one_open"),
            models.CheckConstraint(
                name="bar_needs_a_second_person",
                condition=~models.Q(status__in=[BarStatus.CONFIRMED, BarStatus.LIFTED])
                | (models.Q(proposed_by__isnull=False, confirmed_by__isnull=False) & ~models.Q(confirmed_by=models.F("proposed_by"))),
            ),
            models.CheckConstraint(
                name="bar_proposed_says_why", condition=models.Q(status__in=[BarStatus.SUGGESTED, BarStatus.DISMISSED]) | ~models.Q(reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.developer}: {self.get_status_display()}"
