"""The HTTP API, ``/api/v1/``: assembled here from the apps' routers. OpenAPI at ``/api/v1/openapi.json``."""

from __future__ import annotations

from ninja import NinjaAPI

from backoffice.kernel.api.problems import answer_with_problems
from campaigns.api.receipts import router as receipts_router

api = NinjaAPI(title="Back office", version="1", urls_namespace="api-1", docs_url=None, openapi_url="/openapi.json")
answer_with_problems(api)
api.add_router("", receipts_router)
