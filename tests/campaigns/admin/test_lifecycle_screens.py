"""Lifecycle messages, frequency rules, ranks and figures on the consoles."""

from __future__ import annotations

from datetime import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.tenancy.roles import Role
from campaigns.choices import ScenarioCode
from campaigns.models import FrequencyRule, LifecycleSetting, ScenarioRank
from tests.campaigns.admin.test_reminder_screens import address, client_of, text_of
from tests.campaigns.lifecycle import DORMANT, FIRST, joined, put, ship_rules, store_with
from tests.campaigns.reminders import days
from tests.factories import make_store, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _shipped(db):
    ship_rules()


FORM = {"send_time": "09:30", "days": "", "holdout_percent": "5", "own_cap": "", "own_days": "30", "quiet_from": "", "quiet_until": ""}


def owner_of(store):
    return client_of(make_user(Role.MERCHANT_OWNER, merchant=store.merchant))


def test_the_owner_switches_on_and_the_service_writes_it_with_the_stores_rule():
    store = make_store("mine", name="云杉")
    owner = owner_of(store)
    assert "Nobody is told twice" in text_of(owner.get(address("lifecyclesetting_add")))
    given = FORM | {"store": store.pk, "scenario": DORMANT, "enabled": "on", "own_cap": "2", "own_days": "60", "quiet_from": "22:00", "quiet_until": "08:00"}
    answer = owner.post(address("lifecyclesetting_add"), given)
    setting = LifecycleSetting.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, address("lifecyclesetting_change", setting.pk))
    assert (setting.enabled, setting.days, setting.holdout_percent, setting.send_time) == (True, 90, 5, time(9, 30))
    rule = FrequencyRule.objects.get(store=store)
    assert (rule.scenario, rule.cap, rule.window_days, rule.quiet_from, rule.quiet_until) == (DORMANT, 2, 60, time(22), time(8))
    page = text_of(owner.get(address("lifecyclesetting_change", setting.pk)))
    assert 'value="22:00' in page
    owner.post(address("lifecyclesetting_change", setting.pk), FORM | {"days": "60", "enabled": "on"})
    setting.refresh_from_db()
    assert setting.days == 60
    assert not FrequencyRule.objects.filter(store=store).exists()


def test_the_same_message_twice_and_half_quiet_hours_are_refused_on_the_form():
    store = store_with(FIRST)
    owner = owner_of(store)
    given = FORM | {"store": store.pk, "scenario": FIRST, "enabled": "on"}
    assert "The store has this message already" in text_of(owner.post(address("lifecyclesetting_add"), given))
    setting = LifecycleSetting.objects.get()
    page = text_of(owner.post(address("lifecyclesetting_change", setting.pk), FORM | {"enabled": "on", "quiet_from": "22:00"}))
    assert "Quiet hours need a beginning and an end that differ" in page


def test_an_analyst_reads_the_own_rule():
    store = make_store()
    analyst = client_of(make_user(Role.MERCHANT_ANALYST, merchant=store.merchant))
    store_with(FIRST, store=store)
    setting = LifecycleSetting.objects.get()
    FrequencyRule.objects.create(scope="SCENARIO", scenario=FIRST, store=store, cap=2, window="ROLLING", window_days=9)
    assert "at most 2 in 9 days" in text_of(analyst.get(address("lifecyclesetting_change", setting.pk)))


@pytest.mark.parametrize("console", ["merchant", "platform"])
@pytest.mark.parametrize("scenario", ["BALANCE_REMINDER", "EXPIRY_REMINDER", "AFTER_PAYMENT", "PAID_RENEWAL"])
def test_the_form_refuses_a_rule_that_names_a_credit_scenario(console, scenario):
    store = make_store()
    client = owner_of(store) if console == "merchant" else client_of(make_user(Role.PLATFORM_MEMBER_OPS))
    given = {"scope": "SCENARIO", "store": store.pk, "scenario": scenario, "cap": "1", "window_days": "1", "is_active": "on"}
    before = FrequencyRule.objects.count()
    answer = client.post(address("frequencyrule_add", console=console), given)
    assert answer.status_code == 200
    assert "not one of the available choices" in text_of(answer)
    assert FrequencyRule.objects.count() == before


