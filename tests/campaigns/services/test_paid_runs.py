"""Cards about paid membership: who is due, through which slots, and what a renewal learns of its notice."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection

from backoffice.kernel.tenancy.services.bars import impose_bar
from campaigns.choices import MessageStatus, RunStatus, ScenarioCode, SuppressionReason
from campaigns.models import Message, PaidReminderRun
from campaigns.services.dispatch import dispatch
from campaigns.services.paid_runs import decide_paid_chunk, note_renewals_told, open_paid_runs
from campaigns.services.paid_settings import set_paid_reminder
from members.choices import MemberStatus
from members.models import Member
from members.paid.models import BenefitPack, PaidMembership, PaidProgram
from tests.campaigns.paid import at, holder, issue, renewing, selling_store
from tests.campaigns.reminders import LONG_AGO, TEN, TODAY, cards_of, days, mark_sent, member_with_credit, only_card_of, other_message, run_at, store_slots
from tests.factories import make_user

pytestmark = pytest.mark.django_db
ENDING, BENEFIT, RENEWAL = ScenarioCode.PAID_ENDING, ScenarioCode.BENEFIT_ENDING, ScenarioCode.PAID_RENEWAL


@pytest.mark.parametrize(("left", "cards"), [(0, 0), (1, 1), (7, 1), (8, 0)])
def test_the_end_of_a_term_is_told_of_in_its_last_seven_days(left, cards):
    term = holder(selling_store(), ends_on=TODAY + days(left))
    run_at(TEN)
    assert [(card.scenario, card.params["last_day"]) for card in cards_of(term.member)] == [(ENDING, (term.ends_on - days(1)).isoformat())] * cards


def test_once_a_term_however_often_it_is_run():
    term = holder(selling_store(), ends_on=TODAY + days(6))
    run_at(TEN)
    mark_sent(only_card_of(term.member), TEN)
    for later in range(4):
        run_at(at(TODAY + days(later), 23))
    assert len(cards_of(term.member)) == 1
    assert store_slots(term.member) == 1


def test_a_card_that_met_a_cap_is_decided_again_the_next_day():
    term = holder(selling_store(), ends_on=TODAY + days(6))
    for _number in range(2):
        other_message(term.member.person, term.store)
    run_at(TEN)
    held = only_card_of(term.member)
    assert (held.status, held.reason, held.cap_facts["used"]) == (MessageStatus.SUPPRESSED, SuppressionReason.STORE_CAP, 2)
    assert store_slots(term.member) == 2
    run_at(at(TODAY + days(1)))
    (second,) = cards_of(term.member, TODAY + days(1))
    assert (second.status, second.occasion) == (MessageStatus.PENDING, held.occasion - 1)


def test_the_platform_cap_gives_the_stores_slot_back():
    term = holder(selling_store(), ends_on=TODAY + days(6))
    for number in range(5):
        store = selling_store(f"OTHER{number}").store
        for _twice in range(2):
            other_message(term.member.person, store)
    run_at(TEN)
    assert only_card_of(term.member).reason == SuppressionReason.PLATFORM_CAP
    assert store_slots(term.member) == 0


def _renewed(term: PaidMembership) -> None:
    holder(term.program, ends_on=term.ends_on.replace(year=term.ends_on.year + 1), member=term.member)


def _member(**fields):
    return lambda term: Member.objects.filter(pk=term.member_id).update(**fields)


def _program(**fields):
    return lambda term: PaidProgram.objects.filter(pk=term.program_id).update(**fields)


def _bar(term: PaidMembership) -> None:
    impose_bar(merchant=term.store.merchant, reason="False promise", by=make_user(), now=LONG_AGO)


def _switch_off(term: PaidMembership) -> None:
    set_paid_reminder(store=term.store, ending_on=False, benefits_on=False, send_time=TEN.time(), by=None, now=LONG_AGO)


@pytest.mark.parametrize(
    "change",
    [
        _renewed,
        _bar,
        _switch_off,
        _member(status=MemberStatus.LEFT),
        _member(marketing_consent=False),
        _program(status="CLOSED", ended_at=LONG_AGO),
        lambda term: PaidMembership.objects.filter(pk=term.pk).update(auto_renew_consent_at=LONG_AGO),
        lambda term: PaidMembership.objects.filter(pk=term.pk).update(status="CANCELLED", ended_at=LONG_AGO),
    ],
    ids=["renewed", "barred", "switched off", "left", "no consent", "closed", "renews itself", "cancelled"],
)
def test_no_card_about_the_end(change):
    program = selling_store()
    term, other = holder(program, ends_on=TODAY + days(6)), holder(selling_store(), ends_on=TODAY + days(6))
    change(term)
    run_at(TEN)
    assert [card for card in cards_of(term.member) if card.scenario == ENDING] == []
    assert len(cards_of(other.member)) == 1


@pytest.mark.parametrize(("left", "cards"), [(4, 0), (5, 1), (8, 1), (9, 0)])
def test_a_renewal_is_told_of_five_days_before_at_the_latest(left, cards):
    term = renewing(selling_store(), ends_on=TODAY + days(left))
    run_at(TEN)
    notices = [card for card in cards_of(term.member) if card.scenario == RENEWAL]
    assert [notice.params for notice in notices] == [
        {"program": "Plan 1", "fee": "99.00", "renews_on": term.ends_on.isoformat(), "last_day": (term.ends_on - days(1)).isoformat()}
    ] * cards


def test_the_notice_is_a_duty_no_switch_and_no_consent_holds_it_back():
    term = renewing(selling_store(ending_on=False, benefits_on=False), ends_on=TODAY + days(6))
    Member.objects.filter(pk=term.member_id).update(marketing_consent=False)
    run_at(TEN)
    assert only_card_of(term.member).scenario == RENEWAL


def test_a_renewal_that_nobody_was_told_of_in_time_ends_and_that_is_told():
    term = renewing(selling_store(), ends_on=TODAY + days(4))
    run_at(TEN)
    assert only_card_of(term.member).scenario == ENDING


def test_the_term_learns_when_the_notice_was_handed_over_and_of_nothing_less():
    program = selling_store()
    sent, unknown, waiting = (renewing(program, ends_on=TODAY + days(6)) for _number in range(3))
    run_at(TEN)
    mark_sent(only_card_of(sent.member), at(TODAY, 11))
    Message.objects.filter(member=unknown.member).update(status=MessageStatus.UNKNOWN)
    assert note_renewals_told(now=at(TODAY, 12)) == 1
    assert note_renewals_told(now=at(TODAY, 12)) == 0
    told = dict(PaidMembership.objects.values_list("pk", "renewal_notice_at"))
    assert told == {sent.pk: at(TODAY, 11), unknown.pk: None, waiting.pk: None}


def test_a_notice_of_another_fee_than_holds_when_it_goes_is_no_notice():
    """Written in the morning, handed over at eleven; at half past ten a pack with another fee was approved."""
    term = renewing(selling_store(), ends_on=TODAY + days(6))
    run_at(TEN)
    BenefitPack.objects.update(decided_at=at(TODAY, 10) + timedelta(minutes=30))
    mark_sent(only_card_of(term.member), at(TODAY, 11))
    assert note_renewals_told(now=at(TODAY, 12)) == 0


def test_a_consent_that_was_taken_back_and_given_again_needs_a_new_notice():
    term = renewing(selling_store(), ends_on=TODAY + days(8))
    run_at(TEN)
    mark_sent(only_card_of(term.member), TEN)
    PaidMembership.objects.filter(pk=term.pk).update(auto_renew_consent_at=at(TODAY, 15))
    assert note_renewals_told(now=at(TODAY, 16)) == 0
    run_at(at(TODAY + days(1)))
    (second,) = cards_of(term.member, TODAY + days(1))
    mark_sent(second, at(TODAY + days(1)))
    assert note_renewals_told(now=at(TODAY + days(1), 12)) == 1


@pytest.mark.parametrize(("left", "cards"), [(0, 0), (1, 1), (3, 1), (4, 0)])
def test_unused_benefits_are_told_of_three_days_before_they_lapse(left, cards):
    term = holder(selling_store(), ends_on=TODAY + days(200))
    issue(term, expires_on=TODAY + days(left))
    run_at(TEN)
    assert [card.scenario for card in cards_of(term.member)] == [BENEFIT] * cards


def test_one_card_for_all_that_lapses_on_a_day_and_one_a_day():
    term = holder(selling_store(), ends_on=TODAY + days(200))
    issue(term, expires_on=TODAY + days(2))
    issue(term, expires_on=TODAY + days(2), key="coupon")
    issue(term, expires_on=TODAY + days(3), key="coupon", period=1)
    run_at(TEN)
    card = only_card_of(term.member)
    assert (card.params["count"], card.params["last_day"]) == (2, (TODAY + days(1)).isoformat())
    mark_sent(card, TEN)
    run_at(at(TODAY + days(1)))
    (second,) = cards_of(term.member, TODAY + days(1))
    assert (second.params["count"], second.params["last_day"]) == (1, (TODAY + days(2)).isoformat())


@pytest.mark.parametrize("status", ["USED", "EXPIRED", "REVOKED", "FAILED"])
def test_only_what_can_still_be_used_is_told_of(status):
    term = holder(selling_store(), ends_on=TODAY + days(200))
    ended = {"ended_at": LONG_AGO} if status != "FAILED" else {"issued_at": None}
    issue(term, expires_on=TODAY + days(2), status=status, **ended)
    run_at(TEN)
    assert cards_of(term.member) == []


def test_credit_goes_first_then_the_notice_then_the_end_then_benefits():
    from campaigns.services.settings import set_reminder

    program = selling_store()
    set_reminder(store=program.store, enabled=True, send_time=TEN.time(), by=None, now=LONG_AGO)
    member = member_with_credit(program.store)
    term = renewing(program, ends_on=TODAY + days(6), member=member)
    issue(term, expires_on=TODAY + days(2))
    run_at(TEN)
    assert [(card.scenario, card.reason) for card in cards_of(member)] == [
        (ScenarioCode.BALANCE_REMINDER, ""),
        (RENEWAL, ""),
        (BENEFIT, SuppressionReason.STORE_CAP),
    ]


def test_another_stores_run_decides_nothing_here():
    mine, other = holder(selling_store(), ends_on=TODAY + days(6)), holder(selling_store(), ends_on=TODAY + days(6))
    run_at(TEN, stores=[mine.store])
    assert (len(cards_of(mine.member)), len(cards_of(other.member))) == (1, 0)


def test_not_before_the_send_time_and_one_run_a_day():
    term = holder(selling_store(), ends_on=TODAY + days(6))
    run_at(at(TODAY, 9))
    assert cards_of(term.member) == []
    run_at(TEN)
    run_at(at(TODAY, 12))
    (run,) = PaidReminderRun.objects.all()
    assert (run.status, run.due_count, run.held_back_count) == (RunStatus.DONE, 1, 0)


def test_a_full_chunk_goes_on_with_the_next(monkeypatch):
    monkeypatch.setattr("campaigns.services.paid_runs.CHUNK_CARDS", 2)
    program = selling_store()
    terms = [holder(program, ends_on=TODAY + days(6)) for _number in range(5)]
    run_at(TEN)
    assert sorted(Message.objects.values_list("member", flat=True)) == [term.member_id for term in terms]
    assert PaidReminderRun.objects.get().due_count == 5


def test_switching_off_cancels_what_waits_and_gives_its_slot_back():
    term = holder(selling_store(), ends_on=TODAY + days(6))
    issue(term, expires_on=TODAY + days(2))
    run_at(TEN)
    set_paid_reminder(store=term.store, ending_on=False, benefits_on=True, send_time=TEN.time(), by=None, now=TEN)
    assert {card.scenario: (card.status, card.reason) for card in cards_of(term.member)} == {
        ENDING: (MessageStatus.CANCELLED, SuppressionReason.SETTING_OFF),
        BENEFIT: (MessageStatus.PENDING, ""),
    }
    assert store_slots(term.member) == 1


def test_a_barred_merchant_does_not_switch_on():
    from backoffice.kernel.tenancy.selectors.bars import MerchantBarred

    program = selling_store(ending_on=False)
    impose_bar(merchant=program.store.merchant, reason="False promise", by=make_user(), now=LONG_AGO)
    with pytest.raises(MerchantBarred):
        set_paid_reminder(store=program.store, ending_on=True, benefits_on=True, send_time=TEN.time(), by=None, now=TEN)
    set_paid_reminder(store=program.store, ending_on=False, benefits_on=False, send_time=TEN.time(), by=None, now=TEN)


def test_consent_taken_back_before_the_hand_over_stops_the_card_and_not_the_notice(gateway):
    program = selling_store(gateway_url=gateway.url)
    term, told = holder(program, ends_on=TODAY + days(6)), renewing(program, ends_on=TODAY + days(6))
    run_at(TEN)
    Member.objects.update(marketing_consent=False)
    dispatch(now=at(TODAY, 11))
    card, notice = only_card_of(term.member), only_card_of(told.member)
    assert (card.status, card.reason) == (MessageStatus.CANCELLED, SuppressionReason.NO_CONSENT)
    assert notice.status == MessageStatus.SENT


@pytest.mark.django_db(transaction=True)
def test_two_runners_at_once_decide_each_card_once():
    program = selling_store()
    for _number in range(20):
        holder(program, ends_on=TODAY + days(6))
    open_paid_runs(now=TEN)
    ready = Barrier(4)

    def work() -> None:
        ready.wait()
        while decide_paid_chunk(now=TEN):
            pass
        connection.close()

    workers = [Thread(target=work) for _number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert Message.objects.count() == 20
    assert PaidReminderRun.objects.get().due_count == 20
