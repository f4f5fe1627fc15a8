"""A merchant barred after a proven complaint begins nothing new: no app is enabled in its stores, nothing is applied for or confirmed for it."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from applications.choices import CaseState
from applications.models import GateRun, StoreEnablement
from applications.services.enable import disable_app, enable_app
from applications.services.submit import confirm_application, decline_application, submit
from backoffice.kernel.tenancy.models import MerchantBar
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.selectors.bars import MerchantBarred
from backoffice.kernel.tenancy.services.bars import end_bar, impose_bar, lock_merchant
from tests.applications.cases import MONDAY, approved, days, fresh, make_app, make_draft, make_world, merchant_owner, onboarded, owner_of, submitted
from tests.factories import make_merchant, make_store, make_user

LATER = MONDAY + days(30)


def bar(merchant):
    with transaction.atomic():
        return impose_bar(merchant=lock_merchant(merchant.pk), reason="Proven", by=make_user(Role.PLATFORM_MEMBER_OPS), now=MONDAY)


def custom_draft(world, merchant):
    app = make_app(onboarded(), world, build="CUSTOM")
    return make_draft(world, world.special, app=app, merchant=merchant.code, audience_group="")


@pytest.mark.django_db
def test_no_app_is_enabled_in_a_barred_merchants_stores_and_what_is_on_stays_on():
    app = approved(make_world()).app
    merchant = make_merchant(tier="PREMIUM")
    before, after = make_store(merchant=merchant), make_store(merchant=merchant)
    by = merchant_owner(merchant)
    enable_app(app=app, store=before, by=by, now=LATER)
    ban = bar(merchant)
    later_one = make_store(merchant=merchant)
    for store in (after, later_one):
        with pytest.raises(MerchantBarred):
            enable_app(app=app, store=store, by=by, now=LATER)
    assert list(StoreEnablement.objects.values_list("store", "status")) == [(before.pk, "ON")]
    enable_app(app=app, store=before, by=by, now=LATER)
    disable_app(app=app, store=before, by=by, now=LATER)
    with pytest.raises(MerchantBarred):
        enable_app(app=app, store=before, by=by, now=LATER)
    end_bar(bar=ban, reason="Appeal", by=by, now=LATER)
    assert enable_app(app=app, store=after, by=by, now=LATER).status == "ON"


@pytest.mark.django_db
def test_nothing_is_applied_for_or_confirmed_for_a_barred_merchant():
    world, merchant = make_world(), make_merchant(tier="PREMIUM")
    waiting, draft, other = submitted(custom_draft(world, merchant)), custom_draft(world, merchant), submitted(custom_draft(world, merchant))
    bar(merchant)
    with pytest.raises(MerchantBarred):
        confirm_application(case=waiting, by=merchant_owner(merchant), now=MONDAY)
    assert fresh(waiting).state == CaseState.AWAITING_MERCHANT
    told = submit(case=draft, by=owner_of(draft.developer), now=MONDAY)
    assert {(result.gate, result.code) for result in told.failed} == {("G08", "merchant_barred")}
    assert fresh(draft).state == CaseState.DRAFT
    decline_application(case=other, reason="We are barred", by=merchant_owner(merchant), now=MONDAY)
    assert fresh(other).state == CaseState.DRAFT


@pytest.mark.django_db
def test_an_ended_bar_stops_nobody():
    world, merchant = make_world(), make_merchant(tier="PREMIUM")
    ban = bar(merchant)
    MerchantBar.objects.filter(pk=ban.pk).update(ended_at=MONDAY, ended_by=ban.imposed_by)
    case = submitted(custom_draft(world, merchant))
    assert confirm_application(case=case, by=merchant_owner(merchant), now=MONDAY).state == CaseState.QUEUED
    assert GateRun.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_what_begins_while_a_sanction_is_written_waits_for_it_and_is_refused():
    app = approved(make_world()).app
    merchant = make_merchant(tier="PREMIUM")
    store, by = make_store(merchant=merchant), merchant_owner(merchant)
    ops = make_user(Role.PLATFORM_MEMBER_OPS)
    outcomes, began = [], threading.Event()

    def enable():
        try:
            began.set()
            enable_app(app=app, store=store, by=by, now=LATER)
            outcomes.append("on")
        except MerchantBarred:
            outcomes.append("barred")
        finally:
            connection.close()

    thread = threading.Thread(target=enable)
    with transaction.atomic():
        locked = lock_merchant(merchant.pk)
        thread.start()
        began.wait(5)
        thread.join(0.5)
        assert outcomes == []  # it waits
        impose_bar(merchant=locked, reason="Proven", by=ops, now=LATER)
    thread.join(10)
    assert outcomes == ["barred"]
    assert not StoreEnablement.objects.exists()
