"""What several screens of applications are made of: dialogs that begin with facts, saved filters as tabs, tones of chips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.contrib.admin.views.main import SEARCH_VAR
from django.http import HttpRequest, QueryDict
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from applications.choices import (
    AppealStatus,
    BarStatus,
    CaseState,
    ConfirmationStatus,
    EnablementStatus,
    GrantStatus,
    Openness,
    PolicyStatus,
    ReReviewStatus,
    StandingLevel,
    StrikeStatus,
)
from backoffice.kernel.admin.display import BAD, BUSY, GOOD, PLAIN, WARN

POLICY_TONES: Mapping[Any, str] = {PolicyStatus.DRAFT: BUSY, PolicyStatus.PUBLISHED: GOOD}
OPENNESS_TONES: Mapping[Any, str] = {Openness.OPEN: GOOD, Openness.CUSTOM_ONLY: WARN, Openness.CLOSED: PLAIN}
GRANT_TONES: Mapping[Any, str] = {GrantStatus.ACTIVE: GOOD, GrantStatus.SUSPENDED: WARN, GrantStatus.REVOKED: BAD}
STANDING_TONES: Mapping[Any, str] = {StandingLevel.GOOD: GOOD, StandingLevel.WARNED: WARN, StandingLevel.COOL_DOWN: WARN, StandingLevel.BARRED: BAD}
STRIKE_TONES: Mapping[Any, str] = {StrikeStatus.PROVISIONAL: WARN, StrikeStatus.COUNTING: BAD}
BAR_TONES: Mapping[Any, str] = {BarStatus.SUGGESTED: BUSY, BarStatus.PROPOSED: WARN, BarStatus.CONFIRMED: BAD}
APPEAL_TONES: Mapping[Any, str] = {AppealStatus.OPEN: WARN, AppealStatus.OVERTURNED: GOOD}
CONFIRMATION_TONES: Mapping[Any, str] = {ConfirmationStatus.WAITING: WARN, ConfirmationStatus.CONFIRMED: GOOD, ConfirmationStatus.DECLINED: BAD}
ENABLEMENT_TONES: Mapping[Any, str] = {EnablementStatus.ON: GOOD, EnablementStatus.PAUSED: WARN}
RE_REVIEW_TONES: Mapping[Any, str] = {ReReviewStatus.OPEN: WARN, ReReviewStatus.KEPT: GOOD}
CASE_TONES: Mapping[Any, str] = {
    CaseState.CHECKS_PENDING: WARN, CaseState.AWAITING_MERCHANT: BUSY, CaseState.QUEUED: BUSY, CaseState.IN_REVIEW: BUSY,
    CaseState.CHANGES_REQUESTED: WARN, CaseState.HELD: WARN, CaseState.DECIDED: BUSY, CaseState.APPROVED: GOOD, CaseState.PARTIAL: GOOD,
    CaseState.REFUSED: BAD,
}  # fmt: skip


class FactsDialog(BaseDialogForm):
    """A dialog that begins with facts about its row: labels with values, then a sentence, then a warning. ``obj`` is set before anything is shown."""

    obj: Any = None

    def facts(self) -> Iterable[tuple[Any, Any]]:
        return []

    def sentence(self) -> Any:
        return ""

    def alert(self) -> Any:
        return ""

    def render_before_template(self) -> str:
        context = {"facts": list(self.facts()), "sentence": self.sentence(), "alert": self.alert()}
        return render_to_string("applications/dialog_facts.html", context)


class WhyDialog(FactsDialog):
    """With facts, and a reason that stays beside what is done."""

    reason = forms.CharField(label=_("Reason"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


Tab = tuple[Any, str]
"""Title and query string (``status__exact=ACTIVE``); the empty query string is the whole list."""


class TabbedList:
    """Mixin of list screens: ``tabs`` are links to the list under a saved filter."""

    list_before_template = "applications/list_tabs.html"

    def list_tabs(self, request: HttpRequest) -> Iterable[Tab]:
        return ()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        tabs = [{"title": title, "query": query, "active": is_active(request, query)} for title, query in self.list_tabs(request)]
        return super().changelist_view(request, {**(extra_context or {}), "list_tabs": tabs})  # type: ignore[misc]


def is_active(request: HttpRequest, query: str) -> bool:
    """Whether the list is under exactly this filter, searched or not."""
    shown = {name: values for name, values in request.GET.lists() if name not in (SEARCH_VAR, "before", "after", "count", "e", "o")}
    return shown == dict(QueryDict(query).lists())


def dialog_link(title: Any, url: str) -> SafeString:
    """A link that opens an act's dialog; without JavaScript it leads to the act's page."""
    return format_html(
        '<a class="bo-link" href="{}" hx-get="{}" hx-target="#modal-content" hx-select="#dialog" x-on:htmx:after-on-load="openModal = true">{}</a>',
        url, url, title,
    )  # fmt: skip


def one_a_line(texts: Iterable[Any]) -> SafeString:
    """Several values in one cell, each on its own line."""
    return format_html_join("", '<span class="block">{}</span>', ((text,) for text in texts))
