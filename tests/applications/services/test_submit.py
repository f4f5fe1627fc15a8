"""From draft to queue: what the gates let through, what they stop, and what each leaves behind."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from applications.choices import CaseAct, CaseState, Channel, ConfirmationStatus, GateOutcome, RunOutcome
from applications.gates.base import GATES
from applications.models import Application, CaseEvent, DeveloperProfile, GateRun, MerchantConfirmation, Notification, RequestedCapability, Revision
from applications.services.decide import execute
from applications.services.door import CaseRefused
from applications.services.eligibility import check_eligibility
from applications.services.notices import MOST_MAILS_A_DAY
from applications.services.submit import begin_application, confirm_application, decline_application, rerun_checks, save_draft, submit, withdraw
from applications.services.sweep import advance
from backoffice.kernel import clock
from backoffice.kernel.errors import NotAllowed, NotFound, StateConflict
from backoffice.kernel.tenancy.models import MerchantTier, User
from backoffice.kernel.tenancy.services.merchants import set_tier
from tests.applications.cases import (
    MINUTE,
    MONDAY,
    UNDO,
    approved,
    days,
    fresh,
    good_content,
    make_app,
    make_draft,
    make_world,
    merchant_owner,
    onboarded,
    owner_of,
    queued,
    queued_custom,
    refused,
    sent_back,
    staff,
    submitted,
)
from tests.factories import make_developer, make_merchant, make_store, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return make_world()


def stopped_by(case: Application, *, now=MONDAY) -> set[tuple[str, str]]:
    told = submit(case=case, by=owner_of(case.developer), now=now)
    assert told.outcome == RunOutcome.STOPPED
    return {(result.gate, result.code) for result in told.failed}


def custom_draft(world, merchant, **changes):
    app = make_app(onboarded(), world, build="CUSTOM")
    return make_draft(world, world.special, app=app, merchant=merchant.code, audience_group="", **changes)


def test_a_good_template_application_is_frozen_and_queued(world):
    case = queued(world, world.reader, world.risky)
    revision = case.revision
    assert (revision.number, revision.policy, revision.content["category"]) == (1, world.policy, "beauty")
    assert [row.capability for row in revision.requested.order_by("pk")] == [world.reader, world.risky]
    assert case.due_at == MONDAY + days(3)
    run = GateRun.objects.get(case=case)
    assert (run.outcome, run.revision, set(run.results.values_list("outcome", flat=True))) == (RunOutcome.PASSED, revision, {GateOutcome.PASS})
    kinds = Notification.objects.filter(case=case).values_list("kind", "channel")
    assert set(kinds) == {("QUEUED", "IN_APP"), ("QUEUED", "EMAIL"), ("QUEUED", "DINGTALK")}


def test_custom_app_with_a_potential_merchant_is_refused_and_accepted_the_day_it_becomes_premium(world):
    merchant = make_merchant(name="花西子", tier="POTENTIAL")
    case = custom_draft(world, merchant)
    assert stopped_by(case) == {("G09", "tier_too_low")}
    result = GateRun.objects.get(case=case).results.get(outcome=GateOutcome.FAIL)
    assert result.params == {"merchant": "花西子", "tier": "POTENTIAL"}
    assert (fresh(case).state, Revision.objects.count(), RequestedCapability.objects.count()) == (CaseState.DRAFT, 0, 0)
    set_tier(merchant=merchant, tier="PREMIUM", valid_from=clock.local_day(MONDAY) + timedelta(days=10), by=None, now=MONDAY)
    assert stopped_by(case, now=clock.day_start(clock.local_day(MONDAY) + timedelta(days=10)) - MINUTE) == {("G09", "tier_too_low")}
    first_moment = clock.day_start(clock.local_day(MONDAY) + timedelta(days=10))
    assert submitted(case, now=first_moment).state == CaseState.AWAITING_MERCHANT
    assert confirm_application(case=case, by=merchant_owner(merchant), now=first_moment).state == CaseState.QUEUED


def test_category_not_in_the_table(world):
    case = make_draft(world, world.reader, app=make_app(onboarded(), world, category=world.toys))
    assert stopped_by(case) == {("G05", "not_in_table")}


def test_capability_not_listed_for_the_category_is_closed(world):
    assert stopped_by(make_draft(world, world.reader, world.unlisted)) == {("G06", "closed")}


def test_custom_only_cell_with_a_template_build_and_the_hint(world):
    developer = onboarded()
    assert stopped_by(make_draft(world, world.special, developer=developer)) == {("G07", "custom_only")}
    asked = {"developer": developer, "form": "WIDGET", "category": "beauty", "now": MONDAY}
    answer = check_eligibility(**asked, build="TEMPLATE", capabilities=["level.custom", "member.read", "coupon.send"])
    told = {each.capability: (each.passes, each.passes_as_custom, [result.code for result in each.results]) for each in answer.capabilities}
    assert told == {"level.custom": (False, True, ["custom_only"]), "member.read": (True, False, []), "coupon.send": (False, False, ["closed"])}
    custom = check_eligibility(**asked, build="CUSTOM", capabilities=["level.custom"])
    assert custom.passes
    low = check_eligibility(**asked, build="CUSTOM", capabilities=["level.custom"], merchant=make_merchant(tier="STANDARD").code)
    assert (low.passes, [result.code for result in low.general]) == (False, ["tier_too_low"])


def test_eligibility_writes_nothing(world):
    developer = onboarded()
    before = CaseEvent.objects.count()
    check_eligibility(developer=developer, form="WIDGET", build="TEMPLATE", category="toys", capabilities=["member.read"], now=MONDAY)
    assert (Application.objects.count(), GateRun.objects.count(), CaseEvent.objects.count()) == (0, 0, before)


def test_first_time_developer_without_papers_and_then_with(world):
    case = make_draft(world, developer=make_developer())
    assert stopped_by(case) == {("G03", "papers_missing")}
    save_draft(case=case, content={"company_intro": "十年会员运营", "past_cases": "服务过三个品牌"}, draft_version=0, by=owner_of(case.developer), now=MONDAY)
    assert submitted(case).state == CaseState.QUEUED
    profile = DeveloperProfile.objects.get(developer=case.developer)
    assert (profile.company_intro, profile.past_cases, fresh(case).is_first_time) == ("十年会员运营", "服务过三个品牌", True)


def test_a_granted_first_time_developer_is_onboarded(world):
    developer = make_developer()
    approved(world, developer=developer, company_intro="十年会员运营", past_cases="服务过三个品牌")
    developer.refresh_from_db()
    assert developer.onboarded_at == MONDAY + UNDO


def test_custom_application_unconfirmed_by_its_merchant_is_not_queued(world):
    merchant = make_merchant(tier="PREMIUM")
    case = submitted(custom_draft(world, merchant))
    assert (case.state, case.clock_started_at, case.due_at) == (CaseState.AWAITING_MERCHANT, None, None)
    with pytest.raises(StateConflict):
        execute(case=case, now=MONDAY)
    stranger = make_user("MERCHANT_OWNER", merchant=make_merchant())
    with pytest.raises(NotFound):
        confirm_application(case=case, by=stranger, now=MONDAY)
    with pytest.raises(NotAllowed):
        confirm_application(case=case, by=make_user("MERCHANT_ANALYST", merchant=merchant), now=MONDAY)
    assert fresh(case).state == CaseState.AWAITING_MERCHANT
    saturday = MONDAY + days(5)
    case = confirm_application(case=case, by=merchant_owner(merchant), now=saturday)
    assert (case.state, case.due_at) == (CaseState.QUEUED, clock.day_start(clock.local_day(MONDAY + days(10))))


def test_a_developer_that_asks_all_day_long_fills_no_mailbox(world):
    merchant, developer = make_merchant(tier="PREMIUM"), onboarded()
    make_store(merchant=merchant)
    owner = merchant_owner(merchant)
    User.objects.filter(pk=owner.pk).update(email="m@example.com")
    app = make_app(developer, world, build="CUSTOM")

    def ask(app, now):
        asking = owner_of(app.developer)
        withdraw(case=submitted(make_draft(world, world.special, app=app, merchant=merchant.code, audience_group="")), by=asking, now=now)

    def told():
        counted = Counter(Notification.objects.filter(user=owner).values_list("channel", flat=True))
        return counted[Channel.IN_APP], counted[Channel.EMAIL]

    for _time in range(MOST_MAILS_A_DAY + 4):
        ask(app, MONDAY)
    assert told() == (MOST_MAILS_A_DAY + 4, MOST_MAILS_A_DAY)
    ask(make_app(onboarded(), world, build="CUSTOM"), MONDAY)
    assert told()[1] == MOST_MAILS_A_DAY + 1
    Notification.objects.filter(channel=Channel.EMAIL).update(created_at=MONDAY - days(1))
    ask(app, MONDAY)
    assert told()[1] == MOST_MAILS_A_DAY + 2


def test_declined_by_its_merchant_it_is_a_draft_again_with_the_reason(world):
    merchant = make_merchant(tier="PREMIUM")
    case = submitted(custom_draft(world, merchant))
    with pytest.raises(CaseRefused):
        decline_application(case=case, reason=" ", by=merchant_owner(merchant), now=MONDAY)
    decline_application(case=case, reason="我们没有谈过", by=merchant_owner(merchant), now=MONDAY)
    assert fresh(case).state == CaseState.DRAFT
    assert not RequestedCapability.objects.filter(holds_place=True).exists()
    assert submitted(case).state == CaseState.AWAITING_MERCHANT
    assert list(MerchantConfirmation.objects.order_by("pk").values_list("status", flat=True)) == [ConfirmationStatus.DECLINED, ConfirmationStatus.WAITING]


def test_a_merchant_that_says_nothing_lets_it_lapse_without_a_strike(world):
    case = submitted(custom_draft(world, make_merchant(tier="PREMIUM")))
    assert advance(now=MONDAY + days(14) - MINUTE) == {}
    assert advance(now=MONDAY + days(14)) == {"lapsed": 1}
    assert (fresh(case).state, case.developer.strikes.count()) == (CaseState.LAPSED, 0)


def test_a_confirmed_answer_to_changes_is_not_confirmed_again_unless_it_asks_for_more(world):
    case = sent_back(queued_custom(world))
    save_draft(case=case, content={"demo_other_url": "https://example.com/more"}, draft_version=case.draft_version, by=owner_of(case.developer), now=MONDAY)
    assert submitted(case, now=MONDAY + MINUTE * 10).state == CaseState.QUEUED
    again = sent_back(case, now=MONDAY + days(1))
    content = good_content(world.special, world.reader)["capabilities"]
    save_draft(case=again, content={"capabilities": content}, draft_version=again.draft_version, by=owner_of(case.developer), now=MONDAY + days(1))
    assert submitted(again, now=MONDAY + days(1) + MINUTE * 10).state == CaseState.AWAITING_MERCHANT


def test_no_open_twin_of_an_app_for_a_capability(world):
    app = make_app(onboarded(), world)
    first, second = make_draft(world, app=app), make_draft(world, world.reader, world.risky, app=app)
    submitted(first)
    assert stopped_by(second) == {("G13", "twin")}
    withdraw(case=first, by=owner_of(first.developer), now=MONDAY)
    assert submitted(second).state == CaseState.QUEUED


def test_the_database_itself_refuses_a_twin(world):
    app = make_app(onboarded(), world)
    submitted(make_draft(world, app=app))
    row = RequestedCapability.objects.get()
    other = make_draft(world, app=app)
    revision = Revision.objects.create(case=other, number=1, content={}, content_hash="x", submitted_at=MONDAY)
    with pytest.raises(IntegrityError, match="requested_capability_one_open_twin"), transaction.atomic():
        RequestedCapability.objects.create(case=other, revision=revision, app=app, capability=row.capability, scene="s", value="v", holds_place=True)


def test_at_most_five_open_cases_and_the_gate_says_how_many(world):
    developer = onboarded()
    for _ in range(5):
        queued(world, developer=developer)
    sixth = make_draft(world, developer=developer)
    assert stopped_by(sixth) == {("G15", "too_many")}
    assert GateRun.objects.filter(case=sixth).get().results.get(gate="G15").params == {"open": 5, "most": 5}


def test_unchanged_since_the_last_refusal(world):
    app = make_app(onboarded(), world)
    refused(world, app=app)
    again = make_draft(world, app=app)
    assert stopped_by(again, now=MONDAY + days(1)) == {("G14", "unchanged")}
    save_draft(case=again, content={"contact_other": "13800000000"}, draft_version=0, by=owner_of(app.developer), now=MONDAY)
    assert submitted(again, now=MONDAY + days(1)).state == CaseState.QUEUED


def test_a_broken_checker_leaves_the_case_pending_and_the_sweep_takes_it_up(world, monkeypatch):
    case = make_draft(world)

    def broken(_facts):
        raise RuntimeError("out of order")

    gate = GATES.get("G12")
    with monkeypatch.context() as patch:
        patch.setitem(GATES._entries, "G12", type(gate)(gate.code, gate.title, gate.texts, broken))
        told = submit(case=case, by=owner_of(case.developer), now=MONDAY)
        assert (told.outcome, told.case.state) == (RunOutcome.PENDING, CaseState.CHECKS_PENDING)
        assert rerun_checks(case=case, now=MONDAY + MINUTE).outcome == RunOutcome.PENDING
    advance(now=MONDAY + MINUTE)
    assert fresh(case).state == CaseState.QUEUED


def test_pending_checks_that_then_fail_give_the_draft_back(world, monkeypatch):
    case = make_draft(world)
    gate = GATES.get("G12")

    def broken(_facts):
        raise RuntimeError("out of order")

    with monkeypatch.context() as patch:
        patch.setitem(GATES._entries, "G12", type(gate)(gate.code, gate.title, gate.texts, broken))
        submit(case=case, by=owner_of(case.developer), now=MONDAY)
    draft_without = world.policy
    assert draft_without.status
    from tests.applications.cases import change_table

    change_table(world, {(world.beauty, world.reader): "CLOSED"}, now=MONDAY)
    advance(now=MONDAY + MINUTE)
    stored = fresh(case)
    assert (stored.state, stored.revision.number) == (CaseState.DRAFT, 1)
    assert not RequestedCapability.objects.filter(holds_place=True).exists()
    assert Notification.objects.filter(kind="STOPPED", case=case).exists()


def test_submitting_twice_does_it_once(world):
    case = queued(world)
    with pytest.raises(StateConflict):
        submit(case=case, by=owner_of(case.developer), now=MONDAY)
    assert Revision.objects.count() == 1


def test_a_stale_version_is_refused_and_nothing_changes(world):
    case = make_draft(world)
    with pytest.raises(StateConflict):
        submit(case=case, by=owner_of(case.developer), now=MONDAY, version=case.version + 1)
    assert (fresh(case).version, GateRun.objects.count()) == (case.version, 0)


def test_two_windows_on_one_draft(world):
    case = make_draft(world)
    by = owner_of(case.developer)
    save_draft(case=case, content={"contact_name": "韩梅梅"}, draft_version=0, by=by, now=MONDAY)
    with pytest.raises(StateConflict) as refusal:
        save_draft(case=case, content={"contact_name": "别人"}, draft_version=0, by=by, now=MONDAY)
    assert (refusal.value.code, fresh(case).draft["contact_name"]) == ("draft_changed", "韩梅梅")


def test_a_foreign_developer_finds_nothing(world):
    case = make_draft(world)
    stranger = owner_of(onboarded())
    for act in (submit, withdraw):
        with pytest.raises(NotFound):
            act(case=case, by=stranger, now=MONDAY)
    with pytest.raises(NotAllowed):
        begin_application(app=case.app, by=stranger, now=MONDAY)
    with pytest.raises(NotAllowed):
        submit(case=case, by=staff(), now=MONDAY)


def test_form_build_and_category_are_the_apps_whatever_a_draft_says(world):
    case = make_draft(world, build="CUSTOM", category="toys")
    assert (case.draft["build"], case.draft["category"]) == ("TEMPLATE", "beauty")


def test_changes_not_answered_in_time_lapse_without_a_strike_and_cannot_be_answered_later(world):
    case = sent_back(queued(world))
    assert case.answer_by == MONDAY + UNDO + days(14)
    with pytest.raises(CaseRefused) as refusal:
        submit(case=case, by=owner_of(case.developer), now=case.answer_by)
    assert refusal.value.code == "answer_too_late"
    assert advance(now=case.answer_by)["lapsed"] == 1
    assert (fresh(case).state, case.developer.strikes.count()) == (CaseState.LAPSED, 0)


@pytest.mark.parametrize("tier", ["PREMIUM", "POTENTIAL", None])
def test_a_merchants_own_team_applies_only_for_its_merchant(world, tier):
    mine, other = make_merchant(tier="PREMIUM"), make_merchant(tier="PREMIUM")
    developer = onboarded()
    DeveloperProfile.objects.create(developer=developer, bound_merchant=mine)
    app = make_app(developer, world, build="CUSTOM")
    case = make_draft(world, world.special, app=app, merchant=other.code, audience_group="")
    assert stopped_by(case) == {("G08", "other_merchant")}
    save_draft(case=case, content={"merchant": mine.name}, draft_version=0, by=owner_of(developer), now=MONDAY)
    if tier != "PREMIUM":
        MerchantTier.objects.filter(merchant=mine).delete()
        if tier:
            MerchantTier.objects.create(merchant=mine, tier=tier, valid_from="2020-01-01")
        assert {gate for gate, _ in stopped_by(case)} == {"G09"}
    else:
        assert submitted(case).state == CaseState.AWAITING_MERCHANT


def test_every_step_has_its_event(world):
    case = approved(world)
    assert list(case.events.order_by("seq").values_list("act", flat=True)[:3]) == [CaseAct.OPEN, CaseAct.SUBMIT, CaseAct.CLAIM]
    assert case.version == case.events.count()
