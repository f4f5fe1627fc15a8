"""``POST /stores/{store}/complaints``: filed once, looked up within the store."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.tenancy.roles import Role
from members.paid.models import BenefitIssue, Complaint
from tests.factories import make_member, make_store, make_user
from tests.kernel.api.calling import Caller, problem_of
from tests.members.paid.making import NOW, TODAY, make_membership, make_program

pytestmark = pytest.mark.django_db
PATH = "/stores/S1/complaints"


def world() -> dict[str, Any]:
    store = make_store("S1")
    program = make_program(store, by=make_user(Role.PLATFORM_MEMBER_OPS))
    member = make_member(store, "M1")
    term = make_membership(program, member)
    body = {"member_no": "M1", "program_id": program.pk, "benefit": "gift", "text": "No gift came.", "evidence": "Chat"}
    return {"store": store, "program": program, "member": member, "term": term, "caller": Caller(store), "body": body}


def test_filed_and_replayed_it_is_one_complaint() -> None:
    made = world()
    answer = made["caller"].post(PATH, made["body"], key="once")
    complaint = Complaint.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "complaint_id": complaint.pk, "status": "FILED", "member_no": "M1", "program_id": made["program"].pk, "benefit": "gift",
        "filed_at": answer.json()["filed_at"],
    }  # fmt: skip
    assert (complaint.text, complaint.evidence, complaint.benefit) == ("No gift came.", "Chat", made["program"].pack.benefits.get(key="gift"))
    assert (complaint.filed_by, AuditEvent.objects.get(verb="complaint.filed").actor) == (made["caller"].client.user,) * 2
    again = made["caller"].post(PATH, made["body"], key="once")
    assert (again.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (201, answer.json(), "true")
    assert problem_of(made["caller"].post(PATH, {**made["body"], "text": "Other"}, key="once"))[0] == 422
    assert problem_of(made["caller"].post(PATH, made["body"])) == (422, "complaint_open")
    assert Complaint.objects.count() == 1


def test_the_benefit_of_the_version_that_was_bought_is_meant() -> None:
    made = world()
    newer = made["program"].packs.create(version=2, card_fee="88.00", created_at=NOW)
    newer.benefits.create(key="gift", kind="OPENING_GIFT", title="Other gift", schedule="AT_ONCE")
    assert made["caller"].post(PATH, made["body"]).status_code == 201
    assert Complaint.objects.get().benefit.pack == made["term"].pack


def test_an_issue_of_the_member() -> None:
    made = world()
    fields = {"store": made["store"], "period": 0, "due_on": TODAY, "expires_on": made["term"].ends_on, "status": "ISSUED", "issued_at": NOW}
    gift = made["program"].pack.benefits.get(key="gift")
    issue = BenefitIssue.objects.create(paid_membership=made["term"], member=made["member"], benefit=gift, **fields)
    other = make_member(made["store"], "M2")
    theirs = BenefitIssue.objects.create(paid_membership=make_membership(made["program"], other), member=other, benefit=gift, **fields)
    body = {key: made["body"][key] for key in ("member_no", "program_id", "text")}
    assert problem_of(made["caller"].post(PATH, {**body, "issue_id": theirs.pk})) == (404, "not_found")
    assert made["caller"].post(PATH, {**body, "issue_id": issue.pk}).json()["benefit"] == "gift"


def test_who_never_bought_and_what_is_not_there() -> None:
    made = world()
    make_member(made["store"], "M2")
    assert problem_of(made["caller"].post(PATH, {**made["body"], "member_no": "M2"})) == (422, "never_bought")
    assert problem_of(made["caller"].post(PATH, {**made["body"], "benefit": "nothing"})) == (404, "not_found")
    assert problem_of(made["caller"].post(PATH, {**made["body"], "text": ""}))[0] == 422
    assert not Complaint.objects.exists()
