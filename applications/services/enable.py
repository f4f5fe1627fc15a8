"""A store's use of a granted app."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from applications.choices import ENABLEMENT_TRANSITIONS, LIVE_GRANTS, TEMPLATE_TIERS, AppBuild, EnablementStatus
from applications.models import App, Grant, StoreEnablement
from applications.selectors.grants import build_in_use, is_over_grace, list_grants_for, reaches, tier_lost_on, tier_of
from applications.services.locks import lock_enablement
from backoffice.kernel import clock
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, NotAllowed, NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.access import stores_of
from backoffice.kernel.tenancy.choices import MerchantTierCode, StoreStatus
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.selectors.bars import require_no_bar

ENABLE = "applications.enable_app"


class EnablementRefused(BusinessError):
    """This store may not use this app; nothing was changed."""

    code = "enablement_refused"


def tier_objection(build: str, tier: str) -> EnablementRefused | None:
    """Why a merchant of this tier (empty: none) may not use grants of this build; None when it may. Said on screens before anybody presses a button."""
    if build != AppBuild.TEMPLATE or tier in TEMPLATE_TIERS:
        return None
    if not tier:
        return EnablementRefused(_("Template apps are for premium and potential merchants; this merchant has no tier today."), code="tier_none")
    named = MerchantTierCode(tier).label
    text = _("Template apps are for premium and potential merchants; this merchant is: %(tier)s.") % {"tier": named}
    return EnablementRefused(text, code="tier_standard", tier=tier)


@in_transaction
def enable_app(*, app: App, store: Store, by: User, now: datetime) -> StoreEnablement:
    """Let the app work for the store. Template grants need a PREMIUM or POTENTIAL merchant today; custom ones, their own merchant.

    Raises ``EnablementRefused``: ``tier_standard`` or ``tier_none`` with the reason, ``not_offered``, ``store_closed``; ``MerchantBarred`` for
    a merchant that begins nothing new. Repeating it changes nothing.
    """
    _require(by, store)
    if store.status != StoreStatus.OPEN:
        raise EnablementRefused(_("The store is closed."), code="store_closed")
    if not StoreEnablement.objects.filter(app=app, store=store, status=EnablementStatus.ON).exists():
        require_no_bar(store.pk)
    builds = {grant.build for grant in list_grants_for(app, store, now)}
    if not builds:
        raise EnablementRefused(_("This app has no capability that it could use in this store."), code="not_offered")
    objection = tier_objection(build_in_use(builds), tier_of(store.merchant_id, clock.local_day(now)))
    if objection is not None:
        raise objection
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
    """Bring one store's use of template grants in line with the merchant's tier: note the day it fell, pause after the grace, take it up again.

    A store that also has a custom grant of the app goes on using that one; its template grants are refused call by call (``check_grant``).
    """
    row = lock_enablement(enablement.app_id, enablement.store_id)
    if row is None or row.status == EnablementStatus.OFF:
        return enablement
    store = Store.objects.get(pk=row.store_id)
    today = clock.local_day(now)
    builds = set(Grant.objects.filter(reaches(store), app_id=row.app_id, status__in=LIVE_GRANTS).values_list("build", flat=True))
    if not builds:
        return row
    lost_on = tier_lost_on(store.merchant_id, today) if build_in_use(builds) == AppBuild.TEMPLATE else None
    if lost_on is None:
        if row.tier_fell_on is not None:
            transition(row, EnablementStatus.ON, table=_STAYING, tier_fell_on=None, changed_by=None, changed_at=now)
            record_event("app.tier_back", target=row, store=store, by=None, now=now)
        return row
    fell_on = row.tier_fell_on or max(lost_on, clock.local_day(row.changed_at))
    is_over = is_over_grace(row, store, now)
    if row.tier_fell_on is None:
        StoreEnablement.objects.filter(pk=row.pk).update(tier_fell_on=fell_on)
        row.tier_fell_on = fell_on
        record_event("app.tier_fell", target=row, store=store, by=None, now=now, fell_on=fell_on.isoformat())
    if row.status == EnablementStatus.ON and is_over:
        transition(row, EnablementStatus.PAUSED, table=ENABLEMENT_TRANSITIONS, changed_by=None, changed_at=now)
        record_event("app.paused", target=row, store=store, by=None, now=now)
    return row


_STAYING = {**ENABLEMENT_TRANSITIONS, EnablementStatus.ON: ENABLEMENT_TRANSITIONS[EnablementStatus.ON] | {EnablementStatus.ON}}


def _require(by: User, store: Store) -> None:
    """``by`` holds the right in exactly this store; a foreign store is answered as a missing one."""
    if not stores_of(by).filter(pk=store.pk).exists():
        raise NotFound(_("There is no such store."))
    if not stores_of(by, ENABLE).filter(pk=store.pk).exists():
        raise NotAllowed(_("Your role does not include this."))
