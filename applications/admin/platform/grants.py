"""Grants and what makes them be looked at again: suspend, resume, certify, revoke by two people, close a re-review."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import DropdownFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from applications.admin.parts import GRANT_TONES, RE_REVIEW_TONES, FactsDialog, Tab, TabbedList, WhyDialog
from applications.choices import CERTIFY_WITHIN, LIVE_GRANTS, AppBuild, EnablementStatus, GrantStatus, ReReviewStatus
from applications.models import Grant, ReReview, StoreEnablement
from applications.services.grants import (
    REVOKE,
    SUSPEND,
    certify_grant,
    close_re_review,
    confirm_revocation,
    drop_revocation,
    propose_revocation,
    resume_grant,
    suspend_grant,
)
from backoffice.kernel.admin import PlatformModelAdmin, person, tenant_action
from backoffice.kernel.admin.display import EMPTY, WARN, chip, full_time, moment, row_link, row_url, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import platform_site

STORES_NAMED = 20


def uses_of(grant: Grant) -> models.QuerySet[StoreEnablement]:
    """Stores for which the app works by this grant now."""
    uses = StoreEnablement.objects.filter(app_id=grant.app_id, status=EnablementStatus.ON)
    return uses.filter(store__merchant_id=grant.merchant_id) if grant.merchant_id else uses


def stores_text(number: int) -> str:
    return ngettext("%(n)s store uses the app now", "%(n)s stores use the app now", number) % {"n": f"{number:,}"}


def grant_facts(grant: Grant) -> list[tuple[Any, Any]]:
    return [
        (_("App"), f"{grant.app.name} ({grant.app.code})"),
        (_("Developer"), grant.app.developer.name),
        (_("Capability"), grant.capability),
        (_("Works for"), reach_text(grant)),
        (_("What it stops"), stores_text(uses_of(grant).count())),
    ]


def reach_text(grant: Grant) -> str:
    return grant.merchant.name if grant.merchant else _("Stores of premium and potential merchants that switched the app on")


class GrantDialog(WhyDialog):
    """Names the grant and how many stores use it."""

    def facts(self) -> list[tuple[Any, Any]]:
        return grant_facts(self.obj)


class SuspendDialog(GrantDialog):
    def sentence(self) -> str:
        return _("Every call of the app with this capability is refused from this moment on, until it is resumed. The developer reads the reason.")


class ProposeDialog(GrantDialog):
    def sentence(self) -> str:
        return _("The grant works until another person confirms. The developer then reads the reason.")


class RevokeDialog(FactsDialog):
    """The second person types the app's code."""

    code = forms.CharField(
        label=gettext_lazy("Type the app's code to confirm"), max_length=64, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
    )

    def facts(self) -> list[tuple[Any, Any]]:
        return [*grant_facts(self.obj), (_("Proposed by"), self.obj.revocation_proposed_by), (_("Reason"), self.obj.revocation_reason)]

    def alert(self) -> str:
        if self.obj.revocation_proposed_by_id == self.request.user.pk:
            return _("You proposed it. Another person has to confirm.")
        return _("Every call of the app with this capability is refused from this moment on. It cannot be undone: the developer would have to apply again.")

    def clean_code(self) -> str:
        typed = str(self.cleaned_data["code"]).strip()
        if self.obj is not None and typed != self.obj.app.code:
            raise forms.ValidationError(_("This is not the app's code."))
        return typed


def _is_live(grant: Any) -> bool:
    return grant.status in LIVE_GRANTS


def _is_proposed(grant: Any) -> bool:
    return _is_live(grant) and grant.revocation_proposed_by_id is not None


class WaitsForFilter(DropdownFilter):
    """Grants with which something has to be done."""

    title = gettext_lazy("Waits for")
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return (("revocation", _("A second person to revoke it")), ("certifying", _("Certifying: it expires within 60 days")))

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        if self.value() == "revocation":
            return queryset.filter(revocation_proposed_by__isnull=False, ended_at=None)
        if self.value() == "certifying":
            return queryset.filter(status__in=LIVE_GRANTS, expires_at__lte=database_now() + CERTIFY_WITHIN)
        return queryset


