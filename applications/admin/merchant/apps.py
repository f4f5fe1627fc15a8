"""Apps that developers offer to the merchant's stores: switch them on and off, and see why one is blocked or paused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from unfold.widgets import UnfoldAdminSelectWidget

from applications.admin.merchant.confirmations import CONFIRM, WAITING
from applications.admin.parts import ENABLEMENT_TONES, FactsDialog, Tab, TabbedList, dialog_link, one_a_line
from applications.choices import LIVE_GRANTS, AppBuild, ConfirmationStatus, EnablementStatus, GrantStatus
from applications.models import App, Grant, MerchantConfirmation, StoreEnablement
from applications.selectors.grants import build_in_use, list_apps_offered, list_grants_for, tiers_on
from applications.selectors.numbers import get_numbers
from applications.services.enable import ENABLE, disable_app, enable_app, tier_objection
from backoffice.kernel.admin import MerchantModelAdmin, person, tenant_action
from backoffice.kernel.admin.display import PLAIN, WARN, chip, list_url, moment, row_url, status_chip
from backoffice.kernel.admin.scoping import reach
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.sites import merchant_site
from backoffice.kernel.tenancy.access import stores_of
from backoffice.kernel.tenancy.choices import MerchantTierCode, StoreStatus
from backoffice.kernel.tenancy.models import Store

VIEW = "applications.view_storeenablement"
STORES_SHOWN = 20
APPS_SHOWN = 50


class EnableDialog(FactsDialog):
    """Which app for which store. A link from the page has both filled in."""

    store = forms.ModelChoiceField(queryset=Store.objects.none(), label=gettext_lazy("Store"), widget=UnfoldAdminSelectWidget())
    app = forms.ModelChoiceField(queryset=App.objects.none(), label=gettext_lazy("App"), widget=UnfoldAdminSelectWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stores = stores_of(self.request.user, ENABLE).filter(status=StoreStatus.OPEN).order_by("name", "pk")
        self.asked_store, self.asked_app = stores.filter(pk=_number(self.request.GET.get("store"))).first(), None
        apps = offered_to(list(stores[:STORES_SHOWN]), database_now())
        if self.asked_store is not None:
            apps = list_apps_offered(self.asked_store, database_now())
            self.asked_app = apps.filter(pk=_number(self.request.GET.get("app"))).first()
        store: Any = self.fields["store"]
        store.queryset = stores
        app: Any = self.fields["app"]
        app.queryset = apps.order_by("name", "pk")
        if self.asked_app is not None:
            store.initial, app.initial = self.asked_store, self.asked_app
            store.widget = app.widget = forms.HiddenInput()

    def facts(self) -> list[tuple[Any, Any]]:
        if self.asked_app is None or self.asked_store is None:
            return []
        grants = list_grants_for(self.asked_app, self.asked_store, database_now())
        return [
            (_("App"), self.asked_app.name),
            (_("Developer"), self.asked_app.developer.name),
            (_("Store"), self.asked_store.name),
            (_("It may"), one_a_line(grant.capability for grant in grants)),
        ]

    def sentence(self) -> str:
        return _("From this moment the app may use these capabilities for the store's members. You can switch it off at any time, at once.")


class DisableDialog(FactsDialog):
    """What switching off stops."""

    def facts(self) -> list[tuple[Any, Any]]:
        return [(_("App"), self.obj.app.name), (_("Store"), self.obj.store.name)]

    def sentence(self) -> str:
        return _("Every further call of the app for this store is refused from this moment on. What it did so far stays.")


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 18 else 0


def offered_to(stores: Sequence[Store], now: datetime) -> models.QuerySet[App]:
    """Apps with a working grant for at least one of the stores."""
    merchants = {store.merchant_id for store in stores}
    live = Grant.objects.filter(models.Q(build=AppBuild.TEMPLATE) | models.Q(merchant_id__in=merchants), status=GrantStatus.ACTIVE, expires_at__gt=now)
    found = App.objects.filter(models.Exists(live.filter(app=models.OuterRef("pk"))))
    return (found if stores else found.none()).select_related("developer", "category")


@dataclass(frozen=True)
class StoreLine:
    """One store's use of one app: its state, a sentence, and what may be pressed."""

    store: str
    status: str
    sentence: str
    act: str


@dataclass(frozen=True)
class Offer:
    """One app with what it may do and how each store uses it."""

    app: App
    build: str
    may: str
    stopped: str
    stores: Sequence[StoreLine]


