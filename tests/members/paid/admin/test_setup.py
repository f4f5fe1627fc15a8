"""The guided set-up: what is missing and who acts next at each step, each page's acts, forms whose errors are sentences, and refusals that change nothing."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from backoffice.kernel.clock import database_now
from members.paid.models import Benefit, BenefitPack, EntryPlacement, Nomination, PaidProgram
from members.paid.services.decorations import rule_on_decoration
from members.paid.services.nominations import invite_store, nominate_store
from members.paid.services.packs import rule_on_pack
from tests.factories import make_user
from tests.members.paid.admin.shop import Shop, act, client_of, open_shop, text, url

GIFT = {"title": "Welcome box", "gift": "Box", "value_amount": "30", "cost_amount": "12"}
COUPON = {"title": "20 off", "coupon_amount": "20", "threshold": "99", "value_amount": "20", "cost_amount": "20", "expiry": "DAYS", "expiry_days": "10"}
DIFFERENCE = "Ordinary members get neither."


def invited(shop: Shop) -> None:
    invite_store(store=shop.store, reason="Loyal buyers", by=shop.staff, now=database_now())


def begun(shop: Shop) -> PaidProgram:
    invited(shop)
    act(client_of(shop.owner), url("paidprogram_new"), store=shop.store.pk, name="Gold", rank=1)
    return PaidProgram.objects.get(store=shop.store)


def drafted(shop: Shop) -> PaidProgram:
    """A pack that only has to be submitted."""
    program, client = begun(shop), client_of(shop.clerk)
    client.post(url("paidprogram_pack", program.pk), {"act": "save", "card_fee": "99", "term_unit": "YEAR", "difference": DIFFERENCE})
    client.post(url("paidprogram_benefit", program.pk, query="kind=OPENING_GIFT"), GIFT)
    client.post(url("paidprogram_benefit", program.pk, query="kind=MONTHLY_COUPON"), COUPON)
    return program


def test_from_a_proposal_to_live_each_page_says_what_is_missing_and_who_acts(shop: Shop) -> None:
    owner, clerk = client_of(shop.owner), client_of(shop.clerk)
    page = text(owner, url("setup"))
    assert "Ask to be nominated, or wait for an invitation" in page
    act(owner, url("paidprogram_propose"), store=shop.store.pk, reason="Half of them buy again")
    page = text(owner, url("setup"))
    assert "Now: Industry operations" in page
    assert "Propose this store" not in page
    nominate_store(store=shop.store, reason="Good", by=make_user("PLATFORM_INDUSTRY_OPS"), now=database_now())
    assert "New program" in text(owner, url("setup"))
    act(owner, url("paidprogram_new"), store=shop.store.pk, name="Gold", rank=1)
    program = PaidProgram.objects.get()

    page = text(clerk, url("paidprogram_pack", program.pk))
    assert "Add a benefit that is issued at once" in page
    assert "Now: you act" in page
    clerk.post(url("paidprogram_pack", program.pk), {"act": "save", "card_fee": "99", "term_unit": "YEAR", "difference": DIFFERENCE})
    clerk.post(url("paidprogram_benefit", program.pk, query="kind=OPENING_GIFT"), GIFT)
    clerk.post(url("paidprogram_benefit", program.pk, query="kind=MONTHLY_COUPON"), COUPON)
    assert "Everything is there: submit the pack." in text(clerk, url("paidprogram_pack", program.pk))
    clerk.post(url("paidprogram_review", program.pk), {"act": "submit"})
    pack = BenefitPack.objects.get()
    assert pack.status == "IN_REVIEW"
    page = text(clerk, url("paidprogram_review", program.pk))
    assert "Now: Member operations" in page
    assert "Take back" in page

    refused = clerk.post(url("paidprogram_configuration", program.pk), {"name": "Gold", "rank": 1, "terms_text": "x"})
    assert "has not approved the benefit pack yet" in refused.content.decode()
    rule_on_pack(pack=pack, ruling="APPROVED", by=shop.staff, now=database_now())
    clerk.post(url("paidprogram_configuration", program.pk), {"name": "Gold card", "rank": 2, "stock_limit": "500", "terms_text": "Be kind."})
    program.refresh_from_db()
    assert (program.name, program.rank, program.stock_limit, program.terms_text) == ("Gold card", 2, 500, "Be kind.")

    keys = list(pack.benefits.order_by("-position").values_list("key", flat=True))
    clerk.post(url("paidprogram_decoration", program.pk), {"modules": keys, "act": "submit"})
    decoration = program.decorations.get()
    assert (decoration.status, decoration.modules) == ("IN_REVIEW", keys)
    rule_on_decoration(decoration=decoration, ruling="APPROVED", by=shop.staff, now=database_now())
    assert "All five steps are done" in text(clerk, url("paidprogram_decoration", program.pk))
    page = text(clerk, url("paidprogram_preview", program.pk))
    assert page.index("20 off") < page.index("Welcome box")


def test_wrong_figures_come_back_with_a_sentence_beside_the_field_and_all_that_was_typed(shop: Shop) -> None:
    program, client = begun(shop), client_of(shop.clerk)
    answer = client.post(url("paidprogram_benefit", program.pk, query="kind=MONTHLY_COUPON"), {**COUPON, "coupon_amount": "200", "title": "Kept text"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "An order that small would be free" in page
    assert 'value="Kept text"' in page
    answer = client.post(url("paidprogram_pack", program.pk), {"act": "save", "card_fee": "99", "term_unit": "DAYS", "difference": "kept too"})
    assert "A term of days has between 1 and 3650." in answer.content.decode()
    assert "kept too" in answer.content.decode()
    assert not Benefit.objects.exists()
    assert BenefitPack.objects.get().term_unit == "YEAR"


def test_each_kind_has_its_own_fields(shop: Shop) -> None:
    program, client = begun(shop), client_of(shop.clerk)
    own = {
        "OPENING_GIFT": "gift", "MONTHLY_COUPON": "coupon_amount", "MONTHLY_GIFT": "gift", "EARLY_ACCESS": "hours_ahead", "STORE_DISCOUNT": "percent_off",
        "ITEM_DISCOUNT": "items", "CUSTOM": "promise",
    }  # fmt: skip
    pages = {kind: text(client, url("paidprogram_benefit", program.pk, query=f"kind={kind}")) for kind in own}
    for kind, field in own.items():
        assert f'name="{field}"' in pages[kind], kind
    assert 'name="coupon_amount"' not in pages["CUSTOM"]
    assert 'name="upload"' in pages["CUSTOM"]
    for query in ("kind=NONE", "benefit=none", "", "benefit=%00"):
        assert client.get(url("paidprogram_benefit", program.pk, query=query)).status_code == 404


def picture(colour: tuple[int, int, int]) -> SimpleUploadedFile:
    target = BytesIO()
    Image.new("RGB", (80, 70), colour).save(target, "PNG")
    return SimpleUploadedFile("photo.png", target.getvalue(), content_type="image/png")


def test_pictures_of_a_custom_benefit_are_uploaded_kept_and_taken_away(shop: Shop, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    program, client = begun(shop), client_of(shop.clerk)
    address = url("paidprogram_benefit", program.pk, query="kind=CUSTOM")
    custom = {
        "title": "Call", "schedule": "AT_ONCE", "promise": "A call", "delivery": "By phone", "owner": "Ms Li", "evidence": "A note", "value_amount": "5",
    }  # fmt: skip
    # The form is refused, the picture is not lost.
    answer = client.post(address, {**custom, "title": "", "upload": [picture((9, 9, 9)), picture((90, 9, 9))]})
    kept = list(shop.store.benefit_pictures.order_by("pk").values_list("pk", flat=True))
    assert (answer.status_code, len(kept)) == (422, 2)
    assert f'name="picture" value="{kept[0]}" checked' in answer.content.decode()
    client.post(address, {**custom, "picture": [kept[1]]})
    benefit = Benefit.objects.get()
    assert list(benefit.pictures.values_list("picture_id", flat=True)) == [kept[1]]
    answer = client.post(address, {**custom, "upload": [SimpleUploadedFile("x.png", b"no picture")]})
    assert answer.status_code == 422
    assert "x.png:" in answer.content.decode()
    other = open_shop("other")
    Nomination.objects.filter(store=other.store).delete()
    answer = client_of(other.owner).get(url("picture_file", kept[1]))
    assert answer.status_code == 404


def test_a_benefit_is_changed_and_taken_out_of_the_draft(shop: Shop) -> None:
    program, client = drafted(shop), client_of(shop.clerk)
    gift = Benefit.objects.get(kind="OPENING_GIFT")
    address = url("paidprogram_benefit", program.pk, query=f"benefit={gift.key}")
    assert 'value="Welcome box"' in text(client, address)
    client.post(address, {**GIFT, "title": "Bigger box"})
    gift.refresh_from_db()
    assert gift.title == "Bigger box"
    client.post(address, {"act": "remove"})
    assert list(Benefit.objects.values_list("kind", flat=True)) == ["MONTHLY_COUPON"]


def test_a_submitted_pack_is_read_only_until_it_is_taken_back(shop: Shop) -> None:
    program, client = drafted(shop), client_of(shop.clerk)
    client.post(url("paidprogram_review", program.pk), {"act": "submit"})
    page = text(client, url("paidprogram_pack", program.pk))
    assert 'name="card_fee"' not in page
    assert "Add a benefit" not in page
    client.post(url("paidprogram_benefit", program.pk, query="benefit=opening-gift"), {**GIFT, "title": "Changed"})
    assert not Benefit.objects.filter(title="Changed").exists()
    client.post(url("paidprogram_review", program.pk), {"act": "take_back"})
    assert 'name="card_fee"' in text(client, url("paidprogram_pack", program.pk))


def test_the_next_version_is_drafted_while_the_old_one_stays_and_can_be_given_up(shop: Shop) -> None:
    program, client = shop.program(), client_of(shop.clerk)
    assert "Draft the next version" in text(client, url("paidprogram_pack", program.pk))
    client.post(url("paidprogram_pack", program.pk), {"act": "draft"})
    assert list(program.packs.order_by("version").values_list("version", "status")) == [(1, "APPROVED"), (2, "DRAFT")]
    assert "Version 1 stays in force until this one is approved." in text(client, url("paidprogram_pack", program.pk))
    client.post(url("paidprogram_pack", program.pk), {"act": "drop"})
    assert program.packs.get(version=2).status == "WITHDRAWN"
    program.refresh_from_db()
    assert program.pack.version == 1


def test_the_order_is_saved_by_script_and_by_buttons_and_refused_in_a_sentence(shop: Shop) -> None:
    program, client = shop.program(terms_text="Terms"), client_of(shop.clerk)
    address = url("paidprogram_decoration", program.pk)
    answer = client.post(address, {"act": "save", "modules": ["coupon", "gift"]}, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["sentence"]) == (200, "The order is saved as a draft. Members see it once it is approved.")
    client.post(address, {"down": "coupon", "modules": ["coupon", "gift"]})
    assert program.decorations.latest("version").modules == ["gift", "coupon"]
    answer = client.post(address, {"act": "save", "modules": ["coupon", "coupon"]}, headers={"accept": "application/json"})
    assert answer.status_code == 409
    assert "names a benefit twice" in answer.json()["sentence"]
    client.post(address, {"act": "submit", "modules": ["gift", "coupon"]})
    assert program.decorations.latest("version").status == "IN_REVIEW"
    assert 'name="up"' not in text(client, address)
    client.post(address, {"act": "take_back"})
    assert program.decorations.latest("version").status == "DRAFT"


def test_switching_a_benefit_placing_the_card_and_closing(shop: Shop) -> None:
    program, owner = shop.program(), client_of(shop.owner)
    gift = program.pack.benefits.get(key="gift")
    act(owner, url("benefit_switch_off", gift.pk))
    gift.refresh_from_db()
    assert gift.disabled_at is not None
    text(owner, url("paidprogram_preview", program.pk))  # takes the message
    assert "Gift" not in text(owner, url("paidprogram_preview", program.pk))
    act(owner, url("benefit_switch_on", gift.pk))
    gift.refresh_from_db()
    assert gift.disabled_at is None
    act(owner, url("paidprogram_place_card", program.pk), placed="on")
    assert EntryPlacement.objects.get(store=shop.store).live_card_placed
    act(owner, url("paidprogram_place_card", program.pk))
    assert not EntryPlacement.objects.get(store=shop.store).live_card_placed
    answer = act(owner, url("paidprogram_close_program", program.pk), typed_name="Plan", reason="over")
    assert "Type it exactly as it is shown." in answer.content.decode()
    act(owner, url("paidprogram_close_program", program.pk), typed_name=program.name, reason="over")
    program.refresh_from_db()
    assert program.status == "CLOSED"
    assert "This program has ended." in text(owner, url("paidprogram_pack", program.pk))


def test_analysts_read_and_may_not_write(shop: Shop) -> None:
    program, client = drafted(shop), client_of(shop.reader)
    assert "Your role reads these pages." in text(client, url("paidprogram_pack", program.pk))
    assert 'name="card_fee"' not in text(client, url("paidprogram_pack", program.pk))
    for name in ("pack", "review", "configuration", "decoration"):
        assert client.post(url(f"paidprogram_{name}", program.pk), {"act": "submit"}).status_code == 403
    assert client.post(url("paidprogram_benefit", program.pk, query="benefit=opening-gift"), {"act": "remove"}).status_code == 403
    assert Benefit.objects.count() == 2
    assert act(client_of(shop.clerk), url("paidprogram_propose"), store=shop.store.pk, reason="please").status_code == 403


def test_a_foreign_store_cannot_be_chosen(shop: Shop) -> None:
    other = open_shop("other")
    invited(other)
    client = client_of(shop.owner)
    act(client, url("paidprogram_new"), store=other.store.pk, name="Gold", rank=1)
    act(client, url("paidprogram_propose"), store=other.store.pk, reason="please")
    assert not PaidProgram.objects.exists()
    assert Nomination.objects.count() == 1
    assert client.get(url("setup", query=f"store={other.store.pk}")).status_code == 404
    assert client.get(url("setup", query="store=x")).status_code == 404


def test_what_staff_wrote_for_an_invitation_is_not_shown_to_the_merchant(shop: Shop) -> None:
    invited(shop)
    page = text(client_of(shop.owner), url("setup"))
    assert "Invitation" in page
    assert "Loyal buyers" not in page


def test_a_store_whose_program_is_closed_begins_another_one_from_the_set_up(shop: Shop) -> None:
    program, owner = begun(shop), client_of(shop.owner)
    act(owner, url("paidprogram_close_program", program.pk), typed_name=program.name, reason="over")
    page = text(owner, url("setup"))
    assert f"{url('paidprogram_new')}?store={shop.store.pk}" in page
    assert "Begin a program: give it a name" in page


def test_what_is_saved_while_the_pack_is_in_review_is_refused_in_a_sentence(shop: Shop) -> None:
    program, clerk = drafted(shop), client_of(shop.clerk)
    clerk.post(url("paidprogram_review", program.pk), {"act": "submit"})
    pack = {"act": "save", "card_fee": "98", "term_unit": "YEAR", "difference": DIFFERENCE}
    key = Benefit.objects.get(kind="OPENING_GIFT").key
    for address, sent in ((url("paidprogram_pack", program.pk), pack), (url("paidprogram_benefit", program.pk, query=f"benefit={key}"), GIFT)):
        answer = clerk.post(address, sent)
        assert answer.status_code == 422
        assert 'class="form-error" role="alert"' in answer.content.decode(), address
