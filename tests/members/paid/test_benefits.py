"""Benefits by kind: typed fields, checked at saving, described in a line, and versions that leave holders theirs."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from backoffice.kernel.clock import local_day
from backoffice.kernel.errors import NotFound
from members.paid.benefits import FORMS, InvalidBenefit, clean_benefit, describe, values_of
from members.paid.choices import BenefitKind
from members.paid.models import Benefit, BenefitPack, PackReach, PaidMembership
from members.paid.services.benefits import remove_benefit, save_benefit
from members.paid.services.packs import draft_pack
from members.paid.services.programs import set_benefit_switch
from members.paid.services.rights import PaidRefused
from tests.factories import make_member
from tests.members.paid.making import NOW, TODAY, make_membership
from tests.members.paid.setting_up import WINDOW, Shop, values_of_kind

pytestmark = pytest.mark.django_db


def test_every_kind_has_its_form():
    assert set(FORMS) == set(BenefitKind.values)


@pytest.mark.parametrize("kind", BenefitKind.values)
def test_a_benefit_of_each_kind_is_kept_and_given_back_as_its_form_takes_it(kind):
    shop = Shop().invite()
    benefit = shop.add(shop.program(), kind, "k")
    benefit = Benefit.objects.get(pk=benefit.pk)
    again = clean_benefit(kind, values_of(benefit))
    assert again.settings == benefit.settings
    assert set(benefit.settings) == set(FORMS[kind].own)
    assert {name: getattr(benefit, name) for name in again.columns} == again.columns
    assert len(describe(benefit)) > 5


def test_what_is_stored_of_a_coupon_and_of_a_discount():
    coupon = clean_benefit("MONTHLY_COUPON", values_of_kind("MONTHLY_COUPON"))
    assert coupon.settings == {"coupon_amount": "10.00", "threshold": "99.00"}
    assert (coupon.columns["schedule"], coupon.columns["expiry"], coupon.columns["expiry_days"]) == ("MONTHLY", "DAYS", 30)
    discount = clean_benefit("ITEM_DISCOUNT", values_of_kind("ITEM_DISCOUNT", schedule="AT_ONCE"))
    assert discount.settings == {
        "activity_id": "A-1",
        "window_from": "2026-11-23T12:00:00+08:00",
        "window_to": "2026-12-22T12:00:00+08:00",
        "percent_off": 20,
        "items": ["I-1", "I-2", "I-3"],
    }


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        ("OPENING_GIFT", {"gift": ""}, "gift"),
        ("OPENING_GIFT", {"quantity": "0"}, "quantity"),
        ("OPENING_GIFT", {"schedule": "MONTHLY"}, "schedule"),
        ("OPENING_GIFT", {"title": " "}, "title"),
        ("OPENING_GIFT", {"value_amount": "-1"}, "value_amount"),
        ("OPENING_GIFT", {"value_amount": "1.001"}, "value_amount"),
        ("MONTHLY_COUPON", {"coupon_amount": "0"}, "coupon_amount"),
        ("MONTHLY_COUPON", {"coupon_amount": "NaN"}, "coupon_amount"),
        ("MONTHLY_COUPON", {"threshold": "9.99"}, "threshold"),
        ("MONTHLY_COUPON", {"expiry": "DAYS", "expiry_days": ""}, "expiry_days"),
        ("MONTHLY_COUPON", {"schedule": "AT_ONCE"}, "schedule"),
        ("MONTHLY_GIFT", {"schedule": "AT_ONCE"}, "schedule"),
        ("EARLY_ACCESS", {"hours_ahead": ""}, "hours_ahead"),
        ("EARLY_ACCESS", {"window_to": WINDOW["window_from"]}, "window_to"),
        ("STORE_DISCOUNT", {"percent_off": "95"}, "percent_off"),
        ("STORE_DISCOUNT", {"activity_id": ""}, "activity_id"),
        ("ITEM_DISCOUNT", {"items": " , \n"}, "items"),
        ("ITEM_DISCOUNT", {"items": ",".join(str(number) for number in range(201))}, "items"),
        ("CUSTOM", {"promise": ""}, "promise"),
        ("CUSTOM", {"every_days": ""}, "every_days"),
        ("CUSTOM", {"schedule": "ON_DATE", "on_date": ""}, "on_date"),
        ("CUSTOM", {"deadline_days": "181"}, "deadline_days"),
        ("CUSTOM", {"evidence": ""}, "evidence"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_kept(kind, given, field):
    shop = Shop().invite()
    program = shop.program()
    with pytest.raises(InvalidBenefit) as caught:
        shop.add(program, kind, "k", **given)
    assert list(caught.value.facts["errors"]) == [field]
    assert caught.value.facts["field"] == field
    assert not Benefit.objects.exists()


def test_fields_of_another_schedule_are_emptied():
    cleaned = clean_benefit("CUSTOM", values_of_kind("CUSTOM", schedule="MONTHLY", every_days="x", on_date="2026-12-24"))
    assert (cleaned.columns["every_days"], cleaned.columns["on_date"]) == (None, None)


def test_keys_are_for_good():
    shop = Shop().invite()
    program = shop.program()
    assert [shop.add(program).key for _number in range(2)] == ["opening-gift", "opening-gift-2"]
    program = shop.approve(_complete(shop, program))
    draft = draft_pack(program=program, **shop.by)
    remove_benefit(benefit=draft.benefits.get(key="opening-gift-2"), **shop.by)
    assert shop.add(program).key == "opening-gift-3"
    for key, code in (("opening-gift", "key_taken"), ("Gift", "key_invalid"), ("x" * 33, "key_invalid")):
        with pytest.raises(PaidRefused) as caught:
            shop.add(program, key=key)
        assert caught.value.code == code


def _complete(shop, program):
    shop.add(program, "MONTHLY_COUPON", "b")
    return shop.priced(program)


def test_a_benefit_keeps_its_kind_and_its_pack():
    shop, other = Shop().invite(), Shop().invite()
    benefit = shop.add(shop.program())
    foreign = other.add(other.program())
    with pytest.raises(PaidRefused) as caught:
        save_benefit(pack=benefit.pack, benefit=benefit, kind="CUSTOM", values=values_of_kind("CUSTOM"), **shop.by)
    assert caught.value.code == "kind_is_fixed"
    with pytest.raises(NotFound):
        save_benefit(pack=benefit.pack, benefit=foreign, kind=foreign.kind, values=values_of_kind(foreign.kind), **shop.by)
    with pytest.raises(NotFound):
        remove_benefit(benefit=foreign, **shop.by)


def reach_of(pack):
    return {(row.benefit.key, row.benefit.pack.version, row.from_on) for row in PackReach.objects.filter(pack=pack).select_related("benefit__pack")}


def test_edited_pack_after_a_sale_leaves_the_holders_version():
    shop = Shop().invite()
    program = shop.live()
    sold = program.pack
    held = make_membership(program, make_member(shop.store))
    PaidMembership.objects.filter(pk=held.pk).update(next_issue_on=date(2027, 1, 22))
    later = NOW + timedelta(days=10)
    draft = draft_pack(program=program, **shop.by)
    coupon = draft.benefits.get(key="b")
    save_benefit(pack=draft, benefit=coupon, kind=coupon.kind, values=values_of_kind(coupon.kind, coupon_amount="1", threshold="500"), **shop.by)
    remove_benefit(benefit=draft.benefits.get(key="a"), **shop.by)
    shop.add(program, "OPENING_GIFT", "c")
    program = shop.approve(shop.priced(program), now=later)

    held.refresh_from_db()
    assert held.pack == sold
    assert sold.benefits.get(key="b").settings["coupon_amount"] == "10.00"
    assert reach_of(sold) == {("a", 1, None), ("b", 1, None), ("c", 2, local_day(later))}
    assert reach_of(program.pack) == {("b", 2, None), ("c", 2, None)}
    assert held.next_issue_on == local_day(later)
    with pytest.raises(Exception, match="does not change"):
        sold.benefits.filter(key="b").update(title="Less")


def test_an_addition_reaches_holders_of_every_older_version_once():
    shop = Shop().invite()
    program = shop.live()
    packs = [program.pack]
    for key in ("c", "d"):
        shop.add(program, "OPENING_GIFT", key)
        program = shop.approve(draft_pack(program=program, **shop.by))
        packs.append(program.pack)
    assert [{(key, version) for key, version, _day in reach_of(pack)} for pack in packs] == [
        {("a", 1), ("b", 1), ("c", 2), ("d", 3)},
        {("a", 2), ("b", 2), ("c", 2), ("d", 3)},
        {("a", 3), ("b", 3), ("c", 3), ("d", 3)},
    ]


def test_an_approval_brings_issues_forward_only_for_holders_it_reaches():
    shop = Shop().invite()
    program = shop.live()
    other = Shop().invite()
    elsewhere = other.live()
    start = TODAY - timedelta(days=30)

    def held(sold, store, **given):
        return make_membership(sold, make_member(store), **{"starts_on": start, "next_issue_on": TODAY + timedelta(days=20)} | given)

    running, idle = held(program, shop.store), held(program, shop.store, next_issue_on=None)
    due = held(program, shop.store, next_issue_on=TODAY - timedelta(days=2))
    to_come = held(program, shop.store, starts_on=TODAY + timedelta(days=40), next_issue_on=TODAY + timedelta(days=40))
    over = held(program, shop.store, starts_on=TODAY - timedelta(days=500), next_issue_on=None)
    foreign = held(elsewhere, other.store)
    rows = [running, idle, due, to_come, over, foreign]

    def days():
        return [PaidMembership.objects.get(pk=row.pk).next_issue_on for row in rows]

    before = days()
    shop.approve(draft_pack(program=program, **shop.by))  # nothing added
    assert days() == before
    shop.add(program, "OPENING_GIFT", "c")
    shop.approve(draft_pack(program=program, **shop.by))
    assert days() == [TODAY, TODAY, TODAY - timedelta(days=2), TODAY + timedelta(days=40), None, TODAY + timedelta(days=20)]


@pytest.mark.parametrize("holders", [1, 3])
def test_an_approval_takes_as_many_queries_however_many_hold_it(django_assert_max_num_queries, holders):
    shop = Shop().invite()
    program = shop.live()
    for _number in range(holders):
        make_membership(program, make_member(shop.store), starts_on=TODAY)
    shop.add(program, "OPENING_GIFT", "c")
    pack = draft_pack(program=program, **shop.by)
    with django_assert_max_num_queries(60) as counted:
        shop.approve(pack)
    sent = [query["sql"] for query in counted.captured_queries if query["sql"].startswith('UPDATE "paid_paidmembership"')]
    assert len(sent) == 1


def test_a_benefit_switched_off_is_no_addition():
    shop = Shop().invite()
    program = shop.live()
    set_benefit_switch(benefit=shop.add(program, "OPENING_GIFT", "c"), on=False, **shop.by)
    shop.approve(draft_pack(program=program, **shop.by))
    assert {key for key, _version, _day in reach_of(BenefitPack.objects.get(program=program, version=1))} == {"a", "b"}


def test_switching_off_a_benefit_in_force_needs_no_new_version():
    shop = Shop().invite()
    program = shop.live()
    gift = set_benefit_switch(benefit=program.pack.benefits.get(key="a"), on=False, **shop.by)
    assert gift.disabled_at == NOW
    assert set_benefit_switch(benefit=gift, on=False, by=shop.owner, now=NOW + timedelta(days=1)).disabled_at == NOW
    assert BenefitPack.objects.count() == 1
    assert Decimal(gift.value_amount) == Decimal("10.00")
