"""Status changes, consent and the credit card switch."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import ProgrammingError, transaction

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import BusinessError, StateConflict
from members.choices import MEMBER_TRANSITIONS, ConsentSource, MemberStatus
from members.models import Member, MemberStatusChange
from members.services.members import BalanceNotConfirmed, ReasonMissing, change_status, record_consent, switch_credit_cards
from tests.factories import NOON, make_member, make_store, make_user
from tests.members.ledger import account_of, member_with, take, yuan

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


def audit_of(member):
    return list(
        AuditEvent.objects.filter(target_type="members.member", target_id=member.pk).order_by("pk").values_list("verb", "actor", "store", "reason", "facts")
    )


def test_a_status_change_keeps_who_when_and_why():
    member, user = make_member(make_store()), make_user()
    change = change_status(member=member, to=MemberStatus.FROZEN, reason=" asked by phone ", by=user, now=LATER)
    assert (change.from_status, change.to_status, change.by, change.reason, change.happened_at) == ("ACTIVE", "FROZEN", user, "asked by phone", LATER)
    stored = Member.objects.get(pk=member.pk)
    assert (stored.status, stored.updated_at) == (MemberStatus.FROZEN, LATER)
    assert audit_of(member) == [("member_status.changed", user.pk, member.store_id, "asked by phone", {"from_status": "ACTIVE", "to_status": "FROZEN"})]


@pytest.mark.parametrize(("start", "target"), [(start, target) for start in MemberStatus for target in MemberStatus])
def test_every_transition_is_as_the_table_says(start, target):
    member = make_member(make_store(), status=start)
    if target in MEMBER_TRANSITIONS[start]:
        change_status(member=member, to=target, reason="why", by=None, now=LATER)
        assert Member.objects.get(pk=member.pk).status == target
    else:
        with pytest.raises(StateConflict):
            change_status(member=member, to=target, reason="why", by=None, now=LATER)
        assert (Member.objects.get(pk=member.pk).status, MemberStatusChange.objects.count(), AuditEvent.objects.count()) == (start, 0, 0)


def test_a_reason_is_needed():
    member = make_member(make_store())
    with pytest.raises(ReasonMissing):
        change_status(member=member, to=MemberStatus.FROZEN, reason="  ", by=None, now=LATER)
    assert Member.objects.get(pk=member.pk).status == MemberStatus.ACTIVE


def test_a_stale_page_does_not_decide():
    member = make_member(make_store())
    change_status(member=member, to=MemberStatus.CLOSED, reason="why", by=None, now=LATER)
    assert member.status == MemberStatus.ACTIVE  # what the second page still shows
    with pytest.raises(StateConflict):
        change_status(member=member, to=MemberStatus.FROZEN, reason="why", by=None, now=LATER)


@pytest.mark.parametrize("target", [MemberStatus.LEFT, MemberStatus.CLOSED])
@pytest.mark.parametrize("confirmed", [None, yuan(119), yuan(121)])
def test_leaving_with_a_balance_needs_exactly_that_balance(target, confirmed):
    member = member_with(100, 20)
    with pytest.raises(BalanceNotConfirmed) as refused:
        change_status(member=member, to=target, reason="why", by=None, now=LATER, confirmed_with_balance=confirmed)
    assert refused.value.balance == yuan(120)
    assert Member.objects.get(pk=member.pk).status == MemberStatus.ACTIVE


def test_the_money_stays_with_who_left():
    member = member_with(100, 20)
    change_status(member=member, to=MemberStatus.LEFT, reason="why", by=None, now=LATER, confirmed_with_balance=yuan(120))
    assert Member.objects.get(pk=member.pk).status == MemberStatus.LEFT
    assert account_of(member).balance == yuan(120)
    assert audit_of(member)[-1][4]["balance"] == "120.00"


def test_freezing_with_a_balance_and_leaving_without_one_need_no_confirmation():
    member = member_with(10)
    change_status(member=member, to=MemberStatus.FROZEN, reason="why", by=None, now=LATER)
    take(member, 10)
    change_status(member=member, to=MemberStatus.LEFT, reason="why", by=None, now=LATER)
    assert Member.objects.get(pk=member.pk).status == MemberStatus.LEFT


def test_status_changes_are_append_only():
    member = make_member(make_store())
    change_status(member=member, to=MemberStatus.FROZEN, reason="why", by=None, now=LATER)
    with pytest.raises(ProgrammingError), transaction.atomic():
        MemberStatusChange.objects.update(reason="other")


def test_consent_keeps_source_time_and_version():
    member, user = make_member(make_store()), make_user()
    record_consent(member=member, agrees=False, source=ConsentSource.MEMBER, version="2026-1", by=user, now=LATER)
    stored = Member.objects.get(pk=member.pk)
    assert (stored.marketing_consent, stored.consent_source, stored.consent_version, stored.consent_at) == (False, "MEMBER", "2026-1", LATER)
    assert stored.credit_cards_on is True
    assert audit_of(member) == [("consent.recorded", user.pk, member.store_id, "", {"agrees": False, "source": "MEMBER", "version": "2026-1"})]


def test_the_store_default_is_nobodys_wish():
    member = make_member(make_store())
    with pytest.raises(BusinessError) as refused:
        record_consent(member=member, agrees=True, source=ConsentSource.STORE_DEFAULT, version="", by=None, now=LATER)
    assert refused.value.code == "consent_source_invalid"


def test_the_card_switch_is_apart_from_consent_and_refuses_what_is_so_already():
    member, user = make_member(make_store()), make_user()
    switch_credit_cards(member=member, on=False, reason="said at the till", by=user, now=LATER)
    stored = Member.objects.get(pk=member.pk)
    assert (stored.credit_cards_on, stored.marketing_consent) == (False, True)
    assert audit_of(member) == [("credit_cards.switched", user.pk, member.store_id, "said at the till", {"on": False})]
    with pytest.raises(StateConflict):
        switch_credit_cards(member=member, on=False, reason="again", by=user, now=LATER)
