"""Automatic renewal runs only for who agreed, and was told in time, of the fee that holds."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from members.paid.models import BenefitPack, PaidMembership, PaidProgram
from members.paid.services import auto_renew
from members.paid.services.auto_renew import renew_due, set_consent
from members.paid.services.purchases import confirm_payment, lapse_unpaid
from members.paid.services.rights import PaidRefused
from members.paid.tasks import issue_benefits, keep_orders
from tests.factories import make_member
from tests.members.paid.selling import buy, cancel, live_program, noon, renew

pytestmark = pytest.mark.django_db
DAY = date(2026, 12, 10)
LAST = date(2027, 1, 9)


@pytest.fixture
def term():
    """A month whose member agreed, told just in time: five days before the end."""
    program = live_program(unit="MONTH")
    bought = buy(program, make_member(program.store), DAY)
    set_consent(membership=bought, on=True, by=None, now=noon(DAY))
    PaidMembership.objects.filter(pk=bought.pk).update(renewal_notice_at=noon(LAST - timedelta(days=4)))
    bought.refresh_from_db()
    assert bought.ends_on == LAST + timedelta(days=1)
    return bought


def renewals(day=LAST):
    report = renew_due(now=noon(day))
    return report.ordered, report.refused


def test_it_is_ordered_once_on_the_last_day_and_charged_by_the_store(term):
    assert renewals(LAST - timedelta(days=1)) == (0, 0)
    assert renewals() == (1, 0)
    assert renewals() == (0, 0)
    order = PaidMembership.objects.get(source="AUTO_RENEWAL")
    assert (order.status, order.order_no, order.price, order.opened_at) == ("PENDING", f"AUTO-{term.pk}", term.price, None)
    opened = confirm_payment(membership=order, paid_at=noon(LAST), by=None, now=noon(LAST))
    assert (opened.starts_on, opened.is_renewal, opened.auto_renew_consent_at, opened.renewal_notice_at) == (term.ends_on, True, noon(DAY), None)


def test_what_was_not_paid_lapses_and_is_not_ordered_again(term):
    renewals()
    lapse_unpaid(now=noon(LAST) + timedelta(hours=1))
    assert renew_due(now=noon(LAST) + timedelta(hours=2)).ordered == 0
    assert PaidMembership.objects.get(source="AUTO_RENEWAL").status == "LAPSED"


@pytest.mark.parametrize(
    "change",
    [
        {"auto_renew_consent_at": None},
        {"renewal_notice_at": None},
        {"renewal_notice_at": noon(LAST - timedelta(days=3))},
        {"renewal_notice_at": noon(DAY) - timedelta(seconds=1)},
    ],
    ids=["no consent", "not told", "told four days before", "told before the consent"],
)
def test_without_consent_or_notice_in_time_nothing_is_ordered(term, change):
    PaidMembership.objects.filter(pk=term.pk).update(**change)
    assert renewals() == (0, 0)
    assert PaidMembership.objects.count() == 1


def test_another_fee_than_the_member_was_told_of_stops_it(term):
    BenefitPack.objects.update(decided_at=noon(LAST - timedelta(days=3)))
    assert renewals() == (0, 0)


def test_who_renewed_already_is_not_renewed_again(term):
    renew(term.program, term.member, LAST)
    assert renewals() == (0, 0)


def test_a_closed_program_is_not_renewed(term):
    PaidProgram.objects.update(status="CLOSED", ended_at=noon(LAST))
    assert renewals() == (0, 1)


def test_consent_is_taken_back_for_all_terms_to_come_and_a_new_one_needs_a_new_notice(term):
    later = renew(term.program, term.member, LAST)
    set_consent(membership=term, on=False, by=None, now=noon(LAST))
    later.refresh_from_db()
    assert (term.auto_renew_consent_at, term.renewal_notice_at, later.auto_renew_consent_at) == (None, None, None)
    with pytest.raises(PaidRefused) as refused:
        set_consent(membership=term, on=True, by=None, now=noon(LAST + timedelta(days=1)))
    assert refused.value.code == "not_running"


def test_the_tasks_do_what_the_services_do():
    program = live_program(unit="MONTH")
    buy(program, make_member(program.store), DAY, paid=False)
    PaidMembership.objects.update(pay_until=noon(date(2020, 1, 1)))
    keep_orders()
    assert PaidMembership.objects.get().status == "LAPSED"
    issue_benefits()


def test_a_consent_taken_back_lapses_the_order_that_nobody_paid_yet(term):
    renewals()
    set_consent(membership=term, on=False, by=None, now=noon(LAST))
    order = PaidMembership.objects.get(source="AUTO_RENEWAL")
    assert order.status == "LAPSED"
    with pytest.raises(PaidRefused) as refused:
        confirm_payment(membership=order, paid_at=noon(LAST), by=None, now=noon(LAST))
    assert refused.value.code == "order_lapsed"


def test_an_order_of_the_members_own_stays_when_the_consent_is_taken_back(term):
    own = renew(term.program, term.member, LAST, paid=False)
    set_consent(membership=term, on=False, by=None, now=noon(LAST))
    own.refresh_from_db()
    assert own.status == "PENDING"


@pytest.mark.parametrize("change", ["consent", "pack"])
def test_what_changes_while_the_run_goes_on_counts(term, monkeypatch, change):
    """The run found the term due; then the member, or an approval, was quicker."""
    real = auto_renew.require_no_bar

    def meanwhile(store_id):
        real(store_id)
        if change == "consent":
            set_consent(membership=term, on=False, by=None, now=noon(LAST))
        else:
            BenefitPack.objects.update(decided_at=noon(LAST))

    monkeypatch.setattr(auto_renew, "require_no_bar", meanwhile)
    assert renewals() == (0, 0)
    assert PaidMembership.objects.count() == 1


def test_who_cancelled_the_renewal_is_not_renewed_and_no_longer_agrees(term):
    later = renew(term.program, term.member, LAST - timedelta(days=1))
    cancel(later, LAST - timedelta(days=1))
    term.refresh_from_db()
    assert (term.auto_renew_consent_at, term.renewal_notice_at) == (None, None)
    assert renewals() == (0, 0)
