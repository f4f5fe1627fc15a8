"""Errors of the HTTP API as problem documents (RFC 9457)."""

from __future__ import annotations

import json
import traceback
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import ConfigDict

from backoffice.kernel.api.rates import TooManyCalls
from backoffice.kernel.errors import BusinessError, NotAllowed, NotFound, StateConflict

log = structlog.get_logger(__name__)

TOLD_FACTS = ("field", "asked", "available", "balance")
"""Facts of a refusal that go out with it, as texts. Others, such as ids of people, stay here."""
MOST_PLACES = 100
LONGEST_PLACE = 200


class BadRequest(BusinessError):
    """The request itself is not as every call has to be: a header is missing, or cannot be read."""

    code = "bad_request"


class PlacesRefused(BusinessError):
    """Some parts of a body cannot be; ``places`` names each with a code and a sentence, as ``PlaceOut`` has them."""

    def __init__(self, message: object, *, code: str, places: list[dict[str, Any]]) -> None:
        super().__init__(message, code=code, places=places[:MOST_PLACES])


STATUS_OF: tuple[tuple[type[BusinessError], int], ...] = (
    (BadRequest, 400),
    (TooManyCalls, 429),
    (NotFound, 404),
    (NotAllowed, 403),
    (StateConflict, 409),
    (BusinessError, 422),
)


class TokenMissing(AuthenticationError):
    """No live token came with the call."""


class PlaceOut(Schema):
    """One place in the body, path or query that is wrong."""

    place: str
    code: str
    message: str


class ProblemOut(Schema):
    """``code`` is stable and machine-readable; ``detail`` is a sentence. ``errors`` names the places in the body that are wrong."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"type": "about:blank", "title": "Not Found", "status": 404, "code": "not_found", "detail": "There is no such thing."}],
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str = ""
    errors: list[PlaceOut] | None = None
    field: str | None = None
    asked: str | None = None
    available: str | None = None
    balance: str | None = None


PROBLEM_RESPONSES: dict[int, type[Schema]] = dict.fromkeys((400, 401, 413, 422, 503), ProblemOut)
READ_PROBLEMS: dict[int, type[Schema]] = dict.fromkeys((401, 403, 404, 422, 429, 503), ProblemOut)
WRITE_PROBLEMS: dict[int, type[Schema]] = dict.fromkeys((400, 401, 403, 404, 409, 413, 422, 429, 503), ProblemOut)


def problem(status: int, *, code: str, detail: str = "", errors: list[dict[str, Any]] | None = None, facts: dict[str, str] | None = None) -> HttpResponse:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail, **(facts or {})}
    if errors is not None:
        body["errors"] = errors
    # A name in the body may hold half a surrogate pair, which no encoding can write.
    return HttpResponse(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"), status=status, content_type="application/problem+json")


def not_found_problem() -> HttpResponse:
    """The one answer for what is missing and for what is somebody else's."""
    return problem(404, code="not_found", detail=_("There is no such thing."))


def answer_with_problems(api: NinjaAPI) -> None:
    """Let every error that an operation raises, and every one of ninja's own, leave as a problem document."""

    @api.exception_handler(AuthenticationError)
    def not_authenticated(_request: HttpRequest, error: Any) -> HttpResponse:
        if not isinstance(error, TokenMissing):
            return problem(401, code="not_authenticated", detail=_("The call is not signed as it must be."))
        answer = problem(401, code="not_authenticated", detail=_("The call needs a live token: get one at /oauth/token/."))
        answer["WWW-Authenticate"] = 'Bearer realm="api"'
        return answer

    @api.exception_handler(ValidationError)
    def not_valid(_request: HttpRequest, error: Any) -> HttpResponse:
        places = [
            {"place": ".".join(str(part) for part in entry["loc"])[:LONGEST_PLACE], "code": entry["type"], "message": entry["msg"]}
            for entry in error.errors[:MOST_PLACES]
        ]
        return problem(422, code="body_invalid", detail=_("The request does not have the form that is documented."), errors=places)

    @api.exception_handler(HttpError)
    def refused(_request: HttpRequest, error: Any) -> HttpResponse:
        return problem(error.status_code, code="bad_request" if error.status_code == 400 else "refused", detail=str(error))

    @api.exception_handler(Http404)
    def not_found(_request: HttpRequest, _error: Any) -> HttpResponse:
        return not_found_problem()

    @api.exception_handler(RequestDataTooBig)
    def too_big(_request: HttpRequest, _error: Any) -> HttpResponse:
        return problem(413, code="too_big", detail=_("The body is too big."))

    @api.exception_handler(BusinessError)
    def business(_request: HttpRequest, error: Any) -> HttpResponse:
        status = next(status for kind, status in STATUS_OF if isinstance(error, kind))
        answer = problem(status, code=error.code, detail=str(error), errors=error.facts.get("places"), facts=_told(error.facts))
        if status == 429:
            answer["Retry-After"] = "1"
        return answer

    @api.exception_handler(OperationalError)
    def unavailable(_request: HttpRequest, error: Any) -> HttpResponse:
        _log("api_unavailable", error)
        answer = problem(503, code="try_again", detail=_("The system is busy. Send the same request again, under the same key."))
        answer["Retry-After"] = "1"
        return answer

    @api.exception_handler(Exception)
    def failed(_request: HttpRequest, error: Any) -> HttpResponse:
        # Django's signal of an exception is not sent: who listens to it would log the error with its words.
        _log("api_failed", error)
        return problem(500, code="failed", detail=_("Something went wrong here. It has been logged."))


def _told(facts: dict[str, Any]) -> dict[str, str]:
    return {name: format(facts[name], ".2f") if isinstance(facts[name], Decimal) else str(facts[name]) for name in TOLD_FACTS if facts.get(name) is not None}


def _log(event: str, error: BaseException) -> None:
    """What failed and where. Without the error's own words: a database quotes the row that it refuses."""
    cause = error.__cause__ or error
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error(event, error=type(error).__name__, sqlstate=getattr(cause, "sqlstate", None), at=places[-12:])
