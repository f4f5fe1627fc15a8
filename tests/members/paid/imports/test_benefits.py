"""Files of benefits: into the draft pack, by the same rules as the screen, all or nothing."""

from __future__ import annotations

import pytest

from backoffice.kernel.errors import NotAllowed, NotFound
from backoffice.kernel.tenancy.models import MerchantBar
from backoffice.kernel.tenancy.roles import Role
from members.paid.benefits import clean_benefit
from members.paid.models import Benefit, BenefitPack
from members.paid.services.packs import draft_pack, submit_pack
from tests.factories import make_merchant, make_user
from tests.loading import csv_of, load, outcome, problems
from tests.members.paid.making import NOW
from tests.members.paid.setting_up import Shop, values_of_kind

pytestmark = pytest.mark.django_db
HEADER = "program,key,kind,title,value_amount,gift,quantity,coupon_amount,threshold,expiry_days"
GIFT = "Club,a,OPENING_GIFT,Bag,39,Tote bag,2,,,"
COUPON = "Club,b,MONTHLY_COUPON,Coupon,10.00,,,10,99,30"


def put(shop, *rows, header=HEADER, **options):
    return load("benefits", csv_of(header, *rows), store=shop.store, by=shop.owner, now=NOW, **options)


def test_benefits_of_every_kind_come_as_the_form_would_make_them():
    shop = Shop().invite()
    shop.program()
    header = (
        "计划名称,权益标识,权益类型,标题,说明,发放方式,间隔天数,有效天数,权益价值,权益成本,礼品,件数,券面额,使用门槛,活动编号,活动开始,活动结束,"
        "提前小时,优惠百分比,商品,承诺,交付方式,兑现天数,负责人,凭证"
    )
    rows = (
        "Club,k1,开卡礼包,T,说,,,,10,4,Tote bag,2,,,,,,,,,,,,,",
        "Club,k2,每月优惠券,T,,每月,,30,10,4,,,10,99,,,,,,,,,,,",
        "Club,k3,每月礼品,T,,,,,10,4,Sleeve,,,,,,,,,,,,,,",
        "Club,k4,会员优先购,T,,立即,,,10,4,,,,,A-1,2026-11-23 12:00,2026-12-22 12:00,24,,,,,,,",
        "Club,k5,店铺宝,T,,,,,10,4,,,,,A-1,2026-11-23 12:00,2026-12-22,,10,,,,,,",
        "Club,k6,单品宝,T,,,,,10,4,,,,,A-1,2026-11-23,2026-12-22,,20,I-1;I-2,,,,,",
        "Club,k7,自定义权益,T,,每隔数天,90,,10,4,,,,,,,,,,,A call,By phone,5,Care,Recording",
    )
    assert outcome(put(shop, *rows, header=header)) == {"status": "APPLIED", "created": 7}
    made = {benefit.key: benefit for benefit in Benefit.objects.all()}
    expected = clean_benefit("MONTHLY_COUPON", values_of_kind("MONTHLY_COUPON"))
    assert (made["k2"].settings, made["k2"].expiry_days, made["k2"].schedule) == (expected.settings, 30, "MONTHLY")
    assert (made["k1"].settings, made["k1"].description) == ({"gift": "Tote bag", "quantity": 2}, "说")
    assert made["k4"].settings["window_to"] == "2026-12-22T12:00:00+08:00"
    assert made["k5"].settings["window_to"] == "2026-12-23T00:00:00+08:00"
    assert made["k6"].settings["items"] == ["I-1", "I-2"]
    assert (made["k7"].schedule, made["k7"].every_days, made["k7"].deadline_days, made["k7"].settings["owner"]) == ("EVERY_N_DAYS", 90, 5, "Care")
    assert outcome(put(shop, *rows[::-1], header=header)) == {"status": "APPLIED", "unchanged": 7}


