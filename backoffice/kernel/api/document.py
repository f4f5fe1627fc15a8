"""The OpenAPI document as it is served: what django-ninja cannot say by itself."""

from __future__ import annotations

from typing import Any

from ninja import NinjaAPI

from backoffice.kernel.api.idempotency import REPLAYED

PROBLEM = "#/components/schemas/ProblemOut"


class Api(NinjaAPI):
    """Problem documents under their own content type, and the headers of replayed, refused and busy answers."""

    def get_openapi_schema(self, **options: Any) -> Any:
        document = super().get_openapi_schema(**options)
        for operations in document["paths"].values():
            for operation in operations.values():
                keyed = any(parameter["name"] == "Idempotency-Key" for parameter in operation["parameters"])
                for status, answer in operation["responses"].items():
                    _mend(int(status), answer, keyed=keyed)
        return document


def _mend(status: int, answer: dict[str, Any], *, keyed: bool) -> None:
    content = answer.get("content", {})
    if any(media.get("schema", {}).get("$ref") == PROBLEM for media in content.values()):
        answer["content"] = {"application/problem+json": {"schema": {"$ref": PROBLEM}}}
    headers: dict[str, Any] = {}
    if status == 401:
        headers["WWW-Authenticate"] = {"schema": {"type": "string"}}
    if status in (429, 503):
        headers["Retry-After"] = {"schema": {"type": "string"}, "description": "Seconds after which to send the same request again."}
    if keyed and status < 300:
        headers[REPLAYED] = {"schema": {"type": "string", "const": "true"}, "description": "Only on an answer that was given before."}
    if headers:
        answer["headers"] = headers
