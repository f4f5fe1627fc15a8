"""Why a card about paid membership did not go: every reason at the moment that it held."""

from __future__ import annotations

import pytest
from django.utils import translation

from campaigns.choices import PAID_CARDS, ScenarioCode
from campaigns.selectors.why_not import NOT_DECIDED, get_why_not
from campaigns.selectors.why_not_words import explain
from campaigns.services.paid_settings import set_paid_reminder
from members.models import Member
from members.paid.models import PaidMembership, PaidProgram
from members.paid.terms import add_months
from tests.campaigns.paid import at, holder, issue, renewing, selling_store
from tests.campaigns.reminders import LONG_AGO, TEN, TODAY, days, mark_sent, only_card_of, run_at
from tests.factories import make_member

pytestmark = pytest.mark.django_db
ENDING, BENEFIT, RENEWAL = ScenarioCode.PAID_ENDING.value, ScenarioCode.BENEFIT_ENDING.value, ScenarioCode.PAID_RENEWAL.value


def reasons(term: PaidMembership, day=TODAY, now=None) -> dict[str, str]:
    member = Member.objects.get(pk=term.member_id)
    found = get_why_not(member, day, now=now or at(day, 23), all_stores=False)
    return {one.scenario: one.reason if one.outcome == NOT_DECIDED else one.outcome for one in found if one.scenario in PAID_CARDS}


def test_who_holds_no_paid_term_is_told_nothing_of_it():
    member = make_member(selling_store().store)
    assert [one for one in get_why_not(member, TODAY, now=TEN, all_stores=False) if one.scenario in PAID_CARDS] == []


def test_far_from_every_end():
    term = holder(selling_store(), ends_on=TODAY + days(200))
    run_at(TEN)
    assert reasons(term) == {RENEWAL: "no_renewal_consent", ENDING: "nothing_ending", BENEFIT: "nothing_ending"}


@pytest.mark.parametrize(
    ("change", "ending"),
    [
        (lambda term: Member.objects.filter(pk=term.member_id).update(marketing_consent=False), "no_consent"),
        (lambda term: set_paid_reminder(store=term.store, ending_on=False, benefits_on=True, send_time=TEN.time(), by=None, now=LONG_AGO), "setting_off"),
        (lambda term: holder(term.program, ends_on=add_months(term.ends_on, 12), member=term.member), "renewed"),
        (lambda term: PaidProgram.objects.filter(pk=term.program_id).update(status="CLOSED", ended_at=LONG_AGO), "plan_over"),
        (lambda term: PaidMembership.objects.filter(pk=term.pk).update(auto_renew_consent_at=LONG_AGO, renewal_notice_at=LONG_AGO), "renews_itself"),
    ],
    ids=["consent", "switch", "renewed", "closed", "renews itself"],
)
def test_why_the_end_was_not_told_of(change, ending):
    term = holder(selling_store(), ends_on=TODAY + days(6))
    change(term)
    run_at(TEN)
    assert reasons(term)[ENDING] == ending


def test_what_was_told_before_is_not_told_again():
    term = holder(selling_store(), ends_on=TODAY + days(6))
    issue(term, expires_on=TODAY + days(20))
    run_at(TEN)
    mark_sent(only_card_of(term.member), TEN)
    tomorrow = at(TODAY + days(1))
    run_at(tomorrow)
    assert reasons(term, tomorrow.date())[ENDING] == "told"
    assert reasons(term)[ENDING] == "SENT"


def test_a_notice_that_is_too_late():
    term = renewing(selling_store(), ends_on=TODAY + days(4))
    run_at(TEN)
    assert reasons(term)[RENEWAL] == "too_late"


def test_before_the_run_and_without_one():
    term = holder(selling_store(), ends_on=TODAY + days(6))
    assert reasons(term, now=at(TODAY, 9))[ENDING] == "not_run"
    run_at(TEN)
    later = holder(term.program, ends_on=TODAY + days(6))
    assert reasons(later)[ENDING] == "not_run"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_reason_is_a_sentence(language):
    program = selling_store()
    terms = [holder(program, ends_on=TODAY + days(200)), renewing(program, ends_on=TODAY + days(4)), renewing(program, ends_on=TODAY + days(30))]
    Member.objects.filter(pk=terms[0].member_id).update(marketing_consent=False)
    run_at(TEN)
    with translation.override(language):
        for term in terms:
            for one in get_why_not(Member.objects.get(pk=term.member_id), TODAY, now=at(TODAY, 23), all_stores=False):
                sentence = explain(one)
                assert sentence.endswith("。" if language == "zh-hans" else ".")