@admin.register(Grant, site=platform_site)
class GrantAdmin(TabbedList, PlatformModelAdmin):
    """Grants, newest first. The page says who uses one and what revoking it would stop."""

    big_list = True
    list_display = ("app_name", "developer_name", "capability_name", "build_column", "merchant_name", "status_column", "expires", "waits")
    list_display_links = ("app_name",)
    list_filter = ("status", "build", WaitsForFilter)
    list_select_related = ("app__developer", "capability", "merchant", "revocation_proposed_by", "revoked_by", "decision__case")
    search_fields = ("app__name", "app__code", "app__developer__name", "capability__code")
    search_help_text = gettext_lazy("App, its code, developer, or the capability's code")
    fields = ("app",)
    change_form_template = "applications/platform/grant.html"
    actions_detail = ("suspend", "resume", "certify", "propose_revocation", "confirm_revocation", "drop_revocation")
    empty_text = gettext_lazy("No grant yet. When an application is approved, its grants appear here.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Grant]:
        return super().get_queryset(request).select_related(*self.list_select_related)

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (
            (_("All"), ""),
            (GrantStatus.ACTIVE.label, f"status__exact={GrantStatus.ACTIVE}"),
            (GrantStatus.SUSPENDED.label, f"status__exact={GrantStatus.SUSPENDED}"),
            (_("Revocation proposed"), "waits=revocation"),
            (_("To certify"), "waits=certifying"),
        )

    @admin.display(description=gettext_lazy("App"))
    def app_name(self, grant: Grant) -> str:
        return grant.app.name

    @admin.display(description=gettext_lazy("Developer"))
    def developer_name(self, grant: Grant) -> str:
        return row_link("platform", grant.app.developer)

    @admin.display(description=gettext_lazy("Capability"))
    def capability_name(self, grant: Grant) -> str:
        return str(grant.capability)

    @admin.display(description=gettext_lazy("Build"))
    def build_column(self, grant: Grant) -> str:
        return str(AppBuild(grant.build).label)

    @admin.display(description=gettext_lazy("Merchant"))
    def merchant_name(self, grant: Grant) -> str:
        return grant.merchant.name if grant.merchant else EMPTY

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, grant: Grant) -> str:
        return status_chip(grant, GRANT_TONES)

    @admin.display(description=gettext_lazy("Expires"))
    def expires(self, grant: Grant) -> str:
        return moment(grant.expires_at) if _is_live(grant) else EMPTY

    @admin.display(description=gettext_lazy("Note"))
    def waits(self, grant: Grant) -> str:
        return chip(_("Revocation proposed"), WARN) if _is_proposed(grant) else ""

    @tenant_action(
        permission=SUSPEND, title=gettext_lazy("Suspend"), form=SuspendDialog, icon="pause", danger=True, available=lambda row: row.status == GrantStatus.ACTIVE
    )
    def suspend(self, request: HttpRequest, grant: Grant, form: Any) -> str:
        suspend_grant(grant=grant, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("Suspended. The app's calls with this capability are refused.")

    @tenant_action(
        permission=SUSPEND, title=gettext_lazy("Resume"), form=GrantDialog, icon="play_arrow", available=lambda row: row.status == GrantStatus.SUSPENDED
    )
    def resume(self, request: HttpRequest, grant: Grant, form: Any) -> str:
        resume_grant(grant=grant, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("The grant works again.")

    @tenant_action(permission=SUSPEND, title=gettext_lazy("Certify again"), form=GrantDialog, icon="verified", available=_is_live)
    def certify(self, request: HttpRequest, grant: Grant, form: Any) -> str:
        certify_grant(grant=grant, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("Certified again.")

    @tenant_action(
        permission=REVOKE,
        title=gettext_lazy("Propose to revoke"),
        form=ProposeDialog,
        icon="gavel",
        danger=True,
        available=lambda row: _is_live(row) and not _is_proposed(row),
    )
    def propose_revocation(self, request: HttpRequest, grant: Grant, form: Any) -> str:
        propose_revocation(grant=grant, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("Proposed. Another person confirms it.")

    @tenant_action(permission=REVOKE, title=gettext_lazy("Revoke"), form=RevokeDialog, icon="block", danger=True, available=_is_proposed)
    def confirm_revocation(self, request: HttpRequest, grant: Grant, form: Any) -> str:
        confirm_revocation(grant=grant, by=person(request), now=database_now())
        return _("Revoked. Every call of the app with this capability is refused.")

    @tenant_action(permission=REVOKE, title=gettext_lazy("Drop the proposal"), form=GrantDialog, icon="undo", available=_is_proposed)
    def drop_revocation(self, request: HttpRequest, grant: Grant, form: Any) -> str:
        drop_revocation(grant=grant, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("The proposal is dropped; the grant stays.")

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        grant = kwargs.get("obj")
        if grant is not None:
            context |= {"title": str(grant), "subtitle": None, "page": grant_page(grant)}
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[no-any-return]


def grant_page(grant: Grant) -> dict[str, Any]:
    """Context of one grant's page."""
    now, uses = database_now(), uses_of(grant)
    rows = list(uses.select_related("store__merchant").order_by("store__name", "pk")[: STORES_NAMED + 1])
    facts = [
        (_("Developer"), row_link("platform", grant.app.developer)),
        (_("App code"), format_html("<code>{}</code>", grant.app.code)),
        (_("Build"), AppBuild(grant.build).label),
        (_("Works for"), reach_text(grant)),
        (_("Granted"), moment(grant.granted_at, now)),
        (_("Expires"), moment(grant.expires_at, now)),
        (_("Application"), row_link("platform", grant.decision.case, grant.decision.case.number)),
    ]
    if grant.ended_at:
        facts.append((_("Ended"), moment(grant.ended_at, now)))
    if grant.status_reason:
        facts.append((_("Reason"), grant.status_reason))
    if grant.revoked_by:
        facts.append((_("Revoked by"), grant.revoked_by))
    proposed = {"by": grant.revocation_proposed_by, "at": full_time(grant.revocation_proposed_at), "reason": grant.revocation_reason} if (
        _is_proposed(grant) and grant.revocation_proposed_at
    ) else None  # fmt: skip
    reviews = grant.re_reviews.select_related("closed_by").order_by("-pk")
    return {
        "grant": grant,
        "status": status_chip(grant, GRANT_TONES),
        "facts": facts,
        "proposed": proposed,
        "stores": rows[:STORES_NAMED],
        "stores_text": stores_text(uses.count()),
        "more": len(rows) > STORES_NAMED,
        "reviews": [
            {
                "cause": row.get_cause_display(),
                "status": status_chip(row, RE_REVIEW_TONES),
                "opened": moment(row.opened_at, now),
                "url": row_url("platform", row),
            }
            for row in reviews
        ],
    }


class CloseDialog(WhyDialog):
    """The cause, the grant and its stores."""

    def facts(self) -> list[tuple[Any, Any]]:
        return [(_("Cause"), self.obj.get_cause_display()), *grant_facts(self.obj.grant)]


class KeepDialog(CloseDialog):
    def sentence(self) -> str:
        return _("The grant stays as it is.")


class EndDialog(CloseDialog):
    def sentence(self) -> str:
        return _("The grant is suspended at once, and the developer reads the reason. Revoking it then takes two people.")


def _is_open(row: Any) -> bool:
    return bool(row.status == ReReviewStatus.OPEN)


@admin.register(ReReview, site=platform_site)
class ReReviewAdmin(TabbedList, PlatformModelAdmin):
    """Grants that have to be looked at again, and why."""

    list_display = ("grant_name", "developer_name", "cause_column", "why", "status_column", "opened", "closed")
    list_display_links = ("grant_name",)
    list_filter = ("status", "cause")
    list_select_related = ("grant__app__developer", "grant__capability", "grant__merchant", "closed_by")
    ordering = ("-pk",)
    fields = ("grant_link", "cause", "why", "status", "opened_at", "closed_by", "closed_at", "reason")
    readonly_fields = ("grant_link", "why")
    actions_detail = ("keep_grant", "end_grant")
    empty_text = gettext_lazy("Nothing has to be looked at again.")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return ((_("Open re-reviews"), f"status__exact={ReReviewStatus.OPEN}"), (_("All"), ""))

    @admin.display(description=gettext_lazy("Grant"))
    def grant_name(self, row: ReReview) -> str:
        return str(row.grant)

    @admin.display(description=gettext_lazy("Grant"))
    def grant_link(self, row: ReReview) -> str:
        return row_link("platform", row.grant)

    @admin.display(description=gettext_lazy("Developer"))
    def developer_name(self, row: ReReview) -> str:
        return row_link("platform", row.grant.app.developer)

    @admin.display(description=gettext_lazy("Cause"))
    def cause_column(self, row: ReReview) -> str:
        return str(row.get_cause_display())

    @admin.display(description=gettext_lazy("Facts"))
    def why(self, row: ReReview) -> str:
        facts = row.facts
        if "policy" in facts:
            return _("Opening table v%(number)s") % {"number": facts["policy"]}
        fields = ", ".join(str(text) for text in facts.get("fields", ()))
        return format_html("<code>{}</code>", fields) if fields else EMPTY

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, row: ReReview) -> str:
        return status_chip(row, RE_REVIEW_TONES)

    @admin.display(description=gettext_lazy("Opened"))
    def opened(self, row: ReReview) -> str:
        return moment(row.opened_at)

    @admin.display(description=gettext_lazy("Ended"))
    def closed(self, row: ReReview) -> str:
        return moment(row.closed_at)

    @tenant_action(permission=SUSPEND, title=gettext_lazy("Keep the grant"), form=KeepDialog, icon="check", available=_is_open)
    def keep_grant(self, request: HttpRequest, row: ReReview, form: Any) -> str:
        close_re_review(re_review=row, keep=True, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("The grant is kept.")

    @tenant_action(permission=SUSPEND, title=gettext_lazy("Suspend the grant"), form=EndDialog, icon="pause", danger=True, available=_is_open)
    def end_grant(self, request: HttpRequest, row: ReReview, form: Any) -> str:
        close_re_review(re_review=row, keep=False, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("The grant is suspended.")
