"""What the two entry points show, to whom, and in which order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backoffice.kernel.tenancy.models import MerchantBar
from members.paid.models import PaidProgram
from members.paid.selectors.entry_points import get_entry_point, preview_entry_points
from members.paid.services.decorations import set_modules, submit_decoration
from members.paid.services.programs import place_live_card, set_benefit_switch
from tests.factories import make_member, make_store, make_user
from tests.members.paid.making import NOW, make_program
from tests.members.paid.making import place_live_card as placed
from tests.members.paid.setting_up import Shop

pytestmark = pytest.mark.django_db
BOTH = ("LIVE_CARD", "MEMBER_CENTRE")
FIVE = {key: {"schedule": "AT_ONCE"} for key in "ABCDE"}


def shown(store, entry, member):
    point = get_entry_point(store, entry, member, NOW)
    return [benefit.key for benefit in point.benefits] if point else None


def five_in_order(order="EACBD"):
    """A live program with benefits A to E whose decoration orders the modules so, and the live card placed."""
    store = make_store()
    program = make_program(store, benefits=FIVE, by=make_user())
    program.decoration.modules = list(order)
    program.decoration.save(update_fields=["modules"])
    placed(store)
    return store, program


def test_five_benefits_in_module_order_e_a_c_b_d_show_e_a_c_in_both_entries():
    store, program = five_in_order()
    member = make_member(store)
    assert [shown(store, entry, member) for entry in BOTH] == [["E", "A", "C"], ["E", "A", "C"]]
    assert [[b.key for b in preview.benefits] for preview in preview_entry_points(program, list("EACBD"), NOW)] == [["E", "A", "C"]] * 2


def test_live_card_only_where_its_module_is_placed():
    shop = Shop().invite()
    shop.live(["b", "a"])
    member = make_member(shop.store)
    assert shown(shop.store, "LIVE_CARD", member) is None
    assert shown(shop.store, "MEMBER_CENTRE", member) == ["b", "a"]
    place_live_card(store=shop.store, placed=True, **shop.by)
    assert shown(shop.store, "LIVE_CARD", member) == ["b", "a"]
    place_live_card(store=shop.store, placed=False, **shop.by)
    assert shown(shop.store, "LIVE_CARD", member) is None
    elsewhere = make_store()
    placed(elsewhere)
    assert shown(shop.store, "LIVE_CARD", member) is None


def test_disabled_benefit_never_shows():
    store, program = five_in_order()
    member = make_member(store)
    by = make_user()
    for gone, rest in (("E", ["A", "C", "B"]), ("C", ["A", "B", "D"]), ("A", ["B", "D"]), ("B", ["D"])):
        set_benefit_switch(benefit=program.pack.benefits.get(key=gone), on=False, by=by, now=NOW)
        assert [shown(store, entry, member) for entry in BOTH] == [rest, rest]
        assert [b.key for b in preview_entry_points(program, list("EACBD"), NOW)[1].benefits] == rest
    set_benefit_switch(benefit=program.pack.benefits.get(key="D"), on=False, by=by, now=NOW)
    assert [shown(store, entry, member) for entry in BOTH] == [None, None]
    set_benefit_switch(benefit=program.pack.benefits.get(key="E"), on=True, by=by, now=NOW + timedelta(hours=1))
    assert [shown(store, entry, member) for entry in BOTH] == [["E"], ["E"]]


def test_a_person_who_is_no_member_sees_no_entry():
    store, _program = five_in_order()
    other = make_store()
    assert [shown(store, entry, None) for entry in BOTH] == [None, None]
    assert [shown(store, entry, make_member(other)) for entry in BOTH] == [None, None]
    for status in ("FROZEN", "BLACKLISTED", "LEFT", "CLOSED"):
        member = make_member(store, status=status)
        assert [shown(store, entry, member) for entry in BOTH] == [None, None]


def test_live_without_approved_decoration_is_exposed_nowhere():
    shop = Shop().invite()
    program = shop.configure(shop.approve(shop.drafted()))
    place_live_card(store=shop.store, placed=True, **shop.by)
    member = make_member(shop.store)
    assert [shown(shop.store, entry, member) for entry in BOTH] == [None, None]
    submit_decoration(decoration=set_modules(program=program, modules=["a", "b"], **shop.by), **shop.by)
    assert [shown(shop.store, entry, member) for entry in BOTH] == [None, None]
    assert not any(preview.is_exposed for preview in preview_entry_points(program, ["a", "b"], NOW))
    with pytest.raises(Exception, match="program_live_is_decorated"):  # not even a slip elsewhere can make it live
        PaidProgram.objects.filter(pk=program.pk).update(status="LIVE", live_at=NOW)


def test_the_public_order_changes_only_when_the_new_decoration_is_approved():
    shop = Shop().invite()
    program = shop.live(["a", "b"])
    member = make_member(shop.store)
    draft = set_modules(program=program, modules=["b", "a"], **shop.by)
    assert shown(shop.store, "MEMBER_CENTRE", member) == ["a", "b"]
    assert [b.key for b in preview_entry_points(program, draft.modules, NOW)[1].benefits] == ["b", "a"]
    shop.decorate(program, ["b", "a"])
    assert shown(shop.store, "MEMBER_CENTRE", member) == ["b", "a"]


def test_a_barred_merchant_is_exposed_in_no_store():
    store, program = five_in_order()
    member, by = make_member(store), make_user()
    bar = MerchantBar.objects.create(merchant=store.merchant, reason="x", imposed_by=by, imposed_at=NOW)
    assert [shown(store, entry, member) for entry in BOTH] == [None, None]
    assert len(preview_entry_points(program, [], NOW)[1].hindrances) == 1
    MerchantBar.objects.filter(pk=bar.pk).update(ended_at=NOW, ended_by=by)
    assert [shown(store, entry, member) for entry in BOTH] == [["E", "A", "C"]] * 2


def test_of_several_live_programs_the_highest_is_shown():
    store, program = five_in_order()
    higher = make_program(store, benefits={"X": {}}, by=make_user())
    assert shown(store, "MEMBER_CENTRE", make_member(store)) == ["X"]
    assert [len(preview.hindrances) for preview in preview_entry_points(program, [], NOW)] == [1, 1]
    PaidProgram.objects.filter(pk=higher.pk).update(status="CLOSED", ended_at=NOW)
    assert shown(store, "MEMBER_CENTRE", make_member(store)) == ["E", "A", "C"]


@pytest.mark.parametrize("stores", [1, 3])
@pytest.mark.parametrize("entry", BOTH)
def test_an_entry_point_takes_two_queries(django_assert_num_queries, entry, stores):
    made = [five_in_order() for _number in range(stores)]
    store, program = made[0]
    member = make_member(store)
    with django_assert_num_queries(2):
        point = get_entry_point(store, entry, member, NOW)
    assert point.sign_up_url == f"/paid-membership/{store.code}/{program.pk}"


def test_the_preview_says_that_a_closed_store_and_a_pack_switched_off_are_not_seen():
    program = make_program(make_store(), benefits={"a": {}}, by=make_user())
    place = program.store
    assert preview_entry_points(program, ["a"], NOW)[1].is_exposed
    program.pack.benefits.update(disabled_at=NOW)
    assert len(preview_entry_points(program, ["a"], NOW)[1].hindrances) == 1
    type(place).objects.filter(pk=place.pk).update(status="CLOSED")
    place.refresh_from_db()
    assert len(preview_entry_points(program, ["a"], NOW)[1].hindrances) == 2
