"""Merchants, tiers, stores and developers as services."""

from __future__ import annotations

from datetime import date

import pytest

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import BusinessError, StateConflict
from backoffice.kernel.tenancy.models import Merchant, MerchantTier, Store
from backoffice.kernel.tenancy.selectors.merchants import annotate_tier_on
from backoffice.kernel.tenancy.services import developers, merchants
from tests.factories import NOON, make_merchant, make_store

pytestmark = pytest.mark.django_db


def test_tiers_follow_each_other_without_overlap() -> None:
    merchant = make_merchant()
    merchants.set_tier(merchant=merchant, tier="STANDARD", valid_from=date(2026, 1, 1), by=None, now=NOON)
    merchants.set_tier(merchant=merchant, tier="PREMIUM", valid_from=date(2026, 6, 1), by=None, now=NOON)

    def tier_on(day: date) -> str | None:
        return annotate_tier_on(Merchant.objects.filter(pk=merchant.pk), day).get().tier_now  # type: ignore[attr-defined, no-any-return]

    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 5, 31), date(2026, 6, 1), date(2027, 1, 1)]
    assert [tier_on(day) for day in days] == [None, "STANDARD", "STANDARD", "PREMIUM", "PREMIUM"]


def test_a_tier_before_one_that_is_set_is_refused() -> None:
    merchant = make_merchant(tier="STANDARD")
    merchants.set_tier(merchant=merchant, tier="PREMIUM", valid_from=date(2026, 6, 1), by=None, now=NOON)
    for day in (date(2026, 6, 1), date(2026, 5, 1)):
        with pytest.raises(merchants.MerchantRefused):
            merchants.set_tier(merchant=merchant, tier="POTENTIAL", valid_from=day, by=None, now=NOON)
    assert MerchantTier.objects.filter(merchant=merchant).count() == 2


def test_codes_are_taken_once() -> None:
    merchant = merchants.create_merchant(code="m", name="M", by=None, now=NOON)
    merchants.create_store(merchant=merchant, code="s", name="S", by=None, now=NOON)
    developers.create_developer(code="d", name="D", by=None, now=NOON)
    for act in (
        lambda: merchants.create_merchant(code="m", name="N", by=None, now=NOON),
        lambda: merchants.create_store(merchant=merchant, code="s", name="T", by=None, now=NOON),
        lambda: developers.create_developer(code="d", name="E", by=None, now=NOON),
    ):
        with pytest.raises(BusinessError) as refused:
            act()
        assert refused.value.facts["field"] == "code"
    assert AuditEvent.objects.count() == 3


def test_a_stores_secret_is_kept_encrypted_and_in_no_event() -> None:
    store = make_store()
    merchants.change_store(store=store, by=None, now=NOON, name="新名字", gateway_secret="sixteen-characters")
    stored = Store.objects.get(pk=store.pk)
    assert (stored.name, stored.gateway_secret) == ("新名字", "sixteen-characters")
    event = AuditEvent.objects.get()
    assert event.facts == {"fields": ["gateway_secret", "name"]}
    merchants.change_store(store=stored, by=None, now=NOON, name="新名字")
    assert AuditEvent.objects.count() == 1, "nothing changed, nothing told"
    with pytest.raises(merchants.MerchantRefused):
        merchants.change_store(store=stored, by=None, now=NOON, status="CLOSED")


def test_states_move_once() -> None:
    merchant, store = make_merchant(), make_store()
    merchants.suspend_merchant(merchant=merchant, by=None, now=NOON, reason="x")
    merchants.close_store(store=store, by=None, now=NOON, reason="x")
    with pytest.raises(StateConflict):
        merchants.suspend_merchant(merchant=Merchant.objects.get(pk=merchant.pk), by=None, now=NOON, reason="x")
    with pytest.raises(StateConflict):
        merchants.close_store(store=Store.objects.get(pk=store.pk), by=None, now=NOON, reason="x")
    merchants.resume_merchant(merchant=merchant, by=None, now=NOON, reason="x")
    merchants.open_store(store=store, by=None, now=NOON, reason="x")
    verbs = ["merchant.suspended", "store.closed", "merchant.resumed", "store.opened"]
    assert list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True)) == verbs


def test_a_developer_is_onboarded_once() -> None:
    developer = developers.create_developer(code="d", name="D", by=None, now=NOON)
    developers.onboard_developer(developer=developer, by=None, now=NOON)
    developer.refresh_from_db()
    assert developer.onboarded_at == NOON
    with pytest.raises(developers.DeveloperRefused):
        developers.onboard_developer(developer=developer, by=None, now=NOON)