def test_a_merchant_makes_rules_of_own_stores_only():
    store, other = make_store(), make_store()
    owner = owner_of(store)
    given = {"scope": "STORE", "scenario": "", "cap": "1", "window_days": "3", "is_active": "on"}
    for wrong in ({"store": other.pk}, {"store": ""}, {"store": store.pk, "scope": "PLATFORM"}):
        assert owner.post(address("frequencyrule_add"), given | wrong).status_code == 200
    assert owner.post(address("frequencyrule_add"), given | {"store": store.pk}).status_code == 302
    rule = FrequencyRule.objects.get(store=store)
    assert (rule.cap, rule.window, rule.window_days) == (1, "ROLLING", 3)
    assert "at most 1 in 3 days" in text_of(owner.get(address("frequencyrule_changelist")))


def test_base_rows_are_shown_and_take_no_change():
    rule = FrequencyRule.objects.get(is_base=True, scope="STORE")
    platform = client_of(make_user(Role.PLATFORM_MEMBER_OPS))
    page = text_of(platform.get(address("frequencyrule_change", rule.pk, console="platform")))
    assert 'name="cap"' not in page
    given = {"scope": "STORE", "store": "", "scenario": "", "cap": "5", "window_days": "1", "is_active": "on"}
    assert platform.post(address("frequencyrule_change", rule.pk, console="platform"), given).status_code == 403
    rule.refresh_from_db()
    assert rule.cap == 2


def test_member_operations_move_a_rank_and_credit_stays_first():
    platform = client_of(make_user(Role.PLATFORM_MEMBER_OPS))
    rank = ScenarioRank.objects.get(scenario=DORMANT)
    here = address("scenariorank_change", rank.pk, console="platform")
    assert "credit reminders stand before" in text_of(platform.post(here, {"place": "2", "store_slots_left": "0", "person_slots_left": "0"}))
    assert platform.post(here, {"place": "4", "store_slots_left": "1", "person_slots_left": "0"}).status_code == 302
    rank.refresh_from_db()
    assert (rank.place, rank.store_slots_left) == (4, 1)
    credit = ScenarioRank.objects.get(scenario=ScenarioCode.AFTER_PAYMENT)
    page = text_of(
        platform.post(address("scenariorank_change", credit.pk, console="platform"), {"place": "1", "store_slots_left": "1", "person_slots_left": "0"})
    )
    assert "The credit reminders go first" in page


def test_lists_take_the_same_queries_for_one_row_and_three():
    platform = client_of(make_user(Role.PLATFORM_MEMBER_OPS))
    pages = [address("lifecyclesetting_changelist", console="platform"), address("frequencyrule_changelist", console="platform")]
    store_with(FIRST)
    FrequencyRule.objects.create(scope="STORE", store=make_store(), cap=1)
    text_of(platform.get(pages[0]))
    counts = []
    for _number in range(2):
        for page in pages:
            with CaptureQueriesContext(connection) as queries:
                text_of(platform.get(page))
            counts.append(len(queries))
        for _more in range(2):
            store_with(FIRST)
            FrequencyRule.objects.create(scope="STORE", store=make_store(), cap=1)
    assert counts[:2] == counts[2:]


def test_figures_lead_to_their_rows_in_a_fixed_number_of_queries():
    store = store_with(DORMANT)
    today = local_day(database_now())
    platform = client_of(make_user(Role.PLATFORM_MEMBER_OPS))
    owner = owner_of(store)

    def tell(number):
        put(joined(store, 200), DORMANT, today - days(number))

    tell(1)
    here = "/admin/campaigns/lifecyclesetting/figures/"
    text_of(platform.get(here))
    with CaptureQueriesContext(connection) as one:
        page = text_of(platform.get(here))
    assert f"scenario__exact=DORMANT&local_day_from={today - days(1)}" in page
    for number in (2, 3):
        tell(number)
    with CaptureQueriesContext(connection) as three:
        text_of(platform.get(here))
    assert len(one) == len(three)
    merchant = "/merchant/campaigns/lifecyclesetting/figures/"
    assert str(today - days(2)) in text_of(owner.get(merchant))
    assert str(today - days(2)) not in text_of(owner_of(make_store()).get(merchant))
    assert owner.get(f"{merchant}?store={store.pk}").status_code == 200
    assert owner.get(f"{merchant}?store={make_store().pk}").status_code == 404