@admin.register(StoreEnablement, site=merchant_site)
class StoreEnablementAdmin(TabbedList, MerchantModelAdmin):
    """Apps that stores switched on at some time; the page "Apps" offers all."""

    list_display = ("app_name", "store_name", "status_column", "note_column", "changed")
    list_display_links = ("app_name",)
    list_filter = ("store", "status")
    list_select_related = ("app__developer", "store")
    search_fields = ("app__name", "store__name", "store__code")
    search_help_text = gettext_lazy("App, or the store's name or code")
    fields = ("app", "store", "status", "tier_fell_on", "changed_at")
    actions_list = ("enable",)
    actions_detail = ("disable",)
    empty_text = gettext_lazy("No app is in use. Open “Apps” and switch one on for a store.")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (
            (_("All"), ""),
            (EnablementStatus.ON.label, f"status__exact={EnablementStatus.ON}"),
            (EnablementStatus.PAUSED.label, f"status__exact={EnablementStatus.PAUSED}"),
        )

    def get_urls(self) -> list[URLPattern]:
        own = path("offered/", self.admin_site.admin_view(self.offered_view), name="applications_offered")
        return [own, *super().get_urls()]

    @admin.display(description=gettext_lazy("App"))
    def app_name(self, row: StoreEnablement) -> str:
        return row.app.name

    @admin.display(description=gettext_lazy("Store"))
    def store_name(self, row: StoreEnablement) -> str:
        return row.store.name

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, row: StoreEnablement) -> str:
        return status_chip(row, ENABLEMENT_TONES)

    @admin.display(description=gettext_lazy("Note"))
    def note_column(self, row: StoreEnablement) -> str:
        return tier_note(row, get_numbers().tier_grace_days) if row.tier_fell_on else ""

    @admin.display(description=gettext_lazy("Changed"))
    def changed(self, row: StoreEnablement) -> str:
        return moment(row.changed_at)

    @tenant_action(permission=ENABLE, title=gettext_lazy("Switch an app on"), submit=gettext_lazy("Switch on"), form=EnableDialog, icon="add", on_list=True)
    def enable(self, request: HttpRequest, form: Any) -> str:
        app, store = form.cleaned_data["app"], form.cleaned_data["store"]
        enable_app(app=app, store=store, by=person(request), now=database_now())
        return _("%(app)s is on in %(store)s.") % {"app": app.name, "store": store.name}

    @tenant_action(
        permission=ENABLE,
        title=gettext_lazy("Switch off"),
        form=DisableDialog,
        icon="toggle_off",
        danger=True,
        available=lambda row: row.status != EnablementStatus.OFF,
    )
    def disable(self, request: HttpRequest, row: StoreEnablement, form: Any) -> str:
        disable_app(app=row.app, store=row.store, by=person(request), now=database_now())
        return _("%(app)s is off in %(store)s.") % {"app": row.app.name, "store": row.store.name}

    def page_after_action(self, request: HttpRequest, object_id: str | None) -> str:
        return reverse("merchant:applications_offered")

    def offered_view(self, request: HttpRequest) -> HttpResponse:
        """``?store=`` one of the stores in reach (a foreign one is 404), ``?q=`` a part of the app's name. A fixed number of queries."""
        if not self.has_view_permission(request):
            raise Http404
        request.current_app = self.admin_site.name
        context = {**self.admin_site.each_context(request), "title": _("Apps"), "opts": self.opts, "page": offered_page(request, database_now())}
        return TemplateResponse(request, "applications/merchant/offered.html", context)


def offered_page(request: HttpRequest, now: datetime) -> dict[str, Any]:
    """Context of the page: every app that has a grant for a store in reach, or that one of them uses."""
    stores = list(stores_of(request.user, VIEW).select_related("merchant").order_by("name", "pk"))
    asked, term = request.GET.get("store", ""), request.GET.get("q", "").replace("\x00", "").strip()
    chosen = [store for store in stores if str(store.pk) == asked]
    if asked and not chosen:
        raise Http404
    shown = chosen or stores[:STORES_SHOWN]
    used = StoreEnablement.objects.filter(store__in=shown).exclude(status=EnablementStatus.OFF)
    apps = App.objects.filter(models.Q(pk__in=offered_to(shown, now).values("pk")) | models.Q(pk__in=used.values("app")))
    if term:
        apps = apps.filter(name__icontains=term)
    found = list(apps.select_related("developer", "category").order_by("name", "pk")[: APPS_SHOWN + 1])
    offers = _offers(found[:APPS_SHOWN], shown, _switchable(request), now)
    waiting = reach(request.user, "merchant", MerchantConfirmation.objects.all(), CONFIRM).filter(status=ConfirmationStatus.WAITING)
    return {
        "stores": stores if len(stores) > 1 else [],
        "chosen": chosen[0] if chosen else None,
        "all_shown": bool(chosen) or len(stores) <= STORES_SHOWN,
        "stores_shown": STORES_SHOWN,
        "term": term,
        "offers": offers,
        "more": len(found) > APPS_SHOWN,
        "most": APPS_SHOWN,
        "waiting": waiting.values("pk").distinct().count(),
        "waiting_url": list_url("merchant", MerchantConfirmation, WAITING),
    }


