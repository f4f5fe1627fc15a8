"""Errors of the HTTP API as problem documents (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError

from backoffice.kernel.errors import BusinessError, NotAllowed, NotFound, StateConflict

STATUS_OF: tuple[tuple[type[BusinessError], int], ...] = ((NotFound, 404), (NotAllowed, 403), (StateConflict, 409), (BusinessError, 422))


class ProblemOut(Schema):
    """``code`` is stable and machine-readable; ``detail`` is a sentence. ``errors`` names the places in the body that are wrong."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str = ""
    errors: list[dict[str, Any]] | None = None


PROBLEM_RESPONSES: dict[int, type[Schema]] = dict.fromkeys((400, 401, 413, 422), ProblemOut)


def problem(status: int, *, code: str, detail: str = "", errors: list[dict[str, Any]] | None = None) -> HttpResponse:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
    if errors is not None:
        body["errors"] = errors
    return HttpResponse(json.dumps(body, ensure_ascii=False, default=str), status=status, content_type="application/problem+json")


def answer_with_problems(api: NinjaAPI) -> None:
    """Let every error that an operation raises, and every one of ninja's own, leave as a problem document."""

    @api.exception_handler(AuthenticationError)
    def not_authenticated(_request: HttpRequest, _error: Any) -> HttpResponse:
        return problem(401, code="not_authenticated", detail="The call is not signed as it must be.")

    @api.exception_handler(ValidationError)
    def not_valid(_request: HttpRequest, error: Any) -> HttpResponse:
        places = [{"place": ".".join(str(part) for part in entry["loc"]), "code": entry["type"], "message": entry["msg"]} for entry in error.errors]
        return problem(422, code="body_invalid", detail="The body does not have the form that is documented.", errors=places)

    @api.exception_handler(HttpError)
    def refused(_request: HttpRequest, error: Any) -> HttpResponse:
        return problem(error.status_code, code="bad_request" if error.status_code == 400 else "refused", detail=str(error))

    @api.exception_handler(Http404)
    def not_found(_request: HttpRequest, _error: Any) -> HttpResponse:
        return problem(404, code="not_found", detail="There is no such thing.")

    @api.exception_handler(RequestDataTooBig)
    def too_big(_request: HttpRequest, _error: Any) -> HttpResponse:
        return problem(413, code="too_big", detail="The body is too big.")

    @api.exception_handler(BusinessError)
    def business(_request: HttpRequest, error: Any) -> HttpResponse:
        status = next(status for kind, status in STATUS_OF if isinstance(error, kind))
        return problem(status, code=error.code, detail=str(error))
