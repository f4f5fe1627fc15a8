"""How often, and when not: frequency rules beside the base caps, and who goes first when slots are short."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.models import Store
from campaigns.choices import CREDIT_CARDS, NO_EXTRA_RULES, PERSON_DAY_CAP, STORE_DAY_CAP, RuleScope, RuleWindow, ScenarioCode

MOST_RULE_DAYS = 365


class FrequencyRule(models.Model):
    """At most ``cap`` messages to a person in the window, and none in the quiet hours, which may cross midnight. Either may be missing.

    ``store`` empty: for all stores; a rule of a scenario for all stores is the default of those that have none of their own. The three credit
    scenarios and duties are neither held back by a rule nor counted. The two base rows tell of the base caps, which counters hold (ADR 0041);
    they are never changed or deleted.
    """

    scope_path = "store"

    scope = models.CharField(_("counts"), max_length=16, choices=RuleScope.choices)
    store = models.ForeignKey(Store, models.PROTECT, null=True, blank=True, related_name="frequency_rules", verbose_name=_("store"))
    scenario = models.CharField(
        _("scenario"), max_length=32, blank=True, default="", choices=[(code.value, code.label) for code in ScenarioCode if code not in NO_EXTRA_RULES]
    )
    window = models.CharField(_("window"), max_length=16, choices=RuleWindow.choices, default=RuleWindow.LOCAL_DAY)
    window_days = models.PositiveSmallIntegerField(_("days"), default=1, validators=[MinValueValidator(1), MaxValueValidator(MOST_RULE_DAYS)])
    cap = models.PositiveSmallIntegerField(
        _("at most"), null=True, blank=True, validators=[MinValueValidator(1)], help_text=_("Messages to a person in the window.")
    )
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True, help_text=_("Earlier than the beginning: the next morning."))
    is_active = models.BooleanField(_("in force"), default=True)
    is_base = models.BooleanField(_("base rule"), default=False, editable=False)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+", verbose_name=_("changed by")
    )
    updated_at = models.DateTimeField(_("changed"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("frequency rule")
        verbose_name_plural = _("frequency rules")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(name="frequency_rule_not_for_credit", condition=~Q(scenario__in=NO_EXTRA_RULES)),
            models.CheckConstraint(
                name="frequency_rule_scope",
                condition=Q(scope=RuleScope.SCENARIO) & ~Q(scenario="")
                | Q(scope=RuleScope.STORE, scenario="")
                | Q(scope=RuleScope.PLATFORM, scenario="", store=None),
            ),
            models.CheckConstraint(
                name="frequency_rule_window",
                condition=Q(window=RuleWindow.LOCAL_DAY, window_days=1) | Q(window=RuleWindow.ROLLING, window_days__gte=2, window_days__lte=MOST_RULE_DAYS),
            ),
            models.CheckConstraint(
                name="frequency_rule_quiet_hours",
                condition=Q(quiet_from=None, quiet_until=None)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=models.F("quiet_until")),
            ),
            models.CheckConstraint(name="frequency_rule_says_something", condition=Q(cap__gte=1) | Q(cap=None, quiet_from__isnull=False)),
            models.CheckConstraint(
                name="frequency_rule_base",
                condition=Q(is_base=False)
                | Q(scope=RuleScope.STORE, store=None, window_days=1, cap=STORE_DAY_CAP, quiet_from=None, is_active=True)
                | Q(scope=RuleScope.PLATFORM, window_days=1, cap=PERSON_DAY_CAP, quiet_from=None, is_active=True),
            ),
            models.UniqueConstraint(fields=["scope"], condition=Q(is_base=True), name="frequency_rule_base_once"),
            models.UniqueConstraint(
                fields=["scenario", "store"], condition=Q(scope=RuleScope.SCENARIO), nulls_distinct=False, name="frequency_rule_once_a_scenario"
            ),
        ]
        triggers: ClassVar[list[Any]] = [
            pgtrigger.Protect(name="base_stays", operation=pgtrigger.Update | pgtrigger.Delete, condition=pgtrigger.Q(old__is_base=True)),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()}: {self.cap or '-'}"


class ScenarioRank(models.Model):
    """A scenario's place when slots are short (1 goes first), and how many of a day's slots it leaves free for the others.

    The three credit scenarios stand first in their own order, and nothing is kept free from them or from a duty.
    """

    scenario = models.CharField(_("scenario"), max_length=32, choices=ScenarioCode.choices, unique=True)
    place = models.PositiveSmallIntegerField(_("place when slots are short"))
    store_slots_left = models.PositiveSmallIntegerField(
        _("slots of a store left free"),
        default=0,
        help_text=_("So many of the 2 messages a day from a store are kept free for other scenarios."),
        validators=[MaxValueValidator(STORE_DAY_CAP - 1)],
    )
    person_slots_left = models.PositiveSmallIntegerField(
        _("slots over all stores left free"),
        default=0,
        help_text=_("So many of the 10 messages a day from all stores are kept free for other scenarios."),
        validators=[MaxValueValidator(PERSON_DAY_CAP - 1)],
    )
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+", verbose_name=_("changed by")
    )
    updated_at = models.DateTimeField(_("changed"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("rank of a scenario")
        verbose_name_plural = _("ranks of scenarios")
        ordering = ("place",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["place"], name="scenario_rank_place_once", deferrable=models.Deferrable.DEFERRED),
            models.CheckConstraint(
                name="scenario_rank_credit_first",
                condition=Q(scenario=ScenarioCode.AFTER_PAYMENT, place=1)
                | Q(scenario=ScenarioCode.EXPIRY_REMINDER, place=2)
                | Q(scenario=ScenarioCode.BALANCE_REMINDER, place=3)
                | Q(place__gt=len(CREDIT_CARDS)) & ~Q(scenario__in=CREDIT_CARDS),
            ),
            models.CheckConstraint(name="scenario_rank_slots_left", condition=Q(store_slots_left__lt=STORE_DAY_CAP, person_slots_left__lt=PERSON_DAY_CAP)),
            models.CheckConstraint(
                name="scenario_rank_nothing_kept_from_credit",
                condition=~Q(scenario__in=NO_EXTRA_RULES) | Q(store_slots_left=0, person_slots_left=0),
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_scenario_display())
