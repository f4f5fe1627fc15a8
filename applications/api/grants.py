"""May this app use this capability for this store? Asked by gateways, which stand before systems that are not ours."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from applications.selectors.grants import grants_check
from backoffice.kernel.api.auth import caller_of, client_auth
from backoffice.kernel.api.fields import shown
from backoffice.kernel.api.problems import READ_PROBLEMS
from backoffice.kernel.clock import database_now

router = Router(tags=["grants"], auth=client_auth)

CodeAsked = Annotated[str, Query(..., min_length=1, max_length=64, pattern=r"^[^\x00]+$")]


class GrantCheckOut(Schema):
    """The answer at this moment. `reason` is a stable code."""

    model_config = shown({
                    "app": "demo-1", "capability": "member.read", "store": "S1", "allowed": False, "reason": "revoked",
                    "explanation": "The grant was revoked.",
                })  # fmt: skip

    app: str
    capability: str
    store: str
    allowed: bool
    reason: str = Field(
        description="allowed, or why not: unknown_app, unknown_store, not_granted, suspended, revoked, expired, not_enabled, paused, store_closed, "
        "merchant_suspended"
    )
    explanation: str = Field(description="the reason as a sentence, in the language of Accept-Language")


@router.get("/grants/check", response={200: GrantCheckOut, **READ_PROBLEMS}, summary="Whether an app may use a capability for a store")
def check_grant(request: HttpRequest, app: CodeAsked, capability: CodeAsked, store: CodeAsked) -> GrantCheckOut:
    """For gateways of the platform: the token needs the scope `platform` (otherwise 403 `platform_only`). A no is an answer, not an error. Keep none of
    them: a grant may be revoked at any moment."""
    caller_of(request).require_platform()
    answer = grants_check(app, capability, store, now=database_now())
    return GrantCheckOut(app=app, capability=capability, store=store, allowed=answer.allowed, reason=answer.reason, explanation=str(answer.sentence))
