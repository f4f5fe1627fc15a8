"""Frequency rules on both consoles; ranks of the scenarios on the platform's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from backoffice.kernel.admin import MerchantModelAdmin, PlatformModelAdmin, adopt, person
from backoffice.kernel.admin.display import BUSY, EMPTY, GOOD, PLAIN, chip, moment, row_url
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import merchant_site, platform_site
from backoffice.kernel.tenancy.roles import Console
from campaigns.admin.preview import ServiceChecks, only_choose
from campaigns.admin.settings import TimeInput
from campaigns.choices import RuleScope
from campaigns.models import FrequencyRule, ScenarioRank
from campaigns.models.frequency import MOST_RULE_DAYS
from campaigns.services.frequency import save_rule, set_rank
from members.admin.words import unbroken


def cap_words(cap: int | None, days: int | None) -> str:
    if cap is None or days is None:
        return ""
    if days == 1:
        return ngettext("at most %(cap)d a local day", "at most %(cap)d a local day", cap) % {"cap": cap}
    return _("at most %(cap)d in %(days)d days") % {"cap": cap, "days": days}


def quiet_words(quiet_from: time | None, quiet_until: time | None) -> str:
    if quiet_from is None or quiet_until is None:
        return ""
    return _("quiet %(start)s to %(end)s") % {"start": quiet_from.strftime("%H:%M"), "end": quiet_until.strftime("%H:%M")}


class RuleForm(ServiceChecks, forms.ModelForm[FrequencyRule]):
    """Choices hold no credit scenario; the service refuses one that is posted all the same."""

    window_days = forms.IntegerField(
        label=gettext_lazy("Window in days"),
        initial=1,
        min_value=1,
        max_value=MOST_RULE_DAYS,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=gettext_lazy("Local days, today the last. 1: the local day."),
    )
    quiet_from = forms.TimeField(label=gettext_lazy("Quiet from"), required=False, widget=TimeInput())
    quiet_until = forms.TimeField(
        label=gettext_lazy("Quiet until"), required=False, widget=TimeInput(), help_text=gettext_lazy("Earlier than the beginning: the next morning.")
    )

    class Meta:
        model = FrequencyRule
        fields = ("scope", "store", "scenario", "cap", "window_days", "quiet_from", "quiet_until", "is_active")
        widgets = {
            "scope": UnfoldAdminSelectWidget(),
            "store": UnfoldAdminSelectWidget(),
            "scenario": UnfoldAdminSelectWidget(),
            "is_active": UnfoldBooleanSwitchWidget(),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        only_choose(self.fields.get("store"))


class RuleScreen:
    """Declaration of both consoles' screen."""

    form = RuleForm
    list_display: tuple[str, ...] = ("rule_name", "store_name", "limit", "quiet", "state", "changed")
    list_display_links = ("rule_name",)
    list_filter: tuple[str, ...] = ("scope", "scenario", "store", "is_active")
    list_select_related = ("store",)
    ordering = ("-is_base", "pk")
    add_fields: Sequence[str] = ("scope", "store", "scenario", "cap", "window_days", "quiet_from", "quiet_until", "is_active")
    editable_fields: Sequence[str] = add_fields
    empty_text = gettext_lazy("No frequency rules of your own yet. The base limits hold without one: 2 messages a day from one store, 10 from all.")

    admin_site: Any

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Base rows are read only for everybody."""
        if isinstance(obj, FrequencyRule) and obj.is_base:
            return False
        return bool(super().has_change_permission(request, obj))  # type: ignore[misc]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        about = _(
            "Rules stand beside the base limits of 2 messages a day from one store and 10 from all, which nobody can loosen. The three credit reminders and "
            "notices of renewal obey the base limits only: no rule and no quiet hours hold them back or count them."
        )
        return [(None, {"fields": self.add_fields, "description": about})]

    @admin.display(description=gettext_lazy("Rule"))
    def rule_name(self, rule: FrequencyRule) -> str:
        return str(rule.get_scenario_display() if rule.scope == RuleScope.SCENARIO else rule.get_scope_display())

    @admin.display(description=gettext_lazy("Store"))
    def store_name(self, rule: FrequencyRule) -> str:
        return unbroken(rule.store.name) if rule.store else _("All stores")

    @admin.display(description=gettext_lazy("Limit"))
    def limit(self, rule: FrequencyRule) -> str:
        return cap_words(rule.cap, rule.window_days) or EMPTY

    @admin.display(description=gettext_lazy("Quiet hours"))
    def quiet(self, rule: FrequencyRule) -> str:
        return quiet_words(rule.quiet_from, rule.quiet_until) or EMPTY

    @admin.display(description=gettext_lazy("Status"))
    def state(self, rule: FrequencyRule) -> str:
        if rule.is_base:
            return chip(_("Base rule"), BUSY)
        return chip(_("In force"), GOOD) if rule.is_active else chip(_("Off"), PLAIN)

    @admin.display(description=gettext_lazy("Changed"))
    def changed(self, rule: FrequencyRule) -> str:
        return moment(rule.updated_at)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        given = form.cleaned_data
        saved = save_rule(
            rule=obj,
            scope=given["scope"],
            store=given["store"],
            scenario=given["scenario"],
            window_days=given["window_days"],
            cap=given["cap"],
            quiet_from=given["quiet_from"],
            quiet_until=given["quiet_until"],
            is_active=given["is_active"],
            by=person(request),
            now=database_now(),
        )
        adopt(obj, saved)

    def response_change(self, request: HttpRequest, obj: FrequencyRule) -> HttpResponse:
        return self._back(request, obj)

    def response_add(self, request: HttpRequest, obj: FrequencyRule, post_url_continue: str | None = None) -> HttpResponse:
        return self._back(request, obj)

    def _back(self, request: HttpRequest, rule: FrequencyRule) -> HttpResponse:
        messages.success(request, _("Saved. It holds for what is decided from now on."))
        return HttpResponseRedirect(row_url(self.admin_site.name, rule))


@admin.register(FrequencyRule, site=platform_site)
class PlatformRuleAdmin(RuleScreen, PlatformModelAdmin):
    """Rules of all stores, those for all, and the base rows."""


@admin.register(FrequencyRule, site=merchant_site)
class MerchantRuleAdmin(RuleScreen, MerchantModelAdmin):
    """Rules of the user's own stores."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """A merchant's rule is of a store."""
        form = super().get_form(request, obj, change=change, **kwargs)
        if "store" in form.base_fields:
            form.base_fields["store"].required = True
            form.base_fields["scope"].choices = [choice for choice in RuleScope.choices if choice[0] != RuleScope.PLATFORM]
        return form


class RankForm(ServiceChecks, forms.ModelForm[ScenarioRank]):
    """Moving one closes up the others."""

    class Meta:
        model = ScenarioRank
        fields = ("place", "store_slots_left", "person_slots_left")
        widgets = {name: UnfoldAdminIntegerFieldWidget() for name in ("place", "store_slots_left", "person_slots_left")}


@admin.register(ScenarioRank, site=platform_site)
class RankAdmin(PlatformModelAdmin):
    """Who goes first when slots are short."""

    form = RankForm
    list_display = ("place", "scenario_name", "store_slots_left", "person_slots_left", "changed")
    list_display_links = ("scenario_name",)
    ordering = ("place",)
    editable_fields = ("place", "store_slots_left", "person_slots_left")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        about = _("Rank 1 goes first when a person's slots of the day are short. The three credit reminders stay first; what is sent is not taken back.")
        return [(None, {"fields": ("scenario", *self.editable_fields), "description": about})]

    @admin.display(description=gettext_lazy("Scenario"))
    def scenario_name(self, rank: ScenarioRank) -> str:
        return str(rank.get_scenario_display())

    @admin.display(description=gettext_lazy("Changed"))
    def changed(self, rank: ScenarioRank) -> str:
        return moment(rank.updated_at)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        given = form.cleaned_data
        saved = set_rank(
            scenario=obj.scenario,
            place=given["place"],
            store_slots_left=given["store_slots_left"],
            person_slots_left=given["person_slots_left"],
            by=person(request),
            now=database_now(),
        )
        adopt(obj, saved)

    def response_change(self, request: HttpRequest, obj: ScenarioRank) -> HttpResponse:
        messages.success(request, _("Saved. It holds for what is decided from now on."))
        return HttpResponseRedirect(row_url(Console.PLATFORM.value, obj))