def _switchable(request: HttpRequest) -> set[int]:
    """Primary keys of the stores for which the user may switch apps."""
    return set(stores_of(request.user, ENABLE).values_list("pk", flat=True))


def _offers(apps: Sequence[App], stores: Sequence[Store], switchable: set[int], now: datetime) -> list[Offer]:
    grants: dict[int, list[Grant]] = defaultdict(list)
    merchants = {store.merchant_id for store in stores}
    mine = models.Q(build=AppBuild.TEMPLATE) | models.Q(merchant_id__in=merchants)
    for grant in Grant.objects.filter(mine, app__in=apps, status__in=LIVE_GRANTS).select_related("capability").order_by("capability__code"):
        grants[grant.app_id].append(grant)
    uses = {(row.app_id, row.store_id): row for row in StoreEnablement.objects.filter(app__in=apps, store__in=stores)}
    tiers, grace = tiers_on(local_day(now)), get_numbers().tier_grace_days
    offers = []
    for app in apps:
        works = [grant for grant in grants[app.pk] if grant.status == GrantStatus.ACTIVE and grant.expires_at > now]
        stopped = [grant for grant in grants[app.pk] if grant not in works]
        lines = []
        for store in stores:
            row = uses.get((app.pk, store.pk))
            reached = [grant for grant in works if grant.merchant_id in (None, store.merchant_id)]
            if reached or (row is not None and row.status != EnablementStatus.OFF):
                builds = {grant.build for grant in reached}
                lines.append(_line(app, store, row, tiers.get(store.merchant_id, ""), builds, may=store.pk in switchable, grace=grace))
        offers.append(Offer(app, str(AppBuild(app.build).label), _names(works), _names(stopped), lines))
    return offers


def _names(grants: Sequence[Grant]) -> str:
    return pgettext("list", ", ").join(str(grant.capability) for grant in grants)


def _line(app: App, store: Store, row: StoreEnablement | None, tier: str, builds: set[str], *, may: bool, grace: int) -> StoreLine:
    is_used = row is not None and row.status != EnablementStatus.OFF
    objection = tier_objection(build_in_use(builds), tier)
    sentence, act = "", ""
    if is_used and not builds:
        sentence = _("None of its capabilities works at the moment: they were suspended, revoked or have expired.")
    elif row is not None and is_used and row.tier_fell_on:
        sentence = tier_note(row, grace)
    elif not is_used and store.status != StoreStatus.OPEN:
        sentence = _("The store is closed.")
    elif not is_used and objection is not None:
        sentence = str(objection)
    if may and row is not None and is_used:
        act = dialog_link(_("Switch off"), reverse("merchant:applications_storeenablement_disable", args=[row.pk]))
    elif may and not sentence:
        address = reverse("merchant:applications_storeenablement_enable")
        act = dialog_link(_("Switch on"), f"{address}?{urlencode({'app': app.pk, 'store': store.pk})}")
    if row is not None and is_used:
        status = status_chip(row, ENABLEMENT_TONES)
    else:
        status = chip(_("Blocked"), WARN) if sentence else chip(EnablementStatus.OFF.label, PLAIN)
    name = format_html('<a class="bo-link" href="{}">{}</a>', row_url("merchant", row), store.name) if row is not None else store.name
    if objection is not None and tier and not is_used:
        name = format_html('{} <span class="bo-note">{}</span>', name, MerchantTierCode(tier).label)
    return StoreLine(name, status, sentence, act)


def tier_note(row: StoreEnablement, grace: int) -> str:
    """What the fall of the tier does, or did, to a store's use of an app."""
    fell: date | None = row.tier_fell_on
    if fell is None:
        return ""
    days = {"fell": fell.isoformat(), "pause": (fell + timedelta(days=grace)).isoformat()}
    if row.status == EnablementStatus.PAUSED:
        return _("Paused since %(pause)s: the merchant's tier fell on %(fell)s. It works again by itself once the tier is premium or potential.") % days
    return _("The merchant's tier fell on %(fell)s. Unless it rises again, the app pauses on %(pause)s.") % days