def test_a_file_changes_the_draft_and_leaves_the_pack_in_force():
    shop = Shop().invite()
    program = shop.live()
    sold = program.pack
    job = put(shop, GIFT, COUPON.replace(",10,99,", ",20,99,"), GIFT.replace(",a,", ",c,"))
    assert outcome(job) == {"status": "APPLIED", "created": 1, "updated": 2}
    draft = BenefitPack.objects.get(program=program, version=2)
    assert (draft.status, sorted(draft.benefits.values_list("key", flat=True))) == ("DRAFT", ["a", "b", "c"])
    assert draft.benefits.get(key="b").settings["coupon_amount"] == "20.00"
    assert (sold.benefits.get(key="b").settings["coupon_amount"], sold.benefits.count()) == ("10.00", 2)


def test_what_is_wrong_is_told_by_line_and_column_and_nothing_is_kept():
    shop = Shop().invite()
    shop.program()
    rows = (
        "Nothing,a,OPENING_GIFT,Bag,39,Tote bag,,,,",
        "Club,A_b,OPENING_GIFT,Bag,39,Tote bag,,,,",
        "Club,c,GIFT,Bag,39,Tote bag,,,,",
        "Club,d,OPENING_GIFT,Bag,39,,100,,,",
        "Club,e,MONTHLY_COUPON,Coupon,10,,,10,9.99,",
        "Club,f,MONTHLY_COUPON,Coupon,10,,,x,,",
        "Club,g,STORE_DISCOUNT,Off,10,,,,,",
        "Club,h,OPENING_GIFT,,39,Tote bag,,,,",
        GIFT,
        GIFT,
    )
    job = put(shop, *rows, dry=True)
    assert problems(job) == [
        (2, "program", "benefit_program_unknown"),
        (3, "key", "benefit_key_wrong"),
        (4, "kind", "not_a_choice"),
        (5, "gift", "benefit_value_missing"),
        (5, "quantity", "benefit_value_wrong"),
        (6, "threshold", "benefit_threshold_low"),
        (7, "coupon_amount", "not_money"),
        (8, "activity_id", "benefit_value_missing"),
        (8, "percent_off", "benefit_value_missing"),
        (8, "window_from", "benefit_value_missing"),
        (8, "window_to", "benefit_value_missing"),
        (9, "title", "required"),
        (10, "program", "key_twice"),
        (11, "program", "key_twice"),
    ]
    put(shop, *rows)
    assert not Benefit.objects.exists()


def test_a_benefit_keeps_its_kind_and_a_pack_its_size():
    shop = Shop().invite()
    shop.drafted()
    assert problems(put(shop, "Club,b,OPENING_GIFT,Bag,39,Tote bag,,,,", dry=True)) == [(2, "kind", "benefit_kind_fixed")]
    job = put(shop, *(GIFT.replace(",a,", f",x{number},") for number in range(29)), dry=True)
    assert problems(job) == [(30, "key", "benefits_too_many")]


def test_a_pack_in_review_an_ended_program_and_a_barred_merchant_take_no_file():
    shop, other = Shop().invite(), Shop().invite()
    pack = submit_pack(pack=shop.drafted(), **shop.by)
    other.drafted()
    assert problems(put(shop, GIFT, dry=True)) == [(2, "program", "benefit_pack_in_review")]
    assert Benefit.objects.filter(pack=pack).count() == 2
    MerchantBar.objects.create(merchant=other.store.merchant, reason="x", imposed_by=other.ops, imposed_at=NOW)
    assert problems(put(other, GIFT, dry=True)) == [(2, "program", "benefit_merchant_barred")]


def test_another_stores_program_is_unknown_and_only_who_configures_brings_a_file():
    shop, other = Shop().invite(), Shop().invite()
    other.program("Foreign")
    assert problems(put(shop, GIFT.replace("Club", "Foreign"), dry=True)) == [(2, "program", "benefit_program_unknown")]
    for by, error in (
        (make_user(Role.MERCHANT_ANALYST, merchant=shop.store.merchant), NotAllowed),
        (shop.ops, NotAllowed),
        (make_user(Role.MERCHANT_OWNER, merchant=make_merchant()), NotFound),
    ):
        with pytest.raises(error):
            load("benefits", csv_of(HEADER, GIFT), store=shop.store, by=by, now=NOW, console="merchant")


def test_what_was_brought_can_be_submitted():
    shop = Shop().invite()
    program = shop.program()
    put(shop, GIFT, COUPON)
    shop.priced(program)
    submit_pack(pack=draft_pack(program=program, **shop.by), **shop.by)
