"""What an approval opens, for whom, and everything that closes it again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from applications.choices import AppBuild, GrantStatus, ReReviewCause
from applications.models import App, Grant, Notification, ReReview, StoreEnablement
from applications.selectors.grants import check_client_grant, grants_check, list_apps_offered
from applications.selectors.notices import notice_text
from applications.services.apps import AppRefused, announce_change, change_app, connect_client
from applications.services.decide import execute
from applications.services.enable import EnablementRefused, disable_app, enable_app
from applications.services.grants import (
    GrantRefused,
    certify_grant,
    close_re_review,
    confirm_revocation,
    drop_revocation,
    give_up_grant,
    propose_revocation,
    resume_grant,
    suspend_grant,
    warn_of_expiry,
)
from applications.services.sweep import advance
from backoffice.kernel import clock, ports
from backoffice.kernel.api.models import ApiClient
from backoffice.kernel.errors import NotAllowed, NotFound, StateConflict
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.services.merchants import close_store, set_tier, suspend_merchant
from tests.applications.cases import (
    MONDAY,
    UNDO,
    approved,
    change_table,
    days,
    fresh,
    make_world,
    merchant_owner,
    owner_of,
    queued,
    queued_custom,
    review,
    staff,
)
from tests.factories import make_merchant, make_store, make_user

pytestmark = pytest.mark.django_db
LATER = MONDAY + days(1)


@pytest.fixture
def world():
    return make_world()


def store_of(tier: str | None):
    return make_store(merchant=make_merchant(tier=tier))


def enabled(app: App, tier: str = "PREMIUM"):
    store = store_of(tier)
    enable_app(app=app, store=store, by=merchant_owner(store.merchant), now=LATER)
    return store


def answer(app: App, store, capability: str = "member.read", now=LATER) -> str:
    told = grants_check(app.code, capability, store.code, now=now)
    assert told.allowed == (told.reason == "allowed")
    return told.reason


@pytest.mark.parametrize("tier", ["PREMIUM", "POTENTIAL"])
def test_template_enabled_by_premium_and_potential(world, tier):
    app = approved(world).app
    store = store_of(tier)
    assert answer(app, store) == "not_enabled"
    enable_app(app=app, store=store, by=merchant_owner(store.merchant), now=LATER)
    assert answer(app, store) == "allowed"
    assert answer(app, store, "points.write") == "not_granted"
    disable_app(app=app, store=store, by=merchant_owner(store.merchant), now=LATER)
    assert answer(app, store) == "not_enabled"


@pytest.mark.parametrize(("tier", "code"), [("STANDARD", "tier_standard"), (None, "tier_none")])
def test_template_blocked_for_standard_with_the_reason(world, tier, code):
    app, store = approved(world).app, store_of(tier)
    with pytest.raises(EnablementRefused) as refusal:
        enable_app(app=app, store=store, by=merchant_owner(store.merchant), now=LATER)
    assert refusal.value.code == code
    assert str(refusal.value)
    assert (answer(app, store), StoreEnablement.objects.count()) == ("not_enabled", 0)


def test_custom_build_works_only_in_its_merchants_stores(world):
    merchant = make_merchant(tier="PREMIUM")
    case = queued_custom(world, merchant=merchant)
    review(case)
    execute(case=case, now=MONDAY + UNDO)
    own, foreign = make_store(merchant=merchant), store_of("PREMIUM")
    enable_app(app=case.app, store=own, by=merchant_owner(merchant), now=LATER)
    with pytest.raises(EnablementRefused) as refusal:
        enable_app(app=case.app, store=foreign, by=merchant_owner(foreign.merchant), now=LATER)
    assert refusal.value.code == "not_offered"
    assert (answer(case.app, own, "level.custom"), answer(case.app, foreign, "level.custom")) == ("allowed", "not_granted")
    assert (list(list_apps_offered(own, LATER)), list(list_apps_offered(foreign, LATER))) == ([case.app], [])


def test_nobody_enables_for_a_store_that_is_not_theirs(world):
    app, store = approved(world).app, store_of("PREMIUM")
    with pytest.raises(NotFound):
        enable_app(app=app, store=store, by=merchant_owner(make_merchant()), now=LATER)
    with pytest.raises(NotAllowed):
        enable_app(app=app, store=store, by=make_user(Role.MERCHANT_ANALYST, merchant=store.merchant), now=LATER)


def test_a_tier_that_falls_pauses_after_thirty_days_and_a_tier_that_returns_resumes(world):
    app = approved(world).app
    store = enabled(app)
    fall = clock.local_day(LATER) + timedelta(days=3)
    set_tier(merchant=store.merchant, tier="STANDARD", valid_from=fall, by=None, now=LATER)
    fell_at, over_at = clock.day_start(fall), clock.day_start(fall + timedelta(days=30))
    advance(now=fell_at + days(10))
    row = StoreEnablement.objects.get()
    assert (row.status, row.tier_fell_on) == ("ON", fall)
    last = over_at - timedelta(seconds=1)
    assert advance(now=last)["tiers_followed"] == 1
    assert (answer(app, store, now=last), answer(app, store, now=over_at)) == ("allowed", "paused")  # whether the sweep has run or not
    advance(now=over_at)
    assert StoreEnablement.objects.get().status == "PAUSED"
    set_tier(merchant=store.merchant, tier="POTENTIAL", valid_from=fall + timedelta(days=40), by=None, now=over_at)
    back = clock.day_start(fall + timedelta(days=40))
    advance(now=back)
    row = StoreEnablement.objects.get()
    assert (row.status, row.tier_fell_on, answer(app, store, now=back)) == ("ON", None, "allowed")


def test_suspended_and_resumed(world):
    case = approved(world)
    store, senior, grant = enabled(case.app), staff(Role.PLATFORM_SENIOR), Grant.objects.get()
    with pytest.raises(NotAllowed):
        suspend_grant(grant=grant, reason="x", by=staff(), now=LATER)
    suspend_grant(grant=grant, reason="数据异常", by=senior, now=LATER)
    assert answer(case.app, store) == "suspended"
    with pytest.raises(StateConflict):
        suspend_grant(grant=grant, reason="again", by=senior, now=LATER)
    resume_grant(grant=grant, reason="已澄清", by=senior, now=LATER)
    assert answer(case.app, store) == "allowed"


def test_revoking_takes_two_people_and_works_at_once(world):
    case = approved(world)
    store, grant = enabled(case.app), Grant.objects.get()
    first, second = staff(Role.PLATFORM_SENIOR), staff(Role.PLATFORM_SENIOR)
    with pytest.raises(StateConflict):
        confirm_revocation(grant=grant, by=second, now=LATER)
    propose_revocation(grant=grant, reason="滥用数据", by=first, now=LATER)
    assert answer(case.app, store) == "allowed"
    with pytest.raises(GrantRefused) as refusal:
        confirm_revocation(grant=grant, by=first, now=LATER)
    assert refusal.value.code == "same_person"
    confirm_revocation(grant=grant, by=second, now=LATER)
    assert (answer(case.app, store), Grant.objects.get().status_reason) == ("revoked", "滥用数据")
    assert list(list_apps_offered(store, LATER)) == []
    with pytest.raises(IntegrityError, match="grant_revoked_by_a_second_person"), transaction.atomic():
        Grant.objects.update(revoked_by=first)


def test_a_dropped_revocation_leaves_the_grant(world):
    case = approved(world)
    grant, first = Grant.objects.get(), staff(Role.PLATFORM_SENIOR)
    propose_revocation(grant=grant, reason="x", by=first, now=LATER)
    with pytest.raises(GrantRefused):
        propose_revocation(grant=grant, reason="x", by=first, now=LATER)
    drop_revocation(grant=grant, reason="误会", by=first, now=LATER)
    assert (Grant.objects.get().revocation_proposed_by, fresh(case).state) == (None, "APPROVED")


def test_narrowing_is_at_once(world):
    case = approved(world)
    store, grant = enabled(case.app), Grant.objects.get()
    with pytest.raises(NotAllowed):
        give_up_grant(grant=grant, by=owner_of(queued(world).developer), now=LATER)
    give_up_grant(grant=grant, by=owner_of(case.developer), now=LATER)
    assert answer(case.app, store) == "revoked"


def test_a_grant_expires_after_a_year_unless_it_is_certified_again(world):
    case = approved(world)
    store, grant = enabled(case.app), Grant.objects.get()
    year = grant.expires_at
    assert (answer(case.app, store, now=year - timedelta(seconds=1)), answer(case.app, store, now=year)) == ("allowed", "expired")
    certify_grant(grant=grant, reason="复核通过", by=staff(Role.PLATFORM_SENIOR), now=year - days(1))
    assert answer(case.app, store, now=year) == "allowed"
    assert advance(now=year + days(364))["grants_expired"] == 1
    assert (Grant.objects.get().status, answer(case.app, store, now=year + days(364))) == (GrantStatus.EXPIRED, "expired")
    again = approved(world, app=case.app, contact_other="139", now=year + days(365))
    assert (again.state, answer(case.app, store, now=year + days(366))) == ("APPROVED", "allowed")


def test_a_developer_is_told_thirty_and_seven_days_before_a_grant_ends_once_each_and_again_for_another_year(world):
    grant = approved(world).app.grants.get()
    owner_of(grant.app.developer)
    end = grant.expires_at

    def warned(now):
        advance(now=now)
        return Notification.objects.filter(kind="GRANT_EXPIRING", channel="IN_APP").count()

    assert warned(end - days(31)) == 0
    assert [warned(end - days(left)) for left in (30, 29, 8, 7, 1)] == [1, 1, 1, 2, 2]
    assert f"{clock.to_local(end):%Y-%m-%d}" in notice_text(Notification.objects.filter(kind="GRANT_EXPIRING").first()).body
    certify_grant(grant=grant, reason="复核通过", by=staff(Role.PLATFORM_SENIOR), now=end - days(1))
    assert warned(end) == 2
    assert warned(Grant.objects.get().expires_at - days(5)) == 3
    with pytest.raises(StateConflict):
        warn_of_expiry(grant=grant, now=end)


def test_store_merchant_and_unknown_codes(world):
    case = approved(world)
    store = enabled(case.app)
    assert grants_check("nothing", "member.read", store.code, now=LATER).reason == "unknown_app"
    assert grants_check(case.app.code, "member.read", "nothing", now=LATER).reason == "unknown_store"
    close_store(store=store, by=None, now=LATER, reason="x")
    assert answer(case.app, store) == "store_closed"
    suspend_merchant(merchant=store.merchant, by=None, now=LATER, reason="x")
    assert answer(case.app, store) == "merchant_suspended"


def test_the_ports_answer_for_gateways_and_for_the_api(world):
    case = approved(world)
    store = enabled(case.app)
    assert ports.grant_checker.ask(case.app.code, "member.read", store.code, LATER).allowed
    assert ports.client_grant_checker.ask(987654321, "member.read", store.pk, LATER) is None
    assert check_client_grant(987654321, "member.read", store.pk, LATER) is None


def test_the_client_of_an_app_may_what_its_grants_say(world):
    case = approved(world)
    store, senior = enabled(case.app), staff(Role.PLATFORM_SENIOR)
    client = ApiClient.objects.create(user=make_user(), client_id="c1", secret_hash=b"x" * 32, name="应用", created_at=LATER, secret_set_at=LATER)
    with pytest.raises(NotAllowed):
        connect_client(app=case.app, client=client, by=owner_of(case.developer), now=LATER)
    connect_client(app=case.app, client=client, by=senior, now=LATER)
    told = [ports.client_grant_checker.ask(client.pk, code, store.pk, LATER).reason for code in ("member.read", "points.write")]
    assert told == ["allowed", "not_granted"]
    assert check_client_grant(client.pk, "member.read", make_store().pk, LATER).reason == "not_enabled"
    other = approved(world).app
    with pytest.raises(AppRefused):
        connect_client(app=other, client=client, by=senior, now=LATER)
    connect_client(app=case.app, client=None, by=senior, now=LATER)
    assert check_client_grant(client.pk, "member.read", store.pk, LATER) is None


def test_re_review_when_build_or_category_change(world):
    case = approved(world)
    by = owner_of(case.developer)
    change_app(app=case.app, build=AppBuild.CUSTOM, category=world.toys, by=by, now=LATER)
    change_app(app=case.app, name="新名字", by=by, now=LATER)
    announce_change(app=case.app, cause=ReReviewCause.DEMO, by=by, now=LATER)
    assert announce_change(app=case.app, cause=ReReviewCause.DEMO, by=by, now=LATER + days(1)) == 0
    causes = sorted(ReReview.objects.values_list("cause", flat=True))
    assert causes == ["BUILD", "CATEGORY", "DEMO"]
    close_re_review(re_review=ReReview.objects.get(cause="DEMO"), keep=True, reason="无影响", by=staff(Role.PLATFORM_SENIOR), now=LATER)
    assert Grant.objects.get().status == GrantStatus.ACTIVE
    close_re_review(re_review=ReReview.objects.get(cause="BUILD"), keep=False, reason="要重审", by=staff(Role.PLATFORM_SENIOR), now=LATER)
    assert Grant.objects.get().status == GrantStatus.SUSPENDED


def test_an_app_under_review_does_not_change_its_kind(world):
    case = queued(world)
    with pytest.raises(AppRefused):
        change_app(app=case.app, build=AppBuild.CUSTOM, by=owner_of(case.developer), now=MONDAY)


def test_re_review_when_the_policy_flips_the_cell(world):
    case = approved(world)
    change_table(world, {(world.beauty, world.reader): "CUSTOM_ONLY"}, now=LATER)
    (row,) = ReReview.objects.all()
    assert (row.grant.app, row.cause, row.facts, row.grant.status) == (case.app, "POLICY", {"policy": 2}, "ACTIVE")


def test_re_review_when_the_merchants_tier_changes_once_per_tier(world):
    merchant = make_merchant(tier="PREMIUM")
    case = queued_custom(world, merchant=merchant)
    review(case)
    execute(case=case, now=MONDAY + UNDO)
    assert advance(now=LATER) == {}
    set_tier(merchant=merchant, tier="POTENTIAL", valid_from=clock.local_day(LATER), by=None, now=LATER)
    assert [advance(now=LATER).get("re_reviews") for _ in range(2)] == [1, None]
    close_re_review(re_review=ReReview.objects.get(), keep=True, reason="保留", by=staff(Role.PLATFORM_SENIOR), now=LATER)
    assert advance(now=LATER + days(1)) == {}
    set_tier(merchant=merchant, tier="STANDARD", valid_from=clock.local_day(LATER + days(2)), by=None, now=LATER)
    assert advance(now=LATER + days(2)) == {"re_reviews": 1}


# --- the build is the grants', not the app's


def test_a_changed_build_opens_no_template_grant_to_other_tiers(world):
    app, store = approved(world).app, store_of("STANDARD")
    change_app(app=app, by=owner_of(app.developer), now=LATER, build="CUSTOM")
    app.refresh_from_db()
    with pytest.raises(EnablementRefused) as refusal:
        enable_app(app=app, store=store, by=merchant_owner(store.merchant), now=LATER)
    assert refusal.value.code == "tier_standard"
    StoreEnablement.objects.create(app=app, store=store, status="ON", changed_at=LATER)
    assert answer(app, store) == "paused"
    advance(now=LATER)
    assert StoreEnablement.objects.get().status == "PAUSED"


def test_a_fall_of_the_tier_pauses_whatever_build_the_app_has_now(world):
    app = approved(world).app
    store = enabled(app)
    fall = clock.local_day(LATER) + timedelta(days=3)
    set_tier(merchant=store.merchant, tier="STANDARD", valid_from=fall, by=None, now=LATER)
    change_app(app=app, by=owner_of(app.developer), now=LATER, build="CUSTOM")
    over_at = clock.day_start(fall + timedelta(days=30))
    assert answer(app, store, now=over_at) == "paused"
    assert advance(now=over_at)["tiers_followed"] == 1
    assert StoreEnablement.objects.get().status == "PAUSED"


def test_a_custom_grant_works_on_while_a_template_grant_of_the_same_app_needs_its_tier(world):
    merchant = make_merchant(tier="PREMIUM")
    case = queued_custom(world, merchant=merchant)
    review(case)
    execute(case=case, now=MONDAY + UNDO)
    app, store = case.app, make_store(merchant=merchant)
    change_app(app=app, by=owner_of(app.developer), now=LATER, build="TEMPLATE")
    app.refresh_from_db()
    approved(world, app=app, now=LATER)
    set_tier(merchant=merchant, tier="STANDARD", valid_from=clock.local_day(LATER), by=None, now=LATER)
    then = LATER + days(31)
    enable_app(app=app, store=store, by=merchant_owner(merchant), now=then)
    for _again in range(2):
        assert (answer(app, store, "level.custom", now=then), answer(app, store, now=then)) == ("allowed", "paused")
        advance(now=then)
    assert StoreEnablement.objects.get().status == "ON"


def test_the_grace_is_counted_though_no_sweep_noted_the_fall(world):
    app = approved(world).app
    store = enabled(app)
    fall = clock.local_day(LATER) + timedelta(days=3)
    set_tier(merchant=store.merchant, tier="STANDARD", valid_from=fall, by=None, now=LATER)
    over_at = clock.day_start(fall + timedelta(days=30))
    assert (answer(app, store, now=over_at - timedelta(seconds=1)), answer(app, store, now=over_at)) == ("allowed", "paused")
    assert StoreEnablement.objects.get().tier_fell_on is None


def test_a_grant_that_is_about_to_be_revoked_is_not_given_up(world):
    case = approved(world)
    grant, first, second = Grant.objects.get(), staff(Role.PLATFORM_SENIOR), staff(Role.PLATFORM_SENIOR)
    propose_revocation(grant=grant, reason="滥用数据", by=first, now=LATER)
    with pytest.raises(GrantRefused) as refusal:
        give_up_grant(grant=grant, by=owner_of(case.developer), now=LATER)
    assert refusal.value.code == "under_review"
    confirm_revocation(grant=grant, by=second, now=LATER)
    assert (Grant.objects.get().status_reason, Grant.objects.get().revoked_by) == ("滥用数据", second)
