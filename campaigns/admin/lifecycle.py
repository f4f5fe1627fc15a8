"""Lifecycle messages of a store: switch, time, days, hold-out share, own frequency rule and quiet hours of each scenario."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from backoffice.kernel.admin import MerchantModelAdmin, PlatformModelAdmin, adopt
from backoffice.kernel.admin.display import EMPTY, GOOD, PLAIN, chip, moment, row_url
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import merchant_site, platform_site
from backoffice.kernel.tenancy.models import Store
from campaigns.admin.frequency import cap_words, quiet_words
from campaigns.admin.lifecycle_figures import figures_view
from campaigns.admin.preview import ServiceChecks, only_choose
from campaigns.admin.settings import TimeInput
from campaigns.choices import HOLDOUT_PERCENT
from campaigns.models import FrequencyRule, LifecycleRun, LifecycleSetting
from campaigns.models.frequency import MOST_RULE_DAYS
from campaigns.models.lifecycle import DEFAULT_SEND_TIME, MOST_DAYS
from campaigns.services.lifecycle_settings import OwnRule, get_own_rule, set_lifecycle
from members.admin.words import unbroken

OWN_RULE = ("own_cap", "own_days", "quiet_from", "quiet_until")


class LifecycleForm(ServiceChecks, forms.ModelForm[LifecycleSetting]):
    """The store's own rule stands in a table of its own and is edited here, too."""

    send_time = forms.TimeField(
        label=gettext_lazy("Send time"),
        initial=DEFAULT_SEND_TIME,
        widget=TimeInput(),
        help_text=gettext_lazy("Time of day, platform time, at which the day's messages go out."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days until it is due"),
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=gettext_lazy(
            "First purchase: days since joining without an order. Repurchase: days since the last order. Dormant: days without a visit or order. "
            "Level change: for so many days it is still told. Empty: 7, 30, 90 and 3."
        ),
    )
    holdout_percent = forms.IntegerField(
        label=gettext_lazy("Hold-out share in %"),
        initial=HOLDOUT_PERCENT,
        min_value=0,
        max_value=50,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=gettext_lazy("So many of a hundred people get no message, always the same ones. What they buy shows what the messages bring."),
    )
    own_cap = forms.IntegerField(
        label=gettext_lazy("At most"),
        required=False,
        min_value=1,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=gettext_lazy("Messages of this kind to a person in the window. Empty, and without quiet hours: the rule for all stores holds."),
    )
    own_days = forms.IntegerField(
        label=gettext_lazy("Window in days"),
        required=False,
        initial=30,
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
        model = LifecycleSetting
        fields = ("store", "scenario", "enabled", "send_time", "days", "holdout_percent")
        widgets = {"store": UnfoldAdminSelectWidget(), "scenario": UnfoldAdminSelectWidget(), "enabled": UnfoldBooleanSwitchWidget()}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        only_choose(self.fields.get("store"))
        rule = get_own_rule(self.instance.store, self.instance.scenario) if self.instance.pk else None
        if rule is not None:
            self.initial.update(own_cap=rule.cap, own_days=rule.window_days, quiet_from=rule.quiet_from, quiet_until=rule.quiet_until)

    def clean(self) -> dict[str, Any] | None:
        given = super().clean()
        store, scenario = self.cleaned_data.get("store"), self.cleaned_data.get("scenario")
        if store and scenario and LifecycleSetting.objects.filter(store=store, scenario=scenario).exists():
            self.add_error("scenario", _("The store has this message already. Change it in the list."))
        return given

    def own_rule(self) -> OwnRule:
        given = self.cleaned_data
        return OwnRule(given.get("own_cap"), given.get("own_days") or 1, given.get("quiet_from"), given.get("quiet_until"))


class LifecycleScreen:
    """Declaration of both consoles' screen."""

    form = LifecycleForm
    list_display: tuple[str, ...] = ("scenario_name", "store_name", "switch", "time_of_day", "days", "holdout", "own_rule", "last_run", "changed")
    list_display_links = ("scenario_name",)
    list_filter: tuple[str, ...] = ("store", "scenario", "enabled")
    add_fields: Sequence[str] = ("store", "scenario", "enabled", "send_time", "days", "holdout_percent", *OWN_RULE)
    editable_fields: Sequence[str] = ("enabled", "send_time", "days", "holdout_percent", *OWN_RULE)
    empty_text = gettext_lazy("No lifecycle messages yet. Add one for a store: first purchase, repurchase, dormant members or level change.")

    admin_site: Any
    allows: Any

    def get_urls(self) -> list[URLPattern]:
        own = path("figures/", self.admin_site.admin_view(lambda request: figures_view(self, request)), name="campaigns_lifecycle_figures")
        return [own, *super().get_urls()]  # type: ignore[misc]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[LifecycleSetting]:
        same = {"store": models.OuterRef("store"), "scenario": models.OuterRef("scenario")}
        last = LifecycleRun.objects.filter(**same).order_by("-local_day")
        rule = FrequencyRule.objects.filter(scope="SCENARIO", **same)
        queryset: models.QuerySet[LifecycleSetting] = super().get_queryset(request)  # type: ignore[misc]
        return queryset.select_related("store", "updated_by").annotate(
            last_run_day=models.Subquery(last.values("local_day")[:1]),
            last_run_due=models.Subquery(last.values("due_count")[:1]),
            last_run_held_out=models.Subquery(last.values("held_out_count")[:1]),
            **{f"rule_{name}": models.Subquery(rule.values(name)[:1]) for name in ("cap", "window_days", "quiet_from", "quiet_until")},
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        about = _(
            "The messages go to active members who agree to marketing, within the limits of 2 messages a day from one store and 10 from all, "
            "after the credit reminders. Nobody is told twice of the same thing."
        )
        if obj is not None and not self.has_change_permission(request, obj):  # type: ignore[attr-defined]
            read = ("store", "scenario", "enabled", "send_time", "days", "holdout_percent", "own_rule")
            return [(None, {"fields": read, "description": about})]
        own = _("How often this message may go to a person, and when not. It stands in the place of the rule for all stores.")
        named = ("store", "scenario", "enabled", "send_time", "days", "holdout_percent")
        return [(None, {"fields": named, "description": about}), (_("Own frequency rule"), {"fields": OWN_RULE, "description": own})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        named = [*super().get_readonly_fields(request, obj), "own_rule"]  # type: ignore[misc]
        return named if obj is None else [*named, *(name for name in ("store", "scenario") if name not in named)]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "store":
            kwargs["queryset"] = Store.objects.filter(status="OPEN").order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    @admin.display(description=gettext_lazy("Message"))
    def scenario_name(self, setting: LifecycleSetting) -> str:
        return unbroken(str(setting.get_scenario_display()))

    @admin.display(description=gettext_lazy("Store"))
    def store_name(self, setting: LifecycleSetting) -> str:
        return unbroken(setting.store.name)

    @admin.display(description=gettext_lazy("Status"))
    def switch(self, setting: LifecycleSetting) -> str:
        return chip(_("On"), GOOD) if setting.enabled else chip(_("Off"), PLAIN)

    @admin.display(description=gettext_lazy("Send time"))
    def time_of_day(self, setting: LifecycleSetting) -> str:
        return setting.send_time.strftime("%H:%M")

    @admin.display(description=gettext_lazy("Hold-out share"))
    def holdout(self, setting: LifecycleSetting) -> str:
        return f"{setting.holdout_percent} %"

    @admin.display(description=gettext_lazy("Own rule"))
    def own_rule(self, setting: Any) -> str:
        parts = [cap_words(setting.rule_cap, setting.rule_window_days), quiet_words(setting.rule_quiet_from, setting.rule_quiet_until)]
        return " · ".join(part for part in parts if part) or EMPTY

    @admin.display(description=gettext_lazy("Last run"))
    def last_run(self, setting: Any) -> str:
        if setting.last_run_day is None:
            return _("None yet")
        facts = {"day": setting.last_run_day.isoformat(), "due": f"{setting.last_run_due:,}", "out": f"{setting.last_run_held_out:,}"}
        return _("%(day)s · due: %(due)s · held out: %(out)s") % facts

    @admin.display(description=gettext_lazy("Changed"))
    def changed(self, setting: LifecycleSetting) -> str:
        return moment(setting.updated_at)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        given = form.cleaned_data
        saved = set_lifecycle(
            store=obj.store,
            scenario=obj.scenario,
            enabled=given["enabled"],
            send_time=given["send_time"],
            days=given["days"],
            holdout_percent=given["holdout_percent"],
            rule=form.own_rule(),
            by=request.user,  # type: ignore[arg-type]
            now=database_now(),
        )
        adopt(obj, saved)

    def response_change(self, request: HttpRequest, obj: LifecycleSetting) -> HttpResponse:
        return self._back(request, obj)

    def response_add(self, request: HttpRequest, obj: LifecycleSetting, post_url_continue: str | None = None) -> HttpResponse:
        return self._back(request, obj)

    def _back(self, request: HttpRequest, setting: LifecycleSetting) -> HttpResponse:
        messages.success(request, _("Saved. It acts from the next run on; what was switched off and not handed over is cancelled."))
        return HttpResponseRedirect(row_url(self.admin_site.name, setting))


@admin.register(LifecycleSetting, site=platform_site)
class PlatformLifecycleAdmin(LifecycleScreen, PlatformModelAdmin):
    """Lifecycle messages of all stores."""


@admin.register(LifecycleSetting, site=merchant_site)
class MerchantLifecycleAdmin(LifecycleScreen, MerchantModelAdmin):
    """Lifecycle messages of the user's own stores."""
