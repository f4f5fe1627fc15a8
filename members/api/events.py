"""What people did, as a store's pages and clerks record it: up to a thousand events a call."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import AfterValidator, Field, WithJsonSchema

from backoffice.kernel.api.auth import Caller, caller_of, client_auth, opened_by
from backoffice.kernel.api.fields import Body, Happened, code, plain_json, shown, words
from backoffice.kernel.api.idempotency import KEYED, Done, keyed
from backoffice.kernel.api.problems import WRITE_PROBLEMS, PlacesRefused
from backoffice.kernel.clock import database_now
from members.selectors.people import LONGEST_VALUE
from members.services.events import LONGEST_PROPERTIES, MOST_EVENTS, EventLine, EventsRefused, record_events

router = Router(tags=["events"], auth=client_auth)

LONGEST_NUMBER = 64
LONGEST_SOURCE = 32

EventId = Annotated[str, code(LONGEST_NUMBER, example="E20261122-0001")]
EventName = Annotated[str, words(64, example="view_item")]
Source = Annotated[str, words(LONGEST_SOURCE, example="CODED", blank=True)]
MemberNo = Annotated[str, code(64, example="M0001")]
KindCode = Annotated[str, code(32, example="openid")]
IdentityValue = Annotated[str, words(LONGEST_VALUE, example="o6_bmjrP")]
Properties = Annotated[
    dict[str, Any],
    AfterValidator(plain_json),
    WithJsonSchema({"type": "object", "description": f"plain JSON of at most {LONGEST_PROPERTIES} bytes, five levels deep", "examples": [{"item": "A1"}]}),
]


class EventIn(Body):
    """One event. Who it was: ``member_no``, else ``identity_kind`` and ``identity_value``; nobody needs to be a member."""

    event_id: EventId
    name: EventName
    occurred_at: Happened
    member_no: MemberNo | None = None
    identity_kind: KindCode | None = None
    identity_value: IdentityValue | None = None
    source: Source = Field("", description="how it was collected; of an app always `app:` and its code")
    properties: Properties = Field(default={})


class EventsIn(Body):
    """All of them are recorded, or none when one cannot be."""

    model_config = shown(
        {
            "events": [
                {"event_id": "E1", "name": "view_item", "occurred_at": "2026-11-22T10:00:00+08:00", "member_no": "M0001", "properties": {"item": "A1"}},
                {"event_id": "E2", "name": "sign_in", "occurred_at": "2026-11-22T10:01:00+08:00", "identity_kind": "openid", "identity_value": "o6_b"},
            ]
        }
    )

    events: list[EventIn] = Field(min_length=1, max_length=MOST_EVENTS)


class EventsOut(Schema):
    """New ones, known ones, and known ones that were told differently now: these stay as they are, and ``conflicts`` names them."""

    model_config = shown({"created": 2, "repeated": 0, "conflict": 0, "conflicts": []})

    created: int
    repeated: int
    conflict: int
    conflicts: list[str]


@router.post(
    "/stores/{store}/events", response={200: EventsOut, **WRITE_PROBLEMS}, summary="What people did", openapi_extra=KEYED, auth=opened_by("task.checkin")
)
@keyed
def add_events(request: HttpRequest, store: str, payload: EventsIn) -> Done:
    """Late and repeated events are safe. Refusals: `events_refused`, naming each event that cannot be with `unknown_member`, `person_missing`,
    `unknown_identity_kind`, `identity_invalid` or `properties_invalid`; `number_too_long`: an app's event numbers are its own, kept with the app's
    code before them."""
    caller = caller_of(request)
    place = caller.store(store)
    try:
        counts = record_events(store=place, events=[_line(event, caller) for event in payload.events], now=database_now())
    except EventsRefused as refused:
        places = [
            {"place": f"body.payload.events.{index}", "code": reason, "message": event_id.removeprefix(caller.number_prefix)}
            for index, event_id, reason in refused.problems
        ]
        raise PlacesRefused(refused.message, code=refused.code, places=places) from refused
    conflicts = [event_id.removeprefix(caller.number_prefix) for event_id in counts.conflicts]
    return Done(EventsOut(created=counts.created, repeated=counts.repeated, conflict=counts.conflict, conflicts=conflicts))


def _line(event: EventIn, caller: Caller) -> EventLine:
    named = event.identity_kind is not None or event.identity_value is not None
    return EventLine(
        event_id=caller.own_number(event.event_id, LONGEST_NUMBER),
        name=event.name,
        occurred_at=event.occurred_at,
        member_no=event.member_no,
        identity=(event.identity_kind or "", event.identity_value or "") if named else None,
        source=f"app:{caller.app_code}"[:LONGEST_SOURCE] if caller.is_app else event.source,
        properties=event.properties,
    )
