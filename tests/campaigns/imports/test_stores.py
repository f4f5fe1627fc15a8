"""Stores files: merchants with dated tiers, stores with gateway and reminder switch; blanks keep, a store never moves."""

from __future__ import annotations

from datetime import date, time

import pytest
from django.test import override_settings

from backoffice.kernel.errors import NotAllowed
from backoffice.kernel.tenancy.choices import StoreStatus
from backoffice.kernel.tenancy.models import Merchant, MerchantBar, MerchantTier, Store
from backoffice.kernel.tenancy.roles import Role
from campaigns.models import ReminderSetting
from members.models import Level
from members.services.levels import DEFAULT_LADDER
from tests.factories import NOON, make_merchant, make_store, make_user
from tests.loading import csv_of, load, outcome, problems

pytestmark = pytest.mark.django_db

HEADER = "merchant,merchant_name,tier,store,name,category,gateway_url,gateway_secret,reminders,reminder_time"
TODAY = date(2026, 11, 22)


def tiers(code: str) -> list[tuple[str, date, date | None]]:
    return list(MerchantTier.objects.filter(merchant__code=code).order_by("valid_from").values_list("tier", "valid_from", "valid_to"))


def test_a_file_makes_merchants_tiers_stores_levels_and_switches() -> None:
    text = csv_of(
        "商家编码,商家名称,会员运营等级,店铺编码,店铺名称,类目,通道地址,通道密钥,开启提醒,提醒时间",
        "YUNSHANG,云上唱片,PREMIUM,YS01,云上旗舰店,音像,https://gateway.example.com/m,s3cret,是,9:00",
        "YUNSHANG,,,YS02,云上黑胶馆,,,,,",
        "NANFENG,,潜力商家,NF01,南风书店,图书,,,否,12:00",
    )
    job = load("stores", text)

    assert outcome(job) == {"status": "APPLIED", "created": 3}
    assert list(Merchant.objects.order_by("code").values_list("code", "name")) == [("NANFENG", "NANFENG"), ("YUNSHANG", "云上唱片")]
    assert (tiers("YUNSHANG"), tiers("NANFENG")) == ([("PREMIUM", TODAY, None)], [("POTENTIAL", TODAY, None)])
    first = Store.objects.get(code="YS01")
    assert (first.merchant.code, first.name, first.category, first.status) == ("YUNSHANG", "云上旗舰店", "音像", StoreStatus.OPEN)
    assert (first.gateway_url, first.gateway_secret) == ("https://gateway.example.com/m", "s3cret")
    second = Store.objects.get(code="YS02")
    assert (second.category, second.gateway_url, second.gateway_secret, second.marketing_consent_default) == ("", "", "", True)
    settings = {setting.store.code: setting for setting in ReminderSetting.objects.select_related("store")}
    assert (settings["YS01"].enabled, settings["YS01"].send_time, settings["YS01"].enabled_at) == (True, time(9, 0), NOON)
    assert (settings["NF01"].enabled, settings["NF01"].send_time) == (False, time(12, 0))
    assert "YS02" not in settings
    for store in Store.objects.all():
        assert set(Level.objects.filter(store=store).values_list("name", "threshold")) == set(DEFAULT_LADDER)


def test_the_secret_lies_encrypted() -> None:
    load("stores", csv_of(HEADER, "A,,,S1,店,,,s3cret,,"))
    raw = Store.objects.extra(select={"raw": "gateway_secret"}).values_list("raw", flat=True).get()
    assert b"s3cret" not in bytes(raw)


def test_the_same_rows_again_change_nothing_and_blanks_keep() -> None:
    row = "A,商家,PREMIUM,S1,店,音像,https://gateway.example.com/,s3cret,1,09:30"
    load("stores", csv_of(HEADER, row))
    before = (Store.objects.values().get(), MerchantTier.objects.values().get(), ReminderSetting.objects.values().get())
    again = load("stores", csv_of(HEADER, row, "A,,,S2,二店,,,,,"))
    assert outcome(again) == {"status": "APPLIED", "created": 1, "unchanged": 1}
    blank = load("stores", csv_of(HEADER, "A,,,S1,店,,,,,"))
    assert outcome(blank) == {"status": "APPLIED", "unchanged": 1}
    stored = Store.objects.values().get(code="S1"), MerchantTier.objects.values().get(), ReminderSetting.objects.values().get()
    assert stored == before


def test_what_a_row_says_anew_is_taken() -> None:
    load("stores", csv_of(HEADER, "A,商家,PREMIUM,S1,店,音像,https://gateway.example.com/,s3cret,1,09:30"))
    user = make_user(Role.PLATFORM_ADMIN)
    job = load("stores", csv_of(HEADER, "A,新商家,,S1,新店,图书,https://other.example.com/,n3w,0,10:30"), by=user, console="platform")

    assert outcome(job) == {"status": "APPLIED", "updated": 1}
    store = Store.objects.get()
    assert (store.merchant.name, store.name, store.category, store.gateway_url, store.gateway_secret) == (
        "新商家", "新店", "图书", "https://other.example.com/", "n3w",
    )  # fmt: skip
    setting = ReminderSetting.objects.get()
    assert (setting.enabled, setting.send_time, setting.updated_by) == (False, time(10, 30), user)
    assert tiers("A") == [("PREMIUM", TODAY, None)]


