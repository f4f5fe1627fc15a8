"""Reminders about paid membership: a store's two switches, their time, and what the last run did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from backoffice.kernel.admin import MerchantModelAdmin, PlatformModelAdmin, adopt
from backoffice.kernel.admin.display import GOOD, PLAIN, chip, moment, row_url
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import merchant_site, platform_site
from backoffice.kernel.tenancy.models import Store
from campaigns.admin.preview import only_choose
from campaigns.admin.settings import TimeInput
from campaigns.models import PaidReminderRun, PaidReminderSetting
from campaigns.models.paid import DEFAULT_SEND_TIME
from campaigns.services.paid_settings import set_paid_reminder
from members.admin.words import unbroken


class PaidReminderForm(forms.ModelForm[PaidReminderSetting]):
    """The notice of an automatic renewal has no switch: the text above the fields says so."""

    send_time = forms.TimeField(
        label=gettext_lazy("Send time"),
        initial=DEFAULT_SEND_TIME,
        widget=TimeInput(),
        help_text=gettext_lazy("Time of day, platform time, at which the day's reminders go out."),
    )

    class Meta:
        model = PaidReminderSetting
        fields = ("store", "ending_on", "benefits_on", "send_time")
        widgets = {"store": UnfoldAdminSelectWidget(), "ending_on": UnfoldBooleanSwitchWidget(), "benefits_on": UnfoldBooleanSwitchWidget()}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        only_choose(self.fields.get("store"))


class PaidReminderScreen:
    """Declaration of both consoles' screen."""

    form = PaidReminderForm
    list_display: tuple[str, ...] = ("store_name", "ending", "benefits", "time_of_day", "last_run", "changed")
    list_display_links = ("store_name",)
    list_filter: tuple[str, ...] = ("ending_on", "benefits_on")
    search_fields = ("store__name", "store__code")
    search_help_text = gettext_lazy("Searches the store's name and code.")
    add_fields: Sequence[str] = ("store", "ending_on", "benefits_on", "send_time")
    editable_fields: Sequence[str] = ("ending_on", "benefits_on", "send_time")
    empty_text = gettext_lazy("No store has set reminders about paid membership. Add them for a store that sells it.")

    admin_site: Any

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[PaidReminderSetting]:
        last = PaidReminderRun.objects.filter(store=models.OuterRef("store")).order_by("-local_day")
        queryset: models.QuerySet[PaidReminderSetting] = super().get_queryset(request)  # type: ignore[misc]
        return queryset.select_related("store", "updated_by").annotate(
            last_run_day=models.Subquery(last.values("local_day")[:1]),
            last_run_due=models.Subquery(last.values("due_count")[:1]),
            last_run_held_back=models.Subquery(last.values("held_back_count")[:1]),
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        about = _(
            "Reminders go to active members who agree to marketing, within the limits of 2 messages a day from one store and 10 from all. "
            "The notice of an automatic renewal goes at the same time to everybody who agreed to renew: it is owed to them and has no switch."
        )
        return [(None, {"fields": self.add_fields if obj is None else ("store", *self.editable_fields), "description": about})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        named = super().get_readonly_fields(request, obj)  # type: ignore[misc]
        return named if obj is None else [*named, *(["store"] if "store" not in named else [])]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "store":
            kwargs["queryset"] = Store.objects.filter(paid_reminder_setting=None, status="OPEN").order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    @admin.display(description=gettext_lazy("Store"), ordering="store__name")
    def store_name(self, setting: PaidReminderSetting) -> str:
        return unbroken(setting.store.name)

    @admin.display(description=gettext_lazy("End of the term"))
    def ending(self, setting: PaidReminderSetting) -> str:
        return _switch(setting.ending_on)

    @admin.display(description=gettext_lazy("Unused benefits"))
    def benefits(self, setting: PaidReminderSetting) -> str:
        return _switch(setting.benefits_on)

    @admin.display(description=gettext_lazy("Send time"))
    def time_of_day(self, setting: PaidReminderSetting) -> str:
        return setting.send_time.strftime("%H:%M")

    @admin.display(description=gettext_lazy("Last run"))
    def last_run(self, setting: Any) -> str:
        if setting.last_run_day is None:
            return _("None yet")
        due = ngettext("%(number)s card due", "%(number)s cards due", setting.last_run_due) % {"number": f"{setting.last_run_due:,}"}
        held = _("held back: %(number)s") % {"number": f"{setting.last_run_held_back:,}"}
        return f"{setting.last_run_day.isoformat()} · {due} · {held}"

    @admin.display(description=gettext_lazy("Changed"))
    def changed(self, setting: PaidReminderSetting) -> str:
        return moment(setting.updated_at)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        given = form.cleaned_data
        saved = set_paid_reminder(
            store=obj.store,
            ending_on=given["ending_on"],
            benefits_on=given["benefits_on"],
            send_time=given["send_time"],
            by=request.user,  # type: ignore[arg-type]
            now=database_now(),
        )
        adopt(obj, saved)

    def response_change(self, request: HttpRequest, obj: PaidReminderSetting) -> HttpResponse:
        return self._back(request, obj)

    def response_add(self, request: HttpRequest, obj: PaidReminderSetting, post_url_continue: str | None = None) -> HttpResponse:
        return self._back(request, obj)

    def _back(self, request: HttpRequest, setting: PaidReminderSetting) -> HttpResponse:
        messages.success(request, _("Saved. It acts from the next run on; what was switched off and not handed over is cancelled."))
        return HttpResponseRedirect(row_url(self.admin_site.name, setting))


def _switch(is_on: bool) -> str:
    return chip(_("On"), GOOD) if is_on else chip(_("Off"), PLAIN)


@admin.register(PaidReminderSetting, site=platform_site)
class PlatformPaidReminderAdmin(PaidReminderScreen, PlatformModelAdmin):
    """Settings of all stores."""


@admin.register(PaidReminderSetting, site=merchant_site)
class MerchantPaidReminderAdmin(PaidReminderScreen, MerchantModelAdmin):
    """Settings of the user's own stores."""
