"""The form of a draft: what an application says, each capability with its own scene and value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from applications.choices import AppBuild, DemoCover
from applications.content import LONGEST_LINE, LONGEST_TEXT, Content
from applications.models import Capability, DemoFile

TARGETS = {
    AppBuild.CUSTOM.value: ("merchant",),
    AppBuild.TEMPLATE.value: ("audience_group", "audience_category", "audience_type", "audience_stage"),
}
CONTACTS = ("contact_name", "contact_dingtalk", "contact_other")
DEMO = ("demo_url", "demo_other_url", "demo_file", "upload", "demo_covers")
PAPERS = ("company_intro", "past_cases")


def _line(label: Any, help_text: Any = "") -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=LONGEST_LINE, widget=UnfoldAdminTextInputWidget())


def _text(label: Any, help_text: Any = "", rows: int = 4) -> forms.CharField:
    widget = UnfoldAdminTextareaWidget(attrs={"rows": rows})
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=LONGEST_TEXT, widget=widget)


@dataclass(frozen=True)
class CapabilityRow:
    """The three fields of one capability on the page."""

    capability: Capability
    chosen: BoundField
    scene: BoundField
    value: BoundField


class DraftForm(forms.Form):
    """A draft as its developer writes it. Nothing is required while writing: what is missing is said by the checks, beside each part."""

    merchant = _line(
        gettext_lazy("Merchant"), gettext_lazy("The merchant's code, or its full name. It has to be a premium merchant, and confirms the application.")
    )
    audience_group = _line(gettext_lazy("Group"), gettext_lazy("For example a group of brands."))
    audience_category = _line(gettext_lazy("Category"), gettext_lazy("What the merchants sell."))
    audience_type = _line(gettext_lazy("Type"), gettext_lazy("For example flagship stores."))
    audience_stage = _line(gettext_lazy("Stage"), gettext_lazy("For example merchants that begin with members."))
    contact_name = _line(gettext_lazy("Contact"), gettext_lazy("Who answers questions about this application."))
    contact_dingtalk = _line(gettext_lazy("DingTalk"))
    contact_other = _line(gettext_lazy("Other contacts"), gettext_lazy("Phone or email, if you like."))
    demo_url = _line(gettext_lazy("Demo document"), gettext_lazy("The whole address. Yuque is a good place: readable by everybody who has the link."))
    demo_other_url = _line(gettext_lazy("Another public address"), gettext_lazy("For example of a working demo."))
    demo_file = forms.TypedChoiceField(
        label=gettext_lazy("A file handed in before"), required=False, coerce=int, empty_value=None, widget=UnfoldAdminSelectWidget()
    )
    upload = forms.FileField(label=gettext_lazy("Upload a file"), required=False)
    demo_covers = forms.MultipleChoiceField(
        label=gettext_lazy("What the demo shows"), required=False, choices=DemoCover.choices, widget=forms.CheckboxSelectMultiple()
    )
    company_intro = _text(gettext_lazy("Company introduction"), gettext_lazy("Who you are, what you have built, how many people you are."))
    past_cases = _text(gettext_lazy("Past cases"), gettext_lazy("For whom, what it did, and how one sees that it worked."))
    draft_version = forms.IntegerField(widget=forms.HiddenInput())

    def __init__(self, *args: Any, build: str, capabilities: Sequence[Capability], files: Sequence[DemoFile], asks_papers: bool, **kwargs: Any) -> None:
        self.uploaded_too_large = kwargs.pop("uploaded_too_large", False)
        super().__init__(*args, **kwargs)
        self.capabilities = capabilities
        self.target = TARGETS.get(build, ())
        unused = {name for names in TARGETS.values() for name in names} - set(self.target) | (set() if asks_papers else set(PAPERS))
        for name in unused:
            del self.fields[name]
        file_field: Any = self.fields["demo_file"]
        file_field.choices = [("", _("None")), *((str(row.pk), row.file_name) for row in files)]
        if not files:
            del self.fields["demo_file"]
        for row in capabilities:
            self.fields[f"ask-{row.code}"] = forms.BooleanField(label=str(row), required=False)
            self.fields[f"scene-{row.code}"] = _text(_("Scene"), _("Where in the app it is used, by whom and how."), rows=3)
            self.fields[f"value-{row.code}"] = _text(pgettext("application", "Value"), _("What the member and the merchant gain by it."), rows=3)

    @staticmethod
    def initial_of(content: Content, draft_version: int) -> dict[str, Any]:
        """What the form shows of a stored draft."""
        plain = content.as_json()
        shown = {name: plain[name] for name in plain if name != "capabilities"}
        shown["draft_version"] = draft_version
        for asked in content.capabilities:
            shown |= {f"ask-{asked.capability}": True, f"scene-{asked.capability}": asked.scene, f"value-{asked.capability}": asked.value}
        return shown

    def clean_upload(self) -> Any:
        given = self.cleaned_data.get("upload")
        if self.uploaded_too_large:
            raise forms.ValidationError(_("The file is too large: at most %(most)d MB.") % {"most": settings.MAX_UPLOAD_BYTES // 1_000_000})
        return given

    def as_content(self) -> dict[str, Any]:
        """The fields of the draft that the form shows, for ``save_draft``."""
        cleaned = self.cleaned_data
        content = {name: cleaned[name] for name in self.fields if name in cleaned and "-" not in name and name not in ("draft_version", "upload")}
        content["capabilities"] = [
            {"capability": row.code, "scene": cleaned.get(f"scene-{row.code}", ""), "value": cleaned.get(f"value-{row.code}", "")}
            for row in self.capabilities
            if cleaned.get(f"ask-{row.code}")
        ]
        return content

    def rows(self) -> list[CapabilityRow]:
        return [CapabilityRow(row, self[f"ask-{row.code}"], self[f"scene-{row.code}"], self[f"value-{row.code}"]) for row in self.capabilities]

    def named(self, names: Sequence[str]) -> list[BoundField]:
        """The fields ``names`` that this draft has."""
        return [self[name] for name in names if name in self.fields]
