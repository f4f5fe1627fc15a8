"""Complaints: who may file, take up, answer and rule, and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import BusinessError, NotAllowed, NotFound, StateConflict
from backoffice.kernel.tenancy.roles import Role
from members.paid.models import BenefitIssue, Complaint, PaidMembership
from members.paid.services.complaints import accept_complaint, dismiss_complaint, file_complaint, reply, rule
from tests.factories import make_member, make_store, make_user
from tests.members.paid.making import NOW, TODAY, make_membership, make_program

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def world() -> dict[str, Any]:
    """A store whose member bought a program, staff of member operations and the store's owner."""
    store = make_store("S1")
    ops, owner = make_user(Role.PLATFORM_MEMBER_OPS), make_user(Role.MERCHANT_OWNER, merchant=store.merchant)
    program = make_program(store, by=ops)
    member = make_member(store)
    return {"store": store, "ops": ops, "owner": owner, "program": program, "member": member, "term": make_membership(program, member)}


def complain(made: dict[str, Any], **given: Any) -> Complaint:
    fields = {"benefit": None, "issue": None, "text": "No gift came.", "evidence": "Chat of 20 November", "by": None, "now": NOW}
    return file_complaint(**{"store": made["store"], "member": made["member"], "program": made["program"], **fields, **given})


def refused(act: Callable[[], Any]) -> str:
    """The code of the refusal; no complaint and no event may have been written."""
    before = list(Complaint.objects.values()), AuditEvent.objects.count()
    with pytest.raises(BusinessError) as error:
        act()
    assert (list(Complaint.objects.values()), AuditEvent.objects.count()) == before
    return error.value.code


def test_a_member_who_bought_complains_about_a_benefit() -> None:
    made = world()
    gift = made["program"].pack.benefits.get(key="gift")
    complaint = complain(made, benefit=gift)
    assert (complaint.status, complaint.benefit, complaint.filed_at) == ("FILED", gift, NOW)
    event = AuditEvent.objects.get(verb="complaint.filed")
    assert (event.target_id, event.store_id, event.happened_at) == (complaint.pk, made["store"].pk, NOW)


def test_only_who_bought_the_program_complains() -> None:
    made = world()
    stranger = make_member(made["store"])
    waiting = make_member(made["store"])
    term = make_membership(made["program"], waiting)
    unpaid = dict.fromkeys(["opened_at", "anchor_on", "starts_on", "ends_on", "bought_until", "next_issue_on"])
    PaidMembership.objects.filter(pk=term.pk).update(status="PENDING", **unpaid)
    assert refused(lambda: complain(made, member=stranger)) == "never_bought"
    assert refused(lambda: complain(made, member=waiting)) == "never_bought"


def test_rows_of_another_store_or_program_are_refused() -> None:
    made = world()
    far = make_store("S2")
    other = make_program(made["store"], by=made["ops"])
    abroad = make_program(far, by=made["ops"])
    assert refused(lambda: complain(made, member=make_member(far))) == "other_store"
    assert refused(lambda: complain(made, program=abroad)) == "other_store"
    assert refused(lambda: complain(made, benefit=other.pack.benefits.get(key="gift"))) == "other_benefit"


def test_an_issue_names_its_benefit_and_must_be_the_members() -> None:
    made = world()
    gift = made["program"].pack.benefits.get(key="gift")
    fields = {"benefit": gift, "store": made["store"], "period": 0, "due_on": TODAY, "expires_on": TODAY + DAY, "status": "ISSUED", "issued_at": NOW}
    mine = BenefitIssue.objects.create(paid_membership=made["term"], member=made["member"], **fields)
    somebody = make_member(made["store"])
    theirs = BenefitIssue.objects.create(paid_membership=make_membership(made["program"], somebody), member=somebody, **fields)
    assert refused(lambda: complain(made, issue=theirs)) == "other_benefit"
    assert refused(lambda: complain(made, issue=mine, benefit=made["program"].pack.benefits.get(key="coupon"))) == "other_benefit"
    assert complain(made, issue=mine).benefit == gift


def test_one_open_complaint_about_the_same_benefit() -> None:
    made = world()
    gift, coupon = made["program"].pack.benefits.order_by("position")
    first = complain(made, benefit=gift)
    assert refused(lambda: complain(made, benefit=gift)) == "complaint_open"
    complain(made, benefit=coupon)
    complain(made)
    dismiss_complaint(complaint=first, verdict="It came on the 21st.", by=made["ops"], now=NOW)
    assert complain(made, benefit=gift).pk != first.pk


def test_a_text_is_needed_and_staff_who_write_it_down_need_the_right() -> None:
    made = world()
    assert refused(lambda: complain(made, text="  ")) == "text_missing"
    assert refused(lambda: complain(made, by=made["owner"])) == "not_allowed"
    assert refused(lambda: complain(made, by=make_user(Role.PLATFORM_INDUSTRY_OPS))) == "not_allowed"
    assert complain(made, by=made["ops"]).filed_by == made["ops"]


