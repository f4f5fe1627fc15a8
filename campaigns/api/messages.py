"""Messages of a member on one local day: what was decided, and why."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from backoffice.kernel.api.auth import NoSuchThing, caller_of, client_auth
from backoffice.kernel.api.fields import Day, MomentOut, shown
from backoffice.kernel.api.problems import READ_PROBLEMS
from backoffice.kernel.clock import database_now
from campaigns.selectors.why_not import Candidate, get_why_not
from campaigns.selectors.why_not_words import explain
from members.models import Member

LocalDate = Annotated[Day, Query(..., description="the local day")]
router = Router(tags=["messages"], auth=client_auth)


class DecisionOut(Schema):
    """One message that could have gone. ``outcome`` is a message status or NOT_DECIDED; ``reason`` a stable code, null when it went or waits."""

    scenario: str
    outcome: str
    reason: str | None
    also: list[str] = Field(description="further reasons that hold as well")
    message_id: int | None
    at: MomentOut | None
    facts: dict[str, Any] = Field(description="plain values about the reason; of a platform cap only how many messages took it, never whose")
    explanation: str = Field(description="the reason as a sentence, in the language of Accept-Language")


class MessagesOut(Schema):
    """Every candidate message of the member in this store on that day."""

    model_config = shown({
                    "store": "S1", "member_no": "M0001", "date": "2026-11-22",
                    "messages": [
                        {"scenario": "BALANCE_REMINDER", "outcome": "SUPPRESSED", "reason": "platform_cap", "also": [], "message_id": 7,
                         "at": "2026-11-22T10:00:00+08:00", "facts": {"cap": "platform_cap", "used": 10},
                         "explanation": "This person had 10 of at most 10 messages from all stores that day."},
                    ],
                })  # fmt: skip

    store: str
    member_no: str
    date: str
    messages: list[DecisionOut]


@router.get("/stores/{store}/members/{member_no}/messages", response={200: MessagesOut, **READ_PROBLEMS}, summary="Decisions of a day, with reasons")
def list_messages(request: HttpRequest, store: str, member_no: str, date: LocalDate) -> MessagesOut:
    """What went to the member on that day, and what did not and why not. Of other stores' messages only the number is told."""
    place = caller_of(request).store(store)
    member = Member.objects.select_related("store").filter(store=place, member_no=member_no).first() if "\x00" not in member_no else None
    if member is None:
        raise NoSuchThing
    candidates = get_why_not(member, date, now=database_now(), all_stores=False)
    return MessagesOut(store=place.code, member_no=member.member_no, date=date.isoformat(), messages=[_told(candidate) for candidate in candidates])


def _told(candidate: Candidate) -> DecisionOut:
    return DecisionOut(
        scenario=candidate.scenario,
        outcome=candidate.outcome,
        reason=candidate.reason or None,
        also=list(candidate.also),
        message_id=candidate.message_id,
        at=candidate.at,
        facts=candidate.facts,
        explanation=explain(candidate),
    )