def test_another_tier_ends_the_running_one_today() -> None:
    merchant = make_merchant("A", tier="STANDARD")
    MerchantTier.objects.filter(merchant=merchant).update(valid_to=date(2027, 1, 1))
    MerchantTier.objects.create(merchant=merchant, tier="POTENTIAL", valid_from=date(2027, 1, 1))
    job = load("stores", csv_of(HEADER, "A,,PREMIUM,S1,店,,,,,", "A,,优质商家,S2,店,,,,,"))
    assert outcome(job) == {"status": "APPLIED", "created": 2}
    assert tiers("A") == [("STANDARD", date(2020, 1, 1), TODAY), ("PREMIUM", TODAY, date(2027, 1, 1)), ("POTENTIAL", date(2027, 1, 1), None)]

    load("stores", csv_of(HEADER, "A,,POTENTIAL,S1,店,,,,,"))
    assert tiers("A")[1] == ("POTENTIAL", TODAY, date(2027, 1, 1)), "a period that began today takes the new tier"


def test_a_store_never_moves_to_another_merchant() -> None:
    store = make_store("S1", merchant=make_merchant("A"))
    make_merchant("B")
    job = load("stores", csv_of(HEADER, "B,,PREMIUM,S1,店,,,,1,"))
    assert outcome(job) == {"status": "REFUSED", "conflict": 1}
    assert problems(job) == [(2, "merchant", "store_of_other_merchant")]
    skipped = load("stores", csv_of(HEADER, "C,,PREMIUM,S1,店,,,,1,", "A,,,S2,店,,,,,"), skip=True)
    assert outcome(skipped) == {"status": "APPLIED", "created": 1, "conflict": 1}
    store.refresh_from_db()
    assert store.merchant.code == "A"
    assert not Merchant.objects.filter(code="C").exists()
    assert not MerchantTier.objects.exists()
    assert not ReminderSetting.objects.exists()


def test_bad_rows_are_named() -> None:
    make_store("S9", merchant=make_merchant("A"), status=StoreStatus.CLOSED)
    rows = [
        "A,,GOLD,S1,店,,,,,",
        "A,,,S2,店,,http://gateway.example.com/,,,",
        "A,,,S3,店,,https://127.0.0.1/,,,",
        "A,,,S4,店,,gateway,,,",
        "A,,,S5,店,,,,也许,",
        "A,,,S6,店,,,,,25:00",
        "A,,,S9,店,,,,1,",
        "B,甲,,S7,店,,,,,",
        "B,乙,,S8,店,,,,,",
        ",,,SA,店,,,,,",
        "A,,,SB,,,,,,",
        "A,,,SC,店,,,,,",
        "A,,,SC,店,,,,,",
    ]
    job = load("stores", csv_of(HEADER, *rows), dry=True)
    assert problems(job) == [
        (2, "tier", "not_a_choice"),
        (3, "gateway_url", "gateway_refused"),
        (4, "gateway_url", "gateway_refused"),
        (5, "gateway_url", "not_url"),
        (6, "reminders", "not_yes_no"),
        (7, "reminder_time", "not_a_time"),
        (8, "reminders", "reminders_of_closed_store"),
        (9, "merchant_name", "merchant_contradicts"),
        (10, "merchant_name", "merchant_contradicts"),
        (11, "merchant", "required"),
        (12, "name", "required"),
        (13, "store", "key_twice"),
        (14, "store", "key_twice"),
    ]
    assert outcome(job) == {"status": "CHECKED", "bad": 13}


@override_settings(OUTBOUND_ALLOW=["127.0.0.1:9000"])
def test_a_local_gateway_that_is_allowed_is_taken() -> None:
    load("stores", csv_of(HEADER, "A,,,S1,店,,http://127.0.0.1:9000/messages,,,"))
    assert Store.objects.get().gateway_url == "http://127.0.0.1:9000/messages"


@pytest.mark.parametrize("role", [Role.MERCHANT_OWNER, Role.MERCHANT_OPERATOR])
def test_a_merchant_may_not_import_stores(role: str) -> None:
    user = make_user(role, merchant=make_merchant("A"))
    with pytest.raises(NotAllowed):
        load("stores", csv_of(HEADER, "A,,,S1,店,,,,,"), by=user, console="merchant")
    assert not Store.objects.exists()


def test_a_file_switches_no_reminders_on_for_a_barred_merchant() -> None:
    load("stores", csv_of(HEADER, "A,,,S1,店,,,,1,", "A,,,S2,店,,,,,"))
    MerchantBar.objects.create(merchant=Merchant.objects.get(code="A"), reason="x", imposed_by=make_user(), imposed_at=NOON)
    job = load("stores", csv_of(HEADER, "A,,,S1,店,,,,1,09:00", "A,,,S2,店,,,,1,", "A,,,S3,店,,,,1,", "A,,,S4,店,,,,0,"), dry=True)
    assert problems(job) == [(3, "reminders", "reminders_of_barred_merchant"), (4, "reminders", "reminders_of_barred_merchant")]
