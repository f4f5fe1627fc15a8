"""A store's own words for its cards, with the placeholders beside the form and the card as it will look."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from backoffice.kernel.admin import MerchantModelAdmin, PlatformModelAdmin, adopt, tenant_action
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import merchant_site, platform_site
from backoffice.kernel.tenancy.choices import Language
from backoffice.kernel.tenancy.models import Store, User
from campaigns.admin.preview import only_choose
from campaigns.choices import ScenarioCode
from campaigns.models import MessageTemplate
from campaigns.scenarios.base import SCENARIOS, Text
from campaigns.scenarios.cards import render_text
from campaigns.scenarios.placeholders import TextRefused
from campaigns.services.texts import check_card_text, drop_card_text, save_card_text
from members.admin.words import unbroken


def _scenarios() -> list[tuple[str, Any]]:
    return [(one.code.value, one.code.label) for one in SCENARIOS]


class TextForm(forms.ModelForm[MessageTemplate]):
    """Refuses a text that could not be filled in, beside the field at fault."""

    class Meta:
        model = MessageTemplate
        fields = ("store", "scenario", "language", "title", "body")
        widgets = {
            "store": UnfoldAdminSelectWidget(),
            "scenario": UnfoldAdminSelectWidget(),
            "language": UnfoldAdminSelectWidget(),
            "title": UnfoldAdminTextInputWidget(),
            "body": UnfoldAdminTextareaWidget(attrs={"rows": 5}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        only_choose(self.fields.get("store"))
        if "scenario" in self.fields:
            self.fields["scenario"].choices = _scenarios()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any] | None:
        given = super().clean()
        scenario = self.cleaned_data.get("scenario") or self.instance.scenario
        if {"title", "body"} <= set(self.cleaned_data) and scenario:
            try:
                check_card_text(scenario=scenario, title=self.cleaned_data["title"], body=self.cleaned_data["body"])
            except TextRefused as refusal:
                self.add_error(refusal.facts["field"], str(refusal))
        return given


class MessageTextScreen:
    """Declaration of both consoles' screen."""

    form = TextForm
    list_display: tuple[str, ...] = ("scenario_name", "language", "store_name", "title", "body")
    list_display_links = ("scenario_name",)
    list_filter: tuple[str, ...] = ("store", "scenario", "language")
    list_select_related = ("store",)
    add_fields: Sequence[str] = ("store", "scenario", "language", "title", "body")
    editable_fields: Sequence[str] = ("title", "body")
    change_form_template = "campaigns/message_text.html"
    add_form_template = "campaigns/message_text.html"
    actions_detail = ("use_standard_words",)
    empty_text = gettext_lazy("All stores use the standard words. Write a store's own under “Add message text”, or from its reminder settings.")

    admin_site: Any
    related_rows: Any

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        return self.add_fields if obj is None else self.editable_fields

    @admin.display(description=gettext_lazy("Card"))
    def scenario_name(self, template: MessageTemplate) -> str:
        return str(template.get_scenario_display())

    @admin.display(description=gettext_lazy("Store"))
    def store_name(self, template: MessageTemplate) -> str:
        return unbroken(template.store.name)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The standard words to start from."""
        asked = {name: request.GET[name] for name in ("store", "scenario", "language") if name in request.GET}
        scenario = asked.get("scenario", "")
        language = asked.get("language", Language.ZH_HANS.value)
        if scenario in SCENARIOS and language in Language.values:
            text = SCENARIOS.get(scenario).texts[Language(language)]
            return {**asked, "title": text.title, "body": text.body}
        return asked

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        template: MessageTemplate | None = kwargs.get("obj")
        context |= {"subtitle": None, "page": text_page(self, request, template, context["adminform"].form)}
        if template is not None:
            context["title"] = f"{template.store.name} · {template}"
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return answer

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        adopt(
            obj,
            save_card_text(
                store=obj.store,
                scenario=obj.scenario,
                language=obj.language,
                title=obj.title,
                body=obj.body,
                by=cast(User, request.user),
                now=database_now(),
            ),
        )

    @tenant_action(
        permission="campaigns.change_messagetemplate",
        title=gettext_lazy("Use the standard words"),
        icon="restart_alt",
        danger=True,
        description=gettext_lazy("The store's own words for this card are removed. Cards handed over from then on use the words that ship."),
    )
    def use_standard_words(self, request: HttpRequest, template: MessageTemplate, form: Any) -> HttpResponse:
        drop_card_text(template=template, by=cast(User, request.user), now=database_now())
        self.message_user(request, _("The card uses the standard words again."))  # type: ignore[attr-defined]
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:campaigns_messagetemplate_changelist"))


def text_page(screen: Any, request: HttpRequest, template: MessageTemplate | None, form: Any) -> dict[str, Any]:
    """Placeholders with their meaning, and the card filled with sample figures, by scenario; the page's script shows the chosen one as it is typed."""
    chosen = (
        template.scenario
        if template
        else str(form["scenario"].value() or ScenarioCode.BALANCE_REMINDER.value)
        if "scenario" in form.fields
        else ScenarioCode.BALANCE_REMINDER.value
    )
    language = (
        template.language if template else str(form["language"].value() or Language.ZH_HANS.value) if "language" in form.fields else Language.ZH_HANS.value
    )
    if chosen not in SCENARIOS:
        chosen = ScenarioCode.BALANCE_REMINDER.value
    if language not in Language.values:
        language = Language.ZH_HANS.value
    store_name = template.store.name if template else _chosen_store_name(screen, request)
    samples = {
        scenario.code.value: {
            each.value: {
                "values": {**scenario.values(scenario.sample, each.value), "store": store_name},
                "title": scenario.texts[each].title,
                "body": scenario.texts[each].body,
            }
            for each in Language
        }
        for scenario in SCENARIOS
    }
    scenario = SCENARIOS.get(chosen)
    title, body = (form[name].value() if name in form.fields else getattr(template, name, "") for name in ("title", "body"))
    try:
        check_card_text(scenario=chosen, title=title or "", body=body or "")
        shown = render_text(Text(title or "", body or ""), scenario=chosen, store_name=store_name, language=language, params=scenario.sample)
    except TextRefused:
        shown = Text(title or "", body or "")
    return {
        "store_name": store_name,
        "scenario": scenario.code.label,
        "language": language,
        "placeholders": [(one.code.value, one.code.label, list(one.placeholders.items())) for one in SCENARIOS],
        "chosen": chosen,
        "shown": shown,
        "samples": json.loads(json.dumps(samples)),
    }


def _chosen_store_name(screen: Any, request: HttpRequest) -> str:
    number = request.POST.get("store") or request.GET.get("store", "")
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        return _("Store")
    found: Store | None = screen.related_rows(request, Store, Store.objects.filter(pk=int(number))).first()
    return found.name if found else _("Store")


@admin.register(MessageTemplate, site=platform_site)
class PlatformMessageTextAdmin(MessageTextScreen, PlatformModelAdmin):
    """Texts of all stores."""


@admin.register(MessageTemplate, site=merchant_site)
class MerchantMessageTextAdmin(MessageTextScreen, MerchantModelAdmin):
    """Texts of the user's own stores."""
