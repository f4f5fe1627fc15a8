"""Developers as the review knows them: card with standing, strikes, bars, grants and history; binding to a merchant; bars by two people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from applications.admin.parts import BAR_TONES, CASE_TONES, GRANT_TONES, STANDING_TONES, STRIKE_TONES, FactsDialog, Tab, TabbedList, WhyDialog, dialog_link
from applications.choices import LIVE_GRANTS, OPEN_BARS, SUBMITTED_STATES, BarStatus, CaseState, StandingLevel, StrikeStatus
from applications.models import Application, Bar, DeveloperProfile, Grant, Strike
from applications.selectors.applicant import SeenStanding, get_standing
from applications.services.apps import BIND, bind_to_merchant
from applications.services.standing import CONFIRM_BAR, PROPOSE_BAR, confirm_bar, dismiss_bar, lift_bar, propose_bar
from backoffice.kernel.admin import PlatformModelAdmin, person, tenant_action
from backoffice.kernel.admin.display import EMPTY, GOOD, WARN, chip, full_time, list_url, moment, row_link, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import NotFound
from backoffice.kernel.sites import platform_site
from backoffice.kernel.tenancy.access import allows
from backoffice.kernel.tenancy.admin.platform import DeveloperAdmin
from backoffice.kernel.tenancy.models import Developer, Merchant

CASES_SHOWN = 20
GRANTS_SHOWN = 20


class BindDialog(FactsDialog):
    """Whose own team the developer is."""

    merchant = forms.CharField(
        label=gettext_lazy("Merchant code"),
        max_length=64,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Empty: nobody's own team."),
    )

    def facts(self) -> list[tuple[Any, Any]]:
        bound = bound_merchant(self.obj)
        return [(_("Developer"), self.obj.name), (_("Own team of"), f"{bound.name} ({bound.code})" if bound else EMPTY)]

    def sentence(self) -> str:
        return _("A merchant's own team applies for custom builds of this merchant only.")


class BarDialog(WhyDialog):
    """Proposing a bar: what it would stop, and what not."""

    def facts(self) -> list[tuple[Any, Any]]:
        return _bar_facts(self.obj)

    def sentence(self) -> str:
        return _("Nothing happens until another person confirms it.")


def _bar_facts(developer: Developer) -> list[tuple[Any, Any]]:
    standing = get_standing(developer, now=database_now())
    open_cases = Application.objects.filter(developer=developer, state__in=SUBMITTED_STATES).count()
    grants = Grant.objects.filter(app__developer=developer, status__in=LIVE_GRANTS).count()
    return [
        (_("Developer"), developer.name),
        (_("Score"), score_text(standing)),
        (_("What it stops"), _("Every new submission and every answer to a request for changes")),
        (_("What it leaves"), _("%(cases)d open applications are finished, %(grants)d grants stay") % {"cases": open_cases, "grants": grants}),
    ]


def score_text(standing: SeenStanding) -> str:
    return _("%(score)d of %(bar)d") % {"score": standing.score, "bar": standing.bar_score}


def bound_merchant(developer: Developer) -> Merchant | None:
    profile = DeveloperProfile.objects.filter(developer=developer).select_related("bound_merchant").first()
    return profile.bound_merchant if profile else None


platform_site.unregister(Developer)


@admin.register(Developer, site=platform_site)
class ReviewedDeveloperAdmin(DeveloperAdmin):
    """The kernel's screen of developers, with what the review knows of them."""

    list_display: tuple[str, ...] = ("name", "code", "standing_column", "score_column", "contact", "onboarded", "created")
    change_form_template = "applications/platform/developer.html"
    actions_detail: tuple[str, ...] = ("onboard", "bind", "propose_bar")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Developer]:
        return super().get_queryset(request).select_related("standing")

    @admin.display(description=gettext_lazy("Standing"))
    def standing_column(self, developer: Developer) -> str:
        standing = getattr(developer, "standing", None)
        return status_chip(standing, STANDING_TONES, "level") if standing else chip(StandingLevel.GOOD.label, GOOD)

    @admin.display(description=gettext_lazy("Score"))
    def score_column(self, developer: Developer) -> str:
        standing = getattr(developer, "standing", None)
        return str(standing.score if standing else 0)

    @tenant_action(permission=BIND, title=gettext_lazy("Bind to a merchant"), form=BindDialog, icon="link")
    def bind(self, request: HttpRequest, developer: Developer, form: Any) -> str:
        code = form.cleaned_data["merchant"].strip()
        merchant = Merchant.objects.filter(code__iexact=code).first() if code else None
        if code and merchant is None:
            raise NotFound(_("There is no merchant with the code “%(code)s”.") % {"code": code})
        bind_to_merchant(developer=developer, merchant=merchant, by=person(request), now=database_now())
        return _("Bound to %(merchant)s.") % {"merchant": merchant.name} if merchant else _("Bound to no merchant.")

    @tenant_action(permission=PROPOSE_BAR, title=gettext_lazy("Propose a bar"), form=BarDialog, icon="gavel", danger=True)
    def propose_bar(self, request: HttpRequest, developer: Developer, form: Any) -> str:
        propose_bar(developer=developer, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("Proposed. Another person confirms it.")

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        developer = kwargs.get("obj")
        if developer is not None and allows(request.user, "applications.view_strike", console=self.admin_site.name):
            context |= {"page": developer_page(request, developer, database_now())}
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[no-any-return]


def score_bar(standing: SeenStanding) -> SafeString:
    """The score on its way to a bar, with what may still come in a lighter tone. Said in words beside it."""
    most = max(standing.bar_score, standing.score + standing.provisional, 1)
    counted, coming = 100 * standing.score / most, 100 * standing.provisional / most
    return format_html(
        '<div class="score-bar" role="img" aria-label="{}"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect x="0" y="0" width="{}" height="10" fill="oklch(58% .19 25)"/><rect x="{}" y="0" width="{}" height="10" fill="oklch(80% .1 60)"/></svg></div>',
        score_text(standing),
        f"{counted:.1f}",
        f"{counted:.1f}",
        f"{coming:.1f}",
    )


def developer_page(request: HttpRequest, developer: Developer, now: datetime) -> dict[str, Any]:
    """Context of the card. A fixed number of queries."""
    standing = get_standing(developer, now=now)
    profile = DeveloperProfile.objects.filter(developer=developer).select_related("bound_merchant").first()
    bound = profile.bound_merchant if profile else None
    counts: dict[str, int] = dict(Application.objects.filter(developer=developer).order_by().values_list("state").annotate(how_many=Count("pk")))
    cases = Application.objects.filter(developer=developer).select_related("app").defer("draft").order_by("-pk")[:CASES_SHOWN]
    grants = Grant.objects.filter(app__developer=developer, status__in=LIVE_GRANTS).select_related("app", "capability").order_by("app__name", "pk")
    return {
        "standing": chip(StandingLevel(standing.level).label, STANDING_TONES.get(standing.level, "")),
        "score": standing,
        "score_text": score_text(standing),
        "bar": score_bar(standing),
        "facts": [
            (_("Onboarded"), moment(developer.onboarded_at, now) if developer.onboarded_at else chip(_("First-time developer"), WARN)),
            (_("Own team of"), row_link("platform", bound) if bound else EMPTY),
            (_("Provisional points"), standing.provisional),
            (_("Cool-down until"), moment(standing.cool_down_until, now)),
            (
                _("Stopped at the gates lately"),
                _("%(n)d; %(of)d make one strike") % {"n": standing.stops, "of": standing.stops_for_a_strike},
            ),
        ],
        "papers": profile if profile and (profile.company_intro or profile.past_cases) else None,
        "counts": [(chip(CaseState(state).label, CASE_TONES.get(state, "")), counts[state]) for state in CaseState.values if counts.get(state)],
        "cases": [
            (
                row_link("platform", case, case.number),
                case.app.name,
                chip(case.get_state_display(), CASE_TONES.get(case.state, "")),
                moment(case.created_at, now),
            )
            for case in cases
        ],
        "strikes": [strike_row(strike, now) for strike in Strike.objects.filter(developer=developer).select_related("decision__case").order_by("-pk")],
        "bars": [bar_row(request, bar, now) for bar in Bar.objects.filter(developer=developer).select_related("proposed_by", "confirmed_by").order_by("-pk")],
        "grants": [(row_link("platform", grant), status_chip(grant, GRANT_TONES), moment(grant.expires_at, now)) for grant in grants[:GRANTS_SHOWN]],
        "grants_url": list_url("platform", Grant, f"q={developer.name}"),
    }


def strike_row(strike: Strike, now: datetime) -> dict[str, Any]:
    until = {StrikeStatus.PROVISIONAL: strike.provisional_until, StrikeStatus.COUNTING: strike.expires_at}.get(StrikeStatus(strike.status))
    case = strike.decision.case if strike.decision else None
    return {
        "kind": strike.get_kind_display(),
        "points": strike.weight,
        "status": status_chip(strike, STRIKE_TONES),
        "struck": moment(strike.struck_at, now),
        "until": moment(until, now),
        "case": row_link("platform", case, case.number) if case else EMPTY,
        "void": strike.void_reason,
    }


def bar_row(request: HttpRequest, bar: Bar, now: datetime) -> dict[str, Any]:
    acts = []
    if allows(request.user, CONFIRM_BAR, console="platform"):
        acts = [
            dialog_link(act.short_description, reverse(f"platform:applications_bar_{name}", args=[bar.pk]))
            for name, act in (("confirm", BarAdmin.confirm), ("dismiss", BarAdmin.dismiss), ("lift", BarAdmin.lift))
            if act.available(bar)
        ]
    return {
        "status": status_chip(bar, BAR_TONES),
        "reason": bar.reason or (_("Suggested by the score") if bar.is_by_score else EMPTY),
        "opened": moment(bar.opened_at, now),
        "proposed_by": bar.proposed_by or EMPTY,
        "confirmed_by": bar.confirmed_by or EMPTY,
        "acts": acts,
    }


class ConfirmBarDialog(FactsDialog):
    """What the second person decides."""

    def facts(self) -> list[tuple[Any, Any]]:
        return [*_bar_facts(self.obj.developer), (_("Proposed by"), self.obj.proposed_by), (_("Reason"), self.obj.reason)]

    def alert(self) -> str:
        return _("You proposed it. Another person has to confirm.") if self.obj.proposed_by_id == self.request.user.pk else ""


class EndBarDialog(WhyDialog):
    def facts(self) -> list[tuple[Any, Any]]:
        return [(_("Developer"), self.obj.developer.name), (_("Bar"), self.obj.get_status_display()), (_("Reason"), self.obj.reason or EMPTY)]


@admin.register(Bar, site=platform_site)
class BarAdmin(TabbedList, PlatformModelAdmin):
    """Bars: suggested and proposed ones wait for a person."""

    list_display = ("developer_name", "status_column", "reason_column", "opened", "proposed_by", "confirmed_by", "ended")
    list_display_links = ("status_column",)
    list_filter = ("status",)
    list_select_related = ("developer", "proposed_by", "confirmed_by", "ended_by")
    ordering = ("-pk",)
    fields = (
        "developer_link",
        ("status", "is_by_score"),
        ("reason", "opened_at"),
        ("proposed_by", "proposed_at"),
        ("confirmed_by", "confirmed_at"),
        ("ended_by", "ended_at"),
        "end_reason",
    )
    readonly_fields = ("developer_link",)
    actions_detail = ("confirm", "dismiss", "lift")
    empty_text = gettext_lazy("No bar. One is suggested when a developer's score reaches the limit, or proposed on the developer's page.")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return ((_("All"), ""), *((status.label, f"status__exact={status}") for status in OPEN_BARS))

    @admin.display(description=gettext_lazy("Developer"))
    def developer_name(self, bar: Bar) -> str:
        return row_link("platform", bar.developer)

    @admin.display(description=gettext_lazy("Developer"))
    def developer_link(self, bar: Bar) -> str:
        return row_link("platform", bar.developer)

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, bar: Bar) -> str:
        return status_chip(bar, BAR_TONES)

    @admin.display(description=gettext_lazy("Reason"))
    def reason_column(self, bar: Bar) -> str:
        return bar.reason or (_("Suggested by the score") if bar.is_by_score else EMPTY)

    @admin.display(description=gettext_lazy("Opened"))
    def opened(self, bar: Bar) -> str:
        return moment(bar.opened_at)

    @admin.display(description=gettext_lazy("Ended"))
    def ended(self, bar: Bar) -> str:
        return moment(bar.ended_at)

    @tenant_action(
        permission=CONFIRM_BAR,
        title=gettext_lazy("Confirm the bar"),
        form=ConfirmBarDialog,
        icon="gavel",
        danger=True,
        available=lambda row: row.status == BarStatus.PROPOSED,
    )
    def confirm(self, request: HttpRequest, bar: Bar, form: Any) -> str:
        confirm_bar(bar=bar, by=person(request), now=database_now())
        return _("The bar is in force: %(developer)s can submit nothing any more.") % {"developer": bar.developer.name}

    @tenant_action(
        permission=CONFIRM_BAR,
        title=gettext_lazy("Dismiss"),
        form=EndBarDialog,
        icon="close",
        available=lambda row: row.status in (BarStatus.SUGGESTED, BarStatus.PROPOSED),
    )
    def dismiss(self, request: HttpRequest, bar: Bar, form: Any) -> str:
        dismiss_bar(bar=bar, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("Dismissed.")

    @tenant_action(
        permission=CONFIRM_BAR, title=gettext_lazy("Lift the bar"), form=EndBarDialog, icon="lock_open", available=lambda row: row.status == BarStatus.CONFIRMED
    )
    def lift(self, request: HttpRequest, bar: Bar, form: Any) -> str:
        lift_bar(bar=bar, reason=form.cleaned_data["reason"], by=person(request), now=database_now())
        return _("Lifted. %(developer)s may apply again.") % {"developer": bar.developer.name}


@admin.register(Strike, site=platform_site)
class StrikeAdmin(TabbedList, PlatformModelAdmin):
    """Penalty points, newest first."""

    big_list = True
    list_display = ("developer_name", "kind_column", "weight", "status_column", "case_column", "struck", "until")
    list_display_links = ("kind_column",)
    list_filter = ("status", "kind")
    list_select_related = ("developer", "decision__case")
    allowed_lookups = ("developer_id",)
    fields = ("developer_name", "kind", "weight", "status", "case_column", "struck_at", "provisional_until", "expires_at", "void_reason")
    readonly_fields = ("developer_name", "case_column")
    empty_text = gettext_lazy("No strike. Refusals for a ban or a false statement make one, and many submissions stopped at the gates.")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return ((_("All"), ""), *((status.label, f"status__exact={status}") for status in StrikeStatus))

    @admin.display(description=gettext_lazy("Developer"))
    def developer_name(self, strike: Strike) -> str:
        return row_link("platform", strike.developer)

    @admin.display(description=gettext_lazy("Kind"))
    def kind_column(self, strike: Strike) -> str:
        return str(strike.get_kind_display())

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, strike: Strike) -> str:
        return status_chip(strike, STRIKE_TONES)

    @admin.display(description=gettext_lazy("Application"))
    def case_column(self, strike: Strike) -> str:
        return row_link("platform", strike.decision.case, strike.decision.case.number) if strike.decision else EMPTY

    @admin.display(description=gettext_lazy("Struck"))
    def struck(self, strike: Strike) -> str:
        return moment(strike.struck_at)

    @admin.display(description=gettext_lazy("Provisional, or counts, until"))
    def until(self, strike: Strike) -> str:
        if strike.status == StrikeStatus.PROVISIONAL:
            return full_time(strike.provisional_until)
        return full_time(strike.expires_at) if strike.status == StrikeStatus.COUNTING else EMPTY
