"""Business numbers of the review, and the working calendar by which its days are counted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from applications.admin.parts import FactsDialog, Tab, TabbedList, dialog_link
from applications.choices import NUMBERS
from applications.models import CalendarDay, RuleNumber
from applications.selectors.numbers import get_numbers
from applications.services.numbers import CHANGE_CALENDAR, CHANGE_NUMBER, set_calendar_day, set_number
from backoffice.kernel.admin import PlatformModelAdmin, person, tenant_action
from backoffice.kernel.admin.display import GOOD, PLAIN, WARN, chip, moment, row_url
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.sites import platform_site
from backoffice.kernel.tenancy.admin.forms import DayInput

WEEKDAYS = (
    gettext_lazy("Monday"),
    gettext_lazy("Tuesday"),
    gettext_lazy("Wednesday"),
    gettext_lazy("Thursday"),
    gettext_lazy("Friday"),
    gettext_lazy("Saturday"),
    gettext_lazy("Sunday"),
)


class NumberDialog(FactsDialog):
    """Which number, and its new value. A link from the page names the number."""

    code = forms.ChoiceField(label=gettext_lazy("Business number"), widget=UnfoldAdminSelectWidget())
    value = forms.IntegerField(label=gettext_lazy("New value"), widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric", "autocomplete": "off"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code: Any = self.fields["code"]
        code.choices = [(code, number.meaning) for code, number in NUMBERS.items()]
        self.asked = self.request.GET.get("code", "")
        if self.asked in NUMBERS:
            code.initial, code.widget = self.asked, forms.HiddenInput()
            self.fields["value"].initial = getattr(get_numbers(), self.asked)

    def facts(self) -> list[tuple[Any, Any]]:
        if self.asked not in NUMBERS:
            return []
        number = NUMBERS[self.asked]
        return [
            (_("Business number"), number.meaning),
            (_("Value now"), getattr(get_numbers(), self.asked)),
            (_("Default"), number.default),
            (_("Allowed"), f"{number.least} … {number.most}"),
        ]

    def sentence(self) -> str:
        return _("It holds from now on. Times already given (due dates, days to answer, strikes) keep theirs.")


@admin.register(RuleNumber, site=platform_site)
class RuleNumberAdmin(PlatformModelAdmin):
    """All numbers on one page; only those that somebody changed are rows."""

    list_display = ("code",)
    list_select_related = ("changed_by",)
    fields = ("code", "value", "changed_by", "changed_at")
    actions_list = ("set_number",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        numbers, may = get_numbers(), self.allows(request, CHANGE_NUMBER)
        changed = {row.code: row for row in RuleNumber.objects.select_related("changed_by")}
        address = reverse("platform:applications_rulenumber_set_number")
        rows = []
        for code, number in NUMBERS.items():
            row = changed.get(code)
            rows.append(
                {
                    "code": code,
                    "meaning": number.meaning,
                    "value": getattr(numbers, code),
                    "default": number.default,
                    "range": f"{number.least} … {number.most}",
                    "changed": moment(row.changed_at) if row else "",
                    "by": row.changed_by if row else "",
                    "url": row_url("platform", row) if row else "",
                    "act": dialog_link(_("Change the value"), f"{address}?code={code}") if may else "",
                }
            )
        request.current_app = self.admin_site.name
        context = {**self.admin_site.each_context(request), "title": _("Business numbers"), "opts": self.opts, "rows": rows, **(extra_context or {})}
        return TemplateResponse(request, "applications/platform/numbers.html", context)

    @tenant_action(
        permission=CHANGE_NUMBER, title=gettext_lazy("Change a number"), submit=gettext_lazy("Change the value"), form=NumberDialog, icon="edit", on_list=True
    )
    def set_number(self, request: HttpRequest, form: Any) -> str:
        row = set_number(code=form.cleaned_data["code"], value=form.cleaned_data["value"], by=person(request), now=database_now())
        return _("%(meaning)s: %(value)d.") % {"meaning": NUMBERS[row.code].meaning, "value": row.value}


class DayDialog(FactsDialog):
    """A day that is not what its weekday says."""

    day = forms.DateField(label=gettext_lazy("Day"), widget=DayInput())
    is_working = forms.TypedChoiceField(
        label=gettext_lazy("It is"),
        choices=(("no", gettext_lazy("A holiday")), ("yes", gettext_lazy("A working day"))),
        coerce=lambda value: value == "yes",
        widget=UnfoldAdminSelectWidget(),
    )
    name = forms.CharField(label=gettext_lazy("Name"), max_length=64, widget=UnfoldAdminTextInputWidget())

    def sentence(self) -> str:
        return _("Due dates that are running are counted anew within the hour.")


@admin.register(CalendarDay, site=platform_site)
class CalendarDayAdmin(TabbedList, PlatformModelAdmin):
    """Days that differ from their weekday. Without an entry Monday to Friday are worked."""

    list_display = ("day_column", "weekday", "kind", "name", "announced")
    list_display_links = ("day_column",)
    list_filter = ("is_working", "is_confirmed", "day")
    ordering = ("day",)
    list_per_page = 100
    fields = ("day", "is_working", "name", "is_confirmed")
    actions_list = ("set_day",)
    empty_text = gettext_lazy("No day is entered: Monday to Friday count as working days. Enter the public holidays and the weekend days worked for them.")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        year = local_day(database_now()).year
        years = ((f"{one}", f"day_from={one}-01-01&day_to={one}-12-31") for one in (year, year + 1))
        return ((_("All"), ""), *years, (_("Not announced yet"), "is_confirmed__exact=0"))

    @admin.display(description=gettext_lazy("Day"))
    def day_column(self, row: CalendarDay) -> str:
        return row.day.isoformat()

    @admin.display(description=gettext_lazy("Weekday"))
    def weekday(self, row: CalendarDay) -> str:
        return str(WEEKDAYS[row.day.weekday()])

    @admin.display(description=gettext_lazy("It is"))
    def kind(self, row: CalendarDay) -> str:
        return chip(_("A working day"), WARN) if row.is_working else chip(_("A holiday"), GOOD)

    @admin.display(description=gettext_lazy("Announced"))
    def announced(self, row: CalendarDay) -> str:
        return chip(_("Announced"), PLAIN) if row.is_confirmed else chip(_("An estimate"), WARN)

    @tenant_action(permission=CHANGE_CALENDAR, title=gettext_lazy("Set a day"), submit=gettext_lazy("Save"), form=DayDialog, icon="event", on_list=True)
    def set_day(self, request: HttpRequest, form: Any) -> str:
        given = form.cleaned_data
        row = set_calendar_day(day=given["day"], is_working=given["is_working"], name=given["name"], by=person(request), now=database_now())
        return _("%(day)s is set.") % {"day": row.day.isoformat()}
