"""The way in: invitation or nomination, pack, review, configuration, decoration; and what the guided set-up says at each step."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.db import connection, transaction

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import NotAllowed, NotFound, StateConflict
from backoffice.kernel.tenancy.models import MerchantBar
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.selectors.bars import MerchantBarred
from members.paid.models import BenefitPack, Decoration, Nomination, PaidProgram
from members.paid.selectors.setup import get_setup
from members.paid.services.benefits import remove_benefit, save_benefit
from members.paid.services.decorations import rule_on_decoration, set_modules, submit_decoration, take_back_decoration
from members.paid.services.nominations import decline_nomination, invite_store, nominate_store, propose_nomination, withdraw_nomination
from members.paid.services.packs import draft_pack, drop_pack, rule_on_pack, set_pack, submit_pack, take_back_pack
from members.paid.services.programs import close_program, configure_program, create_program, place_live_card, set_benefit_switch
from members.paid.services.rights import PaidRefused
from tests.factories import make_merchant, make_store, make_user
from tests.members.paid.making import NOW
from tests.members.paid.setting_up import Shop, values_of_kind

pytestmark = pytest.mark.django_db


def refused(code, act):
    with pytest.raises(PaidRefused) as caught:
        act()
    assert caught.value.code == code
    return caught.value


def where(shop):
    """(number of the current step, who acts, how many things are missing)."""
    step = get_setup(shop.store, NOW).current
    return (step.number, step.actor.value, len(step.missing)) if step else None


def test_store_without_approved_pack_cannot_configure():
    shop = Shop().invite()
    pack = shop.drafted()
    program = pack.program

    def configure():
        shop.configure(PaidProgram.objects.get(pk=program.pk), name="Other")

    refused("pack_not_approved", configure)
    submit_pack(pack=pack, **shop.by)
    refused("pack_not_approved", configure)
    pack.refresh_from_db()
    rule_on_pack(pack=pack, ruling="CHANGES_REQUESTED", reason="More benefits", **shop.by_ops)
    refused("pack_not_approved", configure)
    submit_pack(pack=pack, **shop.by)
    pack.refresh_from_db()
    rule_on_pack(pack=pack, ruling="REJECTED", reason="Too dear", **shop.by_ops)
    refused("pack_not_approved", configure)
    refused("pack_not_approved", lambda: set_modules(program=program, modules=["a"], **shop.by))
    program.refresh_from_db()
    assert (program.name, program.status, program.terms_text) == ("Club", "DRAFT", "")
    shop.approve(draft_pack(program=program, **shop.by))
    configure()
    program.refresh_from_db()
    assert (program.name, program.status) == ("Other", "CONFIGURING")


def test_the_whole_way_and_who_acts_at_each_step():
    shop = Shop()
    assert where(shop) == (1, "MERCHANT", 1)
    nomination = propose_nomination(store=shop.store, reason="We have loyal buyers", **shop.by)
    assert where(shop) == (1, "INDUSTRY_OPS", 1)
    nominate_store(store=shop.store, reason="Agreed", by=shop.industry, now=NOW)
    nomination.refresh_from_db()
    assert (nomination.status, nomination.way, nomination.opened_by) == ("OPEN", "NOMINATION", shop.industry)
    assert where(shop) == (2, "MERCHANT", 1)
    program = shop.program()
    assert where(shop) == (2, "MERCHANT", 3)  # at once, monthly, difference
    pack = shop.drafted(program)
    assert where(shop) == (2, "MERCHANT", 1)
    submit_pack(pack=pack, **shop.by)
    assert where(shop) == (3, "MEMBER_OPS", 1)
    pack.refresh_from_db()
    rule_on_pack(pack=pack, ruling="CHANGES_REQUESTED", reason="Dearer gift", **shop.by_ops)
    assert where(shop) == (2, "MERCHANT", 2)
    shop.approve(pack)
    assert where(shop) == (4, "MERCHANT", 1)
    program.refresh_from_db()
    refused("not_configured", lambda: submit_decoration(decoration=set_modules(program=program, modules=["b"], **shop.by), **shop.by))
    shop.configure(program)
    assert where(shop) == (5, "MERCHANT", 1)
    decoration = submit_decoration(decoration=set_modules(program=program, modules=["b", "a"], **shop.by), **shop.by)
    assert where(shop) == (5, "MEMBER_OPS", 1)
    rule_on_decoration(decoration=decoration, ruling="APPROVED", **shop.by_ops)
    assert where(shop) is None
    assert get_setup(shop.store, NOW).is_live
    verbs = list(AuditEvent.objects.filter(store=shop.store).order_by("pk").values_list("verb", flat=True))
    assert verbs[:2] == ["nomination.proposed", "nomination.opened"]
    assert verbs[-2:] == ["decoration.approved", "program.went_live"]


def test_without_an_invitation_or_nomination_nothing_begins():
    shop = Shop()
    refused("no_nomination", shop.program)
    nomination = propose_nomination(store=shop.store, reason="Please", **shop.by)
    refused("no_nomination", shop.program)
    refused("proposed_already", lambda: propose_nomination(store=shop.store, reason="Again", **shop.by))
    decline_nomination(nomination=nomination, reason="Not yet", by=shop.industry, now=NOW)
    refused("no_nomination", shop.program)
    assert where(shop) == (1, "MERCHANT", 2)
    shop.invite()
    refused("nominated_already", shop.invite)
    refused("nominated_already", lambda: nominate_store(store=shop.store, reason="Also", by=shop.industry, now=NOW))
    pack = shop.drafted()
    withdraw_nomination(nomination=Nomination.objects.get(store=shop.store, status="OPEN"), reason="Changed our mind", **shop.by)
    refused("no_nomination", lambda: submit_pack(pack=pack, **shop.by))
    assert Nomination.objects.filter(store=shop.store).count() == 2


def test_an_invitation_opens_a_wish_that_waits():
    shop = Shop()
    wish = propose_nomination(store=shop.store, reason="Please", **shop.by)
    shop.invite()
    wish.refresh_from_db()
    assert (wish.status, wish.way, wish.opened_by) == ("OPEN", "INVITATION", shop.ops)


def test_a_nomination_with_a_running_program_does_not_end():
    shop = Shop().invite()
    shop.approve(shop.drafted())
    nomination = Nomination.objects.get(store=shop.store)
    refused("program_running", lambda: withdraw_nomination(nomination=nomination, reason="No more", **shop.by))
    refused("program_running", lambda: decline_nomination(nomination=nomination, reason="No more", **shop.by_ops))


def test_who_may_do_what():
    shop = Shop()
    clerk = make_user(Role.MERCHANT_OPERATOR, merchant=shop.store.merchant)
    analyst = make_user(Role.MERCHANT_ANALYST, merchant=shop.store.merchant)
    stranger = make_user(Role.MERCHANT_OWNER, merchant=make_merchant())
    auditor = make_user(Role.PLATFORM_AUDITOR)
    for by in (clerk, analyst, auditor, shop.industry, shop.ops):
        with pytest.raises(NotAllowed):
            propose_nomination(store=shop.store, reason="Please", by=by, now=NOW)
    with pytest.raises(NotFound):
        propose_nomination(store=shop.store, reason="Please", by=stranger, now=NOW)
    for by in (shop.owner, shop.industry, auditor):
        with pytest.raises(NotAllowed):
            invite_store(store=shop.store, reason="Please", by=by, now=NOW)
    for by in (shop.owner, shop.ops, auditor):
        with pytest.raises(NotAllowed):
            nominate_store(store=shop.store, reason="Please", by=by, now=NOW)
    shop.invite()
    pack = shop.drafted()
    for by in (analyst, auditor, shop.ops):
        with pytest.raises(NotAllowed):
            submit_pack(pack=pack, by=by, now=NOW)
    with pytest.raises(NotFound):
        submit_pack(pack=pack, by=stranger, now=NOW)
    submit_pack(pack=pack, by=clerk, now=NOW)
    pack.refresh_from_db()
    for by in (shop.owner, shop.industry, auditor):
        with pytest.raises(NotAllowed):
            rule_on_pack(pack=pack, ruling="APPROVED", by=by, now=NOW)
    for by in (clerk, analyst):
        with pytest.raises(NotAllowed):
            close_program(program=pack.program, reason="Enough", by=by, now=NOW)
    assert BenefitPack.objects.get().status == "IN_REVIEW"


def test_who_submitted_does_not_decide():
    shop = Shop().invite()
    admin = make_user(Role.PLATFORM_ADMIN)
    pack = submit_pack(pack=shop.drafted(), by=admin, now=NOW)
    refused("same_person", lambda: rule_on_pack(pack=pack, ruling="APPROVED", by=admin, now=NOW))
    rule_on_pack(pack=pack, ruling="APPROVED", **shop.by_ops)
    program = shop.configure(PaidProgram.objects.get())
    decoration = submit_decoration(decoration=set_modules(program=program, modules=[], **shop.by), by=admin, now=NOW)
    refused("same_person", lambda: rule_on_decoration(decoration=decoration, ruling="APPROVED", by=admin, now=NOW))
    assert PaidProgram.objects.get().status == "CONFIGURING"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"card_fee": Decimal(0)}, "unreasonable_fee"),
        ({"card_fee": Decimal("300.01"), "term_unit": "MONTH"}, "unreasonable_fee"),
        ({"card_fee": Decimal(99), "term_unit": "DAYS", "term_days": 3}, "unreasonable_fee"),
        ({"difference": "  "}, "no_difference"),
    ],
)
def test_a_pack_that_lacks_something_is_not_taken(change, code):
    shop = Shop().invite()
    pack = shop.drafted()
    values = {"card_fee": Decimal("99.00"), "term_unit": "YEAR", "term_days": None, "difference": "Gift."} | change
    set_pack(pack=pack, **values, **shop.by)
    error = refused("pack_incomplete", lambda: submit_pack(pack=pack, **shop.by))
    assert [lack.code for lack in error.facts["lacks"]] == [code]
    pack.refresh_from_db()
    assert pack.status == "DRAFT"


def test_a_pack_holds_at_once_and_monthly_benefits():
    shop = Shop().invite()
    pack = shop.drafted()
    for key, code in (("a", "no_benefit_at_once"), ("b", "no_monthly_benefit")):
        benefit = pack.benefits.get(key=key)
        set_benefit_switch(benefit=benefit, on=False, **shop.by)
        assert refused("pack_incomplete", lambda: submit_pack(pack=pack, **shop.by)).facts["lacks"][0].code == code
        set_benefit_switch(benefit=benefit, on=True, **shop.by)
    submit_pack(pack=pack, **shop.by)


def test_a_submitted_pack_does_not_change():
    shop = Shop().invite()
    pack = shop.drafted()
    submit_pack(pack=pack, **shop.by)
    gift = pack.benefits.get(key="a")
    values = {"card_fee": Decimal("1.00"), "term_unit": "YEAR", "term_days": None, "difference": "x"}
    refused("not_a_draft", lambda: set_pack(pack=pack, **values, **shop.by))
    refused("not_a_draft", lambda: save_benefit(pack=pack, benefit=gift, kind=gift.kind, values=values_of_kind(gift.kind, gift="Less"), **shop.by))
    refused("not_a_draft", lambda: remove_benefit(benefit=gift, **shop.by))
    with pytest.raises(Exception, match="does not change"), transaction.atomic():
        type(gift).objects.filter(pk=gift.pk).update(title="Less")
    pack = take_back_pack(pack=pack, **shop.by)
    save_benefit(pack=pack, benefit=gift, kind=gift.kind, values=values_of_kind(gift.kind, gift="More"), **shop.by)
    gift.refresh_from_db()
    assert gift.settings == {"gift": "More", "quantity": 2}
    with pytest.raises(StateConflict):
        rule_on_pack(pack=pack, ruling="APPROVED", **shop.by_ops)
    assert PaidProgram.objects.get().pack is None


def test_a_ruling_against_needs_a_reason():
    shop = Shop().invite()
    pack = submit_pack(pack=shop.drafted(), **shop.by)
    for ruling in ("REJECTED", "CHANGES_REQUESTED"):
        refused("reason_missing", lambda ruling=ruling: rule_on_pack(pack=pack, ruling=ruling, reason=" ", **shop.by_ops))
    refused("unknown_ruling", lambda: rule_on_pack(pack=pack, ruling="DRAFT", reason="x", **shop.by_ops))
    pack.refresh_from_db()
    assert pack.status == "IN_REVIEW"


def test_configuration_refuses_what_cannot_be():
    shop = Shop().invite()
    program = shop.approve(shop.drafted())
    other = shop.program("Gold", 2)
    PaidProgram.objects.filter(pk=program.pk).update(sold_count=3, stock_limit=9)
    for given, code in (
        ({"name": "Gold"}, "name_taken"),
        ({"name": " "}, "name_missing"),
        ({"rank": 2}, "rank_taken"),
        ({"rank": 0}, "rank_invalid"),
        ({"stock_limit": 2}, "stock_below_sold"),
        ({"stock_limit": 0}, "stock_invalid"),
        ({"terms_text": " "}, "terms_missing"),
    ):
        refused(code, lambda given=given: shop.configure(program, **given))
    program.refresh_from_db()
    assert (program.name, program.rank, program.stock_limit, program.terms_text) == ("Club", 1, 9, "")
    shop.configure(program, stock_limit=3)
    close_program(program=other, reason="Not wanted", **shop.by)
    shop.configure(program, rank=2)


def test_a_closed_program_takes_back_its_drafts_and_changes_no_more():
    shop = Shop().invite()
    program = shop.live()
    submit_pack(pack=draft_pack(program=program, **shop.by), **shop.by)
    set_modules(program=program, modules=["b"], **shop.by)
    close_program(program=program, reason="Season is over", **shop.by)
    assert list(BenefitPack.objects.order_by("version").values_list("status", flat=True)) == ["APPROVED", "WITHDRAWN"]
    assert list(Decoration.objects.order_by("version").values_list("status", flat=True)) == ["APPROVED", "WITHDRAWN"]
    refused("program_over", lambda: draft_pack(program=program, **shop.by))
    refused("program_over", lambda: close_program(program=program, reason="Again", **shop.by))
    program.refresh_from_db()
    assert (program.status, program.ended_at) == ("CLOSED", NOW)


def test_the_next_version_is_a_copy_and_may_be_dropped():
    shop = Shop().invite()
    program = shop.live()
    refused_pack = program.pack
    draft = draft_pack(program=program, **shop.by)
    assert draft == draft_pack(program=program, **shop.by)
    assert (draft.version, draft.card_fee, [b.key for b in draft.benefits.all()]) == (2, refused_pack.card_fee, ["a", "b"])
    drop_pack(pack=draft, **shop.by)
    program.refresh_from_db()
    assert (program.pack.version, draft_pack(program=program, **shop.by).version) == (1, 3)


def test_decorations_name_benefits_of_the_pack_once():
    shop = Shop().invite()
    program = shop.configure(shop.approve(shop.drafted()))
    for modules in (["a", "a"], ["a", "z"]):
        refused("unknown_benefit", lambda modules=modules: set_modules(program=program, modules=modules, **shop.by))
    draft = submit_decoration(decoration=set_modules(program=program, modules=["a"], **shop.by), **shop.by)
    refused("in_review", lambda: set_modules(program=program, modules=["b"], **shop.by))
    take_back_decoration(decoration=draft, **shop.by)
    assert set_modules(program=program, modules=["b"], **shop.by) == draft
    assert Decoration.objects.get().modules == ["b"]


def test_a_barred_merchant_begins_and_changes_nothing():
    shop = Shop().invite()
    program = shop.live()
    pack = draft_pack(program=program, **shop.by)
    decoration = set_modules(program=program, modules=["b"], **shop.by)
    other = make_store(merchant=shop.store.merchant)
    MerchantBar.objects.create(merchant=shop.store.merchant, reason="x", imposed_by=shop.ops, imposed_at=NOW)
    events = AuditEvent.objects.count()
    for act in (
        lambda: propose_nomination(store=other, reason="Please", **shop.by),
        lambda: invite_store(store=other, reason="Please", **shop.by_ops),
        lambda: nominate_store(store=other, reason="Please", by=shop.industry, now=NOW),
        lambda: create_program(store=shop.store, name="New", rank=5, **shop.by),
        lambda: configure_program(program=program, name="New", rank=1, stock_limit=None, terms_text="x", **shop.by),
        lambda: draft_pack(program=program, **shop.by),
        lambda: submit_pack(pack=pack, **shop.by),
        lambda: save_benefit(pack=pack, benefit=None, kind="OPENING_GIFT", values=values_of_kind("OPENING_GIFT"), **shop.by),
        lambda: set_modules(program=program, modules=["a"], **shop.by),
        lambda: submit_decoration(decoration=decoration, **shop.by),
        lambda: place_live_card(store=other, placed=True, **shop.by),
        lambda: set_benefit_switch(benefit=program.pack.benefits.get(key="a"), on=False, **shop.by),
    ):
        with pytest.raises(MerchantBarred):
            act()
    assert AuditEvent.objects.count() == events
    setup = get_setup(shop.store, NOW)
    assert setup.bar is not None


@pytest.mark.django_db(transaction=True)
def test_two_rulings_at_once_one_holds():
    shop = Shop().invite()
    pack = submit_pack(pack=shop.drafted(), **shop.by)
    second = make_user(Role.PLATFORM_MEMBER_OPS)
    gate, outcomes = threading.Barrier(2), []

    def rule(ruling, by):
        gate.wait()
        try:
            rule_on_pack(pack=BenefitPack.objects.get(pk=pack.pk), ruling=ruling, reason="Because", by=by, now=NOW)
            outcomes.append(ruling)
        except StateConflict:
            outcomes.append("late")
        finally:
            connection.close()

    threads = [threading.Thread(target=rule, args=given) for given in (("APPROVED", shop.ops), ("REJECTED", second))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pack.refresh_from_db()
    assert sorted(outcomes) == sorted(["late", pack.status])
    assert (PaidProgram.objects.get().status == "CONFIGURING") == (pack.status == "APPROVED")


@pytest.mark.parametrize("versions", [1, 3])
def test_the_set_up_takes_as_many_queries_whatever_there_is(django_assert_num_queries, versions):
    shop = Shop().invite()
    program = shop.live()
    for _number in range(versions - 1):
        shop.approve(draft_pack(program=program, **shop.by))
    with django_assert_num_queries(5):
        get_setup(shop.store, NOW)
