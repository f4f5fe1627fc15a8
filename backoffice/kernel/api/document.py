"""The OpenAPI document as it is served: what django-ninja cannot say by itself."""

from __future__ import annotations

from typing import Any

from ninja import NinjaAPI
from ninja.operation import Operation

from backoffice.kernel.api.auth import ClientAuth
from backoffice.kernel.api.idempotency import REPLAYED

PROBLEM = "#/components/schemas/ProblemOut"


class Api(NinjaAPI):
    """Problem documents under their own content type, the headers of replayed, refused and busy answers, and the capability that opens a call to apps."""

    def get_openapi_schema(self, **options: Any) -> Any:
        document = super().get_openapi_schema(**options)
        opened = {self.get_openapi_operation_id(known): capability for known, capability in self.list_capabilities()}
        for operations in document["paths"].values():
            for operation in operations.values():
                if capability := opened.get(operation["operationId"]):
                    operation["x-capability"] = capability
                keyed = any(parameter["name"] == "Idempotency-Key" for parameter in operation["parameters"])
                for status, answer in operation["responses"].items():
                    _mend(int(status), answer, keyed=keyed)
        return document

    def list_capabilities(self) -> list[tuple[Operation, str]]:
        """Each call with the capability that opens it to apps; empty for those that stay closed."""
        return [
            (operation, next((auth.capability for auth in operation.auth_callbacks if isinstance(auth, ClientAuth)), ""))
            for _prefix, router in self._routers
            for view in router.path_operations.values()
            for operation in view.operations
        ]


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
