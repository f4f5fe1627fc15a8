"""Reminder settings: the switch, the time, and on the same page what the first card looks like, for whom and for how many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from backoffice.kernel.admin import MerchantModelAdmin, PlatformModelAdmin, adopt
from backoffice.kernel.admin.display import GOOD, PLAIN, chip, count, full_time, list_url, moment, row_url
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.money import format_yuan
from backoffice.kernel.sites import merchant_site, platform_site
from backoffice.kernel.tenancy.models import Store
from campaigns.admin.preview import make_previews, only_choose
from campaigns.choices import CREDIT_CARDS, MessageStatus, ScenarioCode
from campaigns.models import Message, ReminderRun, ReminderSetting
from campaigns.selectors.due import get_forecast, get_next_run_at, next_run_at
from campaigns.services.settings import set_reminder
from members.admin.words import unbroken


class TimeInput(UnfoldAdminTextInputWidget):
    """The browser's own time picker."""

    input_type = "time"

    def format_value(self, value: Any) -> Any:
        return value.strftime("%H:%M") if hasattr(value, "strftime") else value


class ReminderForm(forms.ModelForm[ReminderSetting]):
    """``enabled`` comes from the button that was pressed."""

    send_time = forms.TimeField(
        label=gettext_lazy("Send time"),
        initial=ReminderSetting._meta.get_field("send_time").default,
        widget=TimeInput(),
        help_text=gettext_lazy("Time of day, platform time, at which the day's reminders go out."),
    )

    class Meta:
        model = ReminderSetting
        fields = ("store", "enabled", "send_time")
        widgets = {"store": UnfoldAdminSelectWidget()}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        only_choose(self.fields.get("store"))


