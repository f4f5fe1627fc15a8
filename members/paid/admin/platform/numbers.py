"""Business numbers of paid membership on one page; only those that somebody changed are rows."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from backoffice.kernel.admin import PlatformModelAdmin, person, tenant_action
from backoffice.kernel.admin.display import EMPTY, full_time, row_link
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import platform_site
from members.paid.admin.merchant.base import Table
from members.paid.choices import NUMBERS
from members.paid.models import PaidNumber
from members.paid.selectors.numbers import get_numbers
from members.paid.services.numbers import CHANGE, set_number


class NumberDialog(BaseDialogForm):
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

    def render_before_template(self) -> str:
        facts: list[tuple[Any, Any]] = []
        if self.asked in NUMBERS:
            number = NUMBERS[self.asked]
            facts = [
                (_("Business number"), number.meaning),
                (_("Value now"), getattr(get_numbers(), self.asked)),
                (_("Default"), number.default),
                (_("Allowed"), f"{number.least} … {number.most}"),
            ]
        sentence = _("It holds from now on. Times already given keep theirs.")
        return render_to_string("members/dialog_facts.html", {"facts": facts, "sentence": sentence})


@admin.register(PaidNumber, site=platform_site)
class PaidNumberAdmin(PlatformModelAdmin):
    list_display = ("code",)
    list_select_related = ("changed_by",)
    fields = ("code", "value", "changed_by", "changed_at")
    actions_list = ("set_number",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        numbers, may = get_numbers(), self.allows(request, CHANGE)
        changed = {row.code: row for row in PaidNumber.objects.select_related("changed_by")}
        address = reverse("platform:paid_paidnumber_set_number")
        rows = []
        for code, number in NUMBERS.items():
            row = changed.get(code)
            told = row_link("platform", row, f"{row.changed_by} · {full_time(row.changed_at)}") if row else EMPTY
            act = render_to_string("members/act_link.html", {"url": f"{address}?code={code}", "title": _("Change the value")}) if may else ""
            rows.append([number.meaning, getattr(numbers, code), number.default, f"{number.least} … {number.most}", told, act])
        heads = (_("Business number"), _("Value now"), _("Default"), _("Allowed"), _("Changed"), "")
        request.current_app = self.admin_site.name
        context = {**self.admin_site.each_context(request), "title": _("Numbers of paid membership"), "opts": self.opts, **(extra_context or {})}
        return TemplateResponse(request, "paid/platform/numbers.html", {**context, "table": Table(heads, rows, numbers=(1, 2, 3))})

    @tenant_action(
        permission=CHANGE, title=gettext_lazy("Change a number"), submit=gettext_lazy("Change the value"), form=NumberDialog, icon="edit", on_list=True
    )
    def set_number(self, request: HttpRequest, form: Any) -> str:
        row = set_number(code=form.cleaned_data["code"], value=form.cleaned_data["value"], by=person(request), now=database_now())
        return _("%(meaning)s: %(value)d.") % {"meaning": NUMBERS[row.code].meaning, "value": row.value}
