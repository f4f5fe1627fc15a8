"""Complaints that a store's own systems hand in for its members."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from backoffice.kernel.api.auth import NoSuchThing, caller_of, client_auth
from backoffice.kernel.api.fields import Body, MomentOut, code, shown, words
from backoffice.kernel.api.idempotency import KEYED, Done, keyed
from backoffice.kernel.api.problems import WRITE_PROBLEMS
from backoffice.kernel.clock import database_now
from members.api.found import member_of
from members.paid.models import Benefit, BenefitIssue, PaidProgram
from members.paid.services.complaints import file_complaint

LARGEST_ID = 2**63 - 1
LONGEST_TEXT = 2000

router = Router(tags=["paid membership"], auth=client_auth)

MemberNo = Annotated[str, code(64, example="M0001")]
BenefitKey = Annotated[str, code(32, example="opening-gift")]


class ComplaintIn(Body):
    """What a member says was promised and not kept. ``benefit`` is the key of a benefit of the program, ``issue_id`` one issue of it."""

    model_config = shown({"member_no": "M0001", "program_id": 1, "benefit": "opening-gift", "text": "The gift never came.", "evidence": "Chat of 20 November"})

    member_no: MemberNo
    program_id: int = Field(ge=1, le=LARGEST_ID, strict=True)
    benefit: BenefitKey | None = None
    issue_id: int | None = Field(None, ge=1, le=LARGEST_ID, strict=True)
    text: Annotated[str, words(LONGEST_TEXT, example="The gift never came.")]
    evidence: Annotated[str, words(LONGEST_TEXT, example="Chat of 20 November", blank=True)] = ""


class ComplaintOut(Schema):
    """A complaint as it was filed."""

    model_config = shown({
                    "complaint_id": 1, "status": "FILED", "member_no": "M0001", "program_id": 1, "benefit": "opening-gift",
                    "filed_at": "2026-11-22T10:00:00+08:00",
                })  # fmt: skip

    complaint_id: int
    status: str
    member_no: str
    program_id: int
    benefit: str | None
    filed_at: MomentOut


@router.post("/stores/{store}/complaints", response={201: ComplaintOut, **WRITE_PROBLEMS}, summary="A promise was not kept", openapi_extra=KEYED)
@keyed
def add_complaint(request: HttpRequest, store: str, payload: ComplaintIn) -> Done:
    """Member operations look at it; the merchant answers in time. Refusals: `never_bought`, `other_benefit`, `complaint_open`."""
    caller = caller_of(request)
    place = caller.store(store)
    member = member_of(place, payload.member_no)
    program = PaidProgram.objects.filter(store=place, pk=payload.program_id).first()
    if program is None:
        raise NoSuchThing
    complaint = file_complaint(
        store=place,
        member=member,
        program=program,
        benefit=_benefit_of(program, member.pk, payload.benefit),
        issue=_issue_of(place.pk, member.pk, payload.issue_id),
        text=payload.text,
        evidence=payload.evidence,
        by=None,
        client=caller.user,
        now=database_now(),
    )
    body = ComplaintOut(
        complaint_id=complaint.pk,
        status=complaint.status,
        member_no=member.member_no,
        program_id=program.pk,
        benefit=complaint.benefit.key if complaint.benefit else None,
        filed_at=complaint.filed_at,
    )
    return Done(body, status=201)


def _benefit_of(program: PaidProgram, member_id: int, key: str | None) -> Benefit | None:
    """The benefit with this key: of the pack that the member bought last, else of the newest version that has it."""
    if key is None:
        return None
    benefits = Benefit.objects.filter(pack__program=program, key=key)
    bought = benefits.filter(pack__memberships__member=member_id).order_by("-pack__memberships__starts_on", "-pk")
    benefit = bought.first() or benefits.order_by("-pack__version").first()
    if benefit is None:
        raise NoSuchThing
    return benefit


def _issue_of(store_id: int, member_id: int, issue_id: int | None) -> BenefitIssue | None:
    if issue_id is None:
        return None
    issue = BenefitIssue.objects.select_related("benefit__pack").filter(store_id=store_id, member_id=member_id, pk=issue_id).first()
    if issue is None:
        raise NoSuchThing
    return issue
