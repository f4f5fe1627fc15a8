"""What an app may do: the answer to gateways and to the API, and what a store is offered."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from applications.choices import TEMPLATE_TIERS, AppBuild, EnablementStatus, GrantStatus
from applications.models import App, Grant, StoreEnablement
from applications.selectors.numbers import get_numbers
from backoffice.kernel import clock
from backoffice.kernel.ports import GrantAnswer
from backoffice.kernel.tenancy.choices import MerchantStatus, StoreStatus
from backoffice.kernel.tenancy.models import MerchantTier, Store

REASONS = {
    "allowed": _("Allowed."),
    "unknown_app": _("There is no such app."),
    "unknown_store": _("There is no such store."),
    "not_granted": _("The app has no grant for this capability that reaches this store."),
    "suspended": _("The grant is suspended."),
    "revoked": _("The grant was revoked."),
    "expired": _("The grant has expired."),
    "not_enabled": _("The store has not enabled the app."),
    "paused": _("The app is paused in this store, because the merchant's tier fell."),
    "store_closed": _("The store is closed."),
    "merchant_suspended": _("The merchant is suspended."),
}


def tier_of(merchant_id: int, day: date) -> str:
    """Code of the tier in force on the local day; empty without one."""
    return MerchantTier.objects.filter(merchant_id=merchant_id).valid_on(day).values_list("tier", flat=True).first() or ""


def tiers_on(day: date) -> dict[int, str]:
    """Code of the tier in force on the local day by merchant; merchants without one are not in it."""
    return dict(MerchantTier.objects.valid_on(day).values_list("merchant_id", "tier"))


def tier_lost_on(merchant_id: int, day: date) -> date | None:
    """Since which day no tier of the merchant allows template apps; None when today's does, ``date.min`` when none ever did. Read from the tiers alone."""
    good = MerchantTier.objects.filter(merchant_id=merchant_id, tier__in=TEMPLATE_TIERS, valid_from__lte=day).order_by("-valid_from").first()
    if good is None:
        return date.min
    return None if good.valid_to is None or good.valid_to > day else good.valid_to


def reaches(store: Store) -> Q:
    """Grants that are for this store: of template apps, and of custom builds for its merchant."""
    return Q(build=AppBuild.TEMPLATE) | Q(merchant_id=store.merchant_id)


def list_grants_for(app: App, store: Store, now: datetime) -> list[Grant]:
    """Grants of the app that work in the store at ``now`` as soon as it is enabled."""
    live = Grant.objects.filter(reaches(store), app=app, status=GrantStatus.ACTIVE, expires_at__gt=now)
    return list(live.select_related("capability").order_by("capability__code"))


def grants_check(app: str, capability: str, store: str, *, now: datetime) -> GrantAnswer:
    """Whether the app (code) may use the capability (code) for the store (code) at this moment, and why not.

    Never true longer than it should be: expiry and the tier's grace are compared with ``now`` here, whatever the sweeps have done so far.
    """
    shop = Store.objects.select_related("merchant").filter(code=store).first()
    asking = App.objects.filter(code=app).first()
    if asking is None or shop is None:
        return _said("unknown_app" if asking is None else "unknown_store")
    return check_grant(asking, capability, shop, now=now)


def check_grant_by_codes(app: str, capability: str, store: str, now: datetime) -> GrantAnswer:
    """``grants_check`` as the kernel's port takes it."""
    return grants_check(app, capability, store, now=now)


def check_client_grant(client_id: int, capability: str, store_id: int, now: datetime) -> GrantAnswer | None:
    """The same for the app behind an API client (primary keys). None when the client is no app's.

    The store's use of the app is looked at first: of a store that does not use it the app learns nothing else.
    """
    app = App.objects.filter(api_client_id=client_id).first()
    if app is None:
        return None
    store = Store.objects.select_related("merchant").filter(pk=store_id).first()
    if store is None:
        return _said("unknown_store")
    if not StoreEnablement.objects.filter(app=app, store=store).exclude(status=EnablementStatus.OFF).exists():
        return _said("not_enabled")
    return check_grant(app, capability, store, now=now)


def list_client_capabilities(client_id: int, now: datetime) -> list[str]:
    """Codes of the capabilities in force of the app behind an API client, sorted: its OAuth scopes. Empty for any other client."""
    live = Grant.objects.filter(app__api_client_id=client_id, status=GrantStatus.ACTIVE, expires_at__gt=now)
    return list(live.order_by("capability__code").values_list("capability__code", flat=True).distinct())


def _said(reason: str) -> GrantAnswer:
    return GrantAnswer(reason == "allowed", reason, REASONS[reason])


def check_grant(app: App, capability: str, store: Store, *, now: datetime) -> GrantAnswer:
    """The same for rows at hand. Three queries at most, and the numbers."""
    if store.merchant.status != MerchantStatus.ACTIVE:
        return _said("merchant_suspended")
    if store.status != StoreStatus.OPEN:
        return _said("store_closed")
    grants = list(Grant.objects.filter(reaches(store), app=app, capability__code=capability).order_by("-granted_at", "-pk"))
    builds = {grant.build for grant in grants if grant.status == GrantStatus.ACTIVE and grant.expires_at > now}
    if builds:
        return _said(_use_of(app, store, now, build=build_in_use(builds)))
    return _said(_why_not(grants, now) if grants else "not_granted")


def build_in_use(builds: Collection[str]) -> str:
    """By which build's rule a store uses grants of these builds: the custom one when there is one. Never by what the app is now: the developer changes that."""
    return AppBuild.CUSTOM if AppBuild.CUSTOM in builds else AppBuild.TEMPLATE


def _use_of(app: App, store: Store, now: datetime, *, build: str) -> str:
    """Whether the store uses the app, and may use what a grant of this build opens."""
    row = StoreEnablement.objects.filter(app=app, store=store).first()
    if row is None or row.status == EnablementStatus.OFF:
        return "not_enabled"
    return "paused" if row.status == EnablementStatus.PAUSED or (build == AppBuild.TEMPLATE and is_over_grace(row, store, now)) else "allowed"


def _why_not(grants: list[Grant], now: datetime) -> str:
    """Of several ended grants the one in force longest says why."""
    live = next((grant for grant in grants if grant.status == GrantStatus.SUSPENDED and grant.expires_at > now), None)
    if live is not None:
        return "suspended"
    return "revoked" if grants[0].status == GrantStatus.REVOKED else "expired"


def is_over_grace(row: StoreEnablement, store: Store, now: datetime) -> bool:
    """Whether the tier allows template apps no longer. The grace is for stores that used the app before the fall, whether the sweep noted it or not."""
    today = clock.local_day(now)
    lost_on = tier_lost_on(store.merchant_id, today)
    if lost_on is None:
        return False
    fell_on = row.tier_fell_on or lost_on
    return clock.local_day(row.changed_at) > fell_on or today >= fell_on + timedelta(days=get_numbers().tier_grace_days)


def list_apps_offered(store: Store, now: datetime) -> QuerySet[App]:
    """Apps that have a working grant for the store, whether it has enabled them or not. ``enabled_status`` is not joined: see ``StoreEnablement``."""
    live = Grant.objects.filter(reaches(store), app=OuterRef("pk"), status=GrantStatus.ACTIVE, expires_at__gt=now)
    return App.objects.filter(Exists(live)).select_related("developer", "category")
