"""Platform console: nominations, review of packs beside what ordinary members get, review of decorations."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.kernel.tenancy.roles import Role
from members.paid.models import BenefitPack, BenefitPicture, Decoration, Nomination, PaidProgram, Picture
from tests.applications.admin.consoles import act, logged_in, queries, text
from tests.factories import make_level, make_member, make_store, make_user
from tests.members.paid.making import NOW, TODAY, make_benefit, make_membership, make_program

NOMINATIONS, PACKS, DECORATIONS = "/admin/paid/nomination/", "/admin/paid/benefitpack/", "/admin/paid/decoration/"

pytestmark = pytest.mark.django_db


def ops() -> Any:
    return logged_in(make_user(Role.PLATFORM_MEMBER_OPS))


def industry() -> Any:
    return logged_in(make_user(Role.PLATFORM_INDUSTRY_OPS))


def in_review(program: PaidProgram, **given: Any) -> BenefitPack:
    """The program's next version, handed in by the store's owner, with an opening gift and a monthly coupon."""
    by = make_user(Role.MERCHANT_OWNER, merchant=program.store.merchant)
    version = program.packs.count() + 1
    fields = {"card_fee": "99.00", "difference": "Ordinary members get no gift.", "version": version, "created_at": NOW}
    pack = BenefitPack.objects.create(program=program, **fields | given)
    make_benefit(pack, "gift", title="Bag of cotton", settings={"gift": "Bag", "quantity": 1}, value_amount="30")
    make_benefit(pack, "coupon", kind="MONTHLY_COUPON", schedule="MONTHLY", title="Ten off", settings={"coupon_amount": "10.00", "threshold": "0"})
    BenefitPack.objects.filter(pk=pack.pk).update(status="IN_REVIEW", submitted_by=by, submitted_at=NOW)
    pack.refresh_from_db()
    return pack


# --- nominations


def test_member_operations_invites_a_store_by_its_code() -> None:
    make_store("S1")
    client = ops()
    assert "There is no store with this code" in act(client, f"{NOMINATIONS}invite/", store_code="nowhere", reason="Loyal").content.decode()
    assert act(client, f"{NOMINATIONS}invite/", store_code="S1", reason="Loyal buyers").status_code == 302
    row = Nomination.objects.get()
    assert (row.status, row.way, row.reason) == ("OPEN", "INVITATION", "Loyal buyers")
    assert "invited or nominated already" in act(client, f"{NOMINATIONS}invite/", store_code="S1", reason="Again").content.decode()
    assert act(client, f"{NOMINATIONS}{row.pk}/end-invitation/", reason="Changed our mind").status_code == 302
    row.refresh_from_db()
    assert (row.status, row.end_reason) == ("DECLINED", "Changed our mind")


def test_industry_operations_takes_up_what_a_merchant_proposed_and_declines() -> None:
    first = Nomination.objects.create(store=make_store("S1"), way="NOMINATION", status="PROPOSED", reason="We ask", proposed_at=NOW)
    second = Nomination.objects.create(store=make_store("S2"), way="NOMINATION", status="PROPOSED", reason="We too", proposed_at=NOW)
    client = industry()
    assert {"店铺-S1", "店铺-S2"} <= set(text(client, f"{NOMINATIONS}?status__exact=PROPOSED").replace("<", " ").replace(">", " ").split())
    act(client, f"{NOMINATIONS}{first.pk}/nominate/", reason="Good shop")
    act(client, f"{NOMINATIONS}{second.pk}/decline/", reason="Too small")
    assert list(Nomination.objects.order_by("pk").values_list("status", flat=True)) == ["OPEN", "DECLINED"]
    assert client.get(f"{NOMINATIONS}{first.pk}/nominate/").status_code == 404


def test_who_lets_stores_in() -> None:
    row = Nomination.objects.create(store=make_store("S1"), way="NOMINATION", status="PROPOSED", reason="We ask", proposed_at=NOW)
    for role, may_nominate, may_invite in ((Role.PLATFORM_MEMBER_OPS, 403, 200), (Role.PLATFORM_INDUSTRY_OPS, 200, 403), (Role.PLATFORM_AUDITOR, 403, 403)):
        client = logged_in(make_user(role))
        assert client.get(f"{NOMINATIONS}{row.pk}/nominate/").status_code == may_nominate
        assert client.get(f"{NOMINATIONS}invite/").status_code == may_invite
        assert client.get(f"{NOMINATIONS}{row.pk}/change/").status_code == 200


# --- packs


def test_the_pack_is_shown_beside_what_ordinary_members_get_and_what_changed() -> None:
    store = make_store("S1")
    level = make_level(store, "金卡", 500)
    type(level).objects.filter(pk=level.pk).update(perks="Birthday card only")
    other = make_level(make_store("S2"), "黑卡", 900)
    program = make_program(store, by=make_user(), benefits={"gift": {"title": "Old bag", "settings": {"gift": "Bag"}}, "tea": {"title": "Tea hour"}})
    pack = in_review(program, card_fee="360.00", term_unit="YEAR")
    page = text(ops(), f"{PACKS}{pack.pk}/change/")
    for told in ("Bag of cotton", "Ten off", "金卡", "Birthday card only", "Ordinary members get no gift.", "Changed since version 1", "Old bag", "Tea hour"):
        assert told in page, told
    assert other.name not in page
    assert "30.00 yuan for a month" in page  # 360 a year
    assert ">1.00<" in page
    assert ">300.00<" in page
    for mark in (">New<", ">Changed<", ">Taken out<"):
        assert mark in page, mark
    assert ">Missing<" not in page


def test_the_pictures_of_a_promise_are_shown() -> None:
    program = make_program(make_store("S1"), status="DRAFT")
    pack = program.packs.get()
    picture = Picture.objects.create(store=program.store, file="benefit-pictures/x.jpg", sha256="0" * 64, width=8, height=8, uploaded_at=NOW)
    BenefitPicture.objects.create(benefit=pack.benefits.get(key="gift"), picture=picture)
    BenefitPack.objects.filter(pk=pack.pk).update(status="IN_REVIEW", submitted_at=NOW)
    assert f'src="/admin/paid/picture/{picture.pk}/' in text(ops(), f"{PACKS}{pack.pk}/change/")


def test_what_the_rules_ask_for_and_is_not_there() -> None:
    program = make_program(make_store("S1"), status="DRAFT")
    pack = program.packs.get()
    pack.benefits.all().delete()
    BenefitPack.objects.filter(pk=pack.pk).update(status="IN_REVIEW", submitted_at=NOW, card_fee="9999.00", term_unit="MONTH", difference="")
    client = ops()
    page = text(client, f"{PACKS}{pack.pk}/change/")
    assert page.count(">Missing<") == 3
    assert ">Out of range<" in page
    assert "Add a benefit that is issued at once" in act(client, f"{PACKS}{pack.pk}/approve/").content.decode()
    pack.refresh_from_db()
    assert pack.status == "IN_REVIEW"


def test_approving_opens_the_next_one_that_waits() -> None:
    first = in_review(make_program(make_store("S1"), by=make_user()))
    second = in_review(make_program(make_store("S2"), by=make_user()))
    client = ops()
    answer = act(client, f"{PACKS}{first.pk}/approve/")
    assert answer["Location"] == f"{PACKS}{second.pk}/change/"
    answer = act(client, f"{PACKS}{second.pk}/reject/", reason="Rule: a gift. Found: none. Add one.")
    assert answer["Location"] == f"{PACKS}{second.pk}/change/"  # nothing waits any more
    assert "Rule: a gift. Found: none. Add one." in text(client, f"{PACKS}{second.pk}/change/")
    assert list(BenefitPack.objects.filter(pk__in=[first.pk, second.pk]).order_by("pk").values_list("status", flat=True)) == ["APPROVED", "REJECTED"]
    assert client.get(f"{PACKS}{first.pk}/approve/").status_code == 404


def test_changes_are_asked_for_with_a_reason() -> None:
    pack = in_review(make_program(make_store("S1"), by=make_user()))
    client = ops()
    assert "This field is required" in act(client, f"{PACKS}{pack.pk}/ask-for-changes/", reason="").content.decode()
    act(client, f"{PACKS}{pack.pk}/ask-for-changes/", reason="Say what the bag is made of.")
    pack.refresh_from_db()
    assert (pack.status, pack.reason) == ("CHANGES_REQUESTED", "Say what the bag is made of.")


def test_the_approval_says_how_many_hold_the_program() -> None:
    program = make_program(make_store("S1"), by=make_user())
    make_membership(program, make_member(program.store), starts_on=TODAY)
    pack = in_review(program)
    dialog = text(ops(), f"{PACKS}{pack.pk}/approve/")
    assert "only what is added reaches them" in dialog
    assert "<dt>Holders today</dt><dd>1</dd>" in dialog


def test_a_draft_is_the_merchants_own() -> None:
    pack = make_program(make_store("S1"), status="DRAFT").packs.get()
    client = ops()
    assert client.get(f"{PACKS}{pack.pk}/change/").status_code == 404
    assert "店铺-S1" not in text(client, PACKS)


@pytest.mark.parametrize("role", [Role.PLATFORM_INDUSTRY_OPS, Role.PLATFORM_APPEALS, Role.PLATFORM_AUDITOR])
def test_who_only_reads(role: str) -> None:
    pack = in_review(make_program(make_store("S1"), by=make_user()))
    client = logged_in(make_user(role))
    page = text(client, f"{PACKS}{pack.pk}/change/")
    assert "/approve/" not in page
    for name in ("approve", "reject", "ask-for-changes"):
        assert act(client, f"{PACKS}{pack.pk}/{name}/", reason="x").status_code == 403
    assert client.get("/admin/").status_code == 200
    pack.refresh_from_db()
    assert pack.status == "IN_REVIEW"


def test_the_keys_of_the_page_are_told_in_it() -> None:
    pack = in_review(make_program(make_store("S1"), by=make_user()))
    page = text(ops(), f"{PACKS}{pack.pk}/change/")
    for key, name in (("a", "approve"), ("c", "ask-for-changes"), ("r", "reject")):
        assert f'data-paid-key="{key}" data-paid-act="{name}"' in page
        assert f"/{pack.pk}/{name}/" in page  # what the key clicks


# --- decorations


def test_both_entry_points_are_shown_as_a_member_would_see_them() -> None:
    described = {key: {"title": f"Benefit {key}"} for key in "abcde"}
    program = make_program(make_store("S1"), by=make_user(), benefits=described)
    decoration = Decoration.objects.create(program=program, version=2, modules=list("eacbd"), status="IN_REVIEW", submitted_at=NOW, created_at=NOW)
    client = ops()
    page = text(client, f"{DECORATIONS}{decoration.pk}/change/")
    for frame in page.split('class="frame"')[1:]:
        shown = [key for key in "abcde" if f"<li><strong>Benefit {key}" in frame.split("join")[0]]
        assert sorted(shown) == ["a", "c", "e"]
        assert frame.index("Benefit e") < frame.index("Benefit a") < frame.index("Benefit c")
    assert page.count('class="frame"') == 2
    assert "The live-card module is not placed in the shop" in page
    assert "was 1" in page
    act(client, f"{DECORATIONS}{decoration.pk}/approve/")
    program.refresh_from_db()
    assert program.decoration == decoration


# --- cost


def test_lists_and_pages_cost_the_same_for_one_row_and_three() -> None:
    client = ops()
    first = in_review(make_program(make_store(), by=make_user()))
    Decoration.objects.create(program=first.program, version=2, modules=["gift"], status="IN_REVIEW", submitted_at=NOW, created_at=NOW)
    addresses = (NOMINATIONS, PACKS, DECORATIONS, f"{PACKS}{first.pk}/change/")
    before = queries(client, *addresses)
    for _number in range(2):
        pack = in_review(make_program(make_store(), by=make_user()))
        Decoration.objects.create(program=pack.program, version=2, modules=["gift"], status="IN_REVIEW", submitted_at=NOW, created_at=NOW)
    assert queries(client, *addresses) == before
    assert max(before) <= 25
