"""A store's use of a granted app."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.utils.translation import gettext_lazy as _

from applications.choices import ENABLEMENT_TRANSITIONS, TEMPLATE_TIERS, AppBuild, EnablementStatus
from applications.models import App, StoreEnablement
from applications.selectors.grants import list_grants_for, tier_of
from applications.selectors.numbers import get_numbers
from applications.services.locks import lock_enablement
from backoffice.kernel import clock
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, NotAllowed, NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.access import stores_of
from backoffice.kernel.tenancy.choices import MerchantTierCode, StoreStatus
from backoffice.kernel.tenancy.models import Store, User

ENABLE = "applications.enable_app"


class EnablementRefused(BusinessError):
    """This store may not use this app; nothing was changed."""

    code = "enablement_refused"


@in_transaction
def enable_app(*, app: App, store: Store, by: User, now: datetime) -> StoreEnablement:
    """Let the app work for the store. A template app needs a PREMIUM or POTENTIAL merchant today; a custom one, its own merchant.

    Raises ``EnablementRefused``: ``tier_standard`` or ``tier_none`` with the reason, ``not_offered``, ``store_closed``. Repeating it changes nothing.
    """
    _require(by, store)
    if store.status != StoreStatus.OPEN:
        raise EnablementRefused(_("The store is closed."), code="store_closed")
    if not list_grants_for(app, store, now):
        raise EnablementRefused(_("This app has no capability that it could use in this store."), code="not_offered")
    if app.build == AppBuild.TEMPLATE and (tier := tier_of(store.merchant_id, clock.local_day(now))) not in TEMPLATE_TIERS:
        if not tier:
            raise EnablementRefused(_("Template apps are for premium and potential merchants; this merchant has no tier today."), code="tier_none")
        named = MerchantTierCode(tier).label
        raise EnablementRefused(
            _("Template apps are for premium and potential merchants; this merchant is: %(tier)s.") % {"tier": named}, code="tier_standard", tier=tier
        )
    row = lock_enablement(app.pk, store.pk)
    if row is None:
        StoreEnablement.objects.bulk_create(
            [StoreEnablement(app=app, store=store, status=EnablementStatus.OFF, changed_by=by, changed_at=now)], ignore_conflicts=True
        )
        row = lock_enablement(app.pk, store.pk)
    if row is None:
        raise NotFound(_("There is no such app."))
    if row.status == EnablementStatus.ON:
        return row
    transition(row, EnablementStatus.ON, table=ENABLEMENT_TRANSITIONS, tier_fell_on=None, changed_by=by, changed_at=now)
    record_event("app.enabled", target=row, store=store, by=by, now=now, app=app.code)
    return row


@in_transaction
def disable_app(*, app: App, store: Store, by: User, now: datetime) -> StoreEnablement:
    """Stop the app for the store, at once."""
    _require(by, store)
    row = lock_enablement(app.pk, store.pk)
    if row is None:
        raise EnablementRefused(_("The store does not use this app."), code="not_enabled")
    if row.status == EnablementStatus.OFF:
        return row
    transition(row, EnablementStatus.OFF, table=ENABLEMENT_TRANSITIONS, tier_fell_on=None, changed_by=by, changed_at=now)
    record_event("app.disabled", target=row, store=store, by=by, now=now, app=app.code)
    return row


@in_transaction
def follow_tier(*, enablement: StoreEnablement, now: datetime) -> StoreEnablement:
    """Bring one store's use of a template app in line with the merchant's tier: note the day it fell, pause after the grace, take it up again."""
    row = lock_enablement(enablement.app_id, enablement.store_id)
    if row is None or row.status == EnablementStatus.OFF:
        return enablement
    store = Store.objects.get(pk=row.store_id)
    today = clock.local_day(now)
    if tier_of(store.merchant_id, today) in TEMPLATE_TIERS:
        if row.tier_fell_on is not None:
            transition(row, EnablementStatus.ON, table=_STAYING, tier_fell_on=None, changed_by=None, changed_at=now)
            record_event("app.tier_back", target=row, store=store, by=None, now=now)
        return row
    fell_on = row.tier_fell_on or _fell_on(store.merchant_id, today)
    if row.tier_fell_on is None:
        StoreEnablement.objects.filter(pk=row.pk).update(tier_fell_on=fell_on)
        row.tier_fell_on = fell_on
        record_event("app.tier_fell", target=row, store=store, by=None, now=now, fell_on=fell_on.isoformat())
    if row.status == EnablementStatus.ON and today >= fell_on + timedelta(days=get_numbers().tier_grace_days):
        transition(row, EnablementStatus.PAUSED, table=ENABLEMENT_TRANSITIONS, changed_by=None, changed_at=now)
        record_event("app.paused", target=row, store=store, by=None, now=now)
    return row


_STAYING = {**ENABLEMENT_TRANSITIONS, EnablementStatus.ON: ENABLEMENT_TRANSITIONS[EnablementStatus.ON] | {EnablementStatus.ON}}


def _fell_on(merchant_id: int, today: date) -> date:
    """The day since which no tier of the merchant allows template apps: the day after the last good one."""
    day = today
    for _number in range(366):
        if tier_of(merchant_id, day - timedelta(days=1)) in TEMPLATE_TIERS:
            return day
        day -= timedelta(days=1)
    return today


def _require(by: User, store: Store) -> None:
    """``by`` holds the right in exactly this store; a foreign store is answered as a missing one."""
    if not stores_of(by).filter(pk=store.pk).exists():
        raise NotFound(_("There is no such store."))
    if not stores_of(by, ENABLE).filter(pk=store.pk).exists():
        raise NotAllowed(_("Your role does not include this."))
