"""What a member holds of paid membership: terms, benefits issued in them, and their use."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from django.db import models
from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from backoffice.kernel.api.auth import caller_of, client_auth
from backoffice.kernel.api.fields import AmountOut, Body, MomentOut, code, shown
from backoffice.kernel.api.idempotency import KEYED, Done, keyed
from backoffice.kernel.api.problems import READ_PROBLEMS, WRITE_PROBLEMS
from backoffice.kernel.clock import database_now, local_day
from members.api.found import member_of
from members.paid.api.found import issue_of
from members.paid.models import BenefitIssue
from members.paid.selectors.validity import list_open_terms
from members.paid.services.issue import use_issue

MOST_ISSUES = 500

router = Router(tags=["paid membership"], auth=client_auth)

ISSUE = {
    "issue_id": 1, "benefit": "opening-gift", "title": "Tote bag", "kind": "OPENING_GIFT", "status": "ISSUED", "due_on": "2026-11-22",
    "issued_at": "2026-11-22T10:00:00+08:00", "last_day": "2027-11-21", "code": "", "value": "30.00",
}  # fmt: skip


class IssueOut(Schema):
    """One issue of a benefit, ISSUED, USED, EXPIRED, REVOKED or FAILED (tried again). It can be used through ``last_day``."""

    model_config = shown(ISSUE)

    issue_id: int
    benefit: str
    title: str
    kind: str
    status: str
    due_on: date
    issued_at: MomentOut | None
    last_day: date
    code: str
    value: AmountOut


class TermOut(Schema):
    """A paid term that holds or is still to come."""

    model_config = shown({"order_no": "P20261122001", "program_id": 1, "program": "Gold", "starts_on": "2026-11-22", "last_day": "2027-11-21"})

    order_no: str
    program_id: int
    program: str
    starts_on: date | None
    last_day: date | None


class BenefitsOut(Schema):
    """What a member holds. ``is_paid_member`` is a matter of today's date."""

    model_config = shown({
        "member_no": "M0001", "is_paid_member": True,
        "terms": [{"order_no": "P20261122001", "program_id": 1, "program": "Gold", "starts_on": "2026-11-22", "last_day": "2027-11-21"}],
        "issues": [ISSUE],
    })  # fmt: skip

    member_no: str
    is_paid_member: bool
    terms: list[TermOut]
    issues: list[IssueOut] = Field(description="of every term, the newest 500")


class UseIn(Body):
    """What it was used with: an order, a receipt."""

    model_config = shown({"reference": "D20261122001"})

    reference: Annotated[str, code(64, example="D20261122001")]


def issues_out(issues: models.QuerySet[BenefitIssue]) -> list[IssueOut]:
    """One query."""
    return [issue_out(issue) for issue in issues.select_related("benefit").order_by("-due_on", "-pk")[:MOST_ISSUES]]


def issue_out(issue: BenefitIssue) -> IssueOut:
    return IssueOut(
        issue_id=issue.pk,
        benefit=issue.benefit.key,
        title=issue.benefit.title,
        kind=issue.benefit.kind,
        status=issue.status,
        due_on=issue.due_on,
        issued_at=issue.issued_at,
        last_day=issue.expires_on - timedelta(days=1),
        code=issue.code,
        value=issue.benefit.value_amount,
    )


@router.get("/stores/{store}/members/{member_no}/benefits", response={200: BenefitsOut, **READ_PROBLEMS}, summary="A member's paid terms and benefits")
def list_benefits(request: HttpRequest, store: str, member_no: str) -> BenefitsOut:
    """What the member bought and still holds, also after a program was revoked: holders keep it to the end of the term. Empty for who never bought."""
    member = member_of(caller_of(request).store(store), member_no)
    today = local_day(database_now())
    terms = list_open_terms(member.pk, today)
    return BenefitsOut(
        member_no=member.member_no,
        is_paid_member=any(term.starts_on is not None and term.starts_on <= today for term in terms),
        terms=[
            TermOut(
                order_no=term.order_no,
                program_id=term.program_id,
                program=term.program.name,
                starts_on=term.starts_on,
                last_day=term.ends_on - timedelta(days=1) if term.ends_on else None,
            )
            for term in terms
        ],
        issues=issues_out(BenefitIssue.objects.filter(member=member, store_id=member.store_id)),
    )


@router.post(
    "/stores/{store}/members/{member_no}/issues/{issue_id}/use",
    response={200: IssueOut, **WRITE_PROBLEMS},
    summary="A benefit was used",
    openapi_extra=KEYED,
)
@keyed
def use_benefit(request: HttpRequest, store: str, member_no: str, issue_id: str, payload: UseIn) -> Done:
    """Once. The same reference again changes nothing; another one is 409. Refusals: `issue_expired`, `use_by_fulfilment` (a custom promise)."""
    caller = caller_of(request)
    issue = issue_of(member_of(caller.store(store), member_no), issue_id)
    use_issue(issue=issue, reference=payload.reference, by=caller.user, now=database_now())
    issue.refresh_from_db()
    return Done(issue_out(issue))