class ReminderSettingScreen:
    """Declaration of both consoles' screen."""

    form = ReminderForm
    list_display: tuple[str, ...] = ("store_name", "state", "time_of_day", "next_run", "last_run", "changed")
    list_display_links = ("store_name",)
    list_filter: tuple[str, ...] = ("enabled",)
    search_fields = ("store__name", "store__code")
    search_help_text = gettext_lazy("Searches the store's name and code.")
    add_fields: Sequence[str] = ("store", "enabled", "send_time")
    editable_fields: Sequence[str] = ("enabled", "send_time")
    change_form_template = "campaigns/reminder_setting.html"
    add_form_template = "campaigns/reminder_setting.html"
    list_before_template = "campaigns/stores_without_setting.html"
    warn_unsaved_form = False
    empty_text = gettext_lazy("No store has reminder settings yet. Choose one of the stores above.")

    admin_site: Any
    allows: Any
    related_rows: Any

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[ReminderSetting]:
        last = ReminderRun.objects.filter(store=models.OuterRef("store")).order_by("-local_day")
        queryset: models.QuerySet[ReminderSetting] = super().get_queryset(request)  # type: ignore[misc]
        now = database_now()
        today = last.filter(local_day=local_day(now))
        return queryset.select_related("store", "updated_by").annotate(
            last_run_day=models.Subquery(last.values("local_day")[:1]),
            last_run_due=models.Subquery(last.values("due_count")[:1]),
            today_scheduled_at=models.Subquery(today.values("scheduled_at")[:1]),
            today_started_at=models.Subquery(today.values("started_at")[:1]),
            read_at=models.Value(now, models.DateTimeField()),
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        return self.add_fields if obj is None else self.editable_fields

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "store":
            kwargs["queryset"] = Store.objects.filter(reminder_setting=None).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    # --- list

    @admin.display(description=gettext_lazy("Store"), ordering="store__name")
    def store_name(self, setting: ReminderSetting) -> str:
        return unbroken(setting.store.name)

    @admin.display(description=gettext_lazy("Reminders"))
    def state(self, setting: ReminderSetting) -> str:
        return chip(_("On"), GOOD) if setting.enabled else chip(_("Off"), PLAIN)

    @admin.display(description=gettext_lazy("Send time"))
    def time_of_day(self, setting: ReminderSetting) -> str:
        return setting.send_time.strftime("%H:%M")

    @admin.display(description=gettext_lazy("Next run"))
    def next_run(self, setting: Any) -> str:
        if not setting.enabled:
            return "—"
        at = next_run_at(setting.send_time, setting.read_at, scheduled_at=setting.today_scheduled_at, started=setting.today_started_at is not None)
        return full_time(at)

    @admin.display(description=gettext_lazy("Last run"))
    def last_run(self, setting: Any) -> str:
        if setting.last_run_day is None:
            return _("None yet")
        due = ngettext("%(number)s card due", "%(number)s cards due", setting.last_run_due) % {"number": f"{setting.last_run_due:,}"}
        return f"{setting.last_run_day.isoformat()} · {due}"

    @admin.display(description=gettext_lazy("Changed"))
    def changed(self, setting: ReminderSetting) -> str:
        return moment(setting.updated_at)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        without = []
        if self.has_add_permission(request):  # type: ignore[attr-defined]
            stores = self.related_rows(request, Store, Store.objects.filter(reminder_setting=None, status="OPEN").order_by("name"))[:50]
            add = reverse(f"{self.admin_site.name}:campaigns_remindersetting_add")
            without = [(store.name, f"{add}?store={store.pk}") for store in stores]
        return super().changelist_view(request, {**(extra_context or {}), "stores_without_setting": without})  # type: ignore[misc]

    # --- page

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        setting: ReminderSetting | None = kwargs.get("obj")
        store = setting.store if setting else self._chosen_store(request)
        context |= {"subtitle": None, "form_errors": context["errors"], "title": store.name if store else _("Reminders of another store")}
        if store is not None:
            may_change = setting is None or self.has_change_permission(request, setting)  # type: ignore[attr-defined]
            context["page"] = reminder_page(self, request, store, setting, context["adminform"].form, may_change=may_change, now=database_now())
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return answer

    def _chosen_store(self, request: HttpRequest) -> Store | None:
        """The store named in the address of the page for a store without settings, if it is in reach."""
        number = request.POST.get("store") or request.GET.get("store", "")
        if not number.isascii() or not number.isdigit() or len(number) > 18:
            return None
        found: Store | None = self.related_rows(request, Store, Store.objects.filter(pk=int(number), reminder_setting=None)).first()
        return found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        given = form.cleaned_data
        saved = set_reminder(store=obj.store, enabled=given["enabled"], send_time=given["send_time"], by=request.user, now=database_now())  # type: ignore[arg-type]
        adopt(obj, saved)

    def response_change(self, request: HttpRequest, obj: ReminderSetting) -> HttpResponse:
        return self._back(request, obj)

    def response_add(self, request: HttpRequest, obj: ReminderSetting, post_url_continue: str | None = None) -> HttpResponse:
        return self._back(request, obj)

    def _back(self, request: HttpRequest, setting: ReminderSetting) -> HttpResponse:
        if setting.enabled:
            at = get_next_run_at(setting.store, setting.send_time, database_now())
            messages.success(request, _("Reminders are on. The next cards go out at %(time)s.") % {"time": full_time(at)})
        else:
            messages.success(request, _("Reminders are off. What was not handed over is cancelled."))
        return HttpResponseRedirect(row_url(self.admin_site.name, setting))


def reminder_page(
    screen: Any, request: HttpRequest, store: Store, setting: ReminderSetting | None, form: Any, *, may_change: bool, now: datetime
) -> dict[str, Any]:
    """Context of the page: state, forecast, cards."""
    console = screen.admin_site.name
    send_time = setting.send_time if setting else form["send_time"].value()
    send_time = send_time if hasattr(send_time, "strftime") else ReminderSetting._meta.get_field("send_time").default
    forecast = get_forecast(store, send_time=send_time, now=now)
    members = screen.allows(request, "members.view_member")
    return {
        "store": store,
        "setting": setting,
        "is_open": store.status == "OPEN",
        "is_on": setting is not None and setting.enabled,
        "state": chip(_("On"), GOOD) if setting and setting.enabled else chip(_("Off"), PLAIN),
        "send_time": send_time.strftime("%H:%M"),
        "may_change": may_change,
        "next_run": full_time(forecast.at),
        "due": count(forecast.due),
        "due_number": forecast.due,
        "by_scenario": [(preview_name, forecast.by_scenario[code]) for code, preview_name in _scenario_names()],
        "examples": [
            {
                "member": example.member,
                "url": row_url(console, example.member) if members else "",
                "scenario": dict(_scenario_names())[example.scenario],
                "balance": format_yuan(Decimal(example.params["balance"])),
                "expiring": format_yuan(Decimal(example.params["expiring"])) if "expiring" in example.params else "",
            }
            for example in forecast.examples
        ],
        "previews": make_previews(
            store, forecast.examples, forecast.by_scenario, console=console, may_edit=may_change and screen.allows(request, "campaigns.change_messagetemplate")
        ),
        "waiting": f"{Message.objects.filter(store=store, status=MessageStatus.PENDING, scenario__in=CREDIT_CARDS).count():,}",
        "runs_url": list_url(console, ReminderRun, f"store__id__exact={store.pk}"),
    }


def _scenario_names() -> list[tuple[str, str]]:
    return [(code.value, str(code.label)) for code in (ScenarioCode.EXPIRY_REMINDER, ScenarioCode.BALANCE_REMINDER)]


@admin.register(ReminderSetting, site=platform_site)
class PlatformReminderSettingAdmin(ReminderSettingScreen, PlatformModelAdmin):
    """Settings of all stores."""


@admin.register(ReminderSetting, site=merchant_site)
class MerchantReminderSettingAdmin(ReminderSettingScreen, MerchantModelAdmin):
    """Settings of the user's own stores."""
