"""The issue engine: exactly one issue per paid membership, benefit and period, whatever happens to the runs."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date, timedelta
from threading import Barrier

import pytest
from django.db import connections, transaction

from backoffice.kernel.errors import StateConflict
from backoffice.kernel.invariants import find_breaches
from members.paid.models import Benefit, BenefitIssue, BenefitPack, CouponCode, Fulfilment, PackReach, PaidMembership, PaidProgram
from members.paid.services import issue as engine
from members.paid.services.fulfilment import mark_done
from members.paid.services.rights import PaidRefused
from members.paid.terms import issue_days
from tests.campaigns.processes import run_command
from tests.factories import make_member, make_user
from tests.members.paid.making import make_benefit, make_membership
from tests.members.paid.selling import buy, cancel, issues, live_program, noon, renew, run, use

pytestmark = pytest.mark.django_db
DAY = date(2027, 1, 31)
MONTHLY = {"coupon": {"kind": "MONTHLY_COUPON", "schedule": "MONTHLY"}}


def days(rows):
    return [day for _key, _period, day, _status in rows]


def whole():
    return [breach for breach in find_breaches() if breach.invariant.startswith("paid.")]


def codes(program, *given, pool="spring"):
    CouponCode.objects.bulk_create(CouponCode(store=program.store, pool=pool, code=code) for code in given)


# -- days ----------------------------------------------------------------------------------------------------------------------------


def test_opened_on_the_31st_is_issued_on_the_last_day_of_shorter_months():
    program = live_program(MONTHLY)
    bought = buy(program, make_member(program.store), DAY)
    for day in (date(2027, 2, 27), date(2027, 2, 28), date(2027, 3, 30), date(2027, 3, 31), date(2027, 4, 30), date(2028, 3, 1)):
        run(day)
    assert days(issues(bought)) == [
        *(date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31), date(2027, 6, 30)),
        *(date(2027, 7, 31), date(2027, 8, 31), date(2027, 9, 30), date(2027, 10, 31), date(2027, 11, 30), date(2027, 12, 31)),
    ]
    bought.refresh_from_db()
    assert bought.next_issue_on is None
    assert whole() == []


def test_a_february_is_not_issued_before_its_last_day():
    program = live_program(MONTHLY)
    bought = buy(program, make_member(program.store), DAY)
    assert run(date(2027, 2, 27)).issued == 0
    assert run(date(2027, 2, 28)).issued == 1
    bought.refresh_from_db()
    assert bought.next_issue_on == date(2027, 3, 31)


SCHEDULES = [
    {"schedule": "AT_ONCE"},
    {"schedule": "MONTHLY"},
    {"schedule": "EVERY_N_DAYS", "every_days": 7},
    {"schedule": "EVERY_N_DAYS", "every_days": 1},
    {"schedule": "ON_DATE", "on_date": date(2028, 2, 29)},
    {"schedule": "ON_DATE", "on_date": date(2026, 12, 31)},
]


@pytest.mark.parametrize("opened", [date(2027, 12, 31), date(2028, 1, 30), date(2028, 2, 29), date(2027, 6, 15)])
def test_the_statement_and_the_dates_in_python_agree(opened):
    """Run every eleven days through two terms of a quarter: what the statement wrote is what ``terms.issue_days`` says."""
    benefits = {f"b{number}": {"settings": {}, **schedule} for number, schedule in enumerate(SCHEDULES)}
    program = live_program(benefits, unit="QUARTER")
    member = make_member(program.store)
    first = buy(program, member, opened)
    second = renew(program, member, opened)
    for step in range(0, 200, 11):
        run(opened + timedelta(days=step))
    for term in (first, second):
        expected = []
        for key, schedule in benefits.items():
            if schedule["schedule"] == "AT_ONCE" and term.is_renewal:
                continue
            rest = {"every_days": schedule.get("every_days"), "on_date": schedule.get("on_date")}
            dates = {"anchor": term.anchor_on, "months_before": term.months_before, "starts_on": term.starts_on, "ends_on": term.ends_on}
            expected += [(key, period, day, "ISSUED") for period, day in issue_days(schedule["schedule"], **dates, **rest)]
        assert issues(term) == sorted(expected, key=lambda row: (row[2], row[0], row[1]))
    assert whole() == []


# -- late, twice, at once, killed ----------------------------------------------------------------------------------------------------


def test_a_run_two_months_late_catches_up_and_a_second_one_does_nothing():
    program = live_program()
    bought = buy(program, make_member(program.store), DAY)
    report = run(date(2027, 3, 31))
    assert (report.memberships, report.issued) == (1, 2)
    assert run(date(2027, 3, 31)) == engine.IssueReport()
    assert days(issues(bought)) == [DAY, DAY, date(2027, 2, 28), date(2027, 3, 31)]


def test_a_late_run_gives_the_days_of_a_benefit_from_then_on_and_never_past_what_it_says():
    program = live_program({"coupon": MONTHLY["coupon"] | {"expiry": "DAYS", "expiry_days": 10}, "other": MONTHLY["coupon"]}, unit="QUARTER")
    bought = buy(program, make_member(program.store), DAY)
    run(date(2027, 3, 5))
    expiry = dict(BenefitIssue.objects.filter(period=1).values_list("benefit__key", "expires_on"))
    assert expiry == {"coupon": date(2027, 3, 15), "other": bought.ends_on}


def test_a_run_after_the_end_still_owes_what_fell_into_the_term():
    program = live_program(MONTHLY, unit="MONTH")
    term = make_membership(program, make_member(program.store), starts_on=DAY)
    assert run(date(2027, 12, 1)).issued == 1
    assert issues(term) == [("coupon", 0, DAY, "ISSUED")]
    assert engine.expire_issues(now=noon(date(2027, 12, 1))) == 1


@pytest.mark.django_db(transaction=True)
def test_runs_at_the_same_time_issue_each_period_once(monkeypatch):
    monkeypatch.setattr(engine, "CHUNK", 3)
    program = live_program()
    for _ in range(20):
        make_membership(program, make_member(program.store), starts_on=DAY)
    barrier = Barrier(4)

    def go(_number):
        barrier.wait()
        try:
            return run(date(2027, 3, 31))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(go, range(4)))
    assert sum(report.issued for report in reports) == BenefitIssue.objects.count() == 20 * 4
    assert sum(report.memberships for report in reports) == 20
    assert whole() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["issue.after_insert", "issue.before_commit", "issue.after_chunk"])
def test_a_run_killed_in_the_middle_is_finished_by_the_next(point):
    program = live_program({**MONTHLY, "code": MONTHLY["coupon"] | {"code_pool": "spring"}, "tea": {"kind": "CUSTOM"}}, unit="QUARTER")
    codes(program, *(f"C{number}" for number in range(30)))
    for _ in range(5):
        make_membership(program, make_member(program.store), starts_on=DAY)
    command = ("issue_benefits", "--now", noon(date(2027, 3, 31)).isoformat(), "--json")
    assert run_command(*command, crash_at=point)[0] == -signal.SIGKILL
    code, answer, errors = run_command(*command)
    assert code == 0, errors
    assert answer["issued"] == (0 if point == "issue.after_chunk" else 5 * 7)
    assert BenefitIssue.objects.filter(status="ISSUED").count() == 5 * 7
    assert CouponCode.objects.filter(issue__isnull=False).count() == 15
    assert Fulfilment.objects.count() == 5
    assert whole() == []
    assert run_command(*command)[1]["issued"] == 0


@pytest.mark.django_db(transaction=True)
def test_a_run_waits_for_an_approval_that_is_under_way_and_misses_nothing_of_it():
    """Else a statement begun before the approval's commit would set a holder's next day past an addition of today that it did not see."""
    program = live_program(MONTHLY)
    bought = make_membership(program, make_member(program.store), starts_on=DAY)

    def go():
        try:
            return run(DAY)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            next_version(program, DAY, {}, {"tea": {}})
            late = pool.submit(go)
            assert wait([late], timeout=1).not_done
        assert late.result(timeout=20).issued == 2
    assert issues(bought) == [("coupon", 0, DAY, "ISSUED"), ("tea", 0, DAY, "ISSUED")]
    assert whole() == []


# -- packs, switches -----------------------------------------------------------------------------------------------------------------


def next_version(program: PaidProgram, day: date, changes, additions):
    """A second pack version as its approval leaves it: the coupon changed, something added."""
    from members.paid.models import BenefitPack

    old = program.pack
    pack = BenefitPack.objects.create(program=program, version=2, card_fee=old.card_fee, term_unit=old.term_unit, created_at=noon(day))
    for benefit in old.benefits.all():
        make_benefit(pack, benefit.key, **{"kind": benefit.kind, "schedule": benefit.schedule} | changes.get(benefit.key, {}))
    for key, described in additions.items():
        make_benefit(pack, key, **described)
    BenefitPack.objects.filter(pk=pack.pk).update(status="APPROVED", submitted_at=noon(day), decided_at=noon(day), decided_by=make_user())
    PackReach.objects.bulk_create(PackReach(pack=pack, benefit=benefit) for benefit in pack.benefits.all())
    PackReach.objects.bulk_create(PackReach(pack=old, benefit=benefit, from_on=day) for benefit in pack.benefits.filter(key__in=additions))
    PaidProgram.objects.filter(pk=program.pk).update(pack=pack)
    program.refresh_from_db()
    later = PaidMembership.objects.filter(pack=old, ends_on__gt=day).exclude(next_issue_on__lte=day).count()
    assert engine.bring_forward([old.pk], day) == later
    return BenefitPack.objects.get(pk=pack.pk)


def test_who_bought_keeps_the_version_that_was_bought_and_additions_reach_them():
    program = live_program(MONTHLY)
    member, other = make_member(program.store), make_member(program.store)
    bought = buy(program, member, DAY)
    day = date(2027, 3, 10)
    run(day)
    additions = {"tea": {}, "gift": MONTHLY["coupon"]}
    pack = next_version(program, day, {"coupon": {"title": "Half of it"}}, additions)
    later = buy(program, other, day)
    run(date(2027, 3, 31))
    assert issues(bought) == [
        *(("coupon", 0, DAY, "ISSUED"), ("coupon", 1, date(2027, 2, 28), "ISSUED"), ("tea", 0, day, "ISSUED")),
        *(("coupon", 2, date(2027, 3, 31), "ISSUED"), ("gift", 2, date(2027, 3, 31), "ISSUED")),
    ]
    assert set(BenefitIssue.objects.filter(paid_membership=bought, benefit__key="coupon").values_list("benefit__title", flat=True)) == {"Coupon"}
    assert set(BenefitIssue.objects.filter(paid_membership=later, benefit__key="coupon").values_list("benefit__title", flat=True)) == {"Half of it"}
    assert [key for key, *_rest in issues(later)] == ["coupon", "gift", "tea"]
    assert later.pack == pack
    assert bought.pack_id == BenefitPack.objects.get(version=1).pk
    assert whole() == []


def test_an_addition_at_once_comes_to_the_term_that_holds_not_to_the_renewal_that_waits():
    program = live_program(MONTHLY, unit="MONTH")
    member = make_member(program.store)
    first, second = buy(program, member, DAY), renew(program, member, DAY)
    next_version(program, date(2027, 2, 10), {}, {"tea": {}})
    run(date(2027, 3, 20))
    assert ("tea", 0, date(2027, 2, 10), "ISSUED") in issues(first)
    assert [key for key, *_rest in issues(second)] == ["coupon"]
    assert whole() == []


def test_a_benefit_switched_off_stays_with_those_who_bought_before():
    program = live_program()
    before, after = make_member(program.store), make_member(program.store)
    old = buy(program, before, DAY)
    Benefit.objects.filter(key="coupon").update(disabled_at=noon(DAY) + timedelta(hours=1))
    new = buy(program, after, date(2027, 2, 1))
    run(date(2027, 3, 1))
    assert [key for key, *_rest in issues(old)] == ["coupon", "gift", "coupon"]
    assert [key for key, *_rest in issues(new)] == ["gift"]
    assert whole() == []


STANDING = ("EARLY_ACCESS", "STORE_DISCOUNT", "ITEM_DISCOUNT")


@pytest.mark.parametrize("kind", [*STANDING, "OPENING_GIFT", "CUSTOM"])
def test_a_renewal_that_follows_on_brings_standing_rights_again_and_nothing_else_at_once(kind):
    program = live_program({"once": {"kind": kind}}, unit="MONTH")
    member = make_member(program.store)
    first, second = buy(program, member, DAY), renew(program, member, DAY)
    assert issues(second) == []
    assert run(date(2027, 2, 27)).issued == 0
    run(second.starts_on)
    again = [("once", 0, second.starts_on, "ISSUED")] if kind in STANDING else []
    assert (issues(first), issues(second)) == ([("once", 0, DAY, "ISSUED")], again)
    assert [row.expires_on for row in BenefitIssue.objects.filter(paid_membership=second)] == [second.ends_on] * len(again)
    assert run(second.starts_on + timedelta(days=1)).issued == 0
    assert whole() == []


def test_a_standing_right_that_is_added_reaches_the_term_that_holds_and_the_renewal_that_waits():
    program = live_program(MONTHLY, unit="MONTH")
    member = make_member(program.store)
    first, second = buy(program, member, DAY), renew(program, member, DAY)
    next_version(program, date(2027, 2, 10), {}, {"rebate": {"kind": "STORE_DISCOUNT"}})
    run(date(2027, 3, 20))
    assert ("rebate", 0, date(2027, 2, 10), "ISSUED") in issues(first)
    assert ("rebate", 0, second.starts_on, "ISSUED") in issues(second)
    assert whole() == []


# -- codes, promises -----------------------------------------------------------------------------------------------------------------


def test_each_issue_gets_a_code_of_its_own_and_the_rest_waits_for_more():
    program = live_program({"coupon": MONTHLY["coupon"] | {"code_pool": "spring", "expiry": "DAYS", "expiry_days": 5}})
    other = live_program({"coupon": MONTHLY["coupon"] | {"code_pool": "spring"}})
    codes(program, "A", "B")
    codes(program, "X", pool="autumn")
    codes(other, "Z")
    for _ in range(3):
        make_membership(program, make_member(program.store), starts_on=DAY)
    assert run(DAY) == engine.IssueReport(memberships=3, issued=2, failed=1)
    assert sorted(BenefitIssue.objects.values_list("status", "code", "failure")) == [("FAILED", "", "no_code_left"), ("ISSUED", "A", ""), ("ISSUED", "B", "")]
    assert engine.retry_failed(now=noon(DAY) + timedelta(hours=2)) == 0
    codes(program, "C")
    assert engine.retry_failed(now=noon(DAY) + timedelta(hours=2)) == 0, "an hour later, not before"
    assert engine.retry_failed(now=noon(DAY) + timedelta(days=3)) == 1
    late = BenefitIssue.objects.get(code="C")
    assert (late.status, late.expires_on, late.due_on) == ("ISSUED", DAY + timedelta(days=8), DAY)
    assert whole() == []


@pytest.mark.django_db(transaction=True)
def test_two_runs_never_give_one_code_twice(monkeypatch):
    monkeypatch.setattr(engine, "CHUNK", 2)
    program = live_program({"coupon": MONTHLY["coupon"] | {"code_pool": "spring"}})
    codes(program, *(f"C{number}" for number in range(12)))
    for _ in range(12):
        make_membership(program, make_member(program.store), starts_on=DAY)
    barrier = Barrier(3)

    def go(_number):
        barrier.wait()
        try:
            return engine.run_issues(now=noon(DAY))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(go, range(3)))
    engine.retry_failed(now=noon(DAY + timedelta(days=1)))
    assert BenefitIssue.objects.filter(status="ISSUED").values("code").distinct().count() == 12
    assert whole() == []


def test_a_promise_is_due_kept_and_counts_as_used():
    program = live_program({"tea": {"kind": "CUSTOM", "deadline_days": 3}, "cake": {"kind": "CUSTOM", "expiry": "DAYS", "expiry_days": 1}}, unit="MONTH")
    bought = buy(program, make_member(program.store), DAY)
    assert dict(Fulfilment.objects.values_list("issue__benefit__key", "deliver_by")) == {"tea": DAY + timedelta(days=3), "cake": DAY + timedelta(days=7)}
    tea = Fulfilment.objects.get(issue__benefit__key="tea")
    with pytest.raises(PaidRefused) as refusal:
        mark_done(fulfilment=tea, evidence=" ", by=None, now=noon(DAY))
    assert refusal.value.code == "evidence_missing"
    with pytest.raises(PaidRefused) as refusal:
        use(bought, "tea", DAY)
    assert refusal.value.code == "use_by_fulfilment"
    mark_done(fulfilment=tea, evidence="SF123", by=None, now=noon(DAY))
    with pytest.raises(StateConflict):
        mark_done(fulfilment=Fulfilment.objects.get(pk=tea.pk), evidence="SF124", by=None, now=noon(DAY))
    assert Fulfilment.objects.get(pk=tea.pk).evidence == "SF123"
    assert engine.expire_issues(now=noon(date(2027, 6, 1))) == 0, "a promise that is owed does not expire"
    assert {(key, status) for key, _period, _day, status in issues(bought)} == {("tea", "USED"), ("cake", "ISSUED")}
    cancel(bought, date(2027, 2, 5))
    assert set(Fulfilment.objects.values_list("issue__benefit__key", "status")) == {("tea", "DONE"), ("cake", "DROPPED")}


# -- use, expiry ---------------------------------------------------------------------------------------------------------------------


def test_a_benefit_is_used_once_while_it_holds():
    program = live_program({"coupon": MONTHLY["coupon"] | {"expiry": "DAYS", "expiry_days": 10}})
    bought = buy(program, make_member(program.store), DAY)
    used = use(bought, "coupon", DAY + timedelta(days=9))
    assert (used.status, used.used_reference) == ("USED", "R1")
    assert use(bought, "coupon", DAY + timedelta(days=20)).ended_at == used.ended_at, "the same reference again changes nothing"
    with pytest.raises(StateConflict):
        engine.use_issue(issue=used, reference="R2", by=None, now=noon(DAY))
    run(date(2027, 2, 28))
    with pytest.raises(PaidRefused) as refusal:
        use(bought, "coupon", date(2027, 3, 10), period=1)
    assert refusal.value.code == "issue_expired"
    assert engine.expire_issues(now=noon(date(2027, 3, 9))) == 0
    assert engine.expire_issues(now=noon(date(2027, 3, 10))) == 1
    assert [status for *_rest, status in issues(bought)] == ["USED", "EXPIRED"]
    with pytest.raises(StateConflict):
        use(bought, "coupon", date(2027, 3, 10), period=1)


def test_the_command_says_what_it_did():
    import json
    from io import StringIO

    from django.core.management import call_command

    program = live_program({"coupon": MONTHLY["coupon"] | {"code_pool": "spring"}, "gift": {}}, unit="MONTH")
    make_membership(program, make_member(program.store), starts_on=DAY)
    out = StringIO()
    call_command("issue_benefits", "--now", noon(DAY).isoformat(), "--json", stdout=out)
    answer = json.loads(out.getvalue())
    assert answer.pop("seconds") >= 0
    assert answer == {"now": noon(DAY).isoformat(), "memberships": 1, "issued": 1, "failed": 1, "retried": 0, "expired": 0}
    out = StringIO()
    call_command("issue_benefits", "--now", noon(date(2027, 3, 1)).isoformat(), stdout=out)
    assert "2 expired" in out.getvalue() or "2 项" in out.getvalue()