def test_taken_up_the_merchant_has_its_days() -> None:
    made = world()
    complaint = accept_complaint(complaint=complain(made), by=made["ops"], now=NOW)
    complaint.refresh_from_db()
    assert (complaint.status, complaint.accepted_at, complaint.reply_by) == ("ACCEPTED", NOW, NOW + 5 * DAY)
    with pytest.raises(StateConflict):
        accept_complaint(complaint=complaint, by=made["ops"], now=NOW)
    with pytest.raises(StateConflict):
        dismiss_complaint(complaint=complaint, verdict="No.", by=made["ops"], now=NOW)


def test_the_merchant_answers_once_until_the_deadline() -> None:
    made = world()
    late = accept_complaint(complaint=complain(made), by=made["ops"], now=NOW)
    assert refused(lambda: reply(complaint=late, text="Sent.", by=made["owner"], now=NOW + 5 * DAY + timedelta(seconds=1))) == "reply_too_late"
    assert refused(lambda: reply(complaint=late, text=" ", by=made["owner"], now=NOW)) == "text_missing"
    answered = reply(complaint=late, text="Sent again today.", by=made["owner"], now=NOW + 5 * DAY)
    answered.refresh_from_db()
    assert (answered.status, answered.reply, answered.replied_by, answered.replied_at) == ("REPLIED", "Sent again today.", made["owner"], NOW + 5 * DAY)
    with pytest.raises(StateConflict):
        reply(complaint=answered, text="Once more.", by=made["owner"], now=NOW)


def test_only_the_stores_own_people_answer() -> None:
    made = world()
    complaint = accept_complaint(complaint=complain(made), by=made["ops"], now=NOW)
    foreign = make_user(Role.MERCHANT_OWNER, merchant=make_store("S2").merchant)
    analyst = make_user(Role.MERCHANT_ANALYST, merchant=made["store"].merchant)
    for user, kind in ((foreign, NotFound), (analyst, NotAllowed), (made["ops"], NotAllowed)):
        with pytest.raises(kind):
            reply(complaint=complaint, text="Sent.", by=user, now=NOW)


def test_a_verdict_waits_for_the_reply_or_its_deadline() -> None:
    made = world()
    complaint = accept_complaint(complaint=complain(made), by=made["ops"], now=NOW)
    assert refused(lambda: rule(complaint=complaint, status="NOT_PROVEN", verdict="Kept.", by=made["ops"], now=NOW + 5 * DAY)) == "reply_pending"
    assert refused(lambda: rule(complaint=complaint, status="PROVEN", verdict="Broken.", by=made["ops"], now=NOW + 6 * DAY)) == "wrong_ruling"
    assert refused(lambda: rule(complaint=complaint, status="HONOURED", verdict=" ", by=made["ops"], now=NOW + 6 * DAY)) == "text_missing"
    assert refused(lambda: rule(complaint=complaint, status="HONOURED", verdict="Ok.", by=made["owner"], now=NOW + 6 * DAY)) == "not_allowed"
    rule(complaint=complaint, status="NOT_PROVEN", verdict="Kept.", by=made["ops"], now=NOW + 5 * DAY + timedelta(seconds=1))
    complaint.refresh_from_db()
    assert (complaint.status, complaint.verdict, complaint.decided_by) == ("NOT_PROVEN", "Kept.", made["ops"])


def test_honoured_after_the_reply_at_once_and_only_once() -> None:
    made = world()
    complaint = reply(complaint=accept_complaint(complaint=complain(made), by=made["ops"], now=NOW), text="Sent.", by=made["owner"], now=NOW)
    rule(complaint=complaint, status="HONOURED", verdict="The gift came.", by=made["ops"], now=NOW)
    with pytest.raises(StateConflict):
        rule(complaint=complaint, status="NOT_PROVEN", verdict="No.", by=made["ops"], now=NOW)
    assert AuditEvent.objects.filter(verb="complaint.ruled").count() == 1


def test_not_taken_up_says_why_and_cannot_be_ruled_on() -> None:
    made = world()
    complaint = complain(made)
    assert refused(lambda: dismiss_complaint(complaint=complaint, verdict="", by=made["ops"], now=NOW)) == "text_missing"
    assert refused(lambda: rule(complaint=complaint, status="NOT_PROVEN", verdict="Kept.", by=made["ops"], now=NOW)) == "state_conflict"
    dismiss_complaint(complaint=complaint, verdict="About another shop.", by=made["ops"], now=NOW)
    complaint.refresh_from_db()
    assert (complaint.status, complaint.verdict) == ("DISMISSED", "About another shop.")
