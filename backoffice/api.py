"""The HTTP API, ``/api/v1/``: assembled here from the apps' routers. OpenAPI at ``/api/v1/openapi.json``."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from applications.api import router as applications_router
from backoffice.kernel.api.document import Api
from backoffice.kernel.api.problems import answer_with_problems, not_found_problem
from campaigns.api.messages import router as messages_router
from campaigns.api.receipts import router as receipts_router
from members.api import router as members_router
from members.paid.api import router as paid_router

api = Api(
    title="Back office",
    version="1",
    description="Members, their credit, payments, events and messages, for the systems of the platform and of stores. How to begin: docs/api.md.",
    urls_namespace="api-1",
    docs_url=None,
    openapi_url="/openapi.json",
)
answer_with_problems(api)
api.add_router("", members_router)
api.add_router("", paid_router)
api.add_router("", messages_router)
api.add_router("", receipts_router)
api.add_router("", applications_router)


def no_such_call(_request: HttpRequest) -> HttpResponse:
    """Any other address below ``/api/``: a problem document, not a page."""
    return not_found_problem()
