"""Merchants, their dated tiers, their stores."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.choices import MERCHANT_TRANSITIONS, STORE_TRANSITIONS, MerchantStatus, StoreStatus
from backoffice.kernel.tenancy.models import Merchant, MerchantTier, Store, User


class MerchantRefused(BusinessError):
    """A merchant, tier or store cannot be made or changed as asked; nothing was changed."""

    code = "merchant_refused"


def create_merchant(*, code: str, name: str, by: User | None, now: datetime) -> Merchant:
    with transaction.atomic():
        if Merchant.objects.filter(code=code).exists():
            raise MerchantRefused(_("There is a merchant with the code “%(code)s” already.") % {"code": code}, field="code")
        merchant = Merchant.objects.create(code=code, name=name)
        record_event("merchant.created", target=merchant, by=by, now=now, code=code)
    return merchant


def rename_merchant(*, merchant: Merchant, name: str, by: User | None, now: datetime) -> None:
    with transaction.atomic():
        before = Merchant.objects.select_for_update().get(pk=merchant.pk).name
        Merchant.objects.filter(pk=merchant.pk).update(name=name)
        record_event("merchant.renamed", target=merchant, by=by, now=now, before=before, after=name)
    merchant.name = name


def suspend_merchant(*, merchant: Merchant, by: User | None, now: datetime, reason: str) -> None:
    """The merchant's users are out on their next request; nothing else changes."""
    _move_merchant(merchant, MerchantStatus.SUSPENDED, "merchant.suspended", by, now, reason)


def resume_merchant(*, merchant: Merchant, by: User | None, now: datetime, reason: str) -> None:
    _move_merchant(merchant, MerchantStatus.ACTIVE, "merchant.resumed", by, now, reason)


def _move_merchant(merchant: Merchant, target: str, verb: str, by: User | None, now: datetime, reason: str) -> None:
    with transaction.atomic():
        transition(merchant, target, table=MERCHANT_TRANSITIONS)
        record_event(verb, target=merchant, by=by, now=now, reason=reason)


def set_tier(*, merchant: Merchant, tier: str, valid_from: date, by: User | None, now: datetime) -> MerchantTier:
    """The merchant's tier from ``valid_from`` on, until further notice. A tier in force on that day ends there; later ones are refused."""
    with transaction.atomic():
        Merchant.objects.select_for_update().get(pk=merchant.pk)
        if MerchantTier.objects.filter(merchant=merchant, valid_from__gte=valid_from).exists():
            raise MerchantRefused(_("A tier is already set from that day or a later one. Choose a later day."), field="valid_from")
        MerchantTier.objects.filter(merchant=merchant).valid_on(valid_from).update(valid_to=valid_from)
        row = MerchantTier.objects.create(merchant=merchant, tier=tier, valid_from=valid_from)
        record_event("merchant_tier.set", target=merchant, by=by, now=now, tier=tier, valid_from=valid_from.isoformat())
    return row


def create_store(*, merchant: Merchant, code: str, name: str, category: str = "", by: User | None, now: datetime) -> Store:
    with transaction.atomic():
        try:
            with transaction.atomic():
                store = Store.objects.create(merchant=merchant, code=code, name=name, category=category)
        except IntegrityError as error:
            raise MerchantRefused(_("There is a store with the code “%(code)s” already.") % {"code": code}, field="code") from error
        record_event("store.created", target=store, store=store, by=by, now=now, code=code)
    return store


STORE_FIELDS = ("name", "category", "gateway_url", "marketing_consent_default")


def change_store(*, store: Store, by: User | None, now: datetime, gateway_secret: str | None = None, **changes: Any) -> None:
    """Write ``changes`` (of ``STORE_FIELDS``) and, when given, a new gateway secret. The event names fields, never values of secrets."""
    unknown = set(changes) - set(STORE_FIELDS)
    if unknown:
        raise MerchantRefused(_("These fields cannot be changed here: %(fields)s.") % {"fields": ", ".join(sorted(unknown))})
    with transaction.atomic():
        stored = Store.objects.select_for_update().get(pk=store.pk)
        changed = {name: value for name, value in changes.items() if getattr(stored, name) != value}
        if gateway_secret:
            changed["gateway_secret"] = gateway_secret
        if not changed:
            return
        Store.objects.filter(pk=store.pk).update(**changed)
        record_event("store.changed", target=store, store=store, by=by, now=now, fields=sorted(changed))


def close_store(*, store: Store, by: User | None, now: datetime, reason: str) -> None:
    """A closed store sends nothing any more; its rows stay readable."""
    _move_store(store, StoreStatus.CLOSED, "store.closed", by, now, reason)


def open_store(*, store: Store, by: User | None, now: datetime, reason: str) -> None:
    _move_store(store, StoreStatus.OPEN, "store.opened", by, now, reason)


def _move_store(store: Store, target: str, verb: str, by: User | None, now: datetime, reason: str) -> None:
    with transaction.atomic():
        transition(store, target, table=STORE_TRANSITIONS)
        record_event(verb, target=store, store=store, by=by, now=now, reason=reason)
